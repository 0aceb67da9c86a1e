"""Orthogonal polynomials: Chebyshev's four kinds, Hermite's two, Laguerre's, Legendre's.

In each family, p_0 = 1, p_1 is given, and p_(k+1) follows from the two before it by a rule of three terms. This file
contains only these rules; ordinary ops apply them, so all is differentiable. (In PyTorch these have no gradient.)

Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, table 22.7.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import array_module
from minidl.ops.base.broadcast import prepare
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import number_as_tensor
from minidl.ops.elementwise.selection import where
from minidl.ops.shape.views import array_of, clone

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Rule = Callable[[Any, int, Any, Any], Any]
"""(x, k, p_k, p_(k-1)) -> p_(k+1)"""


def _polynomial(who: str, x: Any, n: Any, first: Callable[[Any], Any], rule: Rule) -> Any:
    """p_n(x) elementwise; x or n may be a number. n is truncated; p_n is 0 for n < 0, NaN or inf."""
    if not hasattr(x, "dtype"):
        x = number_as_tensor(x, n)
    x, n = prepare(who, x, n, floating=True)
    if not isinstance(n, TensorBase):
        orders: Any = int(n)
        last = int(n)
    else:
        xp, orders = array_module(n.array), array_of(n)
        orders = xp.where(xp.isfinite(orders), xp.trunc(orders), -1)
        last = int(orders.max()) if orders.size else -1
    p: Any = x * 0 + 1
    y, before = p * 0, p
    for k in range(last + 1):
        y = where(orders == k, p, y) if isinstance(n, TensorBase) else p
        p, before = first(x) if k == 0 else rule(x, k, p, before), p
    return clone(y) if y is x else y


# ---------------------------------------------------------------------- Chebyshev

def _chebyshev(x: Any, k: int, p: Any, before: Any) -> Any:
    return 2 * x * p - before


@public
def chebyshev_polynomial_t(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The first kind: T_n(cos a) = cos(n a). T_0 = 1, T_1 = x, T_(k+1) = 2 x T_k - T_(k-1).

        >>> import minidl
        >>> minidl.special.chebyshev_polynomial_t(minidl.tensor([0.0, 0.5, 2.0]), 2)    # 2 x^2 - 1
        tensor([-1.0000, -0.5000,  7.0000])
    """
    return _polynomial("chebyshev_polynomial_t", input, n, lambda x: x, _chebyshev)


@public
def chebyshev_polynomial_u(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The second kind: U_n(cos a) = sin((n + 1) a) / sin(a). U_1 = 2 x, then as T.

        >>> import minidl
        >>> minidl.special.chebyshev_polynomial_u(minidl.tensor([0.0, 0.5, 2.0]), 2)    # 4 x^2 - 1
        tensor([-1.,  0., 15.])
    """
    return _polynomial("chebyshev_polynomial_u", input, n, lambda x: 2 * x, _chebyshev)


@public
def chebyshev_polynomial_v(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The third kind: V_n(cos a) = cos((n + 1/2) a) / cos(a/2). V_1 = 2 x - 1, then as T.

        >>> import minidl
        >>> minidl.special.chebyshev_polynomial_v(minidl.tensor([0.0, 0.5, 2.0]), 2)    # 4 x^2 - 2 x - 1
        tensor([-1., -1., 11.])
    """
    return _polynomial("chebyshev_polynomial_v", input, n, lambda x: 2 * x - 1, _chebyshev)


@public
def chebyshev_polynomial_w(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The fourth kind: W_n(cos a) = sin((n + 1/2) a) / sin(a/2). W_1 = 2 x + 1, then as T.

        >>> import minidl
        >>> minidl.special.chebyshev_polynomial_w(minidl.tensor([0.0, 0.5, 2.0]), 2)    # 4 x^2 + 2 x - 1
        tensor([-1.,  1., 19.])
    """
    return _polynomial("chebyshev_polynomial_w", input, n, lambda x: 2 * x + 1, _chebyshev)


@public
def shifted_chebyshev_polynomial_t(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """`chebyshev_polynomial_t(2 * input - 1, n)`, for numbers from 0 to 1."""
    return chebyshev_polynomial_t(2 * input - 1, n)


@public
def shifted_chebyshev_polynomial_u(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """`chebyshev_polynomial_u(2 * input - 1, n)`, for numbers from 0 to 1."""
    return chebyshev_polynomial_u(2 * input - 1, n)


@public
def shifted_chebyshev_polynomial_v(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """`chebyshev_polynomial_v(2 * input - 1, n)`, for numbers from 0 to 1."""
    return chebyshev_polynomial_v(2 * input - 1, n)


@public
def shifted_chebyshev_polynomial_w(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """`chebyshev_polynomial_w(2 * input - 1, n)`, for numbers from 0 to 1."""
    return chebyshev_polynomial_w(2 * input - 1, n)


# ---------------------------------------------------------------------- Hermite, Laguerre, Legendre

@public
def hermite_polynomial_h(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The physicists' Hermite polynomials: H_1 = 2 x, H_(k+1) = 2 x H_k - 2 k H_(k-1).

        >>> import minidl
        >>> minidl.special.hermite_polynomial_h(minidl.tensor([0.0, 1.0, 2.0]), 2)      # 4 x^2 - 2
        tensor([-2.,  2., 14.])
    """
    return _polynomial("hermite_polynomial_h", input, n, lambda x: 2 * x,
                       lambda x, k, p, before: 2 * x * p - 2 * k * before)


@public
def hermite_polynomial_he(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """The probabilists' Hermite polynomials: He_1 = x, He_(k+1) = x He_k - k He_(k-1).

        >>> import minidl
        >>> minidl.special.hermite_polynomial_he(minidl.tensor([0.0, 1.0, 2.0]), 2)     # x^2 - 1
        tensor([-1.,  0.,  3.])
    """
    return _polynomial("hermite_polynomial_he", input, n, lambda x: x, lambda x, k, p, before: x * p - k * before)


@public
def laguerre_polynomial_l(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Laguerre polynomials: L_1 = 1 - x, (k+1) L_(k+1) = (2 k + 1 - x) L_k - k L_(k-1).

        >>> import minidl
        >>> minidl.special.laguerre_polynomial_l(minidl.tensor([0.0, 1.0, 2.0]), 2)     # x^2/2 - 2 x + 1
        tensor([ 1.0000, -0.5000, -1.0000])
    """
    return _polynomial("laguerre_polynomial_l", input, n, lambda x: 1 - x,
                       lambda x, k, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1))


@public
def legendre_polynomial_p(input: Tensor, n: Any, *, out: Tensor | None = None) -> Tensor:
    """Legendre polynomials: P_1 = x, (k+1) P_(k+1) = (2 k + 1) x P_k - k P_(k-1).

        >>> import minidl
        >>> minidl.special.legendre_polynomial_p(minidl.tensor([0.0, 1.0, 2.0]), 2)     # (3 x^2 - 1) / 2
        tensor([-0.5000,  1.0000,  5.5000])
    """
    return _polynomial("legendre_polynomial_p", input, n, lambda x: x,
                       lambda x, k, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1))
