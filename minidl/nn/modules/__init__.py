"""PyTorch's paths to what stands in the files of `minidl.nn`: `minidl.nn.modules.module`."""
from minidl.nn.modules import module, utils

__all__ = ["module", "utils"]
