"""Softmax and its logarithm; the derivatives of these ops are again these ops."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels import softmax as kernels
from minidl.backend.warn import warn
from minidl.ops.base.broadcast import Sum
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.base.ufunc import as_floating
from minidl.ops.elementwise.exponential import exp

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Softmax(Op):
    """y_i = e^x_i / sum_j e^x_j along an axis;  gx = y * (g - sum(g * y))"""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        if x.ndim == 0:
            return as_floating(x) * 0 + 1
        return kernels.softmax_forward(as_floating(x), self.axis)

    def grad_x(self, g: Value, out: Value) -> Value:
        return SoftmaxGrad(self.axis)(g, out)


class SoftmaxGrad(Op):
    """z = y * (g - sum(g * y)): linear in g, with a symmetric matrix, so it is its own gradient in g."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, g: Array, y: Array) -> Array:
        return kernels.softmax_grad(g, y, self.axis) if y.ndim else g * 0

    def grad_g(self, h: Value, y: Value) -> Value:
        return SoftmaxGrad(self.axis)(h, y)

    def grad_y(self, h: Value, g: Value, y: Value) -> Value:
        return h * (g - total(g * y, self.axis)) - g * total(h * y, self.axis)


class LogSoftmax(Op):
    """y = x - log(sum_j e^x_j) along an axis;  gx = g - e^y * sum(g)"""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        if x.ndim == 0:
            return as_floating(x) * 0
        return kernels.log_softmax_forward(as_floating(x), self.axis)

    def grad_x(self, g: Value, out: Value) -> Value:
        return LogSoftmaxGrad(self.axis)(g, out)


class LogSoftmaxGrad(Op):
    """z = g - e^y * sum(g)"""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, g: Array, y: Array) -> Array:
        return kernels.log_softmax_grad(g, y, self.axis) if y.ndim else g * 0

    def grad_g(self, h: Value, y: Value) -> Value:
        return h - total(h * exp(y), self.axis)

    def grad_y(self, h: Value, g: Value, y: Value) -> Value:
        return -(h * exp(y)) * total(g, self.axis)


def total(x: Any, axis: int) -> Any:
    """The sum along `axis`, kept with size 1; a single number stays itself."""
    return Sum((axis,), (*x.shape[:axis], 1, *x.shape[axis + 1:]))(x) if x.ndim else x


@public
def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, *,
            out: Tensor | None = None) -> Tensor:
    """`exp(input) / sum(exp(input))` along `dim`: positive numbers that sum to 1.

    With `dtype`, the input is cast to it first. Without `dim`, a dimension is guessed, with a warning.
    Errors: IndexError where there is no such dimension.

        >>> import minidl
        >>> minidl.softmax(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
        tensor([0.0900, 0.2447, 0.6652])
    """
    return Softmax(_axis(input, dim, "softmax"))(_cast_input(input, dtype))


@public
def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, *,
                out: Tensor | None = None) -> Tensor:
    """`log(softmax(input))` along `dim`, exact where softmax rounds to 0. Arguments, errors: as `softmax`.

        >>> import minidl
        >>> minidl.log_softmax(minidl.tensor([0.0, 1000.0]), dim=0)
        tensor([-1000.,     0.])
    """
    return LogSoftmax(_axis(input, dim, "log_softmax"))(_cast_input(input, dtype))


@public
def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """`softmax(-input)` along `dim`: the smallest element gets the most. Arguments, errors: as `softmax`.

        >>> import minidl
        >>> minidl.nn.functional.softmin(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
        tensor([0.6652, 0.2447, 0.0900])
    """
    return Softmax(_axis(input, dim, "softmin"))(-_cast_input(input, dtype))


def _cast_input(input: Any, dtype: Any) -> Any:
    return input if dtype is None else cast(input, dtype)


def _axis(input: Any, dim: int | None, who: str) -> int:
    check_tensors(who, input=input)
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
        warn(f"{who}: Implicit dimension choice has been deprecated: dim={dim} was taken; say dim=...")
    return normalize_dim(dim, input.ndim, who)
