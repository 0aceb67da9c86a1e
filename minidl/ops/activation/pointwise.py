"""Activation functions: they make a network more than one linear map.

Those with a kink multiply the gradient by a mask of 0 and 1: that is several times as fast as choosing element by
element. Softmax and its variants are in `softmaxes.py`.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.inplace import write
from minidl.autograd.op import AS_INPUTS, ROW_MAJOR, Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.activation import (
    gelu_forward,
    gelu_grad,
    leaky_relu_forward,
    leaky_relu_grad,
    logsigmoid_forward,
    relu_forward,
    relu_grad,
    silu_forward,
    silu_grad,
)
from minidl.ops.base.broadcast import Expand
from minidl.ops.base.checks import dtypes_clash, number
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.base.ufunc import Elementwise, Floating, Unary, as_floating
from minidl.ops.elementwise.exponential import erfc, exp, sigmoid
from minidl.ops.elementwise.selection import clamp, where
from minidl.ops.elementwise.trigonometric import tanh

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def apply(op: Op, input: Any, inplace: bool) -> Any:
    """`op(input)`, written into the memory of `input` if `inplace`."""
    return write(input, op) if inplace else op(input)


# ---------------------------------------------------------------------- piecewise linear

class Relu(Unary):
    """y = max(x, 0);  dy/dx = 1 where y > 0, else 0"""

    def forward(self, x: Array) -> Array:
        return relu_forward(x)

    def grad_x(self, g: Value, out: Value) -> Value:
        return ReluGrad()(g, out)


class ReluGrad(Elementwise):
    """gx = g where y > 0, else 0: linear in g, piecewise constant in y"""

    def forward(self, g: Array, y: Array) -> Array:
        return relu_grad(g, y)

    def grad_g(self, h: Value, y: Value) -> Value:
        return ReluGrad()(h, y)


@public
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(input, 0)`, the rectified linear unit.

    Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.

        >>> import minidl
        >>> minidl.relu(minidl.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return write(input, Relu()) if inplace else Relu()(input)


class LeakyRelu(Floating):
    """y = x where x > 0, else slope * x"""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def ufunc(self, x: Array) -> Array:
        return leaky_relu_forward(x, self.slope)

    def grad_x(self, g: Value, x: Value) -> Value:
        return LeakyReluGrad(self.slope)(g, x)


class LeakyReluGrad(Elementwise):
    """gx = g where x > 0, else slope * g: linear in g, piecewise constant in x"""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, g: Array, x: Array) -> Array:
        return leaky_relu_grad(g, x, self.slope)

    def grad_g(self, h: Value, x: Value) -> Value:
        return LeakyReluGrad(self.slope)(h, x)


@public
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`input` where it is positive, `negative_slope * input` elsewhere.

    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

        >>> import minidl
        >>> minidl.nn.functional.leaky_relu(minidl.tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1000,  2.0000])
    """
    return apply(LeakyRelu(negative_slope), input, inplace)


class Prelu(Elementwise):
    """y = x where x > 0, else w * x"""

    def forward(self, x: Array, w: Array) -> Array:
        return array_module(x).where(x > 0, x, x * w)

    def grad_x(self, g: Value, x: Value, w: Value) -> Value:
        positive = g * (x > 0)
        return positive + (g - positive) * w

    def grad_w(self, g: Value, x: Value) -> Value:
        return g * clamp(x, max=0)


