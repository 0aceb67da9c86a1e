"""Rprop: steps that look at the signs of the gradients only."""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.update import rprop_update
from minidl.optim.optimizer import Optimizer, Params, check, zeros_like


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller, Braun 1993), for gradients of the whole data set.

        g = -grad if maximize else grad
        s = clamp(s * (eta_plus if g*before > 0, eta_minus if g*before < 0, else 1), *step_sizes)
        g = 0 where g*before < 0
        p = p - sign(g)*s
        before = g                            (s = lr and before = 0 at first)

    Args, beside those of `Optimizer`:
        lr: the size of the first step.
        etas: by what a step shrinks when the gradient changes sign, and grows when it does not.
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

    def __init__(self, params: Params, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize,
        }, differentiable)

    def check_group(self, group: dict[str, Any]) -> None:
        check(group["lr"] >= 0, "learning rate", group["lr"])
        eta_minus, eta_plus = group["etas"]
        check(0 < eta_minus < 1 < eta_plus, "eta values", f"{eta_minus}, {eta_plus}")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, "prev": zeros_like(p), "step_size": wrap(array_module(p).full_like(p, group["lr"]))}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        rprop_update(p, g, state["prev"].array, state["step_size"].array, *group["etas"], *group["step_sizes"],
                     group["maximize"])
