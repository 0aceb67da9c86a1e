"""The dice loss, for segmentation of small objects."""
from __future__ import annotations

from minidl.ops.loss.losses import check_reduction, check_same, reduce_losses
from minidl.tensors.tensor import Tensor


def dice_loss(inputs: Tensor, targets: Tensor, reduction: str = "mean", eps: float = 1e-7) -> Tensor:
    """1 - 2 sum(p t) / (sum(p^2) + sum(t^2)), summed over all pixels of an image.

    inputs p (N, *): the probability of the object at each pixel, after a sigmoid or softmax; targets t, in the same
    shape: 0 or 1, or a probability. Returns (N,), reduced. For images (N, C, H, W) with a map for each class, pass
    `flatten(0, 1)` of both and get a loss for each map. The loss is 0 for equal maps and 1 for maps that do not
    overlap. It is a ratio, so the many pixels that are empty in both do not count. eps is added to both sums, so that
    two empty maps have loss 0.
    Errors: RuntimeError where shapes differ or there is no dimension to sum over, ValueError for another reduction.
    Source: Milletari, Navab and Ahmadi, "V-Net", 2016, https://arxiv.org/abs/1606.04797; Dice, "Measures of the Amount
    of Ecologic Association Between Species", 1945.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> p, t = minidl.tensor([[1., 1., 0., 0.]]), minidl.tensor([[1., 0., 0., 0.]])
        >>> ops.dice_loss(p, t)        # 1 - 2*1 / (2 + 1)
        tensor(0.3333)
    """
    check_same("dice_loss", inputs, targets)
    check_reduction(reduction)
    if inputs.ndim < 2:
        raise RuntimeError(f"dice_loss: expected inputs (N, *), but got {tuple(inputs.shape)}; for a single image try "
                           f"inputs[None]")
    p, t = inputs.flatten(1), targets.flatten(1)
    both, each = (p * t).sum(1), (p * p).sum(1) + (t * t).sum(1)
    return reduce_losses(1 - (2 * both + eps) / (each + eps), reduction)
