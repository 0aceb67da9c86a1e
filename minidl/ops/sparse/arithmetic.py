"""Arithmetic of sparse tensors: what keeps zeros zero, entry by entry, and sums."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.grad_mode import switches
from minidl.autograd.tensorbase import SparseBase, TensorBase, wrap
from minidl.backend.device import array_module, is_array
from minidl.backend.memory_format import sparse_coo
from minidl.ops.base.broadcast import broadcast_shape, expand_to
from minidl.ops.elementwise.arithmetic import div
from minidl.ops.index.items import GetItem
from minidl.ops.reduce.sums import sum as sum_of
from minidl.ops.shape.join import cat

if TYPE_CHECKING:
    from minidl.ops.sparse.sparse_tensor import SparseTensor


KEEPING_ZERO = """
    abs absolute ceil floor round trunc fix frac sign sgn deg2rad rad2deg sqrt square expm1 log1p erf erfinv relu
    signbit sin sinh tan tanh asin asinh atan atanh arcsin arcsinh arctan arctanh isnan isinf isposinf
    isneginf""".split()
"""The functions that are 0 at 0, so that what is not stored stays 0."""


def entrywise(name: str, linear: bool = False) -> Any:
    """A method that computes on the values. Where it is not linear, entries of one position are added up first."""
    def method(self: Any) -> Any:
        s = self if linear else self.merged()
        return s.with_values(getattr(s.stored, name)())
    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`Tensor.{name}` of the stored values; it is 0 at 0, so all others stay 0."
    return method


class Arithmetic(SparseBase):
    """The methods of a sparse tensor that compute; those of `KEEPING_ZERO` come below."""

    neg = negative = __neg__ = entrywise("neg", linear=True)
    __abs__ = entrywise("abs")

    def __pos__(self) -> SparseTensor: return self      # type: ignore[return-value]

    positive = __pos__

    def pow(self: Any, exponent: float) -> SparseTensor:
        """The values to a power above 0. Errors: RuntimeError for others, which have no zero at zero."""
        if isinstance(exponent, (TensorBase, SparseBase)) or not exponent > 0:
            raise RuntimeError(f"pow: expected a number above 0 as exponent, but got {exponent!r}: what is not stored "
                               f"would not stay 0; try to_dense()")
        s = self.merged()
        return s.with_values(s.stored ** exponent)

    __pow__ = pow

    # ------------------------------------------------------------------ sums

    def add(self, other: Any, *, alpha: complex = 1) -> Any:
        """The sum with another sparse tensor; for a dense one write dense + sparse.

        Errors: RuntimeError where shapes differ, and with a dense tensor or a number, which would leave no zeros.
        """
        if is_array(other):                     # the engine adds gradients
            return self.plus(other)
        if not isinstance(other, SparseBase) and self.layout is sparse_coo:     # type: ignore[attr-defined]
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return self.plus(other if alpha == 1 else other * alpha)    # type: ignore[operator]

    __add__ = add

    def __radd__(self, other: Any) -> Any:
        if is_array(other):
            return self.plus(wrap(other)).array
        return self.add(other) if not isinstance(other, TensorBase) else self.plus(other)

    def sub(self, other: Any, *, alpha: complex = 1) -> Any:
        """The difference, as `add`."""
        return self.add(other, alpha=-alpha)

    __sub__ = subtract = sub

    def __rsub__(self, other: Any) -> Any:
        return -self + other if not isinstance(other, TensorBase) else (-self).plus(other)

    def plus(self: Any, other: Any) -> Any:
        """The sum: sparse with a sparse tensor, dense with a dense one. Entries are in order if they were in both."""
        if isinstance(other, TensorBase):
            return self.to_dense() + other
        if is_array(other):
            return self.to_dense().array + other
        if not isinstance(other, SparseBase):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        a, b = self.entries(), other.entries()      # type: ignore[attr-defined]
        if a.shape != b.shape:
            raise RuntimeError(f"add: expected sizes of 'self' and 'other' to match, but {list(a.shape)} != "
                               f"{list(b.shape)}")
        if a.sparse_dim() != b.sparse_dim():
            raise RuntimeError(f"add: expected 'self' and 'other' to have same number of sparse dimensions, but got "
                               f"{a.sparse_dim()} and {b.sparse_dim()}")
        positions = array_module(a.positions).concatenate([a.positions, b.positions], 1)
        total = a.like(positions, cat([a.stored, b.stored], 0), a.shape)
        in_order = a.coalesced and b.coalesced or self.layout is not sparse_coo
        return (total.coalesce() if in_order else total).to_layout_of(self)

    # ------------------------------------------------------------------ products and quotients

    def mul(self: Any, other: Any) -> SparseTensor:
        """Times a number; entry by entry with a dense tensor, which is broadcast, or a sparse one of this shape.

        Errors: RuntimeError where shapes do not fit.
        """
        if not isinstance(other, (TensorBase, SparseBase)) or not other.array.shape:
            return self.with_values(self.stored * other)
        a = self.entries()
        if isinstance(other, TensorBase):
            if broadcast_shape("mul", tuple(self.shape), other.array.shape) != self.shape:
                raise RuntimeError(f"mul: expected a dense tensor that is broadcast to {tuple(self.shape)}, but got "
                                   f"shape {tuple(other.array.shape)}; the product would be larger than the tensor")
            factors = GetItem(tuple(a.positions))(expand_to(other, self.shape))
        else:
            a, factors = a.coalesce().matching(other.entries().coalesce())      # type: ignore[attr-defined]
        return a.with_values(a.stored * factors).to_layout_of(self)

    __mul__ = __rmul__ = multiply = mul

    def matching(self: Any, other: SparseTensor) -> tuple[SparseTensor, Any]:
        """The entries that another tensor has, too, and the values there. Both are coalesced."""
        if self.shape != other.shape or self.sparse_dim() != other.sparse_dim():
            raise RuntimeError(f"mul: expected 'self' and 'other' sparse tensors of one shape and number of sparse "
                               f"dimensions, but got {list(self.shape)} and {list(other.shape)}")
        xp = array_module(self.positions)
        _, here, there = xp.intersect1d(self.places(), other.places(), assume_unique=True, return_indices=True)
        return (self.like(self.positions[:, here], GetItem(here, once=True)(self.stored), self.shape, True),
                GetItem(there, once=True)(other.stored))

    def div(self: Any, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
        """Divided by a number or a 0-d tensor, as `div`. Errors: RuntimeError for other divisors: 0/0 is no zero."""
        if isinstance(other, (TensorBase, SparseBase)) and other.array.shape:
            raise RuntimeError(f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
                               f"{list(other.array.shape)} for divisor); sparse * (1 / dense) keeps zeros")
        s = self if rounding_mode is None else self.merged()
        return s.with_values(div(s.stored, other, rounding_mode=rounding_mode))

    __truediv__ = divide = true_divide = div

    def floor_divide(self, other: Any) -> SparseTensor:
        """The quotient, rounded down."""
        return self.div(other, rounding_mode="floor")

    __floordiv__ = floor_divide

    # ------------------------------------------------------------------ sums of entries

    def sum(self: Any, dim: int | tuple[int, ...] | None = None, dtype: Any = None) -> Any:
        """The sum of all entries, or over dimensions: sparse while a sparse dimension is left."""
        s = self.entries() if dtype is None else self.entries().to(dtype)
        if dim is None:
            return s.stored.sum()
        dims = {s.dim_of(d) for d in ((dim,) if isinstance(dim, int) else dim)}
        n = s.sparse_dim()
        behind = [d - n + 1 for d in dims if d >= n]
        values = sum_of(s.stored, tuple(behind)) if behind else s.stored
        kept = [d for d in range(n) if d not in dims]
        if not kept:
            return values.sum(0)
        shape = [size for d, size in enumerate(s.shape) if d not in dims]
        if len(kept) == n:
            return s.like(s.positions, values, tuple(shape), s.coalesced)
        return s.like(s.positions[kept], values, tuple(shape)).coalesce()

    def norm(self: Any, p: float = 2) -> Any:
        """The norm of all entries as one vector."""
        return self.merged().stored.norm(p)

    def any(self: Any) -> Any:
        """Whether an entry is not zero."""
        return self.merged().stored.any()


def in_place(name: str) -> Any:
    """The method of that name with the result put into the tensor itself. Errors: RuntimeError for a leaf."""
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.requires_grad and self.is_leaf and switches.enabled:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        result = getattr(self, name)(*args, **kwargs)
        self.positions, self.stored, self.coalesced = result.positions, result.stored, result.coalesced
        return self
    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, in place."
    return method


for _name in KEEPING_ZERO:
    setattr(Arithmetic, _name, entrywise(_name))
for _name in [*KEEPING_ZERO, "neg", "negative", "pow", "add", "sub", "mul", "div", "floor_divide"]:
    setattr(Arithmetic, f"{_name}_", in_place(_name))
