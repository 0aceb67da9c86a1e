"""Computer vision: data sets, networks, boxes and losses, transforms, files, pictures."""
from minidl.vision import datasets, io, models, ops, transforms, tv_tensors, utils

__all__ = ["datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils"]
