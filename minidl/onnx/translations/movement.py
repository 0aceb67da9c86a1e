"""Ops that move numbers: shapes, slices, joins, indices."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.inplace import ViewWrite
from minidl.onnx.graph import FAR, Known
from minidl.onnx.sizes import Size, Varying
from minidl.onnx.translations.elementwise import cast
from minidl.onnx.translations.table import translates
from minidl.ops.embedding.table import Embedding
from minidl.ops.index.items import GetItem, Replace, SetItem
from minidl.ops.pool.unpool import MaxUnpool
from minidl.ops.shape import movement
from minidl.ops.shape.join import Cat, Split, Stack, Unbind
from minidl.ops.shape.views import Permute, Reshape, Slice, SliceScatter


@translates(Reshape)
def _reshape(g: Any, call: Any, x: Known) -> Any:
    return x if call.shape == x.shape else g.node("Reshape", x, g.shape(call.shape, call, x))


@translates(Permute)
def _permute(g: Any, call: Any, x: Known) -> Any:
    return g.node("Transpose", x, perm=call.dims)


# ---------------------------------------------------------------------- windows

def _full_window(window: Any, ndim: int) -> list[Any]:
    """The window with a slice in place of `...`."""
    window = list(window)
    if not any(item is Ellipsis for item in window):
        window.append(Ellipsis)
    at = next(i for i, item in enumerate(window) if item is Ellipsis)
    covered = sum(1 for item in window if item is not None and item is not Ellipsis)
    window[at:at + 1] = [slice(None)] * (ndim - covered)
    return window


def cut(g: Any, call: Any, x: Any, shape: Any, window: Any) -> Any:
    """x[window], for ints, slices and None."""
    parts: list[tuple[Any, Any, int, Any]] = []         # where it starts and ends, the axis, the step
    dropped, added, axis, place = [], [], 0, 0
    for item in _full_window(window, len(shape)):
        if item is None:
            added.append(place)
            place += 1
            continue
        if isinstance(item, slice):
            start, stop = item.start or 0, FAR if item.stop is None or item.stop == shape[axis] else item.stop
            if start != 0 or stop != FAR or (item.step or 1) != 1:
                parts.append((start, stop, axis, item.step or 1))
            place += 1
        else:
            parts.append((item, FAR if item == -1 else item + 1, axis, 1))
            dropped.append(axis)
        axis += 1
    if parts:
        x = g.node("Slice", x, *[g.ints(list(numbers), call) for numbers in zip(*parts)])
    if dropped:
        x = g.node("Squeeze", x, np.array(dropped))
    return g.node("Unsqueeze", x, np.array(added)) if added else x


@translates(Slice)
def _slice(g: Any, call: Any, x: Known) -> Any:
    return cut(g, call, x, x.shape, call.window)


@translates(SliceScatter)
def _slice_scatter(g: Any, call: Any, x: Known) -> Any:
    before, after = [], []
    for item, n in zip(_full_window(call.window, len(call.shape)), call.shape):
        if not isinstance(item, slice) or (item.step or 1) != 1:
            raise call.refuse("only a margin around a tensor has a form in ONNX")
        before.append(item.start or 0)
        after.append(0 if item.stop is None else n - item.stop)
    return g.node("Pad", x, g.ints([*before, *after], call), np.array(call.fill, call.dtype))


@translates(ViewWrite)
def _view_write(g: Any, call: Any, x: Known, value: Known) -> Any:
    """x with a part replaced: what is before it, it, and what is after it, joined axis by axis."""
    views = call.op.views
    if len(views) != 1 or type(views[0]) is not Slice or len(call.steps) > 1 and len(
            {str(step.op.views[0].window) for step in call.steps}) > 1:
        raise call.refuse("a tensor is written into through a view that is no simple window; join the parts by cat, or "
                          "choose by where")
    window = _full_window(views[0].window, x.ndim)

    def replaced(x: Any, axis: int, value: Any) -> Any:
        while axis < len(call.shape) and window[axis] == slice(None):
            axis += 1
        if axis == len(call.shape):
            return value
        item, n = window[axis], call.shape[axis]
        if isinstance(item, int):
            value = g.node("Unsqueeze", value, np.array([axis]))
        item = slice(item, item + 1) if isinstance(item, int) else item
        start, stop, step = item.start or 0, item.stop, item.step or 1
        start = start % n if isinstance(start, int) and start < 0 and not isinstance(n, Size) else start
        stop = n if stop is None or isinstance(n, int) and stop > n else start + 1 if stop == 0 else stop
        if step != 1 or None in window:
            raise call.refuse("a tensor is written into with a step; join the parts by cat, or choose by where")

        def part(start: Any, stop: Any) -> Any:
            return g.node("Slice", x, g.ints([start], call), g.ints([stop], call), np.array([axis]))
        parts = [replaced(part(start, stop), axis + 1, value)]
        parts = [*([part(0, start)] if start != 0 else []), *parts, *([part(stop, FAR)] if stop != n else [])]
        return parts[0] if len(parts) == 1 else g.node("Concat", *parts, axis=axis)

    return replaced(x, 0, value)


# ---------------------------------------------------------------------- joined, cut, turned

@translates(Cat)
def _cat(g: Any, call: Any, *xs: Known) -> Any:
    return xs[0] if len(xs) == 1 else g.node("Concat", *xs, axis=call.dim)


@translates(Stack)
def _stack(g: Any, call: Any, *xs: Known) -> Any:
    return g.node("Concat", *[g.node("Unsqueeze", x, np.array([call.dim])) for x in xs], axis=call.dim)


@translates(Split)
def _split(g: Any, call: Any, x: Known) -> Any:
    if len(call.shapes) == 1:
        return (g.node("Identity", x),) if isinstance(x, Known) else (x,)
    return g.node("Split", x, g.ints(call.sizes, call), axis=call.dim, outputs=len(call.shapes))


@translates(Unbind)
def _unbind(g: Any, call: Any, x: Known) -> Any:
    axis = call.dim
    return [g.node("Squeeze", g.node("Slice", x, np.array([i]), np.array([i + 1]), np.array([axis])), np.array([axis]))
            for i in range(len(call.shapes))]


@translates(movement.Tile)
def _tile(g: Any, call: Any, x: Known) -> Any:
    return g.node("Tile", x, g.ints(call.times, call))


@translates(movement.Flip)
def _flip(g: Any, call: Any, x: Known) -> Any:
    n = len(call.dims)
    return g.node("Slice", x, np.full(n, -1), np.full(n, -FAR), np.array(call.dims), np.full(n, -1)) if n else x


@translates(movement.Roll)
def _roll(g: Any, call: Any, x: Known) -> Any:
    y: Any = x
    for shift, axis in zip(call.shifts, call.dims):
        n = x.shape[axis]
        shift = shift if isinstance(n, Size) else shift % n
        if shift:
            parts = [g.node("Slice", y, np.array([-shift]), np.array([FAR]), np.array([axis])),
                     g.node("Slice", y, np.array([0]), np.array([-shift]), np.array([axis]))]
            y = g.node("Concat", *parts, axis=axis)
    return y


@translates(movement.Triangle)
def _triangle(g: Any, call: Any, x: Known) -> Any:
    if x.dtype.kind == "b":
        whole = g.node("Trilu", cast(g, call, x, np.int64), np.array(call.diagonal), upper=int(call.side == "triu"))
        return g.node("Cast", whole, to=g.ir.DataType.BOOL)
    return g.node("Trilu", x, np.array(call.diagonal), upper=int(call.side == "triu"))


# ---------------------------------------------------------------------- positions

@translates(GetItem, Embedding)
def _get_item(g: Any, call: Any, x: Known) -> Any:
    places = call.places
    if isinstance(places, Varying):
        raise call.refuse("it is indexed in different ways from run to run")
    if isinstance(places, Known):
        places = (places,)
    axis = next(i for i, place in enumerate(places) if isinstance(place, Known))
    if len(places) == axis + 1:
        if places[axis].dtype.kind == "b":
            raise call.refuse("a mask chooses a number of elements that is known only when it runs; try where")
        return g.node("Gather", x, places[axis], axis=axis)
    along = _single_axis(places, x)
    if along is not None:
        rows = places[along]
        if rows.shape != call.shape:
            rows = g.expanded(rows, call.shape, call)
        return g.node("GatherElements", x, rows, axis=along)
    if axis == 0 and all(isinstance(place, Known) for place in places):
        ndim = max(place.ndim for place in places)
        sizes = [[1] * (ndim - place.ndim) + list(place.shape) for place in places]
        shape = tuple(next((n for n in column if n != 1), 1) for column in zip(*sizes))
        columns = [g.node("Unsqueeze", place if place.shape == shape else g.expanded(place, shape, call),
                          np.array([len(shape)])) for place in places]
        return g.node("GatherND", x, g.node("Concat", *columns, axis=len(shape)))
    raise call.refuse("several positions with slices between them have no form in ONNX; index step by step")


def _single_axis(places: Any, x: Known) -> int | None:
    """The axis along which the positions gather, if along all others they count: 0, 1, 2, ..."""
    if len(places) != x.ndim or not all(isinstance(place, Known) for place in places):
        return None
    free = []
    for axis, place in enumerate(places):
        counts = place.array is not None and place.array.size == place.array.shape[axis % place.ndim] and bool(
            (place.array.reshape(-1) == np.arange(place.array.size)).all()) and place.ndim == x.ndim
        if not counts:
            free.append(axis)
    return free[0] if len(free) == 1 and places[free[0]].ndim == x.ndim else None


@translates(Replace, SetItem)
def _replace(g: Any, call: Any, x: Known, value: Any) -> Any:
    places = call.places
    if isinstance(places, Known) and places.dtype.kind == "b" and (not isinstance(value, Known) or not value.ndim):
        mask = places
        if mask.ndim < x.ndim:
            mask = g.node("Unsqueeze", mask, np.arange(mask.ndim, x.ndim))
        return g.node("Where", mask, cast(g, call, value, call.dtype), x)
    raise call.refuse("a write at positions has no form here; choose by where, with a mask and a number")


@translates(MaxUnpool)
def _max_unpool(g: Any, call: Any, x: Known, indices: Known) -> Any:
    zeros = g.expanded(np.zeros((), call.dtype), call.shape, call)
    return g.node("ScatterElements", zeros, indices, x, axis=2)
