"""ROC and precision-recall curves, and the areas below them.

They measure how well scores rank, whatever the threshold. At threshold t, an entry with a score of at least t is
predicted positive; *tps* of these are positive, *fps* are not. Without `thresholds` every distinct score is a
threshold, which is exact, as in scikit-learn. An integer n means n thresholds evenly spaced from 0 to 1; a list or a
tensor holds the thresholds themselves. Each class is taken against all others.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from minidl.backend.warn import warn
from minidl.metrics.functional.counts import divide
from minidl.metrics.functional.inputs import Inputs, as_probabilities, check_choice, read
from minidl.ops.elementwise import where
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import as_tensor, linspace
from minidl.tensors.tensor import Tensor

Thresholds: TypeAlias = int | Sequence[float] | Tensor | None
Curve: TypeAlias = tuple[Tensor, Tensor, Tensor]
Curves: TypeAlias = tuple[list[Tensor], list[Tensor], list[Tensor]]


class ThresholdCounts(NamedTuple):
    """The counts of one class at each threshold. Exact thresholds fall; given ones keep their order."""

    tps: Tensor             # (T,), integers
    fps: Tensor
    positives: Tensor       # (), integers
    negatives: Tensor
    thresholds: Tensor      # (T,)
    exact: bool


# ---------------------------------------------------------------------- finding

def as_thresholds(who: str, thresholds: Thresholds) -> Tensor | None:
    """A tensor (T,), or None for exact curves. Errors: ValueError for others."""
    if thresholds is None:
        return None
    if isinstance(thresholds, int):
        if thresholds < 2:
            raise ValueError(f"{who}: expected at least 2 thresholds, but got {thresholds}")
        return linspace(0, 1, thresholds)
    given = thresholds if isinstance(thresholds, Tensor) else as_tensor(list(thresholds)).float()
    if given.ndim != 1 or not len(given):
        raise ValueError(f"{who}: expected thresholds (T,), but got a tensor {tuple(given.shape)}")
    if bool(((given < 0) | (given > 1)).any()):
        raise ValueError(f"{who}: expected thresholds from 0 to 1, but got {thresholds}")
    return given


def scores_of(who: str, inputs: Inputs, ignore_index: int | None) -> tuple[Tensor, Tensor]:
    """Probabilities (M,), (M, C) or (M, L), and targets (M,) or (M, L), without ignored entries.

    An ignored label stays, since other labels of its sample count: its target becomes -1.
    """
    preds, target = inputs.preds, inputs.target
    if inputs.task == "multilabel":
        preds, target = (x.transpose(1, 2).flatten(0, 1) for x in (preds, target))
        if ignore_index is not None:
            target = where(target == ignore_index, target * 0 - 1, target)
        return as_probabilities(preds, inputs.task), target
    preds = preds.transpose(1, 2).flatten(0, 1) if inputs.task == "multiclass" else preds.flatten()
    target = target.flatten()
    if ignore_index is not None:
        kept = target != ignore_index
        preds, target = preds[kept], target[kept]
    return as_probabilities(preds, inputs.task), target


def split_by_class(task: str, preds: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Split the result of `scores_of` by class or label: scores (M,), and whether each is positive."""
    if task == "binary":
        return [(preds, target == 1)]
    if task == "multiclass":
        return [(preds[:, c], target == c) for c in range(preds.shape[1])]
    return [(preds[target[:, k] >= 0, k], target[target[:, k] >= 0, k] == 1) for k in range(preds.shape[1])]


def count_at_thresholds(scores: Tensor, positive: Tensor, thresholds: Tensor | None) -> ThresholdCounts:
    """Count at each threshold: scores (M,), positive (M,), bool."""
    positives = positive.sum()
    negatives = (~positive).sum()
    if thresholds is not None:
        given = thresholds.to(scores.device)
        taken = [scores >= t for t in given]
        tps, fps = stack([(t & positive).sum() for t in taken]), stack([(t & ~positive).sum() for t in taken])
        return ThresholdCounts(tps, fps, positives, negatives, given, False)
    order = scores.argsort(descending=True, stable=True)
    scores, positive = scores[order], positive[order]
    # equal scores pass a threshold together: keep the last of each
    last = cat([scores[1:] != scores[:-1], (scores[:1] == scores[:1])])
    tps = positive.long().cumsum(0)[last]
    fps = (~positive).long().cumsum(0)[last]
    return ThresholdCounts(tps, fps, positives, negatives, scores[last], True)


