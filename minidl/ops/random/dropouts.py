"""Dropout: in training, set random parts of the input to 0.

So a network cannot rely on any single part. The rest is scaled by 1/(1-p): the expected value stays the same, and
nothing needs to change after training. The mask is drawn first and is an input of the op, which is then linear.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.inplace import write
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, device_of
from minidl.backend.warn import warn
from minidl.ops.base.broadcast import Shape
from minidl.ops.base.checks import check_floating, check_tensors
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import Elementwise
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Dropout(Elementwise):
    """y = x * mask, where the mask holds 0 and 1/(1-p); a dropped x gets no gradient."""

    def forward(self, x: Array, mask: Array) -> Array:
        return x * mask

    def grad_x(self, g: Value, mask: Value) -> Value:
        return Dropout()(g, mask)


def draw_mask(like: Array, shape: Shape, p: float, scale: float) -> Array:
    """An array on the device and in the dtype of `like`: 0 with probability p, else `scale`."""
    stream = default_generator(device_of(like)).stream
    mask = stream.random(shape, dtype=np.float64 if like.dtype == np.float64 else np.float32)
    np.greater_equal(mask, p, out=mask)
    mask *= scale
    return mask.astype(like.dtype, copy=False)


@public
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to 0 with probability p, else divide it by 1-p. When not training: `input` itself.

    inplace: write into the memory of `input`.
    Errors: ValueError where p is not between 0 and 1, RuntimeError unless `input` is floating.

    Source: Srivastava et al., "Dropout", 2014, https://jmlr.org/papers/v15/srivastava14a.html

        >>> import minidl
        >>> x = minidl.ones(1000)
        >>> y = minidl.nn.functional.dropout(x, p=0.2)
        >>> set(y.tolist()) == {0.0, 1.25}
        True
        >>> minidl.nn.functional.dropout(x, p=0.2, training=False) is x
        True
    """
    return _dropout("dropout", input, p, training, inplace)


