"""How well answers to queries are ranked.

For each query, answers come in the order of falling scores; of equal scores, in the order given. As in torchmetrics, an
answer with a score of 0 or below is not retrieved: it is never found, though it may be relevant.
"""
from __future__ import annotations

from typing import NamedTuple

from minidl.metrics.functional.counts import divide
from minidl.ops.base import check_tensors
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, ones
from minidl.tensors.tensor import Tensor


class Ranking(NamedTuple):
    """Answers of Q queries, sorted by query and falling score: (N,) each."""

    query: Tensor           # 0 .. Q-1
    place: Tensor           # 1, 2, ... within the query
    preds: Tensor
    target: Tensor          # float64
    sizes: Tensor           # (Q,): answers of each query

    def sums(self, values: Tensor) -> Tensor:
        """Sums over the answers of each query: (Q,)."""
        return self.query.bincount(values.double(), minlength=len(self.sizes))

    def found(self, top_k: int | None) -> Tensor:
        """The relevant answers that are retrieved and among the first k: 1.0, others 0.0."""
        hits = where(self.preds > 0, self.target, self.target * 0)
        return hits if top_k is None else where(self.place <= top_k, hits, hits * 0)


def check_retrieval(who: str, top_k: int | None, adaptive_k: bool = False) -> None:
    """Errors: ValueError for arguments that are out of range."""
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"{who}: expected top_k to be a positive integer or None, but got {top_k!r}")
    if not isinstance(adaptive_k, bool):
        raise ValueError(f"{who}: expected adaptive_k to be a bool, but got {adaptive_k!r}")


def check_answers(who: str, preds: Tensor, target: Tensor, binary: bool) -> None:
    """Errors: TypeError unless both are tensors; ValueError for shapes, types and values that do not fit."""
    check_tensors(who, preds=preds, target=target)
    if preds.shape != target.shape or not preds.ndim:
        raise ValueError(f"{who}: expected preds and target of the same shape, not scalars, but got "
                         f"{tuple(preds.shape)} and {tuple(target.shape)}")
    if preds.dtype.kind != "f":
        raise ValueError(f"{who}: expected preds to be floating point numbers, scores, but got {preds.dtype}")
    if bool(preds.isnan().any()):
        raise ValueError(f"{who}: preds contains NaN ({int(preds.isnan().sum())} of {preds.numel()} numbers)")
    if binary and target.dtype.kind != "b" and bool(((target < 0) | (target > 1)).any()):
        raise ValueError(f"{who}: expected target to be binary, relevant or not, but got values from "
                         f"{target.min().item()} to {target.max().item()}")


def rank(preds: Tensor, target: Tensor, indexes: Tensor | None = None) -> Ranking:
    """Sort flat answers by query (all of one, if indexes are not given) and score."""
    query = preds.long() * 0 if indexes is None else indexes.unique(return_inverse=True)[1]
    order = preds.argsort(descending=True, stable=True)
    order = order[query[order].argsort(stable=True)]
    query, sizes = query[order], query.bincount()
    starts = sizes.cumsum(0) - sizes
    place = arange(len(query), device=preds.device) - starts[query] + 1
    return Ranking(query, place, preds[order], target[order].double(), sizes)


# ---------------------------------------------------------------------- a value for each query: (Q,)

def recalls(ranking: Ranking, top_k: int | None) -> Tensor:
    return divide(ranking.sums(ranking.found(top_k)), ranking.sums(ranking.target))


def precisions(ranking: Ranking, top_k: int | None, adaptive_k: bool) -> Tensor:
    number = ranking.sizes if top_k is None else ranking.sizes * 0 + top_k
    if adaptive_k:
        number = where(number < ranking.sizes, number, ranking.sizes)
    return ranking.sums(ranking.found(top_k)) / number


def average_precisions(ranking: Ranking, top_k: int | None) -> Tensor:
    hits = (ranking.found(top_k) > 0).double()
    so_far = hits.cumsum(0)
    before = cat([so_far[:1] * 0, ranking.sums(hits).cumsum(0)[:-1]])          # hits of the queries before
    return divide(ranking.sums(hits * (so_far - before[ranking.query]) / ranking.place), ranking.sums(hits))


def reciprocal_ranks(ranking: Ranking, top_k: int | None) -> Tensor:
    hits = (ranking.found(top_k) > 0).long()
    so_far = hits.cumsum(0)
    before = cat([so_far[:1] * 0, ranking.sums(hits).long().cumsum(0)[:-1]])
    first = (hits > 0) & (so_far - before[ranking.query] == 1)
    return ranking.sums(first / ranking.place)


