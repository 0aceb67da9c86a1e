"""Matrix decompositions: Cholesky, QR, singular values, eigenvalues; pinv, rank, lstsq.

LAPACK does the work, behind the array library. The gradient formulas use the factors only, so they are differentiable
again. The factors are not unique: signs of columns may differ between libraries; where singular values or eigenvalues
coincide, so may the vectors. Only functions that do not depend on such a choice have a meaningful gradient.
"""
from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import int64, real_of
from minidl.ops.base import return_types
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.arithmetic import abs as abs_
from minidl.ops.linalg.equations import (
    LinAlgError,
    Solve,
    batch_element,
    check_matrix,
    check_right_hand_side,
    identity_like,
    is_vector,
    mH,
    same_batch,
    wrap_like,
)
from minidl.ops.reduce.sums import SumIntegers, sum
from minidl.ops.shape.join import cat
from minidl.ops.shape.movement import tril
from minidl.ops.shape.views import array_of, reshape, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- Cholesky


class Cholesky(Op):
    """y = L, lower triangular with L L^T = a. Only the lower triangle of the symmetric a is read.

    Let P(M) be the lower triangle of M with half its diagonal. Then ga = L^-T P(L^T g) L^-1, made symmetric (Murray,
    2016, "Differentiation of the Cholesky decomposition"). For a complex a, read every T as H.
    """

    complex_rules = "as written"

    def forward(self, a: Array) -> Array:
        L = cholesky_factor(a)
        if L is None:
            raise LinAlgError(f"linalg.cholesky: {_describe_indefinite(a)}")
        return L

    def grad_a(self, g: Value, out: Value) -> Value:
        L_h = mH(out)
        M = L_h @ g
        half = Solve()(L_h, (tril(M) + tril(M, -1)) / 2)        # L^-H P
        ga = Solve()(L_h, mH(half))                             # L^-H P^H L^-1
        return (ga + mH(ga)) / 2


def cholesky_factor(a: Array) -> Array | None:
    """L, or None unless all matrices are positive-definite: NumPy raises then, other libraries may not."""
    try:
        L = array_module(a).linalg.cholesky(a)
    except np.linalg.LinAlgError:
        return None
    return L if bool((L.diagonal(0, a.ndim - 2, a.ndim - 1).real > 0).all()) else None


def _describe_indefinite(a: Array) -> str:
    """Name the matrix that is not positive-definite, and its failing minor."""
    for number, index in enumerate(np.ndindex(*a.shape[:-2])):
        x = a[index]
        if cholesky_factor(x) is None:
            return (f"{batch_element(a.shape[:-2], number)}The factorization could not be completed because the input "
                    f"is not positive-definite (the leading minor of order {failing_order(x)} is not "
                    f"positive-definite).")
    return "The factorization could not be completed because the input is not positive-definite."


def failing_order(x: Array) -> int:
    """The order of the first leading minor that is not positive-definite."""
    orders = range(1, len(x) + 1)
    return orders[bisect.bisect_left(orders, True, key=lambda k: cholesky_factor(x[:k, :k]) is None)]


@public
def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """Factor a symmetric positive-definite A = L L^T, L lower triangular; `upper`: A = R^T R.

    A: (*, n, n); only that triangle is read. The gradient is symmetric. For a Hermitian A it is A = L L^H.
    Errors: LinAlgError where A is not positive-definite.

        >>> import minidl
        >>> minidl.linalg.cholesky(minidl.tensor([[4.0, 2.0], [2.0, 5.0]]))
        tensor([[2., 0.],
                [1., 2.]])
    """
    check_matrix("linalg.cholesky", A, square=True)
    return mH(Cholesky()(mH(A))) if upper else Cholesky()(A)


# ---------------------------------------------------------------------- QR


