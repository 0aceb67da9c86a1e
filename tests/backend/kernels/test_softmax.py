"""Softmax kernels against the formulas in float64, and cross-entropy against plain loops and PyTorch."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minidl.backend.kernels.softmax import (
    cross_entropy_forward,
    cross_entropy_grad,
    log_softmax_forward,
    log_softmax_grad,
    softmax_forward,
    softmax_grad,
)

SHAPES = [((5,), 0), ((4, 6), 1), ((4, 6), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((0, 3), 1), ((3, 0), 1), ((1, 1), -2)]
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 4e-3}


def draw(shape: Any, dtype: Any, seed: int = 0) -> np.ndarray:
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def close(actual: np.ndarray, expected: np.ndarray, dtype: Any) -> None:
    assert actual.dtype == dtype and actual.shape == expected.shape
    bound = TOLERANCE[np.dtype(dtype).name]
    np.testing.assert_allclose(actual, expected, rtol=bound, atol=bound)


def test_by_hand() -> None:
    x = np.log(np.array([[1., 2., 5.]]))
    y = softmax_forward(x, 1)
    np.testing.assert_allclose(y, [[1 / 8, 2 / 8, 5 / 8]])
    np.testing.assert_allclose(log_softmax_forward(x, 1), np.log([[1 / 8, 2 / 8, 5 / 8]]))
    # dy_0/dx is y_0 * (onehot_0 - y)
    np.testing.assert_allclose(softmax_grad(np.array([[1., 0., 0.]]), y, 1), [[7 / 64, -2 / 64, -5 / 64]])
    losses, logp = cross_entropy_forward(x, np.array([2]), None, -100, 0.0)
    np.testing.assert_allclose(losses, [math.log(8 / 5)])
    gx = cross_entropy_grad(np.ones(1), logp, np.array([2]), None, -100, 0.0)
    np.testing.assert_allclose(gx, [[1 / 8, 2 / 8, 5 / 8 - 1]])


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("shape,axis", SHAPES, ids=str)
def test_softmax(shape: Any, axis: int, dtype: str) -> None:
    x, g = draw(shape, dtype), draw(shape, dtype, 1)
    before = x.copy()
    wide, wide_g = x.astype(np.float64), g.astype(np.float64)
    y = np.exp(wide) / np.exp(wide).sum(axis, keepdims=True)
    close(softmax_forward(x, axis), y, dtype)
    close(log_softmax_forward(x, axis), np.log(y), dtype)
    np.testing.assert_array_equal(x, before)
    y, logy = y.astype(dtype), np.log(y).astype(dtype)
    p = y.astype(np.float64)
    close(softmax_grad(g, y, axis), (wide_g - (wide_g * p).sum(axis, keepdims=True)) * p, dtype)
    p = np.exp(logy.astype(np.float64))
    close(log_softmax_grad(g, logy, axis), wide_g - p * wide_g.sum(axis, keepdims=True), dtype)
    backwards = x[..., ::-1]
    close(softmax_forward(backwards, axis), softmax_forward(backwards.copy(), axis), dtype)


def test_extreme_values() -> None:
    inf = np.inf
    x = np.array([[1e38, 0., -1e38], [-inf, 0., 0.], [-inf, -inf, -inf]], np.float32)
    expected = np.array([[1, 0, 0], [0, .5, .5], [np.nan] * 3], np.float32)
    np.testing.assert_array_equal(softmax_forward(x, 1), expected)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(np.exp(log_softmax_forward(x, 1)), expected, rtol=1e-6)


ENTROPY_CASES = [((5, 4), ()), ((3, 4, 2), (2,)), ((2, 4, 3, 2), (3, 2)), ((0, 4), ())]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("shape,rest", ENTROPY_CASES, ids=str)
def test_cross_entropy(shape: Any, rest: Any, ignore_index: int, weighted: bool, smoothing: float, dtype: str) -> None:
    N, C = shape[:2]
    x = draw(shape, dtype)
    target = np.random.default_rng(1).integers(0, C, (N, *rest))
    target.reshape(-1)[:1] = ignore_index
    weight = np.array([.5, 2, 0, 1], dtype) if weighted else None
    g = draw(target.shape, dtype, 2)

    losses, gx = np.zeros(target.shape), np.zeros(shape)
    w = np.ones(C) if weight is None else weight.astype(np.float64)
    for n, *at in np.ndindex(target.shape):
        row = x[(n, slice(None), *at)].astype(np.float64)
        p, t = np.exp(row) / np.exp(row).sum(), target[(n, *at)]
        if t == ignore_index:
            continue
        soft = np.eye(C)[t] * (1 - smoothing) + smoothing / C          # the smoothed target distribution
        losses[(n, *at)] = -(soft * w * np.log(p)).sum()
        gx[(n, slice(None), *at)] = g[(n, *at)] * ((soft * w).sum() * p - soft * w)

    actual, logp = cross_entropy_forward(x, target, weight, ignore_index, smoothing)
    close(actual, losses, dtype)
    close(logp, log_softmax_forward(x, 1), dtype)
    close(cross_entropy_grad(g, logp, target, weight, ignore_index, smoothing), gx, dtype)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_against_torch(weighted: bool, smoothing: float, reduction: str) -> None:
    """Every reduction of PyTorch's follows from the per-sample losses and the weights of the targets."""
    torch = pytest.importorskip("torch")
    x, target = draw((6, 4, 3), np.float64), np.random.default_rng(1).integers(0, 4, (6, 3))
    target[0, 0] = target[3, 1] = -100
    weight = np.array([.5, 2, .1, 1]) if weighted else None
    tx = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        tx, torch.tensor(target), None if weight is None else torch.tensor(weight),
        reduction=reduction, label_smoothing=smoothing)
    expected.sum().backward()
    losses, logp = cross_entropy_forward(x, target, weight, -100, smoothing)
    kept = target != -100
    total = kept.sum() if weight is None else weight[target[kept]].sum()
    loss = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]
    np.testing.assert_allclose(loss, expected.detach().numpy(), rtol=1e-12)
    g = np.full(target.shape, 1 / total if reduction == "mean" else 1.0)
    np.testing.assert_allclose(
        cross_entropy_grad(g, logp, target, weight, -100, smoothing), tx.grad.numpy(), atol=1e-12)