# ---------------------------------------------------------------------- curves

def roc_of(f: ThresholdCounts) -> Curve:
    """False and true positive rates in float64, and thresholds. All from strict to lax."""
    if f.exact:
        tps, fps = (cat([x[:1] * 0, x]) for x in (f.tps, f.fps))
        thresholds = cat([f.thresholds[:1] * 0 + 1, f.thresholds])
        for number, what, rate in ((f.negatives, "negative", "false"), (f.positives, "positive", "true")):
            if not bool(number):
                warn(f"roc: no {what} samples in target; the {rate} positive rate is set to 0")
    else:
        tps, fps, thresholds = f.tps.flip(0), f.fps.flip(0), f.thresholds.flip(0)
    return divide(fps.double(), f.negatives.double()), divide(tps.double(), f.positives.double()), thresholds


def precision_recall_of(f: ThresholdCounts, one_of_many: bool) -> Curve:
    """Precision and recall in float64, and thresholds. From lax to strict, with a last point (1, 0).

    Without positives the exact recall is NaN for one class of many, else 1.
    """
    tps, fps, thresholds = (x.flip(0) if f.exact else x for x in (f.tps.double(), f.fps.double(), f.thresholds))
    precision, recall = divide(tps, tps + fps, math.nan), divide(tps, f.positives.double(), math.nan)
    if f.exact and not one_of_many and not bool(f.positives):
        warn("precision_recall_curve: no positive samples in target; recall is set to 1")
        recall = tps * 0 + 1
    zero = tps[:1] * 0
    return cat([precision, zero + 1]), cat([recall, zero]), thresholds


