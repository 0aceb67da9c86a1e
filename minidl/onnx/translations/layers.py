"""Layers: products, convolution, pooling, normalisation, images of another size."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.nn.norm import _BatchNorm
from minidl.onnx.graph import Known
from minidl.onnx.sizes import Side
from minidl.onnx.translations.table import translates
from minidl.onnx.watch import Source
from minidl.ops.conv.one_and_three_d import Frames
from minidl.ops.conv.two_d import Conv2d, Conv2dInputGrad
from minidl.ops.linalg.contraction import Contract
from minidl.ops.linalg.products import Linear, MatMul
from minidl.ops.norm import Normalize, RunningScale, ScaleShift
from minidl.ops.pool.two_d import AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from minidl.ops.resize.interpolation import Resize

# ---------------------------------------------------------------------- products


@translates(MatMul)
def _matmul(g: Any, call: Any, a: Known, b: Known) -> Any:
    return g.node("MatMul", a, b)


@translates(Linear)
def _linear(g: Any, call: Any, x: Known, weight: Known, bias: Known | None) -> Any:
    if x.ndim == 2:
        return g.node("Gemm", x, weight, bias, transB=1)
    y = g.node("MatMul", x, g.node("Transpose", weight, perm=(1, 0)))
    return y if bias is None else g.node("Add", y, bias)


@translates(Contract)
def _contract(g: Any, call: Any, a: Known, b: Known) -> Any:
    letters = {label: chr(ord("a") + i) for i, label in enumerate(dict.fromkeys([*call.a, *call.b]))}
    left, right, out = ("".join(letters[label] for label in labels) for labels in (call.a, call.b, call.out))
    return g.node("Einsum", a, b, equation=f"{left},{right}->{out}")


# ---------------------------------------------------------------------- convolution

def _geometry(geometry: Any) -> dict[str, Any]:
    return {"strides": geometry.stride, "dilations": geometry.dilation, "group": geometry.groups,
            "pads": (*geometry.padding, *geometry.padding)}


@translates(Conv2d)
def _conv2d(g: Any, call: Any, x: Known, weight: Known, bias: Known | None = None) -> Any:
    return g.node("Conv", x, weight, bias, kernel_shape=weight.shape[2:], **_geometry(call.geometry))


@translates(Conv2dInputGrad)
def _conv_transpose2d(g: Any, call: Any, x: Known, weight: Known) -> Any:
    how = call.geometry
    size = zip(call.shape[2:], x.shape[2:], how.stride, how.padding, how.dilation, weight.shape[2:])
    extra = [out - ((n - 1) * stride - 2 * padding + dilation * (k - 1) + 1)
             for out, n, stride, padding, dilation, k in size]
    return g.node("ConvTranspose", x, weight, kernel_shape=weight.shape[2:], output_padding=extra, **_geometry(how))


@translates(Frames)
def _frames(g: Any, call: Any, x: Known) -> Any:
    """The frames under each position of the kernel, gathered; then they are channels."""
    depth = call.depth
    frames = np.arange(depth.out_size)[:, None] * depth.stride + np.arange(depth.kernel) * depth.dilation
    padding = depth.padding
    if padding:
        last = max(int(frames.max()) - padding - depth.size + 1, 0)
        x = g.node("Pad", x, np.array([0, 0, padding, 0, 0, 0, 0, last, 0, 0]), np.zeros((), call.dtype))
    y = g.node("Gather", x, frames, axis=2)                             # (N, C, D', kd, H, W)
    return g.node("Reshape", g.node("Transpose", y, perm=(0, 2, 1, 3, 4, 5)),
                  g.ints([-1, *call.shape[1:]], call))


# ---------------------------------------------------------------------- pooling

@translates(AdaptiveMaxPool2d)
def _adaptive_max_pool(g: Any, call: Any, x: Known) -> Any:
    size = list(zip(x.shape[2:], call.size))
    if any(not isinstance(n, int) or n % out for n, out in size):
        raise call.refuse(f"an image of {x.shape[2:]} is not divisible into {tuple(call.size)} windows of one size; "
                          f"take images of another size")
    kernel = [n // out for n, out in size]
    return g.node("MaxPool", x, kernel_shape=kernel, strides=kernel), None


@translates(MaxPool2d)
def _max_pool(g: Any, call: Any, x: Known) -> Any:
    """The maxima, and their positions in each plane; ONNX counts through all planes."""
    how = call.geometry
    y, places = g.node("MaxPool", x, kernel_shape=how.kernel, strides=how.stride, pads=(*how.padding, *how.padding),
                       dilations=how.dilation, ceil_mode=int(how.ceil_mode), outputs=2)
    plane = math.prod(x.shape[2:])
    return y, g.node("Mod", places, g.constant(np.array(plane)) if isinstance(plane, int) else g.size(plane, call))


@translates(AvgPool2d)
def _avg_pool(g: Any, call: Any, x: Known) -> Any:
    how, counts_padding, divisor = call.how
    settings = {"kernel_shape": how.kernel, "strides": how.stride, "pads": (*how.padding, *how.padding),
                "ceil_mode": int(how.ceil_mode)}
    if divisor is None:
        return g.node("AveragePool", x, count_include_pad=int(counts_padding), **settings)
    if how.ceil_mode:
        raise call.refuse("ceil_mode with divisor_override has no form in ONNX")
    y = g.node("AveragePool", x, count_include_pad=1, **settings)
    return g.node("Mul", y, np.array(math.prod(how.kernel) / divisor, call.dtype))


# ---------------------------------------------------------------------- normalisation

@translates(RunningScale)
def _running_scale(g: Any, call: Any, mean: Known, var: Known, weight: Known | None, bias: Known | None) -> Any:
    scale = g.node("Reciprocal", g.node("Sqrt", g.node("Add", var, np.array(call.eps, mean.dtype))))
    scale = scale if weight is None else g.node("Mul", scale, weight)
    shift = g.node("Neg", g.node("Mul", mean, scale))
    return scale, shift if bias is None else g.node("Add", shift, bias)


@translates(ScaleShift)
def _scale_shift(g: Any, call: Any, x: Known, scale: Known, shift: Known | None) -> Any:
    """Batch normalisation of a layer that is not trained, with the names of the layer's parameters."""
    layer = call.module
    path = call.steps[0].path
    names = [f"{path}.{name}".lstrip(".") for name in ("weight", "bias", "running_mean", "running_var")]
    if isinstance(layer, _BatchNorm) and all(name in g.runs[0].named for name in names):
        weight, bias, mean, variance = (g.known(Source("named", name), call) for name in names)
        return g.node("BatchNormalization", x, weight, bias, mean, variance, epsilon=float(layer.eps))
    shape = np.array([-1] + [1] * (x.ndim - 2))
    y = g.node("Mul", x, g.node("Reshape", scale, shape))
    return y if shift is None else g.node("Add", y, g.node("Reshape", shift, shape))


