"""RAdam: Adam that waits until its divisor can be trusted."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.capture import of_numbers
from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.optim.adam import AdamSettings
from minidl.optim.arithmetic import average, decayed_gradient, descend, replace_if
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor

SHORT = 5       # of an average: up to here the variance of 1/sqrt(v) is unbounded


class RAdam(Optimizer):
    """Rectified Adam (Liu et al. 2019), which needs no warm-up of the learning rate.

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g
        v = beta2*v + (1 - beta2)*g^2
        L = 2/(1 - beta2) - 1                 the number of steps that v averages, in the limit
        l = L - 2*t*beta2^t / (1 - beta2^t)   this number at step t = 1, 2, ...
        r = sqrt((l-4)*(l-2)*L / ((L-4)*(L-2)*l))
        d = r * sqrt(1 - beta2^t) / (sqrt(v) + eps) if l > 5 else 1
        p = p - lr * m / (1 - beta1^t) * d

    Args: those of all algorithms, see `Optimizer`.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.RAdam([w], lr=0.5).step()        # at first, plain momentum
        >>> w
        tensor([-1.0000,  2.0500], requires_grad=True)

    Source: On the variance of the adaptive learning rate and beyond, arXiv:1908.03265.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "betas", "weight_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0), **zeros(p, "exp_avg", "exp_avg_sq")}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step = next_step(state)
        radam_update(p, g, state["exp_avg"].array, state["exp_avg_sq"].array, step,
                     settings_of(group, AdamSettings))


@kernel(elementwise=True)
def radam_update(p: Array, g: Array, m: Array, v: Array, step: float, settings: AdamSettings) -> None:
    beta1, beta2 = settings.betas
    length = of_numbers(length_at, step, beta2)
    rate = settings.lr / (1 - beta1 ** step) * of_numbers(factor_at, step, beta2)
    s, t = np.empty_like(p), np.empty_like(p)
    g = decayed_gradient(p, g, settings, out=t)
    average(m, g, beta1, s)
    average(v, np.multiply(g, g, out=s), beta2, s)
    np.sqrt(v, out=s)
    s += settings.eps
    np.divide(m, s, out=s)
    replace_if(length <= SHORT, s, m)
    descend(p, s, rate, s)


def length_at(step: float, beta2: float) -> float:
    """l"""
    return 2 / (1 - beta2) - 1 - 2 * step * beta2 ** step / (1 - beta2 ** step)


def factor_at(step: float, beta2: float) -> float:
    """r * sqrt(1 - beta2^t), or 1 while the average is short"""
    longest, length = 2 / (1 - beta2) - 1, length_at(step, beta2)
    return 1.0 if length <= SHORT else math.sqrt((1 - beta2 ** step) * (length - 4) * (length - 2) * longest
                                                 / ((longest - 4) * (longest - 2) * length))
