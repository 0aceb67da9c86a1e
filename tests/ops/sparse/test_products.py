"""The product of sparse and dense: values, and gradients of both factors."""
from __future__ import annotations

import numpy as np
import pytest

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
