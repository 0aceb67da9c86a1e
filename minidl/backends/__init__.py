"""Switches of minidl's backends, and of PyTorch's backends that programs set: see each module."""
from minidl import left_out
from minidl.backends import cudnn, mps, numba

__all__ = ["cudnn", "mps", "numba"]

left_out.explain(globals(), __name__)
