"""RMSprop: steps divided by the recent size of the gradients."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.ops.shape.views import array_of
from minidl.optim.arithmetic import average, descend, loss_gradient
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): Adagrad with a running mean; centred (Graves 2013), it uses the deviation.

        g = grad + weight_decay*p             (-grad if maximize)
        v = alpha*v + (1 - alpha)*g^2
        m = alpha*m + (1 - alpha)*g           (only if centered)
        d = g / (sqrt(v - m^2) + eps)         (m = 0 unless centered)
        b = momentum*b + d                    (b = d without momentum)
        p = p - lr*b

    Args, besides those of `Optimizer`:
        alpha: the decay of the running means.
        momentum: the share of the last direction that is kept.
        centered: divide by the running deviation from the running mean.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.RMSprop([w], lr=0.5, alpha=0.75).step()      # 0.5 * g / sqrt(0.25 * g^2)
        >>> w
        tensor([0.0000, 3.0000], requires_grad=True)

    Sources: Hinton, Neural networks for machine learning, lecture 6e (Coursera 2012); Graves, Generating sequences
    with recurrent neural networks, arXiv:1308.0850.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
                 weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "momentum", "weight_decay", "alpha")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        buffer, mean = ["momentum_buffer"] * bool(group["momentum"]), ["grad_avg"] * bool(group["centered"])
        return {**scalars(step=0), **zeros(p, "square_avg", *buffer, *mean)}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        next_step(state)
        rmsprop_update(p, g, state["square_avg"].array, array_of(state.get("grad_avg")),
                       array_of(state.get("momentum_buffer")), settings_of(group, RMSpropSettings))


class RMSpropSettings(NamedTuple):
    """The hyperparameters of `rmsprop_update`."""

    lr: float
    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    maximize: bool


@kernel(elementwise=True)
def rmsprop_update(p: Array, g: Array, v: Array, mean: Array | None, buffer: Array | None,
                   settings: RMSpropSettings) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    average(v, np.multiply(g, g, out=s), settings.alpha, s)
    if mean is None:
        np.sqrt(v, out=s)
    else:
        average(mean, g, settings.alpha, s)
        np.subtract(v, np.multiply(mean, mean, out=s), out=s)
        np.sqrt(np.maximum(s, 0.0, out=s), out=s)     # it is a variance: only rounding makes it negative
    s += settings.eps
    np.divide(g, s, out=s)
    if buffer is not None:
        buffer *= settings.momentum
        buffer += s
        s[...] = buffer
    descend(p, s, settings.lr, s)
