"""Operators that compute each number from numbers at the same place, and sums over axes."""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.nn import functional as F
from minidl.onnx.library import library
from minidl.onnx.operators.table import OPERATORS, ints, number, operator
from minidl.ops import elementwise, linalg, reduce

_ONE = {"Abs": elementwise.abs, "Neg": elementwise.neg, "Floor": elementwise.floor, "Ceil": elementwise.ceil,
        "Round": elementwise.round, "Sign": elementwise.sign, "Exp": elementwise.exp, "Log": elementwise.log,
        "Sqrt": elementwise.sqrt, "Reciprocal": elementwise.reciprocal, "Erf": elementwise.erf,
        "Sin": elementwise.sin, "Cos": elementwise.cos, "Tan": elementwise.tan, "Asin": elementwise.asin,
        "Acos": elementwise.acos, "Atan": elementwise.atan, "Sinh": elementwise.sinh, "Cosh": elementwise.cosh,
        "Asinh": elementwise.asinh, "Acosh": elementwise.acosh, "Atanh": elementwise.atanh,
        "Tanh": elementwise.tanh, "Sigmoid": elementwise.sigmoid, "Relu": F.relu, "Softplus": F.softplus,
        "Softsign": F.softsign, "HardSwish": F.hardswish, "Mish": F.mish, "Not": elementwise.logical_not,
        "IsNaN": elementwise.isnan, "IsInf": elementwise.isinf, "BitwiseNot": elementwise.bitwise_not}
_TWO = {"Add": elementwise.add, "Sub": elementwise.sub, "Mul": elementwise.mul, "Equal": elementwise.eq,
        "Less": elementwise.lt, "LessOrEqual": elementwise.le, "Greater": elementwise.gt,
        "GreaterOrEqual": elementwise.ge, "And": elementwise.logical_and, "Or": elementwise.logical_or,
        "Xor": elementwise.logical_xor, "BitwiseAnd": elementwise.bitwise_and, "BitwiseOr": elementwise.bitwise_or,
        "BitwiseXor": elementwise.bitwise_xor, "PRelu": lambda x, slope: elementwise.where(x < 0, x * slope, x)}


def _plain(function: Any) -> Any:
    return lambda node, *inputs: function(*inputs)


OPERATORS.update({name: _plain(function) for name, function in {**_ONE, **_TWO}.items()})


@operator("Div")
def _div(node: Any, a: Any, b: Any) -> Any:
    whole = a.dtype.kind in "iu"
    return elementwise.div(a, b, rounding_mode="trunc") if whole else a / b


@operator("Pow")
def _pow(node: Any, a: Any, b: Any) -> Any:
    """The dtype of a, also where b has a wider one."""
    return (a ** (number(b) if not b.ndim else b)).to(a.dtype)


@operator("Mod")
def _mod(node: Any, a: Any, b: Any) -> Any:
    return elementwise.fmod(a, b) if node.get("fmod", 0) else elementwise.remainder(a, b)


@operator("Max", "Min", "Sum", "Mean")
def _several(node: Any, *xs: Any) -> Any:
    join = {"Max": elementwise.maximum, "Min": elementwise.minimum}.get(node.operator, elementwise.add)
    y = functools.reduce(join, xs)
    return y / len(xs) if node.operator == "Mean" else y


@operator("Where")
def _where(node: Any, condition: Any, a: Any, b: Any) -> Any:
    return elementwise.where(condition, a, b)


@operator("Cast", "CastLike")
def _cast(node: Any, x: Any, like: Any = None) -> Any:
    if like is not None:
        return x.to(like.dtype)
    to = library("onnx.load").DataType(node.get("to")).numpy()
    return x.to(np.float32 if to.name == "bfloat16" else to)


@operator("Identity", "Dropout")
def _same(node: Any, x: Any, ratio: Any = None, mode: Any = None) -> Any:
    if node.operator == "Dropout" and node.training:
        x = F.dropout(x, node.get("ratio", 0.5) if ratio is None else number(ratio))
    return x


@operator("Clip")
def _clip(node: Any, x: Any, low: Any = None, high: Any = None) -> Any:
    low = node.get("min") if low is None else number(low)
    high = node.get("max") if high is None else number(high)
    return x if low is None and high is None else elementwise.clamp(x, low, high)


# ---------------------------------------------------------------------- activations

@operator("LeakyRelu", "Elu", "Celu", "ThresholdedRelu")
def _with_alpha(node: Any, x: Any) -> Any:
    name, alpha = node.operator, node.get("alpha", 0.01 if node.operator == "LeakyRelu" else 1.0)
    if name == "ThresholdedRelu":
        return F.threshold(x, alpha, 0.0)
    return {"LeakyRelu": F.leaky_relu, "Elu": F.elu, "Celu": F.celu}[name](x, alpha)


