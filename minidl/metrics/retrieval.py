"""Ranked answers to many queries, batch by batch."""
from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from minidl.metrics.functional import retrieval
from minidl.metrics.functional.inputs import check_choice
from minidl.metrics.functional.retrieval import Ranking, check_answers, check_retrieval, rank
from minidl.metrics.metric import Metric
from minidl.ops.base import check_tensors
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor

Aggregation: TypeAlias = "str | Callable[..., Tensor]"


class RetrievalMetric(Metric):
    """Base class: a value for each query, and their mean. `update` takes (preds, target, indexes) of one shape.

    Args:
        empty_target_action: what a query without a relevant answer counts: "neg" 0, "pos" 1, "skip" nothing; "error"
            refuses it.
        ignore_index: answers with this target do not count.
        top_k: only the k best answers of each query count.
        aggregation: "mean", "median", "min", "max", or a function of the values (Q,) and `dim`.

    indexes (integers) say to which query an answer belongs; a query may go on in another batch.
    Errors: ValueError for shapes, types and arguments that do not fit.
    """

    higher_is_better = True
    binary = True

    def __init__(self, empty_target_action: str = "neg", ignore_index: int | None = None, top_k: int | None = None,
                 aggregation: Aggregation = "mean") -> None:
        super().__init__()
        who = type(self).__name__
        check_choice(who, "empty_target_action", empty_target_action, ("error", "skip", "neg", "pos"))
        if not callable(aggregation):
            check_choice(who, "aggregation", aggregation, ("mean", "median", "min", "max"))
        if ignore_index is not None and not isinstance(ignore_index, int):
            raise ValueError(f"{who}: expected ignore_index to be None or an integer, but got {ignore_index!r}")
        check_retrieval(who, top_k)
        self.empty_target_action, self.ignore_index = empty_target_action, ignore_index
        self.top_k, self.aggregation = top_k, aggregation
        for name in ("indexes", "preds", "target"):
            self.add_state(name, [], "cat")

    def update(self, preds: Tensor, target: Tensor, indexes: Tensor) -> None:
        who = type(self).__name__
        check_tensors(who, preds=preds, target=target, indexes=indexes)
        if indexes.shape != preds.shape or indexes.dtype.kind != "i":
            raise ValueError(f"{who}: expected indexes to be integers in the shape of preds, {tuple(preds.shape)}, but "
                             f"got {tuple(indexes.shape)} of {indexes.dtype}")
        parts = [x.detach().to(preds.device).flatten() for x in (indexes, preds, target)]
        if self.ignore_index is not None and target.shape == preds.shape:
            kept = parts[2] != self.ignore_index
            parts = [x[kept] for x in parts]
        check_answers(who, parts[1], parts[2] if target.shape == preds.shape else target, self.binary)
        for name, x in zip(("indexes", "preds", "target"), parts):
            getattr(self, name).append(x)

    def compute(self) -> Tensor:
        indexes, preds, target = (cat([x.to(xs[-1].device) for x in xs]) if xs else tensor([])
                                  for xs in (getattr(self, name) for name in ("indexes", "preds", "target")))
        if not len(indexes):
            return tensor(0.0)
        ranking = rank(preds, target, indexes)
        values, empty = self.values(ranking), ranking.sums(ranking.target) == 0
        if self.empty_target_action == "error" and bool(empty.any()):
            raise ValueError(f"{type(self).__name__}: {int(empty.sum())} of {len(empty)} queries have no relevant "
                             f"answer; empty_target_action='skip' leaves them out")
        if self.empty_target_action == "skip":
            values = values[~empty]
        else:
            values = where(empty, values * 0 + (self.empty_target_action == "pos"), values)
        if not len(values):
            return tensor(0.0)
        if callable(self.aggregation):
            return self.aggregation(values.float(), dim=None)
        return getattr(values.float(), self.aggregation)()

    def values(self, ranking: Ranking) -> Tensor:
        """The value of each query: (Q,)."""
        raise NotImplementedError


