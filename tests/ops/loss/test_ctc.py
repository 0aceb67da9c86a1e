"""Connectionist temporal classification, against a sum over every single path."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.ops.activation import log_softmax
from minidl.ops.loss import ctc_loss
from tests.checking import Case, S, check_case, torch


def every_path(logp, targets, frames, counts, blank=0, reduction="mean", zero_infinity=False):
    """Write all C^T sequences of symbols down, and add up those that read as the target."""
    losses = []
    rows = np.split(targets, np.cumsum(counts)[:-1]) if targets.ndim == 1 else targets
    for n, (T, count) in enumerate(zip(frames, counts)):
        total = 0.0
        for path in itertools.product(range(logp.shape[2]), repeat=T):
            merged = [symbol for symbol, _ in itertools.groupby(path)]
            if [symbol for symbol in merged if symbol != blank] == list(rows[n][:count]):
                total += math.exp(sum(logp[t, n, symbol] for t, symbol in enumerate(path)))
        losses.append(-math.log(total) if total else 0.0 if zero_infinity else math.inf)
    losses = np.array(losses)
    return {"none": losses, "sum": losses.sum(), "mean": (losses / np.maximum(counts, 1)).mean()}[reduction]


def of_scores(loss):
    """The loss behind a log_softmax, as its gradient has it."""
    def call(x, *args, **kwargs):
        if isinstance(x, np.ndarray):
            return loss(x - np.log(np.exp(x).sum(-1, keepdims=True)), *args, **kwargs)
        return loss(log_softmax(x, -1) if isinstance(x, minidl.Tensor) else x.log_softmax(-1), *args, **kwargs)
    return call


def torch_ctc(*args, **kwargs):
    return torch.nn.functional.ctc_loss(*args, **kwargs)


X = (4, 3, 4)
LABELS = np.array([[1, 1, 2], [3, 2, 1], [2, 9, -1]])   # what lies behind a target's length is never read
CASES = [
    Case(of_scores(ctc_loss), [
        *[S(X, LABELS, [4, 4, 3], [3, 2, 1], reduction=reduction) for reduction in ("none", "sum", "mean")],
        S(X, LABELS, [4, 2, 1], [0, 2, 1]),
        S(X, LABELS, [3, 2, 3], [3, 1, 1], reduction="none", zero_infinity=True),
        S(X, LABELS, [4, 3, 2], [2, 1, 1], blank=0),
        S(X, np.array([[0, 0], [1, 0], [2, 3]]), [4, 4, 4], [2, 2, 1], 3),
        S(X, np.array([1, 2, 3, 3]), [4, 4, 4], [2, 0, 2]),
        S((1, 2, 2), np.zeros((2, 0), int), [1, 0], [0, 0], reduction="none"),
    ], oracle=of_scores(every_path), torch=of_scores(torch_ctc), name="ctc_loss"),
    Case(of_scores(ctc_loss),
         [S((5, 3), np.array([1, 2]), [5], [2], reduction=reduction) for reduction in ("none", "sum", "mean")],
         torch=of_scores(torch_ctc), name="ctc_loss unbatched"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Two frames, label 1: the paths 01, 10 and 11. Each frame says 1 in two of the three, weighted by their
    probability; with p(1) = 1/2 all paths have 1/4, so q(1) = 2/3 in both frames, and p - q = 1/2 - 2/3."""
    x = minidl.zeros(2, 1, 2, dtype=minidl.float64, requires_grad=True)
    loss = ctc_loss(x.log_softmax(2), minidl.tensor([[1]]), (2,), (1,))
    loss.backward()
    assert math.exp(-loss.item()) == pytest.approx(3 / 4)
    np.testing.assert_allclose(x.grad.numpy()[:, 0, 1], [-1 / 6, -1 / 6])


def test_the_gradient_of_log_probs_themselves_is_pytorchs():
    pytest.importorskip("torch")
    values = np.log(np.random.default_rng(0).dirichlet(np.ones(4), (5, 3)))
    ours, theirs = minidl.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ctc_loss(ours, minidl.tensor(LABELS[:, :2]), (5, 4, 3), minidl.tensor([2, 2, 1]), reduction="sum").backward()
    torch_ctc(theirs, torch.tensor(LABELS[:, :2]), (5, 4, 3), (2, 2, 1), reduction="sum").backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), atol=1e-12)


def test_too_few_frames():
    x = minidl.zeros(2, 1, 3).log_softmax(2).requires_grad_()
    targets = minidl.tensor([[1, 1]])        # 1 1 needs a blank between: three frames
    assert ctc_loss(x, targets, (2,), (2,)).item() == math.inf
    loss = ctc_loss(x, targets, (2,), (2,), zero_infinity=True)
    loss.backward()
    assert loss.item() == 0 and not x.grad.any()


def test_plain_arrays_give_plain_arrays():
    assert isinstance(ctc_loss(np.log(np.full((2, 1, 2), 0.5)), np.array([[1]]), (2,), (1,), reduction="none"),
                      np.ndarray)


P, T = minidl.zeros(4, 2, 3), minidl.tensor([[1, 2], [2, 1]])


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ctc_loss(P, T, (5, 4), (1, 1)), RuntimeError, "Expected input_lengths to have value at most 4"),
    (lambda: ctc_loss(P, T, (4,), (1, 1)), RuntimeError, "input_lengths must be of size batch_size, 2, but got 1"),
    (lambda: ctc_loss(P, T, (4, 4), (1, 3)), RuntimeError,
     "Expected targets to have size at least 3 at dimension 1, but got size 2"),
    (lambda: ctc_loss(P, T, (4, 4), (1, -1)), RuntimeError, "Expected target_lengths to be at least 0"),
    (lambda: ctc_loss(P, T[0], (4, 4), (1, 2)), RuntimeError, "Expected targets of all sequences in a row, 3"),
    (lambda: ctc_loss(P, T[None], (4, 4), (1, 2)), RuntimeError, "Expected targets (N, S) with N=2"),
    (lambda: ctc_loss(P, T, (4, 4), (1, 2), blank=3), RuntimeError, "blank must be in label range, 0 to 2"),
    (lambda: ctc_loss(P, T, (4, 4), (1, 2), blank=1), RuntimeError, "targets hold the blank, 1"),
    (lambda: ctc_loss(P, T + 1, (4, 4), (2, 2)), IndexError, "Target 3 is out of bounds"),
    (lambda: ctc_loss(P, T.float(), (4, 4), (2, 2)), RuntimeError, "expected targets to be Long (int64)"),
    (lambda: ctc_loss(P[0, 0], T, (4, 4), (2, 2)), RuntimeError, "Expected log_probs (T, N, C) or (T, C)"),
    (lambda: ctc_loss(P.long(), T, (4, 4), (2, 2)), RuntimeError, "log_probs must be floating-point"),
    (lambda: ctc_loss(P, T, (4, 4), (2, 2), reduction="avg"), ValueError, "avg is not a valid value for reduction"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_nan_is_not_taken_for_infinity():
    scores = minidl.tensor([[[math.nan, 1.0]], [[1.0, 2.0]]], requires_grad=True)
    for order in (1, 2):    # fused, and in ordinary ops
        loss = ctc_loss(log_softmax(scores, 2), minidl.tensor([[1]]), minidl.tensor([2]), minidl.tensor([1]),
                        zero_infinity=True)
        g, = minidl.autograd.grad(loss, scores, create_graph=order == 2)
        assert math.isnan(loss.item()) and g.isnan().all()
