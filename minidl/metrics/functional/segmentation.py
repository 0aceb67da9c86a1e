"""How well two sets of pixels cover each other: the Jaccard index and Dice's."""
from __future__ import annotations

import math
from typing import NamedTuple

from minidl.metrics.functional.counts import Counts, check_counting, count, ratio
from minidl.metrics.functional.inputs import check_choice, read
from minidl.ops.base import check_tensors
from minidl.ops.elementwise import where
from minidl.ops.embedding import one_hot
from minidl.tensors.creation import arange
from minidl.tensors.tensor import Tensor

AVERAGES = ("micro", "macro", "weighted", "none", None)
FORMATS = ("one-hot", "index", "mixed")


# ---------------------------------------------------------------------- Jaccard index

def jaccard_of(counts: Counts, task: str, average: str | None, ignore_index: int | None,
               zero_division: float = 0.0) -> Tensor:
    """tp / (tp + fp + fn), averaged. Means leave out the ignored class; those of nothing are NaN."""
    if task == "multiclass" and ignore_index is not None and average in ("micro", "macro"):
        counts = Counts(*(where(arange(len(x), device=x.device) == ignore_index, x * 0, x) for x in counts))
    figure = ratio("jaccard_index", counts, task, average, 1, zero_division)
    weighs = {("multiclass", "macro"): counts.tp + counts.fp + counts.fn, ("multiclass", "weighted"):
              counts.tp + counts.fn, ("multilabel", "weighted"): counts.tp + counts.fn}.get((task, str(average)))
    return figure * math.nan if weighs is not None and not bool(weighs.any()) else figure


def jaccard_index(preds: Tensor, target: Tensor, task: str | None = None, threshold: float = 0.5,
                  num_classes: int | None = None, num_labels: int | None = None, average: str | None = "macro",
                  ignore_index: int | None = None, validate_args: bool = True, zero_division: float = 0.0) -> Tensor:
    """Intersection over union: tp / (tp + fp + fn) of each class. Over pixels, it is the mean IoU of a segmentation.

    zero_division: the value for a class that occurs nowhere. Other arguments and errors: see `accuracy`.

        >>> import minidl
        >>> from minidl.metrics.functional import jaccard_index
        >>> preds, target = minidl.tensor([2, 1, 0, 1]), minidl.tensor([2, 1, 0, 0])
        >>> jaccard_index(preds, target, task="multiclass", num_classes=3, average="none")
        tensor([0.5000, 0.5000, 1.0000])
    """
    check_counting("jaccard_index", threshold, average, "global", 1)
    inputs = read("jaccard_index", preds, target, task, num_classes, num_labels, ignore_index, validate_args)
    return jaccard_of(count("jaccard_index", inputs, threshold, "global", 1, ignore_index), inputs.task, average,
                      ignore_index, zero_division)


# ---------------------------------------------------------------------- Dice

def dice(preds: Tensor, target: Tensor, zero_division: float = 0.0, average: str | None = "micro",
         mdmc_average: str = "global", threshold: float = 0.5, top_k: int | None = None,
         num_classes: int | None = None, ignore_index: int | None = None) -> Tensor:
    """2 tp / (2 tp + fp + fn): Dice's coefficient over all entries, which is F1.

    preds are scores (N, C, ...) or class numbers (N, ...), or in the shape of target probabilities or logits of yes.
    mdmc_average: "global", or "samplewise" for a value of each sample. Other arguments and errors: see `f1_score`.
    `dice_score` takes one-hot masks and averages over images.

        >>> import minidl
        >>> from minidl.metrics.functional import dice
        >>> dice(minidl.tensor([2, 0, 2, 1]), minidl.tensor([1, 1, 2, 0]))
        tensor(0.2500)
    """
    check_tensors("dice", preds=preds, target=target)
    check_counting("dice", threshold, average, mdmc_average, top_k)
    task = "binary" if preds.dtype.kind == "f" and preds.shape == target.shape else "multiclass"
    if task == "multiclass" and num_classes is None and preds.dtype.kind != "f" and preds.numel() and target.numel():
        num_classes = int(max(preds.max(), target.max())) + 1
    inputs = read("dice", preds, target, task, num_classes, None, ignore_index)
    counts = count("dice", inputs, threshold, mdmc_average, top_k, ignore_index)
    return ratio("f1_score", counts, task, average, top_k, zero_division)


class Overlaps(NamedTuple):
    """Pixels of each image and class: (N, C)."""

    numerator: Tensor       # twice the pixels in both
    denominator: Tensor     # the sum of the pixels of each
    support: Tensor         # the pixels in target


def check_dice(who: str, num_classes: int, include_background: bool, average: str | None, input_format: str,
               aggregation_level: str) -> None:
    """Errors: ValueError for arguments that are out of range."""
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(f"{who}: expected num_classes to be an integer of at least 1, but got {num_classes!r}")
    if not isinstance(include_background, bool):
        raise ValueError(f"{who}: expected include_background to be a bool, but got {include_background!r}")
    check_choice(who, "average", average, AVERAGES)
    check_choice(who, "input_format", input_format, FORMATS)
    check_choice(who, "aggregation_level", aggregation_level, ("samplewise", "global"))


