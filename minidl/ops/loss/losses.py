"""Losses: the distance of a prediction from its target, as one number to minimise.

A loss is first computed for every element or sample, and then reduced: 'mean', 'sum' or 'none'.
Shapes must be equal. Broadcasting (N, 1) against (N,) gives N*N differences and a network that does not learn, so it
is an error here. Losses with a margin are in `margin.py`, the loss of unaligned sequences in `ctc.py`.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, library_of
from minidl.backend.dtype import int64
from minidl.backend.kernels import softmax as kernels
from minidl.backend.kernels.activation import (
    logits_loss_forward,
    logits_loss_grad,
    logits_loss_mean,
    logits_loss_mean_grad,
)
from minidl.backend.warn import warn
from minidl.ops.activation.pointwise import logsigmoid
from minidl.ops.activation.softmaxes import log_softmax
from minidl.ops.base.broadcast import broadcast_shape, expand_to
from minidl.ops.base.checks import check_floating
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.hints import suggest_tensor
from minidl.ops.base.ufunc import Elementwise
from minidl.ops.elementwise.arithmetic import abs as abs_
from minidl.ops.elementwise.exponential import exp, log, xlogy
from minidl.ops.elementwise.selection import clamp, where
from minidl.ops.index.along_axis import gather
from minidl.ops.reduce.sums import mean, sum
from minidl.ops.shape.views import array_of, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def reduce_losses(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses, or the losses themselves."""
    return mean(losses) if reduction == "mean" else sum(losses) if reduction == "sum" else losses


def _weighted(who: str, losses: Any, weight: Any, reduction: str) -> Any:
    """The losses times weights of their shape; the mean is over the sum of the weights.

    Errors: ValueError for another shape.
    """
    if tuple(weight.shape) != tuple(losses.shape):
        raise ValueError(f"{who}: Weights and input must have the same size, but got {tuple(weight.shape)} and "
                         f"{tuple(losses.shape)}")
    total = reduce_losses(losses * weight, "none" if reduction == "none" else "sum")
    return total / sum(weight) if reduction == "mean" else total


def check_reduction(reduction: str, *more: str) -> None:
    if reduction not in ("mean", "sum", "none", *more):
        raise ValueError(f"{reduction} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")


# ---------------------------------------------------------------------- classes


class CrossEntropy(FusedOp):
    """loss[n] = -(1 - e) * weight[t] * logp[n,t] - e/C * sum_c weight[c] * logp[n,c],  t = target[n]

    with logp = log_softmax(x) and e the label smoothing; 0 where the target is `ignore_index`. With `mean`, their sum
    over that of weight[t], of the samples that count.

    x (N, C, d1, ...), target (N, d1, ...), weight (C,) -> (N, d1, ...), or () with `mean`. Without smoothing and
    weight, the gradient of a loss is softmax(x) - onehot(target): the prediction minus the truth.
    """

    def __init__(self, ignore_index: int, label_smoothing: float, mean: bool) -> None:
        self.ignore_index, self.label_smoothing, self.mean = ignore_index, label_smoothing, mean

    def reference(self, x: Value, target: Value, weight: Value = None) -> Value:
        logp, e = log_softmax(x, 1), self.label_smoothing
        losses = (1 - e) * negative_log_likelihood(logp, target, weight, self.ignore_index)
        if e:
            weighted = logp if weight is None else logp * expand_to_channels(weight, x.ndim)
            losses = losses - where(target != self.ignore_index, sum(weighted, 1), 0.0) * (e / x.shape[1])
        return _weighted_mean(losses, target, weight, self.ignore_index) if self.mean else losses

    def forward(self, x: Array, target: Array, weight: Array | None = None) -> Array:
        losses, logp = kernels.cross_entropy_forward(x, target, weight, self.ignore_index, self.label_smoothing)
        if not self.mean:
            self.keep(logp=logp, total=None)
            return losses
        mean, total = kernels.weighted_mean(losses, target, weight, self.ignore_index)
        self.keep(logp=logp, total=total)
        return mean

    def gradient(self, g: Array, logp: Array, total: Array | None, target: Array,
                 weight: Array | None = None) -> list[Array | None]:
        if total is not None:
            g = cast(g / total, g.dtype)
        gx = kernels.cross_entropy_grad(g, logp, target, weight, self.ignore_index, self.label_smoothing)
        return [gx, None, None]


