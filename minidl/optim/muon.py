"""Muon: momentum with all singular values made equal."""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.backend.kernels.matmul import matmul
from minidl.optim.arithmetic import at_least, root
from minidl.optim.checks import check_real
from minidl.optim.optimizer import Optimizer, Params, settings_of, zeros


class Muon(Optimizer):
    """Muon (Jordan et al. 2024), for the weight matrices of hidden layers: momentum, orthogonalized.

        b = momentum*b + (1 - momentum)*grad
        d = momentum*b + (1 - momentum)*grad if nesterov else b
        p = p - lr*weight_decay*p - lr * f * orthogonalized(d)

    If d = U S V', then orthogonalized(d) is about U V': all singular directions of a matrix are learned at equal speed.
    It is computed by Newton-Schulz steps, which are matrix products. Biases, embeddings and last layers need another
    optimizer, such as AdamW.

    Args, besides those of `Optimizer`:
        params: matrices only.
        weight_decay: shrinks the weights separately from the gradient, as in AdamW.
        momentum: the share of the last direction that is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: a, b, c: a Newton-Schulz step is X = a*X + (b*XX' + c*XX'XX') X.
        eps: keeps the first division, by the norm, finite.
        ns_steps: the number of Newton-Schulz steps, below 100.
        adjust_lr_fn: "original" or None: f = sqrt(max(1, rows/columns)). "match_rms_adamw":
            f = 0.2*sqrt(max(rows, columns)), which suits learning rates that were found for AdamW.

    PyTorch computes the Newton-Schulz steps in bfloat16; here they have the dtype of the parameter.

    Errors: ValueError for a parameter that is no matrix or a hyperparameter out of range, RuntimeError for complex
    parameters.

        >>> import minidl
        >>> from minidl import optim
        >>> w = minidl.zeros(2, 2, requires_grad=True)
        >>> w.grad = minidl.tensor([[300.0, 0.0], [0.0, 4.0]])
        >>> optim.Muon([w], lr=1.0, ns_steps=30, ns_coefficients=(1.5, -0.5, 0.0)).step()
        >>> w                                       # the size of the gradient in a direction has no influence
        tensor([[-1.,  0.],
                [ 0., -1.]], requires_grad=True)

    Sources: https://kellerjordan.github.io/posts/muon/; Muon is scalable for LLM training, arXiv:2502.16982.
    """

    def __init__(self, params: Params, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
                 eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        })

    def check_group(self, group: dict[str, Any]) -> None:
        check_real(group, "Muon")
        for name, what in (("lr", "Learning rate"), ("momentum", "momentum"), ("weight_decay", "weight decay")):
            if not group[name] >= 0:
                raise ValueError(f"{what} should be >= 0 but is: {group[name]}")
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {group['adjust_lr_fn']} is not supported; try 'original' "
                             f"or 'match_rms_adamw'")
        if group["ns_steps"] >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        for p in group["params"]:
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: "
                                 f"{tuple(p.shape)}; give it to another optimizer, such as AdamW")

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        return zeros(p, "momentum_buffer")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        muon_update(p, g, state["momentum_buffer"].array, settings_of(group, MuonSettings))


class MuonSettings(NamedTuple):
    """The hyperparameters of `muon_update`."""

    lr: float
    weight_decay: float
    momentum: float
    nesterov: bool
    ns_coefficients: tuple[float, float, float]
    eps: float
    ns_steps: int
    adjust_lr_fn: str | None


@kernel     # products of whole matrices, so it is not elementwise
def muon_update(p: Array, g: Array, buffer: Array, settings: MuonSettings) -> None:
    lr, momentum, (rows, columns) = settings.lr, settings.momentum, p.shape
    if settings.adjust_lr_fn == "match_rms_adamw":
        factor = 0.2 * math.sqrt(max(rows, columns))
    else:
        factor = math.sqrt(max(1, rows / columns))
    buffer += (1 - momentum) * (g - buffer)
    direction = g + momentum * (buffer - g) if settings.nesterov else buffer
    p *= 1 - lr * settings.weight_decay
    p -= lr * factor * orthogonalized(direction, settings)


def orthogonalized(x: Array, settings: MuonSettings) -> Array:
    """About U V' of x = U S V', by Newton-Schulz steps.

    A step maps each singular value s to a*s + b*s^3 + c*s^5.
    """
    a, b, c = settings.ns_coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / at_least(settings.eps, root(np.square(x).sum()))   # all singular values are at most 1
    for _ in range(settings.ns_steps):
        square = matmul(x, x.T)
        x = a * x + matmul(b * square + c * matmul(square, square), x)
    return x.T if tall else x
