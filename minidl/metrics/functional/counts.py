"""Accuracy, precision, recall, F1 and the confusion matrix: ratios of counts.

For each class: *tp* counts its entries that were predicted as it, *fn* those that were missed, *fp* entries of other
classes that were predicted as it, and *tn* the rest. With more than two classes (or labels), `average` says how the
classes' values become one number:

    "micro"     counts are added over the classes first
    "macro"     the mean over the classes; classes that occur neither in preds nor in target are left out
    "weighted"  their mean, weighted by how often each class is in target
    "none"      one value for each class
"""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from minidl.backend.warn import warn
from minidl.metrics.functional.inputs import Inputs, as_probabilities, check_choice, read
from minidl.ops.elementwise import where
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange
from minidl.tensors.tensor import Tensor

AVERAGES = ("micro", "macro", "weighted", "none", None)


class Counts(NamedTuple):
    """Integers (K,), or (N, K) with one row a sample. K classes; 1 in the binary task."""

    tp: Tensor
    fp: Tensor
    tn: Tensor
    fn: Tensor


# ---------------------------------------------------------------------- counting

def check_counting(who: str, threshold: float, average: str | None, multidim_average: str, top_k: int | None) -> None:
    """Errors: ValueError for arguments that are out of range."""
    if not 0 <= threshold <= 1:
        raise ValueError(f"{who}: expected a threshold from 0 to 1, but got {threshold}")
    check_choice(who, "average", average, AVERAGES)
    check_choice(who, "multidim_average", multidim_average, ("global", "samplewise"))
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise ValueError(f"{who}: expected top_k to be an integer of at least 1, but got {top_k!r}")


def count(who: str, inputs: Inputs, threshold: float, multidim_average: str, top_k: int | None,
          ignore_index: int | None) -> Counts:
    """The four counts, over all entries ("global") or for each sample ("samplewise")."""
    preds, target, kept = decide(who, inputs, threshold, top_k, ignore_index)
    samplewise = multidim_average == "samplewise"
    if inputs.task != "multiclass":
        if inputs.task == "binary":
            preds, target, kept = preds[:, None], target[:, None], kept[:, None]
        axes = 2 if samplewise else (0, 2)
        said, true = preds == 1, target == 1
        return Counts(*((a & b & kept).sum(axes) for a, b in
                        ((said, true), (said, ~true), (~said, ~true), (~said, true))))
    groups, classes = (len(target) if samplewise else 1), inputs.size
    # class c of sample n is bin n * classes + c
    first_bin = arange(groups, device=target.device)[:, None] * classes

    def in_bins(labels: Tensor, chosen: Tensor) -> Tensor:
        return (labels + first_bin)[chosen].bincount(minlength=groups * classes).reshape(groups, classes)

    tp = in_bins(target, kept & (preds == target))
    fp, fn = in_bins(preds, kept) - tp, in_bins(target, kept) - tp
    entries = kept.sum(1, keepdim=True) if samplewise else kept.sum()
    counts = Counts(tp, fp, entries - tp - fp - fn, fn)
    return counts if samplewise else Counts(*(x[0] for x in counts))


