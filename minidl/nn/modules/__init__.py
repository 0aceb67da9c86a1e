"""PyTorch's import paths, such as `minidl.nn.modules.module`, for names of `minidl.nn`."""
from minidl.nn.modules import module, utils

__all__ = ["module", "utils"]