class WeightedMean(Op):
    """y = sum(losses) / total, where `total` is the number of samples that count, or the sum of their weights"""

    def __init__(self, ignore_index: int) -> None:
        self.ignore_index = ignore_index

    def forward(self, losses: Array, target: Array, weight: Array | None) -> Array:
        y, total = kernels.weighted_mean(losses, target, weight, self.ignore_index)
        self.shape = losses.shape
        self.keep(total=total)
        return y

    def grad_losses(self, g: Value, total: Value) -> Value:
        return expand_to(cast(g / total, g.dtype), self.shape)


def negative_log_likelihood(logp: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    """loss[n] = -weight[t] * logp[n,t],  t = target[n]; 0 where t is `ignore_index`."""
    kept = target != ignore_index
    place = where(kept, target, 0)   # an ignored target may be any number
    at_target = reshape(gather(logp, 1, place[:, None]), target.shape)
    losses = -at_target if weight is None else -at_target * weight[place]
    return where(kept, losses, 0.0)


@public
def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
                  reduction: str = "mean", label_smoothing: float = 0.0) -> Tensor:
    """The mean of -log p, with p = softmax(input) of the correct class.

    input (N, C), or (N, C, d1, ...) with one class per pixel, or (C,): scores of the classes, before softmax.
    target: the correct classes as integers, (N,), (N, d1, ...) or (); or the probability of each class, in the shape of
    input. weight (C,): the weight of each class; with integer targets, the mean is then weighted too. ignore_index:
    samples with this target do not count. label_smoothing: this share of the target's probability is spread evenly over
    all classes.
    Errors: IndexError where a target is not a class, ValueError where batch sizes differ, RuntimeError for other shapes
    and dtypes. If all samples are ignored, the mean is nan.

    Source of label smoothing: Szegedy et al., "Rethinking the Inception Architecture", 2015,
    https://arxiv.org/abs/1512.00567

        >>> import minidl
        >>> scores = minidl.tensor([[2., 0., 0.], [0., 0., 0.]])
        >>> minidl.nn.functional.cross_entropy(scores, minidl.tensor([0, 2]), reduction="none")
        tensor([0.2395, 1.0986])
    """
    who, usual = "cross_entropy", weight is None and _are_scores_and_classes(input, target)
    if not usual:
        _check_order(who, input, target)
        check_floating(who, input=input, weight=weight)
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"{who}: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if not usual:
        target = as_target(target, input, who)
        if input.ndim == 1:
            result = cross_entropy(input[None], target[None], weight, ignore_index, reduction, label_smoothing)
            return result[0] if reduction == "none" else result
        if target.dtype.kind == "f" and target.shape == input.shape:
            if ignore_index >= 0:
                raise RuntimeError(f"{who}: ignore_index is not supported for floating point target")
            return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing)
        target = _check_target(who, input, target, weight, ignore_index, or_probabilities=True)
    losses = CrossEntropy(ignore_index, label_smoothing, reduction == "mean")(input, target, weight)
    return sum(losses) if reduction == "sum" else losses


def _are_scores_and_classes(input: Any, target: Any) -> bool:
    """Whether these are Tensors of scores and int64 classes that fit, on the CPU: then there is nothing to check."""
    if not (isinstance(input, TensorBase) and isinstance(target, TensorBase)):
        return False
    x, labels = input.array, target.array
    if type(x) is not np.ndarray or type(labels) is not np.ndarray or x.dtype.kind != "f" or labels.dtype != int64:
        return False
    shape = x.shape
    return (len(shape) > 1 and labels.shape == (shape[:1] if len(shape) == 2 else shape[:1] + shape[2:])
            and int(labels.view(np.uint64).max(initial=0)) < shape[1])      # a negative class is a large uint64


