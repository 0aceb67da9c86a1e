"""Products of matrices: `matmul` and others, and `linear`.

`MatMul` multiplies matrices, or stacks of them. `Linear` is the layer that takes most of a network's time. A product is
linear in each factor, so its gradients are products again. Products of tensors of any shape are in `contraction.py`.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.errors import check_devices
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import promote_types
from minidl.backend.kernels.matmul import linear_forward, linear_parameter_grads
from minidl.backend.kernels.matmul import matmul as product
from minidl.ops.base.biased import Biased
from minidl.ops.base.broadcast import Shape, Sum, broadcast_shape, expand_to
from minidl.ops.base.checks import check_tensors, dtypes_clash
from minidl.ops.base.declaration import alias, in_place, public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.base.hints import cast_to, features_last
from minidl.ops.elementwise.complex_parts import conj
from minidl.ops.linalg.contraction import Contract, tensordot
from minidl.ops.reduce.sums import sum
from minidl.ops.shape.movement import diagonal
from minidl.ops.shape.views import Clone, Permute, Reshape, array_of, reshape, transpose, unsqueeze
from minidl.ops.sparse.sparse_tensor import SparseTensor

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the ops


class MatMul(Op):
    """y[..., i, j] = sum_k a[..., i, k] b[..., k, j], for matrices or stacks of the same length.

        ga = g b^T        gb = a^T g
    """

    complex_rules = "conjugated"

    def forward(self, a: Array, b: Array) -> Array:
        return product(a, b)

    def grad_a(self, g: Value, b: Value) -> Value:
        return MatMul()(g, _transposed(b))

    def grad_b(self, g: Value, a: Value) -> Value:
        return MatMul()(_transposed(a), g)


def _transposed(x: Value) -> Value:
    """Every matrix of a stack, transposed; a view."""
    return Permute((*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))(x)


class Linear(Biased):
    """y = x W^T + b for every row of x: (*, in), with W: (out, in) and b: (out,) or None.

        gx = g W        gW = g^T x, summed over all rows        gb = g, summed over all rows

    The axes of x before the last become the rows of one matrix, for one large product.
    """

    complex_rules = "conjugated"

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        y = linear_forward(rows_of(x), weight, bias)        # (rows, in) -> (rows, out)
        return y if x.ndim == 2 else y.reshape((*x.shape[:-1], len(weight)))

    def grad_x(self, g: Value, weight: Value) -> Value:
        gx = MatMul()(rows_of(g), weight)                   # (rows, out) -> (rows, in)
        return gx if g.ndim == 2 else Reshape((*g.shape[:-1], weight.shape[1]))(gx)

    def grad_weight(self, g: Value, x: Value) -> Value:
        return MatMul()(Permute((1, 0))(rows_of(g)), rows_of(x))    # -> (out, in)

    def grad_bias(self, g: Value) -> Value:
        return Sum(tuple(range(g.ndim - 1)), (g.shape[-1],))(g)

    def parameter_gradients(self, g: Array, x: Array) -> tuple[Array, Array]:
        return linear_parameter_grads(rows_of(x), rows_of(g))


def rows_of(x: Any) -> Any:
    """(*, n) -> (rows, n)"""
    return x if x.ndim == 2 else Reshape((math.prod(x.shape[:-1]), x.shape[-1]))(x)


# ---------------------------------------------------------------------- products of matrices


@public
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The matrix product, by the dimensions of the two:

    - (n,) and (n,): the dot product, ()
    - (m, k) and (k, n): the matrix product, (m, n)
    - (k,) and (k, n), or (m, k) and (k,): the vector counts as a row, or as a column: (n,), or (m,)
    - more dimensions: stacks of matrices, (*, m, k) and (*, k, n). All dimensions before the last two are broadcast; a
      vector is multiplied with every matrix of the stack.

    Both must have one dtype. Errors: RuntimeError where sizes or dtypes do not fit.

        >>> import minidl
        >>> a = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> minidl.matmul(a, minidl.tensor([1.0, 1.0]))
        tensor([3., 7.])
        >>> (minidl.ones(8, 1, 2, 3) @ minidl.ones(5, 3, 4)).shape
        (8, 5, 2, 4)
    """
    a, b = input, other
    if type(a) is SparseTensor:
        return a.matmul(b)
    if type(b) is SparseTensor:
        return b.__rmatmul__(a)
    _check_factors("matmul", a, b)
    if a.ndim == 2 == b.ndim:
        return MatMul()(a, b)
    if b.ndim == 1:     # (*, k) and (k,): the vector is a weight of one row
        return Contract(["k"], ["k"], [])(a, b) if a.ndim == 1 else \
            reshape(Linear()(a, unsqueeze(b, 0), None), tuple(a.shape[:-1]))
    if a.ndim == 1:
        y = matmul(unsqueeze(a, 0), b)                      # (*, 1, n)
        return reshape(y, (*y.shape[:-2], y.shape[-1]))
    if b.ndim == 2:     # one matrix for all: one large product
        return reshape(MatMul()(rows_of(a), b), (*a.shape[:-1], b.shape[1]))
    if a.shape[:-2] != b.shape[:-2]:
        batch = broadcast_shape("matmul", tuple(a.shape[:-2]), tuple(b.shape[:-2]))
        a, b = expand_to(a, (*batch, *a.shape[-2:])), expand_to(b, (*batch, *b.shape[-2:]))
    return MatMul()(a, b)