@public
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`input` where it is positive, `weight * input` elsewhere; `weight` is learned.

    `weight` has one element, or one per channel (dimension 1 of `input`).
    Errors: RuntimeError where it has another number, or another dtype than `input`.

    Source: He et al., "Delving Deep into Rectifiers", 2015, https://arxiv.org/abs/1502.01852

        >>> import minidl
        >>> minidl.nn.functional.prelu(minidl.tensor([[-1.0, -1.0]]), minidl.tensor([0.5, 0.1]))
        tensor([[-0.5000, -0.1000]])
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if dtypes_clash(input, weight):
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}; cast one with "
                           f".to(...)")
    shape = tuple(input.shape)
    channels = shape[1] if len(shape) > 1 else 1
    count = math.prod(weight.shape)
    if count not in (1, channels):
        raise RuntimeError(f"prelu: Mismatch of parameter numbers and input channel size: expected 1 or {channels} "
                           f"weights for an input of shape {shape}, but got {count}")
    ones = tuple([count if axis == 1 else 1 for axis in range(len(shape))])
    return Prelu()(input, Expand(shape, ones)(weight))   # (C,) -> (1, C, 1, ...) -> (N, C, d1, ...)


class Hardtanh(Unary):
    """y = x, limited to [low, high];  dy/dx = 1 strictly between, else 0"""

    copies_output_on_write = True

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def forward(self, x: Array) -> Array:
        return array_module(x).clip(x, self.low, self.high).astype(x.dtype, copy=False)

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * ((out > self.low) & (out < self.high))


@public
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """`input`, limited to [`min_val`, `max_val`].

    Errors: ValueError where `min_val` is above `max_val`.

        >>> import minidl
        >>> minidl.nn.functional.hardtanh(minidl.tensor([-2.0, 0.5, 2.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, but got min_val={min_val}, "
                         f"max_val={max_val}")
    return apply(Hardtanh(min_val, max_val), input, inplace)


@public
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`min(max(input, 0), 6)`.

    Source: Howard et al., "MobileNets", 2017, https://arxiv.org/abs/1704.04861

        >>> import minidl
        >>> minidl.nn.functional.relu6(minidl.tensor([-1.0, 3.0, 9.0]))
        tensor([0., 3., 6.])
    """
    return apply(Hardtanh(0, 6), input, inplace)


class Threshold(Unary):
    """y = value where x <= threshold, else x; NaN stays NaN"""

    def __init__(self, threshold: float, value: float) -> None:
        self.threshold, self.value = threshold, value

    def forward(self, x: Array) -> Array:
        return array_module(x).where(x <= self.threshold, x.dtype.type(self.value), x)

    def grad_x(self, g: Value, x: Value) -> Value:
        return where(x <= self.threshold, 0.0, g)


@public
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False, *,
              out: Tensor | None = None) -> Tensor:
    """`input` where it is above `threshold`, `value` elsewhere.

        >>> import minidl
        >>> minidl.nn.functional.threshold(minidl.tensor([0.1, 2.0]), 0.5, 9.0)
        tensor([9., 2.])
    """
    limit, below = number("threshold", "threshold", threshold), number("threshold", "value", value)
    return apply(Threshold(limit, below), input, inplace)


class Hardshrink(Floating):
    """y = x where |x| > lambda, else 0"""

    copies_output_on_write = True

    def __init__(self, lambd: float) -> None:
        self.lambd = lambd

    def ufunc(self, x: Array) -> Array:
        return x * (np.absolute(x) > self.lambd)

    def grad_x(self, g: Value, out: Value) -> Value:
        return where(out != 0, g, 0.0)


@public
def hardshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """`input`, with 0 for all elements from `-lambd` to `lambd`.

        >>> import minidl
        >>> minidl.nn.functional.hardshrink(minidl.tensor([-1.0, 0.2, 2.0]))
        tensor([-1.,  0.,  2.])
    """
    return Hardshrink(lambd)(input)


class Softshrink(Floating):
    """y = x moved towards 0 by lambda, but not past 0"""

    copies_output_on_write = True

    def __init__(self, lambd: float) -> None:
        self.lambd = lambd

    def ufunc(self, x: Array) -> Array:
        return x - array_module(x).clip(x, -self.lambd, self.lambd)

    def grad_x(self, g: Value, out: Value) -> Value:
        return where(out != 0, g, 0.0)


