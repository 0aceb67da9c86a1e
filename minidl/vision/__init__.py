"""Computer vision: data sets."""
from minidl.vision import datasets

__all__ = ["datasets"]
