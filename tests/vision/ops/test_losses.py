"""The focal loss and the dice loss."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from minidl.vision import ops
from tests.checking import Case, S, check_case

stream = np.random.default_rng(0)
ZERO_ONE = stream.integers(0, 2, (3, 4)).astype(float)
P, T = stream.uniform(0, 1, (2, 3, 4)), stream.integers(0, 2, (2, 3, 4)).astype(float)


def reduce(losses, reduction):
    return {"none": losses, "mean": losses.mean(), "sum": losses.sum()}[reduction]


def focal(inputs, targets, alpha=0.25, gamma=2, reduction="none"):
    losses = np.zeros(inputs.shape)
    for i in np.ndindex(inputs.shape):
        p = 1 / (1 + math.exp(-inputs[i]))
        p_t, alpha_t = (p, alpha) if targets[i] == 1 else (1 - p, 1 - alpha)
        losses[i] = -(1 if alpha == -1 else alpha_t) * (1 - p_t) ** gamma * math.log(p_t)
    return reduce(losses, reduction)


def dice(p, t, reduction="mean"):
    return reduce(np.array([1 - 2 * (a * b).sum() / ((a * a).sum() + (b * b).sum()) for a, b in zip(p, t)]), reduction)


CASES = [
    Case(ops.sigmoid_focal_loss, [S((3, 4), ZERO_ONE, reduction=r) for r in ("none", "mean", "sum")] + [
        S((3, 4), ZERO_ONE, alpha=-1),
        S((3, 4), ZERO_ONE, 0.6, 3.5),
        S((3, 4), ZERO_ONE, gamma=0),
        S((), np.array(1.0)),
    ], oracle=focal),
    Case(ops.dice_loss, [S(P, T, reduction=r) for r in ("none", "mean", "sum")] + [S(P[:, 0], T[:, 0])],
         oracle=dice, rtol=1e-6),
    Case(ops.dice_loss, [S(P, T, eps=0.5)], name="dice_loss, eps", oracle=lambda p, t, eps: np.mean(
        [1 - (2 * (a * b).sum() + eps) / ((a * a).sum() + (b * b).sum() + eps) for a, b in zip(p, t)])),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_without_focus_it_is_the_cross_entropy():
    x, t = minidl.randn(3, 4), minidl.tensor(ZERO_ONE).float()
    np.testing.assert_allclose(ops.sigmoid_focal_loss(x, t, alpha=-1, gamma=0, reduction="mean").item(),
                               F.binary_cross_entropy_with_logits(x, t).item(), rtol=1e-6)


def test_worked_by_hand():
    """p = 3/4 and right: a quarter of the weight, (1/4)^2 of the focus, and log(4/3)."""
    loss = ops.sigmoid_focal_loss(minidl.tensor([math.log(3.0)]), minidl.tensor([1.0]))
    assert loss.item() == pytest.approx(0.25 / 16 * math.log(4 / 3), rel=1e-5)


def test_large_scores():
    x = minidl.tensor([1e4, -1e4, 1e4], requires_grad=True)
    loss = ops.sigmoid_focal_loss(x, minidl.tensor([1.0, 0.0, 0.0]), alpha=-1)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 0.0, 1e4] and x.grad.tolist() == [0.0, 0.0, 1.0]


def test_dice_at_its_ends():
    t = minidl.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert ops.dice_loss(t, t, "none").tolist() == [0.0, 0.0]
    assert ops.dice_loss(1 - t, t, "none").tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


SCORES = minidl.ones(3, 1)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.sigmoid_focal_loss(SCORES, SCORES[:, 0]), ValueError,
     "sigmoid_focal_loss: Target size (3,) must be the same as input size (3, 1)"),
    (lambda: ops.sigmoid_focal_loss(SCORES, SCORES, reduction="avg"), ValueError,
     "avg is not a valid value for reduction"),
    (lambda: ops.sigmoid_focal_loss(SCORES, SCORES, alpha=1.5), ValueError, "Invalid alpha value: 1.5"),
    (lambda: ops.dice_loss(SCORES, SCORES[:, 0]), RuntimeError,
     "dice_loss: Target size (3,) must be the same as input size (3, 1)"),
    (lambda: ops.dice_loss(SCORES[0], SCORES[0]), RuntimeError, "expected inputs (N, *), but got (1,)"),
    (lambda: ops.dice_loss(SCORES, SCORES, "avg"), ValueError, "avg is not a valid value for reduction"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
