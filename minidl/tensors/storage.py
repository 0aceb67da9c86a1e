"""What programs ask of the memory of a tensor: its size and its address."""
from __future__ import annotations

from minidl.autograd.tensorbase import TensorBase, memory_of
from minidl.backend.device import Device, device_of
from minidl.backend.layout import owner


class UntypedStorage:
    """The memory that a tensor looks into, of which views see parts. It cannot be written or replaced here.

        >>> import minidl
        >>> x = minidl.zeros(4, 3)
        >>> x[1].untyped_storage().nbytes(), x[1].untyped_storage().data_ptr() == x.data_ptr()
        (48, True)
    """

    def __init__(self, tensor: TensorBase) -> None:
        self._owner = owner(memory_of(tensor))

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._owner.nbytes

    size = __len__ = nbytes

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self._owner.nbytes

    def data_ptr(self) -> int:
        """The address of the first byte."""
        array = self._owner
        return array.ctypes.data if hasattr(array, "ctypes") else array.data.ptr

    @property
    def device(self) -> Device:
        """Where the memory is."""
        return device_of(self._owner)
