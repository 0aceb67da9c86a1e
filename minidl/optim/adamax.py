"""Adamax: Adam with the largest gradient in place of the mean square."""
from __future__ import annotations

from typing import Any

from minidl.backend.device import Array
from minidl.backend.kernels.update import adamax_update
from minidl.optim.optimizer import Optimizer, Params, check, check_betas, zeros_like


class Adamax(Optimizer):
    """Adamax (Kingma, Ba 2014): Adam with the infinity norm.

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g
        u = max(beta2*u, |g| + eps)
        p = p - lr/(1 - beta1^t) * m / u,     t = 1, 2, ...

    Args, beside those of `Optimizer`:
        betas: how much of the running mean and of the running maximum is kept.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.Adamax([w], lr=0.5).step()       # the first step is lr, whatever the gradient
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Source: Adam: a method for stochastic optimization, section 7.1, arXiv:1412.6980.
    """

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
        }, differentiable)

    def check_group(self, group: dict[str, Any]) -> None:
        check(group["lr"] >= 0, "learning rate", group["lr"])
        check(group["eps"] >= 0, "epsilon value", group["eps"])
        check_betas(group["betas"])
        check(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, "exp_avg": zeros_like(p), "exp_inf": zeros_like(p)}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        adamax_update(p, g, state["exp_avg"].array, state["exp_inf"].array, state["step"], group["lr"],
                      *group["betas"], group["eps"], group["weight_decay"], group["maximize"])
