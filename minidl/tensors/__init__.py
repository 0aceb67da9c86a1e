"""The user's class Tensor: its methods, its creation, its printed form."""
