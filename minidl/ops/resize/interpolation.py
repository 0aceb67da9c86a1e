"""Resize signals, images and volumes.

Every mode is linear, and treats one axis after the other: a new element is a weighted sum of a few old ones, its taps.
The modes differ only in the positions and weights of the taps, so each is a few lines of NumPy, and one op does the
work. Its gradient is the transposed matrix, an op of the same kind.
"""
from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import IMAGES, Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels import resize as kernels
from minidl.backend.kernels.resize import Rounding, Taps
from minidl.ops.base.declaration import public
from minidl.ops.shape.views import Clone

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

MODES = {"nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "linear": (3,), "bilinear": (4,), "bicubic": (4,),
         "trilinear": (5,), "lanczos": (4,), "area": (3, 4, 5)}     # the ndim of inputs
KERNEL_MODES = ("linear", "bilinear", "bicubic", "trilinear", "lanczos")


class Resize(Op):
    """y = M x along one axis, with a constant sparse matrix M (out, n); so gx = M^T g."""

    layout = IMAGES

    def __init__(self, axis: int, matrix: Matrix) -> None:
        self.axis, self.matrix = axis, matrix

    def forward(self, x: Array) -> Array:
        return kernels.resize_axis(x, self.axis, self.matrix.taps)

    def grad_x(self, g: Value) -> Value:
        return Resize(self.axis, self.matrix.transposed)(g)


class ResizeBytes(Op):
    """The same of bytes, one axis after the other, by whole numbers. Sums are rounded, and cut off to bytes."""

    layout = IMAGES

    def __init__(self, matrices: Sequence[tuple[int, Matrix]]) -> None:
        self.matrices = matrices

    def forward(self, x: Array) -> Array:
        whole = [(axis, *matrix.in_whole_numbers) for axis, matrix in self.matrices]
        return kernels.resize_bytes(x, [(axis, matrix.taps, rounding) for axis, matrix, rounding in whole])


class Matrix:
    """A sparse matrix (out, n): rows, columns and weights of its entries."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> None:
        self.entries, self.shape = (rows, columns, weights), shape

    @functools.cached_property
    def taps(self) -> Taps:
        return kernels.taps_of(*self.entries, self.shape)

    @functools.cached_property
    def is_identity(self) -> bool:
        out, n = self.shape
        return out == n and self.taps.weights is None and len(self.taps.indices) == 1 \
            and bool((self.taps.indices[0] == np.arange(n)).all())

    @functools.cached_property
    def in_whole_numbers(self) -> tuple[Matrix, Rounding]:
        """Multiples of the weights as whole numbers, and how sums of them become bytes.

        They have 16 bits, as in PyTorch and its model Pillow.
        """
        rows, columns, weights = self.entries
        places, which = np.unique(rows * self.shape[1] + columns, return_inverse=True)
        weights = np.bincount(which.reshape(-1), weights)           # what the repeated edge weighs counts as one
        bits = next((bits for bits in range(22) if int(0.5 + weights.max() * 2 ** (bits + 1)) >= 2 ** 15), 22)
        weights = np.trunc(weights * 2.0 ** bits + np.copysign(0.5, weights))
        half, which = 2 ** (bits - 1), places // self.shape[1]
        exact = np.dtype(np.float32 if 255 * np.bincount(which, np.abs(weights)).max() + half < 2 ** 24 else np.float64)
        overshoots = weights.min() < 0 or 255 * np.bincount(which, weights).max() + half >= 256 * 2 ** bits
        return Matrix(*np.divmod(places, self.shape[1]), weights, self.shape), Rounding(bits, exact, bool(overshoots))

    @functools.cached_property
    def transposed(self) -> Matrix:
        rows, columns, weights = self.entries
        return Matrix(columns, rows, weights, self.shape[::-1])


@public
def interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:
    """Resize the last one, two or three axes of (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    size: the new size, an int for all axes or a tuple. scale_factor: the factor instead, a number or a tuple; the
    new size is rounded down. mode:

        'nearest'         the element at floor(i * n/out), which is left of the middle
        'nearest-exact'   the element whose centre is nearest
        'linear', 'bilinear', 'trilinear' for one, two and three axes: a straight line between two neighbours
        'bicubic'         a cubic polynomial through four neighbours; may overshoot
        'lanczos'         a sinc under a wider one, over six neighbours; with antialias only
        'area'            the mean of all elements that the new one covers: `adaptive_avg_pool2d`

    align_corners: the points of the first and last elements where the old and the new grid agree: their centres
    (True), or their outer edges (False). For the linear and cubic modes only. recompute_scale_factor: compute
    positions from the rounded size, not from the given scale_factor. antialias: for a smaller size, every new
    element averages all that it covers; 'bilinear', 'bicubic' and 'lanczos' only. These three take images of uint8,
    too, and compute in whole numbers.
    Errors: ValueError where arguments contradict each other, NotImplementedError for a mode with another number of
    dimensions, RuntimeError where a size would be 0, TypeError unless sizes are ints and factors numbers.

    Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981 (bicubic, with a = -0.75, or
    -0.5 if antialias); Duchon, "Lanczos Filtering in One and Two Dimensions", 1979

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 3.]]])
        >>> minidl.nn.functional.interpolate(x, scale_factor=2)
        tensor([[[1., 1., 2., 2., 3., 3.]]])
        >>> minidl.nn.functional.interpolate(x, size=5, mode="linear", align_corners=True)
        tensor([[[1.0000, 1.5000, 2.0000, 2.5000, 3.0000]]])
    """
    _check("interpolate", input, mode, align_corners, antialias)
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    result = resize_last_axes(input, sizes, mode, scales, bool(align_corners), antialias)
    return Clone("C")(input) if result is input else result


def resize_last_axes(input: Any, sizes: Sequence[int], mode: str, scales: Sequence[float | None] = (None,) * 3,
                     align_corners: bool = False, antialias: bool = False) -> Any:
    """`interpolate` of the last axes, behind any others; the arguments are not checked."""
    kind = "linear" if mode.endswith("linear") else mode
    matrices = []
    for axis in range(-1, -1 - len(sizes), -1):     # last axis first, while the other axes are still small
        place = input.ndim + axis
        matrix = _matrix(kind, input.shape[axis], sizes[axis], scales[axis], align_corners, antialias)
        if not matrix.is_identity:
            matrices.append((place, matrix))
    if matrices and input.dtype == np.uint8 and mode in KERNEL_MODES:
        return ResizeBytes(matrices)(input)
    for place, matrix in matrices:
        input = Resize(place, matrix)(input)
    return input


def adaptive_mean(input: Any, axis: int, size: int) -> Any:
    """The means of `size` windows that divide an axis: mode 'area', and so `adaptive_avg_pool2d`."""
    return Resize(axis, _matrix("area", input.shape[axis], size, None, False, False))(input)


@public
def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:
    """The old name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@public
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of `interpolate` with mode 'nearest'."""
    return interpolate(input, size, scale_factor, "nearest")


@public
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of `interpolate` with mode 'bilinear' and align_corners=True."""
    return interpolate(input, size, scale_factor, "bilinear", True)