@operator("Selu")
def _selu(node: Any, x: Any) -> Any:
    alpha, gamma = node.get("alpha", 1.6732632423543772), node.get("gamma", 1.0507009873554805)
    return gamma * F.elu(x, alpha)


@operator("HardSigmoid")
def _hard_sigmoid(node: Any, x: Any) -> Any:
    return elementwise.clamp(node.get("alpha", 0.2) * x + node.get("beta", 0.5), 0.0, 1.0)


@operator("Gelu")
def _gelu(node: Any, x: Any) -> Any:
    return F.gelu(x, approximate=node.get("approximate", "none"))


@operator("Shrink")
def _shrink(node: Any, x: Any) -> Any:
    lambd, bias = node.get("lambd", 0.5), node.get("bias", 0.0)
    return elementwise.where(x > lambd, x - bias, elementwise.where(x < -lambd, x + bias, x * 0))


@operator("Softmax", "LogSoftmax", "Hardmax")
def _softmax(node: Any, x: Any) -> Any:
    """Along an axis; before version 13, over all axes from it on."""
    if node.operator == "Hardmax":
        raise node.refuse("has no gradient, and is left out")
    function = F.softmax if node.operator == "Softmax" else F.log_softmax
    if node.opset >= 13:
        return function(x, node.get("axis", -1))
    axis = node.get("axis", 1) % x.ndim
    return function(x.flatten(axis), axis).reshape(x.shape)


# ---------------------------------------------------------------------- over axes

_REDUCE = {"ReduceSum": reduce.sum, "ReduceMean": reduce.mean, "ReduceMax": reduce.amax, "ReduceMin": reduce.amin,
           "ReduceLogSumExp": reduce.logsumexp,
           "ReduceL1": lambda x, axes, keepdim: reduce.sum(abs(x), axes, keepdim),
           "ReduceL2": lambda x, axes, keepdim: elementwise.sqrt(reduce.sum(x * x, axes, keepdim)),
           "ReduceSumSquare": lambda x, axes, keepdim: reduce.sum(x * x, axes, keepdim),
           "ReduceLogSum": lambda x, axes, keepdim: elementwise.log(reduce.sum(x, axes, keepdim))}


@operator(*_REDUCE, "ReduceProd")
def _reduce(node: Any, x: Any, axes: Any = None) -> Any:
    axes = node.get("axes") if axes is None else ints(axes)
    if not axes and node.get("noop_with_empty_axes", 0):
        return x
    axes = sorted(axis % x.ndim for axis in axes) if axes else list(range(x.ndim))
    keepdim = bool(node.get("keepdims", 1))
    if node.operator == "ReduceProd":
        for axis in reversed(axes):
            x = reduce.prod(x, axis, keepdim)
        return x
    y = _REDUCE[node.operator](x, tuple(axes), keepdim)
    return y.to(x.dtype) if y.dtype != x.dtype else y


@operator("ArgMax", "ArgMin")
def _arg(node: Any, x: Any) -> Any:
    if node.get("select_last_index", 0):
        raise node.refuse("select_last_index is left out")
    function = reduce.argmax if node.operator == "ArgMax" else reduce.argmin
    return function(x, node.get("axis", 0), bool(node.get("keepdims", 1)))


@operator("CumSum")
def _cumsum(node: Any, x: Any, axis: Any) -> Any:
    axis = number(axis)
    if node.get("exclusive", 0):
        raise node.refuse("exclusive sums are left out")
    return reduce.cumsum(x.flip(axis), axis).flip(axis) if node.get("reverse", 0) else reduce.cumsum(x, axis)


# ---------------------------------------------------------------------- products

@operator("MatMul")
def _matmul(node: Any, a: Any, b: Any) -> Any:
    return linalg.matmul(a, b)


@operator("Gemm")
def _gemm(node: Any, a: Any, b: Any, c: Any = None) -> Any:
    a = a.t() if node.get("transA", 0) else a
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    if node.get("transB", 0) and alpha == 1 and beta == 1 and (c is None or c.ndim == 1):
        return F.linear(a, b, c)
    y = a @ (b.t() if node.get("transB", 0) else b)
    y = alpha * y if alpha != 1 else y
    return y if c is None else y + (beta * c if beta != 1 else c)


@operator("Einsum")
def _einsum(node: Any, *xs: Any) -> Any:
    return linalg.einsum(node.get("equation"), *xs)
