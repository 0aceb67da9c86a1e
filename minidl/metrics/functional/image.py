"""How near an image is to another: PSNR and SSIM. Both have gradients, so they may be a loss."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from minidl.backend.warn import warn
from minidl.metrics.functional.inputs import check_choice
from minidl.ops.base import check_tensors
from minidl.ops.conv import conv2d, conv3d
from minidl.ops.shape import cat, pad
from minidl.tensors.creation import arange, ones, ones_like, tensor
from minidl.tensors.tensor import Tensor

DataRange: TypeAlias = "float | tuple[float, float]"
REDUCTIONS = ("elementwise_mean", "sum", "none", None)


def reduce(x: Tensor, reduction: str | None) -> Tensor:
    return {"elementwise_mean": x.mean, "sum": x.sum}.get(str(reduction), lambda: x)()


def check_images(who: str, preds: Tensor, target: Tensor) -> None:
    """Errors: TypeError unless both are tensors; ValueError for different shapes, and for empty ones."""
    check_tensors(who, preds=preds, target=target)
    if preds.shape != target.shape or not preds.numel():
        raise ValueError(f"{who}: expected images of the same shape, not empty, but got preds {tuple(preds.shape)} and "
                         f"target {tuple(target.shape)}")


# ---------------------------------------------------------------------- PSNR

def check_psnr(who: str, data_range: DataRange, base: float, reduction: str | None,
               dim: int | Sequence[int] | None) -> None:
    """Errors: ValueError for arguments that are out of range. Warns of a reduction that does nothing."""
    check_choice(who, "reduction", reduction, REDUCTIONS)
    width = data_range[1] - data_range[0] if isinstance(data_range, tuple) else data_range
    if not width > 0 or not base > 1:
        raise ValueError(f"{who}: expected a data_range above 0, or (low, high), and a base above 1, but got "
                         f"{data_range} and {base}")
    if dim is None and reduction != "elementwise_mean":
        warn(f"{who}: reduction={reduction!r} does nothing while dim is None, since there is one value")


def sum_squared_errors(preds: Tensor, target: Tensor, data_range: DataRange,
                       dim: int | Sequence[int] | None) -> tuple[Tensor, Tensor]:
    """Sums of squared errors over the dimensions `dim` (all if None), in float64, and how many they are."""
    if isinstance(data_range, tuple):
        preds, target = preds.clamp(*data_range), target.clamp(*data_range)
    dims = tuple(range(preds.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    errors = (preds.double() - target.double()).square().sum(dims or tuple(range(preds.ndim)))
    return errors, ones_like(errors.detach()) * (preds.numel() // errors.numel())


def psnr_of(errors: Tensor, number: Tensor, data_range: DataRange, base: float, reduction: str | None) -> Tensor:
    width = data_range[1] - data_range[0] if isinstance(data_range, tuple) else data_range
    each = (tensor(float(width)).double().to(errors.device).square() * number / errors).log() * (
        10 / tensor(float(base)).double().log().to(errors.device))
    return reduce(each, reduction).float()


def peak_signal_noise_ratio(preds: Tensor, target: Tensor, data_range: DataRange, base: float = 10.0,
                            reduction: str | None = "elementwise_mean",
                            dim: int | Sequence[int] | None = None) -> Tensor:
    """PSNR: 10 log10(data_range^2 / mean squared error), in decibels.

    Args:
        preds, target: images of any shape.
        data_range: the range of values, or (low, high), to which images are clamped.
        base: of the logarithm.
        reduction: of the values along the other dimensions than `dim`: "elementwise_mean", "sum" or "none".
        dim: over which dimensions errors are averaged, (1, 2, 3) for a value of each image; all by default.

    It is infinite for equal images. It has a gradient.
    Errors: ValueError for shapes and arguments that do not fit.

        >>> import minidl
        >>> from minidl.metrics.functional import peak_signal_noise_ratio
        >>> peak_signal_noise_ratio(minidl.tensor([0.5, 0.5]), minidl.tensor([0.6, 0.4]), data_range=1.0)
        tensor(20.)
    """
    who = "peak_signal_noise_ratio"
    check_psnr(who, data_range, base, reduction, dim)
    check_images(who, preds, target)
    return psnr_of(*sum_squared_errors(preds, target.to(preds.device), data_range, dim), data_range, base, reduction)


# ---------------------------------------------------------------------- SSIM

class Window(NamedTuple):
    """SSIM's arguments but for the reduction."""

    gaussian_kernel: bool
    sigma: float | Sequence[float]
    kernel_size: int | Sequence[int]
    data_range: DataRange | None
    k1: float
    k2: float


class Similarity(NamedTuple):
    """Of each image: the mean similarity, the mean contrast term, and all pixels' similarities."""

    mean: Tensor
    contrast: Tensor
    image: Tensor


def check_ssim(who: str, window: Window, reduction: str | None, return_full_image: bool,
               return_contrast_sensitivity: bool) -> None:
    """Errors: ValueError for arguments that are out of range."""
    check_choice(who, "reduction", reduction, REDUCTIONS)
    if return_full_image and return_contrast_sensitivity:
        raise ValueError(f"{who}: return_full_image and return_contrast_sensitivity are mutually exclusive")
    sizes = [window.kernel_size] if isinstance(window.kernel_size, int) else window.kernel_size
    if any(size < 1 or size % 2 == 0 for size in sizes):
        raise ValueError(f"{who}: expected an odd and positive kernel_size, but got {window.kernel_size}")
    if any(not s > 0 for s in ([window.sigma] if isinstance(window.sigma, (int, float)) else window.sigma)):
        raise ValueError(f"{who}: expected a sigma above 0, but got {window.sigma}")


