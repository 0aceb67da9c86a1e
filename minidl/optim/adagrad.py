"""Adagrad: steps that shrink with the gradients seen so far."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.ops.sparse import SparseTensor
from minidl.optim.arithmetic import descend, loss_gradient
from minidl.optim.checks import check_ranges
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of
from minidl.tensors.tensor import Tensor


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan, Singer 2011): the step is divided by the size of all gradients so far.

        g = grad + weight_decay*p             (-grad if maximize)
        s = s + g^2                           (s = initial_accumulator_value at first)
        p = p - lr/(1 + (t - 1)*lr_decay) * g / (sqrt(s) + eps),    t = 1, 2, ...

    Args, besides those of `Optimizer`:
        lr_decay: the decay of the learning rate, in addition to the growing sum.
        initial_accumulator_value: the initial value of the sum.

    A sparse gradient updates only the entries that it has.

    Errors: ValueError for a hyperparameter out of range; RuntimeError for a sparse gradient with weight_decay or fused.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([4.0, -0.1])
        >>> optim.Adagrad([w], lr=0.5).step()      # the first step is lr, for any gradient
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Source: Adaptive subgradient methods for online learning and stochastic optimization, JMLR 12.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:                # now and not at the first step, as in PyTorch
            self.state[p] = self._algorithm_for(p).initial_state(p.array, group)

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "eps", "lr_decay", "weight_decay", "initial_accumulator_value")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        total = array_module(p).full_like(p, group["initial_accumulator_value"])
        return {**scalars(step=0), "sum": wrap(total)}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step = next_step(state)
        adagrad_update(p, g, state["sum"].array, step, settings_of(group, AdagradSettings))

    def update_sparse(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if group["fused"]:
            raise RuntimeError("`fused` does not support sparse grad or complex param")
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        self.update_entries(p, g, state, group)


class AdagradSettings(NamedTuple):
    """The hyperparameters of `adagrad_update`."""

    lr: float
    lr_decay: float
    eps: float
    weight_decay: float
    maximize: bool


@kernel(elementwise=True)
def adagrad_update(p: Array, g: Array, total: Array, step: float, settings: AdagradSettings) -> None:
    lr = settings.lr / (1 + (step - 1) * settings.lr_decay)
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    total += np.multiply(g, g, out=s)
    np.sqrt(total, out=s)
    s += settings.eps
    descend(p, np.divide(g, s, out=s), lr, s)
