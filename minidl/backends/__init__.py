"""Switches of minidl's backends, and of PyTorch's backends that programs set: see each module."""
from minidl import left_out
from minidl.backends import cuda, cudnn, mps, numba, opt_einsum

__all__ = ["cuda", "cudnn", "mps", "numba", "opt_einsum"]

left_out.explain(globals(), __name__)
