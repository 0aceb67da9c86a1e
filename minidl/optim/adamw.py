"""AdamW: Adam with weight decay separate from the gradient."""
from __future__ import annotations

from minidl.optim.adam import Adam
from minidl.optim.optimizer import Params
from minidl.tensors.tensor import Tensor


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov, Hutter 2017).

        p = p - lr*weight_decay*p,    then Adam without weight decay

    In Adam an L2 penalty is divided by the size of the gradients; here all weights shrink at the same rate.

    Args: those of `Adam`.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.AdamW([w], lr=0.5, weight_decay=0.1).step()
        >>> w
        tensor([0.4500, 2.4000], requires_grad=True)

    Source: Decoupled weight decay regularization, arXiv:1711.05101.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-3,
                 betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *,
                 maximize: bool = False, foreach: bool | None = None, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, foreach=foreach,
                         capturable=capturable, differentiable=differentiable, fused=fused, decoupled_weight_decay=True)
