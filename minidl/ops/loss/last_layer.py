"""The last layer of a classifier and its loss in one call."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.linalg.products import linear
from minidl.ops.loss.losses import cross_entropy
from minidl.ops.shape.views import reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
                         weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
                         label_smoothing: float = 0.0, options: Any = None) -> Tensor:
    """`cross_entropy(linear(input, linear_weight, linear_bias), target, ...)`: from features to the loss.

    input (N, in) or (in,), linear_weight (C, in); or, for several losses per sample, (C, d1, ..., in): the scores
    are then (N, C, d1, ...). linear_bias: linear_weight's shape without `in`. All other arguments are those of
    `cross_entropy`. options, PyTorch's hint on how to save memory, has no effect here.
    Errors: RuntimeError where shapes do not fit, and as `cross_entropy`.

        >>> import minidl
        >>> x, w = minidl.tensor([[2.0], [0.0]]), minidl.tensor([[1.0], [0.0], [0.0]])
        >>> minidl.nn.functional.linear_cross_entropy(x, w, minidl.tensor([0, 2]), reduction="none")
        tensor([0.2395, 1.0986])
    """
    who = "linear_cross_entropy"
    check_floating(who, input=input, linear_weight=linear_weight, linear_bias=linear_bias)
    *outputs, features = linear_weight.shape
    if not outputs or input.ndim not in (1, 2) or (len(outputs) > 1 and input.ndim == 1):
        raise RuntimeError(f"{who}: expected input (N, in), or (in,), and linear_weight (C, in), or (C, d1, ..., in) "
                           f"for input (N, in), but got {tuple(input.shape)} and {tuple(linear_weight.shape)}")
    if linear_bias is not None and list(linear_bias.shape) != outputs:
        raise RuntimeError(f"{who}: expected linear_bias shape {tuple(outputs)}, got {tuple(linear_bias.shape)}")
    if ignore_index is not None and target.dtype.kind == "f":
        raise RuntimeError(f"{who}: ignore_index cannot be specified when target contains probabilities")
    total = math.prod(outputs)
    scores = linear(input, reshape(linear_weight, (total, features)),
                    None if linear_bias is None else reshape(linear_bias, (total,)))
    return cross_entropy(reshape(scores, (*input.shape[:-1], *outputs)), target, weight,
                         -100 if ignore_index is None else ignore_index, reduction, label_smoothing)
