"""Connectionist temporal classification: learn to transcribe sequences without the time of each label."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, device_of, library_of, move
from minidl.backend.kernels import ctc as kernels
from minidl.backend.kernels.ctc import Paths
from minidl.ops.activation.softmaxes import log_softmax
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.exponential import logaddexp
from minidl.ops.elementwise.selection import where
from minidl.ops.index.along_axis import gather
from minidl.ops.loss.losses import check_reduction, reduce_losses
from minidl.ops.reduce.sums import mean
from minidl.ops.shape.movement import pad
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

LOG_ZERO = -1e30   # stands for log 0 = -inf, and has derivatives


class CTCLoss(FusedOp):
    """loss[n] = -log(sum over paths of prod over t of p[t, n, symbol of the path in frame t])

    log_probs (T, N, C) -> (N,). A path is a sequence of T symbols that gives the labels after repetitions are merged
    and blanks removed. Forward and backward probabilities, alpha and beta, sum over all paths.

    Log-probabilities cannot change one by one, since their exp sums to 1. So the gradient is that of the scores
    before the log_softmax: p - q, where q is the probability that a correct path has the symbol in that frame
    (Graves, equation 16). `reference` expresses that with log_softmax, which changes nothing else.
    """

    def __init__(self, paths: Paths, zero_infinity: bool) -> None:
        self.paths, self.zero_infinity = paths, zero_infinity

    def reference(self, log_probs: Value) -> Value:
        symbols, leaps, frames, ends = self.paths
        logp, xp, (T, (N, L)) = log_softmax(log_probs, 2), array_module(symbols), (len(log_probs), symbols.shape)
        said = gather(logp, 2, xp.broadcast_to(symbols, (T, N, L)))
        alpha: Any = where(xp.arange(L) < 1, said[0] * 0, LOG_ZERO) if T else None
        for t in range(T):
            one, two = pad(alpha, (1, -1), value=LOG_ZERO), pad(alpha, (2, -2), value=LOG_ZERO)
            after = logaddexp(logaddexp(alpha, one), where(leaps, two, LOG_ZERO)) + said[t]
            alpha = where((t < frames)[:, None], after, alpha)
        last = ends[:, None]
        at_label = where(last > 0, gather(alpha, 1, xp.maximum(last - 1, 0)), LOG_ZERO)
        losses = -logaddexp(gather(alpha, 1, last), at_label)[:, 0]
        return where(losses >= -LOG_ZERO / 10, 0.0 if self.zero_infinity else math.inf, losses)     # NaN stays NaN

    def forward(self, log_probs: Array) -> Array:
        losses, alpha = kernels.ctc_forward(log_probs, self.paths)
        self.keep(losses=losses.copy(), alpha=alpha)     # users may write into the returned losses
        return array_module(losses).where(losses == np.inf, 0, losses) if self.zero_infinity else losses

    def gradient(self, g: Array, log_probs: Array, losses: Array, alpha: Array) -> list[Array]:
        gx = kernels.ctc_grad(log_probs, losses, alpha, self.paths) * g[:, None]
        if self.zero_infinity:
            gx = array_module(gx).where((losses == np.inf)[:, None], 0, gx)
        return [gx]


@public
def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Tensor:
    """-log of the probability of the labels, summed over their paths.

    log_probs (T, N, C) or (T, C): the result of `log_softmax`, log-probabilities of each symbol in each frame.
    targets (N, S) or (S,), labels other than `blank`; or the labels of all sequences one after the other, (sum of
    target_lengths,). input_lengths, target_lengths (N,): the numbers of frames and labels that count, as a tensor or
    a sequence of ints. reduction: "mean" divides by the number of labels, at least 1, before the mean over the
    batch. A sequence with fewer frames than its labels need has the loss inf and the gradient nan; with
    zero_infinity, both are 0.

    The gradient assumes that exp(log_probs) sums to 1 over the symbols: it is that of the scores before the
    `log_softmax`, as in PyTorch.
    Errors: RuntimeError where shapes, lengths or dtypes do not fit or a label is blank, IndexError for labels out of
    range, ValueError for another reduction.

    Source: Graves et al., "Connectionist Temporal Classification", 2006,
    https://www.cs.toronto.edu/~graves/icml_2006.pdf

        >>> import minidl
        >>> log_probs = minidl.tensor([[[0.5, 0.5]], [[0.5, 0.5]]]).log()    # two frames, of blank or label 1
        >>> loss = minidl.nn.functional.ctc_loss(log_probs, minidl.tensor([[1]]), (2,), (1,))
        >>> (-loss).exp()                                                    # 01, 10, 11, and not 00
        tensor(0.7500)
    """
    who = "ctc_loss"
    check_floating(who, log_probs=log_probs)
    check_reduction(reduction)
    if log_probs.ndim == 2:
        targets = targets[None] if targets.ndim == 1 else targets
        losses = _losses(who, log_probs[:, None], targets, _ints(input_lengths), _ints(target_lengths), blank,
                         zero_infinity)
        return _reduce_losses(losses, _ints(target_lengths), reduction) if reduction == "mean" else losses[0]
    if log_probs.ndim != 3:
        raise RuntimeError(f"{who}: Expected log_probs (T, N, C) or (T, C), but got {tuple(log_probs.shape)}")
    frames, counts = _ints(input_lengths), _ints(target_lengths)
    return _reduce_losses(_losses(who, log_probs, targets, frames, counts, blank, zero_infinity), counts, reduction)


def _reduce_losses(losses: Any, counts: list[int], reduction: str) -> Any:
    if reduction != "mean":
        return reduce_losses(losses, reduction)
    array = array_of(losses)
    share = array_module(array).asarray(1 / np.maximum(counts, 1), dtype=array.dtype)
    return mean(losses * (wrap(share) if isinstance(losses, TensorBase) else share))


def _losses(who: str, logp: Any, targets: Any, frames: list[int], counts: list[int], blank: int,
            zero_infinity: bool) -> Any:
    T, N, C = logp.shape
    if not 0 <= blank < C:
        raise RuntimeError(f"{who}: blank must be in label range, 0 to {C - 1}, but got blank={blank}")
    for name, lengths in (("input_lengths", frames), ("target_lengths", counts)):
        if len(lengths) != N:
            raise RuntimeError(f"{who}: {name} must be of size batch_size, {N}, but got {len(lengths)} numbers")
    if N and not 0 <= min(frames) <= max(frames) <= T:
        raise RuntimeError(f"{who}: Expected input_lengths to have value at most {T} and at least 0, but got {frames} "
                           f"(log_probs {tuple(logp.shape)} is (T, N, C))")
    array = array_of(logp)
    labels = _labels(who, move(array_of(targets), device_of(array)), counts, N)
    inside = array_module(array).arange(labels.shape[1]) < _on_device_of(array, counts)[:, None]
    library = library_of(labels)
    library.assert_in_range(array_module(labels).where(inside, labels, 0), 0, C, IndexError, (
        f"{who}: Target {{position}} is out of bounds: log_probs {tuple(logp.shape)} has {C} symbols, so targets go "
        f"from 0 to {C - 1}"))
    library.assert_none(inside & (labels == blank), RuntimeError, (
        f"{who}: targets hold the blank, {blank}, which is said between labels and never is one; try another blank, "
        f"or shorter target_lengths"))
    return CTCLoss(_paths(labels, inside, frames, counts, blank), zero_infinity)(logp)


def _labels(who: str, targets: Array, counts: list[int], N: int) -> Array:
    """The labels as integers: one row per sequence, at least one column."""
    xp, most = array_module(targets), max([1, *counts])
    if targets.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: expected targets to be Long (int64) or another integer, but got {targets.dtype}; "
                           f"try targets.long()")
    if N and min(counts) < 0:
        raise RuntimeError(f"{who}: Expected target_lengths to be at least 0, but got {counts}")
    if targets.ndim == 2 and len(targets) == N:
        if targets.shape[1] < max(counts, default=0):
            raise RuntimeError(f"{who}: Expected targets to have size at least {max(counts)} at dimension 1, but got "
                               f"size {targets.shape[1]}")
        starts = [n * targets.shape[1] for n in range(N)]
    elif targets.ndim == 1:
        if len(targets) != sum(counts):
            raise RuntimeError(f"{who}: Expected targets of all sequences in a row, {sum(counts)} (the sum of "
                               f"target_lengths), but got {len(targets)}")
        starts = [sum(counts[:n]) for n in range(N)]
    else:
        raise RuntimeError(f"{who}: Expected targets (N, S) with N={N}, or 1-dimensional, but got "
                           f"{tuple(targets.shape)}")
    if not targets.size:
        return xp.zeros((N, most), dtype=np.int64)
    places = _on_device_of(targets, starts)[:, None] + xp.arange(most)
    return targets.reshape(-1)[xp.minimum(places, targets.size - 1)].astype(np.int64)


def _paths(labels: Array, inside: Array, frames: list[int], counts: list[int], blank: int) -> Paths:
    """Put a blank before, between and after the labels."""
    xp, (N, S) = array_module(labels), labels.shape
    symbols = xp.full((N, 2 * S + 1), blank, dtype=np.int64)
    symbols[:, 1::2] = xp.where(inside, labels, blank)
    leaps = xp.zeros(symbols.shape, dtype=bool)
    leaps[:, 2:] = (symbols[:, 2:] != blank) & (symbols[:, 2:] != symbols[:, :-2])
    return Paths(symbols, leaps, _on_device_of(labels, frames), _on_device_of(labels, counts) * 2)


def _ints(lengths: Any) -> list[int]:
    """Lengths as Python ints."""
    values = array_of(lengths)
    values = values.reshape(-1).tolist() if hasattr(values, "reshape") else values
    return [int(n) for n in (values if isinstance(values, (list, tuple)) else [values])]


def _on_device_of(like: Array, values: list[int]) -> Array:
    """Integers as an array on the device of `like`."""
    return array_module(like).asarray(values, dtype=np.int64)
