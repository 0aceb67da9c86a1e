"""Perplexity and BLEU, batch by batch."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.metrics.functional.text import NGrams, bleu_of, check_bleu, count_ngrams, sum_log_probs
from minidl.metrics.metric import Metric
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor


class Perplexity(Metric):
    """`functional.perplexity`, batch by batch.

        >>> import minidl
        >>> from minidl.metrics import Perplexity
        >>> metric = Perplexity(ignore_index=-100)
        >>> metric.update(minidl.zeros(2, 3, 5), minidl.tensor([[0, 1, 4], [2, -100, -100]]))
        >>> metric.compute()
        tensor(5.)
    """

    higher_is_better = False
    total_log_probs: Tensor
    count: Tensor

    def __init__(self, ignore_index: int | None = None) -> None:
        super().__init__()
        if ignore_index is not None and not isinstance(ignore_index, int):
            raise ValueError(f"Perplexity: expected ignore_index to be None or an integer, but got {ignore_index!r}")
        self.ignore_index = ignore_index
        self.add_state("total_log_probs", tensor(0.0).double(), "sum")
        self.add_state("count", tensor(0), "sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        total, count = sum_log_probs("Perplexity", preds, target, self.ignore_index)
        self.add(total_log_probs=total, count=count)

    def compute(self) -> Tensor:
        return (self.total_log_probs / self.count).exp().float()


class BLEUScore(Metric):
    """`functional.bleu_score`, batch by batch: of the whole corpus, not a mean over sentences.

        >>> from minidl.metrics import BLEUScore
        >>> metric = BLEUScore()
        >>> metric.update(["the cat is on the mat"], [["there is a cat on the mat", "a cat is on the mat"]])
        >>> metric.compute()
        tensor(0.7598)
    """

    higher_is_better = True

    def __init__(self, n_gram: int = 4, smooth: bool = False, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        self.weights = check_bleu("BLEUScore", n_gram, weights)
        self.n_gram, self.smooth = n_gram, smooth
        self.add_state("numerator", tensor([0] * n_gram), "sum")
        self.add_state("denominator", tensor([0] * n_gram), "sum")
        self.add_state("preds_len", tensor(0), "sum")
        self.add_state("target_len", tensor(0), "sum")

    def update(self, preds: str | Sequence[str], target: Sequence[str | Sequence[str]]) -> None:
        batch = count_ngrams("BLEUScore", preds, target, self.n_gram)
        self.add(**{name: tensor(number) for name, number in batch._asdict().items()})

    def compute(self) -> Tensor:
        return bleu_of(NGrams(*(getattr(self, name).tolist() for name in NGrams._fields)), self.weights, self.smooth)
