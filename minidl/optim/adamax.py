"""Adamax: Adam with the largest gradient instead of the mean square."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.optim.arithmetic import average, descend, loss_gradient
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class Adamax(Optimizer):
    """Adamax (Kingma, Ba 2014): Adam with the infinity norm.

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g
        u = max(beta2*u, |g| + eps)
        p = p - lr/(1 - beta1^t) * m / u,     t = 1, 2, ...

    Args, besides those of `Optimizer`:
        betas: the decay of the running mean and of the running maximum.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.Adamax([w], lr=0.5).step()       # the first step is lr, for any gradient
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Source: Adam: a method for stochastic optimization, section 7.1, arXiv:1412.6980.
    """

    def __init__(self, params: Params, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "betas", "weight_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0), **zeros(p, "exp_avg", "exp_inf")}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step = next_step(state)
        adamax_update(p, g, state["exp_avg"].array, state["exp_inf"].array, step,
                      settings_of(group, AdamaxSettings))


class AdamaxSettings(NamedTuple):
    """The hyperparameters of `adamax_update`."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    maximize: bool


@kernel(elementwise=True)
def adamax_update(p: Array, g: Array, m: Array, u: Array, step: float, settings: AdamaxSettings) -> None:
    beta1, beta2 = settings.betas
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    average(m, g, beta1, s)
    np.absolute(g, out=s)
    s += settings.eps
    u *= beta2
    np.maximum(u, s, out=u)
    descend(p, np.divide(m, u, out=s), settings.lr / (1 - beta1 ** step), s)