def _check_factors(who: str, a: Any, b: Any) -> None:
    """Check that a @ b is defined. Errors: RuntimeError, with PyTorch's words."""
    try:
        left, right = array_of(a), array_of(b)
        m, n = left.shape, right.shape
        if m and n and left.dtype == right.dtype and m[-1] == n[-2 if len(n) > 1 else -1]:
            return
    except AttributeError:
        wrong = a if not hasattr(a, "shape") else b
        raise TypeError(f"{who}(): expected two Tensors, but got {type(wrong).__name__}; "
                        f"try minidl.tensor(...) on it first") from None
    if not (m and n):
        raise RuntimeError(f"{who}: both arguments to matmul need to be at least 1D, but they are {len(m)}D "
                           f"and {len(n)}D; for a product with a number use *")
    if dtypes_clash(a, b):
        both = promote_types(a.dtype, b.dtype)
        raise RuntimeError(f"{who}: expected m1 and m2 to have the same dtype, but got: {a.dtype} != {b.dtype}; "
                           f"try .to({both}) on the {'second' if a.dtype == both else 'first'}")
    if m[-1] != n[-2 if len(n) > 1 else -1]:
        raise RuntimeError(f"{who}: {_mismatch(tuple(m), tuple(n))}")


def _check_linear(input: Any, weight: Any) -> None:
    """`_check_factors` of input and weight.T, with a hint about the input."""
    if input.ndim and input.shape[-1] == weight.shape[1] and dtypes_clash(input, weight):
        raise RuntimeError(f"linear: expected m1 and m2 to have the same dtype, but got: {input.dtype} != "
                           f"{weight.dtype}; try input{cast_to(weight.dtype)}")
    if input.ndim and input.shape[-1] != weight.shape[1]:
        (out, n), shape = weight.shape, tuple(input.shape)
        raise RuntimeError(f"linear: mat1 and mat2 shapes cannot be multiplied ({math.prod(shape[:-1])}x{shape[-1]} "
                           f"and {n}x{out}): input {shape} has {shape[-1]} features, its last axis, but weight "
                           f"{out, n} takes {n}; {features_last(shape, n, 'in_features')}")
    _check_factors("linear", input, transpose(weight, 0, 1))


