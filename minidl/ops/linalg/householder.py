"""Products of reflections: the form in which LAPACK computes Q.

A reflection H = 1 - tau v v^T mirrors space at the plane orthogonal to v. QR makes A triangular with one reflection per
column; v_i is stored below the diagonal of column i, where R has zeros, without its first element, which is 1.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.basic_ops import conjugate
from minidl.autograd.op import Op
from minidl.backend.device import Array, array_module
from minidl.ops.base import return_types
from minidl.ops.base.broadcast import expand_to
from minidl.ops.base.declaration import alias, public
from minidl.ops.linalg.equations import check_matrix, check_precision, mH, wrap_like
from minidl.ops.shape.movement import tril
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Geqrf(Op):
    """R on and above the diagonal of y, the reflections below; and tau. No gradient, as in PyTorch."""

    complex_rules = "as written"

    def forward(self, a: Array) -> Any:
        y, tau = array_module(a).linalg.qr(a, mode="raw")
        return y.swapaxes(-2, -1).copy(), tau

    def backward(self, g: Any) -> Any:
        raise RuntimeError("the derivative for 'geqrf' is not implemented; use linalg.qr")


@public
def geqrf(input: Tensor, *, out: Sequence[Tensor] | None = None) -> return_types.Reflections:
    """The QR decomposition of A, with Q as reflections: a named tuple (a, tau).

    For `linalg.householder_product` and `ormqr`. `linalg.qr` gives Q itself, and has a gradient.

    input: (*, m, n); a: (*, m, n), tau: (*, min(m, n)).

        >>> import minidl
        >>> minidl.geqrf(minidl.tensor([[3.0], [4.0]]))
        geqrf(a=tensor([[-5.0000],
                [ 0.5000]]), tau=tensor([1.6000]))
    """
    check_matrix("geqrf", input)
    return return_types.geqrf(*Geqrf()(input))


@public
def householder_product(A: Tensor, tau: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The first n columns of H_1 H_2 ... H_k, with H_i = 1 - tau_i v_i v_i^H.

    A: (*, m, n) with m >= n >= k; v_i is its column i with zeros above the diagonal and a 1 on it. tau: (*, k).
    Returns (*, m, n). Errors: RuntimeError where sizes or dtypes do not fit.

        >>> import minidl
        >>> minidl.linalg.householder_product(*minidl.geqrf(minidl.tensor([[3.0], [4.0]])))
        tensor([[-0.6000],
                [-0.8000]])
    """
    who = "linalg.householder_product"
    check_matrix(who, A)
    _check_reflections(who, A, tau)
    columns = wrap_like(A, array_module(array_of(A)).eye(*A.shape[-2:], dtype=A.dtype))
    return _apply_reflections(expand_to(columns, tuple(A.shape)), A, tau, backwards=True)


orgqr = alias("orgqr", householder_product)


@public
def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *,
          out: Tensor | None = None) -> Tensor:
    """Q C, or C Q unless `left`, for C = `other`; `geqrf` returns Q as `input` and `tau`.

    With `transpose`: Q^H C or C Q^H.

    input: (*, m, k), tau: (*, k) or shorter; other: (*, m, n), or (*, n, m) unless `left`.
    Errors: RuntimeError where sizes or dtypes do not fit.

        >>> import minidl
        >>> x = minidl.tensor([[3.0], [4.0]])
        >>> minidl.ormqr(*minidl.geqrf(x), x, transpose=True)       # Q^T x is R
        tensor([[-5.],
                [ 0.]])
    """
    who = "ormqr"
    check_matrix(who, input, name="input")
    check_matrix(who, other, name="other")
    _check_reflections(who, input, tau)
    if not left:
        return mH(ormqr(input, tau, mH(other), True, not transpose))
    if other.shape[-2] != input.shape[-2]:
        raise RuntimeError(f"{who}: expected other to have {input.shape[-2]} rows (columns unless left), as input, but "
                           f"got {tuple(other.shape)}")
    return _apply_reflections(other, input, tau, backwards=not transpose)


def _apply_reflections(x: Any, A: Any, tau: Any, backwards: bool) -> Any:
    """H_1 (H_2 ... (H_k x)), or the adjoints in reverse order."""
    xp = array_module(array_of(A))
    vs = tril(A, -1) + xp.eye(*A.shape[-2:], dtype=A.dtype)
    k = tau.shape[-1]
    tau = tau if backwards else conjugate(tau)      # Q^H is a product of the H_i^H
    for i in reversed(range(k)) if backwards else range(k):
        v = vs[..., :, i:i + 1]
        x = x - tau[..., None, i:i + 1] * v @ (mH(v) @ x)
    return x


def _check_reflections(who: str, A: Any, tau: Any) -> None:
    check_precision(who, tau, "tau")
    m, n = A.shape[-2:]
    if m < n:
        raise RuntimeError(f"{who}: input.shape[-2] must be greater than or equal to input.shape[-1], but got "
                           f"{tuple(A.shape)}")
    if not tau.ndim or tau.shape[-1] > n:
        raise RuntimeError(f"{who}: input.shape[-1] must be greater than or equal to tau.shape[-1], but got "
                           f"{tuple(A.shape)} and {tuple(tau.shape)}")
    if A.dtype != tau.dtype or tuple(A.shape[:-2]) != tuple(tau.shape[:-1]):
        raise RuntimeError(f"{who}: tau dtype and batch dimensions must be those of input, but got {tau.dtype} "
                           f"{tuple(tau.shape)} for {A.dtype} {tuple(A.shape)}")
