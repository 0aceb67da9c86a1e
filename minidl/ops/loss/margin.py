"""Losses with a margin: a prediction that is correct by more than the margin costs nothing.

First losses of scores, one for each class; then those of vectors that should be similar or different. A soft margin
never becomes quite zero.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.autograd.errors import check_devices
from minidl.backend.device import array_module, library_of
from minidl.ops.activation.pointwise import logsigmoid, relu
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.exponential import sqrt
from minidl.ops.elementwise.selection import clamp, minimum, where
from minidl.ops.index.along_axis import MaskedFill, gather
from minidl.ops.linalg.similarity import pairwise_distance
from minidl.ops.loss.losses import as_target, check_reduction, check_same, check_weight, expand_weight, reduce_losses
from minidl.ops.reduce.sums import sum
from minidl.ops.shape.views import array_of, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def check_shapes(who: str, *tensors: Any) -> None:
    """Check that all have one shape. The error shows them."""
    shapes = [tuple(x.shape) for x in tensors]
    if len(set(shapes)) > 1:
        raise RuntimeError(f"{who}: All input tensors should have the same size but got sizes "
                           f"{', '.join(map(str, shapes))}: broadcasting here is nearly always a mistake; try reshape, "
                           f"squeeze or unsqueeze on one, or expand_as if broadcasting is what you want")


# ---------------------------------------------------------------------- scores


@public
def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The mean of log(1 + exp(-target * input)), for targets 1 and -1: logistic regression.

    input and target have one shape. Errors: RuntimeError where shapes differ, ValueError for another reduction.

        >>> import minidl
        >>> minidl.nn.functional.soft_margin_loss(minidl.tensor([0., 2.]), minidl.tensor([1., 1.]), "none")
        tensor([0.6931, 0.1269])
    """
    check_same("soft_margin_loss", input, target)
    check_reduction(reduction)
    return reduce_losses(-logsigmoid(input * as_target(target, input, "soft_margin_loss")), reduction)


@public
def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
                      reduction: str = "mean") -> Tensor:
    """The mean over images of sum_(c != t) max(0, margin - x[t] + x[c])^p / C.

    t is the correct class: its score should be higher than any other by the margin. input (N, C) or (C,); target
    (N,) or () of integers; p: 1 or 2; weight (C,): the loss is multiplied by the weight of the correct class.
    Errors: ValueError for another p or reduction, RuntimeError for shapes, dtypes and classes that do not fit.

    Source: Crammer and Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", 2001.

        >>> import minidl
        >>> scores = minidl.tensor([[2., 1.5, 0.]])
        >>> minidl.nn.functional.multi_margin_loss(scores, minidl.tensor([0]))     # 0.5 / 3
        tensor(0.1667)
    """
    who = "multi_margin_loss"
    check_floating(who, input=input, weight=weight)
    check_reduction(reduction)
    target = as_target(target, input, who)
    input = input if input.ndim else reshape(input, (1,))
    if p not in (1, 2):
        raise ValueError(f"{who}: only p == 1 and p == 2 supported, but got p={p}")
    if input.ndim == 1 and target.ndim < 2:
        losses = _multi_margin(who, input[None], target.reshape(1), p, margin, weight)
        return reduce_losses(losses if target.ndim else losses[0], reduction)
    return reduce_losses(_multi_margin(who, input, target, p, margin, weight), reduction)


def _multi_margin(who: str, x: Any, target: Any, p: int, margin: float, weight: Any) -> Any:
    if x.ndim != 2 or tuple(target.shape) != (len(x),):
        raise RuntimeError(f"{who}: target tensor should be 1-D with size equal to the number of input samples (batch "
                           f"size), but got target {tuple(target.shape)} and input {tuple(x.shape)}")
    check_weight(who, x, weight)
    labels, C = _labels(who, target, x, 0), x.shape[1]
    hinge = relu(x - gather(x, 1, target[:, None]) + margin)                # (N, C)
    hinge = hinge if p == 1 else hinge * hinge
    hinge = hinge if weight is None else hinge * weight[labels][:, None]
    is_right = labels[:, None] == array_module(labels).arange(C)
    return sum(MaskedFill(is_right)(hinge, 0.0), 1) / C


