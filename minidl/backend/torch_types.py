"""`dtype` and `Size`: types of elements and shapes as programs for PyTorch use them.

An array has NumPy's dtype and a tuple as its shape, and all that computes reads these. A Tensor shows them as a
`dtype`, which stands for one of NumPy's and is equal to it, and as a `Size`, which is a tuple.
"""
from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

from minidl.backend import dtype as dtypes


class dtype:  # noqa: N801  (PyTorch's name)
    """The type of a tensor's elements: `x.dtype.is_floating_point` and the like.

    There is one object for each type, and `dtype(...)` finds it by whatever NumPy takes for a dtype. NumPy takes it
    for its own dtype, wherever one is expected.

        >>> import minidl, numpy
        >>> minidl.dtype("float32") is minidl.zeros(2).dtype is minidl.float32
        True
        >>> minidl.float32 == numpy.float32, numpy.zeros(2, minidl.float32).dtype
        (True, dtype('float32'))
        >>> minidl.float32.is_floating_point, minidl.float32.itemsize, minidl.float32.to_complex()
        (True, 4, minidl.complex64)
    """

    __slots__ = ("dtype", "name", "kind", "itemsize", "is_floating_point", "is_complex", "is_signed")

    dtype: np.dtype         # NumPy's; NumPy looks for an attribute of this name
    name: str
    kind: str               # NumPy's letter: b, i, u, f or c
    itemsize: int
    is_floating_point: builtins.bool
    is_complex: builtins.bool
    is_signed: builtins.bool

    def __new__(cls, of: Any) -> DType:
        return OF[np.dtype(of)]

    def to_real(self) -> DType:
        """The dtype of the real part of a complex dtype; any other dtype itself."""
        return OF[dtypes.real_of(self.dtype)]

    def to_complex(self) -> DType:
        """The complex dtype whose parts have this floating one. Errors: RuntimeError for integers and bool."""
        if self.kind not in "fc":
            raise RuntimeError(f"Unknown Complex ScalarType for {self.name}; try float32")
        return OF[dtypes.complex_of(self.dtype)]

    def __eq__(self, other: object) -> builtins.bool:
        return self is other if isinstance(other, (dtype, type(None))) else self.dtype == other

    def __hash__(self) -> builtins.int:
        return hash(self.dtype)

    def __repr__(self) -> str:
        return f"minidl.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


DType: TypeAlias = dtype

dtype.__module__ = "minidl"      # where pickle finds the dtypes, by name


class _Known(dict[np.dtype, dtype]):
    """The dtypes by NumPy's."""

    def __missing__(self, key: np.dtype) -> dtype:
        raise TypeError(f"expected one of the dtypes {', '.join(known.name for known in self)}, but got {key}")


OF = _Known()


def _make(known: np.dtype) -> dtype:
    made = object.__new__(dtype)
    made.dtype, made.name, made.kind, made.itemsize = known, known.name, known.kind, known.itemsize
    made.is_floating_point, made.is_complex, made.is_signed = known.kind == "f", known.kind == "c", known.kind in "ifc"
    OF[known] = made
    return made


float16 = half = _make(dtypes.float16)
float32 = float = _make(dtypes.float32)  # noqa: A001  (PyTorch's name)
float64 = double = _make(dtypes.float64)
uint8 = _make(dtypes.uint8)
uint16 = _make(dtypes.uint16)
uint32 = _make(dtypes.uint32)
uint64 = _make(dtypes.uint64)
int8 = _make(dtypes.int8)
int16 = short = _make(dtypes.int16)
int32 = int = _make(dtypes.int32)  # noqa: A001
int64 = long = _make(dtypes.int64)
bool = _make(dtypes.bool)  # noqa: A001
complex64 = cfloat = _make(dtypes.complex64)
complex128 = cdouble = _make(dtypes.complex128)


