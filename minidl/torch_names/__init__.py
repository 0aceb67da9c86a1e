"""minidl under PyTorch's name: `import torch` finds minidl."""
from minidl.torch_names.finder import StandIn, as_torch

__all__ = ["StandIn", "as_torch"]
