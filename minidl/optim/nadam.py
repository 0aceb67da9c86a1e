"""NAdam: Adam that looks ahead along the momentum."""
from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minidl.backend.capture import value_now
from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.optim.arithmetic import average, decayed_gradient, descend
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_number, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class NAdam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016), whose momentum grows towards beta1 during training.

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g
        v = beta2*v + (1 - beta2)*g^2
        mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)
        n = (1 - mu(t)) / (1 - mu(1)*...*mu(t)) * g + mu(t+1) / (1 - mu(1)*...*mu(t+1)) * m
        p = p - lr * n / (sqrt(v / (1 - beta2^t)) + eps),    t = 1, 2, ...

    Args, besides those of `Optimizer`:
        momentum_decay: the speed at which the momentum approaches beta1.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.NAdam([w], lr=0.5).step()
        >>> w
        tensor([0.4718, 2.5282], requires_grad=True)

    Source: Incorporating Nesterov momentum into Adam, ICLR 2016 workshop.
    """

    number_state: ClassVar[tuple[str, ...]] = ("step", "mu_product")

    def __init__(self, params: Params, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "betas", "weight_decay", "momentum_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0, mu_product=1), **zeros(p, "exp_avg", "exp_avg_sq")}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        settings = settings_of(group, NAdamSettings)
        step, kind = next_step(state), state["mu_product"].array.dtype.type
        mu = momentum_at(step, settings)
        product = next_number("mu_product", state, lambda old: float(old * kind(value_now(mu))))   # as PyTorch rounds
        nadam_update(p, g, state["exp_avg"].array, state["exp_avg_sq"].array, step, product, settings)


class NAdamSettings(NamedTuple):
    """The hyperparameters of `nadam_update`."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    momentum_decay: float
    decoupled_weight_decay: bool
    maximize: bool


def momentum_at(step: float, settings: NAdamSettings) -> float:
    """mu(t)"""
    return settings.betas[0] * (1 - 0.5 * 0.96 ** (step * settings.momentum_decay))


@kernel(elementwise=True)
def nadam_update(p: Array, g: Array, m: Array, v: Array, step: float, mu_product: float,
                 settings: NAdamSettings) -> None:
    beta1, beta2 = settings.betas
    mu, mu_next = momentum_at(step, settings), momentum_at(step + 1, settings)
    root = (1 - beta2 ** step) ** 0.5
    s, t = np.empty_like(p), np.empty_like(p)
    g = decayed_gradient(p, g, settings, out=t)
    average(m, g, beta1, s)
    average(v, np.multiply(g, g, out=s), beta2, s)
    np.multiply(g, (1 - mu) / (1 - mu_product), out=t)
    t += np.multiply(m, mu_next / (1 - mu_product * mu_next), out=s)
    np.sqrt(v, out=s)
    s += settings.eps * root
    descend(p, np.divide(t, s, out=s), settings.lr * root, s)