def similarity_of(who: str, preds: Tensor, target: Tensor, window: Window) -> Similarity:
    check_images(who, preds, target)
    axes = preds.ndim - 2
    if axes not in (2, 3):
        raise ValueError(f"{who}: expected images (N, C, H, W) or (N, C, D, H, W), but got {tuple(preds.shape)}")
    if preds.dtype.kind != "f":
        raise ValueError(f"{who}: expected floating point images, but got {preds.dtype}; try preds.float()")
    target = target.to(preds.device).to(preds.dtype)
    weights = _windows(who, window, axes, preds)
    margins = [len(w) // 2 for w in weights]
    if any(margin >= size for margin, size in zip(margins, preds.shape[2:])):
        raise ValueError(f"{who}: expected sides above {margins}, half of the window, but got images "
                         f"{tuple(preds.shape)}; a smaller sigma or kernel_size has a smaller window")
    low, high, width = None, None, window.data_range
    if isinstance(width, tuple):
        (low, high), width = width, width[1] - width[0]
        preds, target = preds.clamp(low, high), target.clamp(low, high)
    elif width is None:
        width = max(float(x.detach().max() - x.detach().min()) for x in (preds, target))
    c1, c2 = (window.k1 * width) ** 2, (window.k2 * width) ** 2

    count, number = preds.shape[0] * preds.shape[1], preds.shape[1]
    p, t = (pad(x, [m for margin in reversed(margins) for m in (margin, margin)], mode="reflect").flatten(0, 1)[:, None]
            for x in (preds, target))
    means = cat([p, t, p * p, t * t, p * t])
    for axis, weight in enumerate(weights):             # windows are products of one for each axis
        shape = [1] * axes
        shape[axis] = -1
        means = (conv2d if axes == 2 else conv3d)(means, weight.reshape(1, 1, *shape))
    mean_p, mean_t, square_p, square_t, product = means.reshape(5, count // number, number, *means.shape[2:])
    variances = (square_p - mean_p ** 2).clamp(min=0) + (square_t - mean_t ** 2).clamp(min=0)
    contrast = (2 * (product - mean_p * mean_t) + c2) / (variances + c2)
    image = (2 * mean_p * mean_t + c1) / (mean_p ** 2 + mean_t ** 2 + c1) * contrast
    inside = (slice(None), slice(None), *(slice(m, -m or None) for m in margins))
    return Similarity(image.flatten(1).mean(1), contrast[inside].flatten(1).mean(1), image)


def _windows(who: str, window: Window, axes: int, like: Tensor) -> list[Tensor]:
    """The weights along each axis; they sum to 1."""
    arguments = []
    for name, value in (("sigma", window.sigma), ("kernel_size", window.kernel_size)):
        values = [value] * axes if isinstance(value, (int, float)) else list(value)
        if len(values) != axes:
            raise ValueError(f"{who}: expected {name} to be a number or {axes} of them, but got {value}")
        arguments.append(values)
    if not window.gaussian_kernel:
        return [ones(int(size), dtype=like.dtype, device=like.device) / size for size in arguments[1]]
    gaussians = []
    for sigma in arguments[0]:
        half = int(3.5 * sigma + 0.5)
        weights = (-(arange(-half, half + 1, dtype=like.dtype, device=like.device) / sigma) ** 2 / 2).exp()
        gaussians.append(weights / weights.sum())
    return gaussians


def structural_similarity_index_measure(
        preds: Tensor, target: Tensor, gaussian_kernel: bool = True, sigma: float | Sequence[float] = 1.5,
        kernel_size: int | Sequence[int] = 11, reduction: str | None = "elementwise_mean",
        data_range: DataRange | None = None, k1: float = 0.01, k2: float = 0.03, return_full_image: bool = False,
        return_contrast_sensitivity: bool = False) -> Tensor | tuple[Tensor, Tensor]:
    """SSIM: how alike brightness, contrast and structure are, in windows around each pixel.

        (2 m_p m_t + c1) (2 s_pt + c2) / ((m_p^2 + m_t^2 + c1) (s_p^2 + s_t^2 + c2))

    with means m, variances s^2, the covariance s_pt, c1 = (k1 data_range)^2 and c2 = (k2 data_range)^2.

    Args:
        preds, target: images (N, C, H, W) or (N, C, D, H, W).
        gaussian_kernel: windows are bell-shaped, of `sigma` and 3.5 sigma to each side; else all pixels of
            `kernel_size` weigh the same.
        reduction: of the images' values: "elementwise_mean", "sum" or "none".
        data_range: the range of values, or (low, high), to which images are clamped; what is found, if not given, so
            give it where values are compared.
        return_full_image: also each pixel's value, in the shape of preds.
        return_contrast_sensitivity: also the mean of the second factor: (N,).

    It has a gradient. Errors: ValueError for shapes and arguments that do not fit, and for images below the window.
    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.

        >>> import minidl
        >>> from minidl.metrics.functional import structural_similarity_index_measure
        >>> image = minidl.linspace(0, 1, 256).reshape(1, 1, 16, 16)
        >>> structural_similarity_index_measure(image, image, data_range=1.0)
        tensor(1.)
        >>> structural_similarity_index_measure(image, 1 - image, data_range=1.0) < 0
        tensor(True)
    """
    who = "structural_similarity_index_measure"
    check_tensors(who, preds=preds, target=target)
    window = Window(gaussian_kernel, sigma, kernel_size, data_range, k1, k2)
    check_ssim(who, window, reduction, return_full_image, return_contrast_sensitivity)
    found = similarity_of(who, preds, target, window)
    mean = reduce(found.mean, reduction)
    if return_contrast_sensitivity or return_full_image:
        return mean, found.contrast if return_contrast_sensitivity else found.image
    return mean
