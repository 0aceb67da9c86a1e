"""Ranked answers: by hand, and against torchmetrics."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl import metrics
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics

FIGURES = {"retrieval_recall": metrics.RetrievalRecall, "retrieval_precision": metrics.RetrievalPrecision,
           "retrieval_average_precision": metrics.RetrievalMAP, "retrieval_reciprocal_rank": metrics.RetrievalMRR,
           "retrieval_normalized_dcg": metrics.RetrievalNormalizedDCG}


def answers(seed=0, n=80, queries=9, graded=False, below=False):
    """Scores without ties, of queries of all sizes; the last query has no relevant answer."""
    generator = np.random.default_rng(seed)
    scores = generator.permutation(n).astype(np.float32) / n + (-0.3 if below else 0.01)
    indexes = np.minimum(generator.integers(0, queries + 3, n), queries) * 3
    target = generator.integers(0, 4, n) if graded else (generator.random(n) < 0.3).astype(np.int64)
    return scores, np.where(indexes == indexes.max(), 0, target), indexes


def test_a_worked_example():
    """Relevant answers come first, third and fifth of five."""
    scores, relevant = minidl.tensor([0.9, 0.8, 0.7, 0.6, 0.5]), minidl.tensor([1, 0, 1, 0, 1])
    values = [figure(scores, relevant, top_k=3).item() for figure in (
        M.retrieval_recall, M.retrieval_precision, M.retrieval_average_precision, M.retrieval_reciprocal_rank,
        M.retrieval_normalized_dcg)]
    gain = 1 + 1 / np.log2(4)
    assert values == pytest.approx([2 / 3, 2 / 3, (1 + 2 / 3) / 2, 1, gain / (gain + 1 / np.log2(3))])
    assert M.retrieval_precision(scores, relevant, top_k=10).item() == pytest.approx(3 / 10)
    assert M.retrieval_precision(scores, relevant, top_k=10, adaptive_k=True).item() == pytest.approx(3 / 5)
    assert M.retrieval_reciprocal_rank(-scores + 1, 1 - relevant).item() == pytest.approx(1 / 2)
    # a score of 0 is not retrieved
    assert M.retrieval_recall(minidl.tensor([0.5, 0.0]), minidl.tensor([1, 1])).item() == pytest.approx(1 / 2)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("top_k", [None, 1, 3, 50])
def test_one_query_is_torchmetrics_s(name, top_k):
    torch = pytest.importorskip("torch")
    for seed, below, n in itertools.product(range(3), [False, True], [1, 12]):
        scores, target, _ = answers(seed, n=n, queries=1, graded="dcg" in name, below=below)
        expected = getattr(torchmetrics("functional.retrieval"), name)(
            torch.from_numpy(scores), torch.from_numpy(target), top_k=top_k)
        found = getattr(M, name)(minidl.tensor(scores), minidl.tensor(target), top_k=top_k)
        assert found.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-7)


def test_equal_scores_share_their_gain():
    torch = pytest.importorskip("torch")
    scores, target = np.array([0.5, 0.5, 0.2, 0.2, 0.2, 0.1], np.float32), np.array([3, 0, 0, 2, 1, 4])
    for top_k in (None, 1, 4):
        expected = torchmetrics("functional.retrieval").retrieval_normalized_dcg(
            torch.from_numpy(scores), torch.from_numpy(target), top_k=top_k)
        assert M.retrieval_normalized_dcg(minidl.tensor(scores), minidl.tensor(target), top_k).item() == pytest.approx(
            expected.item(), rel=1e-5)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("empty", ["neg", "pos", "skip"])
@pytest.mark.parametrize("aggregation", ["mean", "median", "min", "max", lambda x, dim: x.sum()])
def test_many_queries_are_torchmetrics_s(name, empty, aggregation):
    torch = pytest.importorskip("torch")
    for top_k, ignored in itertools.product([None, 2], [None, 1 if "dcg" in name else -1]):
        scores, target, indexes = answers(1, graded="dcg" in name)
        if ignored is not None:
            target[::7] = ignored
        arguments = {"empty_target_action": empty, "top_k": top_k, "aggregation": aggregation, "ignore_index": ignored}
        theirs = getattr(torchmetrics("retrieval"), FIGURES[name].__name__)(**arguments)
        theirs.update(*(torch.from_numpy(x) for x in (scores, target)), indexes=torch.from_numpy(indexes))
        here, there = FIGURES[name](**arguments), FIGURES[name](**arguments)
        parts = [minidl.tensor(x) for x in (scores, target, indexes)]
        here.update(*(x[:30] for x in parts))
        there.update(*(x[30:] for x in parts))                      # queries go on in another batch
        here.merge_state(there.metric_state)
        assert here.compute().item() == pytest.approx(theirs.compute().item(), rel=1e-5)


def test_adaptive_k_of_many_queries():
    scores, target, indexes = map(minidl.tensor, answers())
    found = metrics.RetrievalPrecision(top_k=8, adaptive_k=True)
    found.update(scores, target, indexes)
    each = [M.retrieval_precision(scores[indexes == i], target[indexes == i], 8, adaptive_k=True).item()
            for i in sorted(set(indexes.tolist()))]
    assert found.compute().item() == pytest.approx(np.mean(each), rel=1e-6)


def test_queries_without_a_relevant_answer_may_be_refused():
    metric = metrics.RetrievalMAP(empty_target_action="error")
    metric.update(minidl.tensor([0.5, 0.6]), minidl.tensor([0, 1]), indexes=minidl.tensor([0, 1]))
    with pytest.raises(ValueError, match="1 of 2 queries have no relevant answer"):
        metric.compute()
    metric = metrics.RetrievalMAP(empty_target_action="skip")
    metric.update(minidl.tensor([0.5]), minidl.tensor([0]), indexes=minidl.tensor([0]))
    assert metric.compute().item() == 0


SCORES, RELEVANT = minidl.tensor([0.5]), minidl.tensor([1])


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.retrieval_recall(SCORES, minidl.tensor([1, 0])), ValueError, "same shape"),
    (lambda: M.retrieval_recall(minidl.tensor([1]), RELEVANT), ValueError, "floating point"),
    (lambda: M.retrieval_recall(SCORES, minidl.tensor([2])), ValueError, "binary"),
    (lambda: M.retrieval_recall(SCORES / 0 * 0, RELEVANT), ValueError, "NaN"),
    (lambda: M.retrieval_recall(minidl.zeros(0), minidl.zeros(0).long()), ValueError, "empty"),
    (lambda: M.retrieval_recall([0.5], RELEVANT), TypeError, "preds"),
    (lambda: M.retrieval_precision(SCORES, RELEVANT, top_k=0), ValueError, "top_k"),
    (lambda: M.retrieval_precision(SCORES, RELEVANT, adaptive_k=1), ValueError, "adaptive_k"),
    (lambda: metrics.RetrievalMRR(top_k=-1), ValueError, "RetrievalMRR: .*top_k"),
    (lambda: metrics.RetrievalMRR(empty_target_action="zero"), ValueError, "empty_target_action"),
    (lambda: metrics.RetrievalMRR(aggregation="sum"), ValueError, "aggregation"),
    (lambda: metrics.RetrievalMRR(ignore_index="a"), ValueError, "ignore_index"),
    (lambda: metrics.RetrievalMRR().update(SCORES, RELEVANT, minidl.tensor([0.0])), ValueError, "indexes"),
    (lambda: metrics.RetrievalMRR().update(SCORES, RELEVANT, None), TypeError, "indexes"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


@pytest.mark.parametrize("name", FIGURES)
def test_on_another_device(name):
    assert strict_array.__doc__
    parts = [minidl.tensor(x) for x in answers()]
    here, there = FIGURES[name](top_k=3), FIGURES[name](top_k=3)
    here.update(*parts)
    there.update(*(x.to("strict") for x in parts))
    assert there.compute().device.type == "strict"
    assert there.compute().item() == pytest.approx(here.compute().item(), rel=1e-6)