# ---------------------------------------------------------------------- positions and weights of the taps


@functools.lru_cache(maxsize=1024)       # random crops have many sizes
def _matrix(mode: str, n: int, out: int, factor: float | None, align_corners: bool, antialias: bool) -> Matrix:
    """The matrix of one axis n -> out."""
    columns, weights = _antialiased_taps(mode, n, out, factor, align_corners) if antialias else \
        _area_taps(n, out) if mode == "area" else \
        _nearest_taps(mode, n, out, factor) if mode.startswith("nearest") else \
        _kernel_taps(mode, n, out, factor, align_corners)                       # (out, taps)
    rows = np.broadcast_to(np.arange(out)[:, None], columns.shape)
    return Matrix(rows.reshape(-1), columns.reshape(-1), weights.reshape(-1), (out, n))


def _nearest_taps(mode: str, n: int, out: int, factor: float | None) -> tuple[np.ndarray, np.ndarray]:
    # in single precision, as in PyTorch: rounding decides between two equally near elements
    step = np.float32(1 / factor) if factor else np.float32(n) / np.float32(out)
    i = np.arange(out, dtype=np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)
    columns = np.minimum((i * step).astype(int), n - 1)[:, None]
    return columns, np.ones(columns.shape)


def _kernel_taps(mode: str, n: int, out: int, factor: float | None,
                 align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two taps for a line, or four for a cubic; the edge element repeats outside."""
    positions = _positions(n, out, factor, align_corners)
    if mode == "linear":
        positions = np.maximum(positions, 0)
    first = np.floor(positions)
    t = positions - first                                                  # distance from the first tap: 0 to 1
    offsets = np.arange(0, 2) if mode == "linear" else np.arange(-1, 3)
    weights = np.stack([_triangle(t - u) if mode == "linear" else _cubic(t - u, -0.75) for u in offsets], axis=1)
    return np.clip(first[:, None].astype(int) + offsets, 0, n - 1), weights


def _antialiased_taps(mode: str, n: int, out: int, factor: float | None,
                      align_corners: bool) -> tuple[np.ndarray, np.ndarray]:
    """The same kernels, stretched over all elements that a new one covers."""
    stretch = max(_step(n, out, factor, align_corners), 1.0)
    kernel, taps = _STRETCHED[mode]
    reach = stretch * taps
    centres = _step(n, out, factor, align_corners) * (np.arange(out) + 0.5)
    first = np.maximum((centres - reach + 0.5).astype(int), 0)
    end = np.minimum((centres + reach + 0.5).astype(int), n)
    columns = first[:, None] + np.arange((end - first).max())
    distances = (columns - centres[:, None] + 0.5) / stretch
    weights = np.where(columns < end[:, None], kernel(distances), 0.0)
    return np.minimum(columns, n - 1), weights / weights.sum(axis=1, keepdims=True)


def _area_taps(n: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """All elements from floor(i * n/out) to ceil((i + 1) * n/out), with equal weights."""
    i = np.arange(out)
    first, end = i * n // max(1, out), -(-(i + 1) * n // max(1, out))
    columns = first[:, None] + np.arange((end - first).max(initial=0))
    weights = (columns < end[:, None]) / (end - first)[:, None]
    return np.minimum(columns, n - 1), weights


def _step(n: int, out: int, factor: float | None, align_corners: bool) -> float:
    """The distance between new elements, in old elements."""
    if align_corners:
        return (n - 1) / (out - 1) if out > 1 else 0.0
    return 1 / factor if factor else n / out


def _positions(n: int, out: int, factor: float | None, align_corners: bool) -> np.ndarray:
    """The positions of the new elements among the old ones 0 to n-1."""
    step = _step(n, out, factor, align_corners)
    return np.arange(out) * step if align_corners else (np.arange(out) + 0.5) * step - 0.5


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float) -> np.ndarray:
    """Keys' kernel: 1 at 0, 0 at all other whole numbers, and smooth; `a` is its slope at 1."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_STRETCHED: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "linear": (_triangle, 1), "bicubic": (functools.partial(_cubic, a=-0.5), 2), "lanczos": (_lanczos, 3)}
"""For each mode with antialias: the kernel, and how far it reaches."""


# ---------------------------------------------------------------------- arguments


def _check(who: str, input: Any, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if not hasattr(input, "ndim"):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(input).__name__}")
    if mode not in MODES or input.ndim not in (3, 4, 5):
        raise NotImplementedError(f"{who}: Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) "
                                  f"for the modes: {' | '.join(MODES)} (got {mode})")
    if mode not in KERNEL_MODES and align_corners is not None:
        raise ValueError(f"{who}: align_corners option can only be set with the interpolating modes: "
                         f"{' | '.join(KERNEL_MODES)}, not with {mode}")
    if input.ndim not in MODES[mode]:
        raise NotImplementedError(f"{who}: Got {input.ndim}D input, but {mode} mode needs {MODES[mode][0]}D input")
    if antialias and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError(f"{who}: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
                         f"a 4-D tensor as input, but got mode {mode}")
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(f"{who}: Lanczos mode " + ("does not support align_corners=True" if align_corners else
                                                    "requires antialias=True"))
    if input.dtype.kind != "f" and not mode.startswith("nearest") and (
            input.dtype != np.uint8 or mode not in ("bilinear", "bicubic", "lanczos")):
        raise RuntimeError(f"{who}: input must be floating-point for mode {mode}, but it is {input.dtype}; try "
                           f"input.float()")


def _sizes(input: Any, size: Any, scale_factor: Any,
           recompute: bool | None) -> tuple[list[int], list[float | None]]:
    """The size and the factor of every axis; the factor is None where sizes are given."""
    who, old = "interpolate", [int(n) for n in input.shape[2:]]
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{who}: " + ("either size or scale_factor should be defined" if size is None else
                                       "only one of size or scale_factor should be defined"))
    name, given = ("scale_factor", scale_factor) if size is None else ("size", size)
    values = list(given) if isinstance(given, (tuple, list)) else [given] * len(old)
    if len(values) != len(old):
        raise ValueError(f"{who}: Input and {name} must have the same number of spatial dimensions, but got input with "
                         f"spatial dimensions of {old} and {name} of {tuple(values)}")
    try:
        if size is not None:
            new: list[int] = [operator.index(v) for v in values]
            factors: list[float | None] = [None] * len(new)
        else:
            numbers = [float(v) for v in values if not isinstance(v, str)]
            new = [math.floor(n * v) for n, v in zip(old, numbers, strict=True)]
            factors = [None if recompute else v for v in numbers]
    except (TypeError, ValueError):
        raise TypeError(f"{who}(): argument '{name}' must be {'numbers' if size is None else 'ints'}, but got "
                        f"{given!r}") from None
    if size is not None and recompute:
        raise ValueError(f"{who}: recompute_scale_factor is not meaningful with an explicit size")
    if min(*old, *new) < 1:
        raise RuntimeError(f"{who}: Input and output sizes should be greater than 0, but got input {tuple(old)} and "
                           f"output {tuple(new)}")
    if input.shape[1] == 0:
        raise RuntimeError(f"{who}: Non-empty {input.ndim}D data tensor expected but got a tensor with sizes "
                           f"{tuple(input.shape)}")
    return new, factors