class QR(Op):
    """a = Q R: Q has orthonormal columns, R is upper triangular; a has at least as many rows as columns.

    Let M = R gR^T - gQ^T Q, and C(M) its lower triangle, mirrored. Then ga = (gQ + Q C(M)) R^-T (Walter, Lehmann, 2012,
    "Algorithmic differentiation of linear algebra functions", for the reduced form). For a complex a, read every T as
    H; the diagonal of C is real, as that of R is.
    """

    complex_rules = "as written"

    def __init__(self, mode: str) -> None:
        self.mode = mode   # "reduced": Q (m, n), R (n, n); "complete": Q (m, m), R (m, n); "r": only R

    def forward(self, a: Array) -> Any:
        xp = array_module(a)
        if self.mode == "r":
            return xp.empty((0,), a.dtype), xp.linalg.qr(a, mode="r")
        Q, R = xp.linalg.qr(a, mode=self.mode)
        return Q, R

    def backward(self, g: Any, out: Any) -> Any:
        (gQ, gR), (Q, R) = g, out
        if self.mode == "r":
            raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
                               "use linalg.qr(A, mode='reduced') if you are going to differentiate through it.")
        if Q.shape[-1] > R.shape[-1]:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols: "
                               "the last columns of Q are arbitrary. Use mode='reduced'.")
        M = R @ mH(gR) - mH(gQ) @ Q
        half = (tril(M) + tril(M, -1)) / 2
        x = gQ + Q @ (half + mH(half))
        return [mH(Solve()(R, mH(x)))]                          # x R^-H


@public
def qr(A: Tensor, mode: str = "reduced", *, out: Sequence[Tensor] | None = None) -> return_types.QRResult:
    """A = Q R, with orthonormal columns in Q and an upper triangular R: a named tuple (Q, R).

    A: (*, m, n). mode 'reduced': Q (*, m, k) and R (*, k, n), with k = min(m, n); 'complete': Q (*, m, m) and
    R (*, m, n); 'r': R alone, and an empty Q. The gradient needs independent first k columns of A. Mode 'r' has no
    gradient, nor has 'complete' where m > n: backward raises.
    Errors: RuntimeError for another mode.

        >>> import minidl
        >>> Q, R = minidl.linalg.qr(minidl.tensor([[3.0, 1.0], [4.0, 2.0]]))
        >>> minidl.allclose(Q @ R, minidl.tensor([[3.0, 1.0], [4.0, 2.0]]))
        True
    """
    check_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"linalg.qr: qr received unrecognized mode {mode!r} but expected one of 'reduced' "
                           f"(default), 'r', or 'complete'")
    m, n = A.shape[-2:]
    if m >= n or mode == "r":
        return return_types.linalg_qr(*QR(mode)(A))
    # A wide matrix is [X Y]. X = Q U is square, and Y is Q (Q^H Y).
    Q, U = QR("reduced")(A[..., :m])
    return return_types.linalg_qr(Q, cat([U, mH(Q) @ A[..., m:]], -1))


@public
def qr_some(input: Tensor, some: bool = True, *, out: Sequence[Tensor] | None = None) -> return_types.QRResult:
    """`linalg.qr` in PyTorch's older form, `minidl.qr`: `some` is mode 'reduced', otherwise 'complete'.

        >>> import minidl
        >>> minidl.qr(minidl.ones(3, 2), some=False).Q.shape
        (3, 3)
    """
    return return_types.qr(*qr(input, "reduced" if some else "complete"))


# ---------------------------------------------------------------------- singular values


