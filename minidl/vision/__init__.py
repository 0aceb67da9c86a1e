"""Computer vision: data sets, networks, boxes and losses, transforms, files, pictures."""
from minidl.version import number as __version__
from minidl.vision import datasets, io, models, ops, transforms, tv_tensors, utils

__all__ = ["__version__", "datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils"]