@public
def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The mean over images of sum_(t, c) max(0, 1 - x[t] + x[c]) / C.

    The score of every correct class t should be higher by 1 than that of every wrong class c.

    input (N, C) or (C,), target of the same shape: the correct classes in any order, then -1.
    Errors: RuntimeError for shapes, dtypes and classes that do not fit, ValueError for another reduction.

        >>> import minidl
        >>> scores = minidl.tensor([0.1, 0.2, 0.4, 0.8])
        >>> minidl.nn.functional.multilabel_margin_loss(scores, minidl.tensor([3, 0, -1, 1]))
        tensor(0.8500)
    """
    who = "multilabel_margin_loss"
    if {getattr(target, "shape", None), input.shape} == {(), (1,)}:      # one class, with or without an axis
        target = reshape(target, input.shape)
    check_same(who, input, target)
    check_reduction(reduction)
    if input.ndim > 2:
        raise RuntimeError(f"{who}: Expected input (N, C) or (C,), but got size {tuple(input.shape)}")
    if not input.ndim:
        input, target = reshape(input, (1,)), reshape(target, (1,))
    x, target = (input, target) if input.ndim == 2 else (input[None], target[None])
    C, labels = x.shape[1], _labels(who, target, x, -1)
    xp = array_module(labels)
    valid = xp.cumsum(labels < 0, axis=1) == 0                             # (N, J): before the first -1
    is_right = ((labels[:, :, None] == xp.arange(C)) & valid[:, :, None]).any(axis=1)
    right = gather(x, 1, xp.where(valid, labels, 0))                       # (N, J)
    hinge = relu(1 - right[:, :, None] + x[:, None])                        # (N, J, C)
    losses = sum(MaskedFill(~valid[:, :, None] | is_right[:, None])(hinge, 0.0), (1, 2)) / C
    return reduce_losses(losses if input.ndim == 2 else losses[0], reduction)


@public
def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                reduction: str = "mean") -> Tensor:
    """The mean over images and classes of -(t * log(p) + (1 - t) * log(1 - p)), p = sigmoid(input).

    input (N, C), target of the same shape, 0 or 1; weight (C,): the weight of each class. 'none' gives (N,).
    It is `binary_cross_entropy_with_logits`, averaged over the classes first.
    Errors: RuntimeError where shapes do not fit, ValueError for another reduction.

        >>> import minidl
        >>> minidl.nn.functional.multilabel_soft_margin_loss(minidl.tensor([[0., 2.]]), minidl.tensor([[1., 1.]]))
        tensor(0.4100)
    """
    who = "multilabel_soft_margin_loss"
    check_same(who, input, target)
    check_reduction(reduction)
    if not input.ndim:
        raise IndexError(f"{who}: Dimension specified as -1 but tensor has no dimensions; expected input (*, C)")
    losses = (1 - as_target(target, input, who)) * input - logsigmoid(input)     # log(1 - p) = log(p) - input
    losses = losses if weight is None else losses * expand_weight(weight, input, who)
    return reduce_losses(sum(losses, -1) / input.shape[-1], reduction)


def _labels(who: str, target: Any, x: Any, low: int) -> Any:
    """The target as integers. Errors: RuntimeError unless all are from `low` to the last class of `x`."""
    labels, classes = array_of(target), x.shape[1]
    check_devices(who, (array_of(x), labels))
    if labels.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: expected target dtype to be Long (int64) or another integer, but got "
                           f"{labels.dtype}; try target.long()")
    library_of(labels).assert_in_range(labels, low, classes, RuntimeError, (
        f"{who}: target out of range: expected classes from {low} to {classes - 1}, but got {{position}}"))
    return labels


# ---------------------------------------------------------------------- similar and different vectors


@public
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """The mean of x (target 1) or max(0, margin - x) (target -1), for distances x.

    Distances should be small for similar pairs, and above the margin for different ones.

    input and target have one shape. Errors: RuntimeError where shapes differ, ValueError for another reduction.

        >>> import minidl
        >>> distance, same = minidl.tensor([0.5, 0.2, 3.]), minidl.tensor([1, -1, -1])
        >>> minidl.nn.functional.hinge_embedding_loss(distance, same, reduction="none")
        tensor([0.5000, 0.8000, 0.0000])
    """
    who = "hinge_embedding_loss"
    check_same(who, input, target)
    check_reduction(reduction)
    target = as_target(target, input, who)
    hinge = where(target != 1, clamp(margin - input, min=0), 0.0)
    return reduce_losses(hinge + where(target != -1, input, 0.0), reduction)


@public
def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0,
                        reduction: str = "mean") -> Tensor:
    """The mean of max(0, -target * (input1 - input2) + margin).

    input1 should rank higher where the target is 1, and input2 where it is -1.

    All three have one shape. Errors: RuntimeError where shapes differ, ValueError for another reduction.

        >>> import minidl
        >>> first, second, target = minidl.tensor([1., 1.]), minidl.tensor([0., 3.]), minidl.tensor([1., 1.])
        >>> minidl.nn.functional.margin_ranking_loss(first, second, target, reduction="none")
        tensor([0., 2.])
    """
    who = "margin_ranking_loss"
    check_floating(who, input1=input1, input2=input2)
    check_reduction(reduction)
    target = as_target(target, input1, who)
    check_shapes(who, input1, input2, target)
    return reduce_losses(clamp(margin - target * (input1 - input2), min=0), reduction)


@public
def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0,
                          reduction: str = "mean") -> Tensor:
    """The mean of 1 - cos (target 1) or max(0, cos - margin) (target -1).

    Similar vectors should point in the same direction, others should not.

    input1 and input2 (N, D) and target (N,), or (D,) and (). Errors: RuntimeError for other shapes, ValueError for
    another reduction.

        >>> import minidl
        >>> x, y = minidl.tensor([[1., 0.], [1., 0.]]), minidl.tensor([[1., 1.], [1., 1.]])
        >>> minidl.nn.functional.cosine_embedding_loss(x, y, minidl.tensor([1, -1]), reduction="none")
        tensor([0.2929, 0.7071])
    """
    who = "cosine_embedding_loss"
    check_floating(who, input1=input1, input2=input2)
    check_reduction(reduction)
    target = as_target(target, input1, who)
    if target.ndim > 1 or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(f"{who}: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, and target "
                           f"should be 1D or 0D, but found inputs with sizes {tuple(input1.shape)} and "
                           f"{tuple(input2.shape)}, target {tuple(target.shape)}")
    check_shapes(who, input1, input2)
    if input1.shape[:-1] != target.shape:
        raise RuntimeError(f"{who}: expected one target for each pair of vectors, {tuple(input1.shape[:-1])}, but got "
                           f"{tuple(target.shape)}")
    tiny = 1e-12     # gives the cosine 0 with a vector of zeros
    lengths = sqrt((sum(input1 * input1, -1) + tiny) * (sum(input2 * input2, -1) + tiny))
    cosine = sum(input1 * input2, -1) / lengths
    losses = where(target == 1, 1 - cosine, 0.0) + where(target == -1, clamp(cosine - margin, min=0), 0.0)
    return reduce_losses(losses, reduction)


@public
def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, reduction: str = "mean") -> Tensor:
    """The mean of max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm distance.

    The positive should be nearer than the negative by the margin.

    All three (N, D) or (D,). eps: as for `pairwise_distance`. swap: where the positive is nearer to the negative
    than the anchor is, use that distance instead (Balntas et al., 2016).
    Errors: ValueError unless margin > 0 and for another reduction, RuntimeError where shapes differ.

    Source: Schroff, Kalenichenko and Philbin, "FaceNet", 2015, https://arxiv.org/abs/1503.03832

        >>> import minidl
        >>> anchor, near, far = minidl.tensor([[0., 0.]]), minidl.tensor([[0., 3.]]), minidl.tensor([[0., 3.5]])
        >>> minidl.nn.functional.triplet_margin_loss(anchor, near, far)
        tensor(0.5000)
    """
    check_floating("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    return _triplet("triplet_margin_loss", anchor, positive, negative,
                    lambda a, b: pairwise_distance(a, b, p, eps), margin, swap, reduction)


@public
def triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *,
                                      distance_function: Callable[[Any, Any], Any] | None = None, margin: float = 1.0,
                                      swap: bool = False, reduction: str = "mean") -> Tensor:
    """`triplet_margin_loss` with any distance: a function of two tensors, `pairwise_distance` if not given.

        >>> import minidl
        >>> anchor, near, far = minidl.tensor([0.]), minidl.tensor([3.]), minidl.tensor([5.])
        >>> minidl.nn.functional.triplet_margin_with_distance_loss(
        ...     anchor, near, far, distance_function=lambda a, b: abs(a - b), margin=4.0)
        tensor(2.)
    """
    return _triplet("triplet_margin_with_distance_loss", anchor, positive, negative,
                    distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(who: str, anchor: Any, positive: Any, negative: Any, distance: Callable[[Any, Any], Any], margin: float,
             swap: bool, reduction: str) -> Any:
    check_reduction(reduction)
    if not margin > 0:
        raise ValueError(f"{who}: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(f"{who}: The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
                           f"{negative.ndim}D inputs")
    check_shapes(who, anchor, positive, negative)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduce_losses(clamp(near - far + margin, min=0), reduction)
