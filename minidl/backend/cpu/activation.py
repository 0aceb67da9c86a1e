"""Activations on the CPU, by bit masks and in place; large arrays in blocks."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.cpu.elementwise import PARALLEL_SIZE, filled, have_same_layout, in_blocks, in_parallel
from minidl.backend.kernels.activation import (
    gelu_grad,
    leaky_relu_forward,
    leaky_relu_grad,
    relu_forward,
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
    if x.size < PARALLEL_SIZE and x.flags.c_contiguous:
        return np.tanh(x)       # what `filled` gives; where x is small, in a third of the time
    return filled(np.tanh, [x], results=1, cheap=True)[0]


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


ROW = 4096      # numbers that one call of an inner loop compares


@relu_forward.register("numpy")
def relu_forward_by_rows(x: np.ndarray) -> Any:
    if x.dtype.kind != "f" or not have_same_layout([x], min_size=4 * ROW, gaps=True):
        return NotImplemented
    y = np.empty_like(x)
    in_blocks(_relu, [x, y], cheap=True)
    return y


def _relu(x: np.ndarray, y: np.ndarray) -> None:
    # NumPy has vector instructions for the maximum of two arrays, and none for that of an array and a number
    zeros, whole = np.zeros(ROW, x.dtype), len(x) - len(x) % ROW
    np.maximum(x[:whole].reshape(-1, ROW), zeros, out=y[:whole].reshape(-1, ROW))
    np.maximum(x[whole:], zeros[:len(x) - whole], out=y[whole:])


@relu_grad.register("numpy")
def relu_grad_by_bits(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    return filled(_relu_grad, [g, y], results=1, cheap=True)[0]


def _relu_grad(g: np.ndarray, y: np.ndarray, gx: np.ndarray) -> None:
    mask = _mask(y > 0, gx.dtype)
    np.bitwise_and(g.view(mask.dtype), mask, out=gx.view(mask.dtype))


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


def _choose(condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a where the condition holds, elsewhere b.

    `where` decides element by element, and takes ten times as long. A product with 0 and 1 would turn an infinite
    gradient into NaN.
    """
    mask = _mask(condition, a.dtype)
    return (a.view(mask.dtype) & mask | b.view(mask.dtype) & ~mask).view(a.dtype)


def _mask(condition: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Integers of the size of a dtype: all bits where the condition holds, none elsewhere."""
    return np.negative(condition.view(np.int8)).astype(f"i{dtype.itemsize}")
