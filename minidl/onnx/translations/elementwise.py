"""Ops that compute each number from numbers at the same place."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.basic_ops import Alias, Cast
from minidl.backend.dtype import result_type
from minidl.onnx.graph import Known
from minidl.onnx.sizes import Size
from minidl.onnx.translations.table import TRANSLATIONS, translates
from minidl.ops.activation import pointwise, softmaxes
from minidl.ops.base.broadcast import Expand
from minidl.ops.base.conversion import Move
from minidl.ops.base.ufunc import Binary, Zero
from minidl.ops.elementwise import arithmetic, comparison, exponential, selection, trigonometric
from minidl.ops.index.along_axis import MaskedFill, MaskedFillInPlace
from minidl.ops.index.items import Assign
from minidl.ops.shape.views import Clone


def number(x: Any, dtype: Any) -> Any:
    """A Python number as an array without axes; anything else as it is."""
    return x if isinstance(x, Known) or not isinstance(x, (bool, int, float)) else np.array(x, dtype)


def cast(g: Any, call: Any, x: Any, dtype: Any) -> Any:
    """The value in another dtype; itself if it has it."""
    if isinstance(x, Size):
        x = Known(g.node("Squeeze", g.ints([x], call)), (), np.dtype(np.int64))
    if isinstance(x, Known) and x.dtype == dtype:
        return x
    return g.node("Cast", x, to=g.ir.DataType.from_numpy(np.dtype(dtype))) if isinstance(x, Known) else number(x, dtype)


# ---------------------------------------------------------------------- one operand

_ONE: dict[str, list[Any]] = {
    "Relu": [pointwise.Relu], "Sigmoid": [exponential.Sigmoid], "Tanh": [trigonometric.Tanh],
    "Softsign": [pointwise.Softsign], "Mish": [pointwise.Mish], "Exp": [exponential.Exp], "Log": [exponential.Log],
    "Sqrt": [exponential.Sqrt], "Reciprocal": [exponential.Reciprocal], "Erf": [exponential.Erf],
    "Neg": [arithmetic.Neg], "Abs": [arithmetic.Abs], "Floor": [arithmetic.Floor], "Ceil": [arithmetic.Ceil],
    "Sign": [arithmetic.Sign], "Sin": [trigonometric.Sin], "Cos": [trigonometric.Cos], "Tan": [trigonometric.Tan],
    "Asin": [trigonometric.Asin], "Acos": [trigonometric.Acos], "Atan": [trigonometric.Atan],
    "Sinh": [trigonometric.Sinh], "Cosh": [trigonometric.Cosh], "Asinh": [trigonometric.Asinh],
    "Acosh": [trigonometric.Acosh], "Atanh": [trigonometric.Atanh], "IsNaN": [comparison.IsNan],
    "IsInf": [comparison.IsInf], "HardSwish": [pointwise.Hardswish]}


def _one(operator: str) -> Any:
    """A translation into an operator; whole numbers become floating where the result is."""
    def translation(g: Any, call: Any, x: Known) -> Any:
        if call.dtype.kind == "f" and x.dtype.kind != "f":
            return g.node(operator, cast(g, call, x, call.dtype))
        if operator in ("Floor", "Ceil") and x.dtype.kind != "f":
            return x
        return g.node(operator, x)
    return translation


for _operator, _classes in _ONE.items():
    TRANSLATIONS.update(dict.fromkeys(_classes, _one(_operator)))


@translates(Alias, Clone, Move)
def _same(g: Any, call: Any, x: Known) -> Any:
    return x


@translates(Cast)
def _cast(g: Any, call: Any, x: Known) -> Any:
    return cast(g, call, x, call.dtype)


@translates(Zero)
def _zero(g: Any, call: Any, x: Known) -> Any:
    return g.expanded(np.zeros((), call.dtype), call.shape, call)


@translates(Assign)
def _assign(g: Any, call: Any, x: Known, value: Any) -> Any:
    if isinstance(value, Known) and value.shape == call.shape:
        return cast(g, call, value, call.dtype)
    return g.expanded(cast(g, call, value, call.dtype), call.shape, call)


@translates(Expand)
def _expand(g: Any, call: Any, x: Known) -> Any:
    ones = call.ones
    if ones[len(ones) - x.ndim:] != x.shape:
        x = g.node("Reshape", x, g.shape(ones, call, x))
    return g.expanded(x, call.shape, call)


@translates(exponential.Square)
def _square(g: Any, call: Any, x: Known) -> Any:
    return g.node("Mul", x, x)


@translates(exponential.Rsqrt)
def _rsqrt(g: Any, call: Any, x: Known) -> Any:
    return g.node("Reciprocal", g.node("Sqrt", x))


@translates(exponential.Log2, exponential.Log10, exponential.Log1p, exponential.Exp2, exponential.Expm1)
def _log(g: Any, call: Any, x: Known) -> Any:
    one = np.ones((), call.dtype)
    kind = type(call.op)
    if kind is exponential.Log1p:
        return g.node("Log", g.node("Add", x, one))
    if kind is exponential.Expm1:
        return g.node("Sub", g.node("Exp", x), one)
    if kind is exponential.Exp2:
        return g.node("Exp", g.node("Mul", x, one * math.log(2)))
    return g.node("Mul", g.node("Log", x), one / math.log(2 if kind is exponential.Log2 else 10))


@translates(arithmetic.Trunc)
def _trunc(g: Any, call: Any, x: Known) -> Any:
    return x if x.dtype.kind != "f" else g.node("Mul", g.node("Sign", x), g.node("Floor", g.node("Abs", x)))


@translates(arithmetic.Round)
def _round(g: Any, call: Any, x: Known) -> Any:
    if call.decimals:
        raise call.refuse("ONNX rounds to whole numbers only; multiply, round and divide")
    return x if x.dtype.kind != "f" else g.node("Round", x)


@translates(comparison.LogicalNot, comparison.BitwiseNot)
def _not(g: Any, call: Any, x: Known) -> Any:
    if type(call.op) is comparison.BitwiseNot and x.dtype.kind != "b":
        return g.node("BitwiseNot", x)
    return g.node("Not", cast(g, call, x, np.bool_))


# ---------------------------------------------------------------------- activations

@translates(pointwise.Gelu, pointwise.GeluTanh)
def _gelu(g: Any, call: Any, x: Known) -> Any:
    return g.node("Gelu", x, approximate="tanh" if type(call.op) is pointwise.GeluTanh else "none")


@translates(pointwise.Silu)
def _silu(g: Any, call: Any, x: Known) -> Any:
    return g.node("Mul", x, g.node("Sigmoid", x))


@translates(pointwise.LeakyRelu)
def _leaky_relu(g: Any, call: Any, x: Known) -> Any:
    return g.node("LeakyRelu", x, alpha=float(call.slope))


@translates(pointwise.Prelu)
def _prelu(g: Any, call: Any, x: Known, slope: Known) -> Any:
    return g.node("PRelu", x, slope)


@translates(pointwise.Hardtanh)
def _hardtanh(g: Any, call: Any, x: Known) -> Any:
    return g.node("Clip", x, number(call.low, x.dtype), number(call.high, x.dtype))


@translates(pointwise.Threshold)
def _threshold(g: Any, call: Any, x: Known) -> Any:
    return g.node("Where", g.node("LessOrEqual", x, number(call.threshold, x.dtype)), number(call.value, x.dtype), x)


@translates(pointwise.Hardshrink, pointwise.Softshrink)
def _shrink(g: Any, call: Any, x: Known) -> Any:
    lambd = float(call.lambd)
    return g.node("Shrink", x, lambd=lambd, bias=lambd if type(call.op) is pointwise.Softshrink else 0.0)


@translates(pointwise.Hardsigmoid)
def _hardsigmoid(g: Any, call: Any, x: Known) -> Any:
    return g.node("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@translates(pointwise.Elu)
def _elu(g: Any, call: Any, x: Known) -> Any:
    alpha, scale, rate = float(call.alpha), float(call.scale), float(call.rate)
    if scale != 1:
        return g.node("Selu", x, alpha=alpha, gamma=scale)
    if rate == 1:
        return g.node("Elu", x, alpha=alpha)
    return g.node("Celu", x, alpha=alpha)


@translates(pointwise.Softplus)
def _softplus(g: Any, call: Any, x: Known) -> Any:
    beta = np.array(call.beta, x.dtype)
    scaled = g.node("Mul", x, beta)
    smooth = g.node("Div", g.node("Softplus", scaled), beta)
    return g.node("Where", g.node("Greater", scaled, np.array(call.threshold, x.dtype)), x, smooth)


@translates(pointwise.LogSigmoid)
def _log_sigmoid(g: Any, call: Any, x: Known) -> Any:
    return g.node("Neg", g.node("Softplus", g.node("Neg", x)))


@translates(softmaxes.Softmax, softmaxes.LogSoftmax)
def _softmax(g: Any, call: Any, x: Known) -> Any:
    return g.node(type(call.op).__name__, x, axis=call.axis)


# ---------------------------------------------------------------------- several operands

_TWO: dict[type, str] = {
    arithmetic.Add: "Add", arithmetic.Sub: "Sub", arithmetic.Mul: "Mul", arithmetic.Div: "Div",
    exponential.Pow: "Pow", selection.Maximum: "Max", selection.Minimum: "Min", arithmetic.Fmod: "Mod",
    comparison.Eq: "Equal", comparison.Lt: "Less", comparison.Le: "LessOrEqual", comparison.Gt: "Greater",
    comparison.Ge: "GreaterOrEqual", comparison.Ne: "Equal", comparison.LogicalAnd: "And",
    comparison.LogicalOr: "Or", comparison.LogicalXor: "Xor", comparison.BitwiseAnd: "BitwiseAnd",
    comparison.BitwiseOr: "BitwiseOr", comparison.BitwiseXor: "BitwiseXor"}


def operands(g: Any, call: Any, *inputs: Any, floating: bool = False) -> list[Any]:
    """The operands in their common dtype."""
    plain = [np.empty(0 if x.ndim else (), x.dtype) if isinstance(x, Known) else 1 if isinstance(x, Size) else x
             for x in inputs]
    dtype = result_type(*plain, *([1.0] if floating else []))
    return [cast(g, call, x, dtype) for x in inputs]


@translates(*_TWO)
def _two(g: Any, call: Any, a: Any, b: Any) -> Any:
    operator, kind = _TWO[type(call.op)], type(call.op)
    if operator in ("And", "Or", "Xor"):
        a, b = cast(g, call, a, np.bool_), cast(g, call, b, np.bool_)
    else:
        bits = operator.startswith("Bitwise") and call.dtype.kind == "b"
        operator = operator.removeprefix("Bitwise") if bits else operator
        a, b = operands(g, call, a, b, floating=isinstance(call.op, Binary) and call.op.floating)
    y = g.node(operator, a, b, **({"fmod": 1} if operator == "Mod" else {}))
    return g.node("Not", y) if kind is comparison.Ne else y


@translates(arithmetic.Remainder, arithmetic.FloorDivide)
def _remainder(g: Any, call: Any, a: Any, b: Any) -> Any:
    a, b = operands(g, call, a, b)
    if call.dtype.kind == "f":
        floor = g.node("Floor", g.node("Div", a, b))
        return floor if type(call.op) is arithmetic.FloorDivide else g.node("Sub", a, g.node("Mul", b, floor))
    rest = g.node("Mod", a, b)          # of the sign of b
    return rest if type(call.op) is arithmetic.Remainder else g.node("Div", g.node("Sub", a, rest), b)


@translates(arithmetic.Lerp, arithmetic.LerpBy)
def _lerp(g: Any, call: Any, a: Any, b: Any, w: Any = None) -> Any:
    w = np.array(call.w, call.dtype) if w is None else w
    return g.node("Add", a, g.node("Mul", w, g.node("Sub", b, a)))


@translates(arithmetic.Addcmul, arithmetic.Addcdiv)
def _addcmul(g: Any, call: Any, x: Any, a: Any, b: Any) -> Any:
    x, a, b = operands(g, call, x, a, b)
    both = g.node("Mul" if type(call.op) is arithmetic.Addcmul else "Div", a, b)
    return g.node("Add", x, g.node("Mul", number(call.value, call.dtype), both))


@translates(selection.Where)
def _where(g: Any, call: Any, condition: Any, a: Any, b: Any) -> Any:
    condition = cast(g, call, condition, np.bool_)
    return g.node("Where", condition, cast(g, call, a, call.dtype), cast(g, call, b, call.dtype))


@translates(selection.Clamp)
def _clamp(g: Any, call: Any, x: Known, low: Any, high: Any) -> Any:
    y = x
    for operator, bound in (("Max", low), ("Min", high)):
        if bound is not None:
            y = g.node(operator, y, cast(g, call, bound, call.dtype))
    return y


@translates(MaskedFill, MaskedFillInPlace)
def _masked_fill(g: Any, call: Any, x: Known, value: Any) -> Any:
    return g.node("Where", call.mask, cast(g, call, value, call.dtype), x)