class SVD(Op):
    """a = U diag(S) V^T, singular values in descending order.

    With F_ij = 1 / (s_j^2 - s_i^2), zero on the diagonal, and skew(M) = M - M^T,

        ga = U [ (F * skew(U^T gU)) S + S (F * skew(V^T gV)) + diag(gS) ] V^T
             + (1 - U U^T) gU S^-1 V^T + U S^-1 gV^T (1 - V V^T)

    (Townsend, 2016, "Differentiating the singular value decomposition"). A missing gradient leaves its terms out.
    That of S alone divides by nothing, so coinciding values do it no harm.

    For a complex a, read every T as H, and add i Im(U^H gU) / S to the diagonal in the brackets. A pair of vectors
    may then be multiplied by any e^(i phi), so the loss must not depend on phi: Im(U^H gU) + Im(V^H gV) must be 0
    there.
    """

    materialize = False
    complex_rules = "as written"

    def __init__(self, full: bool) -> None:
        self.full = full

    def forward(self, a: Array) -> Any:
        U, S, Vh = run_iteration("linalg.svd", a, lambda x: array_module(x).linalg.svd(x, full_matrices=self.full))
        return U, S, Vh

    def backward(self, g: Any, out: Any) -> Any:
        gU, gS, gVh = g
        U, S, Vh = out
        k, m, n = S.shape[-1], U.shape[-2], Vh.shape[-1]
        U, Vh = U[..., :k], Vh[..., :k, :]              # the other vectors of a full decomposition are arbitrary
        one, phases = identity_like(U, k), []
        row, column = S[..., None, :], S[..., :, None]
        gaps = (row - column) * (row + column) + one    # where a 1 is added, skew(M) is zero
        inner, outer = [], []
        if gS is not None:
            inner.append(gS[..., None] * one)
        if gU is not None:
            gU = gU[..., :k]
            M = mH(U) @ gU
            inner.append((M - mH(M)) / gaps * row)
            phases.append(M)
            if m > k:
                outer.append((gU - U @ M) / row @ Vh)
        if gVh is not None:
            gVh = gVh[..., :k, :]
            M = Vh @ mH(gVh)
            inner.append((M - mH(M)) / gaps * column)
            phases.append(M)
            if n > k:
                outer.append(U @ ((gVh - mH(M) @ Vh) / column))
        if phases and U.dtype.kind == "c":
            check_phases("linalg.svd", phases)
            if gU is not None and gVh is not None:
                M = phases[0]
                inner.append((M - mH(M)) / (2 * row) * one)
        return [total([U @ total(inner) @ Vh, *outer])]


class SingularValues(Op):
    """The S of a = U diag(S) V^T alone: faster, without the U and V that its gradient needs."""

    complex_rules = "as written"

    def forward(self, a: Array) -> Array:
        return run_iteration("linalg.svd", a, lambda x: array_module(x).linalg.svd(x, compute_uv=False))


def check_phases(who: str, products: list[Any]) -> None:
    """Errors: RuntimeError where a gradient g of vectors V, given as V^H g, would change their phases."""
    arrays = [array_of(M) for M in products if array_of(M).size]
    if not arrays:
        return
    asked = total([M.diagonal(0, -2, -1).imag for M in arrays])
    size = total([abs(M).max(axis=(-2, -1)) for M in arrays])
    if bool((abs(asked) > 1e-2 * (1 + size[..., None])).any()):
        raise RuntimeError(f"{who}: complex vectors are determined up to a factor e^(i phi) only, and the loss depends "
                           f"on it, so it has no gradient; use the vectors in products where phi cancels, as U @ Vh or "
                           f"V @ diag(f(L)) @ V^H")


def total(terms: list[Any]) -> Any:
    """The sum of some matrices."""
    y = terms[0]
    for term in terms[1:]:
        y = y + term
    return y


def run_iteration(who: str, a: Array, compute: Callable[[Array], Any]) -> Any:
    """Return `compute(a)`, an iteration. Errors: LinAlgError if it does not converge, and for nan and inf.

    On nan, libraries do anything from an error to eigenvalues of 0, so it is checked first.
    """
    finite = array_module(a).isfinite(a)
    if not bool(finite.all()):
        index = finite.reshape((-1, a.shape[-2] * a.shape[-1])).all(axis=1).tolist().index(False)
        raise LinAlgError(f"{who}: {batch_element(a.shape[:-2], index)}The algorithm failed to converge because the "
                          f"input matrix contained non-finite values.")
    try:
        return compute(a)
    except np.linalg.LinAlgError:
        raise LinAlgError(f"{who}: The algorithm failed to converge because the input matrix is "
                          f"ill-conditioned.") from None


@public
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None,
        out: Sequence[Tensor] | None = None) -> return_types.SVDResult:
    """A = U diag(S) Vh: the singular value decomposition, a named tuple (U, S, Vh).

    A: (*, m, n); S: (*, k) with k = min(m, n), descending. U: (*, m, m) and Vh: (*, n, n), or (*, m, k) and
    (*, k, n) with `full_matrices=False`.

    The signs of the columns of U and the rows of Vh are arbitrary, in pairs; so is the choice of vectors that share a
    singular value, and of those beyond the k-th. Differentiate only what does not depend on these, such as S or
    U Vh. The gradient of U and Vh is infinite where singular values coincide, or are 0 unless m = n; that of S is
    finite.
    driver: cuSOLVER's method, which is its default here.
    Errors: LinAlgError for nan or inf in A; RuntimeError for a driver on the CPU.

        >>> import minidl
        >>> U, S, Vh = minidl.linalg.svd(minidl.tensor([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]]), full_matrices=False)
        >>> S, U.shape, Vh.shape
        (tensor([3., 2.]), (3, 2), (2, 2))
    """
    check_matrix("linalg.svd", A)
    _check_driver("linalg.svd", A, driver)
    return return_types.linalg_svd(*SVD(bool(full_matrices))(A))