@public
def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout`, written into `input`; returns `input`."""
    return dropout(input, p, train, inplace=True)


@public
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, L) or (C, L). Errors: as `dropout`, and RuntimeError for other shapes.

        >>> import minidl
        >>> y = minidl.nn.functional.dropout1d(minidl.ones(1, 100, 3))
        >>> set(y.sum(2).flatten().tolist()) == {0.0, 6.0}
        True
    """
    return _dropout("dropout1d", input, p, training, inplace, (2, 3), kept=getattr(input, "ndim", 0) - 1)


@public
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, H, W): neighbouring pixels are similar, so drop them together.

    With three dimensions, the first two are taken as N and C, as PyTorch does; with others than three or four they are,
    too, and a warning says that `dropout` is meant for them.
    Errors: as `dropout`, and RuntimeError in training with less than two dimensions.

    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2014,
    https://arxiv.org/abs/1411.4280

        >>> import minidl
        >>> y = minidl.nn.functional.dropout2d(minidl.ones(1, 100, 2, 2))
        >>> set(y.sum((2, 3)).flatten().tolist()) == {0.0, 8.0}
        True
    """
    _warn_of_dims("dropout2d", input, (3, 4))
    return _dropout("dropout2d", input, p, training, inplace, kept=2)


@public
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Others than five dimensions are taken as (C, ...), and others than four and five bring a warning.
    Errors: as `dropout`.

        >>> import minidl
        >>> y = minidl.nn.functional.dropout3d(minidl.ones(1, 100, 2, 1, 2))
        >>> set(y.sum((2, 3, 4)).flatten().tolist()) == {0.0, 8.0}
        True
    """
    _warn_of_dims("dropout3d", input, (4, 5))
    return _dropout("dropout3d", input, p, training, inplace, kept=2 if getattr(input, "ndim", 0) == 5 else 1)


def _warn_of_dims(who: str, input: Any, dims: tuple[int, ...]) -> None:
    """Warn, as PyTorch does, where the input has no channels of that kind; older programs pass vectors."""
    ndim = getattr(input, "ndim", dims[0])
    if ndim not in dims:
        warn(f"{who}: Received a {ndim}-D input to {who}, which is deprecated and will result in an error in a future "
             f"release. To retain the behavior and silence this warning, please use dropout instead. {who} is for "
             f"{dims[0]}D or {dims[1]}D inputs.")


@public
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for `selu`: set elements to selu's lowest value, and keep mean 0 and variance 1.

    To keep them, all elements are then scaled and shifted.

    Arguments and errors: as `dropout`.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017, https://arxiv.org/abs/1706.02515

        >>> import minidl
        >>> y = minidl.nn.functional.alpha_dropout(minidl.randn(100000), p=0.2, training=True)
        >>> abs(y.mean().item()) < 0.03, abs(y.var().item() - 1) < 0.03
        (True, True)
    """
    return _alpha_dropout("alpha_dropout", input, p, training, inplace, None)


@public
def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`alpha_dropout`, written into `input`; returns `input`."""
    return alpha_dropout(input, p, train, inplace=True)


@public
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, *). Errors: as `dropout`, and RuntimeError below two dimensions.

        >>> import minidl
        >>> y = minidl.nn.functional.feature_alpha_dropout(minidl.ones(2, 100, 3), training=True)
        >>> len(set(y.flatten().tolist()))
        2
        >>> bool((y == y[:, :, :1]).all())
        True
    """
    if training and getattr(input, "ndim", 2) < 2:
        raise RuntimeError(f"feature_alpha_dropout: Feature dropout requires at least 2 dimensions in the input, "
                           f"(N, C, ...), but got {tuple(input.shape)}")
    return _alpha_dropout("feature_alpha_dropout", input, p, training, inplace, 2)


@public
def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_alpha_dropout`, written into `input`; returns `input`."""
    return feature_alpha_dropout(input, p, train, inplace=True)


def _alpha_dropout(who: str, input: Any, p: float, training: bool, inplace: bool, kept: int | None) -> Any:
    _check_probability(p)
    if not training or p == 0:
        check_tensors(who, input=input)
        return input
    check_floating(who, input=input)
    if p == 1:
        return _dropout(who, input, p, training, inplace)
    lowest = -1.7580993408473766                                  # the lower limit of selu, -scale * alpha
    scale = 1 / math.sqrt((1 - p) * (1 + p * lowest * lowest))
    x = input.array if isinstance(input, TensorBase) else input
    mask = draw_mask(x, _mask_shape(x.shape, kept), p, scale)
    shift = (scale - mask) * lowest - p * scale * lowest    # dropped elements become `lowest`, then all shift
    if inplace:
        return write(write(input, Dropout(), mask, who=who), Shift(), shift, who=who)
    return Shift()(Dropout()(input, mask), shift)


class Shift(Elementwise):
    """y = x + shift, for a constant array."""

    def forward(self, x: Array, shift: Array) -> Array:
        return x + shift

    def grad_x(self, g: Value) -> Value:
        return g


def _dropout(who: str, input: Any, p: float, training: bool, inplace: bool, dims: tuple[int, ...] = (),
             kept: int | None = None) -> Any:
    """Dropout with a mask over the first `kept` dimensions, or over all."""
    _check_probability(p)
    if training:
        check_floating(who, input=input)
    shape = tuple(input.shape)
    if dims and len(shape) not in dims:
        raise RuntimeError(f"{who}: Expected {dims[0]}D or {dims[1]}D input, but received a {len(shape)}-D input of "
                           f"shape {shape}; dropout takes any")
    if not training or p == 0:
        return input
    if len(shape) < (kept or 0):
        raise RuntimeError(f"{who}: Feature dropout requires at least 2 dimensions in the input, (N, C, ...), but got "
                           f"{shape}")
    x = input.array if isinstance(input, TensorBase) else input
    mask = draw_mask(x, _mask_shape(shape, kept), p, 1 / (1 - p) if p < 1 else 0.0)
    return write(input, Dropout(), mask, who=who) if inplace else Dropout()(input, mask)


def _mask_shape(shape: Shape, kept: int | None) -> Shape:
    """The shape of a mask over the first `kept` dimensions."""
    return shape if kept is None else (*shape[:kept], *[1] * (len(shape) - kept))


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