def _mismatch(a: Shape, b: Shape) -> str:
    """Name the sizes that differ, and suggest a transpose that helps."""
    if len(b) == 1 == len(a):
        return (f"inconsistent tensor size, expected tensor [{a[0]}] and src [{b[0]}] to have the same number of "
                f"elements, but got {a[0]} and {b[0]} elements respectively")
    rows = math.prod(a[:-1])
    if len(b) == 1:
        return f"size mismatch, got input ({rows}), mat ({rows}x{a[-1]}), vec ({b[0]})"
    advice = "; the second fits when transposed: try .mT on it" if a[-1] == b[-1] else ""
    if len(b) == 2:
        return (f"mat1 and mat2 shapes cannot be multiplied ({rows}x{a[-1]} and {b[0]}x{b[1]}); "
                f"{a[-1]} columns meet {b[0]} rows (input {a}, other {b}){advice}")
    return (f"Expected size for first two dimensions of batch2 tensor to be: [{math.prod(b[:-2])}, {a[-1]}] but "
            f"got: [{math.prod(b[:-2])}, {b[-2]}] (input {a}, other {b}){advice}")


def _check_ndim(who: str, name: str, x: Any, ndim: int) -> None:
    if getattr(x, "ndim", None) != ndim:
        got = f"{x.ndim}D, of shape {tuple(x.shape)}" if hasattr(x, "ndim") else type(x).__name__
        kind = RuntimeError if hasattr(x, "ndim") else TypeError
        raise kind(f"{who}: {name} must be a {ndim}D tensor, but it is {got}; matmul takes other dimensions")


@public
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices, (m, k) and (k, n); `matmul` without vectors and stacks.

        >>> import minidl
        >>> minidl.mm(minidl.tensor([[1.0, 2.0]]), minidl.tensor([[3.0], [4.0]]))
        tensor([[11.]])
    """
    if type(input) is SparseTensor or type(mat2) is SparseTensor:
        return matmul(input, mat2)
    _check_ndim("mm", "input", input, 2)
    _check_ndim("mm", "mat2", mat2, 2)
    _check_factors("mm", input, mat2)
    return MatMul()(input, mat2)


spmm, dsmm = alias("spmm", mm), alias("dsmm", mm)


@public
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The products of two stacks of matrices, (B, m, k) and (B, k, n).

        >>> import minidl
        >>> minidl.bmm(minidl.ones(10, 3, 4), minidl.ones(10, 4, 5)).shape
        (10, 3, 5)
    """
    _check_batches("bmm", input, mat2)
    return MatMul()(input, mat2)


def _check_batches(who: str, batch1: Any, batch2: Any) -> None:
    """Check for two stacks of B matrices that can be multiplied. Errors: RuntimeError."""
    _check_ndim(who, "batch1", batch1, 3)
    _check_ndim(who, "batch2", batch2, 3)
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(f"{who}: Expected size for first two dimensions of batch2 tensor to be: "
                           f"[{batch1.shape[0]}, {batch1.shape[2]}] but got: [{batch2.shape[0]}, {batch2.shape[1]}]; "
                           f"matmul broadcasts")
    _check_factors(who, batch1, batch2)


@public
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A matrix (m, k) times a vector (k,).

        >>> import minidl
        >>> minidl.mv(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), minidl.tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    if type(input) is SparseTensor:
        return matmul(input, vec)
    _check_ndim("mv", "input", input, 2)
    _check_ndim("mv", "vec", vec, 1)
    return matmul(input, vec)


@public
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sum_i a_i b_i of two vectors.

        >>> import minidl
        >>> minidl.dot(minidl.tensor([2, 3]), minidl.tensor([2, 1]))
        tensor(7)
    """
    if getattr(input, "ndim", None) != 1 or getattr(tensor, "ndim", None) != 1:
        raise RuntimeError(f"dot: 1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors; "
                           f"try matmul, or (a * b).sum()")
    return matmul(input, tensor)


@public
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sum_i conj(a_i) b_i of two vectors; `dot` for real numbers.

        >>> import minidl
        >>> minidl.vdot(minidl.tensor([1j, 2]), minidl.tensor([1j, 3]))
        tensor(7.+0.j)
    """
    return dot(conj(input), other)


