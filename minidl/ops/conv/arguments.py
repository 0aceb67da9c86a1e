"""Argument checks shared by convolutions of one, two and three dimensions.

Numbers come as in PyTorch (an int, a tuple or "same") and leave as a geometry; images get a batch axis.
"""
from __future__ import annotations

from typing import Any

from minidl.backend.kernels.conv import ConvGeometry
from minidl.ops.base.checks import check_floating, check_images, check_tensors, numbers
from minidl.ops.base.hints import channels_first
from minidl.ops.shape.movement import pad
from minidl.ops.shape.views import unsqueeze


def conv_arguments(who: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
                   groups: Any) -> tuple[Any, ConvGeometry]:
    """Check the arguments; return the input as a batch, and the geometry."""
    check_images(who, input, dims)
    check_tensors(who, weight=weight, bias=weight if bias is None else bias)
    x = input if input.ndim == dims + 2 else unsqueeze(input, 0)
    if isinstance(padding, str):
        x, padding = _named_padding(who, dims, x, weight, stride, padding, dilation)
    geometry = _geometry(who, dims, stride, padding, dilation, groups)
    _check_kernel(who, dims, weight, bias, len(weight) if weight.ndim == dims + 2 else 0, groups)
    shape, w_shape = tuple(x.shape), tuple(weight.shape)
    if shape[1] != w_shape[1] * groups:
        raise RuntimeError(f"{who}: weight expects {w_shape[1]}*groups input channels but input has {shape[1]} "
                           f"(input {tuple(input.shape)}, weight {w_shape}, groups={groups})"
                           + channels_first(tuple(input.shape), w_shape[1] * groups, dims, input.dtype))
    check_floating(who, input=input, weight=weight, bias=bias)
    padded = [n + 2 * p for n, p in zip(shape[2:], geometry.padding)]
    spread = [d * (k - 1) + 1 for k, d in zip(w_shape[2:], geometry.dilation)]
    if any(k > n for k, n in zip(spread, padded)):
        raise RuntimeError(
            f"{who}: Calculated padded input size per channel: {_format_size(padded)}. Kernel size: "
            f"{_format_size(spread)}. Kernel size can't be greater than actual input size (input "
            f"{tuple(input.shape)}, weight {w_shape}); try padding or a smaller kernel")
    return x, geometry


def conv_transpose_arguments(who: str, dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
                             output_padding: Any, groups: Any,
                             dilation: Any) -> tuple[Any, tuple[Any, ...], ConvGeometry]:
    """Check the arguments; return the input as a batch, the result's size (H', W'), and the geometry."""
    check_images(who, input, dims)
    check_tensors(who, weight=weight, bias=weight if bias is None else bias)
    x = input if input.ndim == dims + 2 else unsqueeze(input, 0)
    geometry = _geometry(who, dims, stride, padding, dilation, groups)
    _check_kernel(who, dims, weight, bias, weight.shape[1] * groups if weight.ndim == dims + 2 else 0, groups)
    if x.shape[1] != len(weight):
        raise RuntimeError(f"{who}: weight expects {len(weight)} input channels but input has {x.shape[1]} "
                           f"(input {tuple(input.shape)}, weight {tuple(weight.shape)})"
                           + channels_first(tuple(input.shape), len(weight), dims, input.dtype))
    check_floating(who, input=input, weight=weight, bias=bias)
    extra = numbers(output_padding, dims, who, "output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, geometry.stride, geometry.dilation)):
        raise RuntimeError(f"{who}: output padding must be smaller than either stride or dilation, but got "
                           f"output_padding={extra}, stride={geometry.stride}, dilation={geometry.dilation}")
    size = tuple([(n - 1) * s - 2 * p + d * (k - 1) + e + 1
                  for n, k, e, s, p, d in zip(x.shape[2:], weight.shape[2:], extra, *geometry[:3])])
    if min(size) < 1:
        raise RuntimeError(f"{who}: Given input size per channel: {tuple(x.shape[2:])}. Calculated output size "
                           f"per channel: {_format_size(size)}. Output size is too small; try less padding")
    # With output_padding >= stride, convolving the result gives more rows than x has: those rows of x are zero.
    more = [e // s for e, s in zip(extra, geometry.stride)]
    return _pad_ends(x, more), size, geometry


def _geometry(who: str, dims: int, stride: Any, padding: Any, dilation: Any, groups: Any) -> ConvGeometry:
    if not isinstance(groups, int):
        raise TypeError(f"{who}(): argument 'groups' must be int, not {type(groups).__name__}")
    if groups < 1:
        raise RuntimeError(f"{who}: non-positive groups is not supported: groups={groups}")
    return ConvGeometry(numbers(stride, dims, who, "stride", 1), numbers(padding, dims, who, "padding", 0),
                        numbers(dilation, dims, who, "dilation", 1), groups)


def _check_kernel(who: str, dims: int, weight: Any, bias: Any, out_channels: int, groups: int) -> None:
    shape = tuple(weight.shape)
    if len(shape) != dims + 2 or not min(shape):
        raise RuntimeError(f"{who}: expected a {dims + 2}-dimensional weight with at least one element in each "
                           f"dimension, but got weight of size {shape}")
    if len(weight) % groups:
        raise RuntimeError(f"{who}: expected weight to be divisible by groups at dimension 0, but got weight of size "
                           f"{shape} and groups={groups}")
    if bias is not None and tuple(bias.shape) != (out_channels,):
        raise RuntimeError(f"{who}: expected bias to be 1-dimensional with {out_channels} elements, one for each "
                           f"output channel of weight {shape}, but got bias of size {tuple(bias.shape)} instead")


def _named_padding(who: str, dims: int, x: Any, weight: Any, stride: Any, padding: str,
                   dilation: Any) -> tuple[Any, Any]:
    """Turn padding="same" or "valid" into numbers.

    Where "same" needs an odd number of rows, the input gets the last one here.
    """
    if padding not in ("same", "valid"):
        raise RuntimeError(f"{who}: Invalid padding string: {padding!r}; expected 'same' or 'valid'")
    if padding == "valid" or weight.ndim != dims + 2:
        return x, 0
    if max(numbers(stride, dims, who, "stride", 1)) > 1:
        raise RuntimeError(f"{who}: padding='same' is not supported for strided convolutions: stride={stride}")
    total = [d * (k - 1) for d, k in zip(numbers(dilation, dims, who, "dilation", 1), weight.shape[2:])]
    return _pad_ends(x, [n % 2 for n in total]), tuple([n // 2 for n in total])


def _pad_ends(x: Any, more: list[int]) -> Any:
    """Pad each spatial axis of x with zeros at its end; `more` counts them."""
    return pad(x, [width for n in reversed(more) for width in (0, n)]) if any(more) else x


def _format_size(size: Any) -> str:
    """(3 x 4)"""
    return f"({' x '.join(map(str, size))})"
