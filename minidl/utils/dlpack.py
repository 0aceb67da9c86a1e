"""DLPack under PyTorch's names: memory shared with other libraries."""
from minidl.tensors.creation import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
