"""Gumbel softmax."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.activation import gumbel_softmax
from tests.checking import Case, S, check_case


def seeded(logits, **how):
    minidl.manual_seed(0)
    return gumbel_softmax(logits, **how)


def oracle(logits, tau=1, dim=-1):
    u = np.random.default_rng(0).random(logits.shape)
    weights = np.exp((logits - np.log(-np.log(u))) / tau)
    return weights / weights.sum(axis=dim, keepdims=True)


CASES = [Case(seeded, [S((3, 4)), S((3, 4), tau=0.5), S((2, 3, 4), dim=1), S((5,))], oracle=oracle, rtol=1e-7,
              float16=True, name="gumbel_softmax")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_classes_are_drawn_as_often_as_softmax_says():
    minidl.manual_seed(0)
    logits = minidl.tensor([0.0, 1.0, 2.0])
    drawn = gumbel_softmax(logits.expand(20000, 3), tau=0.7, hard=True)
    assert sorted(set(drawn.round(decimals=5).flatten().tolist())) == [0.0, 1.0]
    np.testing.assert_allclose(drawn.mean(0).numpy(), minidl.softmax(logits, 0).numpy(), atol=0.01)


def test_hard_has_the_gradient_of_soft():
    gradients = []
    for hard in (False, True):
        logits = minidl.tensor([[0.1, 0.4, -0.3]] * 4, requires_grad=True)
        y = seeded(logits, hard=hard, dim=1)
        (y * minidl.tensor([1.0, 2.0, 3.0])).sum().backward()
        gradients.append(logits.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-5)
    assert y.sum(1).tolist() == pytest.approx([1.0] * 4)


def test_errors():
    with pytest.raises(IndexError, match="Dimension out of range"):
        gumbel_softmax(minidl.zeros(3), dim=1)
    with pytest.raises(RuntimeError, match="must be floating-point"):
        gumbel_softmax(minidl.arange(3))
