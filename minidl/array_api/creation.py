"""New Tensors under the standard's names of arguments."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.array_api.dtypes import alike
from minidl.ops import shape as ops_shape
from minidl.tensors import creation
from minidl.tensors.creation import empty_like, from_dlpack, full_like, ones_like, zeros_like

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid",
    "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]

Shape = int | Sequence[int]


def _sizes(shape: Shape) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def arange(start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None,
           device: Any = None) -> Tensor:
    """The numbers from `start` (0 if `stop` is not given) in steps, without `stop`; none if they lead away from it."""
    start, stop = (0, start) if stop is None else (start, stop)
    if (stop - start) * step < 0:
        dtype = creation.arange(start, start, step, dtype=dtype).dtype
        stop = start
    return creation.arange(start, stop, step, dtype=dtype, device=device)


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor of an array, of nested sequences or of a number, which shares memory if `copy` allows it."""
    return creation.asarray(obj, dtype=dtype, device=device, copy=copy)


def empty(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A Tensor with unset values."""
    return creation.empty(_sizes(shape), dtype=dtype, device=device)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    return ops_shape.tril(ops_shape.triu(ones((n_rows, columns), dtype=dtype, device=device), k), k)


def full(shape: Shape, fill_value: complex, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A Tensor of one value."""
    return creation.full(_sizes(shape), fill_value, dtype=dtype, device=device)


def linspace(start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None,
             endpoint: bool = True) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, of which the last is left out if not `endpoint`."""
    numbers = creation.linspace(start, stop, num if endpoint else num + 1, dtype=dtype, device=device)
    return numbers if endpoint else numbers[:-1]


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Grids of coordinates: one Tensor for each of the given 1-D ones."""
    return list(ops_shape.meshgrid(*alike(*arrays), indexing=indexing)) if arrays else []


def ones(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A Tensor of ones."""
    return creation.ones(_sizes(shape), dtype=dtype, device=device)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The k-th diagonal and what is below it."""
    return ops_shape.tril(x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The k-th diagonal and what is above it."""
    return ops_shape.triu(x, k)


def zeros(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A Tensor of zeros."""
    return creation.zeros(_sizes(shape), dtype=dtype, device=device)