def decide(who: str, inputs: Inputs, threshold: float, top_k: int | None,
           ignore_index: int | None) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions as classes, the targets, and which entries count."""
    preds, target = inputs.preds, inputs.target
    kept = (target != ignore_index) if ignore_index is not None else target == target
    if inputs.task != "multiclass":
        if preds.dtype.kind == "f":
            preds = as_probabilities(preds, inputs.task) > threshold
        return preds.long(), target, kept
    if preds.ndim == 3:
        k = top_k or 1
        if k > inputs.size:
            raise ValueError(f"{who}: expected top_k to be at most the {inputs.size} classes, but got {top_k}")
        scores, preds = preds, preds.argmax(1)
        if k > 1:       # the target if it is among the k best scores, else the best one
            among = (scores.topk(k, dim=1).indices == target[:, None]).any(1)
            preds = where(among, target, preds)
    elif top_k is not None and top_k > 1:
        raise ValueError(f"{who}: top_k={top_k} needs scores (N, C, ...), but preds are class numbers")
    # ignored entries may hold any number
    return where(kept, preds, preds * 0).long(), where(kept, target, target * 0), kept


# ---------------------------------------------------------------------- ratios of counts

Ratio = Callable[[Counts, bool], tuple[Tensor, Tensor]]

RATIOS: dict[str, Ratio] = {
    # recall for a class; the share of right answers for yes and no
    "accuracy": lambda c, classes: (c.tp, c.tp + c.fn) if classes else (c.tp + c.tn, c.tp + c.tn + c.fp + c.fn),
    "precision": lambda c, classes: (c.tp, c.tp + c.fp),
    "recall": lambda c, classes: (c.tp, c.tp + c.fn),
    "f1_score": lambda c, classes: (2 * c.tp, 2 * c.tp + c.fp + c.fn),
    "jaccard_index": lambda c, classes: (c.tp, c.tp + c.fp + c.fn),
}


def ratio(name: str, counts: Counts, task: str, average: str | None, top_k: int | None = 1,
          zero_division: float = 0.0) -> Tensor:
    """Compute the ratio of each class, and average."""
    classes = task == "multiclass"
    counts = Counts(*(x.double() for x in counts))
    if average == "micro" and task != "binary":
        counts = Counts(*(x.sum(-1, keepdim=True) for x in counts))
    figure = divide(*RATIOS[name](counts, classes), zero_division)
    if task == "binary" or average == "micro":
        return figure[..., 0].float()
    if average in ("none", None):
        return figure.float()
    weights = counts.tp + counts.fn
    if average == "macro":
        there = weights if (top_k or 1) > 1 and name != "f1_score" else weights + counts.fp
        weights = (there > 0).double() if classes else there * 0 + 1
    return divide((weights * figure).sum(-1), weights.sum(-1)).float()


def divide(a: Tensor, b: Tensor, otherwise: float = 0.0) -> Tensor:
    """a / b, and `otherwise` where b is 0."""
    there = b != 0
    return where(there, a / where(there, b, b * 0 + 1), b * 0 + otherwise)


def _figure(name: str, preds: Tensor, target: Tensor, task: str | None, threshold: float, num_classes: int | None,
            num_labels: int | None, average: str | None, multidim_average: str, top_k: int | None,
            ignore_index: int | None, validate_args: bool, zero_division: float = 0.0) -> Tensor:
    check_counting(name, threshold, average, multidim_average, top_k)
    inputs = read(name, preds, target, task, num_classes, num_labels, ignore_index, validate_args)
    counts = count(name, inputs, threshold, multidim_average, top_k, ignore_index)
    return ratio(name, counts, inputs.task, average, top_k, zero_division)


def accuracy(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
             num_classes: int | None = None, num_labels: int | None = None, average: str | None = "micro",
             multidim_average: str = "global", top_k: int | None = 1, ignore_index: int | None = None,
             validate_args: bool = True) -> Tensor:
    """The share of predictions that are right.

    Args:
        preds: scores (N, C, ...) or class numbers (N, ...); probabilities, logits or 0 and 1 in other tasks.
        target: class numbers (N, ...).
        task: "binary", "multiclass" or "multilabel"; found from the shapes if they leave no choice.
        threshold: probabilities above it mean yes; values outside [0, 1] are logits.
        num_classes, num_labels: must be given where preds are class numbers.
        average: over classes or labels, see the top of this file; not in the binary task.
        multidim_average: "global" counts all entries together; "samplewise" gives a value for each of N.
        top_k: a prediction is right if the target is among the k highest scores.
        ignore_index: entries with this target do not count.
        validate_args: whether to check the values, which costs a pass over them.

    Errors: ValueError for shapes and arguments that do not fit; RuntimeError for values that are no class.

        >>> import minidl
        >>> from minidl.metrics.functional import accuracy
        >>> scores = minidl.tensor([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.1, 0.5, 0.4]])
        >>> target = minidl.tensor([0, 1, 2, 2])
        >>> accuracy(scores, target)
        tensor(0.7500)
        >>> accuracy(scores, target, top_k=2)
        tensor(1.)
        >>> accuracy(scores, target, task="multiclass", num_classes=3, average="none")
        tensor([1.0000, 1.0000, 0.5000])
    """
    return _figure("accuracy", preds, target, task, threshold, num_classes, num_labels, average, multidim_average,
                   top_k, ignore_index, validate_args)


def precision(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
              num_classes: int | None = None, num_labels: int | None = None, average: str | None = "micro",
              multidim_average: str = "global", top_k: int | None = 1, ignore_index: int | None = None,
              validate_args: bool = True, zero_division: float = 0.0) -> Tensor:
    """tp / (tp + fp): the share of a class's predictions that are right.

    zero_division: the value for a class that was never predicted. Other arguments and errors: see `accuracy`.

        >>> import minidl
        >>> from minidl.metrics.functional import precision
        >>> preds, target = minidl.tensor([2, 0, 2, 1]), minidl.tensor([1, 1, 2, 0])
        >>> precision(preds, target, task="multiclass", num_classes=3, average="none")
        tensor([0.0000, 0.0000, 0.5000])
    """
    return _figure("precision", preds, target, task, threshold, num_classes, num_labels, average, multidim_average,
                   top_k, ignore_index, validate_args, zero_division)


def recall(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
           num_classes: int | None = None, num_labels: int | None = None, average: str | None = "micro",
           multidim_average: str = "global", top_k: int | None = 1, ignore_index: int | None = None,
           validate_args: bool = True, zero_division: float = 0.0) -> Tensor:
    """tp / (tp + fn): the share of a class's entries that were found.

    zero_division: the value for a class that is not in target. Other arguments and errors: see `accuracy`.

        >>> import minidl
        >>> from minidl.metrics.functional import recall
        >>> preds, target = minidl.tensor([2, 0, 2, 1]), minidl.tensor([1, 1, 2, 0])
        >>> recall(preds, target, task="multiclass", num_classes=3, average="none")
        tensor([0., 0., 1.])
    """
    return _figure("recall", preds, target, task, threshold, num_classes, num_labels, average, multidim_average,
                   top_k, ignore_index, validate_args, zero_division)


def f1_score(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
             num_classes: int | None = None, num_labels: int | None = None, average: str | None = "micro",
             multidim_average: str = "global", top_k: int | None = 1, ignore_index: int | None = None,
             validate_args: bool = True, zero_division: float = 0.0) -> Tensor:
    """The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn).

    zero_division: the value for a class that occurs nowhere. Other arguments and errors: see `accuracy`.

        >>> import minidl
        >>> from minidl.metrics.functional import f1_score
        >>> f1_score(minidl.tensor([0.9, 0.8, 0.1]), minidl.tensor([1, 0, 1]))
        tensor(0.5000)
    """
    return _figure("f1_score", preds, target, task, threshold, num_classes, num_labels, average, multidim_average,
                   top_k, ignore_index, validate_args, zero_division)


# ---------------------------------------------------------------------- balanced accuracy

def mean_recall(counts: Counts, task: str, adjusted: bool) -> Tensor:
    """The mean recall of the classes in target."""
    counts = Counts(*(x.double() for x in counts))
    found, there = counts.tp, counts.tp + counts.fn
    if task == "binary":
        found, there = cat([counts.tn, counts.tp]), cat([counts.tn + counts.fp, counts.tp + counts.fn])
    occur = (there > 0).double()
    mean = divide((divide(found, there) * occur).sum(), occur.sum())
    if adjusted:
        chance = divide(occur.sum() * 0 + 1, occur.sum())
        mean = divide(mean - chance, 1 - chance)
    return mean.float()


def balanced_accuracy(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
                      num_classes: int | None = None, ignore_index: int | None = None, adjusted: bool = False,
                      validate_args: bool = True) -> Tensor:
    """The mean recall of the classes in target.

    It is the accuracy if all classes were equally frequent.

    torchmetrics has no such name; it is scikit-learn's `balanced_accuracy_score`. (`average="macro"` of `accuracy`
    counts classes that were only predicted as 0.)

    adjusted: shift and scale so that chance is 0 and perfection 1. Other arguments and errors: see `accuracy`; the task
    is "binary" or "multiclass".

        >>> import minidl
        >>> from minidl.metrics.functional import balanced_accuracy
        >>> preds, target = minidl.tensor([0, 0, 0, 0, 1]), minidl.tensor([0, 0, 0, 1, 1])
        >>> balanced_accuracy(preds, target, task="binary")
        tensor(0.7500)
    """
    check_counting("balanced_accuracy", threshold, None, "global", 1)
    inputs = read("balanced_accuracy", preds, target, task, num_classes, None, ignore_index, validate_args)
    check_choice("balanced_accuracy", "task", inputs.task, ("binary", "multiclass"))
    return mean_recall(count("balanced_accuracy", inputs, threshold, "global", 1, ignore_index), inputs.task, adjusted)


# ---------------------------------------------------------------------- confusion matrix

NORMALIZE = ("true", "pred", "all", "none", None)


def count_confusions(who: str, inputs: Inputs, threshold: float, ignore_index: int | None) -> Tensor:
    """Counts (C, C): row = target, column = prediction; (L, 2, 2) for labels."""
    if inputs.task != "multiclass":
        tp, fp, tn, fn = count(who, inputs, threshold, "global", 1, ignore_index)
        matrices = stack([stack([tn, fp], -1), stack([fn, tp], -1)], -2)
        return matrices[0] if inputs.task == "binary" else matrices
    preds, target, kept = decide(who, inputs, threshold, 1, ignore_index)
    classes = inputs.size
    return (target * classes + preds)[kept].bincount(minlength=classes ** 2).reshape(classes, classes)


def normalize_counts(matrix: Tensor, normalize: str | None) -> Tensor:
    """Divide by the sum of each row ("true"), each column ("pred"), or all. 0/0 is 0, with a warning."""
    if normalize in ("none", None):
        return matrix
    sums = matrix.sum({"true": (-1,), "pred": (-2,), "all": (-2, -1)}[str(normalize)], keepdim=True).double()
    empty = int((sums == 0).sum())
    if empty:
        warn(f"confusion_matrix: {empty} sums are 0, since a class does not occur; what they divide is set to 0")
    return divide(matrix.double(), sums).float()


def confusion_matrix(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
                     num_classes: int | None = None, num_labels: int | None = None, normalize: str | None = None,
                     ignore_index: int | None = None, validate_args: bool = True) -> Tensor:
    """How often each class (row) was predicted as each class (column).

    Returns (C, C), or (L, 2, 2) for labels.

    normalize: divide by the sum of the row ("true"), of the column ("pred"), or of all ("all"). Other arguments and
    errors: see `accuracy`.

        >>> import minidl
        >>> from minidl.metrics.functional import confusion_matrix
        >>> preds, target = minidl.tensor([2, 1, 0, 1]), minidl.tensor([2, 1, 0, 0])
        >>> confusion_matrix(preds, target, task="multiclass", num_classes=3)
        tensor([[1, 1, 0],
                [0, 1, 0],
                [0, 0, 1]])
    """
    check_counting("confusion_matrix", threshold, None, "global", 1)
    check_choice("confusion_matrix", "normalize", normalize, NORMALIZE)
    inputs = read("confusion_matrix", preds, target, task, num_classes, num_labels, ignore_index, validate_args)
    return normalize_counts(count_confusions("confusion_matrix", inputs, threshold, ignore_index), normalize)