class RetrievalRecall(RetrievalMetric):
    """`functional.retrieval_recall` over many queries: recall at k. Arguments: see `RetrievalMetric`.

        >>> import minidl
        >>> from minidl.metrics import RetrievalRecall
        >>> metric = RetrievalRecall(top_k=2)
        >>> metric.update(minidl.tensor([0.2, 0.3, 0.5, 0.1, 0.3, 0.5, 0.2]), minidl.tensor([0, 0, 1, 0, 1, 0, 1]),
        ...               indexes=minidl.tensor([0, 0, 0, 1, 1, 1, 1]))
        >>> metric.compute()
        tensor(0.7500)
    """

    def values(self, ranking: Ranking) -> Tensor:
        return retrieval.recalls(ranking, self.top_k)


class RetrievalPrecision(RetrievalMetric):
    """`functional.retrieval_precision` over many queries: precision at k. Arguments: see `RetrievalMetric`.

    adaptive_k: take all answers for k where there are fewer.

        >>> import minidl
        >>> from minidl.metrics import RetrievalPrecision
        >>> metric = RetrievalPrecision(top_k=2)
        >>> metric.update(minidl.tensor([0.2, 0.3, 0.5, 0.1, 0.3, 0.5, 0.2]), minidl.tensor([0, 0, 1, 0, 1, 0, 1]),
        ...               indexes=minidl.tensor([0, 0, 0, 1, 1, 1, 1]))
        >>> metric.compute()
        tensor(0.5000)
    """

    def __init__(self, empty_target_action: str = "neg", ignore_index: int | None = None, top_k: int | None = None,
                 adaptive_k: bool = False, aggregation: Aggregation = "mean") -> None:
        super().__init__(empty_target_action, ignore_index, top_k, aggregation)
        check_retrieval("RetrievalPrecision", top_k, adaptive_k)
        self.adaptive_k = adaptive_k

    def values(self, ranking: Ranking) -> Tensor:
        return retrieval.precisions(ranking, self.top_k, self.adaptive_k)


class RetrievalMAP(RetrievalMetric):
    """`functional.retrieval_average_precision` over many queries: MAP. Arguments: see `RetrievalMetric`.

        >>> import minidl
        >>> from minidl.metrics import RetrievalMAP
        >>> metric = RetrievalMAP()
        >>> metric.update(minidl.tensor([0.2, 0.3, 0.5, 0.1, 0.3, 0.5, 0.2]), minidl.tensor([0, 0, 1, 0, 1, 0, 1]),
        ...               indexes=minidl.tensor([0, 0, 0, 1, 1, 1, 1]))
        >>> metric.compute()
        tensor(0.7917)
    """

    def values(self, ranking: Ranking) -> Tensor:
        return retrieval.average_precisions(ranking, self.top_k)


class RetrievalMRR(RetrievalMetric):
    """`functional.retrieval_reciprocal_rank` over many queries: MRR. Arguments: see `RetrievalMetric`.

        >>> import minidl
        >>> from minidl.metrics import RetrievalMRR
        >>> metric = RetrievalMRR()
        >>> metric.update(minidl.tensor([0.2, 0.3, 0.5, 0.1, 0.3, 0.5, 0.2]), minidl.tensor([0, 0, 1, 0, 1, 0, 1]),
        ...               indexes=minidl.tensor([0, 0, 0, 1, 1, 1, 1]))
        >>> metric.compute()
        tensor(0.7500)
    """

    def values(self, ranking: Ranking) -> Tensor:
        return retrieval.reciprocal_ranks(ranking, self.top_k)


class RetrievalNormalizedDCG(RetrievalMetric):
    """`functional.retrieval_normalized_dcg` over many queries: nDCG. Arguments: see `RetrievalMetric`.

        >>> import minidl
        >>> from minidl.metrics import RetrievalNormalizedDCG
        >>> metric = RetrievalNormalizedDCG()
        >>> metric.update(minidl.tensor([0.2, 0.3, 0.5, 0.1, 0.3, 0.5, 0.2]), minidl.tensor([0, 0, 1, 0, 1, 0, 1]),
        ...               indexes=minidl.tensor([0, 0, 0, 1, 1, 1, 1]))
        >>> metric.compute()
        tensor(0.8467)
    """

    binary = False

    def values(self, ranking: Ranking) -> Tensor:
        return retrieval.normalized_gains(ranking, self.top_k)
