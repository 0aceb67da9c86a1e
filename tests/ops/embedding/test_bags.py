"""Embeddings summed over bags."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.embedding import embedding_bag
from tests.checking import Case, S, check_case


def loops(rows, weight, offsets=None, mode="mean", per_sample_weights=None, include_last_offset=False,
          padding_idx=None):
    shares = np.ones(rows.shape) if per_sample_weights is None else per_sample_weights
    if rows.ndim == 2:
        bags = [list(zip(*pair)) for pair in zip(rows, shares)]
    else:
        ends = [*offsets[1:], *([] if include_last_offset else [len(rows)])]
        bags = [list(zip(rows[a:b], shares[a:b])) for a, b in zip(offsets, ends)]
    y = np.zeros((len(bags), weight.shape[1]))
    for b, bag in enumerate(bags):
        chosen = [weight[r] * s for r, s in bag if padding_idx is None or r != padding_idx % len(weight)]
        if chosen:
            y[b] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](chosen, axis=0)
    return y


W = (5, 3)
ROWS = np.array([4, 0, 2, 2, 1, 4, 3])
STARTS, ENDS = np.array([0, 3, 3, 5]), np.array([0, 3, 3, 5, 7])
TABLE = np.array([[4, 0, 2], [2, 1, 4]])


def bag(rows, weight, offsets=None, per_sample_weights=None, **how):
    return embedding_bag(rows, weight, offsets, per_sample_weights=per_sample_weights, **how)


def torch_bag(rows, weight, offsets=None, per_sample_weights=None, **how):
    import torch
    return torch.nn.functional.embedding_bag(rows, weight, offsets, per_sample_weights=per_sample_weights, **how)


CASES = [
    Case(bag,
         [S(ROWS, W, STARTS, mode=mode, **how)
          for mode in ("sum", "mean", "max") for how in ({}, {"padding_idx": 2}, {"padding_idx": -1})]
         + [S(TABLE, W, mode=mode) for mode in ("sum", "mean", "max")]
         + [S(ROWS, W, ENDS, include_last_offset=True)]
         + [S(ROWS, W, STARTS, per_sample_weights=S((7,)).args[0], mode="sum")]
         + [S(TABLE, W, per_sample_weights=S((2, 3)).args[0], mode="sum", padding_idx=4)],
         oracle=loops, torch=torch_bag, float16=True, name="embedding_bag"),
    Case(bag,
         [S(np.zeros((2, 0), int), W, mode=mode) for mode in ("sum", "mean", "max")]
         + [S(np.zeros(0, int), W, np.zeros(0, int))]
         + [S(ROWS, W, ENDS[:-1], include_last_offset=True, mode=mode) for mode in ("sum", "max")],
         oracle=loops, name="empty bags, and rows in no bag"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_of_equal_rows_the_first_has_the_gradient_of_the_maximum():
    table = minidl.tensor([[1.0], [1.0], [0.0]], requires_grad=True)
    embedding_bag(minidl.tensor([[2, 1, 0]]), table, mode="max").sum().backward()
    assert table.grad.tolist() == [[0], [1], [0]]


@pytest.mark.parametrize("how, expected", [
    ({"mode": "sum"}, [1, 100, (1 + 100) / 2, 1000, (1 + 1000) / 2]),
    ({"mode": "mean"}, [1 / 3, 50, (1 / 3 + 50) / 2, 500, (1 / 3 + 500) / 2]),
    ({"mode": "sum", "padding_idx": 2}, [1, 100, 0, 1000, (1 + 1000) / 2]),
])
def test_gradients_by_frequency(how, expected):
    """Bags [4, 0, 2], [], [2, 1] and [4, 3]; the gradients of their sums are 1, 10, 100 and 1000."""
    table = minidl.zeros(5, 1, dtype=minidl.float64, requires_grad=True)
    y = embedding_bag(minidl.tensor(ROWS), table, minidl.tensor(STARTS), scale_grad_by_freq=True, **how)
    y.backward(minidl.tensor([[1.0], [10.0], [100.0], [1000.0]], dtype=minidl.float64))
    np.testing.assert_allclose(table.grad.flatten().numpy(), expected)


def test_rows_that_are_too_long_are_shortened():
    table = minidl.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]], requires_grad=True)
    y = embedding_bag(minidl.tensor([[0, 1]]), table, max_norm=1.0, mode="sum")
    np.testing.assert_allclose(y.detach().numpy(), [[0.9, 1.2]], rtol=1e-6)
    np.testing.assert_allclose(table.detach().numpy(), [[0.6, 0.8], [0.3, 0.4], [30, 40]], rtol=1e-6)


w, rows, starts = minidl.zeros(5, 3), minidl.tensor(ROWS), minidl.tensor(STARTS)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: embedding_bag(rows, w), ValueError, "offsets has to be a 1D Tensor for 1D input, but got None"),
    (lambda: embedding_bag(rows, w, starts[None]), ValueError, "offsets has to be a 1D Tensor"),
    (lambda: embedding_bag(minidl.tensor(TABLE), w, starts), ValueError, "if input is 2D, then offsets has to be None"),
    (lambda: embedding_bag(rows[None, None], w), ValueError,
     "input has to be 1D or 2D Tensor, but got Tensor of dimension 3"),
    (lambda: embedding_bag(rows, w, starts, mode="min"), ValueError, "mode has to be one of sum, mean or max"),
    (lambda: embedding_bag(rows, w, starts, per_sample_weights=minidl.ones(7)), NotImplementedError,
     "only supported for mode='sum'"),
    (lambda: embedding_bag(rows, w, starts, mode="sum", per_sample_weights=minidl.ones(6)), ValueError,
     "must have the same shape as the input"),
    (lambda: embedding_bag(rows, w, starts + 1), RuntimeError, "offsets[0] has to be 0"),
    (lambda: embedding_bag(rows, w, starts * 2), RuntimeError, "can not be greater than input's length(7)"),
    (lambda: embedding_bag(rows, w, minidl.tensor([0, 3, 2])), RuntimeError, "offsets have to go up"),
    (lambda: embedding_bag(rows, w[:3], starts), IndexError, "index 4 is out of bounds"),
    (lambda: embedding_bag(rows, w, starts, padding_idx=5), RuntimeError, "Padding_idx must be within num_embeddings"),
    (lambda: embedding_bag(rows.float(), w, starts), RuntimeError, "Expected dtype int64 for index"),
    (lambda: embedding_bag(rows, w, starts, mode="max", scale_grad_by_freq=True), ValueError,
     "max mode does not support scaling the gradient"),
    (lambda: embedding_bag(rows, w, starts, mode="max", sparse=True), ValueError,
     "max mode does not support sparse weights"),
    (lambda: embedding_bag(rows, w, minidl.zeros(0, dtype=minidl.int64), include_last_offset=True), RuntimeError,
     "should be at least 1"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_the_maximum_of_a_bag_with_nan_is_nan():
    table = minidl.tensor([[1.0, 2.0], [np.nan, 3.0], [0.0, -1.0]])
    y = embedding_bag(minidl.tensor([0, 1, 2]), table, minidl.tensor([0, 2]), mode="max")
    np.testing.assert_array_equal(y.numpy(), [[np.nan, 3.0], [0.0, -1.0]])
