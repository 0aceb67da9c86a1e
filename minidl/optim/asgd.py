"""Averaged stochastic gradient descent."""
from __future__ import annotations

from typing import Any, ClassVar

from minidl.backend.device import Array
from minidl.backend.kernels.update import asgd_update
from minidl.optim.optimizer import Optimizer, Params, check, zeros_like


class ASGD(Optimizer):
    """Averaged SGD (Polyak, Juditsky 1992): beside the weights, their mean over the last steps is kept.

        g = grad + weight_decay*p             (-grad if maximize)
        p = (1 - lambd*eta)*p - eta*g
        a = a + mu*(p - a)                    the mean, in optimizer.state[p]["ax"]
        eta = lr / (1 + lambd*lr*t)^alpha     (lr at first)
        mu = 1 / max(1, t - t0),              t = 1, 2, ...

    Args, beside those of `Optimizer`:
        lambd: how fast weights and learning rate decay.
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

    def __init__(self, params: Params, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
                 t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False, capturable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "maximize": maximize,
        }, differentiable)

    def check_group(self, group: dict[str, Any]) -> None:
        check(group["lr"] >= 0, "learning rate", group["lr"])
        check(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, "eta": group["lr"], "mu": 1.0, "ax": zeros_like(p)}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        asgd_update(p, g, state["ax"].array, state["eta"], state["mu"], group["lambd"], group["weight_decay"],
                    group["maximize"])
        state["eta"] = group["lr"] / (1 + group["lambd"] * group["lr"] * state["step"]) ** group["alpha"]
        state["mu"] = 1 / max(1, state["step"] - group["t0"])