def _cross_entropy_of_probabilities(input: Any, target: Any, weight: Any, reduction: str, e: float) -> Any:
    """loss[n] = -sum_c weight[c] * (target[n,c] * (1 - e) + e/C) * logp[n,c]"""
    check_weight("cross_entropy", input, weight)
    logp = log_softmax(input, 1)
    if e:
        target = target * (1 - e) + e / input.shape[1]
    weighted = target * logp if weight is None else target * logp * expand_to_channels(weight, input.ndim)
    return reduce_losses(-sum(weighted, 1), reduction)


@public
def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:
    """`cross_entropy` of log-probabilities: the mean of -input at the target.

    Arguments, shapes and errors: as `cross_entropy`, with integer targets.

        >>> import minidl
        >>> logp = minidl.log_softmax(minidl.tensor([[2., 0., 0.], [0., 0., 0.]]), dim=1)
        >>> minidl.nn.functional.nll_loss(logp, minidl.tensor([0, 2]))
        tensor(0.6691)
    """
    _check_order("nll_loss", input, target)
    check_floating("nll_loss", input=input, weight=weight)
    check_reduction(reduction)
    target = as_target(target, input, "nll_loss")
    if input.ndim == 1:
        result = nll_loss(input[None], target[None], weight, ignore_index, reduction)
        return result[0] if reduction == "none" else result
    target = _check_target("nll_loss", input, target, weight, ignore_index)
    losses = negative_log_likelihood(input, target, weight, ignore_index)
    if reduction == "mean":
        return _weighted_mean(losses, target, weight, ignore_index)
    return reduce_losses(losses, reduction)


def _weighted_mean(losses: Any, target: Any, weight: Any, ignore_index: int) -> Any:
    """sum(losses) / sum(weight[target]), over the samples that count."""
    return WeightedMean(ignore_index)(losses, array_of(target), array_of(weight))


def as_target(target: Any, input: Any, who: str) -> Any:
    if not hasattr(target, "dtype"):
        raise TypeError(f"{who}(): argument 'target' must be Tensor, not {type(target).__name__}; "
                        f"{suggest_tensor(target)}")
    if target.dtype.kind == "c" and input.dtype.kind != "c":
        raise RuntimeError(f"{who}: Found target of dtype {target.dtype} but expected {input.dtype}; try target.real")
    return wrap(target) if isinstance(input, TensorBase) and not isinstance(target, TensorBase) else target


def _check_order(who: str, input: Any, target: Any) -> None:
    """Errors: RuntimeError where input and target seem to be exchanged."""
    first, second = getattr(input, "dtype", None), getattr(target, "dtype", None)
    if first is not None and second is not None and first.kind in "iu" and second.kind == "f":
        raise RuntimeError(f"{who}: input must be floating-point, but it is {first}, and target is {second}: they are "
                           f"probably swapped, try {who}(target, input)")


def _check_target(who: str, input: Any, target: Any, weight: Any, ignore_index: int,
                  or_probabilities: bool = False) -> Any:
    """Check the target for one class per sample; return it in int64."""
    shape, given, C = tuple(input.shape), tuple(target.shape), input.shape[1] if input.ndim > 1 else 0
    if input.ndim < 2:
        raise ValueError(f"{who}: Expected 1 or more dimensions (got {input.ndim}); input should be (N, C)")
    if target.dtype.kind not in "iu":
        squeeze = ".squeeze(1)" if given == (shape[0], 1, *shape[2:]) else ""
        wanted = f"; one of shape {shape} holds probabilities" if or_probabilities else ""
        raise RuntimeError(f"{who}: expected target dtype to be Long (int64) or another integer, but got "
                           f"{target.dtype} of shape {given}; try target{squeeze}.long(){wanted}")
    if not given or given[0] != shape[0]:
        raise ValueError(f"{who}: Expected input batch_size ({shape[0]}) to match target batch_size "
                         f"({given[0] if given else 'none'}) (input {shape}, target {given})")
    if given[1:] != shape[2:]:
        raise RuntimeError(f"{who}: Expected target size {(shape[0], *shape[2:])}, got {given} (input {shape}: "
                           f"dimension 1 holds the classes, and the target lacks it)"
                           + _suggest_target(shape, given, or_probabilities))
    check_weight(who, input, weight)
    target = cast(target, int64)
    labels = array_of(target)
    if type(labels) is not np.ndarray:
        library_of(labels).assert_in_range(labels, 0, C, IndexError, (
            f"Target {{position}} is out of bounds. {who}: input {shape} has {C} classes, so targets go from 0 to "
            f"{C - 1}"), allowed=ignore_index)
        return target
    bad = (labels < 0) | (labels >= C)
    bad &= labels != ignore_index
    if bad.any():
        place = tuple([int(axis[0]) for axis in bad.nonzero()])
        raise IndexError(f"Target {int(labels[place])} is out of bounds. {who}: at index "
                         f"{place[0] if len(place) == 1 else place} of the target; input {shape} has {C} classes, so "
                         f"targets go from 0 to {C - 1}{_suggest_labels(labels[labels != ignore_index], C)}")
    return target