def count_overlaps(who: str, preds: Tensor, target: Tensor, num_classes: int, include_background: bool,
                   input_format: str) -> Overlaps:
    check_tensors(who, preds=preds, target=target)
    masks = []
    for name, x, other in (("preds", preds, target), ("target", target, preds)):
        with_classes = input_format == "one-hot" or (input_format == "mixed" and x.ndim == other.ndim + 1)
        masks.append(_as_masks(who, name, x.detach(), num_classes, with_classes))
    p, t = masks[0], masks[1].to(masks[0].device)
    if p.shape != t.shape or p.ndim < 3:
        raise ValueError(f"{who}: expected images (N, {num_classes}, ...) in one-hot format, or (N, ...) of class "
                         f"numbers, but got preds {tuple(preds.shape)} and target {tuple(target.shape)} for "
                         f"input_format={input_format!r}")
    if not include_background and num_classes > 1:
        p, t = p[:, 1:], t[:, 1:]
    both, found, there = (x.flatten(2).sum(2) for x in (p * t, p, t))
    return Overlaps(2 * both, found + there, there)


def _as_masks(who: str, name: str, x: Tensor, num_classes: int, with_classes: bool) -> Tensor:
    """Masks (N, C, ...) of 0 and 1, from scores, masks or class numbers."""
    if not with_classes:
        if x.dtype.kind == "f":
            raise ValueError(f"{who}: expected {name} to hold class numbers, integers, but got {x.dtype}; scores and "
                             f"masks (N, C, ...) are input_format='one-hot'")
        wrong = (x < 0) | (x >= num_classes)
        if bool(wrong.any()):
            raise RuntimeError(f"{who}: expected {name} to hold classes from 0 to {num_classes - 1}, but found "
                               f"{x[wrong][0].item()}")
        return one_hot(x.long(), num_classes).movedim(-1, 1)
    if x.ndim < 2 or x.shape[1] != num_classes:
        raise ValueError(f"{who}: expected {name} (N, {num_classes}, ...), a mask for each of num_classes, but got "
                         f"{tuple(x.shape)}; class numbers are input_format='index'")
    return one_hot(x.argmax(1), num_classes).movedim(-1, 1) if x.dtype.kind == "f" else x.long()


def dice_of(overlaps: Overlaps, average: str | None, aggregation_level: str) -> Tensor:
    """(N,), or (N, C) without an average; N is 1 for "global". NaN where nothing is to be found, nor was."""
    numerator, denominator, support = (
        (x.sum(0, keepdim=True) if aggregation_level == "global" else x).double() for x in overlaps)
    if average == "micro":
        return (numerator.sum(-1) / denominator.sum(-1)).float()
    figure = numerator / denominator
    if average == "macro":
        return figure.nanmean(-1).float()
    if average == "weighted":
        weights = support / support.sum(-1, keepdim=True)
        nothing = figure.isnan().all(-1)
        return where(nothing, numerator[..., 0] * float("nan"), (figure * weights).nansum(-1)).float()
    return figure.float()


def dice_score(preds: Tensor, target: Tensor, num_classes: int, include_background: bool = True,
               average: str | None = "macro", input_format: str = "one-hot",
               aggregation_level: str = "samplewise") -> Tensor:
    """2 |P and T| / (|P| + |T|) of the pixels of each class, for each image.

    Args:
        preds, target: masks (N, C, ...) of 0 and 1, or scores, floating point numbers, of which the highest counts.
        include_background: whether class 0 counts.
        average: over classes: "micro" adds pixels first, "macro" is the mean over classes that occur, "weighted"
            weighs by the pixels in target, "none" gives (N, C).
        input_format: "one-hot", or "index" for class numbers (N, ...), or "mixed" for one of each.
        aggregation_level: "global" adds the pixels of all images first; then N is 1.

    Returns (N,). NaN says that a class occurs neither in preds nor in target.
    Errors: ValueError for shapes and arguments that do not fit; RuntimeError for values that are no class.
    Source: Dice, "Measures of the Amount of Ecologic Association Between Species", 1945.

        >>> import minidl
        >>> from minidl.metrics.functional import dice_score
        >>> preds, target = minidl.tensor([[[0, 1], [1, 1]]]), minidl.tensor([[[0, 0], [1, 1]]])
        >>> dice_score(preds, target, num_classes=2, average="none", input_format="index")      # 2 / 3, 4 / 5
        tensor([[0.6667, 0.8000]])
    """
    check_dice("dice_score", num_classes, include_background, average, input_format, aggregation_level)
    return dice_of(count_overlaps("dice_score", preds, target, num_classes, include_background, input_format), average,
                   aggregation_level)
