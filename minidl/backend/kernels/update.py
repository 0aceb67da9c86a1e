"""The optimizers' arithmetic: one kernel for each algorithm, in place on raw arrays.

Hyperparameters are Python numbers, so that they never widen an array, and `step` counts from 1. The formulas stand
in the docstrings of `minidl.optim`. `s` and `t` are scratch arrays throughout. On the CPU, large parameters come here
in pieces that stay in the cache from pass to pass (`backend/cpu/elementwise.py`).
"""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


def _loss_gradient(p: Array, g: Array, weight_decay: float, maximize: bool, out: Array) -> Array:
    """The gradient to descend, weight_decay*p + (-g if maximize else g); it is `g` itself or in `out`."""
    if weight_decay:
        np.multiply(p, weight_decay, out=out)
        return np.subtract(out, g, out=out) if maximize else np.add(out, g, out=out)
    return np.negative(g, out=out) if maximize else g


def _average(mean: Array, x: Array, beta: float, s: Array) -> None:
    """mean = beta*mean + (1 - beta)*x; `x` may be `s`."""
    np.multiply(x, 1 - beta, out=s)
    mean *= beta
    mean += s


def _descend(p: Array, direction: Array, lr: float, s: Array) -> None:
    """p -= lr * direction; `direction` may be `s`."""
    np.multiply(direction, lr, out=s)
    p -= s


