"""Adadelta: steps in the units of the weights."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.optim.arithmetic import average, descend, loss_gradient
from minidl.optim.checks import check, check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): the gradient divided by its recent size, times the recent step size.

        g = grad + weight_decay*p             (-grad if maximize)
        v = rho*v + (1 - rho)*g^2
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho*u + (1 - rho)*d^2
        p = p - lr*d

    Args, besides those of `Optimizer`:
        lr: a factor of every step; 1 is the paper's algorithm.
        rho: the decay of the running means.
        eps: makes the first steps larger than 0, and keeps the division finite.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -4.0])
        >>> optim.Adadelta([w], rho=0.75, eps=1.0).step()      # sqrt(1) / sqrt(0.25 * 16 + 1) * g
        >>> w
        tensor([-0.7889,  3.7889], requires_grad=True)

    Source: ADADELTA: an adaptive learning rate method, arXiv:1212.5701.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6,
                 weight_decay: float = 0, foreach: bool | None = None, *,
                 capturable: bool = False, maximize: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr")
        check(0 <= group["rho"] <= 1, "rho value", group["rho"])
        check_ranges(group, "eps", "weight_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0), **zeros(p, "square_avg", "acc_delta")}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        next_step(state)
        adadelta_update(p, g, state["square_avg"].array, state["acc_delta"].array,
                        settings_of(group, AdadeltaSettings))


class AdadeltaSettings(NamedTuple):
    """The hyperparameters that the arithmetic needs."""

    lr: float
    rho: float
    eps: float
    weight_decay: float
    maximize: bool


@kernel(elementwise=True)
def adadelta_update(p: Array, g: Array, v: Array, delta: Array, settings: AdadeltaSettings) -> None:
    rho, eps = settings.rho, settings.eps
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    average(v, np.multiply(g, g, out=s), rho, s)
    np.divide(g, np.sqrt(np.add(v, eps, out=s), out=s), out=t)
    t *= np.sqrt(np.add(delta, eps, out=s), out=s)
    average(delta, np.multiply(t, t, out=s), rho, s)
    descend(p, t, settings.lr, s)
