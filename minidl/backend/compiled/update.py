"""The updates of SGD and Adam, compiled: one pass over the parameter, its gradient and its state.

The kernels are on a higher floor, beside their optimizers, so the bodies are registered by name.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single
from minidl.backend.cpu.elementwise import have_same_layout, in_blocks
from minidl.backend.kernel import register

if TYPE_CHECKING:
    from minidl.optim.adam import AdamSettings
    from minidl.optim.sgd import SGDSettings

SMALL = 1 << 14     # numbers of a parameter that two calls of NumPy move sooner

f = np.float32


@register("sgd_update", "numpy", layer="compiled")
def sgd_update_one_pass(p: np.ndarray, g: np.ndarray, buffer: np.ndarray | None, settings: SGDSettings) -> Any:
    arrays = [p, g] if buffer is None else [p, g, buffer]
    if buffer is None and p.size < SMALL or not (is_single(*arrays) and have_same_layout(arrays, min_size=0)):
        return NotImplemented
    lr, momentum, dampening, weight_decay, nesterov, maximize = settings
    sign = -1.0 if maximize else 1.0
    if buffer is None:
        return in_blocks(lambda p, g: _sgd(p, g, lr, weight_decay, sign), arrays)
    return in_blocks(lambda p, g, buffer: _sgd_momentum(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov,
                                                        sign), arrays)


@register("adam_update", "numpy", layer="compiled")
def adam_update_one_pass(p: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, v_max: np.ndarray | None,
                         step: float, settings: AdamSettings) -> Any:
    arrays = [p, g, m, v]
    if v_max is not None or not (is_single(*arrays) and have_same_layout(arrays, min_size=0)):
        return NotImplemented
    lr, (beta1, beta2), eps, weight_decay, decoupled, maximize = settings
    root = math.sqrt(1 - beta2 ** step)
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    return in_blocks(lambda p, g, m, v: _adam(p, g, m, v, lr * root / (1 - beta1 ** step), beta1, beta2, eps * root,
                                              decay, shrink, -1.0 if maximize else 1.0), arrays)


@compiled
def _gradient(p: Any, g: Any, weight_decay: float, sign: float) -> Any:
    """The gradient to descend. Without weight decay it leaves p out: 0 times an infinite p is NaN."""
    return f(sign) * g + f(weight_decay) * p if weight_decay else f(sign) * g


@compiled
def _sgd(p: Any, g: Any, lr: float, weight_decay: float, sign: float) -> None:
    for i in range(len(p)):
        p[i] -= f(lr) * _gradient(p[i], g[i], weight_decay, sign)


@compiled
def _sgd_momentum(p: Any, g: Any, buffer: Any, lr: float, momentum: float, dampening: float, weight_decay: float,
                  nesterov: bool, sign: float) -> None:
    for i in range(len(p)):
        gradient = _gradient(p[i], g[i], weight_decay, sign)
        buffer[i] = f(momentum) * buffer[i] + f(1 - dampening) * gradient
        p[i] -= f(lr) * (f(momentum) * buffer[i] + gradient if nesterov else buffer[i])


@compiled
def _adam(p: Any, g: Any, m: Any, v: Any, rate: float, beta1: float, beta2: float, eps: float, decay: float,
          shrink: float, sign: float) -> None:
    for i in range(len(p)):
        p[i] *= f(shrink)
        gradient = _gradient(p[i], g[i], decay, sign)
        m[i] = f(beta1) * m[i] + f(1 - beta1) * gradient
        v[i] = f(beta2) * v[i] + f(1 - beta2) * gradient * gradient
        p[i] -= f(rate) * m[i] / (np.sqrt(v[i]) + f(eps))