@public
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """sum_i conj(x_i) y_i along a dimension; the others are broadcast.

        >>> import minidl
        >>> minidl.linalg.vecdot(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), minidl.tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    return sum(conj(x) * y, dim)


@public
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The dot products of all vectors along the last dimensions: (*, n) and (+, n) -> (*, +).

    A number multiplies the other tensor.

    Errors: RuntimeError where the last sizes differ.

        >>> import minidl
        >>> minidl.inner(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), minidl.tensor([1.0, 1.0]))
        tensor([3., 7.])
    """
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes "
                           f"{list(input.shape)} and {list(other.shape)}")
    return tensordot(input, other, dims=([-1], [-1]))


@public
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """y[i, j] = a_i b_j of two vectors, (m,) and (n,).

        >>> import minidl
        >>> minidl.outer(minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    _check_ndim("outer", "input", input, 1)
    _check_ndim("outer", "vec2", vec2, 1)
    return unsqueeze(input, 1) * unsqueeze(vec2, 0)


ger = alias("ger", outer)


@public
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x W^T + b: every output is a weighted sum of the inputs, plus a bias.

    input: (*, in), weight: (out, in), bias: (out,) or None; returns (*, out). A weight (in,) gives (*).
    Errors: RuntimeError where sizes or dtypes do not fit.

        >>> import minidl
        >>> from minidl.nn import functional as F
        >>> F.linear(minidl.tensor([[1.0, 2.0]]), minidl.tensor([[3.0, 4.0]]), minidl.tensor([5.0]))
        tensor([[16.]])
    """
    if _fit(input, weight, bias):
        return Linear()(input, weight, bias)
    check_tensors("linear", input=input, weight=weight, bias=weight if bias is None else bias)
    if weight.ndim != 2:
        _check_ndim("linear", "weight", weight, 1)
        y = matmul(input, weight)
        return y if bias is None else y + bias
    out, n = array_of(weight).shape
    array = array_of(input)
    if not array.ndim or array.shape[-1] != n or array.dtype != array_of(weight).dtype:
        _check_linear(input, weight)
    if bias is not None and tuple(bias.shape) != (out,):
        try:
            bias = expand_to(bias, (out,))
        except ValueError:
            raise RuntimeError(f"linear: bias expects shape ({out},), one for each row of weight "
                               f"{tuple(weight.shape)}, but got {tuple(bias.shape)}") from None
    if bias is not None and bias.dtype != weight.dtype and dtypes_clash(bias, weight):
        raise RuntimeError(f"linear: expected bias and weight to have the same dtype, but got: {bias.dtype} != "
                           f"{weight.dtype}")
    return Linear()(input, weight, bias)


def _fit(input: Any, weight: Any, bias: Any) -> bool:
    """Whether these are Tensors of one dtype, (*, in), (out, in) and (out,) or None: then there is nothing to check."""
    if not (isinstance(input, TensorBase) and isinstance(weight, TensorBase)):
        return False
    x, w = input.array, weight.array
    if w.ndim != 2 or x.dtype is not w.dtype or x.shape[-1:] != w.shape[1:]:
        return False
    return bias is None or (
        isinstance(bias, TensorBase) and bias.array.dtype is w.dtype and bias.array.shape == w.shape[:1])


@public
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1,
          out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2). With beta=0, `input` is ignored, even if it is nan.

        >>> import minidl
        >>> minidl.addmm(minidl.ones(2), minidl.eye(2), minidl.eye(2), alpha=2)
        tensor([[3., 1.],
                [1., 3.]])
    """
    return _add_product(input, mm(mat1, mat2), beta, alpha, "addmm")

addmm_ = in_place(addmm)


@public
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1,
          out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * (mat @ vec).

        >>> import minidl
        >>> minidl.addmv(minidl.ones(2), minidl.eye(2), minidl.ones(2))
        tensor([2., 2.])
    """
    return _add_product(input, mv(mat, vec), beta, alpha, "addmv")