@public
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`input`, moved towards 0 by `lambd`, but not past 0.

    Errors: RuntimeError for a negative `lambd`.

        >>> import minidl
        >>> minidl.nn.functional.softshrink(minidl.tensor([-1.0, 0.2, 2.0]))
        tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}")
    return Softshrink(lambd)(input)


class Hardsigmoid(Floating):
    """y = x/6 + 1/2, limited to [0, 1]"""

    def ufunc(self, x: Array) -> Array:
        return array_module(x).clip(x / 6 + 0.5, 0, 1)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * ((x > -3) & (x < 3)) / 6


@public
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """A sigmoid of three straight lines: 0 below -3, 1 above 3.

        >>> import minidl
        >>> minidl.nn.functional.hardsigmoid(minidl.tensor([-4.0, 0.0, 1.5, 4.0]))
        tensor([0.0000, 0.5000, 0.7500, 1.0000])
    """
    return apply(Hardsigmoid(), input, inplace)


class Hardswish(Floating):
    """y = x * hardsigmoid(x);  dy/dx = x/3 + 1/2 between -3 and 3, 0 below and 1 above"""

    def ufunc(self, x: Array) -> Array:
        y = array_module(x).clip(x + 3, 0, 6)
        y *= x
        y /= 6
        return y

    def grad_x(self, g: Value, x: Value) -> Value:
        inside = (x > -3) & (x < 3)
        return g * ((clamp(x, -3, 3) / 3 + 0.5) * inside + (x >= 3))


