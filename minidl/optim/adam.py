"""Adam: momentum, with steps divided by the recent size of the gradients."""
from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.ops.shape.views import array_of
from minidl.ops.sparse import SparseTensor
from minidl.optim.arithmetic import average, decayed_gradient, descend
from minidl.optim.checks import check_ranges, check_tensors
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros
from minidl.tensors.tensor import Tensor


class Adam(Optimizer):
    """Adam (Kingma, Ba 2014), optionally as AMSGrad (Reddi, Kale, Kumar 2018).

        g = grad + weight_decay*p             (-grad if maximize)
        m = beta1*m + (1 - beta1)*g           running mean of the gradient
        v = beta2*v + (1 - beta2)*g^2         running mean of its square
        w = max(w, v) if amsgrad else v
        p = p - lr * (m / (1 - beta1^t)) / (sqrt(w / (1 - beta2^t)) + eps),    t = 1, 2, ...

    The means start at 0; the division by 1 - beta^t corrects this.

    Args, besides those of `Optimizer`:
        lr: the learning rate, which is about the distance that a weight moves in one step.
        amsgrad: divide by the largest running mean so far.

    Errors: ValueError for a hyperparameter out of range.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.Adam([w], lr=0.5).step()         # the first step is lr, for any gradient
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Sources: arXiv:1412.6980; On the convergence of Adam and beyond, arXiv:1904.09237.
    """

    recorded_options: ClassVar[tuple[str, ...]] = ("lr", "weight_decay", "betas")

    def __init__(self, params: Params, lr: float | Tensor = 1e-3,
                 betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        check_tensors(lr, betas, foreach and not capturable)
        super().__init__(params, {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "betas", "weight_decay")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        largest = ["max_exp_avg_sq"] if group["amsgrad"] else []
        return {**scalars(step=0), **zeros(p, "exp_avg", "exp_avg_sq", *largest)}

    def update_sparse(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step = next_step(state)
        adam_update(p, g, state["exp_avg"].array, state["exp_avg_sq"].array, array_of(state.get("max_exp_avg_sq")),
                    step, settings_of(group, AdamSettings))


class AdamSettings(NamedTuple):
    """The hyperparameters of `adam_update`."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    decoupled_weight_decay: bool
    maximize: bool


@kernel(elementwise=True)
def adam_update(p: Array, g: Array, m: Array, v: Array, v_max: Array | None, step: float,
                settings: AdamSettings) -> None:
    # lr * (m/c1) / (sqrt(v/c2) + eps), with the corrections c1 and c2 moved out of the array arithmetic
    beta1, beta2 = settings.betas
    root = (1 - beta2 ** step) ** 0.5
    rate = settings.lr * root / (1 - beta1 ** step)
    s, t = np.empty_like(p), np.empty_like(p)
    g = decayed_gradient(p, g, settings, out=t)
    average(m, g, beta1, s)
    average(v, np.multiply(g, g, out=s), beta2, s)
    np.sqrt(v if v_max is None else np.maximum(v_max, v, out=v_max), out=s)
    s += settings.eps * root
    descend(p, np.divide(m, s, out=s), rate, s)
