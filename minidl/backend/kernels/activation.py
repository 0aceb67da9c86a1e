"""ReLU, leaky ReLU, GELU, SiLU, sigmoid, tanh and binary cross-entropy of scores, with their gradients."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel
from minidl.backend.kernels.special import normal_cdf


@kernel
def sigmoid_forward(x: Array) -> Array:
    """y = 1 / (1 + e^-x)"""
    with np.errstate(over="ignore"):    # far below 0, e^-x is inf and y is correctly 0
        return np.reciprocal(np.exp(-x) + 1)


@kernel(elementwise=True, results=1)
def sigmoid_grad(g: Array, y: Array) -> Array:
    """gx = g * y * (1 - y), for y = sigmoid(x)"""
    return g * (y * (1 - y))


@kernel
def tanh_forward(x: Array) -> Array:
    """y = tanh(x)"""
    return np.tanh(x)


@kernel(elementwise=True, results=1)
def tanh_grad(g: Array, y: Array) -> Array:
    """gx = g * (1 - y^2), for y = tanh(x)"""
    return g * (1 - y * y)


@kernel
def logsigmoid_forward(x: Array) -> Array:
    """y = log(sigmoid(x)) = min(x, 0) - log(1 + e^-|x|)"""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.absolute(x)))


@kernel(elementwise=True, results=1)
def logits_loss_forward(x: Array, t: Array) -> Array:
    """The binary cross-entropy of scores x and targets t: -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(x)"""
    return (1 - t) * x - logsigmoid_forward(x)


@kernel(elementwise=True, results=1)
def logits_loss_grad(g: Array, x: Array, t: Array) -> Array:
    """gx = g * (sigmoid(x) - t)"""
    return g * (sigmoid_forward(x) - t)


@kernel
def logits_loss_mean(x: Array, t: Array) -> Array:
    """The mean of `logits_loss_forward`, NaN for no scores. Half precision is summed in single."""
    losses = logits_loss_forward(x, t)
    total = losses.sum(dtype=accumulation_dtype(x.dtype))
    return array_module(x).asarray(total / (x.size or math.nan), dtype=x.dtype)


@kernel
def logits_loss_mean_grad(x: Array, t: Array, g: Array) -> Array:
    """gx = g / n * (sigmoid(x) - t), for the mean over n scores and the gradient g of it, without axes"""
    return logits_loss_grad(array_module(x).broadcast_to(g / (x.size or 1), x.shape), x, t)


@kernel(elementwise=True, results=1)
def relu_forward(x: Array) -> Array:
    """y = max(x, 0)"""
    return np.maximum(x, 0)


@kernel(elementwise=True, results=1)
def relu_grad(g: Array, y: Array) -> Array:
    """gx = g where y > 0, else 0"""
    return array_module(g).where(y > 0, g, g.dtype.type(0))


@kernel(elementwise=True, results=1)
def leaky_relu_forward(x: Array, slope: float) -> Array:
    """y = x where x > 0, else slope * x"""
    return array_module(x).where(x > 0, x, x * slope)


@kernel(elementwise=True, results=1)
def leaky_relu_grad(g: Array, x: Array, slope: float) -> Array:
    """gx = g where x > 0, else slope * g"""
    return array_module(g).where(x > 0, g, g * slope)


@kernel(elementwise=True, results=2)
def gelu_forward(x: Array) -> tuple[Array, Array]:
    """y = x * cdf(x), and cdf(x), the distribution function of a standard normal number"""
    cdf = normal_cdf(x)
    return x * cdf, cdf


@kernel(elementwise=True, results=1)
def gelu_grad(g: Array, x: Array, cdf: Array) -> Array:
    """gx = g * (cdf(x) + x * pdf(x))"""
    pdf = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return g * (cdf + x * pdf)


@kernel(elementwise=True, results=2)
def silu_forward(x: Array) -> tuple[Array, Array]:
    """y = x * s, and s = sigmoid(x)"""
    s = sigmoid_forward(x)
    return x * s, s


@kernel(elementwise=True, results=1)
def silu_grad(g: Array, x: Array, s: Array) -> Array:
    """gx = g * s * (1 + x * (1 - s))"""
    slope = 1 - s
    slope *= x
    slope += 1
    slope *= s
    slope = slope.conj()        # of real numbers the same array
    slope *= g
    return slope
