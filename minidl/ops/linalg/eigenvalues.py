"""Eigenvalues and eigenvectors of any square matrix; complex in general. For symmetric ones see `eigh`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import complex_of
from minidl.ops.base import return_types
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.complex_parts import conj, real
from minidl.ops.linalg.decompositions import run_iteration, total
from minidl.ops.linalg.equations import Solve, check_matrix, identity_like
from minidl.ops.linalg.products import adjoint
from minidl.ops.shape.movement import diagonal

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Eig(Op):
    """a V = V diag(w), the columns of V of length 1.

    Let E_ij = w_j - w_i, M = V^H gV, and off(M) the matrix M without its diagonal. Then

        ga = V^-H [ diag(gw) + off(M - V^H V diag(Re M)) / conj(E) ] V^H

    (Boeddeker, Hanebrink, Drude, Heymann, Haeb-Umbach, 2017, "On the computation of complex-valued gradients with
    application to statistically optimum beamforming"). For a real a, take the real part of ga.
    """

    materialize = False
    complex_rules = "as written"

    def forward(self, a: Array) -> Any:
        w, V = run_iteration("linalg.eig", a, lambda x: array_module(x).linalg.eig(x))
        self.is_real, dtype = a.dtype.kind == "f", complex_of(a.dtype)
        return w.astype(dtype, copy=False), V.astype(dtype, copy=False)     # NumPy returns real arrays if all are real

    def backward(self, g: Any, out: Any) -> Any:
        (gw, gV), (w, V) = g, out
        one, V_h = identity_like(w, w.shape[-1]), adjoint(V)
        inner = []
        if gw is not None:
            inner.append(gw[..., None] * one)
        if gV is not None:
            M = V_h @ gV
            gaps = w[..., None, :] - w[..., :, None] + one
            inner.append((M - V_h @ V * real(diagonal(M, 0, -2, -1))[..., None, :]) / conj(gaps) * (1 - one))
        ga = Solve()(V_h, total(inner) @ V_h)
        return [real(ga) if self.is_real else ga]


class AnyEigenvalues(Op):
    """The eigenvalues alone, without the vectors that their gradient needs."""

    complex_rules = "as written"

    def forward(self, a: Array) -> Array:
        w = run_iteration("linalg.eigvals", a, lambda x: array_module(x).linalg.eigvals(x))
        return w.astype(complex_of(a.dtype), copy=False)


@public
def eig(A: Tensor, *, out: Sequence[Tensor] | None = None) -> return_types.Eigen:
    """Eigenvalues and eigenvectors of a square matrix: A V = V diag(w).

    A: (*, n, n), real or complex. Returns a named tuple (eigenvalues, eigenvectors) of complex numbers: w (*, n), in no
    order, and V (*, n, n), whose columns are the vectors, of length 1. Each may be multiplied by any number of absolute
    value 1: differentiate only what does not depend on that. The gradient of V is infinite where eigenvalues coincide.
    Errors: LinAlgError for nan or inf in A, and in the gradient where A has no n independent eigenvectors.

        >>> import minidl
        >>> minidl.linalg.eig(minidl.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues      # a quarter turn
        tensor([0.+1.j, 0.-1.j])
    """
    check_matrix("linalg.eig", A, square=True)
    return return_types.linalg_eig(*Eig()(A))


@public
def eigvals(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The eigenvalues of a square matrix, complex, in no order: (*, n, n) -> (*, n). Otherwise as `eig`.

        >>> import minidl
        >>> minidl.linalg.eigvals(minidl.tensor([[2.0, 1.0], [0.0, 3.0]]))
        tensor([2.+0.j, 3.+0.j])
    """
    check_matrix("linalg.eigvals", A, square=True)
    return Eig()(A)[0] if getattr(A, "requires_grad", False) else AnyEigenvalues()(A)