addmv_ = in_place(addmv)


@public
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1,
            out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), for stacks of matrices.

        >>> import minidl
        >>> minidl.baddbmm(minidl.zeros(3), minidl.ones(1, 2, 4), minidl.ones(1, 4, 3))
        tensor([[[4., 4., 4.],
                 [4., 4., 4.]]])
    """
    return _add_product(input, bmm(batch1, batch2), beta, alpha, "baddbmm")

baddbmm_ = in_place(baddbmm)


@public
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1,
           out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * (the sum of all products in batch1 @ batch2): (B, m, k) and (B, k, n) -> (m, n).

        >>> import minidl
        >>> minidl.addbmm(minidl.zeros(2), minidl.ones(5, 1, 3), minidl.ones(5, 3, 2))
        tensor([[15., 15.]])
    """
    _check_batches("addbmm", batch1, batch2)
    return _add_product(input, Contract("bik", "bkj", "ij")(batch1, batch2), beta, alpha, "addbmm")

addbmm_ = in_place(addbmm)


@public
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1,
         out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2).

        >>> import minidl
        >>> minidl.addr(minidl.zeros(2), minidl.tensor([1.0, 2.0]), minidl.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    _check_ndim("addr", "vec1", vec1, 1)
    _check_ndim("addr", "vec2", vec2, 1)
    return _add_product(input, outer(vec1, vec2), beta, alpha, "addr")

addr_ = in_place(addr)


def _add_product(input: Any, y: Any, beta: float, alpha: float, who: str) -> Any:
    if broadcast_shape(who, tuple(input.shape), tuple(y.shape)) != tuple(y.shape):
        raise RuntimeError(f"{who}: input, of shape {tuple(input.shape)}, cannot be expanded to the shape of "
                           f"the product, {tuple(y.shape)}")
    if alpha != 1:
        y = y * alpha
    return y if beta == 0 else (input if beta == 1 else input * beta) + y


def mT(input: Tensor, who: str = "mT") -> Any:
    """`Tensor.mT`: transpose every matrix, (*, m, n) -> (*, n, m), a view; a number stays itself.

    Errors: RuntimeError for a vector.
    """
    if input.ndim == 1:
        raise RuntimeError(f"tensor.{who} is only supported on matrices or batches of matrices. Got 1-D tensor; try "
                           f"unsqueeze(-1) for a column")
    return transpose(input, -2, -1) if input.ndim else input


@public
def adjoint(input: Tensor) -> Tensor:
    """Transpose and conjugate every matrix, (*, m, n) -> (*, n, m); a view if it is real.

    Errors: RuntimeError for a vector.

        >>> import minidl
        >>> minidl.adjoint(minidl.tensor([[1j, 2], [3, 4j]]))
        tensor([[0.-1.j, 3.-0.j],
                [2.-0.j, 0.-4.j]])
    """
    return conj(mT(input, "adjoint"))


def H(input: Tensor) -> Any:
    """`Tensor.H`: the adjoint of a matrix. Errors: RuntimeError unless 2D."""
    if input.ndim != 2:
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {input.ndim}-D tensor; try .mH, "
                           f"or .conj()")
    return adjoint(input)