def normalized_gains(ranking: Ranking, top_k: int | None) -> Tensor:
    discounts = 1 / (ranking.place + 1).double().log2()
    if top_k is not None:
        discounts = where(ranking.place <= top_k, discounts, discounts * 0)
    # answers with the same score share the discounts of their places
    new = cat([ones(1, device=discounts.device).long(), ((ranking.query[1:] != ranking.query[:-1])
                                                        | (ranking.preds[1:] != ranking.preds[:-1])).long()])
    tie = new.cumsum(0) - 1
    shared = (tie.bincount(discounts) / tie.bincount())[tie]
    ideal = rank(ranking.target, ranking.target, ranking.query)
    return divide(ranking.sums(ranking.target * shared), ranking.sums(ideal.target * discounts))


# ---------------------------------------------------------------------- of one query

def _one(who: str, preds: Tensor, target: Tensor, binary: bool = True) -> Ranking:
    check_answers(who, preds, target, binary)
    if not preds.numel():
        raise ValueError(f"{who}: expected answers, but preds and target are empty")
    return rank(preds.detach().flatten(), target.detach().to(preds.device).flatten())


def retrieval_recall(preds: Tensor, target: Tensor, top_k: int | None = None) -> Tensor:
    """The share of relevant answers to a query that are among the k best.

    Args:
        preds: scores of any shape; 0 and below say that an answer is not retrieved.
        target: whether answers are relevant, in the same shape.
        top_k: all answers if None.

    It is 0 if no answer is relevant. Errors: ValueError for shapes, types and arguments that do not fit.

        >>> import minidl
        >>> from minidl.metrics.functional import retrieval_recall
        >>> retrieval_recall(minidl.tensor([0.2, 0.3, 0.5]), minidl.tensor([True, False, True]), top_k=2)
        tensor(0.5000)
    """
    check_retrieval("retrieval_recall", top_k)
    return recalls(_one("retrieval_recall", preds, target), top_k)[0].float()


def retrieval_precision(preds: Tensor, target: Tensor, top_k: int | None = None, adaptive_k: bool = False) -> Tensor:
    """The share of the k best answers to a query that are relevant.

    adaptive_k: take all answers for k where there are fewer. Other arguments and errors: see `retrieval_recall`.

        >>> import minidl
        >>> from minidl.metrics.functional import retrieval_precision
        >>> retrieval_precision(minidl.tensor([0.2, 0.3, 0.5]), minidl.tensor([True, False, True]), top_k=2)
        tensor(0.5000)
    """
    check_retrieval("retrieval_precision", top_k, adaptive_k)
    return precisions(_one("retrieval_precision", preds, target), top_k, adaptive_k)[0].float()


def retrieval_average_precision(preds: Tensor, target: Tensor, top_k: int | None = None) -> Tensor:
    """The mean, over the relevant answers among the k best, of the precision up to them. Its mean over queries is MAP.

    Arguments and errors: see `retrieval_recall`.

        >>> import minidl
        >>> from minidl.metrics.functional import retrieval_average_precision
        >>> retrieval_average_precision(minidl.tensor([0.2, 0.3, 0.5]), minidl.tensor([True, False, True]))
        tensor(0.8333)
    """
    check_retrieval("retrieval_average_precision", top_k)
    return average_precisions(_one("retrieval_average_precision", preds, target), top_k)[0].float()


def retrieval_reciprocal_rank(preds: Tensor, target: Tensor, top_k: int | None = None) -> Tensor:
    """One by the place of the first relevant answer, or 0 if it is not among the k best. Its mean over queries is MRR.

    Arguments and errors: see `retrieval_recall`.

        >>> import minidl
        >>> from minidl.metrics.functional import retrieval_reciprocal_rank
        >>> retrieval_reciprocal_rank(minidl.tensor([0.2, 0.3, 0.5]), minidl.tensor([False, True, False]))
        tensor(0.5000)
    """
    check_retrieval("retrieval_reciprocal_rank", top_k)
    return reciprocal_ranks(_one("retrieval_reciprocal_rank", preds, target), top_k)[0].float()


def retrieval_normalized_dcg(preds: Tensor, target: Tensor, top_k: int | None = None) -> Tensor:
    """nDCG: sum_i target_i / log2(1 + place_i) over the k best answers, divided by the highest that it can be.

    target may be how relevant answers are, not only whether. Answers with equal scores share their places. Other
    arguments and errors: see `retrieval_recall`.
    Source: Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", 2002.

        >>> import minidl
        >>> from minidl.metrics.functional import retrieval_normalized_dcg
        >>> retrieval_normalized_dcg(minidl.tensor([0.1, 0.2, 0.3, 4.0, 70.0]), minidl.tensor([10, 0, 0, 1, 5]))
        tensor(0.6957)
    """
    check_retrieval("retrieval_normalized_dcg", top_k)
    return normalized_gains(_one("retrieval_normalized_dcg", preds, target, binary=False), top_k)[0].float()