def _suggest_target(shape: tuple[int, ...], given: tuple[int, ...], or_probabilities: bool) -> str:
    """Suggest a fix for a target of the wrong shape."""
    if given == shape:
        also = ", or target.float() to make it probabilities" if or_probabilities else ""
        return f"; it is probably one-hot: try target.argmax(1){also}"
    if given == (shape[0], 1, *shape[2:]):
        return "; try target.squeeze(1)"
    if given == shape[:-1]:
        return "; the classes of the input are probably the last axis: try input.movedim(-1, 1)"
    return ""


def _suggest_labels(labels: Any, C: int) -> str:
    """Suggest a fix for labels outside 0 to C - 1."""
    if C == 1:
        return "; for one score per sample there is binary_cross_entropy_with_logits"
    if labels.min() == 1 and labels.max() == C:
        return "; they probably count from 1: try target - 1"
    if labels.min() == -1:
        return "; ignore_index=-1 would leave out those of -1"
    return ""


def check_weight(who: str, input: Any, weight: Any) -> None:
    C = input.shape[1]
    if weight is not None and tuple(weight.shape) != (C,):
        raise RuntimeError(f"{who}: weight tensor should be defined either for all {C} classes or no classes but got "
                           f"weight tensor of shape: {tuple(weight.shape)}")
    if isinstance(weight, TensorBase) and weight.edge is not None:
        raise RuntimeError(f"{who} is not differentiable with respect to weight: weight cannot require grad; try "
                           f"weight.detach()")


def expand_to_channels(x: Any, ndim: int) -> Any:
    """(C,) -> (1, C, 1, ...)"""
    return reshape(x, (1, -1, *[1] * (ndim - 2)))


# ---------------------------------------------------------------------- numbers


def check_same(who: str, input: Any, target: Any, kind: type[Exception] = RuntimeError) -> None:
    """Check for a floating input and a target of its shape. The error shows both."""
    check_floating(who, input=input)
    if not hasattr(target, "shape"):
        raise TypeError(f"{who}(): argument 'target' must be Tensor, not {type(target).__name__}; "
                        f"try minidl.full_like(input, ...)")
    if tuple(input.shape) != tuple(target.shape):
        raise kind(f"{who}: Target size {tuple(target.shape)} must be the same as input size {tuple(input.shape)}: "
                   f"broadcasting here is nearly always a mistake; try reshape, squeeze or unsqueeze on one, or "
                   f"expand_as if broadcasting is what you want")


def _difference(input: Any, target: Any) -> Any:
    """input - target, where the target may be bools: 0 and 1."""
    return input - (cast(target, input.dtype) if target.dtype.kind == "b" else target)


