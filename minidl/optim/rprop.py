"""Rprop: steps that depend only on the signs of the gradients."""
from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.optim.arithmetic import loss_gradient
from minidl.optim.checks import check, check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros_like
from minidl.tensors.tensor import Tensor


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller, Braun 1993), for gradients of the whole data set.

        g = -grad if maximize else grad
        s = clamp(s * (eta_plus if g*before > 0, eta_minus if g*before < 0, else 1), *step_sizes)
        g = 0 where g*before < 0
        p = p - sign(g)*s
        before = g                            (s = lr and before = 0 at first)

    Args, besides those of `Optimizer`:
        lr: the size of the first step.
        etas: the factors of a step size when the gradient changes sign, and when it does not.
        step_sizes: the smallest and the largest step.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.Rprop([w], lr=0.5).step()
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Source: A direct adaptive method for faster backpropagation learning: the RPROP algorithm, ICNN 1993.
    """

    recorded_options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Params, lr: float | Tensor = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr")
        eta_minus, eta_plus = group["etas"]
        check(0 < eta_minus < 1 < eta_plus, "eta values", f"{eta_minus}, {eta_plus}")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {**scalars(step=0), "prev": zeros_like(p), "step_size": wrap(array_module(p).full_like(p, group["lr"]))}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        next_step(state)
        rprop_update(p, g, state["prev"].array, state["step_size"].array, settings_of(group, RpropSettings))


class RpropSettings(NamedTuple):
    """The hyperparameters of `rprop_update`."""

    etas: tuple[float, float]
    step_sizes: tuple[float, float]
    maximize: bool


@kernel(elementwise=True)
def rprop_update(p: Array, g: Array, previous: Array, size: Array, settings: RpropSettings) -> None:
    eta_minus, eta_plus = settings.etas
    smallest, largest = settings.step_sizes
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, 0.0, settings.maximize, out=t)
    np.multiply(previous, g, out=s)                        # > 0: on the same slope; < 0: past the minimum
    xp = array_module(p)
    xp.copyto(size, size * eta_plus, where=s > 0)          # not size[s > 0] *= ..., for which the CPU waits for a GPU
    xp.copyto(size, size * eta_minus, where=s < 0)
    np.minimum(np.maximum(size, smallest, out=size), largest, out=size)
    previous[...] = g
    xp.copyto(previous, 0.0, where=s < 0)                  # no step now, and no comparison in the next step
    p -= np.multiply(np.sign(previous, out=s), size, out=s)
