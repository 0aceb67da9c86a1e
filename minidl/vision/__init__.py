"""Computer vision: data sets, boxes and losses, transforms."""
from minidl.vision import datasets, ops, transforms

__all__ = ["datasets", "ops", "transforms"]
