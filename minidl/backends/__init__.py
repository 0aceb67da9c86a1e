"""The backends of minidl that can be switched, and those of PyTorch that programs set: see each module."""
from minidl.backends import cudnn, mps, numba

__all__ = ["cudnn", "mps", "numba"]
