"""Computer vision: data sets, networks, boxes and losses, transforms."""
from minidl.vision import datasets, models, ops, transforms

__all__ = ["datasets", "models", "ops", "transforms"]
