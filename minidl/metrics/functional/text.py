"""Language: perplexity of a model, and BLEU of a translation."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from minidl.ops.activation import log_softmax
from minidl.ops.base import check_tensors
from minidl.ops.elementwise import where
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- perplexity


def sum_log_probs(who: str, preds: Tensor, target: Tensor, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """The sum of -log p over the tokens that count, in float64, and their number."""
    check_tensors(who, preds=preds, target=target)
    if preds.ndim != 3 or target.ndim != 2 or preds.shape[:2] != target.shape:
        raise ValueError(f"{who}: expected preds (batch, length, vocabulary) and target (batch, length), but got "
                         f"{tuple(preds.shape)} and {tuple(target.shape)}")
    if preds.dtype.kind != "f":
        raise TypeError(f"{who}: expected preds to be floating point numbers, logits, but got {preds.dtype}")
    if target.dtype.kind != "i":
        raise TypeError(f"{who}: expected target to be integers, int64, but got {target.dtype}")
    target = target.to(preds.device).long()
    kept = target != ignore_index if ignore_index is not None else target == target
    wrong = kept & ((target < 0) | (target >= preds.shape[2]))
    if bool(wrong.any()):
        raise RuntimeError(f"{who}: expected tokens from 0 to {preds.shape[2] - 1}, but found "
                           f"{target[wrong][0].item()}; is ignore_index given?")
    found = log_softmax(preds.double(), -1).gather(2, where(kept, target, target * 0)[..., None])[..., 0]
    return -where(kept, found, found * 0).sum(), kept.sum()


def perplexity(preds: Tensor, target: Tensor, ignore_index: int | None = None) -> Tensor:
    """exp of the mean cross entropy: among how many tokens a model is undecided.

    Args:
        preds: logits (batch, length, vocabulary).
        target: tokens (batch, length).
        ignore_index: tokens that do not count, padding for instance.

    It has a gradient. Errors: ValueError for shapes that do not fit, TypeError for other types, RuntimeError for tokens
    outside of the vocabulary.

        >>> import minidl
        >>> from minidl.metrics.functional import perplexity
        >>> perplexity(minidl.zeros(2, 3, 5), minidl.tensor([[0, 1, 4], [2, -100, -100]]), ignore_index=-100)
        tensor(5.)
    """
    total, count = sum_log_probs("perplexity", preds, target, ignore_index)
    return (total / count).exp().float()


# ---------------------------------------------------------------------- BLEU

class NGrams(NamedTuple):
    """What BLEU counts in a corpus."""

    numerator: list[int]        # of each length from 1: n-grams that are in a reference too
    denominator: list[int]      # all n-grams
    preds_len: int              # words
    target_len: int             # words of the references of the nearest lengths


def check_bleu(who: str, n_gram: int, weights: Sequence[float] | None) -> list[float]:
    """The weights. Errors: ValueError unless there are as many as lengths of n-grams."""
    if isinstance(n_gram, bool) or not isinstance(n_gram, int) or n_gram < 1:
        raise ValueError(f"{who}: expected n_gram to be an integer of at least 1, but got {n_gram!r}")
    if weights is not None and len(weights) != n_gram:
        raise ValueError(f"{who}: expected as many weights as n_gram = {n_gram}, but got {len(weights)}")
    return [1 / n_gram] * n_gram if weights is None else list(weights)


def count_ngrams(who: str, preds: str | Sequence[str], target: Sequence[str | Sequence[str]], n_gram: int) -> NGrams:
    """Errors: ValueError for corpora of different sizes, and for a sentence without a reference."""
    sentences = [preds] if isinstance(preds, str) else preds
    references = [[one] if isinstance(one, str) else one for one in target]
    if len(sentences) != len(references):
        raise ValueError(f"{who}: expected references for each of {len(sentences)} sentences, but got "
                         f"{len(references)}; target is a list with a list of references for each sentence")
    numerator, denominator = [0] * n_gram, [0] * n_gram
    preds_len = target_len = 0
    for number, (sentence, others) in enumerate(zip(sentences, references)):
        if not others:
            raise ValueError(f"{who}: expected at least one reference for each sentence, but sentence {number} has "
                             f"none")
        words, lengths = sentence.split(), [len(other.split()) for other in others]
        preds_len += len(words)
        target_len += min(lengths, key=lambda length: abs(length - len(words)))
        there: Counter[tuple[str, ...]] = Counter()
        for other in others:
            there |= _ngrams(other.split(), n_gram)
        found = _ngrams(words, n_gram)
        for counts, sums in ((found & there, numerator), (found, denominator)):
            for ngram, times in counts.items():
                sums[len(ngram) - 1] += times
    return NGrams(numerator, denominator, preds_len, target_len)


def _ngrams(words: list[str], n_gram: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i:i + n]) for n in range(1, n_gram + 1) for i in range(len(words) - n + 1))


def bleu_of(counts: NGrams, weights: Sequence[float], smooth: bool) -> Tensor:
    if not min(counts.numerator):
        return tensor(0.0)
    logarithm = 0.0
    for n, (weight, right, all_) in enumerate(zip(weights, counts.numerator, counts.denominator)):
        more = 1 if smooth and n else 0
        logarithm += weight * math.log((right + more) / (all_ + more))
    shortness = min(0.0, 1 - counts.target_len / counts.preds_len)
    return tensor(math.exp(shortness + logarithm))


def bleu_score(preds: str | Sequence[str], target: Sequence[str | Sequence[str]], n_gram: int = 4,
               smooth: bool = False, weights: Sequence[float] | None = None) -> Tensor:
    """BLEU: which share of the n-grams of translations is in their references.

        min(1, exp(1 - r / c)) exp(sum_n w_n log p_n)

    with the share p_n of n-grams of length n that are right, each at most as often as in one reference, c words in all
    translations, and r in the references of the nearest lengths.

    Args:
        preds: sentences; words are split at white space.
        target: for each sentence a list of references, or one.
        n_gram: the longest n-grams.
        smooth: add 1 to the counts of n-grams of two words and more.
        weights: w_n, all the same by default.

    It is 0 if no n-gram of some length is right. Errors: ValueError for arguments that do not fit each other.
    Source: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", 2002.

        >>> from minidl.metrics.functional import bleu_score
        >>> bleu_score(["the cat is on the mat"], [["there is a cat on the mat", "a cat is on the mat"]])
        tensor(0.7598)
    """
    weights = check_bleu("bleu_score", n_gram, weights)
    return bleu_of(count_ngrams("bleu_score", preds, target, n_gram), weights, smooth)
