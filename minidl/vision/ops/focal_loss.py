"""The focal loss: easy examples count little, so that hard ones matter."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.ops.loss.losses import check_reduction, check_same, reduce_losses
from minidl.tensors.tensor import Tensor


def sigmoid_focal_loss(inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2,
                       reduction: str = "none") -> Tensor:
    """-alpha_t (1 - p_t)^gamma log(p_t), with p = sigmoid(inputs):

        p_t = p and alpha_t = alpha where the target is 1,  1 - p and 1 - alpha where it is 0

    inputs: scores before the sigmoid, of any shape; targets: 0 or 1, in the same shape. gamma: how much less easy
    examples count; at 0, and without alpha, it is `binary_cross_entropy_with_logits`. alpha: the weight of targets 1,
    from 0 to 1, or -1 for no weight.
    Errors: ValueError where shapes differ, and for another alpha or reduction.
    Source: Lin et al., "Focal Loss for Dense Object Detection", 2017, https://arxiv.org/abs/1708.02002

        >>> import minidl
        >>> from minidl.vision import ops
        >>> scores, targets = minidl.tensor([0., 4.]), minidl.tensor([1., 1.])
        >>> ops.sigmoid_focal_loss(scores, targets)        # the second is right and sure already
        tensor([4.3322e-02, 1.4679e-06])
    """
    check_same("sigmoid_focal_loss", inputs, targets, ValueError)
    check_reduction(reduction)
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = inputs.sigmoid()
    p_t = p * targets + (1 - p) * (1 - targets)
    losses = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - p_t) ** gamma
    if alpha >= 0:
        losses = losses * (alpha * targets + (1 - alpha) * (1 - targets))
    return reduce_losses(losses, reduction)
