"""The norms of many numbers as one vector."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from tests.checking import Case, S, _check_values, check_case
from tests.ops.reduce.test_sums import INTS

CASES = [
    Case(minidl.Tensor.norm, [
        S((3, 4)),
        S(()),
        S((3, 4), 2, 1),
        S((3, 4), "fro", S.raw((0, 1))),
        S((0,)),
        S((2, 3, 4), dim=S.raw((0, 2)), keepdim=True),
        S((3, 4), 1),
        S((3, 4), 1, 0, True),
        S((3, 4), 3),
        S((3, 4), 3.5, 1),
        S((3, 4), 0),
        S((3, 4), math.inf),
        S((3, 4), math.inf, 1),
        S((3, 4), -math.inf, 1),
        S((3, 4), 0.5, 1),
        S((3, 4), -1.0, low=1.0),
        S((0,), 1),
    ], torch="norm", float16=True, rtol=1e-8, name="norm", errors=[
        (S(INTS), RuntimeError, "floating-point"),
        (S((2, 2), "nuc"), ValueError, "matrix_norm(A, 'nuc')"),
        (S((0,), math.inf), RuntimeError, "an empty dimension has no maximum or minimum"),
    ]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# Where a function has a kink finite differences say nothing; PyTorch's convention is the oracle.
KINKS = [
    Case(minidl.Tensor.norm,
         [S(np.zeros((2, 3)), p, *dim) for p in (0.5, 1, 1.5, 2, 3, math.inf) for dim in ((), (1,))], torch="norm",
         name="norm of zeros"),
    Case(minidl.Tensor.norm, [S(np.array([0.0, 3.0, -3.0]), p) for p in (1, 1.5, 2, 3, math.inf, -math.inf)],
         torch="norm", name="norm with a zero"),
]


@pytest.mark.parametrize("case", KINKS, ids=str)
def test_kinks_follow_pytorch(case):
    pytest.importorskip("torch")
    for sample in case.samples:
        _check_values(case, sample)


def test_nan_is_not_zero():
    x = minidl.tensor([0.0, math.nan, 2.0], requires_grad=True)
    y = minidl.norm(x, 0)
    y.backward()
    assert y.item() == 2 and x.grad.tolist() == [0, 0, 0]
