"""The short-time Fourier transform of signals, and its inverse: a spectrum for each window."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.device import array_module
from minidl.backend.dtype import real_of
from minidl.backend.warn import warn
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.complex_parts import view_as_real
from minidl.ops.fft.transforms import fft, ifft, irfft, rfft
from minidl.ops.index.window import WindowSum, unfold
from minidl.ops.linalg.equations import wrap_like
from minidl.ops.shape.movement import pad
from minidl.ops.shape.views import array_of, expand, narrow, reshape, transpose

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def stft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
         window: Tensor | None = None, center: bool = True, pad_mode: str = "reflect", normalized: bool = False,
         onesided: bool | None = None, return_complex: bool | None = None,
         align_to_window: bool | None = None) -> Tensor:
    """The Fourier transforms of a signal under a sliding window.

        y[k, m] = sum_j window[j] x[m hop_length + j] e^(-2 pi i jk / n_fft)

    input: (L) or (N, L), real or complex; window: (win_length), ones by default, centred in n_fft places.
    Returns (K, M) or (N, K, M), complex, with K frequencies and M pieces: K is n_fft // 2 + 1 if `onesided` (the
    default for real numbers), else n_fft.

    hop_length: the step of the window, n_fft // 4 by default; win_length: its length, n_fft by default. With
    `center`, the signal is padded with n_fft // 2 elements at either end, by `pad_mode`, so that piece m is centred
    at m hop_length. `normalized` divides by sqrt(n_fft). `return_complex` must be given for real signals; with False
    the result is real, with both parts along a last axis, which PyTorch advises against. `align_to_window`, without
    `center`: if the window is shorter than n_fft, the signal begins with the window, not with the n_fft places
    around it. Errors: RuntimeError where sizes do not fit.

        >>> import minidl
        >>> x = minidl.sin(minidl.arange(64) * (2 * minidl.pi / 8))        # a period of 8 samples
        >>> y = minidl.stft(x, 16, window=minidl.hann_window(16), return_complex=True)
        >>> y.shape, y.abs().mean(dim=1).argmax()           # 64 / 4 + 1 pieces; frequency 2 of 16 is the strongest
        ((9, 17), tensor(2))
    """
    who = "stft"
    check_tensors(who, input=input)
    if input.dtype.kind not in "fc":
        raise RuntimeError(f"{who}: expected a tensor of floating point or complex values, but got {input.dtype}")
    is_complex = input.dtype.kind == "c" or window is not None and window.dtype.kind == "c"
    if return_complex is None and not is_complex:
        raise RuntimeError(f"{who} requires the return_complex parameter be given for real inputs; try "
                           f"return_complex=True")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{who}: expected a 1D or 2D tensor, but got shape {tuple(input.shape)}")
    hop, window, margins = _window(who, n_fft, hop_length, win_length, window, input)
    onesided = _onesided(who, not is_complex if onesided is None else onesided, is_complex)
    if center and align_to_window is not None:
        raise RuntimeError(f"{who} align_to_window should only be set when center = false")
    x = input if input.ndim == 2 else reshape(input, (1, -1))
    if center:
        x = pad(x, (n_fft // 2, n_fft // 2), pad_mode)
    elif align_to_window:
        x = pad(x, margins)
    if not 0 < n_fft <= x.shape[1]:
        raise RuntimeError(f"{who}: expected 0 < n_fft <= {x.shape[1]}, the length of the signal, but got "
                           f"n_fft={n_fft}")
    pieces = unfold(x, 1, n_fft, hop)                               # (N, L) -> (N, M, n_fft)
    y = (rfft if onesided else fft)(pieces * window, norm="ortho" if normalized else "backward")
    y = transpose(y, 1, 2)                                          # -> (N, K, M)
    y = y if input.ndim == 2 else reshape(y, y.shape[1:])
    return y if return_complex or return_complex is None else view_as_real(y)


@public
def istft(input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None,
          window: Tensor | None = None, center: bool = True, normalized: bool = False, onesided: bool | None = None,
          length: int | None = None, return_complex: bool = False) -> Tensor:
    """The inverse of `stft` with the same arguments.

    For any other input, the signal whose pieces come closest to it in squares:

        x[t] = sum_m window[j] piece_m[j] / sum_m window[j]^2,    j = t - m hop_length

    input: (K, M) or (N, K, M), complex; returns (L) or (N, L), cut or padded with zeros to `length`.
    The result is real unless `return_complex`, which needs `onesided=False`. By default, `onesided` follows from K.
    Errors: RuntimeError where sizes do not fit, or where the windows leave gaps.

    Source: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.

        >>> import minidl
        >>> x = minidl.arange(8.0)
        >>> y = minidl.stft(x, 4, window=minidl.hann_window(4), return_complex=True)
        >>> minidl.istft(y, 4, window=minidl.hann_window(4)).round()
        tensor([0., 1., 2., 3., 4., 5., 6., 7.])
    """
    who = "istft"
    check_tensors(who, input=input)
    if input.dtype.kind != "c":
        raise RuntimeError(f"{who} requires a complex-valued input tensor matching the output from stft with "
                           f"return_complex=True, but got {input.dtype}")
    if input.ndim not in (2, 3) or 0 in input.shape:
        raise RuntimeError(f"{who}: expected a tensor (K, M) or (N, K, M) with elements, but got shape "
                           f"{tuple(input.shape)}")
    hop, window, _ = _window(who, n_fft, hop_length, win_length, window, input)
    onesided = _onesided(who, input.shape[-2] != n_fft if onesided is None else onesided,
                         return_complex or window.dtype.kind == "c")
    if input.shape[-2] != (n_fft // 2 + 1 if onesided else n_fft):
        places = "n_fft / 2 + 1" if onesided else "n_fft"
        raise RuntimeError(f"{who}: expected the frequency dimension (second to last) to be {places} to match "
                           f"n_fft={n_fft} and onesided={onesided}, but got {input.shape[-2]}")
    y = input if input.ndim == 3 else reshape(input, (1, *input.shape))
    y = transpose(y, 1, 2)                                          # (N, K, M) -> (N, M, K)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        pieces = ifft(y, norm=norm)                                 # -> (N, M, n_fft)
    else:
        pieces = irfft(narrow(y, 2, 0, n_fft // 2 + 1), n_fft, norm=norm)
    m = y.shape[1]
    size = n_fft + hop * (m - 1)
    total = WindowSum(1, n_fft, hop, (y.shape[0], size))(pieces * window)       # -> (N, L)
    weight = WindowSum(0, n_fft, hop, (size,))(expand(window * window, (m, n_fft)))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else size - start
    stop = min(end, size)
    weight = narrow(weight, 0, start, stop - start)
    if not bool((np.abs(array_of(weight)) > 1e-11).all()):
        raise RuntimeError(f"{who}: window overlap add min: the windows leave gaps, in which nothing is known of the "
                           f"signal; try a smaller hop_length, or center=True")
    x = narrow(total, 1, start, stop - start) / weight
    if end > stop:
        warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in "
             "the tail. Please check your center and hop_length settings.")
        x = pad(x, (0, end - stop))
    return x if input.ndim == 3 else reshape(x, (-1,))


def _window(who: str, n_fft: int, hop_length: int | None, win_length: int | None, window: Any,
            input: Any) -> tuple[int, Any, tuple[int, int]]:
    """The step, the window padded to n_fft, and the number of zeros.

    Errors: RuntimeError where sizes do not fit.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{who}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < size <= n_fft:
        raise RuntimeError(f"{who}: expected 0 < win_length <= n_fft, but got win_length={size}")
    if window is None:
        window = wrap_like(input, array_module(array_of(input)).ones(size, real_of(input.dtype)))
    if tuple(window.shape) != (size,):
        raise RuntimeError(f"{who}: expected a 1D window tensor of size equal to win_length={size}, but got window "
                           f"with size {tuple(window.shape)}")
    if window.dtype.kind == "b":
        window = cast(window, real_of(input.dtype))     # its square counts places, so it must be a number
    left = (n_fft - size) // 2
    margins = left, n_fft - size - left
    return hop, pad(window, margins) if size < n_fft else window, margins


def _onesided(who: str, onesided: bool, is_complex: bool) -> bool:
    if onesided and is_complex:
        raise RuntimeError(f"{who}: Cannot have onesided output if window or input is complex")
    return onesided