@translates(Normalize)
def _normalize(g: Any, call: Any, x: Known, weight: Known | None = None, bias: Known | None = None) -> Any:
    axes, eps = call.reduced_axes, float(call.eps)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    if axes == last == call.parameter_axes and weight is not None:
        return g.node("LayerNormalization", x, weight, bias, axis=axes[0], epsilon=eps)
    centred = g.node("Sub", x, g.node("ReduceMean", x, np.array(axes)))
    variance = g.node("ReduceMean", g.node("Mul", centred, centred), np.array(axes))
    y = g.node("Div", centred, g.node("Sqrt", g.node("Add", variance, np.array(eps, call.dtype))))
    shape = [n if axis in call.parameter_axes else 1 for axis, n in enumerate(x.shape)]
    for operator, parameter in (("Mul", weight), ("Add", bias)):
        if parameter is not None:
            y = g.node(operator, y, g.node("Reshape", parameter, g.shape(shape, call)))
    return y


# ---------------------------------------------------------------------- images

@translates(Resize)
def _resize(g: Any, call: Any, x: Known) -> Any:
    """A product with the matrix of the interpolation, along one axis."""
    matrix = call.matrix
    if isinstance(matrix, Side):
        shapes = {one.shape for one in matrix.objects}
        if len(shapes) > 1:
            raise call.refuse("the size of an image is interpolated, and depends on a dynamic axis; leave this axis "
                              "out of dynamic_axes")
        matrix = matrix.objects[0]
    rows, columns, weights = matrix.entries
    dense = np.zeros(matrix.shape, np.float64)
    np.add.at(dense, (rows, columns), weights)
    dense = dense.astype(call.dtype)
    if call.axis == x.ndim - 1:
        return g.node("MatMul", x, np.ascontiguousarray(dense.T))
    if call.axis == x.ndim - 2:
        return g.node("MatMul", dense, x)
    order = [axis for axis in range(x.ndim) if axis != call.axis] + [call.axis]
    y = g.node("MatMul", g.node("Transpose", x, perm=order), np.ascontiguousarray(dense.T))
    return g.node("Transpose", y, perm=tuple(int(i) for i in np.argsort(order)))
