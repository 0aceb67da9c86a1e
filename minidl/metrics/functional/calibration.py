"""Calibration: is a classifier that is 80 % sure right 80 % of the time?"""
from __future__ import annotations

from typing import NamedTuple

from minidl.metrics.functional.counts import divide
from minidl.metrics.functional.curves import scores_of
from minidl.metrics.functional.inputs import Inputs, check_choice, read
from minidl.ops.index import bucketize
from minidl.tensors.creation import linspace
from minidl.tensors.tensor import Tensor

NORMS = ("l1", "l2", "max")


class Bins(NamedTuple):
    """Sums over the entries of each confidence bin: (n_bins + 1,). The last bin holds confidences of exactly 1."""

    number: Tensor
    confidence: Tensor
    right: Tensor


def check_calibration(who: str, n_bins: int, norm: str) -> None:
    """Errors: ValueError for arguments that are out of range."""
    check_choice(who, "norm", norm, NORMS)
    if isinstance(n_bins, bool) or not isinstance(n_bins, int) or n_bins < 1:
        raise ValueError(f"{who}: expected n_bins to be an integer of at least 1, but got {n_bins!r}")


def fill_bins(who: str, inputs: Inputs, n_bins: int, ignore_index: int | None) -> Bins:
    check_choice(who, "task", inputs.task, ("binary", "multiclass"))
    scores, labels = scores_of(who, inputs, ignore_index)
    if inputs.task == "multiclass":
        confidence, right = scores.max(1).values, scores.argmax(1) == labels
    else:
        confidence, right = scores, labels
    edges = linspace(0, 1, n_bins + 1, dtype=scores.dtype, device=scores.device)
    bins = bucketize(confidence, edges, right=True) - 1
    return Bins(*(bins.bincount(weights.double(), minlength=n_bins + 1)
                  for weights in (bins * 0 + 1, confidence, right)))


def calibration_of(bins: Bins, norm: str) -> Tensor:
    gaps = (divide(bins.right, bins.number) - divide(bins.confidence, bins.number)).abs()
    if norm == "max":
        return gaps.max().float()
    if norm == "l1":
        return ((gaps * bins.number).sum() / bins.number.sum()).float()     # NaN of nothing, as in torchmetrics
    return divide((gaps.square() * bins.number).sum(), bins.number.sum()).sqrt().float()


def calibration_error(preds: Tensor, target: Tensor, task: str | None = None, n_bins: int = 15, norm: str = "l1",
                      num_classes: int | None = None, ignore_index: int | None = None,
                      validate_args: bool = True) -> Tensor:
    """The gap between confidence and accuracy, over bins of confidence.

        l1 = sum_b share_b |accuracy_b - confidence_b|      l2 = sqrt(sum_b share_b gap_b^2)      max = max_b gap_b

    Confidence is the highest probability in the multiclass task, and the probability of yes in the binary one. Bins
    are equally wide and closed on the left; as in torchmetrics, a confidence of exactly 1 has its own bin.

    Args:
        preds: probabilities or logits (values outside [0, 1]): (N, C, ...), or (N, ...) for yes and no.
        target: classes (N, ...).
        norm: "l1" is the expected calibration error, "max" the maximum one.

    Errors: ValueError for shapes and arguments that do not fit; RuntimeError for values that are no class.
    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, https://arxiv.org/abs/1706.04599

        >>> import minidl
        >>> from minidl.metrics.functional import calibration_error
        >>> sure = minidl.tensor([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
        >>> calibration_error(sure, minidl.tensor([0, 0, 1, 0]), n_bins=10)     # (|1 - 0.9| + |0.5 - 0.8|) / 2
        tensor(0.2000)
    """
    check_calibration("calibration_error", n_bins, norm)
    inputs = read("calibration_error", preds, target, task, num_classes, None, ignore_index, validate_args,
                  scores_only=True)
    return calibration_of(fill_bins("calibration_error", inputs, n_bins, ignore_index), norm)
