"""What distributions share: parameters made equal in shape, probabilities and logits, triangles as vectors."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

from minidl.autograd.grad_mode import enable_grad
from minidl.backend.dtype import finfo, get_default_dtype
from minidl.backend.torch_types import Size
from minidl.ops.activation import softmax
from minidl.ops.elementwise import log, log1p, sigmoid
from minidl.ops.shape import broadcast_tensors
from minidl.tensors.creation import arange, tensor
from minidl.tensors.tensor import Tensor

__all__ = [
    "broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits",
    "tril_matrix_to_vec", "vec_to_tril_matrix",
]

T = TypeVar("T")

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Tensor | float) -> tuple[Tensor, ...]:
    """Tensors of one shape; numbers become tensors of the dtype and device of the first tensor.

    Errors: ValueError for what is neither a tensor nor a number.

        >>> import minidl
        >>> [x.shape for x in broadcast_all(1.0, minidl.zeros(2, 1), minidl.zeros(3))]
        [(2, 3), (2, 3), (2, 3)]
    """
    for value in values:
        if not is_number(value) and not isinstance(value, Tensor):
            raise ValueError(f"Input arguments must all be instances of Number, minidl.Tensor, but got "
                             f"{type(value).__name__}")
    first = next((value for value in values if isinstance(value, Tensor)), None)
    dtype, device = (get_default_dtype(), None) if first is None else (first.dtype, first.device)
    return tuple(broadcast_tensors(*[
        value if isinstance(value, Tensor) else tensor(value, dtype=dtype, device=device) for value in values]))


def is_number(value: object) -> bool:
    """Whether a value is one of Python's numbers."""
    return isinstance(value, (int, float, bool))


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` dimensions."""
    return value.sum(tuple(range(-dim, 0))) if dim else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logits: their sigmoid if binary, else their softmax along the last dimension.

        >>> import minidl
        >>> logits_to_probs(minidl.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """
    return sigmoid(logits) if is_binary else softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities away from 0 and 1, by the rounding error of their dtype."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits of probabilities: log p - log(1 - p) if binary, else log p. Zeros and ones are clamped.

        >>> import minidl
        >>> probs_to_logits(minidl.tensor([0.5, 0.75]), is_binary=True)
        tensor([0.0000, 1.0986])
    """
    clamped = clamp_probs(probs)
    return log(clamped) - log1p(-clamped) if is_binary else log(clamped)


class lazy_property(Generic[T]):
    """A property that is computed when it is first read, and kept.

    The computation is recorded for gradients even if it happens under `no_grad`: later readers may want them.
    """

    def __init__(self, wrapped: Callable[[Any], T]) -> None:
        self.wrapped = wrapped
        self.__doc__, self.__name__ = wrapped.__doc__, wrapped.__name__

    @overload
    def __get__(self, instance: None, owner: Any = None) -> lazy_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: Any = None) -> T: ...
    def __get__(self, instance: object | None, owner: Any = None) -> lazy_property[T] | T:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


# ---------------------------------------------------------------------- triangles as vectors

def _triangle(n: int, diag: int, like: Tensor) -> Tensor:
    """True on and below the diagonal `diag` of an n x n matrix."""
    columns = arange(n, device=like.device)
    return columns < columns.unsqueeze(-1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries on and below a diagonal, row by row: (..., D, D) -> (..., N).

    Errors: ValueError for a diagonal outside of the matrix.

        >>> import minidl
        >>> tril_matrix_to_vec(minidl.tensor([[1.0, 0.0], [2.0, 3.0]]))
        tensor([1., 2., 3.])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _triangle(n, diag, mat)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The inverse of `tril_matrix_to_vec`: (..., N) -> (..., D, D), with zeros above the diagonal.

    Errors: ValueError where no triangle has N entries.

        >>> import minidl
        >>> vec_to_tril_matrix(minidl.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0.],
                [2., 3.]])
    """
    # D rows with 1 + diag, 2 + diag, ... entries: the positive root of N(D) = N
    b = 1 + 2 * diag
    root = (-b + (b ** 2 + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    n = round(root)
    if abs(n - root) > finfo(vec.dtype).eps:
        raise ValueError(f"The size of last dimension is {vec.shape[-1]} which cannot be expressed as the lower "
                         f"triangular part of a square D x D matrix.")
    matrix = vec.new_zeros((*vec.shape[:-1], n, n))
    matrix[..., _triangle(n, diag, vec)] = vec
    return matrix


def as_shape(shape: Sequence[int]) -> Size:
    """A shape given as any sequence."""
    return Size(shape)