@public
def svd_some(input: Tensor, some: bool = True, compute_uv: bool = True, *,
             out: Sequence[Tensor] | None = None) -> return_types.USV:
    """`linalg.svd` in PyTorch's older form, `minidl.svd`: reduced by default, with V (*, n, k) instead of Vh.

    With `compute_uv=False`, U and V are zeros.

        >>> import minidl
        >>> minidl.svd(minidl.ones(2, 3)).V.shape
        (3, 2)
    """
    check_matrix("svd", input)
    if compute_uv:
        U, S, Vh = svd(input, full_matrices=not some)
        return return_types.svd(U, S, mH(Vh))
    xp, batch = array_module(array_of(input)), tuple(input.shape[:-2])
    U, V = (wrap_like(input, xp.zeros((*batch, n, n), input.dtype)) for n in input.shape[-2:])
    return return_types.svd(U, svdvals(input), V)


@public
def svdvals(A: Tensor, *, driver: str | None = None, out: Tensor | None = None) -> Tensor:
    """The singular values of A, in descending order: (*, m, n) -> (*, min(m, n)). `driver` as for `svd`.

        >>> import minidl
        >>> minidl.linalg.svdvals(minidl.tensor([[0.0, 2.0], [3.0, 0.0]]))
        tensor([3., 2.])
    """
    check_matrix("linalg.svdvals", A)
    _check_driver("linalg.svdvals", A, driver)
    return SVD(False)(A)[1] if getattr(A, "requires_grad", False) else SingularValues()(A)


def _check_driver(who: str, A: Tensor, driver: str | None) -> None:
    if driver not in (None, "gesvd", "gesvdj", "gesvda"):
        raise RuntimeError(f"{who}: driver expects None, 'gesvd', 'gesvdj' or 'gesvda', got {driver!r}")
    if driver is not None and A.device.type != "cuda":
        raise RuntimeError(f"{who}: keyword argument `driver=` is only supported on CUDA inputs; leave it out")


# ---------------------------------------------------------------------- eigenvalues


class Eigh(Op):
    """a = V diag(w) V^T for a symmetric a, eigenvalues in ascending order.

    With F_ij = 1 / (w_j - w_i), zero on the diagonal, and skew(M) = M - M^T,
    ga = V (diag(gw) + F * skew(V^T gV) / 2) V^T (Giles, 2008, made symmetric as a is). For a complex a, which is
    Hermitian, read every T as H.
    """

    materialize = False
    complex_rules = "as written"

    def __init__(self, triangle: str) -> None:
        self.triangle = triangle   # "L" or "U": the triangle of a that is read

    def forward(self, a: Array) -> Any:
        w, V = run_iteration("linalg.eigh", a, lambda x: array_module(x).linalg.eigh(x, self.triangle))
        return w, V

    def backward(self, g: Any, out: Any) -> Any:
        (gw, gV), (w, V) = g, out
        one = identity_like(V, w.shape[-1])
        inner = []
        if gw is not None:
            inner.append(gw[..., None] * one)
        if gV is not None:
            M = mH(V) @ gV
            if V.dtype.kind == "c":
                check_phases("linalg.eigh", [M])
            inner.append((M - mH(M)) / 2 / (w[..., None, :] - w[..., :, None] + one))
        return [V @ total(inner) @ mH(V)]


class Eigenvalues(Op):
    """The eigenvalues of a symmetric a, without the vectors for a gradient."""

    complex_rules = "as written"

    def __init__(self, triangle: str) -> None:
        self.triangle = triangle

    def forward(self, a: Array) -> Array:
        return run_iteration("linalg.eigh", a, lambda x: array_module(x).linalg.eigvalsh(x, self.triangle))