def area_below(x: Tensor, y: Tensor) -> Tensor:
    """The area below a curve, by trapezoids."""
    return ((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum() / 2


def area_below_roc(f: ThresholdCounts, max_fpr: float | None) -> Tensor:
    """The area below the ROC curve. Up to max_fpr, scaled so that chance is 0.5 and perfection 1 (McClish, 1989)."""
    fpr, tpr, _ = roc_of(f)
    if max_fpr is None or max_fpr == 1 or not bool(fpr.sum()) or not bool(tpr.sum()):
        return area_below(fpr, tpr)
    below = int((fpr <= max_fpr).sum())
    x0, x1, y0, y1 = fpr[below - 1], fpr[below], tpr[below - 1], tpr[below]
    end = y0 + (y1 - y0) * (max_fpr - x0) / (x1 - x0)
    area = area_below(cat([fpr[:below], (x0 * 0 + max_fpr)[None]]), cat([tpr[:below], end[None]]))
    least = max_fpr ** 2 / 2
    return (1 + (area - least) / (max_fpr - least)) / 2


def precision_at_new_recalls(f: ThresholdCounts, one_of_many: bool) -> Tensor:
    """The average precision: sum_n (R_n - R_{n-1}) P_n."""
    precision, recall, _ = precision_recall_of(f, one_of_many)
    if not f.exact:
        precision, recall = precision.nan_to_num(0.0), recall.nan_to_num(0.0)
    return -((recall[1:] - recall[:-1]) * precision[:-1]).sum()


def average_of(who: str, figures: list[Tensor], weights: list[Tensor], average: str | None) -> Tensor:
    """Average the classes' values. Classes with NaN are left out, with a warning."""
    each = stack(figures)
    if average in ("none", None):
        return each.float()
    known = ~each.isnan()
    if not bool(known.all()):
        warn(f"{who}: {int((~known).sum())} classes have no positive samples, and are left out of the average")
    each = each[known]
    if average == "macro":
        return each.mean().float()
    shares = stack(weights)[known].double()
    return divide((each * shares).sum(), shares.sum()).float()


# ---------------------------------------------------------------------- the functions

def _read_and_count(who: str, preds: Tensor, target: Tensor, task: str | None, thresholds: Thresholds,
                    num_classes: int | None, num_labels: int | None, ignore_index: int | None, validate_args: bool,
                    micro: bool = False) -> tuple[list[ThresholdCounts], str]:
    at = as_thresholds(who, thresholds)
    inputs = read(who, preds, target, task, num_classes, num_labels, ignore_index, validate_args, scores_only=True)
    scores, labels = scores_of(who, inputs, ignore_index)
    return count_all_at_thresholds(who, scores, labels, inputs.task, at, micro), inputs.task


def count_all_at_thresholds(who: str, scores: Tensor, labels: Tensor, task: str, thresholds: Tensor | None,
                              micro: bool = False) -> list[ThresholdCounts]:
    """The counts for each class or label; with `micro`, for all of them together."""
    if not len(labels):
        raise ValueError(f"{who}: expected at least one entry that counts, but got none")
    pairs = split_by_class(task, scores, labels)
    if micro:
        pairs = [(cat([s for s, _ in pairs]), cat([p for _, p in pairs]))]
    return [count_at_thresholds(s, p, thresholds) for s, p in pairs]


def finish_curves(curves: list[Curve], task: str, thresholds: Tensor | None) -> Curve | Curves:
    """Return what torchmetrics does. Lists for exact curves of many classes, else tensors."""
    single = [tuple(x.float() if x.dtype.itemsize == 8 else x for x in curve) for curve in curves]
    if task == "binary":
        return single[0][0], single[0][1], single[0][2]
    if thresholds is not None:
        return stack([c[0] for c in single]), stack([c[1] for c in single]), single[0][2]
    return [c[0] for c in single], [c[1] for c in single], [c[2] for c in single]


def roc(preds: Tensor, target: Tensor, task: str | None = None, thresholds: Thresholds = None,
        num_classes: int | None = None, num_labels: int | None = None, average: str | None = None,
        ignore_index: int | None = None, validate_args: bool = True) -> Curve | Curves:
    """False positive rate, true positive rate, thresholds: the ROC curve, strict to lax.

    Args:
        preds: probabilities or logits (values outside [0, 1]): (N, ...), (N, C, ...) or (N, L, ...).
        target: classes (N, ...), or 0 and 1 in the shape of preds.
        task: "binary", "multiclass" or "multilabel"; found from the shapes if they leave no choice.
        thresholds: None for exact curves; how many thresholds; or the thresholds themselves.
        average: "micro" joins all classes of the multiclass task into one curve; None gives lists of curves, or tensors
            (C, T) for given thresholds.
        ignore_index: entries with this target do not count.

    Exact curves start with a point (0, 0), whose threshold is 1. A rate is 0 where there is no negative, or no
    positive.
    Errors: ValueError for shapes and arguments that do not fit; RuntimeError for values that are no class.

        >>> import minidl
        >>> from minidl.metrics.functional import roc
        >>> fpr, tpr, thresholds = roc(minidl.tensor([0.1, 0.4, 0.35, 0.8]), minidl.tensor([0, 0, 1, 1]))
        >>> fpr.tolist(), tpr.tolist()
        ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    check_choice("roc", "average", average, (None, "none", "micro"))
    counts, task = _read_and_count("roc", preds, target, task, thresholds, num_classes, num_labels,
                                   ignore_index, validate_args, micro=average == "micro" and task != "binary")
    return finish_curves([roc_of(f) for f in counts], "binary" if average == "micro" else task,
                         as_thresholds("roc", thresholds))


def precision_recall_curve(preds: Tensor, target: Tensor, task: str | None = None, thresholds: Thresholds = None,
                           num_classes: int | None = None, num_labels: int | None = None,
                           ignore_index: int | None = None, validate_args: bool = True) -> Curve | Curves:
    """Precision, recall, thresholds: the curve from lax to strict.

    It ends in a point (1, 0) without a threshold.

    Arguments and errors: see `roc`.

        >>> import minidl
        >>> from minidl.metrics.functional import precision_recall_curve
        >>> precision, recall, _ = precision_recall_curve(minidl.tensor([0.1, 0.4, 0.8]), minidl.tensor([0, 1, 1]))
        >>> precision, recall
        (tensor([0.6667, 1.0000, 1.0000, 1.0000]), tensor([1.0000, 1.0000, 0.5000, 0.0000]))
    """
    counts, task = _read_and_count("precision_recall_curve", preds, target, task, thresholds, num_classes, num_labels,
                                   ignore_index, validate_args)
    return finish_curves([precision_recall_of(f, task == "multiclass") for f in counts], task,
                         as_thresholds("precision_recall_curve", thresholds))


def check_area(who: str, average: str | None, max_fpr: float | None = None) -> None:
    """Errors: ValueError for arguments that are out of range."""
    check_choice(who, "average", average, ("micro", "macro", "weighted", "none", None))
    if max_fpr is not None and not 0 < max_fpr <= 1:
        raise ValueError(f"{who}: expected max_fpr above 0, and 1 at most, but got {max_fpr}")


def auroc_of(counts: list[ThresholdCounts], task: str, average: str | None, max_fpr: float | None) -> Tensor:
    if task == "binary" or average == "micro":
        return area_below_roc(counts[0], max_fpr).float()
    return average_of("auroc", [area_below_roc(f, None) for f in counts], [f.positives for f in counts], average)


def average_precision_of(counts: list[ThresholdCounts], task: str, average: str | None) -> Tensor:
    if task == "binary" or average == "micro":
        return precision_at_new_recalls(counts[0], False).float()
    return average_of("average_precision", [precision_at_new_recalls(f, task == "multiclass") for f in counts],
                      [f.positives for f in counts], average)


def auroc(preds: Tensor, target: Tensor, task: str | None = None, thresholds: Thresholds = None,
          num_classes: int | None = None, num_labels: int | None = None, average: str | None = "macro",
          max_fpr: float | None = None, ignore_index: int | None = None, validate_args: bool = True) -> Tensor:
    """The area below the ROC curve.

    It is the probability that a positive has a higher score than a negative; ties count half.

    average: the mean over classes, each against all others ("macro"), the mean weighted by their frequency
    ("weighted"), no mean ("none"), or one curve for all ("micro"). max_fpr: only the area up to this false positive
    rate, scaled so that chance is 0.5 (binary).
    Other arguments and errors: see `roc`.

        >>> import minidl
        >>> from minidl.metrics.functional import auroc
        >>> auroc(minidl.tensor([0.1, 0.4, 0.35, 0.8]), minidl.tensor([0, 0, 1, 1]))
        tensor(0.7500)
    """
    check_area("auroc", average, max_fpr)
    counts, task = _read_and_count("auroc", preds, target, task, thresholds, num_classes, num_labels,
                                   ignore_index, validate_args, average == "micro")
    return auroc_of(counts, task, average, max_fpr)


def average_precision(preds: Tensor, target: Tensor, task: str | None = None, thresholds: Thresholds = None,
                      num_classes: int | None = None, num_labels: int | None = None, average: str | None = "macro",
                      ignore_index: int | None = None, validate_args: bool = True) -> Tensor:
    """sum_n (R_n - R_{n-1}) P_n: precision averaged over recall.

    average: see `auroc`; classes without any positive are left out, with a warning. Other arguments and errors: see
    `roc`.

        >>> import minidl
        >>> from minidl.metrics.functional import average_precision
        >>> average_precision(minidl.tensor([0.1, 0.4, 0.35, 0.8]), minidl.tensor([0, 0, 1, 1]))
        tensor(0.8333)
    """
    check_area("average_precision", average)
    counts, task = _read_and_count("average_precision", preds, target, task, thresholds, num_classes, num_labels,
                                   ignore_index, validate_args, average == "micro")
    return average_precision_of(counts, task, average)
