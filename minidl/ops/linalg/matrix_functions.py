"""Functions of whole matrices: norms, condition, powers, the exponential."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dims
from minidl.ops.elementwise.arithmetic import abs as abs_
from minidl.ops.elementwise.selection import where
from minidl.ops.linalg.decompositions import svdvals
from minidl.ops.linalg.equations import SLogDet, check_matrix, identity_like, inv, mH, wrap_like
from minidl.ops.linalg.products import matmul
from minidl.ops.reduce.extremes import amax, amin
from minidl.ops.reduce.sums import reduced_shape, sum
from minidl.ops.reduce.vector_norm import norm as p_norm
from minidl.ops.shape.join import cat
from minidl.ops.shape.views import Clone, array_of, movedim, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Order = float | str | None

# ---------------------------------------------------------------------- norms


def _floating(who: str, x: Any, dtype: Any) -> Any:
    """`x` in `dtype`. Errors: TypeError unless a tensor, RuntimeError unless floating or complex."""
    if not hasattr(x, "dtype"):
        raise TypeError(f"{who}(): argument must be Tensor, not {type(x).__name__}; try minidl.tensor(...) on it first")
    x = x if dtype is None else cast(x, np.dtype(dtype))
    if x.dtype.kind not in "fc":
        raise RuntimeError(f"{who}: Expected a floating point or complex tensor as input. Got {x.dtype}; try x.float()")
    return x


@public
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
                out: Tensor | None = None) -> Tensor:
    """(sum |x|^ord)^(1/ord) over the given dimensions, by default over all elements.

    `ord` may be inf (the largest |x|), -inf (the smallest) and 0 (the number of nonzero x). Where the norm is 0, so
    is its gradient. Errors: RuntimeError unless floating, TypeError for an order that is not a number.

        >>> import minidl
        >>> x = minidl.tensor([[3.0, 4.0], [0.0, -2.0]])
        >>> minidl.linalg.vector_norm(x, dim=1), minidl.linalg.vector_norm(x, ord=float("inf"))
        (tensor([5., 2.]), tensor(4.))
    """
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm(): argument 'ord' must be a number, but got {ord!r}")
    return p_norm(_floating("linalg.vector_norm", x, dtype), float(ord), dim, keepdim)


@public
def matrix_norm(A: Tensor, ord: float | str = "fro", dim: Any = (-2, -1), keepdim: bool = False, *,
                dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """The norm of matrices; `dim` names the two dimensions that are rows and columns.

    - 'fro': the root of the sum of all squares
    - 'nuc': the sum of the singular values; 2 and -2: the largest and the smallest of them
    - 1 and -1: the largest and the smallest sum of absolute values in a column; inf and -inf: in a row

    Errors: RuntimeError for another order, or unless two different dims are given.

        >>> import minidl
        >>> A = minidl.tensor([[1.0, -2.0], [3.0, 4.0]])
        >>> minidl.linalg.matrix_norm(A, 1), minidl.linalg.matrix_norm(A, float("inf"))
        (tensor(6.), tensor(7.))
    """
    who = "linalg.matrix_norm"
    A = _floating(who, A, dtype)
    if A.ndim < 2:
        raise RuntimeError(f"{who}: The input tensor A must have at least 2 dimensions, but it has {A.ndim}")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"{who}: dim must be a 2-tuple. Got {dim}")
    if len({d % A.ndim for d in dim}) < 2:
        raise RuntimeError(f"{who}: dims must be different. Got {tuple(dim)}")
    rows, columns = normalize_dims(tuple(dim), A.ndim, who)
    if ord == "fro":
        return p_norm(A, 2.0, (rows, columns), keepdim)
    if ord in ("nuc", 2, -2):
        S = svdvals(movedim(A, (rows, columns), (-2, -1)))
        y = sum(S, -1) if ord == "nuc" else amax(S, -1) if ord == 2 else amin(S, -1)
    elif ord in (1, -1, math.inf, -math.inf):
        summed, searched = (rows, columns) if ord in (1, -1) else (columns, rows)
        sums = sum(abs_(A), summed, keepdim=True)
        y = (amax if ord in (1, math.inf) else amin)(sums, searched, keepdim=True)
    else:
        raise RuntimeError(f"{who}: Order {ord} not supported; try 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    return reshape(y, reduced_shape(tuple(A.shape), (rows, columns), keepdim))


@public
def norm(A: Tensor, ord: Order = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None,
         out: Tensor | None = None) -> Tensor:
    """`vector_norm` or `matrix_norm`, depending on the arguments.

    Without `ord`: the 2-norm of all elements, or over `dim`. With `ord`: a vector norm if `dim` is an int or the
    tensor 1D, a matrix norm if `dim` is a pair or the tensor 2D. Errors: RuntimeError where neither applies.

        >>> import minidl
        >>> A = minidl.tensor([[1.0, -2.0], [3.0, 4.0]])
        >>> minidl.linalg.norm(A, 1), minidl.linalg.norm(A, 1, dim=1)
        (tensor(6.), tensor([3., 7.]))
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None:
        if A.ndim not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                               f"{A.ndim}D.")
        dim = tuple(range(A.ndim))
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if len(dims) == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, dims, keepdim, dtype=dtype)
    return matrix_norm(A, ord, dims, keepdim, dtype=dtype)


