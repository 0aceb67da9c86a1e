"""Activations on the CPU, by bit masks and in place; large arrays in blocks."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.cpu.elementwise import filled, in_parallel
from minidl.backend.kernels.activation import (
    gelu_grad,
    leaky_relu_forward,
    leaky_relu_grad,
    relu_grad,
    sigmoid_forward,
    silu_forward,
    silu_grad,
    tanh_forward,
)


@sigmoid_forward.register("numpy")
def sigmoid_forward_in_place(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.float16:       # rounded once, and faster, as NumPy computes each step in float32
        return sigmoid_forward_in_place(x.astype(np.float32)).astype(np.float16)
    return filled(_sigmoid, [x], results=1)[0]


def _sigmoid(x: np.ndarray, y: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        np.exp(np.negative(x, out=y), out=y)
    y += 1
    np.reciprocal(y, out=y)


@tanh_forward.register("numpy")
def tanh_forward_in_place(x: np.ndarray) -> np.ndarray:
    return filled(lambda x, y: np.tanh(x, out=y), [x], results=1)[0]


@silu_forward.register("numpy")
def silu_forward_in_place(x: np.ndarray) -> Any:
    return NotImplemented if x.dtype == np.float16 else tuple(filled(_silu, [x], results=2))


def _silu(x: np.ndarray, y: np.ndarray, s: np.ndarray) -> None:
    _sigmoid(x, s)
    np.multiply(x, s, out=y)


@silu_grad.register("numpy")
def silu_grad_in_place(g: np.ndarray, x: np.ndarray, s: np.ndarray) -> Any:
    return NotImplemented if g.dtype.kind == "c" else filled(_silu_grad, [g, x, s], results=1)[0]


def _silu_grad(g: np.ndarray, x: np.ndarray, s: np.ndarray, gx: np.ndarray) -> None:
    np.subtract(1, s, out=gx)
    gx *= x
    gx += 1
    gx *= s
    gx *= g


@relu_grad.register("numpy")
@in_parallel(results=1)
def relu_grad_by_bits(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _choose(y > 0, g)


@leaky_relu_forward.register("numpy")
@in_parallel(results=1)
def leaky_relu_forward_maximum(x: np.ndarray, slope: float) -> np.ndarray:
    return np.maximum(x, x * slope) if 0 < slope <= 1 else leaky_relu_forward.generic(x, slope)


@leaky_relu_grad.register("numpy")
@in_parallel(results=1)
def leaky_relu_grad_by_bits(g: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    return _choose(x > 0, g, g * slope)


@gelu_grad.register("numpy")
@in_parallel(results=1)
def gelu_grad_in_place(g: np.ndarray, x: np.ndarray, cdf: np.ndarray) -> np.ndarray:
    slope = np.exp(x * x * -0.5)
    slope *= x
    slope *= 1 / math.sqrt(2 * math.pi)
    slope += cdf
    slope *= g
    return slope


def _choose(condition: np.ndarray, a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """a where the condition holds, elsewhere b or 0.

    A mask keeps all bits of an element or none. `where` decides element by element, and takes ten times as long. A
    product with 0 and 1 would turn an infinite gradient into NaN.
    """
    bits = np.dtype(f"i{a.dtype.itemsize}")
    mask = np.negative(condition.view(np.int8), dtype=bits)
    chosen = a.view(bits) & mask
    if b is not None:
        chosen |= b.view(bits) & ~mask
    return chosen.view(a.dtype)
