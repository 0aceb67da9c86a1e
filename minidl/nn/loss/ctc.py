"""The CTC loss of unaligned sequences, as a module. `ops.loss.ctc` has the formula."""
from __future__ import annotations

from typing import Any

from minidl.nn import functional as F
from minidl.nn.loss.losses import _Loss
from minidl.tensors.tensor import Tensor


class CTCLoss(_Loss):
    """Minus the log-probability of a label sequence, over all its alignments.

    An alignment gives each of the T frames a label or the symbol `blank`. Called with log_probs (T, N, C) from a
    LogSoftmax, targets (N, S) or concatenated in one row, and the lengths of both. 'mean' divides by the number of
    labels before the mean over the batch. zero_infinity: a sequence with too few frames for its labels has loss 0
    instead of inf.

    Source: Graves et al., "Connectionist Temporal Classification", 2006,
    https://www.cs.toronto.edu/~graves/icml_2006.pdf

        >>> import minidl
        >>> from minidl import nn
        >>> log_probs = minidl.tensor([[[0.5, 0.5]], [[0.5, 0.5]]]).log()    # two frames, of blank or label 1
        >>> loss = nn.CTCLoss()(log_probs, minidl.tensor([[1]]), (2,), (1,))
        >>> (-loss).exp()                                                    # 01, 10, 11, and not 00
        tensor(0.7500)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
                          self.zero_infinity)