@public
def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The mean of (input - target)^2; both have one shape, and so have the weights of a weighted mean.

    Errors: RuntimeError where shapes differ (PyTorch warns, and broadcasts), ValueError for another reduction or for
    weights of another shape.

        >>> import minidl
        >>> minidl.nn.functional.mse_loss(minidl.tensor([1., 2.]), minidl.tensor([1., 4.]))
        tensor(2.)
    """
    check_same("mse_loss", input, target)
    check_reduction(reduction)
    difference = _difference(input, target)
    losses = difference * difference
    return reduce_losses(losses, reduction) if weight is None else _weighted("mse_loss", losses, weight, reduction)


@public
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """The mean of |input - target|. Weights, shapes and errors: as `mse_loss`.

        >>> import minidl
        >>> minidl.nn.functional.l1_loss(minidl.tensor([1., 2.]), minidl.tensor([1., 4.]))
        tensor(1.)
    """
    check_same("l1_loss", input, target)
    check_reduction(reduction)
    losses = abs_(input - target)
    return reduce_losses(losses, reduction) if weight is None else _weighted("l1_loss", losses, weight, reduction)


@public
def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:
    """The mean of d^2/2 where |d| <= delta, else delta * (|d| - delta/2), d = input - target.

    A parabola that continues as a straight line, so that outliers do not dominate. Shapes and errors: as `mse_loss`,
    and RuntimeError unless delta > 0. The mean of weighted losses is over their number, as PyTorch has it here.

    Source: Huber, "Robust Estimation of a Location Parameter", 1964.

        >>> import minidl
        >>> minidl.nn.functional.huber_loss(minidl.tensor([1., 2.]), minidl.tensor([0., 5.]), "none")
        tensor([0.5000, 2.5000])
    """
    check_same("huber_loss", input, target)
    check_reduction(reduction)
    if not delta > 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got delta={delta}")
    losses = _huber(_difference(input, target), delta)
    if weight is not None:
        losses = _weighted("huber_loss", losses, weight, "none")
    return reduce_losses(losses, reduction)


@public
def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """`huber_loss` with delta = beta, divided by beta: `l1_loss`, but smooth at 0.

    beta = 0 is `l1_loss` itself.

    Shapes and errors: as `mse_loss`, and RuntimeError for a negative beta.

    Source: Girshick, "Fast R-CNN", 2015, https://arxiv.org/abs/1504.08083

        >>> import minidl
        >>> minidl.nn.functional.smooth_l1_loss(minidl.tensor([1., 2.]), minidl.tensor([0., 5.]), "none", beta=2.0)
        tensor([0.2500, 2.0000])
    """
    check_same("smooth_l1_loss", input, target)
    check_reduction(reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got beta={beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduce_losses(_huber(_difference(input, target), beta) / beta, reduction)


def _huber(difference: Any, delta: float) -> Any:
    """m * (d - m/2), m = d limited to [-delta, delta]: d^2/2 inside, delta * (|d| - delta/2) outside."""
    bounded = clamp(difference, -delta, delta)
    return bounded * (difference - bounded * 0.5)


# ---------------------------------------------------------------------- probabilities


class BinaryCrossEntropy(Elementwise):
    """loss = -(t * log(x) + (1 - t) * log(1 - x)), with logarithms of at least -100

    dx = (x - t) / (x * (1 - x)), and finite at 0 and 1;  dt = log(1 - x) - log(x)
    """

    def forward(self, x: Array, t: Array) -> Array:
        with np.errstate(divide="ignore"):
            return (t - 1) * np.maximum(np.log1p(-x), -100) - t * np.maximum(np.log(x), -100)

    def grad_x(self, g: Value, x: Value, t: Value) -> Value:
        return g * (x - t) / clamp(x * (1 - x), min=1e-12)

    def grad_t(self, g: Value, x: Value) -> Value:
        return g * (clamp(log(1 - x), min=-100.0) - clamp(log(x), min=-100.0))


@public
def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None,
                         reduction: str = "mean") -> Tensor:
    """The mean of -(target * log(input) + (1 - target) * log(1 - input)), for probabilities `input`.

    target: 0, 1 or a probability, in the shape of input. weight: multiplies the losses, broadcast to their shape.
    Logarithms are at least -100, so the loss stays finite. `binary_cross_entropy_with_logits` is more exact and faster.
    Errors: ValueError where shapes differ, RuntimeError where an input or a target is not between 0 and 1.

        >>> import minidl
        >>> minidl.nn.functional.binary_cross_entropy(minidl.tensor([0.5, 0.9]), minidl.tensor([1., 1.]))
        tensor(0.3993)
    """
    who = "binary_cross_entropy"
    check_same(who, input, target, ValueError)
    check_reduction(reduction)
    x = array_of(input)
    library_of(x).assert_none(~((x >= 0) & (x <= 1)), RuntimeError, (
        f"{who}: all elements of input should be between 0 and 1; try sigmoid on it, or "
        f"binary_cross_entropy_with_logits"))
    target = cast(as_target(target, input, who), input.dtype)
    t = array_of(target)
    library_of(t).assert_none(~((t >= 0) & (t <= 1)), RuntimeError,
                              f"{who}: all elements of target should be between 0 and 1")
    losses = BinaryCrossEntropy()(input, target)
    return reduce_losses(losses if weight is None else losses * expand_weight(weight, input, who), reduction)


class LogitsLoss(FusedOp):
    """l = -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(x), or their mean;  dl/dx = p - t,  dl/dt = -x"""

    layout = AS_INPUTS

    def __init__(self, mean: bool) -> None:
        self.mean = mean

    def reference(self, x: Value, t: Value) -> Value:
        losses = (1 - t) * x - logsigmoid(x)    # log(1 - p) = log(p) - x
        return mean(losses) if self.mean else losses

    def forward(self, x: Array, t: Array) -> Array:
        return logits_loss_mean(x, t) if self.mean else logits_loss_forward(x, t)

    def gradient(self, g: Array, x: Array, t: Array) -> list[Array | None]:
        gx = gt = None
        if self.wanted[0]:
            gx = logits_loss_mean_grad(x, t, g) if self.mean else logits_loss_grad(g, x, t)
        if self.wanted[1]:
            gt = x * (-g / (x.size or 1) if self.mean else -g)
        return [gx, gt]


@public
def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None,
                                     reduction: str = "mean", pos_weight: Tensor | None = None) -> Tensor:
    """`binary_cross_entropy(sigmoid(input), target)`, exact for scores of any size.

    pos_weight: a factor of the positive part, broadcast to the input's shape. Other arguments: as
    `binary_cross_entropy`. Errors: ValueError where shapes differ.

        >>> import minidl
        >>> scores, target = minidl.tensor([0., 1000.]), minidl.tensor([1., 0.])
        >>> minidl.nn.functional.binary_cross_entropy_with_logits(scores, target, reduction="none")
        tensor([6.9315e-01, 1.0000e+03])
    """
    who = "binary_cross_entropy_with_logits"
    check_same(who, input, target, ValueError)
    check_reduction(reduction)
    target = cast(as_target(target, input, who), input.dtype)
    if pos_weight is None:
        whole = reduction == "mean" and weight is None
        losses = LogitsLoss(whole)(input, target)
        if whole:
            return losses
    else:                                   # -(pos_weight * t * log p + (1 - t) * log(1 - p))
        log_p = logsigmoid(input) * ((expand_weight(pos_weight, input, who, "pos_weight") - 1) * target + 1)
        losses = (1 - target) * input - log_p
    return reduce_losses(losses if weight is None else losses * expand_weight(weight, input, who), reduction)


def expand_weight(weight: Any, input: Any, who: str, name: str = "weight") -> Any:
    """Broadcast a weight to the shape of the input."""
    try:
        return expand_to(weight, input.shape)
    except ValueError:
        raise RuntimeError(f"{who}: {name} {tuple(weight.shape)} cannot be broadcast to the input's shape "
                           f"{tuple(input.shape)}") from None


@public
def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The mean of target * (log(target) - input), for log-probabilities `input`.

    This is the Kullback-Leibler divergence of the distribution `input` from the distribution `target`.

    log_target: the target is given as log-probabilities too. reduction: "batchmean" is the divergence itself, a sum
    over classes and a mean over the batch; "mean" divides by the number of classes too, and warns.
    Shapes and errors: as `mse_loss`.

        >>> import minidl
        >>> p, q = minidl.tensor([[0.5, 0.5]]), minidl.tensor([[0.25, 0.75]])
        >>> minidl.nn.functional.kl_div(q.log(), p, reduction="batchmean")
        tensor(0.1438)
    """
    check_same("kl_div", input, target)
    check_reduction(reduction, "batchmean")
    if reduction == "mean":
        warn("kl_div: reduction='mean' divides by the batch size and by the number of classes; 'batchmean' "
             "divides by the batch size only, as the KL divergence is defined")
    losses = exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    return sum(losses) / input.shape[0] if reduction == "batchmean" and input.ndim else reduce_losses(losses, reduction)


