"""Losses with a margin: of scores, and of vectors that are alike or not."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops import loss as M
from tests.checking import Case, S, check_case, torch

X, LABELS = (5, 4), np.array([0, 3, 2, 2, 1])
SIGNS = np.array([1, -1, -1, 1, 1])
MANY = np.array([[3, 0, -1, 1], [2, 1, 0, 3], [-1, 0, 0, 0], [1, 1, -1, -1], [0, 2, 3, -1]])
ZERO_ONE = np.random.default_rng(0).integers(0, 2, X).astype(float)
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])


def functional(name):
    return lambda *args, **kwargs: getattr(torch.nn.functional, name)(*args, **kwargs)


def each_reduction(*args, **kwargs):
    return [S(*args, reduction=reduction, **kwargs) for reduction in ("mean", "sum", "none")]


def weighted(function):
    """The function with class weights, which are constants and so no argument of the battery's."""
    def call(x, target, **kwargs):
        if isinstance(x, minidl.Tensor):
            weight = minidl.tensor(WEIGHT, dtype=x.dtype).to(x.device)
        else:
            weight = torch.tensor(WEIGHT)
        return function(x, target, weight=weight, **kwargs)
    return call


def loop_multi_margin(x, target, p=1, margin=1.0, reduction="mean"):
    C = x.shape[1]
    losses = np.array([sum(max(0, margin - row[t] + row[c]) ** p for c in range(C) if c != t) / C
                       for row, t in zip(x, target)])
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduction]()


def manhattan(a, b):
    return abs(a - b).sum(-1)


