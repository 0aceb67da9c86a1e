"""Images that are changed at random before a network sees them, with torchvision's names (`transforms.v2`).

Tensors in, tensors out. The random numbers that say what is done come from the CPU's default generator, so
`manual_seed` repeats them.
"""
from minidl.vision.transforms import functional
from minidl.vision.transforms.erase import RandomErasing
from minidl.vision.transforms.mix import CutMix, MixUp

__all__ = ["CutMix", "MixUp", "RandomErasing", "functional"]
