"""Adafactor: Adam's divisor from one number for each row and each column."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.ops.shape.views import array_of
from minidl.optim.arithmetic import at_least, root
from minidl.optim.checks import check_real
from minidl.optim.optimizer import Optimizer, Params, next_step, scalars, settings_of, zeros_like
from minidl.tensors.tensor import Tensor


class Adafactor(Optimizer):
    """Adafactor (Shazeer, Stern 2018): Adam with a small state.

    For a matrix of n x m weights the state is n + m numbers.

        b = t^beta2_decay                                t = 1, 2, ...
        a = min(lr, 1/sqrt(t)) * max(eps2, rms(p))       steps in proportion to the weights
        p = p - lr*weight_decay*p
        R = (1 - b)*R + b * (means of the rows of g^2),    C likewise for the columns
        v = R C / max(mean(R), eps1)                     for vectors v = (1 - b)*v + b*g^2
        u = g / max(sqrt(v), eps1)
        p = p - a * u / max(1, rms(u)/d)

    rms is the root mean square. A tensor of more than two dimensions is a stack of matrices.

    Args, besides those of `Optimizer`:
        lr: the largest step relative to the weights.
        beta2_decay: the power of t for the share of the newest gradient; at most 0.
        eps: eps1 and eps2; None is the precision of the dtype.
        d: updates with a larger root mean square are scaled down; at least 1.

    Errors: ValueError for a hyperparameter out of range, RuntimeError for complex parameters.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
        >>> w.grad = minidl.tensor([[1.0, 2.0], [2.0, 4.0]])     # g^2 has rank 1: v is g^2, u is 1
        >>> optim.Adafactor([w], lr=0.5).step()                  # 0.5 * rms(w) = 1.25
        >>> w
        tensor([[-0.2500,  0.7500],
                [ 0.7500,  2.7500]], requires_grad=True)

    Source: Adafactor: adaptive learning rates with sublinear memory cost, arXiv:1804.04235. There lr is 0.01, eps1 is
    added to g^2, and weights do not decay.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:
        super().__init__(params, {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_real(group, "Adafactor")
        eps1, eps2 = group["eps"]
        for valid, what, value in (
                (group["lr"] >= 0, "Learning rate should be >= 0", group["lr"]),
                (group["beta2_decay"] <= 0, "beta2_decay should be <= 0", group["beta2_decay"]),
                (eps1 is None or eps1 >= 0, "epsilon1 should be >= 0", eps1),
                (eps2 >= 0, "epsilon2 should be >= 0", eps2),
                (group["d"] >= 1, "Clipping threshold d should be >= 1", group["d"]),
                (group["weight_decay"] >= 0, "weight_decay should be >= 0", group["weight_decay"])):
            if not valid:
                raise ValueError(f"{what} but is: {value}")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        if p.ndim < 2:
            return {**scalars(step=0), "variance": zeros_like(p)}
        xp = array_module(p)
        return {**scalars(step=0), "row_var": wrap(xp.zeros((*p.shape[:-1], 1), p.dtype)),
                "col_var": wrap(xp.zeros((*p.shape[:-2], 1, p.shape[-1]), p.dtype))}

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        step = next_step(state)
        adafactor_update(p, g, array_of(state.get("row_var")), array_of(state.get("col_var")),
                         array_of(state.get("variance")), step, settings_of(group, AdafactorSettings))


class AdafactorSettings(NamedTuple):
    """The hyperparameters of `adafactor_update`."""

    lr: float
    beta2_decay: float
    eps: tuple[float | None, float]
    d: float
    weight_decay: float
    maximize: bool


@kernel     # two means over all of p are needed, so it is not elementwise
def adafactor_update(p: Array, g: Array, rows: Array | None, columns: Array | None, v: Array | None, step: float,
                     settings: AdafactorSettings) -> None:
    eps1, eps2 = settings.eps
    if eps1 is None:
        eps1 = float(np.finfo(p.dtype).eps)
    new = step ** settings.beta2_decay                         # the share of the newest gradient in the means
    rate = min(settings.lr, 1 / math.sqrt(step)) * at_least(eps2, root(np.square(p).mean()))
    if settings.weight_decay:
        p *= 1 - settings.lr * settings.weight_decay
    if v is None:
        for mean, axis in ((rows, -1), (columns, -2)):
            mean += new * (np.square(g).mean(axis, keepdims=True) - mean)
        scale = np.maximum(rows.mean(-2, keepdims=True), eps1)  # type: ignore[union-attr]
        u = (rows @ columns) / scale                           # type: ignore[operator]
    else:
        v += new * (np.square(g) - v)
        u = v.copy()
    np.sqrt(np.maximum(u, eps1 * eps1, out=u), out=u)
    np.divide(g, u, out=u)
    rate = rate / at_least(1.0, root(np.square(u).mean()) / settings.d)
    u *= -rate if settings.maximize else rate
    p -= u