@public
def eigh(A: Tensor, UPLO: str = "L", *, out: Sequence[Tensor] | None = None) -> return_types.Eigen:
    """Eigenvalues and eigenvectors of a symmetric matrix: A = V diag(w) V^T.

    A: (*, n, n); only the triangle `UPLO` ('L'ower or 'U'pper) is read. Returns a named tuple (eigenvalues,
    eigenvectors): w (*, n), ascending, and V (*, n, n), whose columns are the vectors. Their signs are arbitrary,
    and so is the choice of vectors that share an eigenvalue: differentiate only what does not depend on these. The
    gradient is symmetric, and infinite for vectors of coinciding eigenvalues.
    Errors: LinAlgError for nan or inf in A, RuntimeError for another UPLO.

        >>> import minidl
        >>> minidl.linalg.eigh(minidl.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
        tensor([1., 3.])
    """
    return return_types.linalg_eigh(*Eigh(_triangle("linalg.eigh", A, UPLO))(A))


@public
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Tensor | None = None) -> Tensor:
    """The eigenvalues of a symmetric matrix, ascending: (*, n, n) -> (*, n). Otherwise as `eigh`.

        >>> import minidl
        >>> minidl.linalg.eigvalsh(minidl.tensor([[2.0, 1.0], [1.0, 2.0]]))
        tensor([1., 3.])
    """
    triangle = _triangle("linalg.eigvalsh", A, UPLO)
    return Eigh(triangle)(A)[0] if getattr(A, "requires_grad", False) else Eigenvalues(triangle)(A)


