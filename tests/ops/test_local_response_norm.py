"""Local response normalisation."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.norm import local_response_norm
from tests.checking import Case, S, check_case


def loops(x, size, alpha=1e-4, beta=0.75, k=1.0):
    y = np.zeros(x.shape)
    for c in range(x.shape[1]):
        near = [x[:, i] ** 2 for i in range(c - size // 2, c + (size - 1) // 2 + 1) if 0 <= i < x.shape[1]]
        y[:, c] = x[:, c] / (k + alpha * np.sum(near, axis=0) / size) ** beta
    return y


CASES = [Case(local_response_norm, [
             S((2, 6, 3, 2), 5, 0.5),
             S((2, 4, 3), 2, 0.5, 1.5, 2.0),
             S((2, 2, 3), 7, 0.3),
             S((1, 3, 2, 2, 2), 3, 0.1),
             S((2, 4, 3), 1, 0.2),
             S((0, 3, 2), 3),
         ], oracle=loops, torch="local_response_norm", rtol=1e-7, float16=True)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_errors():
    with pytest.raises(ValueError, match="Expected 3D or higher dimensionality input"):
        local_response_norm(minidl.zeros(2, 3), 2)
    with pytest.raises(ValueError, match="size to be at least 1"):
        local_response_norm(minidl.zeros(2, 3, 1), 0)
    with pytest.raises(RuntimeError, match="must be floating-point"):
        local_response_norm(minidl.zeros(2, 3, 1).long(), 2)