CASES = [
    Case(M.soft_margin_loss, [
        *each_reduction((3, 2), np.array([[1, -1], [1, 1], [-1, -1]])),
        S((0,), np.zeros(0, int), reduction="sum"),
    ], torch=functional("soft_margin_loss")),
    Case(M.multi_margin_loss, [
        *each_reduction(X, LABELS),
        S(X, LABELS, 2, 0.5),
        S((0, 4), np.zeros(0, int), reduction="none"),
    ], oracle=loop_multi_margin, torch=functional("multi_margin_loss")),
    Case(M.multi_margin_loss, [
        S((4,), np.array(2)),
        S((4,), np.array(2), reduction="none"),
        S((4,), np.array([2]), p=2),
    ], torch=functional("multi_margin_loss"), name="multi_margin_loss unbatched"),
    Case(weighted(M.multi_margin_loss), [*each_reduction(X, LABELS), S(X, LABELS, p=2)],
         torch=weighted(functional("multi_margin_loss")), name="multi_margin_loss, weighted"),
    Case(M.multilabel_margin_loss, [*each_reduction(X, MANY), S((4,), MANY[0]), S((4,), MANY[0], reduction="none")],
         torch=functional("multilabel_margin_loss")),
    Case(M.multilabel_soft_margin_loss, [
        *each_reduction(X, ZERO_ONE),
        S((4,), ZERO_ONE[0]),
        S((4,), ZERO_ONE[0], reduction="none"),
    ], torch=functional("multilabel_soft_margin_loss")),
    Case(weighted(M.multilabel_soft_margin_loss), each_reduction(X, ZERO_ONE),
         torch=weighted(functional("multilabel_soft_margin_loss")), name="multilabel_soft_margin_loss, weighted"),
    Case(M.hinge_embedding_loss, [
        *each_reduction((5,), SIGNS),
        S((5,), SIGNS, margin=0.3),
        S((3,), np.array([0, 1, 2]), reduction="none"),
    ], torch=functional("hinge_embedding_loss")),
    Case(M.margin_ranking_loss, [
        *each_reduction((5,), (5,), SIGNS),
        S((5,), (5,), SIGNS, 0.5),
        S((5, 3), (5, 3), np.ones((5, 3))),
        S((), (), np.array(-1)),
    ], torch=functional("margin_ranking_loss")),
    Case(M.cosine_embedding_loss, [
        *each_reduction((5, 3), (5, 3), SIGNS),
        S((5, 3), (5, 3), SIGNS, 0.2),
        S((3,), (3,), np.array(1)),
        S((2, 3), (2, 3), np.array([0, 5]), reduction="none"),
    ], torch=functional("cosine_embedding_loss")),
    Case(M.triplet_margin_loss, [
        *each_reduction(X, X, X, seed=1),
        S(X, X, X, 2.0, 1.5),
        S(X, X, X, 2.0, swap=True),
        S((3,), (3,), (3,), eps=0.1),
    ], torch=functional("triplet_margin_loss")),
    Case(M.triplet_margin_with_distance_loss, [
        *each_reduction(X, X, X, margin=2.0),
        S(X, X, X, distance_function=manhattan, swap=True),
    ], torch=functional("triplet_margin_with_distance_loss")),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Scores (1, 3, 2.5), right class 1: class 0 is behind by 2, no loss; class 2 by 0.5, so 0.5/3."""
    x = minidl.tensor([[1.0, 3.0, 2.5]], requires_grad=True)
    loss = M.multi_margin_loss(x, minidl.tensor([1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.5 / 3)
    np.testing.assert_allclose(x.grad.numpy(), [[0, -1 / 3, 1 / 3]], rtol=1e-6)


def test_vectors_of_zeros_have_cosine_0():
    zeros = minidl.zeros(1, 3, requires_grad=True)
    loss = M.cosine_embedding_loss(zeros, minidl.ones(1, 3), minidl.tensor([1]))
    loss.backward()
    assert loss.item() == 1.0 and bool(zeros.grad.isfinite().all())


def test_plain_arrays_give_plain_arrays():
    x, t = np.ones((5, 4)), LABELS
    for y in (M.multi_margin_loss(x, t), M.multilabel_margin_loss(x, MANY), M.soft_margin_loss(x, x),
              M.hinge_embedding_loss(x, x), M.cosine_embedding_loss(x, x, SIGNS), M.triplet_margin_loss(x, x, x),
              M.margin_ranking_loss(x, x, x)):
        assert isinstance(y, (np.ndarray, np.floating))


SCORES, ROW = minidl.zeros(2, 3), minidl.zeros(3)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: M.soft_margin_loss(SCORES, ROW), RuntimeError, "Target size (3,) must be the same as input size (2, 3)"),
    (lambda: M.multi_margin_loss(SCORES, minidl.tensor([0, 3])), RuntimeError,
     "target out of range: expected classes from 0 to 2, but got 3"),
    (lambda: M.multi_margin_loss(SCORES, minidl.tensor([0])), RuntimeError,
     "target tensor should be 1-D with size equal to the number of input samples"),
    (lambda: M.multi_margin_loss(SCORES, minidl.tensor([0, 1]), p=3), ValueError, "only p == 1 and p == 2 supported"),
    (lambda: M.multi_margin_loss(SCORES, minidl.tensor([0.0, 1.0])), RuntimeError, "expected target dtype to be Long"),
    (lambda: M.multi_margin_loss(SCORES, minidl.tensor([0, 1]), weight=minidl.ones(2)), RuntimeError,
     "either for all 3 classes or no classes"),
    (lambda: M.multi_margin_loss(SCORES, [0, 1]), TypeError, "argument 'target' must be Tensor, not list"),
    (lambda: M.multilabel_margin_loss(SCORES, SCORES.long() - 2), RuntimeError,
     "expected classes from -1 to 2, but got -2"),
    (lambda: M.multilabel_margin_loss(SCORES[None], SCORES[None].long()), RuntimeError,
     "Expected input (N, C) or (C,)"),
    (lambda: M.multilabel_soft_margin_loss(SCORES, SCORES, reduction="avg"), ValueError,
     "avg is not a valid value for reduction"),
    (lambda: M.hinge_embedding_loss(SCORES, ROW), RuntimeError, "must be the same as input size"),
    (lambda: M.margin_ranking_loss(ROW, ROW, SCORES), RuntimeError,
     "should have the same size but got sizes (3,), (3,), (2, 3)"),
    (lambda: M.margin_ranking_loss(ROW[:, None], ROW[None], minidl.ones(3, 3)), RuntimeError,
     "should have the same size"),
    (lambda: M.margin_ranking_loss(SCORES, SCORES, minidl.ones(2, 1)), RuntimeError,
     "try reshape, squeeze or unsqueeze"),
    (lambda: M.cosine_embedding_loss(SCORES, SCORES, minidl.tensor(1)), RuntimeError,
     "0D target tensor expects 1D input tensors"),
    (lambda: M.cosine_embedding_loss(SCORES, SCORES[:1], minidl.tensor([1, 1])), RuntimeError,
     "should have the same size"),
    (lambda: M.cosine_embedding_loss(SCORES, SCORES, minidl.tensor([1])), RuntimeError,
     "one target for each pair of vectors, (2,), but got (1,)"),
    (lambda: M.multilabel_soft_margin_loss(SCORES, SCORES, minidl.ones(2)), RuntimeError,
     "weight (2,) cannot be broadcast"),
    (lambda: M.triplet_margin_loss(SCORES, SCORES, SCORES[:1]), RuntimeError, "should have the same size"),
    (lambda: M.triplet_margin_with_distance_loss(SCORES[:, :1], SCORES, SCORES), RuntimeError,
     "should have the same size"),
    (lambda: M.triplet_margin_loss(ROW, ROW, ROW, margin=0), ValueError, "margin must be greater than 0, got 0"),
    (lambda: M.triplet_margin_loss(ROW, ROW, SCORES), RuntimeError, "anchor 1D, positive 1D, and negative 2D"),
    (lambda: M.triplet_margin_loss(ROW, ROW, ROW.double()), RuntimeError, "should have the same dtype"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


@pytest.mark.parametrize("shapes", [((), (1,)), ((1,), ())])
def test_multilabel_margin_loss_of_one_class_with_or_without_an_axis(shapes):
    x, t = minidl.full(shapes[0], 0.5), minidl.zeros(shapes[1], dtype=minidl.int64)
    assert M.multilabel_margin_loss(x, t).item() == 0.0
