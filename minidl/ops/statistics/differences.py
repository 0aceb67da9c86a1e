"""The slope of sampled functions, by differences of neighbours."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, device_of, move
from minidl.backend.dtype import get_default_dtype
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dims
from minidl.ops.shape.join import cat
from minidl.ops.shape.views import array_of, narrow

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The slope of `input` along each dimension of `dim` (default: all): a tuple of tensors in its shape.

    At an inner point, with steps h to the left and k to the right, this is the slope of the parabola through the
    point and its neighbours,

        f'(x) = (h^2 f(x + k) - k^2 f(x - h) + (k^2 - h^2) f(x)) / (h k (h + k))

    At the ends it is the slope of the line to the neighbour, or with edge_order=2 of the parabola through the
    nearest three points. Integers become floating.
    spacing: the step between neighbours, one number for all dimensions or one for each; or the coordinates of the
    points, a 1-D tensor for each dimension.
    Errors: RuntimeError for another edge_order, for fewer than edge_order + 1 points, or where `spacing` does not fit.

    Source: Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", 1988.

        >>> import minidl
        >>> minidl.gradient(minidl.tensor([1.0, 4.0, 9.0, 16.0]))      # of x^2, whose slope is 2 x
        (tensor([3., 4., 6., 7.]),)
        >>> minidl.gradient(minidl.tensor([1.0, 4.0, 9.0, 16.0]), edge_order=2)
        (tensor([2., 4., 6., 8.]),)
    """
    who = "gradient"
    if edge_order not in (1, 2):
        raise RuntimeError(f"{who} only supports edge_order=1 and edge_order=2, but got {edge_order}")
    axes = normalize_dims(dim, input.ndim, who)
    spacings = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(f"{who} expected spacing to be unspecified, a scalar or it's spacing and dim arguments to "
                           f"have the same length, but got a spacing argument of length {len(spacings)} and a dim "
                           f"argument of length {len(axes)}")
    for axis in axes:
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError(f"{who} expected each dimension size to be at least edge_order+1, but dimension {axis} "
                               f"of {tuple(input.shape)} is of size {input.shape[axis]}")
    floating = input if input.dtype.kind in "fc" else cast(input, get_default_dtype())
    return tuple([_slope(floating, axis, _steps(step, floating, axis), not getattr(step, "ndim", 0), edge_order)
                  for axis, step in zip(axes, spacings)])


def _steps(spacing: Any, x: Any, axis: int) -> Array:
    """The n - 1 distances between neighbours, in a shape that broadcasts against x."""
    xp, n = array_module(array_of(x)), x.shape[axis]
    if getattr(spacing, "ndim", 0):
        points = move(array_of(spacing), device_of(array_of(x))).astype(x.dtype)
        if points.shape != (n,):
            raise RuntimeError(f"gradient expected each element to have its own coordinate: {n} of them for dimension "
                               f"{axis}, but got spacing of shape {tuple(points.shape)}")
        steps = points[1:] - points[:-1]
    else:
        steps = xp.full(n - 1, float(spacing), x.dtype)
    return steps.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


def _slope(f: Any, axis: int, steps: Array, even: bool, edge_order: int) -> Any:
    n = f.shape[axis]

    def part(x: Any, start: int, length: int) -> Any:
        return narrow(x, axis, start, length)

    lines = (part(f, 1, n - 1) - part(f, 0, n - 1)) / wrap(steps)                           # between neighbours
    if even:    # h = k: the point itself has no influence, not even if NaN
        inner = (part(f, 2, n - 2) - part(f, 0, n - 2)) / (wrap(part(steps, 0, n - 2)) * 2)
    else:       # from the slopes to the left and right: the nearer neighbour weighs more
        h, k = part(steps, 0, n - 2), part(steps, 1, n - 2)
        inner = wrap(k / (h + k)) * part(lines, 0, n - 2) + wrap(h / (h + k)) * part(lines, 1, n - 2)
    first, last = part(lines, 0, 1), part(lines, n - 2, 1)
    if edge_order == 2:     # A line has the parabola's slope half a step inside; extrapolate by as much to the end.
        first, last = first * 2 - part(inner, 0, 1), last * 2 - part(inner, n - 3, 1)
    return cat([first, inner, last], axis)