def _triangle(who: str, A: Any, UPLO: str) -> str:
    check_matrix(who, A, square=True)
    if str(UPLO).upper() not in ("L", "U"):
        raise RuntimeError(f"{who}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


# ---------------------------------------------------------------------- for singular and rectangular matrices


def zero_threshold(largest: Any, shape: Any, atol: Any, rtol: Any) -> Any:
    """The limit below which a singular value counts as zero: max(atol, rtol * the largest).

    `rtol` is eps * max(m, n) unless `rtol` or `atol` is given; both may be tensors, with one value per matrix.
    """
    xp = array_module(largest)
    if rtol is None:
        asked = atol is not None and bool(xp.asarray(array_of(atol) > 0).any())
        rtol = 0.0 if asked else max(shape[-2:]) * float(np.finfo(largest.dtype).eps)

    def per_matrix(tolerance: Any) -> Any:
        return array_of(tolerance)[..., None] if hasattr(tolerance, "shape") else float(tolerance)
    return xp.maximum(per_matrix(rtol) * largest, per_matrix(atol if atol is not None else 0.0))


class PInv(Op):
    """p = the pseudoinverse of a, V diag(1/s) U^T over the nonzero singular values; and their number.

    Where the rank is constant, ga = -p^T g p^T + (1 - a p) g^T p p^T + p^T p g^T (1 - p a)  (Golub, Pereyra, 1973, "The
    differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate"). For a complex a,
    read every T as H.
    """

    materialize = False
    complex_rules = "as written"

    def __init__(self, atol: Any, rtol: Any, hermitian: bool) -> None:
        self.atol, self.rtol, self.hermitian = atol, rtol, hermitian

    def forward(self, a: Array) -> Any:
        xp = array_module(a)
        if self.hermitian:
            S, U = Eigh("L").forward(a)
            size = xp.abs(S)
            largest, Vh = xp.maximum(size[..., :1], size[..., -1:]), mH(U)
        else:
            U, S, Vh = SVD(False).forward(a)
            size, largest = S, S[..., :1]
        real = size > zero_threshold(largest, a.shape, self.atol, self.rtol)
        inverse = xp.where(real, 1 / xp.where(real, S, 1), 0).astype(S.dtype, copy=False)
        return mH(Vh) @ (inverse[..., None] * mH(U)), real.sum(axis=-1, dtype=int64)

    def backward(self, g: Any, a: Any, out: Any) -> Any:
        p, g_h = out[0], mH(g[0])
        p_h = mH(p)
        return [-(p_h @ g[0] @ p_h) + (g_h - a @ (p @ g_h)) @ (p @ p_h) + (p_h @ p) @ (g_h - (g_h @ p) @ a)]


@public
def pinv(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False,
         out: Tensor | None = None) -> Tensor:
    """The Moore-Penrose pseudoinverse: (*, m, n) -> (*, n, m).

    Singular values up to max(atol, rtol * the largest) count as zero; rtol is eps * max(m, n) by default, or 0 where
    `atol` is given. `hermitian`: A is symmetric, and only its lower triangle is read. The gradient assumes a
    constant rank.

        >>> import minidl
        >>> minidl.linalg.pinv(minidl.tensor([[2.0, 0.0], [0.0, 0.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.0000]])
    """
    check_matrix("linalg.pinv", A, square=hermitian)
    return PInv(atol, rtol, hermitian)(A)[0]


@public
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv` in PyTorch's older form: singular values up to `rcond` times the largest count as zero.

        >>> import minidl
        >>> minidl.pinverse(minidl.tensor([[2.0], [0.0]]))
        tensor([[0.5000, 0.0000]])
    """
    return pinv(input, rtol=rcond)


@public
def matrix_rank(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False,
                out: Tensor | None = None) -> Tensor:
    """The number of nonzero singular values of A: (*, m, n) -> (*), int64. Tolerances as for `pinv`.

        >>> import minidl
        >>> minidl.linalg.matrix_rank(minidl.ones(3, 4))
        tensor(1)
    """
    check_matrix("linalg.matrix_rank", A, square=hermitian)
    A = A.detach() if hasattr(A, "detach") else A
    if hermitian:
        size = abs_(eigvalsh(A))
        largest = array_module(array_of(A)).maximum(array_of(size)[..., :1], array_of(size)[..., -1:])
    else:
        size = svdvals(A)
        largest = array_of(size)[..., :1]
    return SumIntegers((size.ndim - 1,))(size > zero_threshold(largest, A.shape, atol, rtol))


@public
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None,
          out: Sequence[Tensor] | None = None) -> return_types.LstsqResult:
    """The smallest X that minimizes |A X - B|^2: X = pinv(A) B.

    A: (*, m, n); B: (*, m, k), or vectors (m,) or (*, m). Returns a named tuple:
    solution (*, n, k); residuals (*, k), the |A X - B|^2 of each column, if m > n and all A have full rank (else
    empty); rank (*), the number of singular values above rcond times the largest (rcond is eps * max(m, n) by default);
    singular_values (*, min(m, n)), without gradient. All drivers compute the same X, and what PyTorch's leave out is
    empty: 'gelsy', the default, has no residuals and no singular values, 'gels' no singular values and no rank (it
    takes A for one of full rank), 'gelsd' and 'gelss' have all.
    Errors: RuntimeError where sizes do not fit, or for another driver.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])     # a line through three points
        >>> minidl.linalg.lstsq(x, minidl.tensor([1.0, 3.0, 5.0])).solution
        tensor([1.0000, 2.0000])
    """
    who = "linalg.lstsq"
    check_matrix(who, A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{who}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), but got "
                           f"{driver!r}")
    vector = is_vector(A, B, who)
    rhs = unsqueeze(B, -1) if vector else B                     # (*, m) -> (*, m, 1)
    check_right_hand_side(who, A, rhs)
    A, rhs = same_batch(who, A, rhs)
    p, rank = PInv(None, rcond, False)(A)
    X = p @ rhs
    m, n = A.shape[-2:]
    empty = wrap_like(A, array_module(array_of(A)).empty((0,), real_of(A.dtype)))
    residuals = reshape(X, (-1,))[:0] if X.dtype == empty.dtype else empty
    if m > n and driver not in (None, "gelsy") and (driver == "gels" or bool((array_of(rank) == n).all())):
        gap = A @ X - rhs
        residuals = sum(abs_(gap) ** 2 if gap.dtype.kind == "c" else gap * gap, -2)
    values = svdvals(A.detach() if hasattr(A, "detach") else A) if driver in ("gelsd", "gelss") else empty
    if driver == "gels":
        rank = reshape(rank, (-1,))[:0]
    return return_types.linalg_lstsq(reshape(X, X.shape[:-1]) if vector else X, residuals, rank, values)
