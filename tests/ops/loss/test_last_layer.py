"""The last layer and its loss in one, against PyTorch."""
import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from tests.checking import Case, S, check_case, torch

TARGET, MANY = np.array([1, 3, 0]), np.array([[1, 3], [0, 0], [2, 1]])
SHARES = np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]])

T = None if torch is None else torch.nn.functional.linear_cross_entropy


CASES = [
    Case(F.linear_cross_entropy, [
        S((3, 5), (4, 5), TARGET),
        S((3, 5), (4, 5), TARGET, linear_bias=np.arange(4.0), reduction="sum"),
        S((5,), (4, 5), np.array(2)),
        S((3, 5), (4, 2, 5), MANY),
        S((3, 5), (4, 2, 5), MANY, linear_bias=np.arange(8.0).reshape(4, 2), reduction="none"),
        S((3, 5), (4, 5), SHARES),
        S((3, 5), (4, 5), TARGET, label_smoothing=0.1),
        S((3, 5), (4, 5), TARGET, ignore_index=3),
    ], torch=T, errors=[
        (S((2, 3, 5), (4, 5), MANY), RuntimeError, "expected input (N, in), or (in,)"),
        (S((5,), (4, 2, 5), MANY[0]), RuntimeError, "expected input (N, in), or (in,)"),
        (S((3, 5), (4, 2, 5), MANY, linear_bias=np.arange(4.0)), RuntimeError,
         "expected linear_bias shape (4, 2), got (4,)"),
        (S((3, 5), (4, 5), SHARES, ignore_index=1), RuntimeError,
         "ignore_index cannot be specified when target contains probabilities"),
    ]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("target", [TARGET, SHARES], ids=["classes", "shares"])
def test_weights_of_classes_are_those_of_cross_entropy(target):
    x, w, weight = minidl.rand(3, 5), minidl.rand(4, 5), minidl.tensor([1.0, 2.0, 0.5, 1.0])
    target = minidl.tensor(target)
    target = target.float() if target.is_floating_point() else target
    found = F.linear_cross_entropy(x, w, target, weight=weight, options=None)
    assert found.item() == pytest.approx(F.cross_entropy(F.linear(x, w), target, weight).item())
