"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minidl.backend.capture import of_numbers, value_now
from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.optim.arithmetic import loss_gradient, replace_if
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_number, next_step, number_of, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class ASGD(Optimizer):
    """Averaged SGD (Polyak, Juditsky 1992): SGD that also keeps the mean of the weights.

        g = grad + weight_decay*p             (-grad if maximize)
        p = (1 - lambd*eta)*p - eta*g
        a = a + mu*(p - a)                    the mean, in optimizer.state[p]["ax"]
        eta = lr / (1 + lambd*lr*t)^alpha     (lr at first)
        mu = 1 / max(1, t - t0),              t = 1, 2, ...

    Args, besides those of `Optimizer`:
        lambd: the decay of weights and learning rate.
        alpha: the power of the learning rate's decay.
        t0: the step at which averaging begins.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.ASGD([w], lr=0.5, lambd=0.0).step()
        >>> w
        tensor([-1.0000,  2.0500], requires_grad=True)

    Source: Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 30(4).
    """

    number_state: ClassVar[tuple[str, ...]] = ("step", "eta", "mu")
    recorded_options: ClassVar[tuple[str, ...]] = ("weight_decay",)

    def __init__(self, params: Params, lr: float | Tensor = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
                 t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "weight_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0, eta=float(value_now(group["lr"])), mu=1), **zeros(p, "ax")}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step, eta, mu = next_step(state), number_of("eta", state), number_of("mu", state)
        asgd_update(p, g, state["ax"].array, eta, mu, settings_of(group, ASGDSettings))
        lr = of_numbers(float, group["lr"])         # it may be on a GPU
        next_eta = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        next_number("eta", state, lambda _: value_now(next_eta))
        next_number("mu", state, lambda _: 1 / max(1, value_now(step) - value_now(group["t0"])))


class ASGDSettings(NamedTuple):
    """The hyperparameters of `asgd_update`."""

    lambd: float
    weight_decay: float
    maximize: bool


@kernel(elementwise=True)
def asgd_update(p: Array, g: Array, mean: Array, eta: float, mu: float, settings: ASGDSettings) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    np.multiply(g, eta, out=t)
    p *= 1 - settings.lambd * eta
    p -= t
    is_new = mu >= 1                # decided at each replay of a captured step
    if is_new is not True:
        np.subtract(p, mean, out=s)
        s *= mu
        mean += s
    replace_if(is_new, mean, p)
