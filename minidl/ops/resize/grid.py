"""Sample images or volumes at any positions; and the positions of affine maps.

An image is a table with a row of channels for each pixel. Sampling looks up the rows around every position and mixes
them, with weights that are polynomials of the position. Look-up and arithmetic are already differentiable, in the
image and in the positions; this file only finds the rows.
"""
from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.grid import Sampling, sample_images
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import Elementwise
from minidl.ops.index.items import GetItem
from minidl.ops.linalg.products import matmul
from minidl.ops.shape.join import cat
from minidl.ops.shape.views import Permute, Reshape, array_of, as_result, reshape, transpose

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

CUBIC = -0.75     # the slope of Keys' kernel at distance 1, as in `interpolate`


class Inside(Elementwise):
    """y = the position inside the image for x: the nearest ('border'), or a mirror image ('reflection').

    Piecewise linear: the slope is 1 or -1, and 0 where positions are clamped to the edge.
    """

    def __init__(self, padding_mode: str, size: int, align_corners: bool) -> None:
        self.padding_mode, self.size, self.align_corners = padding_mode, size, align_corners

    def forward(self, x: Array) -> Array:
        xp, last = array_module(x), self.size - 1
        slope = xp.ones_like(x)
        if self.padding_mode == "reflection":
            x, slope = self.reflected(x, slope)
        slope = slope * ((x > 0) & (x < last))
        self.keep(slope=slope)
        return xp.clip(x, 0, last)

    def reflected(self, x: Array, slope: Array) -> tuple[Array, Array]:
        """Reflect at the centres of the outer pixels, or at their outer edges."""
        xp = array_module(x)
        low, span = (0.0, self.size - 1) if self.align_corners else (-0.5, self.size)
        if not span:
            return xp.zeros_like(x), xp.zeros_like(slope)
        x = x - low
        slope = xp.where(x < 0, -slope, slope)
        x = abs(x)
        odd = xp.floor(x / span) % 2 == 1             # reflected an odd number of times
        rest = x % span
        return xp.where(odd, span - rest, rest) + low, xp.where(odd, -slope, slope)

    def grad_x(self, g: Value, slope: Value) -> Value:
        return g * slope


class SampleImages(Op):
    """`grid_sample` of images where no gradient is wanted, at x and y (N, H', W'), or (1, H', W') for all images.

    color: what stands outside, a number for each channel; see `Sampling`.
    """

    def __init__(self, mode: str, padding_mode: str = "zeros", align_corners: bool = False,
                 color: np.ndarray | None = None) -> None:
        self.sampling, self.padding_mode, self.align_corners = Sampling(mode == "nearest", color), padding_mode, \
            align_corners

    def forward(self, images: Array, x: Array, y: Array) -> Array:
        return sample_images(images, *[self.pixels(*axis) for axis in ((x, images.shape[3]), (y, images.shape[2]))],
                             self.sampling)

    def pixels(self, x: Array, size: int) -> Array:
        """The positions in pixels, once if they are the same for all images."""
        x = _pixels(x[:1] if len(x) > 1 and not x.strides[0] else x, size, self.align_corners)
        return x if self.padding_mode == "zeros" else Inside(self.padding_mode, size, self.align_corners).forward(x)


