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
