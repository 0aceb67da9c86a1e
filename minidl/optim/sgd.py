"""Stochastic gradient descent, with momentum."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.ops.sparse import SparseTensor
from minidl.optim.arithmetic import descend, loss_gradient
from minidl.optim.checks import check_entry, check_ranges
from minidl.optim.optimizer import Optimizer, Params, settings_of, zeros_like
from minidl.tensors.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, optionally with momentum (Polyak 1964) or Nesterov momentum.

        g = grad + weight_decay*p              (-grad if maximize)
        b = momentum*b + (1 - dampening)*g     (b = g at first)
        d = g + momentum*b if nesterov else b  (g without momentum)
        p = p - lr*d

    Args, besides those of `Optimizer`:
        momentum: the share of the last direction that is kept.
        dampening: reduces the share of a gradient in the momentum.
        nesterov: look ahead along the momentum.

    The momentum of sparse gradients is sparse: it has the entries of all of them. Errors: ValueError for a
    hyperparameter out of range, or nesterov without momentum or with dampening; RuntimeError for a sparse gradient with
    weight_decay or fused.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> w.grad = minidl.tensor([1.0, -1.0])
        >>> optim.SGD([w], lr=0.5, momentum=0.9).step()
        >>> w
        tensor([0.5000, 2.5000], requires_grad=True)

    Source: Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning
    (ICML 2013). There the velocity includes the learning rate; here, as in PyTorch, it does not.
    """

    def __init__(self, params: Params, lr: float | Tensor = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None) -> None:
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_ranges(group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def check_state(self, state: dict[str, Any], p: Tensor, group: dict[str, Any]) -> None:
        if state.get("momentum_buffer") is not None:    # if None, the first step makes it
            check_entry("momentum_buffer", state, p)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        buffer, settings = None, settings_of(group, SGDSettings)
        if settings.momentum:
            if isinstance(state.get("momentum_buffer"), SparseTensor):
                raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead. SGD: the "
                                   "gradients before were sparse, and so is their momentum; this one is dense")
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = zeros_like(p)
                settings = settings._replace(dampening=0)      # the first gradient counts in full
            buffer = state["momentum_buffer"].array
        sgd_update(p, g, buffer, settings)

    def update_sparse(self, p: Array, g: SparseTensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        settings = settings_of(group, SGDSettings)
        if group["fused"]:
            raise RuntimeError("`_fused_sgd` does not support sparse gradients")
        if settings.weight_decay:
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead. SGD: weight_decay "
                               "would move every entry; leave it out for parameters with sparse gradients")
        g = -g if settings.maximize else g
        if settings.momentum:
            before = state.get("momentum_buffer")
            if isinstance(before, Tensor):      # of dense gradients
                before = before.to_sparse(g.sparse_dim())
            buffer = g if before is None else (before * settings.momentum).plus(g * (1 - settings.dampening)).coalesce()
            state["momentum_buffer"] = buffer
            g = g.plus(buffer * settings.momentum).coalesce() if settings.nesterov else buffer
        p[tuple(g.positions)] -= settings.lr * g.stored.array


class SGDSettings(NamedTuple):
    """The hyperparameters of `sgd_update`."""

    lr: float
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool


@kernel(elementwise=True)
def sgd_update(p: Array, g: Array, buffer: Array | None, settings: SGDSettings) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = loss_gradient(p, g, settings.weight_decay, settings.maximize, out=t)
    if buffer is not None:
        momentum, dampening = settings.momentum, settings.dampening
        buffer *= momentum
        buffer += np.multiply(g, 1 - dampening, out=s) if dampening else g
        g = np.add(g, np.multiply(buffer, momentum, out=s), out=s) if settings.nesterov else buffer
    descend(p, g, settings.lr, s)
