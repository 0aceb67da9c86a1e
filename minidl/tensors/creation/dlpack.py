"""Memory that is shared with other libraries, by the DLPack protocol.

Source: https://dmlc.github.io/dlpack/latest
"""
from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Device, as_device, device_of, get_library, move, same_device
from minidl.backend.narrow import ITEMSIZE, widened
from minidl.tensors.creation.data import supported

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's array, by the DLPack protocol.

    bfloat16 and float8, which NumPy has not, become float32: a copy.

        >>> import minidl, numpy as np
        >>> minidl.from_dlpack(np.arange(3))
        tensor([0, 1, 2])

    Args:
        ext_tensor: an array on the CPU or a GPU, or its capsule.
        device: where the tensor is to be; where the array is, if not given.
        copy: True for new memory in any case, False for an error where memory cannot be shared.
    Errors: TypeError for an object without the protocol, or of a dtype that no tensor can have; ValueError where
    `copy=False` and a copy is needed.
    """
    shared, array = _array_of(ext_tensor)
    target = device_of(array) if device is None else as_device(device)
    if not same_device(target, device_of(array)):
        shared, array = False, move(array, target)
    if copy is False and not shared:
        raise ValueError(f"from_dlpack: can't share the memory of this {type(ext_tensor).__name__} in a tensor of "
                         f"{array.dtype} on {target}; try copy=None")
    return wrap(array.copy() if copy and shared else array)


def to_dlpack(tensor: Tensor) -> Any:
    """The memory of a tensor as a DLPack capsule, for other libraries whose `from_dlpack` expects one.

    Errors: BufferError for a tensor that requires grad.
    """
    return tensor.__dlpack__()


def _array_of(ext_tensor: Any) -> tuple[bool, Any]:
    """An array of NumPy or CuPy, and whether it shares the memory."""
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _OfCapsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__") or not hasattr(ext_tensor, "__dlpack_device__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__ and __dlpack_device__, such as an array of "
                        f"NumPy, CuPy or PyTorch, but got {type(ext_tensor).__name__}")
    on_cpu = int(ext_tensor.__dlpack_device__()[0]) == 1        # DLPack numbers the CPU 1, CUDA 2
    xp = get_library(Device("cpu" if on_cpu else "cuda")).xp
    try:
        array = xp.from_dlpack(ext_tensor)
        if array.dtype.name in ITEMSIZE:        # CuPy has bfloat16, by ml_dtypes
            return False, array.astype(np.float32)
        return True, supported(array)
    except (RuntimeError, BufferError) as error:
        numbers = _widened(ext_tensor.__dlpack__()) if on_cpu else None
        if numbers is None:
            raise TypeError(f"from_dlpack: this {type(ext_tensor).__name__} has a dtype that {xp.__name__} cannot "
                            f"read ({error}); make it float32 first") from None
        return False, numbers


class _OfCapsule:
    """What NumPy asks for in place of a DLPack capsule, of memory on the CPU."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


# ---------------------------------------------------------------------- what NumPy cannot read

class _DLTensor(ctypes.Structure):
    """The beginning of what a capsule points to."""

    _fields_ = [("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
                ("byte_offset", ctypes.c_uint64)]


_NARROW = {4: "bfloat16", 10: "float8_e4m3fn", 11: "float8_e4m3fnuz", 12: "float8_e5m2", 13: "float8_e5m2fnuz"}
"""DLPack's codes of dtypes."""


def _widened(capsule: Any) -> np.ndarray | None:
    """The numbers of a narrow dtype as float32; None for any other dtype. The capsule's memory is only read."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    given = _DLTensor.from_address(pointer(capsule, b"dltensor"))
    name = _NARROW.get(given.code)
    if name is None or given.bits != 8 * ITEMSIZE[name]:
        return None
    shape = given.shape[:given.ndim]
    strides = given.strides[:given.ndim] if given.strides else [int(np.prod(shape[i + 1:])) for i in range(len(shape))]
    if 0 in shape:
        return np.zeros(shape, np.float32)
    size = ITEMSIZE[name]
    length = (1 + sum((n - 1) * s for n, s in zip(shape, strides))) * size
    memory = np.frombuffer((ctypes.c_uint8 * length).from_address(given.data + given.byte_offset), f"uint{8 * size}")
    bits = np.ascontiguousarray(np.lib.stride_tricks.as_strided(memory, shape, [s * size for s in strides]))
    return widened(bits.reshape(-1).view(np.uint8), name).reshape(shape)
