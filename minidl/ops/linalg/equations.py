"""Linear equations, inverses and determinants, for one matrix or a batch.

Also shared by all of `linalg/`: the checks of matrices, and the error for a singular one. The gradients are from Giles
(2008), "Collected matrix derivative results for forward and reverse mode algorithmic differentiation".
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.basic_ops import conjugate
from minidl.autograd.errors import check_devices
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import float16
from minidl.ops.base import return_types
from minidl.ops.base.broadcast import broadcast_shape, expand_to
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dims
from minidl.ops.base.hints import suggest_tensor
from minidl.ops.elementwise.exponential import log
from minidl.ops.elementwise.selection import where
from minidl.ops.shape.join import cat
from minidl.ops.shape.movement import tril, triu
from minidl.ops.shape.views import array_of, as_result, movedim, reshape, transpose, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class LinAlgError(RuntimeError):
    """The result does not exist: a matrix is singular, not positive-definite, or not finite."""


# ---------------------------------------------------------------------- checks and helpers


def check_matrix(who: str, A: Any, square: bool = False, name: str = "A", kinds: str = "fc") -> None:
    """Check for a matrix (m, n) or a batch (*, m, n) of float32, float64, complex if `kinds` has "c", half if "e".

    Errors: TypeError unless it is a tensor, RuntimeError for everything else that does not fit.
    """
    if not hasattr(A, "dtype"):
        raise TypeError(f"{who}(): argument '{name}' must be Tensor, not {type(A).__name__}; "
                        f"{suggest_tensor(A)}")
    if A.ndim < 2:
        raise RuntimeError(f"{who}: The input tensor {name} must have at least 2 dimensions, but it has {A.ndim}; "
                           f"a matrix is (m, n), a batch of them (*, m, n)")
    check_precision(who, A, name, kinds)
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{who}: {name} must be batches of square matrices, but they are {A.shape[-2]} by "
                           f"{A.shape[-1]} matrices")


def check_precision(who: str, A: Any, name: str, kinds: str = "fc") -> None:
    """Check for float32 or float64: float16 has too few digits for these functions. Errors: RuntimeError."""
    if A.dtype.kind == "c" and "c" not in kinds:
        raise RuntimeError(f"{who}: not supported for complex tensors, but {name} is {A.dtype}; try it on {name}.real")
    if A.dtype.kind not in kinds:
        raise RuntimeError(f"{who}: Expected a floating point tensor as input {name}. Got {A.dtype}; "
                           f"try {name}.float()")
    if A.dtype == float16 and "e" not in kinds:
        raise RuntimeError(f"{who}: Low precision dtypes not supported. Got float16; try {name}.float()")


def mT(x: Any) -> Any:
    """Transpose every matrix."""
    return transpose(x, -2, -1)


def mH(x: Any) -> Any:
    """Transpose every matrix, and conjugate it if it is complex."""
    return conjugate(mT(x))


def identity_like(x: Any, n: int) -> Array:
    """The n x n identity, on the device and in the dtype of `x`."""
    return array_module(array_of(x)).eye(n, dtype=x.dtype)


def wrap_like(x: Any, array: Array) -> Any:
    """Wrap an array as a tensor if x is one."""
    return wrap(array) if isinstance(x, TensorBase) else array


def batch_element(shape: Any, index: int) -> str:
    """How errors name a matrix of a batch of that shape."""
    return f"(Batch element {index}): " if shape else ""


def run_solver(x: Array, compute: Callable[[], Array], message: str) -> Array:
    """Return `compute()` for square matrices x. Errors: LinAlgError that names the singular matrix.

    NumPy raises, without naming it; GPU libraries return inf or nan. A zero determinant identifies it.
    """
    xp = array_module(x)
    try:
        y = compute()
        if xp is np or bool(xp.isfinite(y).all()):
            return y
    except np.linalg.LinAlgError:
        y = None
    singular = (xp.linalg.slogdet(x)[0] == 0).reshape(-1).tolist()
    if y is None or True in singular:
        element = batch_element(x.shape[:-2], singular.index(True)) if True in singular else ""
        who, _, text = message.partition(": ")
        raise LinAlgError(f"{who}: {element}{text}")
    return y


# ---------------------------------------------------------------------- the ops


class Inverse(Op):
    """y = x^-1.  From x y = 1 follows dy = -y dx y, so gx = -y^T g y^T"""

    complex_rules = "conjugated"

    def forward(self, x: Array) -> Array:
        return run_solver(x, lambda: array_module(x).linalg.inv(x),
                          "linalg.inv: The inversion could not be completed because the input matrix is singular.")

    def grad_x(self, g: Value, out: Value) -> Value:
        y_t = mT(out)
        return -(y_t @ g @ y_t)


class Solve(Op):
    """x = a^-1 b, for batches of the same shape.

    gb = a^-T g, another system with the same matrix, and ga = -gb x^T.
    """

    complex_rules = "conjugated"

    def forward(self, a: Array, b: Array) -> Array:
        check_devices("linalg.solve", (a, b))       # CuPy would copy one from the CPU
        return run_solver(a, lambda: array_module(a).linalg.solve(a, b),
                          "linalg.solve: The solver failed because the input matrix is singular.")

    def backward(self, g: Any, a: Any, out: Any) -> Any:
        gb = Solve()(mT(a), g)
        return [-(gb @ mT(out)), gb]


class Det(Op):
    """y = det a.  dy/da is the matrix of cofactors: y a^-T if a has an inverse (Jacobi)"""

    complex_rules = "conjugated"

    def forward(self, a: Array) -> Array:
        with np.errstate(over="ignore"):    # NumPy computes in float64; a large result is inf in float32
            return array_module(a).linalg.det(a)

    def grad_a(self, g: Value, a: Value, out: Value) -> Value:
        some_zero = bool((array_of(out) == 0).any())    # singular, or an underflow
        if some_zero and bool((SLogDet().forward(array_of(a))[0] == 0).any()):
            return g[..., None, None] * cofactors(a)
        try:
            inverse = Inverse()(a)
        except LinAlgError:     # rounding may make it singular for this factorization only
            return g[..., None, None] * cofactors(a)
        return g[..., None, None] * (out[..., None, None] * mT(inverse))


class SLogDet(Op):
    """s = the sign of det a, piecewise constant, and l = log |det a|, whose gradient is a^-T.

    For a complex a, s = e^(i angle) turns with the angle of det a: ga = (gl + i Im(gs conj(s))) a^-H.
    """

    complex_rules = "as written"
    copies_output_on_write = True

    def forward(self, a: Array) -> Any:
        sign, log = array_module(a).linalg.slogdet(a)
        return sign, log

    def backward(self, g: Any, a: Any, out: Any) -> Any:
        (gs, gl), s = g, out[0]
        if s.dtype.kind == "c":
            phase = gs * conjugate(s)
            gl = gl + (phase - conjugate(phase)) / 2
        return [gl[..., None, None] * mH(Inverse()(a))]


def cofactors(a: Any) -> Any:
    """The cofactors: (-1)^(i+j) times the determinant without row i and column j.

    Slow, since it takes n^2 determinants, but correct for singular matrices too, and so are its own gradients.
    """
    n, xp = a.shape[-1], array_module(array_of(a))
    others = xp.asarray([[k for k in range(n) if k != i] for i in range(n)], dtype=np.int64).reshape(n, n - 1)
    rows = []
    for i in range(n):
        minors = a[..., others[i][:, None], others[:, None, :]]         # (*, n, n) -> (*, n, n - 1, n - 1)
        signs = (1 - 2 * ((xp.arange(n) + i) % 2)).astype(a.dtype)
        rows.append((Det()(minors) * signs)[..., None, :])
    return cat(rows, -2)


# ---------------------------------------------------------------------- equations


@public
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of a square matrix, or of each of a batch: (*, n, n).

    For equations use `solve`: it is faster and more accurate than a product with the inverse. A may be complex.
    Errors: LinAlgError for a singular matrix.

        >>> import minidl
        >>> minidl.linalg.inv(minidl.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    check_matrix("linalg.inv", A, square=True)
    return Inverse()(A)


@public
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """Solve A X = B for X, or X A = B with `left=False`.

    A: (*, n, n). B: matrices (*, n, k), or (*, k, n) with `left=False`, whose batch dimensions are broadcast
    with those of A; or vectors: (n,), or the shape of A without its last dimension. X has the shape of B.
    Errors: LinAlgError for a singular A, RuntimeError where sizes or dtypes do not fit.

        >>> import minidl
        >>> A = minidl.tensor([[2.0, 1.0], [1.0, 1.0]])
        >>> minidl.linalg.solve(A, minidl.tensor([4.0, 3.0]))
        tensor([1., 2.])
    """
    check_matrix("linalg.solve", A, square=True)
    if is_vector(A, B, "linalg.solve"):
        batch = broadcast_shape("linalg.solve", tuple(A.shape[:-2]), tuple(B.shape[:-1]))
        B = unsqueeze(expand_to(B, (*batch, B.shape[-1])), -1)                      # (*, n) -> (*, n, 1)
        X = solve(A, B)
        return reshape(X, X.shape[:-1])
    if not left:
        return as_result(mT(solve(mT(A), mT(B))))
    check_right_hand_side("linalg.solve", A, B)
    return Solve()(*same_batch("linalg.solve", A, B))


def is_vector(A: Any, B: Any, who: str) -> bool:
    """Whether the right-hand side B holds vectors: (n,), or the shape of A without its last dimension."""
    if not hasattr(B, "dtype"):
        raise TypeError(f"{who}(): argument 'B' must be Tensor, not {type(B).__name__}; "
                        f"{suggest_tensor(B)}")
    return B.ndim == 1 or tuple(B.shape) == tuple(A.shape[:-1])


def check_right_hand_side(who: str, A: Any, B: Any) -> None:
    """Check B (*, m, k) against A (*, m, n), of the same dtype. Errors: RuntimeError."""
    check_matrix(who, B, name="B")
    if A.dtype != B.dtype:
        raise RuntimeError(f"{who}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B of "
                           f"type {B.dtype} instead; try B.to(A.dtype)")
    if A.shape[-2] != B.shape[-2]:
        raise RuntimeError(f"{who}: Incompatible shapes of A and B for the equation AX = B "
                           f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})")


def same_batch(who: str, A: Any, B: Any) -> tuple[Any, Any]:
    """Broadcast the batch dimensions of two matrices."""
    batch = broadcast_shape(who, tuple(A.shape[:-2]), tuple(B.shape[:-2]))
    return expand_to(A, (*batch, *A.shape[-2:])), expand_to(B, (*batch, *B.shape[-2:]))


@public
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False,
                     out: Tensor | None = None) -> Tensor:
    """`solve` for a triangular A; the other side of its diagonal is not read.

    B: (*, n, k), or (*, k, n) with `left=False`. With `unitriangular` the diagonal counts as ones.
    Errors: LinAlgError for a zero on the diagonal (PyTorch gives inf and nan), RuntimeError for shapes.

        >>> import minidl
        >>> A = minidl.tensor([[2.0, 0.0], [1.0, 1.0]])
        >>> minidl.linalg.solve_triangular(A, minidl.tensor([[4.0], [3.0]]), upper=False)
        tensor([[2.],
                [1.]])
    """
    check_matrix("linalg.solve_triangular", A, square=True)
    check_matrix("linalg.solve_triangular", B, name="B")
    if not left:
        return mT(solve_triangular(mT(A), mT(B), upper=not upper, unitriangular=unitriangular))
    check_right_hand_side("linalg.solve_triangular", A, B)
    triangle = triu if upper else tril
    if unitriangular:
        A = triangle(A, 1 if upper else -1) + identity_like(A, A.shape[-1])
    else:
        A = triangle(A)
    return Solve()(*same_batch("linalg.solve_triangular", A, B))


@public
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Solve A X = B for X, given the Cholesky factor L: A = L L^H, or A = L^H L if `upper`.

    input: B, (*, n, k); L: (*, n, n); returns (*, n, k).

        >>> import minidl
        >>> minidl.cholesky_solve(minidl.tensor([[8.0]]), minidl.tensor([[2.0]]))
        tensor([[2.]])
    """
    y = solve_triangular(mH(L) if upper else L, input, upper=False)
    return solve_triangular(L if upper else mH(L), y, upper=True)


