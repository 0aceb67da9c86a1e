"""Activations on the GPU: one launch each."""
from __future__ import annotations

from typing import Any

import cupy

from minidl.backend.cuda.module import is_real
from minidl.backend.device import empty_dense
from minidl.backend.kernel import Kernel
from minidl.backend.kernels import activation, special

# `W` is the type to compute in: half precision is computed in single precision. A NaN passes through all of them.
_WIDER = """
    template <class T> struct wider { typedef float type; };
    template <> struct wider<double> { typedef double type; };
"""
_BODIES: dict[Kernel, tuple[str, str, str]] = {
    activation.relu_forward: ("T x", "T y", "y = x > T(0) || x != x ? x : T(0);"),
    activation.relu_grad: ("T g, T y", "T gx", "gx = y > T(0) ? g : T(0);"),
    activation.leaky_relu_forward: ("T x, float64 slope", "T y", "y = x > T(0) ? x : T(W(x) * W(slope));"),
    activation.leaky_relu_grad: ("T g, T x, float64 slope", "T gx", "gx = x > T(0) ? g : T(W(g) * W(slope));"),
    activation.gelu_forward: ("T x", "T y, T cdf", "W c = normcdf(W(x)); y = T(W(x) * c); cdf = T(c);"),
    activation.gelu_grad: ("T g, T x, T cdf", "T gx", """
        W v = W(x), pdf = exp(W(-0.5) * v * v) * W(0.3989422804014327);
        gx = T(W(g) * (W(cdf) + v * pdf));"""),
    activation.silu_forward: ("T x", "T y, T s", "W v = W(1) / (W(1) + exp(-W(x))); y = T(W(x) * v); s = T(v);"),
    activation.silu_grad: ("T g, T x, T s", "T gx", "W v = W(s); gx = T(W(g) * v * (W(1) + W(x) * (W(1) - v)));"),
    activation.sigmoid_forward: ("T x", "T y", "y = T(W(1) / (W(1) + exp(-W(x))));"),
    activation.sigmoid_grad: ("T g, T y", "T gx", "gx = T(W(g) * (W(y) * (W(1) - W(y))));"),
    activation.tanh_grad: ("T g, T y", "T gx", "gx = T(W(g) * (W(1) - W(y) * W(y)));"),
    activation.logsigmoid_forward: ("T x", "T y", "W v = W(x); y = T((v > 0 ? W(0) : v) - log1p(exp(-abs(v))));"),
    activation.logits_loss_forward: ("T x, T t", "T y", """
        W v = W(x); y = T((W(1) - W(t)) * v - ((v > 0 ? W(0) : v) - log1p(exp(-abs(v)))));"""),
    activation.logits_loss_grad: ("T g, T x, T t", "T gx", "gx = T(W(g) * (W(1) / (W(1) + exp(-W(x))) - W(t)));"),
    activation.logits_loss_mean_grad: ("T x, T t, raw T g", "T gx", """
        W v = W(x); gx = T(W(g[0]) / W(_ind.size()) * (W(1) / (W(1) + exp(-v)) - W(t)));"""),
    special.normal_cdf: ("T x", "T y", "y = T(normcdf(W(x)));"),
}


def _body(kernel: Kernel, inputs: str, outputs: str, text: str) -> Any:
    name = kernel.generic.__name__
    launched = cupy.ElementwiseKernel(inputs, outputs, "typedef typename wider<T>::type W;\n" + text, f"minidl_{name}",
                                      preamble=_WIDER)

    def body(*args: Any) -> Any:
        x = args[0]
        for a in args:
            if isinstance(a, cupy.ndarray) and a.dtype != x.dtype:
                return NotImplemented
        if not is_real(x):
            return NotImplemented
        if x.flags.c_contiguous:
            return launched(*args)          # CuPy makes its results so, sooner
        return launched(*args, *[empty_dense(x) for _ in range(launched.nout)])

    body.__name__ = f"{name}_in_one"
    return body


for found, texts in _BODIES.items():
    found.register("cupy")(_body(found, *texts))