@public
def cond(A: Tensor, p: Order = None, *, out: Tensor | None = None) -> Tensor:
    """The condition number |A| |A^-1|: the factor by which solving with A may magnify a relative error.

    By default, and with p=2, the largest singular value divided by the smallest, for matrices of any shape; -2 is the
    inverse of that. With another order of `matrix_norm`, A must be square.
    A singular A has the condition inf. Errors: RuntimeError for another p.

        >>> import minidl
        >>> minidl.linalg.cond(minidl.tensor([[10.0, 0.0], [0.0, 0.5]]))
        tensor(20.)
    """
    check_matrix("linalg.cond", A)
    if p is None or p in (2, -2):
        S = svdvals(A)
        if not S.shape[-1]:
            return sum(S, -1)      # a matrix without elements gives 0
        return S[..., -1] / S[..., 0] if p == -2 else S[..., 0] / S[..., -1]
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_matrix(f"linalg.cond(ord={p})", A, square=True)
    singular = SLogDet().forward(array_of(A))[0] == 0
    A = where(singular[..., None, None], array_module(singular).eye(A.shape[-1], dtype=A.dtype), A)
    return where(singular, math.inf, matrix_norm(A, p) * matrix_norm(inv(A), p))


# ---------------------------------------------------------------------- powers


@public
def matrix_power(A: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The n-th power of a matrix; for a negative n, of its inverse; for 0 the identity.

    A: (*, m, m), which may be integers if n >= 0. It takes about 2 log2(n) products.
    Errors: LinAlgError for n < 0 where A is singular.

        >>> import minidl
        >>> minidl.linalg.matrix_power(minidl.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
        tensor([[1., 5.],
                [0., 1.]])
    """
    if not hasattr(n, "__index__"):
        raise TypeError(f"linalg.matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    check_matrix("linalg.matrix_power", A, square=True, kinds="fceiu")
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        one = identity_like(A, A.shape[-1])
        xp = array_module(one)
        nowhere = wrap_like(A, xp.zeros((), bool))      # it is a function of A, with gradient 0
        return where(nowhere, Clone("C")(A), wrap_like(A, xp.broadcast_to(one, A.shape)))
    y: Tensor | None = None
    square = Clone("C")(A)
    while True:     # one bit of n at a time: A, A^2, A^4, ...
        if n & 1:
            y = square if y is None else matmul(y, square)
        n >>= 1
        if not n:
            assert y is not None
            return y
        square = matmul(square, square)


# ---------------------------------------------------------------------- the exponential

# The Pade approximant of e^x of degree 13 is p(x) / p(-x), with p(x) = sum PADE[k] x^k. It is exact to double
# precision for matrices whose 1-norm is at most PADE_REACH.
PADE = [math.comb(13, k) * math.factorial(26 - k) / math.factorial(26) for k in range(14)]
PADE_REACH = 5.37


class MatrixExp(Op):
    """y = e^x = 1 + x + x^2/2! + x^3/3! + ... = (e^(x / 2^s))^(2^s), with s such that x / 2^s is small.

    The gradient is the derivative of the exponential at x^T in the direction of g. That is a block of the
    exponential of a matrix of twice the size (Van Loan, 1978, "Computing integrals involving the matrix
    exponential"); for a complex x, read T as H:

        exp [x^T  g ]  =  [e^(x^T)   gx    ]
            [ 0  x^T]     [  0     e^(x^T) ]
    """

    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        """Higham (2005), "The scaling and squaring method for the matrix exponential revisited"."""
        xp = array_module(x)
        if not x.size:
            return x.copy()
        size = xp.abs(x).sum(axis=-2).max(axis=-1)[..., None, None]
        steps = xp.ceil(xp.log2(xp.maximum(size / PADE_REACH, 1)))
        steps = xp.where(xp.isfinite(steps), steps, 0)
        y = pade(x / 2 ** steps)
        for k in range(int(steps.max())):
            y = xp.where(k < steps, y @ y, y)
        return y.astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        n, x_h = x.shape[-1], mH(x)
        above, below = cat([x_h, g], -1), cat([x_h * 0, x_h], -1)
        return MatrixExp()(cat([above, below], -2))[..., :n, n:]


def pade(x: Array) -> Array:
    """p(x) / p(-x), in six products and one division: factor x out of the odd powers, x^6 out of the high ones."""
    xp = array_module(x)
    one, b = xp.eye(x.shape[-1], dtype=x.dtype), PADE
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one)
    even = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    return xp.linalg.solve(even - odd, even + odd)


@public
def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of a square matrix, or of each of a batch: 1 + A + A^2/2! + A^3/3! + ... (*, n, n).

        >>> import minidl
        >>> minidl.linalg.matrix_exp(minidl.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor([[1., 1.],
                [0., 1.]])
    """
    check_matrix("linalg.matrix_exp", A, square=True)
    return MatrixExp()(A)
