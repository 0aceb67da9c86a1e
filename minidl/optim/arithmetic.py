"""In-place array arithmetic that several optimizers share.

`s` and `out` are scratch arrays; an argument may be one of them where the docstring says so.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.capture import Later
from minidl.backend.device import Array, array_module


def loss_gradient(p: Array, g: Array, weight_decay: float, maximize: bool, out: Array) -> Array:
    """The gradient to descend, weight_decay*p + (-g if maximize else g), which is `g` itself or `out`."""
    if weight_decay:
        np.multiply(p, weight_decay, out=out)
        return np.subtract(out, g, out=out) if maximize else np.add(out, g, out=out)
    return np.negative(g, out=out) if maximize else g


def decayed_gradient(p: Array, g: Array, settings: Any, out: Array) -> Array:
    """`loss_gradient`; if weight decay is decoupled, shrink `p` instead, and leave decay out of the gradient."""
    weight_decay = settings.weight_decay
    if weight_decay and settings.decoupled_weight_decay:
        p *= 1 - settings.lr * weight_decay
        weight_decay = 0.0
    return loss_gradient(p, g, weight_decay, settings.maximize, out)


def average(mean: Array, x: Array, beta: float, s: Array) -> None:
    """mean = beta*mean + (1 - beta)*x; `x` may be `s`."""
    np.multiply(x, 1 - beta, out=s)
    mean *= beta
    mean += s


def descend(p: Array, direction: Array, lr: float, s: Array) -> None:
    """p -= lr * direction; `direction` may be `s`."""
    np.multiply(direction, lr, out=s)
    p -= s


def replace_if(condition: Any, s: Array, other: Array) -> None:
    """s = other if condition else s; in a captured step, each replay decides anew."""
    if isinstance(condition, Later):
        array_module(s).copyto(s, other, where=condition.on_gpu("?"))
    elif condition:
        s[...] = other


def root(x: Any) -> Any:
    """The square root of a 0-d result: a Python number, or on a GPU an array, for which the CPU does not wait."""
    return math.sqrt(float(x)) if isinstance(x, (np.generic, np.ndarray)) else np.sqrt(x)


def at_least(least: float, x: Any) -> Any:
    """The larger of a number and a `root`."""
    return max(least, x) if isinstance(x, float) else np.maximum(x, least)
