"""NAdam: Adam that looks ahead along the momentum."""
from __future__ import annotations

from typing import Any, ClassVar

from minidl.backend.device import Array
from minidl.backend.kernels.update import nadam_update
from minidl.optim.optimizer import Optimizer, Params, check, check_betas, zeros_like


class NAdam(Optimizer):
    """Adam with Nesterov momentum (Dozat 2016), whose momentum grows towards beta1 during training.

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g
        v = beta2*v + (1 - beta2)*g^2
        mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)
        n = (1 - mu(t)) / (1 - mu(1)*...*mu(t)) * g + mu(t+1) / (1 - mu(1)*...*mu(t+1)) * m
        p = p - lr * n / (sqrt(v / (1 - beta2^t)) + eps),    t = 1, 2, ...

    Args, beside those of `Optimizer`:
        momentum_decay: how fast the momentum approaches beta1.

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

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
                 decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }, differentiable)

    def check_group(self, group: dict[str, Any]) -> None:
        check(group["lr"] >= 0, "learning rate", group["lr"])
        check(group["eps"] >= 0, "epsilon value", group["eps"])
        check_betas(group["betas"])
        check(group["weight_decay"] >= 0, "weight_decay value", group["weight_decay"])
        check(group["momentum_decay"] >= 0, "momentum_decay value", group["momentum_decay"])

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, "mu_product": 1.0, "exp_avg": zeros_like(p), "exp_avg_sq": zeros_like(p)}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        mu, mu_next = (group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
                       for t in (state["step"], state["step"] + 1))
        state["mu_product"] *= mu
        nadam_update(p, g, state["exp_avg"].array, state["exp_avg_sq"].array, state["step"], mu, mu_next,
                     state["mu_product"], group["lr"], *group["betas"], group["eps"], group["weight_decay"],
                     group["decoupled_weight_decay"], group["maximize"])
