"""Extremes, and where they stand."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops import reduce
from tests.checking import Case, S, _check_values, check_case
from tests.ops import rows
from tests.ops.reduce.test_sums import ALONG, BAD_DIM, INTS, SHAPES, TIES, TWICE, numpy_axes
from tests.ops.rows import row


def extreme_along(values, where):
    def oracle(x, dim, keepdim=False):
        if np.ndim(x) == 0:
            return x, np.array(0)
        return values(x, axis=dim, keepdims=keepdim), where(x, axis=dim, keepdims=keepdim)
    return oracle


CASES = [
    Case(minidl.Tensor.max, [S((3, 4)), S(()), S(INTS)], np.max, torch="max", name="max"),
    Case(minidl.Tensor.max, [*ALONG, S(INTS, 1)], extreme_along(np.max, np.argmax),
         torch=lambda x, *a, **k: tuple(x.max(*a, **k)), float16=True, name="max along",
         errors=[BAD_DIM, (S((0, 2), 0), IndexError, "max(): Expected reduction dim 0 to have non-zero size"),
                 (S((0, 2)), RuntimeError, "max(): Expected reduction dim to be specified for input.numel() == 0")]),
    Case(minidl.Tensor.min, [*ALONG, S(INTS, 1)], extreme_along(np.min, np.argmin),
         torch=lambda x, *a, **k: tuple(x.min(*a, **k)), float16=True, name="min along"),
    Case(reduce.max, [S((3, 4), (3, 4)), S((3, 4), other=np.zeros((3, 4)))], torch="max", gradgrad=False,
         name="max of two"),
    Case(reduce.min, [S((3, 4), (3, 4))], np.minimum, torch="min", name="min of two"),
    Case(minidl.Tensor.amax, [*SHAPES, S((3, 0), dim=0)], numpy_axes(np.max), torch="amax", float16=True, name="amax",
         errors=[TWICE, (S((0, 2), 0), IndexError, "Expected reduction dim 0 to have non-zero size")]),
    Case(minidl.Tensor.amin, SHAPES, numpy_axes(np.min), torch="amin", name="amin"),
    Case(reduce.aminmax, [S((3, 4)), S((3, 4), dim=1), S((3, 4), dim=0, keepdim=True)],
         torch=lambda x, **k: tuple(x.aminmax(**k)), name="aminmax",
         errors=[(S((0,)), RuntimeError, "an empty dimension has no maximum or minimum")]),
    row("aminmax", S((2, 3)), S((2, 3), dim=0), S((2, 3), dim=-1, keepdim=True), S(rows.INTS, dim=1), S(())),
    Case(minidl.Tensor.argmax, [S((3, 4)), *ALONG, S(TIES), S(TIES, 1), S(TIES, 0), S((3, 4), keepdim=True)],
         torch="argmax", grad=False, name="argmax", errors=[(S((0,)), IndexError, "input.numel() == 0")]),
    Case(minidl.Tensor.argmin, [S((3, 4)), *ALONG, S(TIES), S(TIES, 1), S(TIES, 0)], torch="argmin", grad=False,
         name="argmin"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# Where a function has a kink finite differences say nothing; PyTorch's convention is the oracle.
KINKS = [
    Case(minidl.Tensor.max, [S(TIES)], torch="max", name="max of equals"),
    Case(minidl.Tensor.min, [S(TIES)], torch="min", name="min of equals"),
    Case(minidl.Tensor.max, [S(TIES, 1), S(TIES, 0)], torch=lambda x, d: tuple(x.max(d)), name="max along equals"),
    Case(minidl.Tensor.amax, [S(TIES, 1), S(TIES, S.raw((0, 1))), S(TIES, 1, True)], torch="amax",
         name="amax of equals"),
    Case(minidl.Tensor.amin, [S(TIES, 1), S(TIES, 0)], torch="amin", name="amin of equals"),
    Case(reduce.aminmax, [S(TIES, dim=1), S(TIES)], torch=lambda x, **k: tuple(x.aminmax(**k)),
         name="aminmax of equals"),
]


@pytest.mark.parametrize("case", KINKS, ids=str)
def test_kinks_follow_pytorch(case):
    pytest.importorskip("torch")
    for sample in case.samples:
        _check_values(case, sample)


def test_equals_share_or_the_first_takes_all():
    x = minidl.tensor([1.0, 3.0, 3.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5]
    x.grad = None
    values, indices = x.max(0)
    values.backward()
    assert indices.item() == 1 and x.grad.tolist() == [0.0, 1.0, 0.0]


def test_max_names_its_results():
    result = minidl.tensor([[1.0, 5.0], [3.0, 2.0]]).max(dim=1)
    assert result.values.tolist() == [5.0, 3.0]
    assert result.indices.tolist() == [1, 0] and result.indices.dtype == minidl.int64


def test_nan_is_the_extreme_wherever_there_is_one():
    x = minidl.tensor([1.0, math.nan, 3.0], requires_grad=True)
    y = x.max()
    y.backward()
    assert math.isnan(y.item()) and x.grad.tolist() == [0.0, 1.0, 0.0]
    assert x.argmax().item() == 1 and math.isnan(x.max(0).values.item())
