"""The standard's extension for Fourier transforms: minidl's own, which understand `axis`."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minidl import fft as ops
from minidl.fft import fft, fftfreq, hfft, ifft, ihfft, irfft, rfft, rfftfreq

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]


def _of_axes(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A transform along several axes, which the standard calls `axes`."""
    def called(x: Tensor, /, *, s: Sequence[int] | None = None, axes: Sequence[int] | None = None,
               norm: str = "backward") -> Tensor:
        return function(x, s, axes, norm)
    called.__name__ = called.__qualname__ = function.__name__
    called.__doc__ = f"`minidl.fft.{function.__name__}`, whose `dim` is called `axes` here."
    return called


fftn = _of_axes(ops.fftn)
ifftn = _of_axes(ops.ifftn)
rfftn = _of_axes(ops.rfftn)
irfftn = _of_axes(ops.irfftn)


def fftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """The frequency 0 moved to the middle."""
    return ops.fftshift(x, axes)


def ifftshift(x: Tensor, /, *, axes: Any = None) -> Tensor:
    """The frequency 0 moved back to the front."""
    return ops.ifftshift(x, axes)