class MissingDtype(dtype):
    """A number type that NumPy has not, for programs that name it whether or not they use it.

    It can be compared and asked; making a tensor of it is a TypeError.

    Args:
        limits: eps, max, smallest_normal and resolution, which `finfo` shows.

        >>> import minidl
        >>> minidl.zeros(2).dtype == minidl.bfloat16, minidl.bfloat16.itemsize, minidl.finfo(minidl.bfloat16).eps
        (False, 2, 0.0078125)
    """

    _limits: tuple[builtins.float, ...]

    def __new__(cls, name: str, itemsize: builtins.int, kind: str,
                limits: tuple[builtins.float, ...] = ()) -> MissingDtype:
        """The type of this name."""
        made = object.__new__(cls)
        made.name, made.itemsize, made.kind, made._limits = name, itemsize, kind, limits
        made.is_floating_point, made.is_complex, made.is_signed = kind == "f", kind == "c", kind in "fci"
        return made

    @property
    def limits(self) -> dict[str, builtins.float]:
        """What `finfo` says of it. Errors: TypeError for what is no floating type."""
        if not self._limits:
            raise TypeError(f"finfo: expected a floating-point dtype, got {self.name}")
        eps, largest, smallest, resolution = self._limits
        low = smallest if self.name == "float8_e8m0fnu" else -largest     # that has no sign
        return {"bits": self.itemsize * 8, "eps": eps, "max": largest, "min": low, "smallest_normal": smallest,
                "tiny": smallest, "resolution": resolution}

    @property
    def no_numbers(self) -> np.dtype:
        """What NumPy makes an array of none of them of, whose `element_size()` is right."""
        return np.dtype((np.void, self.itemsize))

    @property
    def dtype(self) -> np.dtype:  # type: ignore[override]
        """Where NumPy looks for its own dtype. Errors: always TypeError."""
        raise TypeError(f"{self.name}: NumPy has no such numbers, so minidl has no tensors of them; try float32")

    def __eq__(self, other: object) -> builtins.bool:
        return isinstance(other, MissingDtype) and self.name == other.name

    def __hash__(self) -> builtins.int:
        return hash(self.name)

    def __reduce__(self) -> Any:
        return MissingDtype, (self.name, self.itemsize, self.kind, self._limits)


bfloat16 = MissingDtype("bfloat16", 2, "f", (2.0 ** -7, (2 - 2.0 ** -7) * 2.0 ** 127, 2.0 ** -126, 0.01))


def get_default_dtype() -> dtype:
    """The dtype of new floating-point tensors; float32 unless set otherwise."""
    return OF[dtypes.get_default_dtype()]


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of a result of two tensors or numbers: see `docs/conventions.md`.

        >>> import minidl
        >>> minidl.result_type(minidl.tensor([1]), 1.5)
        minidl.float32
    """
    return OF[dtypes.result_type(tensor1, tensor2)]


def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest dtype that can hold both.

    The higher category (bool, integer, floating, complex) wins; NumPy decides within one. Errors: RuntimeError for
    uint16, uint32 and uint64 with another integer, as in PyTorch.

        >>> import minidl
        >>> minidl.promote_types(minidl.int64, minidl.float16)
        minidl.float16
    """
    return OF[dtypes.promote_types(np.dtype(type1), np.dtype(type2))]


class Size(tuple[builtins.int, ...]):
    """A shape: a tuple that knows the product of its sizes, `numel()`. Slices and sums of it are a Size.

        >>> import minidl
        >>> minidl.zeros(2, 3, 4).shape[1:].numel()
        12
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable[SupportsIndex] = ()) -> Size:
        return tuple.__new__(cls, map(_whole, enumerate(sizes)))

    def numel(self) -> builtins.int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return tuple.__new__(Size, found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            raise TypeError(f"can only concatenate tuple (not {type(other).__name__}) to minidl.Size; try tuple(...) "
                            f"on it")
        return tuple.__new__(Size, (*self, *other))

    def __radd__(self, other: Any) -> Any:
        return tuple.__new__(Size, (*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Any:
        return tuple.__new__(Size, tuple.__mul__(self, times))

    __rmul__ = __mul__


Size.__module__ = "minidl"


def _whole(numbered: tuple[builtins.int, Any]) -> builtins.int:
    try:
        return operator.index(numbered[1])
    except TypeError:
        raise TypeError(f"minidl.Size() takes an iterable of 'int' (item {numbered[0]} is "
                        f"'{type(numbered[1]).__name__}')") from None


def size_of(shape: Any) -> Size:
    """The shape of an array as a Size."""
    return tuple.__new__(Size, shape)
