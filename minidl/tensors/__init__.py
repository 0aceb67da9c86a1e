"""The Tensor that users hold: its methods, how it is made, how it is written out."""