@public
def grid_sample(input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:
    """Sample `input` at the positions in `grid`.

    input (N, C, H, W), grid (N, H', W', 2) -> (N, C, H', W'); or input (N, C, D, H, W), grid (N, D', H', W', 3)
    -> (N, C, D', H', W'). A position is (x, y) or (x, y, z), x along the last axis; -1 and 1 are the ends of an axis:
    the centres of the first and last pixel if align_corners, else their outer edges.

    mode: 'bilinear' mixes the 4 (or 8) pixels around a position, 'bicubic' 16 (images only); 'nearest' takes one,
    and has no gradient in `grid`. padding_mode: outside the image there are zeros ('zeros'), the nearest pixel
    ('border'), or the mirrored image ('reflection'). align_corners None means False.
    Errors: ValueError for unknown modes, RuntimeError where shapes or dtypes do not fit.

    Source: Jaderberg et al., "Spatial Transformer Networks", 2015, https://arxiv.org/abs/1506.02025

        >>> import minidl
        >>> image = minidl.tensor([[[[1., 2.], [3., 4.]]]])
        >>> grid = minidl.tensor([[[[0., 0.], [1., -1.]]]])        # the middle, and the corner on the upper right
        >>> minidl.nn.functional.grid_sample(image, grid, align_corners=True)
        tensor([[[[2.5000, 2.0000]]]])
    """
    _check(input, grid, mode, padding_mode)
    if input.ndim == 4 and mode != "bicubic" and not (
            getattr(input, "requires_grad", False) or getattr(grid, "requires_grad", False)):
        return SampleImages(mode, padding_mode, bool(align_corners))(input, grid[..., 0], grid[..., 1])
    (N, C, *size), out_size = input.shape, grid.shape[1:-1]
    table = reshape(Permute((0, *range(2, input.ndim), 1))(input), (N * math.prod(size), C))    # a row for each pixel
    if padding_mode == "zeros":
        none = array_module(array_of(input)).zeros((1, C), input.dtype)    # and one outside the image
        table = cat([table, wrap(none) if isinstance(input, TensorBase) else none])
    axes = [_taps(grid[..., len(size) - 1 - axis], n, mode, padding_mode, bool(align_corners))
            for axis, n in enumerate(size)]
    y = None
    for corner in itertools.product(*axes):
        rows, weight = _row_of(corner, size, len(table) - 1)
        values = GetItem(rows.reshape(-1))(table)                                               # (N*H'*W', C)
        values = values if weight is None else values * reshape(weight, (-1, 1))
        y = values if y is None else y + values
    return as_result(y, Reshape((N, *out_size, C)), Permute((0, len(size) + 1, *range(1, len(size) + 1))))


Tap = tuple[Any, Any, Any]
"""Positions along one axis (ints), their weights (None: all 1), and whether they are inside (None: all are)."""


def _taps(x: Any, size: int, mode: str, padding_mode: str, align_corners: bool) -> list[Tap]:
    """The pixels along one axis for positions x (-1 to 1), and their weights."""
    x = _pixels(x, size, align_corners)
    if padding_mode != "zeros" and mode != "bicubic":
        x = Inside(padding_mode, size, align_corners)(x)
    if mode == "nearest":
        nearest = np.rint(array_of(x))
        return [_to_indices(nearest, None, size, padding_mode)]
    first = np.floor(array_of(x))
    t = x - first                                                                       # 0 to 1
    if mode == "bilinear":
        return [_to_indices(first, 1 - t, size, padding_mode), _to_indices(first + 1, t, size, padding_mode)]
    taps = []
    for u, weight in zip((-1, 0, 1, 2), (_cubic_far(t + 1), _cubic_near(t), _cubic_near(1 - t), _cubic_far(2 - t))):
        place = first + u
        if padding_mode != "zeros":   # each pixel is moved inside by itself
            place = Inside(padding_mode, size, align_corners).forward(place)
        taps.append(_to_indices(place, weight, size, padding_mode))
    return taps


def _pixels(x: Any, size: int, align_corners: bool) -> Any:
    """Positions from -1 to 1 in pixels: 0 is the centre of the first one."""
    return (x + 1) * ((size - 1) / 2) if align_corners else (x + 1) * (size / 2) - 0.5


def _to_indices(place: Array, weight: Any, size: int, padding_mode: str) -> Tap:
    """Places as ints. Outside, the nearest pixel: only the padding with zeros needs to know."""
    xp = array_module(place)
    index = xp.where(place == place, xp.clip(place, 0, size - 1), 0).astype(np.int64)   # NaN is outside
    return index, weight, (place >= 0) & (place <= size - 1) if padding_mode == "zeros" else None


def _row_of(corner: tuple[Tap, ...], size: list[int], none: int) -> tuple[Array, Any]:
    """Combine the taps of all axes: rows of the table, product of weights.

    The row is `none` where a tap is outside.
    """
    first = corner[0][0]
    xp = array_module(first)
    rows, weight = xp.arange(len(first)).reshape(-1, *(1,) * (first.ndim - 1)), None
    for (index, w, _), n in zip(corner, size):
        rows = rows * n + index
        weight = w if weight is None else weight if w is None else weight * w
    for _, _, inside in corner:
        rows = rows if inside is None else xp.where(inside, rows, none)
    return rows, weight


def _cubic_near(x: Any) -> Any:
    """Keys' kernel at distances from 0 to 1."""
    return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1


def _cubic_far(x: Any) -> Any:
    """Keys' kernel at distances from 1 to 2."""
    return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC


@public
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid for `grid_sample` of an affine map: position p of the output reads at theta * (p, 1).

    theta (N, 2, 3) and size (N, C, H, W) -> (N, H, W, 2); theta (N, 3, 4) and size (N, C, D, H, W) -> (N, D, H, W, 3).
    align_corners: as for `grid_sample`.
    Errors: ValueError unless theta is floating and fits size, NotImplementedError for other sizes.

        >>> import minidl
        >>> theta = minidl.tensor([[[1., 0., 0.], [0., 1., 0.]]])       # the identity
        >>> minidl.nn.functional.affine_grid(theta, (1, 1, 1, 3), align_corners=True)
        tensor([[[[-1.,  0.],
                  [ 0.,  0.],
                  [ 1.,  0.]]]])
    """
    if not hasattr(theta, "dtype") or theta.dtype.kind != "f":
        raise ValueError(f"affine_grid: Expected theta to have floating point type, but got "
                         f"{getattr(theta, 'dtype', type(theta).__name__)}")
    N, *lengths = [int(n) for i, n in enumerate(size) if i != 1]
    d = len(lengths)
    if d not in (2, 3):
        raise NotImplementedError(f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {tuple(size)}.")
    if tuple(theta.shape) != (N, d, d + 1):
        raise ValueError(f"affine_grid: Expected a batch of {d}D affine matrices of shape {N}x{d}x{d + 1} for size "
                         f"{tuple(size)}. Got {tuple(theta.shape)}.")
    if min(size) < 1:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {tuple(size)}")
    axes = [_centres(n, bool(align_corners)) for n in lengths]
    points = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(lengths)], axis=-1)    # (H, W, 3): x, y, 1
    base = array_module(array_of(theta)).asarray(points.reshape(-1, d + 1), dtype=theta.dtype)
    grid = matmul(wrap(base) if isinstance(theta, TensorBase) else base, transpose(theta, 1, 2))   # (N, H*W, 2)
    return reshape(grid, (N, *lengths, d))


def _centres(n: int, align_corners: bool) -> np.ndarray:
    """The centres of n pixels between -1 and 1."""
    if align_corners:
        return np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
    return (2 * np.arange(n) + 1) / n - 1


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    who = "grid_sample"
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"{who}(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"{who}(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
                         f"{padding_mode!r}")
    check_floating(who, input=input, grid=grid)
    check_devices(who, (array_of(input), array_of(grid)))
    sizes = f"input with sizes {tuple(input.shape)} and grid with sizes {tuple(grid.shape)}"
    if input.ndim not in (4, 5) or grid.ndim != input.ndim:
        raise RuntimeError(f"{who}(): expected 4D or 5D input and grid with same number of dimensions, but got {sizes}")
    if len(input) != len(grid):
        raise RuntimeError(f"{who}(): expected grid and input to have same batch size, but got {sizes}")
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(f"{who}(): expected grid to have size {input.ndim - 2} in last dimension, but got {sizes}")
    if min(input.shape[2:]) < 1:
        raise RuntimeError(f"{who}(): expected input to have non-empty spatial dimensions, but got {sizes}")
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError(f"{who}(): bicubic interpolation only supports 4D input, but got {sizes}")
