"""Operators that are layers: convolution, pooling, normalisation, images of another size."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.nn import functional as F
from minidl.onnx.operators.table import ints, operator
from minidl.ops import norm as norms
from minidl.ops import reduce

_BY_AXES: dict[str, Any] = {
    "conv": (F.conv1d, F.conv2d, F.conv3d), "max_pool": (F.max_pool1d, F.max_pool2d, F.max_pool3d),
    "avg_pool": (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    "conv_transpose": (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)}
"""For one, two and three axes of positions."""


def _padding(node: Any, size: Any, kernel: Any, strides: Any, dilations: Any) -> list[tuple[int, int]]:
    """(before, after) for each axis."""
    auto, n = node.get("auto_pad", "NOTSET"), len(kernel)
    if auto in ("NOTSET", "VALID"):
        pads = node.get("pads") or [0] * (2 * n)
        return list(zip(pads[:n], pads[n:])) if auto == "NOTSET" else [(0, 0)] * n
    pairs = []
    for length, k, stride, dilation in zip(size, kernel, strides, dilations):
        whole = max((-(-length // stride) - 1) * stride + (k - 1) * dilation + 1 - length, 0)
        half = whole // 2
        pairs.append((half, whole - half) if auto == "SAME_UPPER" else (whole - half, half))
    return pairs


def _padded(x: Any, pads: list[tuple[int, int]], value: float = 0.0) -> tuple[Any, list[int]]:
    """x with what a symmetric padding cannot express, and the symmetric padding."""
    if all(before == after for before, after in pads):
        return x, [before for before, _ in pads]
    margin = [n for pair in reversed(pads) for n in pair]
    return F.pad(x, margin, "constant", value), [0] * len(pads)


def _ones(node: Any, name: str, n: int) -> list[int]:
    return node.get(name) or [1] * n


@operator("Conv")
def _conv(node: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    n = x.ndim - 2
    strides, dilations = _ones(node, "strides", n), _ones(node, "dilations", n)
    x, padding = _padded(x, _padding(node, x.shape[2:], weight.shape[2:], strides, dilations))
    function = _BY_AXES["conv"][n - 1]
    return function(x, weight, bias, strides, padding, dilations, node.get("group", 1))


@operator("ConvTranspose")
def _conv_transpose(node: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    n = x.ndim - 2
    strides, dilations = _ones(node, "strides", n), _ones(node, "dilations", n)
    extra = node.get("output_padding") or [0] * n
    if node.get("auto_pad", "NOTSET") != "NOTSET" or node.get("output_shape"):
        raise node.refuse("auto_pad and output_shape are left out")
    pads = _padding(node, x.shape[2:], weight.shape[2:], strides, dilations)
    function = _BY_AXES["conv_transpose"][n - 1]
    groups = node.get("group", 1)
    if all(before == after for before, after in pads):
        return function(x, weight, bias, strides, [before for before, _ in pads], extra, groups, dilations)
    y = function(x, weight, bias, strides, 0, extra, groups, dilations)
    return y[tuple([slice(None)] * 2 + [slice(a, m - b) for (a, b), m in zip(pads, y.shape[2:])])]


# ---------------------------------------------------------------------- pooling

@operator("MaxPool")
def _max_pool(node: Any, x: Any) -> Any:
    kernel = node.get("kernel_shape")
    n = len(kernel)
    strides, dilations = _ones(node, "strides", n), _ones(node, "dilations", n)
    size = x.shape[2:]
    x, padding = _padded(x, _padding(node, size, kernel, strides, dilations), -math.inf)
    function = _BY_AXES["max_pool"][n - 1]
    settings = (kernel, strides, padding, dilations, bool(node.get("ceil_mode", 0)))
    if len(node.outputs) == 1:
        return function(x, *settings)
    if x.shape[2:] != size or node.get("storage_order", 0):
        raise node.refuse("positions of maxima with an uneven padding, or column by column, are left out")
    y, places = function(x, *settings, return_indices=True)
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *[1] * n) * math.prod(size)
    return y, places + wrap(planes)


@operator("AveragePool")
def _average_pool(node: Any, x: Any) -> Any:
    kernel = node.get("kernel_shape")
    n = len(kernel)
    strides, counts = _ones(node, "strides", n), bool(node.get("count_include_pad", 0))
    if any(d != 1 for d in _ones(node, "dilations", n)):
        raise node.refuse("dilations are left out")
    pads = _padding(node, x.shape[2:], kernel, strides, [1] * n)
    function = _BY_AXES["avg_pool"][n - 1]
    ceil = bool(node.get("ceil_mode", 0))
    if all(before == after and before <= k // 2 for (before, after), k in zip(pads, kernel)):
        return function(x, kernel, strides, [before for before, _ in pads], ceil, counts)
    if ceil:
        raise node.refuse("ceil_mode with this padding is left out")
    y = function(_padded(x, pads)[0], kernel, strides)
    return y if counts else y / function(_padded(x * 0 + 1, pads)[0], kernel, strides)


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(node: Any, x: Any) -> Any:
    function = reduce.mean if node.operator == "GlobalAveragePool" else reduce.amax
    return function(x, tuple(range(2, x.ndim)), True)


# ---------------------------------------------------------------------- normalisation

@operator("BatchNormalization")
def _batch_norm(node: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any) -> Any:
    return F.batch_norm(x, mean, variance, weight, bias, node.training, 1 - node.get("momentum", 0.9),
                        node.get("epsilon", 1e-5))


@operator("InstanceNormalization")
def _instance_norm(node: Any, x: Any, weight: Any, bias: Any) -> Any:
    return F.instance_norm(x, None, None, weight, bias, eps=node.get("epsilon", 1e-5))


@operator("LayerNormalization")
def _layer_norm(node: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    shape = x.shape[node.get("axis", -1) % x.ndim:]
    return F.layer_norm(x, shape, weight.expand(shape), None if bias is None else bias.expand(shape),
                        node.get("epsilon", 1e-5))


@operator("GroupNormalization")
def _group_norm(node: Any, x: Any, weight: Any, bias: Any) -> Any:
    groups = node.get("num_groups")
    if len(weight) != x.shape[1]:       # one number for each group, before version 21
        weight, bias = (v.reshape(-1, 1).expand(-1, x.shape[1] // groups).reshape(-1) for v in (weight, bias))
    return F.group_norm(x, groups, weight, bias, node.get("epsilon", 1e-5))


@operator("RMSNormalization")
def _rms_norm(node: Any, x: Any, weight: Any) -> Any:
    return F.rms_norm(x, x.shape[node.get("axis", -1) % x.ndim:], weight, node.get("epsilon", 1e-5))


@operator("LRN")
def _lrn(node: Any, x: Any) -> Any:
    return norms.local_response_norm(x, node.get("size"), node.get("alpha", 1e-4), node.get("beta", 0.75),
                                     node.get("bias", 1.0))


# ---------------------------------------------------------------------- images

@operator("Resize", "Upsample")
def _resize(node: Any, x: Any, *more: Any) -> Any:
    roi, scales, sizes = (None, *more, None)[:3] if node.operator == "Upsample" else (*more, None, None, None)[:3]
    if scales is not None and not scales.array.size:
        scales = None
    mode = node.get("mode", "nearest")
    where = node.get("coordinate_transformation_mode", "half_pixel" if node.operator == "Resize" else "asymmetric")
    corners = where == "align_corners"
    if sizes is not None:
        size = ints(sizes)[2:] if len(ints(sizes)) == x.ndim else ints(sizes)
    else:
        given = [float(n) for n in (node.get("scales") if scales is None else scales.array.reshape(-1))]
        size = [int(math.floor(n * scale)) for n, scale in zip(x.shape[2:], given[len(given) - x.ndim + 2:])]
    if mode == "nearest":
        if where != "asymmetric" and not all(n % m == 0 for n, m in zip(size, x.shape[2:])):
            raise node.refuse(f"nearest neighbours by {where} are there for whole factors only")
        if node.get("nearest_mode", "floor") not in ("floor", "round_prefer_floor"):
            raise node.refuse(f"nearest_mode {node.get('nearest_mode')} is left out")
        return F.interpolate(x, size, mode="nearest")
    if where not in ("half_pixel", "pytorch_half_pixel", "align_corners") or node.get("antialias", 0):
        raise node.refuse(f"{mode} by {where} is left out")
    names = {("linear", 1): "linear", ("linear", 2): "bilinear", ("linear", 3): "trilinear", ("cubic", 2): "bicubic"}
    if (mode, x.ndim - 2) not in names or mode == "cubic" and node.get("cubic_coeff_a", -0.75) != -0.75:
        raise node.refuse(f"{mode} for {x.ndim - 2} axes is left out")
    return F.interpolate(x, size, mode=names[mode, x.ndim - 2], align_corners=corners)

