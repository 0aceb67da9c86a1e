"""ReLU, leaky ReLU, GELU, SiLU and sigmoid, and the gradient of tanh, compiled: one pass over memory each."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single
from minidl.backend.compiled.functions import exp, tanh
from minidl.backend.cpu.elementwise import have_same_layout, in_blocks
from minidl.backend.kernel import Kernel
from minidl.backend.kernels.activation import (
    gelu_forward,
    gelu_grad,
    leaky_relu_forward,
    leaky_relu_grad,
    relu_forward,
    relu_grad,
    sigmoid_forward,
    sigmoid_grad,
    silu_forward,
    silu_grad,
    tanh_grad,
)

f = np.float32
FEWEST = 1 << 12        # elements from which a compiled call takes less time than NumPy's
DENSITY = f(1 / math.sqrt(2 * math.pi))     # the density of the standard normal distribution at 0


@compiled
def _relu(x: Any, y: Any) -> None:
    for i in range(len(x)):
        y[i] = x[i] if x[i] > 0 or x[i] != x[i] else f(0)       # NaN stays


@compiled
def _relu_grad(g: Any, y: Any, gx: Any) -> None:
    for i in range(len(g)):
        gx[i] = g[i] if y[i] > 0 else f(0)


@compiled
def _gelu(x: Any, y: Any, cdf: Any) -> None:
    for i in range(len(x)):
        z = min(x[i] * x[i], f(5.5 ** 2))       # backend/cpu/special.py explains the polynomial
        q = z * f(1.75618057e-9) + f(-1.32263708e-7)
        q = q * z + f(3.96474936e-6)
        q = q * z + f(-5.53062236e-5)
        q = q * z + f(-3.25948914e-5)
        q = q * z + f(3.63330845e-2)
        q = q * z + f(0.797884941)
        cdf[i] = f(0.5) + f(0.5) * tanh(x[i] * q)
        y[i] = x[i] * cdf[i]


@compiled
def _gelu_grad(g: Any, x: Any, cdf: Any, gx: Any) -> None:
    for i in range(len(x)):
        gx[i] = g[i] * (cdf[i] + x[i] * DENSITY * exp(f(-0.5) * x[i] * x[i]))


@compiled
def _sigmoid(x: Any, y: Any) -> None:
    for i in range(len(x)):
        y[i] = f(1) / (f(1) + exp(-x[i])) if x[i] == x[i] else x[i]     # NaN stays


@compiled
def _sigmoid_grad(g: Any, y: Any, gx: Any) -> None:
    for i in range(len(g)):
        gx[i] = g[i] * (y[i] * (f(1) - y[i]))


@compiled
def _tanh_grad(g: Any, y: Any, gx: Any) -> None:
    for i in range(len(g)):
        gx[i] = g[i] * (f(1) - y[i] * y[i])


@compiled
def _silu(x: Any, y: Any, s: Any) -> None:
    for i in range(len(x)):
        s[i] = f(1) / (f(1) + exp(-x[i]))
        y[i] = x[i] * s[i]


@compiled
def _silu_grad(g: Any, x: Any, s: Any, gx: Any) -> None:
    for i in range(len(x)):
        gx[i] = g[i] * (s[i] * (f(1) + x[i] * (f(1) - s[i])))


@compiled
def _leaky_relu(x: Any, y: Any, slope: float) -> None:
    for i in range(len(x)):
        y[i] = x[i] if x[i] > 0 else f(slope) * x[i]


@compiled
def _leaky_relu_grad(g: Any, x: Any, gx: Any, slope: float) -> None:
    for i in range(len(g)):
        gx[i] = g[i] if x[i] > 0 else f(slope) * g[i]


def _register(kernel: Kernel, function: Callable[..., None], results: int) -> None:
    """Register `function(operands..., results..., numbers...)`, which goes through its arrays element by element."""
    def body(*args: Any) -> Any:
        if args[0].size < FEWEST:       # asked first: in a small program, a step is no more than such questions
            return NotImplemented
        operands = [a for a in args if isinstance(a, np.ndarray)]
        if not (is_single(*operands) and have_same_layout(operands, FEWEST, gaps=True)):
            return NotImplemented
        made, numbers = [np.empty_like(operands[0]) for _ in range(results)], args[len(operands):]
        in_blocks(lambda *arrays: function(*arrays, *numbers), [*operands, *made], cheap=True)
        return tuple(made) if results > 1 else made[0]

    body.__name__ = f"{kernel.generic.__name__}_one_pass"
    kernel.register("numpy", layer="compiled")(body)


_register(relu_forward, _relu, 1)
_register(relu_grad, _relu_grad, 1)
_register(leaky_relu_forward, _leaky_relu, 1)
_register(leaky_relu_grad, _leaky_relu_grad, 1)
_register(gelu_forward, _gelu, 2)
_register(gelu_grad, _gelu_grad, 1)
_register(sigmoid_forward, _sigmoid, 1)
_register(sigmoid_grad, _sigmoid_grad, 1)
_register(tanh_grad, _tanh_grad, 1)
_register(silu_forward, _silu, 2)
_register(silu_grad, _silu_grad, 1)
