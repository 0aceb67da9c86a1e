"""Products of matrices and tensors: matmul by all its rules, linear, einsum and their kin."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.ops import linalg
from tests.checking import Case, S, check_case

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


def loop_einsum(equation, *operands):
    """By the definition: run every letter over its size."""
    terms, _, out = equation.partition("->")
    terms = terms.split(",")
    size = {i: n for term, x in zip(terms, operands) for i, n in zip(term, x.shape)}
    y = np.zeros([size[i] for i in out])
    for at in itertools.product(*map(range, size.values())):
        where = dict(zip(size, at))
        y[tuple(where[i] for i in out)] += math.prod(
            x[tuple(where[i] for i in term)] for term, x in zip(terms, operands))
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
    Case(linalg.mm, [S((2, 3), (3, 4))], loop_matmul, torch="mm", name="mm",
         errors=[(S((2,), (2, 3)), RuntimeError, "mm: input must be a 2D tensor, but it is 1D, of shape (2,)"),
                 (S((2, 3), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
                 (S(1.0, (4, 5)), TypeError, "mm: input must be a 2D tensor, but it is float")]),
    Case(linalg.bmm, [S((4, 2, 3), (4, 3, 5)), S((0, 2, 3), (0, 3, 5))], loop_matmul, torch="bmm", name="bmm",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "batch1 must be a 3D tensor"),
                 (S((2, 3, 4), (3, 4, 5)), RuntimeError, "Expected size for first two dimensions of batch2 tensor to "
                                                         "be: [2, 4] but got: [3, 4]")]),
    Case(linalg.mv, [S((2, 3), (3,))], loop_matmul, torch="mv", name="mv",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "mv: vec must be a 1D tensor")]),
    Case(linalg.dot, [S((5,), (5,)), S((0,), (0,))], loop_matmul, torch="dot", name="dot",
         errors=[(S((2, 3), (2, 3)), RuntimeError, "1D tensors expected, but got 2D and 2D tensors")]),
    Case(linalg.vdot, [S((5,), (5,))], loop_matmul, torch="vdot", name="vdot"),
    Case(linalg.outer, [S((3,), (4,)), S((0,), (4,))], np.outer, torch="outer", name="outer",
         errors=[(S((2, 2), (2,)), RuntimeError, "outer: input must be a 1D tensor")]),
    Case(linalg.linear, [S((2, 3), (4, 3), (4,)), S((2, 3), (4, 3)), S((3,), (4, 3), (4,)), S((2, 5, 3), (4, 3), (4,)),
                         S((0, 3), (4, 3), (4,)), S((2, 0), (4, 0), (4,)), S((2, 3), (4, 3), (1,)), S((2, 0, 3), (4, 3))],
         loop_linear, torch="linear", float16=True, name="linear",
         errors=[(S((2, 3), (5, 4)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
                 (S((2, 3), (5, 3), (4,)), RuntimeError, "linear: bias expects shape (5,)"),
                 (S((2, 3), (5, 3), (2, 5)), RuntimeError, "linear: bias expects shape (5,)"),
                 (S(INTS, (5, 3)), RuntimeError, "have the same dtype, but got: int64 != float64"),
                 (S((2, 3), (2, 5, 3)), RuntimeError, "linear: weight must be a")]),
    Case(linalg.linear, [S((2, 3), (3,)), S((3,), (3,))], torch="linear", name="linear with one output"),
    Case(minidl.Tensor.addmm, [S((4,), (2, 3), (3, 4)), S((2, 4), (2, 3), (3, 4), beta=0.5, alpha=2.0),
                               S((), (2, 3), (3, 4), beta=0)], torch="addmm", name="addmm",
         errors=[(S((3,), (2, 4), (4, 5)), RuntimeError, "cannot be broadcast"),
                 (S((2, 2, 4), (2, 3), (3, 4)), RuntimeError, "cannot be expanded to the shape of the product")]),
    Case(linalg.addmv, [S((2,), (2, 3), (3,)), S((2,), (2, 3), (3,), beta=2, alpha=3)], torch="addmv", name="addmv"),
    Case(linalg.baddbmm, [S((5, 2, 4), (5, 2, 3), (5, 3, 4)), S((4,), (5, 2, 3), (5, 3, 4), beta=2, alpha=0.5)],
         torch="baddbmm", name="baddbmm"),
    Case(linalg.multi_dot, [S([(2, 3), (3, 4)]), S([(2, 7), (7, 3), (3, 5), (5, 1)]), S([(3,), (3, 2), (2,)]),
                            S([(3,), (3, 2), (2, 4)]), S([(2, 3), (3, 4), (4,)])],
         lambda xs: np.linalg.multi_dot(xs), torch=lambda xs: __import__("torch").linalg.multi_dot(xs), name="multi_dot",
         errors=[(S([(2, 3)]), RuntimeError, "expected at least 2 tensors but got 1"),
                 (S([(2, 3), (4, 5), (5, 6)]), RuntimeError, "cannot be multiplied (2x3 and 4x5)")]),
    Case(linalg.chain_matmul, [S((2, 3), (3, 4), (4, 2)), S((2, 3))], torch="chain_matmul", name="chain_matmul"),
    Case(linalg.einsum, [S("ij,jk->ik", (2, 3), (3, 4)), S("ij->ji", (2, 3)), S("ii->i", (3, 3)), S("ii->", (3, 3)),
                         S("i,j->ij", (2,), (3,)), S("ij,ij->ij", (2, 3), (2, 3)), S("ij,ij->", (2, 3), (2, 3)),
                         S("bij,bjk->bik", (2, 3, 4), (2, 4, 2)), S("bnhd,bmhd->bhnm", (2, 3, 2, 4), (2, 5, 2, 4)),
                         S("ij,k->j", (2, 3), (4,)), S("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), S("ijk->", (2, 3, 2)),
                         S("iij,jk->ki", (2, 2, 3), (3, 2)), S("a,ab,abc->c", (2,), (2, 3), (2, 3, 2)),
                         S("ij,jk->ki", (2, 3), (3, 4)), S("i,i,i->i", (3,), (3,), (3,)), S("iii->i", (2, 2, 2)),
                         S("ij,ji->", (2, 3), (3, 2)), S("bi,oij,bj->bo", (2, 3), (4, 3, 2), (2, 2)),
                         S("ij,jk->ik", (0, 3), (3, 2)), S("ij,jk->ik", (2, 0), (0, 2)), S("i->", (3,)), S("->", ())],
         loop_einsum, torch="einsum", name="einsum",
         errors=[(S("ij,jk->ik", (2, 3), (4, 5)), RuntimeError, "subscript j has size 4 for operand 1 which does not "
                                                                "broadcast with previously seen size 3"),
                 (S("ij->ik", (2, 3)), RuntimeError, "output subscript k does not appear in the equation for any input"),
                 (S("ij->ii", (2, 3)), RuntimeError, "output subscript i appears more than once in the output"),
                 (S("ijk", (2, 3)), RuntimeError, "the number of subscripts in the equation (3) does not match the "
                                                  "number of dimensions (2) for operand 0"),
                 (S("i", (2, 3)), RuntimeError, "and no ellipsis was given"),
                 (S("ij,jk", (2, 3)), RuntimeError, "describes 2 operands, but 1 were provided"),
                 (S("i1", (2, 3)), RuntimeError, "subscripts must be in [a-zA-Z]"),
                 (S("ii", (2, 3)), RuntimeError, "subscript i is repeated for operand 0"),
                 (S("ij,jk", (2, 3), INTS.T), RuntimeError, "expected all operands to have the dtype of the first")]),
    Case(linalg.einsum, [S("ij,jk", (2, 3), (3, 4)), S("ba,b", (2, 3), (2,)), S("...ij,...jk", (2, 2, 3), (3, 2)),
                         S("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)), S("i...->i", (2, 3, 4)), S("i...", (2, 3)),
                         S("...", (2, 3)), S("b...i,...i->...b", (2, 3, 4), (3, 4)), S("ij,jk->ik", (2, 1), (3, 4)),
                         S("ij,ij->ij", (2, 1), (2, 3)), S(" i j , j k -> i k ", (2, 3), (3, 4)), S("Ab,bA", (2, 3), (3, 2)),
                         S("bA", (2, 3)), S("...i,...i->...", (3, 4), (4,)), S("ij,jk->ik", [(2, 3), (3, 4)]),
                         S("ii,i->i", (3, 3), (1,)), S("ij,kl->", (2, 3), (2, 2))],
         torch="einsum", name="einsum implied"),
    Case(linalg.tensordot, [S((2, 3, 4), (3, 4, 5)), S((2, 3), (3, 4), 1), S((2, 3), (4,), 0),
                            S((2, 3, 4), (4, 3, 5), dims=([1, 2], [1, 0])), S((2, 3), (2, 3), dims=([0, 1], [0, 1])),
                            S((2, 3, 4), (5, 4, 2), dims=([0, -1], [2, 1]))],
         lambda a, b, dims=2: np.tensordot(a, b, dims), torch="tensordot", name="tensordot",
         errors=[(S((2, 3), (4, 5), 1), RuntimeError, "contracted dimensions need to match"),
                 (S((2, 3), (3, 5), 3), RuntimeError, "but got dims=3"),
                 (S((2, 3), (3, 5), dims=([1], [0, 1])), RuntimeError, "should have same length")]),
    Case(minidl.Tensor.trace, [S((3, 3)), S((2, 4)), S(INTS), S((0, 3))], np.trace, torch="trace", name="trace",
         errors=[(S((3,)), RuntimeError, "trace: expected a matrix, but got tensor with dim 1")]),
    Case(linalg.kron, [S((2, 3), (3, 2)), S((2,), (2, 3)), S((2, 1, 3), (2,)), S((), (2, 2)), S(INTS, INTS)],
         np.kron, torch="kron", name="kron"),
    Case(linalg.cross, [S((3,), (3,)), S((2, 3), (2, 3)), S((3, 4), (3, 4)), S((2, 3), (1, 3), dim=1), S((3, 3), (3, 3), 1)],
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
    y = linalg.linear(x, weight, bias)
    y.backward(minidl.ones(1, 1))
    assert y.tolist() == [[16.0]]
    assert x.grad.tolist() == [[3.0, 4.0]]
    assert weight.grad.tolist() == [[1.0, 2.0]]
    assert bias.grad.tolist() == [1.0]


def test_linear_gradients_of_all_rows_add_up():
    x = minidl.tensor([[[1.0, 2.0]], [[3.0, 4.0]]], requires_grad=True)     # (2, 1, 2)
    weight = minidl.tensor([[1.0, 1.0]], requires_grad=True)
    bias = minidl.tensor([0.0], requires_grad=True)
    linalg.linear(x, weight, bias).sum().backward()
    assert weight.grad.tolist() == [[4.0, 6.0]] and bias.grad.tolist() == [2.0]


def test_only_the_wanted_gradients_are_computed():
    x, weight = minidl.ones(2, 3), minidl.ones(4, 3, requires_grad=True)
    y = linalg.linear(x, weight)
    assert set(y.grad_fn.kept) == {"x"}


def test_float16_is_multiplied_in_more_digits():
    x = minidl.ones(1, 5000, dtype=minidl.float16)
    assert (x @ x.mT).tolist() == [[5000.0]]
    assert linalg.linear(x, x).tolist() == [[5000.0]]


def test_beta_zero_ignores_what_is_added():
    y = linalg.addmm(minidl.tensor(math.nan), minidl.ones(2, 3), minidl.ones(3, 2), beta=0)
    assert y.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_multi_dot_takes_the_cheapest_order(monkeypatch):
    """(10 x 100)(100 x 5)(5 x 50): 7,500 multiplications from the left, 75,000 from the right."""
    shapes = []
    product = linalg.product

    def spy(a, b):
        shapes.append((a.shape, b.shape))
        return product(a, b)
    monkeypatch.setattr(linalg, "product", spy)
    linalg.multi_dot([minidl.ones(10, 100), minidl.ones(100, 5), minidl.ones(5, 50)])
    assert shapes == [((10, 100), (100, 5)), ((10, 5), (5, 50))]


def test_einsum_never_multiplies_more_than_two_at_once():
    """A chain of three would take n^4 steps and a huge array in one go; in pairs it is two matrix products."""
    a = minidl.ones(60, 60)
    assert linalg.einsum("ij,jk,kl,lm->im", a, a, a, a).max().item() == 60.0 ** 3


def test_plain_arrays_give_plain_arrays():
    a = np.arange(4.0).reshape(2, 2)
    for y in (linalg.matmul(a, a), linalg.einsum("ij,jk", a, a), linalg.linear(a, a), linalg.trace(a)):
        assert isinstance(y, (np.ndarray, np.generic))


def test_the_product_of_strided_matrices_is_laid_out_in_rows():
    """Whichever order of labels: what comes after should not have to read with a stride."""
    a, b = np.ones((8, 3)), np.ones((3, 5))
    assert linalg.Contract("ij", "jk", "ik")(a, b).flags.c_contiguous
    assert linalg.Contract("ij", "jk", "ki")(a, b).flags.c_contiguous
