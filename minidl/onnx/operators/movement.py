"""Operators that move numbers, and those that make shapes."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.nn import functional as F
from minidl.onnx.operators.table import ints, number, operator, tensor
from minidl.ops import index as indexing
from minidl.ops import shape as shapes
from minidl.tensors.creation import full


@operator("Constant")
def _constant(node: Any) -> Any:
    for name, value in node.attributes.items():
        if name == "value":
            return value
        if name in ("value_int", "value_ints"):
            return tensor(value)
        if name in ("value_float", "value_floats"):
            return tensor(value, np.float32)
    raise node.refuse("this kind of constant is left out")


@operator("ConstantOfShape")
def _constant_of_shape(node: Any, shape: Any) -> Any:
    value = node.get("value")
    return full(tuple(ints(shape)), 0.0 if value is None else number(value),
                dtype=np.float32 if value is None else value.dtype)


@operator("Shape")
def _shape(node: Any, x: Any) -> Any:
    return tensor(x.shape[slice(node.get("start", 0), node.get("end"))])


@operator("Size")
def _size(node: Any, x: Any) -> Any:
    return tensor(math.prod(x.shape))


@operator("Range")
def _range(node: Any, start: Any, limit: Any, delta: Any) -> Any:
    return wrap(np.arange(number(start), number(limit), number(delta), dtype=start.array.dtype))


@operator("Reshape")
def _reshape(node: Any, x: Any, shape: Any = None) -> Any:
    sizes = ints(node.get("shape") if shape is None else shape)
    if not node.get("allowzero", 0):
        sizes = [x.shape[axis] if n == 0 else n for axis, n in enumerate(sizes)]
    return shapes.reshape(x, sizes)


@operator("Flatten")
def _flatten(node: Any, x: Any) -> Any:
    axis = node.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return shapes.reshape(x, (math.prod(x.shape[:axis]), -1))


@operator("Transpose")
def _transpose(node: Any, x: Any) -> Any:
    return shapes.permute(x, node.get("perm") or tuple(range(x.ndim))[::-1])


@operator("Squeeze", "Unsqueeze")
def _squeeze(node: Any, x: Any, axes: Any = None) -> Any:
    axes = node.get("axes") if axes is None else ints(axes)
    if node.operator == "Squeeze":
        return shapes.squeeze(x) if axes is None else shapes.squeeze(x, tuple(axes))
    ndim = x.ndim + len(axes)
    for axis in sorted(axis % ndim for axis in axes):
        x = shapes.unsqueeze(x, axis)
    return x


@operator("Expand")
def _expand(node: Any, x: Any, shape: Any) -> Any:
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(ints(shape))))


@operator("Tile")
def _tile(node: Any, x: Any, times: Any) -> Any:
    return x.repeat(ints(times))


@operator("Concat")
def _concat(node: Any, *xs: Any) -> Any:
    return shapes.cat(xs, node.get("axis"))


@operator("Split")
def _split(node: Any, x: Any, sizes: Any = None) -> Any:
    axis, count = node.get("axis", 0), len(node.outputs)
    sizes = node.get("split") if sizes is None else ints(sizes)
    if sizes is None:
        sizes = -(-x.shape[axis] // count)
    return tuple(shapes.split(x, sizes, axis))


@operator("Slice")
def _slice(node: Any, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    starts, ends = (ints(node.get(name) if given is None else given) for name, given in (
        ("starts", starts), ("ends", ends)))
    axes = node.get("axes") if axes is None else ints(axes)
    axes = list(range(len(starts))) if axes is None else axes
    for start, end, axis, step in zip(starts, ends, axes, [1] * len(axes) if steps is None else ints(steps)):
        if step < 0:        # turned round, the first is the last
            x, n = x.flip(axis), x.shape[axis]
            start, end = (n - 1 - min(max(at + n if at < 0 else at, -1), n - 1) for at in (start, end))
        window = (slice(None),) * (axis % x.ndim) + (slice(*slice(start, end).indices(x.shape[axis])[:2], abs(step)),)
        x = x[window]
    return x


@operator("Gather")
def _gather(node: Any, x: Any, rows: Any) -> Any:
    axis = node.get("axis", 0) % x.ndim
    if not rows.ndim:
        return shapes.select(x, axis, number(rows))
    return F.embedding(rows % x.shape[0], x) if axis == 0 and x.ndim == 2 and x.dtype.kind == "f" else \
        x[(slice(None),) * axis + (rows,)]


@operator("GatherElements")
def _gather_elements(node: Any, x: Any, rows: Any) -> Any:
    axis = node.get("axis", 0)
    return indexing.gather(x, axis, rows % x.shape[axis])


@operator("GatherND")
def _gather_nd(node: Any, x: Any, places: Any) -> Any:
    if node.get("batch_dims", 0):
        raise node.refuse("batch_dims are left out")
    return x[tuple(shapes.unbind(places, -1))]


@operator("ScatterElements")
def _scatter_elements(node: Any, x: Any, rows: Any, values: Any) -> Any:
    if node.get("reduction", "none") not in ("none", "add"):
        raise node.refuse("only reduction none and add are there")
    axis = node.get("axis", 0)
    return (indexing.scatter_add if node.get("reduction") == "add" else indexing.scatter)(
        x, axis, rows % x.shape[axis], values)


@operator("ScatterND")
def _scatter_nd(node: Any, x: Any, places: Any, values: Any) -> Any:
    if node.get("reduction", "none") != "none":
        raise node.refuse("only reduction none is there")
    y = x.clone()
    y[tuple(shapes.unbind(places, -1))] = values
    return y


@operator("Trilu")
def _trilu(node: Any, x: Any, diagonal: Any = None) -> Any:
    diagonal = 0 if diagonal is None else number(diagonal)
    return shapes.triu(x, diagonal) if node.get("upper", 1) else shapes.tril(x, diagonal)


@operator("Pad")
def _pad(node: Any, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    pads = ints(node.get("pads") if pads is None else pads)
    value = node.get("value", 0.0) if value is None else number(value)
    axes = list(range(x.ndim)) if axes is None else ints(axes)
    before = dict(zip([axis % x.ndim for axis in axes], zip(pads[:len(axes)], pads[len(axes):])))
    margin = [n for axis in reversed(range(x.ndim)) for n in before.get(axis, (0, 0))]
    while len(margin) > 2 and not any(margin[-2:]):
        margin = margin[:-2]
    mode = {"edge": "replicate", "wrap": "circular"}.get(node.get("mode", "constant"), node.get("mode", "constant"))
    return F.pad(x, margin, mode, value) if mode == "constant" else F.pad(x, margin, mode)


@operator("DepthToSpace", "SpaceToDepth")
def _depth(node: Any, x: Any) -> Any:
    (N, C, H, W), b = x.shape, node.get("blocksize")
    if node.operator == "SpaceToDepth":
        return x.reshape(N, C, H // b, b, W // b, b).permute(0, 3, 5, 1, 2, 4).reshape(N, C * b * b, H // b, W // b)
    if node.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, b)
    return x.reshape(N, b, b, C // (b * b), H, W).permute(0, 3, 4, 1, 5, 2).reshape(N, C // (b * b), H * b, W * b)


@operator("OneHot")
def _one_hot(node: Any, labels: Any, depth: Any, values: Any) -> Any:
    if node.get("axis", -1) != -1:
        raise node.refuse("only the last axis is there")
    off, on = values.array
    return (F.one_hot(labels % int(number(depth)), int(number(depth))) * (on - off) + off).to(values.dtype)


@operator("TopK")
def _top_k(node: Any, x: Any, k: Any = None) -> Any:
    k = node.get("k") if k is None else number(k)
    values, places = indexing.topk(x, k, node.get("axis", -1), bool(node.get("largest", 1)))
    return values, places
