"""Elementwise functions in which CuPy's are not NumPy's, or that it lacks."""
from __future__ import annotations

from typing import Any

import cupy

from minidl.backend.device import Array
from minidl.backend.kernels.division import floor_divide, remainder
from minidl.backend.kernels.special import airy

# Half precision is divided in single precision, as NumPy does. `same` is the remainder with the sign of b.
_DIVIDE = """
    typedef typename wider<T>::type W;
    W x = W(a), y = W(b), rest = fmod(x, y), same = rest, whole = (x - rest) / y;
    if (rest != 0) {
        if ((y < 0) != (rest < 0)) { same += y; whole -= 1; }
    } else same = copysign(W(0), y);
"""
_WIDER = """
    template <class T> struct wider { typedef float type; };
    template <> struct wider<double> { typedef double type; };
"""
_floor_divide = cupy.ElementwiseKernel("T a, T b", "T z", _DIVIDE + """
    W floored = floor(whole);
    if (whole - floored > W(0.5)) floored += 1;
    z = T(y == 0 ? x / y : whole != 0 ? floored : copysign(W(0), x / y));
""", "minidl_floor_divide", preamble=_WIDER)
_remainder = cupy.ElementwiseKernel("T a, T b", "T z", _DIVIDE + "z = T(y == 0 ? rest : same);",
                                    "minidl_remainder", preamble=_WIDER)


@floor_divide.register("cupy")
def floor_divide_exact(a: Array, b: Any) -> Array:
    return _floor_divide(a, b) if a.dtype.kind == "f" else NotImplemented


@remainder.register("cupy")
def remainder_exact(a: Array, b: Any) -> Array:
    return _remainder(a, b) if a.dtype.kind == "f" else NotImplemented


@airy.register("cupy")
def airy_on_the_host(x: Array) -> tuple[Array, Array]:
    ai, derivative = airy(x.get())
    return cupy.asarray(ai), cupy.asarray(derivative)
