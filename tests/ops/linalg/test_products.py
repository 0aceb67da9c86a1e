"""Products of matrices: matmul by all its rules, linear and their kin."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops.linalg import products
from tests.checking import Case, S, check_case
from tests.ops import rows
from tests.ops.rows import row

INTS = np.arange(6).reshape(2, 3)


def loop_matmul(a, b):
    """By the definition: one sum for every entry of every matrix of the broadcast stack."""
    row, column = a.ndim == 1, b.ndim == 1
    a = a[None, :] if row else a
    b = b[:, None] if column else b
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    y = np.zeros((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    for at in np.ndindex(*y.shape):
        *n, i, j = at
        y[at] = sum(a[(*n, i, k)] * b[(*n, k, j)] for k in range(a.shape[-1]))
    y = y[..., 0, :] if row else y
    return y[..., 0] if column else y


def loop_linear(x, weight, bias=None):
    y = np.zeros((*x.shape[:-1], len(weight)))
    for at in np.ndindex(*y.shape):
        y[at] = sum(x[(*at[:-1], k)] * weight[at[-1], k] for k in range(x.shape[-1]))
        y[at] += 0 if bias is None else np.broadcast_to(bias, len(weight))[at[-1]]
    return y


FACTORS = [((3,), (3,)), ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)),
           ((2, 3), (5, 3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4)), ((2, 1, 2, 3), (5, 3, 4)), ((5, 1, 3), (1, 3, 1)),
           ((2, 2, 3, 3), (2, 1, 3, 2)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 2)), ((0, 2, 3), (3, 4)),
           ((0,), (0,)), ((2, 0), (0,)), ((2, 0, 3), (2, 3, 4)), ((0, 2, 3), (3,))]

MISFITS = [
    (S((2, 3), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    (S((2, 3), (5, 3)), RuntimeError, "try .mT on it"),
    (S((3,), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)"),
    (S((2, 2, 3), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (4x3 and 4x5)"),
    (S((2, 3), (4,)), RuntimeError, "size mismatch, got input (2), mat (2x3), vec (4)"),
    (S((3,), (4,)), RuntimeError, "inconsistent tensor size, expected tensor [3] and src [4]"),
    (S((2, 2, 3), (2, 4, 5)), RuntimeError, "Expected size for first two dimensions of batch2 tensor to be: [2, 3]"),
    (S((2, 2, 3), (5, 3, 5)), RuntimeError, "matmul: shapes (>2<) and (>5<) cannot be broadcast"),
    (S((), (2,)), RuntimeError, "both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
    (S((2,), 3.0), TypeError, "expected two Tensors, but got float"),
    (S((2, 3), INTS.T), RuntimeError, "expected m1 and m2 to have the same dtype, but got: float64 != int64"),
]

CASES = [
    Case(minidl.Tensor.matmul, [*[S(a, b) for a, b in FACTORS], S(INTS, INTS.T), S(INTS[0], INTS[0])],
         loop_matmul, torch="matmul", float16=True, errors=MISFITS, name="matmul"),
    Case(products.mm, [S((2, 3), (3, 4))], loop_matmul, torch="mm", name="mm",
         errors=[(S((2,), (2, 3)), RuntimeError, "mm: input must be a 2D tensor, but it is 1D, of shape (2,)"),
                 (S((2, 3), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
                 (S(1.0, (4, 5)), TypeError, "mm: input must be a 2D tensor, but it is float")]),
    row("mm", S((2, 3), (3, 4)), S((1, 1), (1, 1)), S((0, 2), (2, 3)), S(rows.INTS, rows.INTS.T.copy())),
    Case(products.bmm, [S((4, 2, 3), (4, 3, 5)), S((0, 2, 3), (0, 3, 5))], loop_matmul, torch="bmm", name="bmm",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "batch1 must be a 3D tensor"),
                 (S((2, 3, 4), (3, 4, 5)), RuntimeError, "Expected size for first two dimensions of batch2 tensor to "
                                                         "be: [2, 4] but got: [3, 4]")]),
    row("bmm",
        S((4, 2, 5), (4, 5, 3)),
        S((1, 2, 2), (1, 2, 1)),
        S((0, 2, 2), (0, 2, 2)),
        S(rows.INTS[None], rows.INTS.T[None].copy())),
    Case(products.mv, [S((2, 3), (3,))], loop_matmul, torch="mv", name="mv",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "mv: vec must be a 1D tensor")]),
    row("mv", S((2, 3), (3,)), S((1, 1), (1,)), S((0, 2), (2,)), S(rows.INTS, rows.INTS[0])),
    Case(products.dot, [S((5,), (5,)), S((0,), (0,))], loop_matmul, torch="dot", name="dot",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "1D tensors expected, but got 2D and 2D tensors")]),
    row("dot", S((3,), (3,)), S((0,), (0,)), S(rows.INTS[0], rows.INTS[1]), S((1,), (1,))),
    Case(products.vdot, [S((5,), (5,))], loop_matmul, torch="vdot", name="vdot"),
    row("vdot", S((3,), (3,)), S((0,), (0,)), S(rows.INTS[0], rows.INTS[1]), S((1,), (1,))),
    Case(products.outer, [S((3,), (4,)), S((0,), (4,))], np.outer, torch="outer", name="outer",
         errors=[(S((2, 2), (2,)), RuntimeError, "outer: input must be a 1D tensor")]),
    row("ger", S((2,), (3,)), S((1,), (1,)), S((0,), (2,)), S(rows.INTS[0], rows.INTS[1])),
    row("outer", S((2,), (3,)), S((1,), (1,)), S((0,), (2,)), S(rows.INTS[0], rows.INTS[1])),
    Case(products.linear, [
        S((2, 3), (4, 3), (4,)),
        S((2, 3), (4, 3)),
        S((3,), (4, 3), (4,)),
        S((2, 5, 3), (4, 3), (4,)),
        S((0, 3), (4, 3), (4,)),
        S((2, 0), (4, 0), (4,)),
        S((2, 3), (4, 3), (1,)),
        S((2, 0, 3), (4, 3)),
    ], loop_linear, torch="linear", float16=True, name="linear", errors=[
        (S((2, 3), (5, 4)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
        (S((2, 3), (5, 3), (4,)), RuntimeError, "linear: bias expects shape (5,)"),
        (S((2, 3), (5, 3), (2, 5)), RuntimeError, "linear: bias expects shape (5,)"),
        (S(INTS, (5, 3)), RuntimeError, "have the same dtype, but got: int64 != float64"),
        (S((2, 3), (2, 5, 3)), RuntimeError, "linear: weight must be a"),
    ]),
    Case(products.linear, [S((2, 3), (3,)), S((3,), (3,))], torch="linear", name="linear with one output"),
    Case(minidl.Tensor.addmm, [S((4,), (2, 3), (3, 4)), S((2, 4), (2, 3), (3, 4), beta=0.5, alpha=2.0),
                               S((), (2, 3), (3, 4), beta=0)], torch="addmm", name="addmm",
         errors=[(S((3,), (2, 4), (4, 5)), RuntimeError, "cannot be broadcast"),
                 (S((2, 2, 4), (2, 3), (3, 4)), RuntimeError, "cannot be expanded to the shape of the product")]),
    row("addmm",
        S((2, 3), (2, 4), (4, 3)),
        S((3,), (2, 4), (4, 3), beta=0.5),
        S((), (2, 4), (4, 3), alpha=2),
        S((2, 3), (2, 0), (0, 3)),
        S(rows.INTS, rows.INTS[:, :2], rows.INTS)),
    Case(products.addmv, [S((2,), (2, 3), (3,)), S((2,), (2, 3), (3,), beta=2, alpha=3)], torch="addmv", name="addmv"),
    row("addmv",
        S((2,), (2, 3), (3,)),
        S((), (2, 3), (3,), beta=0.5),
        S((1,), (2, 3), (3,), alpha=-1.0),
        S((2,), (2, 0), (0,))),
    Case(products.baddbmm, [S((5, 2, 4), (5, 2, 3), (5, 3, 4)), S((4,), (5, 2, 3), (5, 3, 4), beta=2, alpha=0.5)],
         torch="baddbmm", name="baddbmm"),
    row("baddbmm",
        S((4, 2, 3), (4, 2, 5), (4, 5, 3)),
        S((3,), (1, 2, 5), (1, 5, 3), beta=0.5),
        S((2, 1), (4, 2, 1), (4, 1, 3), alpha=2),
        S((4, 2, 3), (4, 2, 0), (4, 0, 3))),
    Case(products.multi_dot, [S([(2, 3), (3, 4)]), S([(2, 7), (7, 3), (3, 5), (5, 1)]), S([(3,), (3, 2), (2,)]),
                            S([(3,), (3, 2), (2, 4)]), S([(2, 3), (3, 4), (4,)])],
         lambda xs: np.linalg.multi_dot(xs),
         torch=lambda xs: __import__("torch").linalg.multi_dot(xs),
         name="multi_dot",
         errors=[(S([(2, 3)]), RuntimeError, "expected at least 2 tensors but got 1"),
                 (S([(2, 3), (4, 5), (5, 6)]), RuntimeError, "cannot be multiplied (2x3 and 4x5)")]),
    Case(products.chain_matmul, [S((2, 3), (3, 4), (4, 2)), S((2, 3))], torch="chain_matmul", name="chain_matmul"),
    row("chain_matmul", S((2, 3), (3, 4)), S((2, 3), (3, 4), (4, 1)), S((2, 2)), S((1, 5), (5, 1), (1, 3), (3, 2))),
    Case(minidl.Tensor.trace, [S((3, 3)), S((2, 4)), S(INTS), S((0, 3))], np.trace, torch="trace", name="trace",
         errors=[(S((3,)), RuntimeError, "trace: expected a matrix, but got tensor with dim 1")]),
    Case(products.kron, [S((2, 3), (3, 2)), S((2,), (2, 3)), S((2, 1, 3), (2,)), S((), (2, 2)), S(INTS, INTS)],
         np.kron, torch="kron", name="kron"),
    Case(
        products.cross,
        [S((3,), (3,)), S((2, 3), (2, 3)), S((3, 4), (3, 4)), S((2, 3), (1, 3), dim=1), S((3, 3), (3, 3), 1)],
        torch="cross", name="cross",
        errors=[(S((2, 2), (2, 2)), RuntimeError, "no dimension of size 3 in input"),
                (S((2, 2), (2, 2), 1), RuntimeError, "inputs dimension 1 must have length 3. Got 2")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:.*deprecated.*", "ignore:Using torch.cross")
def test_battery(case):
    check_case(case)


def test_linear_by_hand():
    """y = 1*3 + 2*4 + 5; dy/dx = W, dy/dW = x, dy/db = 1."""
    x = minidl.tensor([[1.0, 2.0]], requires_grad=True)
    weight = minidl.tensor([[3.0, 4.0]], requires_grad=True)
    bias = minidl.tensor([5.0], requires_grad=True)
    y = products.linear(x, weight, bias)
    y.backward(minidl.ones(1, 1))
    assert y.tolist() == [[16.0]]
    assert x.grad.tolist() == [[3.0, 4.0]]
    assert weight.grad.tolist() == [[1.0, 2.0]]
    assert bias.grad.tolist() == [1.0]


def test_linear_gradients_of_all_rows_add_up():
    x = minidl.tensor([[[1.0, 2.0]], [[3.0, 4.0]]], requires_grad=True)     # (2, 1, 2)
    weight = minidl.tensor([[1.0, 1.0]], requires_grad=True)
    bias = minidl.tensor([0.0], requires_grad=True)
    products.linear(x, weight, bias).sum().backward()
    assert weight.grad.tolist() == [[4.0, 6.0]] and bias.grad.tolist() == [2.0]


def test_only_the_wanted_gradients_are_computed():
    x, weight = minidl.ones(2, 3), minidl.ones(4, 3, requires_grad=True)
    y = products.linear(x, weight)
    assert set(y.grad_fn.kept) == {"x"}


def test_float16_is_multiplied_in_more_digits():
    x = minidl.ones(1, 5000, dtype=minidl.float16)
    assert (x @ x.mT).tolist() == [[5000.0]]
    assert products.linear(x, x).tolist() == [[5000.0]]


def test_beta_zero_ignores_what_is_added():
    y = products.addmm(minidl.tensor(math.nan), minidl.ones(2, 3), minidl.ones(3, 2), beta=0)
    assert y.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_multi_dot_takes_the_cheapest_order(monkeypatch):
    """(10 x 100)(100 x 5)(5 x 50): 7,500 multiplications from the left, 75,000 from the right."""
    shapes = []
    product = products.product

    def spy(a, b):
        shapes.append((a.shape, b.shape))
        return product(a, b)
    monkeypatch.setattr(products, "product", spy)
    products.multi_dot([minidl.ones(10, 100), minidl.ones(100, 5), minidl.ones(5, 50)])
    assert shapes == [((10, 100), (100, 5)), ((10, 5), (5, 50))]


def test_plain_arrays_give_plain_arrays():
    a = np.arange(4.0).reshape(2, 2)
    for y in (products.matmul(a, a), products.addr(a, a[0], a[1]), products.linear(a, a), products.trace(a)):
        assert isinstance(y, (np.ndarray, np.generic))
