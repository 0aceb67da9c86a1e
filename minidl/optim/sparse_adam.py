"""SparseAdam: Adam for the entries that a sparse gradient has."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.ops.sparse import SparseTensor
from minidl.optim.arithmetic import average, descend
from minidl.optim.checks import check, check_ranges
from minidl.optim.optimizer import Optimizer, Params, settings_of, zeros
from minidl.tensors.tensor import Tensor


class SparseAdam(Optimizer):
    """Adam for sparse gradients, of a table of which few rows are looked up in each step: "lazy" Adam.

        g = -grad if maximize else grad
        m = beta1*m + (1 - beta1)*g           running mean of the gradient
        v = beta2*v + (1 - beta2)*g^2         running mean of its square
        p = p - lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + eps),    t = 1, 2, ...

    All of it where the gradient has entries: elsewhere m, v and p stay as they are, while in `Adam` they go on to move.
    `eps` is not corrected as it is there. Args: those of `Optimizer`.

    Errors: ValueError for a hyperparameter out of range or a sparse parameter, RuntimeError for a dense gradient.

        >>> import minidl
        >>> from minidl import optim
        >>> from minidl.nn import functional as F
        >>> table = minidl.zeros(3, 2, requires_grad=True)
        >>> F.embedding(minidl.tensor([2]), table, sparse=True).sum().backward()
        >>> optim.SparseAdam([table], lr=0.5).step()
        >>> table
        tensor([[ 0.0000,  0.0000],
                [ 0.0000,  0.0000],
                [-0.5000, -0.5000]], requires_grad=True)

    Source: Kingma, Ba: Adam, a method for stochastic optimization, arXiv:1412.6980.
    """

    number_state = ()       # a Python number, as in PyTorch

    def __init__(self, params: Params, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, maximize: bool = False) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def check_group(self, group: dict[str, Any]) -> None:
        check(group["lr"] > 0, "learning rate", group["lr"])
        check(group["eps"] > 0, "epsilon value", group["eps"])
        check_ranges(group, "betas")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return {"step": 0, **zeros(p, "exp_avg", "exp_avg_sq")}

    def _update(self, p: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        if not gradient.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        super()._update(p, gradient, group)

    def update_sparse(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        self.update_entries(p, g, state, group)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] += 1
        sparse_adam_update(p, g, state["exp_avg"].array, state["exp_avg_sq"].array, state["step"],
                           settings_of(group, SparseAdamSettings))


class SparseAdamSettings(NamedTuple):
    """The hyperparameters of `sparse_adam_update`."""

    lr: float
    betas: tuple[float, float]
    eps: float
    maximize: bool


@kernel(elementwise=True)
def sparse_adam_update(p: Array, g: Array, m: Array, v: Array, step: float, settings: SparseAdamSettings) -> None:
    beta1, beta2 = settings.betas
    s = np.empty_like(p)
    g = -g if settings.maximize else g
    average(m, g, beta1, s)
    average(v, np.multiply(g, g, out=s), beta2, s)
    np.sqrt(v, out=s)
    s += settings.eps
    descend(p, np.divide(m, s, out=s), settings.lr * math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step), s)
