"""Functions that PyTorch's own code calls: documented ones, with every argument written out.

PyTorch does not document them, but exported programs are full of them.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.ops.base.declaration import alias, public
from minidl.ops.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from minidl.ops.random.dropouts import _dropout
from minidl.ops.reduce import norm
from minidl.ops.resize import affine_grid, grid_sample
from minidl.ops.shape import channel_shuffle
from minidl.ops.shape import pad as pad_tensor

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


@public
def convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Sequence[int], padding: Sequence[int],
                dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int) -> Tensor:
    """conv1d, conv2d or conv3d, by the dimensions of `weight`; `transposed`: conv_transpose1d and so on.

    Errors: RuntimeError where `weight` has other dimensions, and as the function that is called.

        >>> import minidl
        >>> signal, kernel = minidl.tensor([[[1.0, 2.0, 4.0]]]), minidl.tensor([[[-1.0, 1.0]]])
        >>> minidl.convolution(signal, kernel, None, (1,), (0,), (1,), False, (0,), 1)
        tensor([[[1., 2.]]])
    """
    dims = weight.ndim - 2
    if dims not in (1, 2, 3):
        raise RuntimeError(f"convolution: expected a weight of 3 to 5 dimensions, but got shape {tuple(weight.shape)}")
    stride, padding, dilation = tuple(stride), tuple(padding), tuple(dilation)
    if transposed:
        transpose: Any = (conv_transpose1d, conv_transpose2d, conv_transpose3d)[dims - 1]
        return transpose(input, weight, bias, stride, padding, tuple(output_padding), groups, dilation)
    function: Any = (conv1d, conv2d, conv3d)[dims - 1]
    return function(input, weight, bias, stride, padding, dilation, groups)


@public
def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int,
                 align_corners: bool) -> Tensor:
    """`grid_sample` with numbers for modes.

    0 'bilinear', 1 'nearest', 2 'bicubic'; 0 'zeros', 1 'border', 2 'reflection'. Errors: ValueError for other
    numbers, and as `grid_sample`.

        >>> import minidl
        >>> image, middle = minidl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), minidl.zeros(1, 1, 1, 2)
        >>> minidl.grid_sampler(image, middle, 0, 0, True)
        tensor([[[[2.5000]]]])
    """
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise ValueError(f"grid_sampler: expected interpolation_mode and padding_mode to be 0, 1 or 2, but got "
                         f"{interpolation_mode} and {padding_mode}")
    return grid_sample(input, grid, MODES[interpolation_mode], PADDING_MODES[padding_mode], align_corners)


grid_sampler_2d, grid_sampler_3d = alias("grid_sampler_2d", grid_sampler), alias("grid_sampler_3d", grid_sampler)
affine_grid_generator = alias("affine_grid_generator", affine_grid)
native_channel_shuffle = alias("native_channel_shuffle", channel_shuffle)


@public
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """`nn.functional.pad(input, pad, "constant", value)`.

        >>> import minidl
        >>> minidl.constant_pad_nd(minidl.tensor([1, 2]), (1, 1), 7)
        tensor([7, 1, 2, 7])
    """
    return pad_tensor(input, pad, "constant", value)


@public
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout of whole channels of (N, C, *). Errors: RuntimeError below 2 dimensions, and as `dropout`.

        >>> import minidl
        >>> y = minidl.feature_dropout(minidl.ones(1, 100, 3), 0.5, True)
        >>> set(y.sum(2).flatten().tolist()) == {0.0, 6.0}
        True
    """
    return _feature_dropout("feature_dropout", input, p, train, False)


@public
def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout` into `input` itself; returns `input`."""
    return _feature_dropout("feature_dropout_", input, p, train, True)


def _feature_dropout(who: str, input: Any, p: float, train: bool, inplace: bool) -> Any:
    if getattr(input, "ndim", 2) < 2:
        raise RuntimeError(f"{who}: Feature dropout requires at least 2 dimensions in the input, (N, C, ...), but got "
                           f"{tuple(input.shape)}")
    return _dropout(who, input, p, train, inplace, kept=2)


@public
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm of order `pow` over all dimensions but `dim`, kept; of all elements for dim=-1.

        >>> import minidl
        >>> minidl.norm_except_dim(minidl.tensor([[3.0, 4.0], [6.0, 8.0]]))
        tensor([[ 5.],
                [10.]])
    """
    if dim == -1:
        return norm(v, pow)
    others = tuple([axis for axis in range(v.ndim) if axis != dim])
    return norm(v, pow, others, keepdim=True) if others else abs(v)