@public
def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Multiply two or more matrices, in the cheapest order.

    The first and the last may be vectors: a row and a column. Source of the search: Cormen, Leiserson, Rivest, Stein,
    Introduction to Algorithms, "Matrix-chain multiplication".
    Errors: RuntimeError for fewer than two, and where sizes do not fit.

        >>> import minidl
        >>> from minidl.ops.linalg import multi_dot
        >>> multi_dot([minidl.ones(2, 100), minidl.ones(100, 3), minidl.ones(3, 1)]).shape
        (2, 1)
    """
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, last = tensors[0].ndim == 1, tensors[-1].ndim == 1
    chain = list(tensors)
    if first:
        chain[0] = unsqueeze(chain[0], 0)
    if last:
        chain[-1] = unsqueeze(chain[-1], 1)
    for i, x in enumerate(chain):
        _check_ndim("multi_dot", f"tensor {i}", x, 2)
    for a, b in zip(chain, chain[1:]):
        _check_factors("multi_dot", a, b)
    y = _multiply_cheapest(chain)
    return reshape(y, y.shape[first:2 - last])


@public
def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """`multi_dot` of matrices given as separate arguments.

        >>> import minidl
        >>> minidl.chain_matmul(minidl.ones(2, 100), minidl.ones(100, 3), minidl.ones(3, 1)).shape
        (2, 1)
    """
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"chain_matmul: expected matrices, of 2 dimensions, but got shape {tuple(x.shape)}")
    return Clone("C")(matrices[0]) if len(matrices) == 1 else multi_dot(matrices)


def _multiply_cheapest(chain: list[Any]) -> Any:
    """Multiply a chain of matrices. cost[i, j] is the least work for the product of i to j."""
    rows = [x.shape[0] for x in chain] + [chain[-1].shape[1]]
    n = len(chain)
    cost = {(i, i): 0 for i in range(n)}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], cut[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + rows[i] * rows[k + 1] * rows[j + 1], k) for k in range(i, j))

    def multiply(i: int, j: int) -> Any:
        return chain[i] if i == j else MatMul()(multiply(i, cut[i, j]), multiply(cut[i, j] + 1, j))
    return multiply(0, n - 1)


# ---------------------------------------------------------------------- trace, Kronecker and cross product


@public
def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

        >>> import minidl
        >>> minidl.trace(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor(5.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return sum(diagonal(input))


@public
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: every element of `input` times the whole of `other`, as blocks.

        >>> import minidl
        >>> minidl.kron(minidl.tensor([1, 10]), minidl.tensor([1, 2]))
        tensor([ 1,  2, 10, 20])
    """
    ndim = max(input.ndim, other.ndim)
    a, b = ((1,) * (ndim - x.ndim) + tuple(x.shape) for x in (input, other))
    y = reshape(input, [n for i in a for n in (i, 1)]) * reshape(other, [n for j in b for n in (1, j)])
    return reshape(y, [i * j for i, j in zip(a, b)])        # (a0, b0, a1, b1, ...) -> (a0 b0, a1 b1, ...)


class Cross(Op):
    """y = a x b in space;  (a x b) . g = a . (b x g) = b . (g x a) gives both gradients"""

    complex_rules = "conjugated"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, a: Array, b: Array) -> Array:
        check_devices("linalg.cross", (a, b))       # CuPy would copy one from the CPU
        return array_module(a).cross(a, b, axis=self.axis)

    def grad_a(self, g: Value, b: Value) -> Value:
        return Cross(self.axis)(b, g)

    def grad_b(self, g: Value, a: Value) -> Value:
        return Cross(self.axis)(g, a)


@public
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The cross product along a dimension of size 3 (default: the first such); others broadcast.

    Errors: RuntimeError where there is no such dimension.

        >>> import minidl
        >>> minidl.cross(minidl.tensor([1.0, 0.0, 0.0]), minidl.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError(f"cross: inputs must have the same number of dimensions, but got {input.ndim} and "
                           f"{other.ndim}")
    shape = broadcast_shape("cross", tuple(input.shape), tuple(other.shape))
    if dim is None and 3 not in shape:
        raise RuntimeError(f"cross: no dimension of size 3 in input, of shape {tuple(input.shape)}")
    axis = shape.index(3) if dim is None else normalize_dim(dim, len(shape), "cross")
    a, b = expand_to(input, shape), expand_to(other, shape)
    if shape[axis] != 3:
        raise RuntimeError(f"cross: inputs dimension {dim} must have length 3. Got {shape[axis]}")
    return Cross(axis)(a, b)
