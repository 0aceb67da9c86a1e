"""The incomplete gamma functions: the parts of gamma(a)'s integral below and above x."""
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.autograd.op import Value
from minidl.backend.device import Array
from minidl.ops.base.declaration import alias, in_place, public
from minidl.ops.elementwise.exponential import exp, xlogy
from minidl.ops.special.functions import SpecialBinary, lgamma

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Igamma(SpecialBinary):
    """y = (integral of t^(a-1) e^-t from 0 to x) / gamma(a);  dy/dx = x^(a-1) e^-x / gamma(a)"""

    named = "gammainc"
    sign = 1

    def forward(self, a: Array, x: Array) -> Array:     # gives the inputs names, for the rules
        return super().forward(a, x)

    def grad_a(self, g: Value) -> Value:
        raise NotImplementedError(f"the derivative of {self.name().lower()} with respect to its first argument is not "
                                  f"implemented, as it is not in PyTorch; detach() that argument")

    def grad_x(self, g: Value, a: Value, x: Value) -> Value:
        return self.sign * g * exp(xlogy(a - 1, x) - x - lgamma(a))


class Igammac(Igamma):
    """y = 1 - igamma(a, x), exact where that difference is tiny;  dy/dx is minus that of igamma"""

    named = "gammaincc"
    sign = -1


@public
def igamma(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The regularized lower incomplete gamma function of a = `input`, x = `other`, both >= 0:

        (integral of t^(a-1) e^-t from t = 0 to x) / gamma(a)

    NaN for negative numbers. Differentiable in `other` alone.

        >>> import minidl
        >>> minidl.special.gammainc(minidl.tensor([1.0, 4.0]), minidl.tensor([1.0, 4.0]))
        tensor([0.6321, 0.5665])
    """
    return Igamma()(input, other)

igamma_ = in_place(igamma)


@public
def igammac(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The regularized upper incomplete gamma function, `1 - igamma(input, other)`, without cancellation.

        >>> import minidl
        >>> minidl.special.gammaincc(minidl.tensor([1.0, 4.0]), minidl.tensor([1.0, 4.0]))
        tensor([0.3679, 0.4335])
    """
    return Igammac()(input, other)

igammac_ = in_place(igammac)


gammainc = alias("gammainc", igamma)
gammaincc = alias("gammaincc", igammac)
