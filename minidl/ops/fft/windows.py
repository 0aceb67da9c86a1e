"""Windows: weights that fade towards the ends of a piece of signal.

So the cut leaves few traces in the spectrum (Harris, "On the use of windows for harmonic analysis with the discrete
Fourier transform", 1978).

A `periodic` window, the default, is for the Fourier transform: its first element would follow the last.
Otherwise it is symmetric. All are 1-D, of the default dtype unless `dtype` is given.
Errors: TypeError unless the length is an int, RuntimeError for a negative one, or a dtype that is not floating.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, as_device, library_of, made_on
from minidl.backend.dtype import get_default_dtype
from minidl.ops.base.declaration import public

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                requires_grad: bool = False) -> Tensor:
    """w_j = (1 - cos(2 pi j / N)) / 2, with N = window_length if `periodic`, else window_length - 1.

        >>> import minidl
        >>> minidl.hann_window(4), minidl.hann_window(5, periodic=False)
        (tensor([0.0000, 0.5000, 1.0000, 0.5000]), tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000]))
    """
    return _window("hann_window", lambda t: 0.5 - 0.5 * np.cos(2 * math.pi * t), window_length, periodic, dtype, device,
                   requires_grad)


@public
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
                   dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """w_j = alpha - beta cos(2 pi j / N), N as for `hann_window`.

        >>> import minidl
        >>> minidl.hamming_window(4)
        tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window("hamming_window", lambda t: alpha - beta * np.cos(2 * math.pi * t), window_length, periodic, dtype,
                   device, requires_grad)


@public
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:
    """w_j = 0.42 - 0.5 cos(2 pi j / N) + 0.08 cos(4 pi j / N), N as for `hann_window`.

        >>> import minidl
        >>> minidl.blackman_window(5, periodic=False)[1:4]
        tensor([0.3400, 1.0000, 0.3400])
    """
    return _window("blackman_window",
                   lambda t: 0.42 - 0.5 * np.cos(2 * math.pi * t) + 0.08 * np.cos(4 * math.pi * t),
                   window_length, periodic, dtype, device, requires_grad)


@public
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:
    """w_j = 1 - |2 j / N - 1|: a triangle, N as for `hann_window`.

        >>> import minidl
        >>> minidl.bartlett_window(4)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", lambda t: 1 - np.abs(2 * t - 1), window_length, periodic, dtype, device,
                   requires_grad)


@public
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None,
                  device: Any = None, requires_grad: bool = False) -> Tensor:
    """w_j = I0(beta sqrt(1 - (2 j / N - 1)^2)) / I0(beta), I0 the modified Bessel function; N as for `hann_window`.

        >>> import minidl
        >>> minidl.kaiser_window(4, beta=2.0)
        tensor([0.4387, 0.8348, 1.0000, 0.8348])
    """
    def kaiser(t: Array) -> Array:
        i0 = library_of(t).special.i0
        return i0(beta * np.sqrt(1 - np.square(2 * t - 1))) / i0(beta)
    return _window("kaiser_window", kaiser, window_length, periodic, dtype, device, requires_grad)


def _window(who: str, shape: Callable[[Array], Array], length: int, periodic: bool, dtype: Any, device: Any,
            requires_grad: bool) -> Any:
    """A window from `shape`, a function of t from 0 (first) to 1 (last)."""
    if not hasattr(length, "__index__"):
        raise TypeError(f"{who}(): argument 'window_length' must be int, not {type(length).__name__}")
    if length < 0:
        raise RuntimeError(f"{who} requires non-negative window_length, got window_length={length}")
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind != "f":
        raise RuntimeError(f"{who} expects floating point dtypes, got: {dtype}")
    steps = length if periodic else length - 1
    result = wrap(made_on(as_device(device), lambda xp: (
        shape(xp.arange(length) / steps) if length > 1 else xp.ones(length)).astype(dtype)))
    result.requires_grad = requires_grad
    return result
