"""The product of sparse and dense: values, and gradients of both factors."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.sparse import SparseMatMul
from tests import strict_array
from tests.checking import Case, S, check_case

ROWS, COLUMNS = np.array([0, 2, 2, 1, 0]), np.array([1, 3, 0, 2, 1])       # (0, 1) is named twice


def product(values, x):
    rows, columns = ROWS, COLUMNS
    array = getattr(x, "array", x)
    if isinstance(array, strict_array.StrictArray):
        rows, columns = strict_array.StrictArray(ROWS), strict_array.StrictArray(COLUMNS)
    return SparseMatMul(rows, columns, 3)(values, x)


def loops(values, x):
    y = np.zeros((3, x.shape[1]))
    for v, i, j in zip(values, ROWS, COLUMNS):
        y[i] += v * x[j]
    return y


CASES = [Case(product, [S((5,), (4, 2)), S((5,), (4, 0))], oracle=loops)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_two_sparse_matrices_by_hand():
    a = minidl.sparse_coo_tensor([[0, 0, 1], [0, 1, 1]], [1.0, 2.0, 3.0], (2, 2))
    b = minidl.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [4.0, 5.0, 6.0], (2, 3))
    product = a @ b         # (0, 2): 1 * 4 + 2 * 6, (0, 0): 2 * 5, (1, 0): 3 * 5, (1, 2): 3 * 6
    assert product.indices().tolist() == [[0, 0, 1, 1], [0, 2, 0, 2]] and product.values().tolist() == [10, 16, 15, 18]
    empty = minidl.sparse_coo_tensor((2, 2))
    assert (a @ empty)._nnz() == 0 and (empty @ b).shape == (2, 3)


def matrix(values):
    """[[0, 2, 3], [0, 0, 0], [-1, 4, 0]]"""
    return minidl.sparse_csr_tensor([0, 2, 2, 4], [1, 2, 0, 1], values, (3, 3))


@pytest.mark.parametrize("reduce, expected", [
    ("mean", [[8.0, 10.5], [0.0, 0.0], [4.0, 5.5]]), ("amax", [[12.0, 15.0], [0.0, 0.0], [8.0, 12.0]]),
    ("amin", [[4.0, 6.0], [0.0, 0.0], [0.0, -1.0]]), ("sum", [[16.0, 21.0], [0.0, 0.0], [8.0, 11.0]])])
def test_other_reductions_of_a_row(reduce, expected):
    x = minidl.arange(6.0, dtype=minidl.float64).reshape(3, 2)
    values = minidl.tensor([2.0, 3.0, -1.0, 4.0], dtype=minidl.float64)
    assert minidl.sparse.mm(matrix(values), x, reduce).tolist() == expected
    inputs = [values.requires_grad_(), (x + 0.1).detach().requires_grad_()]
    assert minidl.autograd.gradcheck(lambda v, x: minidl.sparse.mm(matrix(v), x, reduce), inputs)
    assert minidl.autograd.gradgradcheck(lambda v, x: minidl.sparse.mm(matrix(v), x, reduce), inputs)


def test_reductions_that_are_refused():
    s, x = matrix([2.0, 3.0, -1.0, 4.0]), minidl.ones(3, 2)
    for args, text in [((s, x, "prod"), "reduce expects 'sum', 'mean'"),
                       ((s.to_sparse_coo(), x, "mean"), "a CSR matrix"), ((s, s, "amax"), "and a dense one"),
                       ((s, x[:2], "amax"), r"shapes \(3, 3\) and \(2, 2\)")]:
        with pytest.raises(RuntimeError, match=text):
            minidl.sparse.mm(*args)
    with pytest.raises(TypeError, match="expected a sparse tensor"):
        minidl.sparse.mm(x, x, "amax")