@kernel(elementwise=True)
def sgd_update(p: Array, g: Array, buffer: Array | None, lr: float, momentum: float, dampening: float,
               weight_decay: float, nesterov: bool, maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    if buffer is not None:
        buffer *= momentum
        buffer += np.multiply(g, 1 - dampening, out=s) if dampening else g
        g = np.add(g, np.multiply(buffer, momentum, out=s), out=s) if nesterov else buffer
    _descend(p, g, lr, s)


@kernel(elementwise=True)
def adagrad_update(p: Array, g: Array, total: Array, step: float, lr: float, lr_decay: float,
                   weight_decay: float, eps: float, maximize: bool) -> None:
    lr = lr / (1 + (step - 1) * lr_decay)
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    total += np.multiply(g, g, out=s)
    np.sqrt(total, out=s)
    s += eps
    _descend(p, np.divide(g, s, out=s), lr, s)


@kernel(elementwise=True)
def rmsprop_update(p: Array, g: Array, v: Array, mean: Array | None, buffer: Array | None, lr: float,
                   alpha: float, eps: float, weight_decay: float, momentum: float, maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    _average(v, np.multiply(g, g, out=s), alpha, s)
    if mean is None:
        np.sqrt(v, out=s)
    else:
        _average(mean, g, alpha, s)
        np.subtract(v, np.multiply(mean, mean, out=s), out=s)
        np.sqrt(np.maximum(s, 0.0, out=s), out=s)     # a variance: below 0 only by rounding
    s += eps
    np.divide(g, s, out=s)
    if buffer is not None:
        buffer *= momentum
        buffer += s
        s[...] = buffer
    _descend(p, s, lr, s)


@kernel(elementwise=True)
def adam_update(p: Array, g: Array, m: Array, v: Array, v_max: Array | None, step: float, lr: float, beta1: float,
                beta2: float, eps: float, weight_decay: float, decoupled: bool, maximize: bool) -> None:
    # lr * (m/c1) / (sqrt(v/c2) + eps) with the corrections taken out of the array arithmetic
    root = math.sqrt(1 - beta2 ** step)
    rate = lr * root / (1 - beta1 ** step)
    s, t = np.empty_like(p), np.empty_like(p)
    if decoupled and weight_decay:
        p *= 1 - lr * weight_decay
    g = _loss_gradient(p, g, 0.0 if decoupled else weight_decay, maximize, out=t)
    _average(m, g, beta1, s)
    _average(v, np.multiply(g, g, out=s), beta2, s)
    np.sqrt(v if v_max is None else np.maximum(v_max, v, out=v_max), out=s)
    s += eps * root
    _descend(p, np.divide(m, s, out=s), rate, s)


@kernel(elementwise=True)
def adadelta_update(p: Array, g: Array, v: Array, delta: Array, lr: float, rho: float, eps: float,
                    weight_decay: float, maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    _average(v, np.multiply(g, g, out=s), rho, s)
    np.divide(g, np.sqrt(np.add(v, eps, out=s), out=s), out=t)
    t *= np.sqrt(np.add(delta, eps, out=s), out=s)
    _average(delta, np.multiply(t, t, out=s), rho, s)
    _descend(p, t, lr, s)


@kernel(elementwise=True)
def adamax_update(p: Array, g: Array, m: Array, u: Array, step: float, lr: float, beta1: float, beta2: float,
                  eps: float, weight_decay: float, maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    _average(m, g, beta1, s)
    np.absolute(g, out=s)
    s += eps
    u *= beta2
    np.maximum(u, s, out=u)
    _descend(p, np.divide(m, u, out=s), lr / (1 - beta1 ** step), s)


@kernel(elementwise=True)
def nadam_update(p: Array, g: Array, m: Array, v: Array, step: float, mu: float, mu_next: float, mu_product: float,
                 lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool,
                 maximize: bool) -> None:
    root = math.sqrt(1 - beta2 ** step)
    s, t = np.empty_like(p), np.empty_like(p)
    if decoupled and weight_decay:
        p *= 1 - lr * weight_decay
    g = _loss_gradient(p, g, 0.0 if decoupled else weight_decay, maximize, out=t)
    _average(m, g, beta1, s)
    _average(v, np.multiply(g, g, out=s), beta2, s)
    np.multiply(g, (1 - mu) / (1 - mu_product), out=t)
    t += np.multiply(m, mu_next / (1 - mu_product * mu_next), out=s)
    np.sqrt(v, out=s)
    s += eps * root
    _descend(p, np.divide(t, s, out=s), lr * root, s)


@kernel(elementwise=True)
def radam_update(p: Array, g: Array, m: Array, v: Array, step: float, lr: float, beta1: float, beta2: float,
                 eps: float, weight_decay: float, decoupled: bool, maximize: bool) -> None:
    correction = 1 - beta2 ** step
    longest = 2 / (1 - beta2) - 1                              # length of the moving average in the limit
    length = longest - 2 * step * beta2 ** step / correction   # ... and now
    rate = lr / (1 - beta1 ** step)
    adaptive = length > 5                                      # before, the variance of 1/sqrt(v) is unbounded
    if adaptive:
        rate *= math.sqrt(correction * (length - 4) * (length - 2) * longest
                          / ((longest - 4) * (longest - 2) * length))
    s, t = np.empty_like(p), np.empty_like(p)
    if decoupled and weight_decay:
        p *= 1 - lr * weight_decay
    g = _loss_gradient(p, g, 0.0 if decoupled else weight_decay, maximize, out=t)
    _average(m, g, beta1, s)
    _average(v, np.multiply(g, g, out=s), beta2, s)
    if adaptive:
        np.sqrt(v, out=s)
        s += eps
        _descend(p, np.divide(m, s, out=s), rate, s)
    else:
        _descend(p, m, rate, s)


@kernel(elementwise=True)
def rprop_update(p: Array, g: Array, previous: Array, size: Array, eta_minus: float, eta_plus: float,
                 size_min: float, size_max: float, maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, 0.0, maximize, out=t)
    np.multiply(previous, g, out=s)                        # > 0: on the same slope; < 0: past the minimum
    size[s > 0] *= eta_plus
    size[s < 0] *= eta_minus
    np.minimum(np.maximum(size, size_min, out=size), size_max, out=size)
    previous[...] = g
    previous[s < 0] = 0.0                                  # no move now, and no comparison next time
    p -= np.multiply(np.sign(previous, out=s), size, out=s)


@kernel(elementwise=True)
def asgd_update(p: Array, g: Array, average: Array, eta: float, mu: float, lambd: float, weight_decay: float,
                maximize: bool) -> None:
    s, t = np.empty_like(p), np.empty_like(p)
    g = _loss_gradient(p, g, weight_decay, maximize, out=t)
    np.multiply(g, eta, out=t)
    p *= 1 - lambd * eta
    p -= t
    if mu == 1:
        average[...] = p
    else:
        np.subtract(p, average, out=s)
        s *= mu
        average += s


@kernel
def adafactor_update(p: Array, g: Array, rows: Array | None, columns: Array | None, v: Array | None, step: float,
                     lr: float, beta2_decay: float, eps1: float, eps2: float, d: float, weight_decay: float,
                     maximize: bool) -> None:
    # two means over all of p are needed, so the work is not done in blocks
    new = step ** beta2_decay                                  # the share of the newest gradient in the means
    rate = min(lr, 1 / math.sqrt(step)) * max(eps2, _root_mean_square(p))
    if weight_decay:
        p *= 1 - lr * weight_decay
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
    rate /= max(1.0, _root_mean_square(u) / d)
    u *= -rate if maximize else rate
    p -= u


def _root_mean_square(x: Array) -> float:
    return math.sqrt(float(np.square(x).mean()))


@kernel
def muon_update(p: Array, g: Array, buffer: Array, lr: float, step_size: float, weight_decay: float, momentum: float,
                nesterov: bool, coefficients: tuple[float, float, float], eps: float, steps: int) -> None:
    buffer += (1 - momentum) * (g - buffer)
    direction = g + momentum * (buffer - g) if nesterov else buffer
    p *= 1 - lr * weight_decay
    p -= step_size * _orthogonalized(direction, coefficients, eps, steps)


def _orthogonalized(x: Array, coefficients: tuple[float, float, float], eps: float, steps: int) -> Array:
    """About U V' of x = U S V': each Newton-Schulz step takes a singular value s to a*s + b*s^3 + c*s^5."""
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / max(math.sqrt(float(np.square(x).sum())), eps)    # all singular values are 1 at most
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if tall else x