@public
def gaussian_nll_loss(input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:
    """The mean of (log(var) + (input - target)^2 / var) / 2: -log of a normal density.

    A network predicts its mean `input` and its variance `var`; the loss is -log of the density at `target`.

    var: a number, or in the shape of input, or with size 1 on one axis, or without the last axis. A variance below eps
    counts as eps, but keeps its gradient. full: add log(2 pi)/2, a constant. target: in the shape of input, or one that
    broadcasts with it; (N,) with an input (N, 1) is an error, since (N, N) losses would come out.
    Errors: ValueError where var has another shape or a negative element; else as `mse_loss`.

    Source: Nix and Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", 1994.

        >>> import minidl
        >>> minidl.nn.functional.gaussian_nll_loss(minidl.tensor([1., 2.]), minidl.tensor([1., 4.]), minidl.ones(2))
        tensor(1.)
    """
    who = "gaussian_nll_loss"
    check_floating(who, input=input)
    if not hasattr(target, "ndim") or target.ndim != input.ndim and (
            target.ndim > input.ndim or broadcast_shape(who, input.shape, target.shape) != input.shape):
        check_same(who, input, target)
    check_reduction(reduction)
    log_var: Any
    negative = f"{who}: var has negative entry/entries; try exp or softplus on what predicts it"
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError(negative)
        var, log_var = max(var, eps), math.log(max(var, eps))
    else:
        check_floating(who, input=input, var=var)
        shape, given = tuple(input.shape), tuple(var.shape)
        if given == shape[:-1] != shape:
            var = reshape(var, (*given, 1))
        elif given != shape and (len(given) != len(shape) or not _one_size_is_1(shape, given)):
            raise ValueError(f"{who}: var is of incorrect size: {given} for input {shape}; expected {shape}, "
                             f"{shape[:-1]}, or 1 in one place of the input's shape")
        values = array_of(var)
        library_of(values).assert_none(values < 0, ValueError, negative)
        lift = array_module(values).maximum(eps - values, 0)     # a constant: a clamped value has no gradient
        var = var + (wrap(lift) if isinstance(var, TensorBase) else lift)
        log_var = log(var)
    difference = input - target
    losses = (difference * difference / var + log_var) * 0.5
    return reduce_losses(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _one_size_is_1(shape: Any, given: Any) -> bool:
    """Whether the sizes differ on one axis only, where `given` has size 1."""
    return [n for m, n in zip(shape, given) if m != n] == [1]


@public
def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-8,
                     reduction: str = "mean") -> Tensor:
    """The mean of rate - target * log(rate): -log of the probability of the counts `target`.

    input: log(rate), or with log_input=False the rate; eps is then added inside the logarithm. full: add Stirling's
    estimate of log(target!), which has no influence on the gradient of input. Shapes and errors: as `mse_loss`.

        >>> import minidl
        >>> minidl.nn.functional.poisson_nll_loss(minidl.tensor([0., 1.]), minidl.tensor([1., 2.]), reduction="none")
        tensor([1.0000, 0.7183])
    """
    check_same("poisson_nll_loss", input, target)
    check_reduction(reduction)
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        safe = where(target > 1, target, 1.0)
        losses = losses + where(target > 1, safe * log(safe) - safe + 0.5 * log(safe * (2 * math.pi)), 0.0)
    return reduce_losses(losses, reduction)