@public
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A, given its Cholesky factor L = `input`: A = L L^H, or A = L^H L if `upper`.

        >>> import minidl
        >>> minidl.cholesky_inverse(minidl.tensor([[2.0]]))
        tensor([[0.2500]])
    """
    check_matrix("cholesky_inverse", input, square=True)
    root = Inverse()(triu(input) if upper else tril(input))
    return root @ mH(root) if upper else mH(root) @ root


@public
def tensorinv(A: Tensor, ind: int = 2, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A as a map: its first `ind` dimensions are rows, the others columns.

    `tensordot(tensorinv(A, ind), B, ind)` solves `tensordot(A, X) = B`. Errors: RuntimeError unless both
    halves have the same number of elements, LinAlgError where A is singular.

        >>> import minidl
        >>> minidl.linalg.tensorinv(minidl.eye(6).reshape(6, 2, 3), ind=1).shape
        (2, 3, 6)
    """
    if not isinstance(ind, int) or ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', but got {ind!r}")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    _check_halves("linalg.tensorinv", "ind", rows, columns)
    n = math.prod(rows)
    return reshape(inv(reshape(A, (n, n))), columns + rows)


@public
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Solve tensordot(A, X, X.ndim) = B for X.

    The first dimensions of A are those of B; `dims`, if given, are moved to the end of A first.
    Errors: RuntimeError unless the others have the same number of elements, LinAlgError where A is singular.

        >>> import minidl
        >>> minidl.linalg.tensorsolve(2 * minidl.eye(6).reshape(6, 2, 3), minidl.ones(6))
        tensor([[0.5000, 0.5000, 0.5000],
                [0.5000, 0.5000, 0.5000]])
    """
    if dims is not None:
        axes = normalize_dims(tuple(dims), A.ndim, "linalg.tensorsolve")
        A = movedim(A, axes, tuple(range(A.ndim - len(axes), A.ndim)))
    rows, columns = tuple(A.shape[:B.ndim]), tuple(A.shape[B.ndim:])
    _check_halves("linalg.tensorsolve", "other.ndim", rows, columns)
    n = math.prod(rows)
    return reshape(solve(reshape(A, (n, n)), reshape(B, (n,))), columns)


def _check_halves(who: str, at: str, rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
    if math.prod(rows) != math.prod(columns):
        raise RuntimeError(f"{who}: Expected self to satisfy the requirement prod(self.shape[{at}:]) == "
                           f"prod(self.shape[:{at}]), but got {math.prod(columns)} != {math.prod(rows)}")


# ---------------------------------------------------------------------- determinants


@public
def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinant of a square matrix, or of each of a batch: (*, n, n) -> (*).

    The gradient is correct for singular matrices too.

        >>> import minidl
        >>> minidl.linalg.det(minidl.tensor([[2.0, 1.0], [1.0, 3.0]]))
        tensor(5.)
    """
    check_matrix("linalg.det", A, square=True)
    return Det()(A)


@public
def slogdet(A: Tensor, *, out: Sequence[Tensor] | None = None) -> return_types.SLogDetResult:
    """The sign and the log of the absolute value of the determinant; cannot overflow.

    A singular matrix has the sign 0 and the logarithm -inf. (*, n, n) -> (*) and (*).

        >>> import minidl
        >>> minidl.linalg.slogdet(-2 * minidl.eye(3))
        linalg_slogdet(sign=tensor(-1.), logabsdet=tensor(2.0794))
    """
    check_matrix("linalg.slogdet", A, square=True)
    return return_types.linalg_slogdet(*SLogDet()(A))


@public
def logdet(input: Tensor) -> Tensor:
    """log det: nan where the determinant is negative, -inf where it is 0; complex for a complex matrix.

        >>> import minidl
        >>> minidl.logdet(minidl.eye(3))
        tensor(0.)
    """
    check_matrix("logdet", input, square=True)
    sign, size = SLogDet()(input)
    if input.dtype.kind == "c":
        return log(sign) + size
    return where(sign < 0, math.nan, size)
