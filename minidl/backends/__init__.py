"""The switches of PyTorch's backends that programs set. minidl has nothing to switch: see each module."""
from minidl.backends import cudnn, mps

__all__ = ["cudnn", "mps"]
