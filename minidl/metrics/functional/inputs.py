"""Predictions and targets: how metrics read and check them.

Three tasks, with torchmetrics' names. *binary*: yes or no for each entry; preds are probabilities, logits, or 0 and 1.
*multiclass*: one of C classes for each entry; preds are scores with C in dimension 1, or class numbers. *multilabel*:
yes or no for each of L labels, in dimension 1.
"""
from __future__ import annotations

from typing import NamedTuple

from minidl.ops.base import check_tensors
from minidl.tensors.tensor import Tensor

TASKS = ("binary", "multiclass", "multilabel")


class Inputs(NamedTuple):
    """Predictions and targets that fit each other."""

    preds: Tensor       # binary (N, S); multiclass (N, S) of classes or (N, C, S) of scores; multilabel (N, L, S)
    target: Tensor      # the same without C
    task: str
    size: int           # classes of multiclass, labels of multilabel, 1 of binary


def read(who: str, preds: Tensor, target: Tensor, task: str | None, num_classes: int | None, num_labels: int | None,
         ignore_index: int | None, validate_args: bool = True, scores_only: bool = False) -> Inputs:
    """Check the shapes, find the task, flatten the dimensions behind C to S.

    Errors: TypeError unless both are tensors; ValueError for shapes that do not fit, and for class numbers where scores
    are needed; RuntimeError for values that are no class, as in torchmetrics.
    """
    check_tensors(who, preds=preds, target=target)
    preds, target = preds.detach(), target.detach().to(preds.device)
    task = infer_task(who, preds, target, task, num_classes, num_labels)
    if target.dtype.kind == "f":
        raise ValueError(f"{who}: expected target to hold integers or bools, but got {target.dtype}; class numbers, "
                         f"not probabilities")
    if scores_only and preds.dtype.kind != "f":
        raise ValueError(f"{who}: expected preds to be floating point numbers, probabilities or logits, but got "
                         f"{preds.dtype}; not the argmax")
    if target.ndim == 0:
        raise ValueError(f"{who}: expected target (N, ...), but got a single number; try target.reshape(1)")
    if task == "multiclass":
        preds, size = _multiclass(who, preds, target, num_classes, scores_only)
        target = _flatten_behind(target, 1)
    else:
        if preds.shape != target.shape:
            raise ValueError(f"{who}: expected preds and target of the same shape for task={task!r}, but got "
                             f"{tuple(preds.shape)} and {tuple(target.shape)}")
        size = 1
        if task == "multilabel":
            size = preds.shape[1] if num_labels is None and preds.ndim > 1 else num_labels or 0
            if preds.ndim < 2 or preds.shape[1] != size:
                raise ValueError(f"{who}: expected preds (N, L, ...) with L = num_labels = {size}, but got "
                                 f"{tuple(preds.shape)}")
        preds, target = (_flatten_behind(x, 2 if task == "multilabel" else 1) for x in (preds, target))
    if validate_args:
        _check_values(who, "target", target, size if task == "multiclass" else 2, ignore_index)
        if preds.dtype.kind != "f":
            _check_values(who, "preds", preds, size if task == "multiclass" else 2, None)
        elif bool(preds.isnan().any()):
            raise ValueError(f"{who}: preds contains NaN ({int(preds.isnan().sum())} of {preds.numel()} numbers)")
    return Inputs(preds, target.long(), task, size)


def infer_task(who: str, preds: Tensor, target: Tensor, task: str | None, num_classes: int | None,
                 num_labels: int | None) -> str:
    """The given task, or the only one that fits.

    Errors: ValueError for an unknown task, and where two of them fit.
    """
    if task is not None:
        if task not in TASKS:
            raise ValueError(f"{who}: expected task to be one of {', '.join(TASKS)}, but got {task!r}")
        return task
    if num_labels is not None and num_classes is None:
        return "multilabel"
    if num_labels is None and (num_classes is not None or preds.ndim == target.ndim + 1):
        return "multiclass"
    if preds.ndim == target.ndim == 1 and preds.dtype.kind == "f":
        return "binary"
    raise ValueError(f"{who}: preds {tuple(preds.shape)} of {preds.dtype} and target {tuple(target.shape)} do not say "
                     f"what the task is; give task='binary', task='multiclass' with num_classes=C, or "
                     f"task='multilabel' with num_labels=L")


def _multiclass(who: str, preds: Tensor, target: Tensor, num_classes: int | None,
                scores_only: bool) -> tuple[Tensor, int]:
    """preds (N, S) or (N, C, S), and C."""
    if preds.ndim == target.ndim + 1:
        if preds.dtype.kind != "f":
            raise ValueError(f"{who}: expected scores (N, C, ...), floating point numbers, but got {preds.dtype} for "
                             f"preds {tuple(preds.shape)}")
        size = preds.shape[1] if num_classes is None else num_classes
        if preds.shape[1] != size or preds.shape[:1] + preds.shape[2:] != target.shape:
            raise ValueError(f"{who}: expected preds (N, C, ...) and target (N, ...) with C = num_classes = {size}, "
                             f"but got {tuple(preds.shape)} and {tuple(target.shape)}")
        return _flatten_behind(preds, 2), size
    if preds.shape != target.shape or scores_only:
        raise ValueError(f"{who}: expected preds (N, C, ...) and target (N, ...)"
                         f"{'' if scores_only else ', or both (N, ...)'}, but got {tuple(preds.shape)} and "
                         f"{tuple(target.shape)}")
    if preds.dtype.kind == "f":
        raise ValueError(f"{who}: expected class numbers, integers, or scores (N, C, ...), but got preds "
                         f"{tuple(preds.shape)} of {preds.dtype}; try preds.long(), or task='binary'")
    if num_classes is None:
        raise ValueError(f"{who}: preds are class numbers, so num_classes must be given")
    return _flatten_behind(preds, 1), num_classes


def _flatten_behind(x: Tensor, kept: int) -> Tensor:
    """Flatten the dimensions behind the first `kept` into one. Without any, its size is 1."""
    return x.flatten(kept) if x.ndim > kept else x[..., None]


def _check_values(who: str, name: str, x: Tensor, size: int, ignore_index: int | None) -> None:
    """Errors: RuntimeError unless all are in 0..size-1, or ignore_index."""
    wrong = (x < 0) | (x >= size) if x.dtype.kind != "b" else (x != x)
    if ignore_index is not None:
        wrong = wrong & (x != ignore_index)
    if bool(wrong.any()):
        aside = "" if ignore_index is None else f", or ignore_index = {ignore_index}"
        raise RuntimeError(f"{who}: expected {name} to hold classes from 0 to {size - 1}{aside}, but found "
                           f"{x[wrong][0].item()}, and {int(wrong.sum())} wrong of {x.numel()}")


# ---------------------------------------------------------------------- probabilities

def as_probabilities(scores: Tensor, task: str) -> Tensor:
    """Turn logits into probabilities, by softmax over dimension 1 or sigmoid. Scores all in [0, 1] stay."""
    if not scores.numel() or bool(((scores >= 0) & (scores <= 1)).all()):
        return scores
    return scores.softmax(1) if task == "multiclass" else scores.sigmoid()


def check_choice(who: str, name: str, value: object, choices: tuple[object, ...]) -> None:
    """Errors: ValueError unless `value` is one of the choices."""
    if value not in choices:
        raise ValueError(f"{who}: expected {name} to be one of {', '.join(map(repr, choices))}, but got {value!r}")
