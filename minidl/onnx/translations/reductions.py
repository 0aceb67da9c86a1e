"""Ops that make few numbers from many: sums, extremes, norms."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.onnx.graph import Known
from minidl.onnx.translations.elementwise import cast
from minidl.onnx.translations.table import translates
from minidl.ops.base.broadcast import Sum
from minidl.ops.reduce import extremes, scan, sums, vector_norm


@translates(Sum)
def _sum(g: Any, call: Any, x: Known) -> Any:
    if not call.axes:
        return g.node("Reshape", x, g.shape(call.shape, call, x))
    keeps = len(call.shape) == x.ndim
    return g.node("ReduceSum", x, np.array(call.axes), keepdims=int(keeps))


_REDUCE = {sums.SumIntegers: "ReduceSum", sums.Mean: "ReduceMean", vector_norm.Norm2: "ReduceL2",
           sums.LogSumExp: "ReduceLogSumExp"}


@translates(*_REDUCE)
def _reduce(g: Any, call: Any, x: Known) -> Any:
    if not call.axes:
        return cast(g, call, x, call.dtype)
    return g.node(_REDUCE[type(call.op)], cast(g, call, x, call.dtype), np.array(call.axes), keepdims=int(call.keepdim))


@translates(sums.AllTrue, sums.AnyTrue)
def _all(g: Any, call: Any, x: Known) -> Any:
    operator = "ReduceMin" if type(call.op) is sums.AllTrue else "ReduceMax"
    bits = g.node("Cast", cast(g, call, x, np.bool_), to=g.ir.DataType.INT32)
    found = g.node(operator, bits, np.array(call.axes), keepdims=int(call.keepdim))
    return g.node("Cast", found, to=g.ir.DataType.BOOL)


@translates(extremes.Extreme)
def _extreme(g: Any, call: Any, x: Known) -> Any:
    operator = "ReduceMax" if call.which == "max" else "ReduceMin"
    return g.node(operator, x, np.array(call.axes), keepdims=int(call.keepdim)) if call.axes else x


@translates(extremes.ArgExtreme)
def _arg_extreme(g: Any, call: Any, x: Known) -> Any:
    operator = "ArgMax" if call.which == "argmax" else "ArgMin"
    if call.axis is None:
        return g.node("Reshape", g.node(operator, g.node("Reshape", x, np.array([-1])), axis=0),
                      np.ones(x.ndim, np.int64))
    return g.node(operator, x, axis=call.axis, keepdims=1)


@translates(sums.Var, sums.Std)
def _variance(g: Any, call: Any, x: Known) -> Any:
    axes = np.array(call.axes)
    centred = g.node("Sub", x, g.node("ReduceMean", x, axes))
    y = g.node("ReduceMean", g.node("Mul", centred, centred), axes, keepdims=int(call.keepdim))
    if call.correction:
        n = math.prod([x.shape[axis] for axis in call.axes])
        if not isinstance(n, int):
            raise call.refuse("its divisor depends on a dynamic axis")
        y = g.node("Mul", y, np.array(n / max(n - call.correction, 0), call.dtype))
    return g.node("Sqrt", y) if type(call.op) is sums.Std else y


@translates(vector_norm.NormP)
def _norm(g: Any, call: Any, x: Known) -> Any:
    axes, p = np.array(call.axes), call.p
    if p == 1:
        return g.node("ReduceL1", x, axes, keepdims=int(call.keepdim))
    powers = g.node("Pow", g.node("Abs", x), np.array(p, x.dtype))
    powers = g.node("ReduceSum", powers, axes, keepdims=int(call.keepdim))
    return g.node("Pow", powers, np.array(1 / p, x.dtype))


@translates(scan.CumSum)
def _cumsum(g: Any, call: Any, x: Known) -> Any:
    return g.node("CumSum", x, np.array(call.axis), reverse=int(call.reverse))