@public
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * hardsigmoid(input)`.

    Source: Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244

        >>> import minidl
        >>> minidl.nn.functional.hardswish(minidl.tensor([-4.0, 1.0, 4.0]))
        tensor([-0.0000, 0.6667, 4.0000])
    """
    return apply(Hardswish(), input, inplace)


# ---------------------------------------------------------------------- exponential below zero

class Elu(Floating):
    """y = scale * x where x > 0, else scale * alpha * (e^(rate * x) - 1)"""

    def __init__(self, alpha: float, scale: float = 1.0, rate: float = 1.0) -> None:
        self.alpha, self.scale, self.rate = alpha, scale, rate

    def ufunc(self, x: Array) -> Array:
        below = np.expm1(np.minimum(x, 0) * self.rate) * (self.alpha * self.scale)
        return np.maximum(x, 0) * self.scale + below

    def grad_x(self, g: Value, x: Value) -> Value:
        positive = g * (x > 0)
        slope = exp(clamp(x, max=0) * self.rate) * (self.alpha * self.scale * self.rate)
        return positive * self.scale + (g - positive) * slope


@public
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where it is positive, `alpha * (exp(input) - 1)` elsewhere.

    Source: Clevert, Unterthiner and Hochreiter, 2015, https://arxiv.org/abs/1511.07289

        >>> import minidl
        >>> minidl.nn.functional.elu(minidl.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    return apply(Elu(alpha), input, inplace)


@public
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """A scaled `elu` that keeps activations near mean 0 and variance 1 across layers.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017, https://arxiv.org/abs/1706.02515

        >>> import minidl
        >>> minidl.nn.functional.selu(minidl.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """
    return apply(Elu(alpha=1.6732632423543772, scale=1.0507009873554805), input, inplace)


@public
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`input` where it is positive, else `alpha * (exp(input / alpha) - 1)`: an `elu` without a kink.

    Errors: RuntimeError for `alpha` 0.

    Source: Barron, "Continuously Differentiable Exponential Linear Units", 2017, https://arxiv.org/abs/1704.07483

        >>> import minidl
        >>> minidl.nn.functional.celu(minidl.tensor([-1.0, 2.0]), alpha=2.0)
        tensor([-0.7869,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: celu: alpha cannot be 0")
    return apply(Elu(alpha, rate=1 / alpha), input, inplace)


# ---------------------------------------------------------------------- smooth

class Softplus(Floating):
    """y = log(1 + e^(beta * x)) / beta;  dy/dx = sigmoid(beta * x). Above the threshold y = x."""

    def __init__(self, beta: float, threshold: float) -> None:
        self.beta, self.threshold = beta, threshold

    def ufunc(self, x: Array) -> Array:
        scaled = x * self.beta
        # max(s, 0) + log(1 + e^-|s|) is equal, and cannot overflow
        y = (np.maximum(scaled, 0) + np.log1p(np.exp(-np.absolute(scaled)))) / self.beta
        return array_module(x).where(scaled > self.threshold, x, y)

    def grad_x(self, g: Value, x: Value) -> Value:
        scaled = x * self.beta
        return where(scaled > self.threshold, g, g * sigmoid(scaled))


@public
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """`log(1 + exp(beta * input)) / beta`, a smooth `relu`.

    Where `beta * input` is above `threshold`, the result is `input`.

        >>> import minidl
        >>> minidl.nn.functional.softplus(minidl.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])
    """
    return Softplus(beta, threshold)(input)


class LogSigmoid(Floating):
    """y = log(sigmoid(x)) = min(x, 0) - log(1 + e^-|x|);  dy/dx = sigmoid(-x)"""

    layout = ROW_MAJOR

    def ufunc(self, x: Array) -> Array:
        return logsigmoid_forward(x)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * sigmoid(-x)


@public
def logsigmoid(input: Tensor) -> Tensor:
    """`log(sigmoid(input))`, exact in both tails.

        >>> import minidl
        >>> minidl.nn.functional.logsigmoid(minidl.tensor([0.0, -1000.0]))
        tensor([-6.9315e-01, -1.0000e+03])
    """
    return LogSigmoid()(input)


class Softsign(Floating):
    """y = x / (1 + |x|);  dy/dx = 1 / (1 + |x|)^2"""

    def ufunc(self, x: Array) -> Array:
        return x / (np.absolute(x) + 1)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (abs(x) + 1) ** 2


@public
def softsign(input: Tensor) -> Tensor:
    """`input / (1 + abs(input))`.

        >>> import minidl
        >>> minidl.nn.functional.softsign(minidl.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """
    if getattr(input, "dtype", np.dtype(float)).kind == "c":     # it has no complex derivative
        return input / (abs(input) + 1)
    return Softsign()(input)


@public
def tanhshrink(input: Tensor) -> Tensor:
    """`input - tanh(input)`.

        >>> import minidl
        >>> minidl.nn.functional.tanhshrink(minidl.tensor([0.0, 2.0]))
        tensor([0.0000, 1.0360])
    """
    return input - tanh(input)


# ---------------------------------------------------------------------- gated: x times a factor

class Gelu(FusedOp):
    """y = x * cdf(x), with cdf of the standard normal distribution;  dy/dx = cdf(x) + x * pdf(x)"""

    layout = AS_INPUTS

    def reference(self, x: Value) -> Value:
        return x * (erfc(x * -math.sqrt(0.5)) * 0.5)

    def forward(self, x: Array) -> Array:
        y, cdf = gelu_forward(as_floating(x))
        self.keep(cdf=cdf)
        return y

    def gradient(self, g: Array, x: Array, cdf: Array) -> list[Array]:
        return [gelu_grad(g, x, cdf)]


class GeluTanh(FusedOp):
    """y = x * (1 + tanh(u)) / 2,  u = sqrt(2/pi) * (x + 0.044715 x^3): Gelu to about three digits"""

    layout = AS_INPUTS

    def reference(self, x: Value) -> Value:
        u = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
        return x * (tanh(u) + 1) * 0.5

    def forward(self, x: Array) -> Array:
        x = as_floating(x)
        t = np.tanh(x * (x * x * 0.044715 + 1) * math.sqrt(2 / math.pi))
        self.keep(t=t)
        return x * (t + 1) * 0.5

    def gradient(self, g: Array, x: Array, t: Array) -> list[Array]:
        slope = (x * x * (3 * 0.044715) + 1) * math.sqrt(2 / math.pi)   # du/dx
        slope *= 1 - t * t
        slope *= x
        slope += t
        slope += 1
        slope *= g
        slope *= 0.5
        return [slope]


@public
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """`input` times the probability that a standard normal number is below it.

    `approximate="tanh"` uses the formula that GPT-2 was trained with.
    Errors: RuntimeError for another `approximate`.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, https://arxiv.org/abs/1606.08415

        >>> import minidl
        >>> minidl.nn.functional.gelu(minidl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, but got {approximate!r}")
    return (Gelu if approximate == "none" else GeluTanh)()(input)


class Silu(FusedOp):
    """y = x * s,  s = sigmoid(x);  dy/dx = s * (1 + x * (1 - s))"""

    layout = AS_INPUTS

    complex_rules = "as written"

    def reference(self, x: Value) -> Value:
        return x * sigmoid(x)

    def forward(self, x: Array) -> Array:
        y, s = silu_forward(as_floating(x))
        self.keep(s=s)
        return y

    def gradient(self, g: Array, x: Array, s: Array) -> list[Array]:
        return [silu_grad(g, x, s)]


@public
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * sigmoid(input)`, also called swish.

    Source: Elfwing, Uchibe and Doya, 2017, https://arxiv.org/abs/1702.03118

        >>> import minidl
        >>> minidl.nn.functional.silu(minidl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
    """
    return apply(Silu(), input, inplace)


class Mish(Floating):
    """y = x * t,  t = tanh(softplus(x));  dy/dx = t + x * (1 - t^2) * sigmoid(x)"""

    def ufunc(self, x: Array) -> Array:
        return x * tanh(softplus(x))

    def grad_x(self, g: Value, x: Value) -> Value:
        t = tanh(softplus(x))
        return g * (t + x * (1 - t * t) * sigmoid(x))


@public
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`input * tanh(softplus(input))`.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019, https://arxiv.org/abs/1908.08681

        >>> import minidl
        >>> minidl.nn.functional.mish(minidl.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3034,  0.0000,  0.8651])
    """
    return apply(Mish(), input, inplace)


class Glu(FusedOp):
    """y = a * sigmoid(b), where a and b are the halves of x along an axis"""

    layout = AS_INPUTS

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def halves(self, x: Any) -> tuple[Any, Any]:
        before, half = (slice(None),) * self.axis, x.shape[self.axis] // 2
        return x[before + (slice(half),)], x[before + (slice(half, None),)]

    def reference(self, x: Value) -> Value:
        a, b = self.halves(x)
        return a * sigmoid(b)

    def forward(self, x: Array) -> Array:
        a, b = self.halves(as_floating(x))   # (..., 2n, ...) -> (..., n, ...)
        s = sigmoid(b)
        self.keep(s=s)
        return a * s

    def gradient(self, g: Array, x: Array, s: Array) -> list[Array]:
        gx = array_module(x).empty_like(x)
        (a, _), (ga, gb) = self.halves(x), self.halves(gx)
        np.multiply(g, s, out=ga)
        np.multiply(ga, a * (1 - s), out=gb)
        return [gx]


@public
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """`a * sigmoid(b)`, where a and b are the halves of `input` along `dim`.

    (..., 2n, ...) -> (..., n, ...)

    Errors: IndexError where there is no such dimension, RuntimeError where it is odd.

    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016,
    https://arxiv.org/abs/1612.08083

        >>> import minidl
        >>> minidl.nn.functional.glu(minidl.tensor([1.0, 2.0, 0.0, 0.0]))
        tensor([0.5000, 1.0000])
    """
    if input.ndim == 0:
        raise RuntimeError("glu: does not support scalars because halving size must be even")
    axis = normalize_dim(dim, input.ndim, "glu")
    if input.shape[axis] % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {axis} is size {input.shape[axis]} "
                           f"(input {tuple(input.shape)})")
    return Glu(axis)(input)
