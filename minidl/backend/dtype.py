"""Number types, and the type of a result of two of them.

A dtype of an array is NumPy's own `numpy.dtype`; what users see of it is `torch_types.dtype`. Only the promotion rule
is PyTorch's: the *category* (bool < integer < floating < complex) decides first, so that an int64 tensor
and a float32 tensor give float32, where NumPy alone would give float64.
"""
from __future__ import annotations

from typing import Any

import numpy as np

float16 = half = np.dtype("float16")
float32 = float = np.dtype("float32")  # noqa: A001  (PyTorch's name)
float64 = double = np.dtype("float64")
uint8 = np.dtype("uint8")
uint16 = np.dtype("uint16")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = int = np.dtype("int32")  # noqa: A001
int64 = long = np.dtype("int64")
bool = np.dtype("bool")  # noqa: A001
complex64 = cfloat = np.dtype("complex64")
complex128 = cdouble = np.dtype("complex128")

supported = (float16, float32, float64, uint8, uint16, uint32, uint64, int8, int16, int32, int64, bool, complex64,
             complex128)

_STORAGE_ONLY = (uint16, uint32, uint64)      # there is no common dtype of these and another integer

_default = float32
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def get_default_dtype() -> np.dtype:
    """The dtype of new floating-point tensors; float32 unless set otherwise."""
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of new floating-point tensors. Errors: TypeError unless it is a floating one."""
    global _default
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"set_default_dtype: expected a floating-point dtype, got {dtype}")
    _default = dtype


def default_complex() -> np.dtype:
    """The dtype of new complex tensors: parts of the default dtype, or float32 for float16."""
    return complex_of(_default)


def complex_of(dtype: np.dtype) -> np.dtype:
    """The complex dtype whose parts have the floating `dtype`.

    For float16 it is complex64, since NumPy has no smaller one.
    """
    return np.promote_types(dtype, complex64)


def accumulation_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which kernels add up numbers: float32 for float16, else the dtype itself."""
    return float32 if dtype == float16 else dtype


def real_of(dtype: Any) -> Any:
    """The dtype of the real part of a complex dtype; any other dtype is returned as it is."""
    return float32 if dtype == complex64 else float64 if dtype == complex128 else dtype


def result_type(*operands: Any) -> np.dtype:
    """The dtype of a result of arrays and Python scalars together, by PyTorch's rule.

    Three ranks of operand: arrays with dimensions, arrays without, Python scalars. A lower rank changes the
    result only when its category (bool, integer, floating, complex) is higher than that of all ranks above it. Where it
    makes floating numbers complex, they keep their precision.
    """
    best: np.dtype | None = None
    for rank in (_dimensioned, _zero_dim, _python_scalar):
        rank_type: np.dtype | None = None
        for operand in operands:
            dtype = rank(operand)
            if dtype is not None:
                rank_type = dtype if rank_type is None else promote_types(rank_type, dtype)
        if rank_type is not None and (best is None or _CATEGORY[rank_type.kind] > _CATEGORY[best.kind]):
            best = complex_of(best) if best is not None and best.kind == "f" else rank_type
    assert best is not None, "result_type: no operands"
    return best


def promote_types(a: np.dtype, b: np.dtype) -> np.dtype:
    """The smallest dtype that can hold both.

    The higher category wins. NumPy decides within a category, and between floating and complex numbers. Errors:
    RuntimeError for uint16, uint32 and uint64 with another integer: NumPy would make floating numbers of some.
    """
    if a != b and (a in _STORAGE_ONLY and b.kind in "biu" or b in _STORAGE_ONLY and a.kind in "biu"):
        raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a} and "
                           f"{b}; try .long() on one")
    if _CATEGORY[a.kind] == _CATEGORY[b.kind] or {a.kind, b.kind} == {"f", "c"}:
        return np.promote_types(a, b)
    return a if _CATEGORY[a.kind] > _CATEGORY[b.kind] else b


def can_cast(from_: np.dtype, to: np.dtype) -> Any:
    """Whether the promotion rule allows a cast: never to a lower category, so that no fraction is cut off.

        >>> import minidl
        >>> minidl.can_cast(minidl.float64, minidl.float32), minidl.can_cast(minidl.float32, minidl.int64)
        (True, False)
    """
    return _CATEGORY[np.dtype(from_).kind] <= _CATEGORY[np.dtype(to).kind]


def as_representable(value: Any, dtype: Any) -> Any:
    """A Python number, changed so that an array of `dtype` can hold it.

    For an unsigned dtype, a negative whole number wraps around, as in C: -1 is the largest number. Errors:
    RuntimeError where a real dtype is to hold a complex number with an imaginary part, or an integer dtype a number
    that is too large.
    """
    if type(value) is complex and dtype.kind in "iuf":
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {dtype} without overflow: {value} is complex")
        value = value.real
    if dtype.kind not in "iu":
        return value
    limits = np.iinfo(dtype)
    if limits.min <= value <= limits.max:
        return value
    if dtype.kind == "u" and type(value).__name__ == "int" and -limits.max <= value < 0:
        return value + limits.max + 1
    raise RuntimeError(f"value cannot be converted to type {dtype} without overflow: {value} was given, {dtype} has "
                       f"{limits.min} to {limits.max}")


def _dimensioned(operand: Any) -> np.dtype | None:
    return operand.dtype if hasattr(operand, "dtype") and operand.ndim else None


def _zero_dim(operand: Any) -> np.dtype | None:
    return operand.dtype if hasattr(operand, "dtype") and not operand.ndim else None


def _python_scalar(operand: Any) -> np.dtype | None:
    if hasattr(operand, "dtype"):
        return None
    kind = type(operand).__name__
    return default_complex() if kind == "complex" else {"bool": bool, "int": int64}.get(kind, _default)


class finfo:  # noqa: N801  (PyTorch's name)
    """The limits of a floating dtype, or of the parts of a complex dtype.

    They are Python numbers, which never change the dtype of a tensor in an operation; those of NumPy's `finfo` may.
    Errors: TypeError for any other dtype.

        >>> import minidl
        >>> minidl.finfo(minidl.float16).max
        65504.0
    """

    def __init__(self, type: Any = None) -> None:
        if hasattr(type, "limits"):         # a type that NumPy has not
            self.dtype = str(type)
            self.__dict__.update(type.limits)
            return
        dtype = _default if type is None else np.dtype(type)
        if dtype.kind not in "fc":
            raise TypeError(f"finfo: expected a floating-point dtype, got {dtype}; iinfo is for whole numbers")
        limits = np.finfo(dtype)
        self.dtype, self.bits = str(limits.dtype), limits.bits
        self.eps, self.min, self.max = limits.eps.item(), limits.min.item(), limits.max.item()
        self.tiny = self.smallest_normal = limits.smallest_normal.item()
        self.resolution = 10.0 ** -limits.precision

    def __eq__(self, other: object) -> Any:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> Any:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:  # noqa: N801  (PyTorch's name)
    """The limits of an integer dtype, as Python numbers. Errors: TypeError for any other dtype.

        >>> import minidl
        >>> minidl.iinfo(minidl.uint16)
        iinfo(min=0, max=65535, dtype=uint16)
    """

    def __init__(self, type: Any) -> None:
        dtype = np.dtype(type)
        if dtype.kind not in "iu":
            raise TypeError(f"iinfo: expected an integer dtype, got {dtype}; finfo is for floating numbers")
        limits = np.iinfo(dtype)
        self.dtype, self.bits, self.min, self.max = str(dtype), limits.bits, limits.min, limits.max

    def __eq__(self, other: object) -> Any:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> Any:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
