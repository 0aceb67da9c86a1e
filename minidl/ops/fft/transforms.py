"""Fourier transforms y_k = sum_j x_j e^(-2 pi i jk / n) along axes, and their inverses.

Three ops do all of it: `FFT` from complex to complex numbers, `RFFT` from real to complex ones, and `IRFFT` back. A
transform is linear, and its matrix F is symmetric: the gradient of y = F x is F^H g, the inverse transform without its
factor 1 / n. So the ops are each other's gradients, at every order.

`norm` places the factor: "backward" (the default) in the inverse, "forward" in the transform, "ortho" in both, as
1 / sqrt(n).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, as_device, library_of, made_on
from minidl.backend.dtype import complex_of, get_default_dtype, real_of
from minidl.ops.base.broadcast import Shape
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim, normalize_dims
from minidl.ops.elementwise.complex_parts import conj
from minidl.ops.shape.movement import pad, roll
from minidl.ops.shape.views import array_of, clone

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

OPPOSITE_NORM = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
"""The norm that gives the opposite transform the factor of this one."""

Sizes = Sequence[int] | None

# ---------------------------------------------------------------------- the ops


class FFT(Op):
    """y = F x, or conj(F) x if `inverse`, for complex numbers."""

    complex_rules = "as written"

    def __init__(self, axes: Shape, inverse: bool, norm: str) -> None:
        self.axes, self.inverse, self.norm = axes, inverse, norm

    def forward(self, x: Array) -> Array:
        library = library_of(x).fft
        return (library.ifftn if self.inverse else library.fftn)(x, axes=self.axes, norm=self.norm)

    def grad_x(self, g: Value) -> Value:
        return FFT(self.axes, not self.inverse, OPPOSITE_NORM[self.norm])(g)


class RFFT(Op):
    """The y_k with k <= n / 2 along the last axis, for real x; the others are their conjugates.

    gx = Re(conj(F) g), with zeros for the missing y. `IRFFT` would add the conjugates, and so count every real part
    twice, except for k = 0 and k = n / 2, which are their own conjugates.
    """

    complex_rules = "as written"

    def __init__(self, axes: Shape, norm: str) -> None:
        self.axes, self.norm = axes, norm

    def forward(self, x: Array) -> Array:
        self.n = x.shape[self.axes[-1]]
        return library_of(x).fft.rfftn(x, axes=self.axes, norm=self.norm)

    def grad_x(self, g: Value) -> Value:
        return IRFFT(self.axes, self.n, OPPOSITE_NORM[self.norm])(g * conjugate_factors(g, self.axes[-1], self.n, 0.5))


class IRFFT(Op):
    """y = conj(F) x for real y, given the x_k with k <= n / 2 along the last axis.

    gx_k = (F g)_k, and twice that where x_k also stands for a conjugate. Only the real part of x_0 and x_(n/2) counts.
    """

    complex_rules = "as written"

    def __init__(self, axes: Shape, n: int, norm: str) -> None:
        self.axes, self.n, self.norm = axes, n, norm

    def forward(self, x: Array) -> Array:
        library = library_of(x).fft
        if len(self.axes) > 1:  # in one step, cuFFT would expect conjugates along these axes too
            x = library.ifftn(x, axes=self.axes[:-1], norm=self.norm)
        return library.irfft(x, self.n, axis=self.axes[-1], norm=self.norm)

    def grad_x(self, g: Value) -> Value:
        half = RFFT(self.axes, OPPOSITE_NORM[self.norm])(g)
        return half * conjugate_factors(half, self.axes[-1], self.n, 2.0)


def conjugate_factors(like: Any, axis: int, n: int, factor: float) -> Array:
    """`factor` for every k along `axis` that has a conjugate n - k; 1 for 0 and n / 2, which have none."""
    weights = array_module(array_of(like)).full((n // 2 + 1,), factor, real_of(like.dtype))
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape([-1 if i == axis else 1 for i in range(like.ndim)])


# ---------------------------------------------------------------------- reading the arguments

def _complex(input: Any, who: str) -> Any:
    """`input` as complex numbers. Errors: RuntimeError for float16."""
    check_tensors(who, input=input)
    if input.dtype.kind == "c":
        return input
    x = _real(input, who)
    return cast(x, complex_of(x.dtype))


def _real(input: Any, who: str) -> Any:
    """`input` as floating numbers. Errors: RuntimeError for complex numbers and float16."""
    check_tensors(who, input=input)
    if input.dtype.kind == "c":
        raise RuntimeError(f"{who} expects a real input tensor, but got {input.dtype}")
    if input.dtype.kind == "f" and input.dtype.itemsize < 4:
        raise RuntimeError(f"{who}: Unsupported dtype {input.dtype}; try .float()")
    return input if input.dtype.kind == "f" else cast(input, get_default_dtype())


def _norm(norm: str | None, who: str) -> str:
    if norm is not None and norm not in OPPOSITE_NORM:
        raise RuntimeError(f"{who}: Invalid normalization mode: {norm!r}; expected 'forward', 'backward' or 'ortho'")
    return norm or "backward"


def _one_axis(input: Any, n: int | None, dim: int, who: str) -> tuple[Shape, list[int | None]]:
    """The axis of a transform along one axis, and its size."""
    check_tensors(who, input=input)
    if not input.ndim:
        raise IndexError(f"{who}: Dimension specified as {dim} but tensor has no dimensions")
    return (normalize_dim(dim, input.ndim, who),), [n]


def _several_axes(input: Any, s: Sizes, dim: Any, who: str) -> tuple[Shape, list[int | None]]:
    """The axes of a transform along several axes, and their sizes.

    The axes are `dim`, or the last ones, one for each size, or all. Errors: RuntimeError where the two do not fit.
    """
    check_tensors(who, input=input)
    sizes: list[int | None] = [] if s is None else [None if n == -1 else n for n in s]
    if dim is None:
        if len(sizes) > input.ndim:
            raise RuntimeError(f"{who}: Got shape with {len(sizes)} values but input tensor only has {input.ndim} "
                               f"dimensions.")
        axes = tuple(range(input.ndim))[-len(sizes) if sizes else 0:] if s is None or sizes else ()
    else:
        given = list(dim) if isinstance(dim, (tuple, list)) else [dim]
        axes = tuple([normalize_dim(d, input.ndim, who) for d in given])
        if len(set(axes)) < len(axes):
            raise RuntimeError(f"{who}: FFT dims must be unique, but got {tuple(given)}")
        if s is not None and len(sizes) != len(axes):
            raise RuntimeError(f"{who}: When given, dim and shape arguments must have the same length, but got "
                               f"{len(axes)} dims and {len(sizes)} sizes")
    return axes, sizes or [None] * len(axes)


def _resize(x: Any, axes: Shape, sizes: Sequence[int | None], who: str) -> Any:
    """Cut x, or pad it with zeros, to the given sizes; None keeps a size."""
    widths = [0] * (2 * x.ndim)     # in the order of `pad`, from the last axis on
    for axis, n in zip(axes, sizes):
        n = x.shape[axis] if n is None else n
        _check_points(n, who)
        widths[2 * (x.ndim - axis) - 1] = n - x.shape[axis]
    return pad(x, widths) if any(widths) else x


def _check_points(n: int, who: str) -> None:
    if n < 1:
        raise RuntimeError(f"{who}: Invalid number of data points ({n}) specified")


def _c2c(input: Any, axes: Shape, sizes: Sequence[int | None], norm: str | None, inverse: bool, who: str) -> Any:
    norm = _norm(norm, who)
    x = _resize(_complex(input, who), axes, sizes, who)
    return FFT(axes, inverse, norm)(x) if axes else clone(x)


def _r2c(input: Any, axes: Shape, sizes: Sequence[int | None], norm: str | None, who: str) -> Any:
    norm = _norm(norm, who)
    x = _resize(_real(input, who), axes, sizes, who)
    _check_axes(axes, who)
    return RFFT(axes, norm)(x)


def _c2r(input: Any, axes: Shape, sizes: Sequence[int | None], norm: str | None, who: str) -> Any:
    norm = _norm(norm, who)
    _check_axes(axes, who)
    x, last = _complex(input, who), sizes[-1]
    n = 2 * (x.shape[axes[-1]] - 1) if last is None else last
    _check_points(n, who)
    x = _resize(x, axes, [*sizes[:-1], n // 2 + 1], who)
    return IRFFT(axes, n, norm)(x)


def _check_axes(axes: Shape, who: str) -> None:
    if not axes:
        raise RuntimeError(f"{who} must transform at least one axis")


def _opposite(norm: str | None, who: str) -> str:
    return OPPOSITE_NORM[_norm(norm, who)]


# ---------------------------------------------------------------------- along one axis

@public
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
        out: Tensor | None = None) -> Tensor:
    """The Fourier transform along a dimension, y_k = sum_j x_j e^(-2 pi i jk / n); complex.

    `input` is cut or padded with zeros to `n` elements; for `norm` see `ifft`.
    Errors: IndexError for a dim out of range, RuntimeError for n < 1, another norm, or float16.

    Source: Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965.

        >>> import minidl
        >>> minidl.fft.fft(minidl.tensor([1.0, 0.0, -1.0, 0.0]))
        tensor([0.+0.j, 2.+0.j, 0.+0.j, 2.+0.j])
    """
    return _c2c(input, *_one_axis(input, n, dim, "fft"), norm, False, "fft")


@public
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """The inverse of `fft`, x_j = 1/n sum_k y_k e^(2 pi i jk / n).

    With `norm="backward"`, the default, the factor is 1 / n here; with "forward" in `fft`; with "ortho" 1 / sqrt(n)
    in both. The other arguments and errors are those of `fft`.

        >>> import minidl
        >>> minidl.fft.ifft(minidl.tensor([0.0, 2.0, 0.0, 2.0]))
        tensor([ 1.+0.j,  0.+0.j, -1.+0.j,  0.+0.j])
    """
    return _c2c(input, *_one_axis(input, n, dim, "ifft"), norm, True, "ifft")


@public
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """`fft` of real numbers, without its redundant second half: y_(n-k) = conj(y_k).

    (*, n) -> (*, n // 2 + 1), complex. Arguments and errors as `fft`, and RuntimeError for complex numbers.

        >>> import minidl
        >>> minidl.fft.rfft(minidl.tensor([1.0, 0.0, -1.0, 0.0]))
        tensor([0.+0.j, 2.+0.j, 0.+0.j])
    """
    return _r2c(input, *_one_axis(input, n, dim, "rfft"), norm, "rfft")


@public
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """The inverse of `rfft`: (*, n // 2 + 1) -> (*, n), real.

    n is 2 (m - 1) by default, for m given elements, so an odd n must be passed. Arguments and errors as `ifft`.

        >>> import minidl
        >>> minidl.fft.irfft(minidl.fft.rfft(minidl.tensor([1.0, 2.0, 3.0])), n=3).round()
        tensor([1., 2., 3.])
    """
    return _c2r(input, *_one_axis(input, n, dim, "irfft"), norm, "irfft")


@public
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """`fft` of a signal with x_(n-j) = conj(x_j), given its first half; the result is real.

    (*, n // 2 + 1) -> (*, n), with n as for `irfft`. Arguments and errors as `fft`.

        >>> import minidl
        >>> minidl.fft.hfft(minidl.tensor([0.0, 1.0, 0.0]))
        tensor([ 2.,  0., -2.,  0.])
    """
    return _c2r(conj(_complex(input, "hfft")), *_one_axis(input, n, dim, "hfft"), _opposite(norm, "hfft"), "hfft")


@public
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """The inverse of `hfft`: the first half of `ifft` of real numbers, (*, n) -> (*, n // 2 + 1).

    Arguments and errors as `rfft`.

        >>> import minidl
        >>> minidl.fft.ihfft(minidl.tensor([2.0, 0.0, -2.0, 0.0]))
        tensor([0.-0.j, 1.-0.j, 0.-0.j])
    """
    return conj(_r2c(input, *_one_axis(input, n, dim, "ihfft"), _opposite(norm, "ihfft"), "ihfft"))


# ---------------------------------------------------------------------- along several axes

@public
def fftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """`fft` along several dimensions, one after the other.

    These are `dim`, or the last len(s), or all.

    `s` gives the sizes to cut or pad to, one per dimension; -1 keeps a size. The n of `norm` is the product of all
    sizes. Errors: as `fft`, and RuntimeError where `s` and `dim` do not fit together.

        >>> import minidl
        >>> minidl.fft.fftn(minidl.ones(2, 2))
        tensor([[4.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])
    """
    return _c2c(input, *_several_axes(input, s, dim, "fftn"), norm, False, "fftn")


@public
def ifftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """The inverse of `fftn`; same arguments and errors.

        >>> import minidl
        >>> minidl.fft.ifftn(minidl.ones(2, 2))
        tensor([[1.+0.j, 0.+0.j],
                [0.+0.j, 0.+0.j]])
    """
    return _c2c(input, *_several_axes(input, s, dim, "ifftn"), norm, True, "ifftn")


@public
def rfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """`fftn` of real numbers, with half of the last dimension, as `rfft`.

        >>> import minidl
        >>> minidl.fft.rfftn(minidl.ones(4, 6)).shape
        (4, 4)
    """
    return _r2c(input, *_several_axes(input, s, dim, "rfftn"), norm, "rfftn")


@public
def irfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
           out: Tensor | None = None) -> Tensor:
    """The inverse of `rfftn`, real. The last size in `s` is that of the result, by default 2 (m - 1), as for `irfft`.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> minidl.fft.irfftn(minidl.fft.rfftn(x), s=x.shape).round()
        tensor([[1., 2., 3.],
                [4., 5., 6.]])
    """
    return _c2r(input, *_several_axes(input, s, dim, "irfftn"), norm, "irfftn")


@public
def hfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """`fft` along all dimensions but the last, and `hfft` along the last; real. Arguments as `irfftn`.

        >>> import minidl
        >>> minidl.fft.hfftn(minidl.ones(2, 2))
        tensor([[4., 0.],
                [0., 0.]])
    """
    x = conj(_complex(input, "hfftn"))
    return _c2r(x, *_several_axes(input, s, dim, "hfftn"), _opposite(norm, "hfftn"), "hfftn")


@public
def ihfftn(input: Tensor, s: Sizes = None, dim: Any = None, norm: str | None = None, *,
           out: Tensor | None = None) -> Tensor:
    """The inverse of `hfftn`, of real numbers. Arguments as `rfftn`.

        >>> import minidl
        >>> minidl.fft.ihfftn(minidl.ones(2, 2))
        tensor([[1.-0.j, 0.-0.j],
                [0.-0.j, 0.-0.j]])
    """
    return conj(_r2c(input, *_several_axes(input, s, dim, "ihfftn"), _opposite(norm, "ihfftn"), "ihfftn"))


# ---------------------------------------------------------------------- along two axes

@public
def fft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """`fftn` along the last two dimensions, as for images."""
    return fftn(input, s, dim, norm)


@public
def ifft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """`ifftn` along the last two dimensions."""
    return ifftn(input, s, dim, norm)


@public
def rfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """`rfftn` along the last two dimensions."""
    return rfftn(input, s, dim, norm)


@public
def irfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
           out: Tensor | None = None) -> Tensor:
    """`irfftn` along the last two dimensions."""
    return irfftn(input, s, dim, norm)


@public
def hfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """`hfftn` along the last two dimensions."""
    return hfftn(input, s, dim, norm)


@public
def ihfft2(input: Tensor, s: Sizes = None, dim: Any = (-2, -1), norm: str | None = None, *,
           out: Tensor | None = None) -> Tensor:
    """`ihfftn` along the last two dimensions."""
    return ihfftn(input, s, dim, norm)


# ---------------------------------------------------------------------- frequencies

@public
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
            out: Tensor | None = None) -> Tensor:
    """The frequencies of the n elements of `fft`, for samples `d` apart: 0, 1, ..., -2, -1, divided by n d.

        >>> import minidl
        >>> minidl.fft.fftfreq(5, d=0.5)
        tensor([ 0.0000,  0.4000,  0.8000, -0.8000, -0.4000])
    """
    half = n // 2
    return _frequencies(lambda xp: (xp.arange(n) + half) % max(n, 1) - half, n * d, dtype, device, requires_grad)


@public
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
             out: Tensor | None = None) -> Tensor:
    """The frequencies of the n // 2 + 1 elements of `rfft`: 0, 1, ..., n // 2, divided by n d.

        >>> import minidl
        >>> minidl.fft.rfftfreq(5, d=0.5)
        tensor([0.0000, 0.4000, 0.8000])
    """
    return _frequencies(lambda xp: xp.arange(n // 2 + 1), n * d, dtype, device, requires_grad)


def _frequencies(order: Callable[[Any], Array], by: float, dtype: Any, device: Any, requires_grad: bool) -> Any:
    dtype = dtype or get_default_dtype()
    result = wrap(made_on(as_device(device), lambda xp: (order(xp) / by).astype(dtype)))
    result.requires_grad = requires_grad
    return result


@public
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Move frequency 0 from the front to the middle, along `dim` (default: all).

        >>> import minidl
        >>> minidl.fft.fftshift(minidl.fft.fftfreq(5, d=0.2))
        tensor([-2., -1.,  0.,  1.,  2.])
    """
    axes = normalize_dims(dim, input.ndim, "fftshift")
    return roll(input, [input.shape[axis] // 2 for axis in axes], axes)


@public
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of `fftshift`.

        >>> import minidl
        >>> minidl.fft.ifftshift(minidl.tensor([-2, -1, 0, 1, 2]))
        tensor([ 0,  1,  2, -2, -1])
    """
    axes = normalize_dims(dim, input.ndim, "ifftshift")
    return roll(input, [-(input.shape[axis] // 2) for axis in axes], axes)
