"""Convolution and transposed convolution of signals, images and volumes."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.nn import functional as F
from minidl.nn.linear import init_layer
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.base import numbers
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")

Numbers = int | tuple[int, ...]
"""An int for all spatial axes, or one for each."""


class _ConvNd(Module):
    """Base class of all convolutions: checked settings, and the parameters."""

    dims: int                       # number of spatial axes
    convolve: Callable[..., Any]    # the function that computes it
    transposed = False
    bias: Parameter | None
    padding: tuple[int, ...] | str

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
                 dilation: Any, output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any,
                 dtype: Any) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"groups must be a positive integer, but got groups={groups}")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{name} must be divisible by groups, but got {name}={channels}, groups={groups}")
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {list(PADDING_MODES)}, but got "
                             f"padding_mode='{padding_mode}'")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._check_numbers("kernel_size", kernel_size, 1)
        self.stride = self._check_numbers("stride", stride, 1)
        self.padding = padding if isinstance(padding, str) else self._check_numbers("padding", padding, 0)
        self.dilation = self._check_numbers("dilation", dilation, 1)
        self.output_padding = self._check_numbers("output_padding", output_padding, 0)
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def _check_numbers(self, name: str, value: Any, least: int) -> tuple[int, ...]:
        return numbers(value, self.dims, self._get_name(), name, least)

    def _weight_shape(self) -> tuple[int, ...]:
        outer, inner = self.out_channels, self.in_channels
        if self.transposed:
            outer, inner = inner, outer
        return outer, inner // self.groups, *self.kernel_size

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init_layer(self.weight, self.bias)

    @property
    def _reversed_padding_repeated_twice(self) -> list[int]:
        """The padding in the order of `F.pad`, last axis first: left, right, top, bottom, front, back."""
        if not isinstance(self.padding, str):
            return [width for width in reversed(self.padding) for _ in range(2)]
        if self.padding == "valid":
            return [0] * (2 * self.dims)
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [width for total in reversed(totals) for width in (total // 2, total - total // 2)]

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zeros, ones = (0,) * self.dims, (1,) * self.dims
        for name, value, default in (("padding", self.padding, zeros), ("dilation", self.dilation, ones),
                                     ("output_padding", self.output_padding, zeros), ("groups", self.groups, 1),
                                     ("bias", self.bias is not None, True),
                                     ("padding_mode", self.padding_mode, "zeros")):
            if value != default:
                text += f", {name}={value}"
        return text


class _Conv(_ConvNd):
    """A kernel slides over the input."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Numbers, stride: Numbers = 1,
                 padding: Numbers | str = 0, dilation: Numbers = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of ('same', 'valid')")
            if self.padding == "same" and max(self.stride) > 1:
                raise ValueError(f"padding='same' is not supported for strided convolutions, but got "
                                 f"stride={self.stride}")

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """`forward` with another weight: programs that change the weight first call it, so it has PyTorch's name."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode), 0
        return self.convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """A kernel slides over signals; see `functional.conv1d`.

    input (N, C, L) or (C, L) -> (N, O, L') or (O, L'). weight (O, C/groups, k), bias (O,). Arguments, initial values
    and errors: as `Conv2d`, with one number instead of a pair.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Conv1d(4, 8, kernel_size=3, padding="same")(minidl.randn(2, 4, 20)).shape
        (2, 8, 20)
    """

    dims = 1
    convolve = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """A kernel slides over images; see `functional.conv2d`.

    input (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'), with C = in_channels and O = out_channels.
    weight (O, C/groups, kh, kw) and bias (O,) start uniform on [-r, r) with r = 1 / sqrt(C/groups * kh * kw).

    kernel_size, stride, padding, dilation: an int, or a pair (vertical, horizontal). padding: also "valid" for none,
    or "same", which keeps the image's size. padding_mode: what the padding is filled with: "zeros",
    "reflect" (the mirrored image), "replicate" (its edge) or "circular" (its opposite side).
    Errors: ValueError for groups that do not divide the channels, an unknown padding or mode; TypeError and
    RuntimeError for other numbers that make no sense.
    Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
        >>> layer(minidl.randn(8, 3, 32, 32)).shape
        (8, 16, 16, 16)
    """

    dims = 2
    convolve = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """A kernel slides over volumes or videos; see `functional.conv3d`.

    input (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'). weight (O, C/groups, kd, kh, kw),
    bias (O,). Arguments, initial values and errors: as `Conv2d`, with triples (depth, vertical, horizontal).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Conv3d(1, 2, kernel_size=(3, 2, 2))(minidl.randn(1, 1, 5, 6, 6)).shape
        (1, 2, 3, 5, 5)
    """

    dims = 3
    convolve = staticmethod(F.conv3d)


# ---------------------------------------------------------------------- transposed

class _ConvTranspose(_ConvNd):
    """The gradient of a convolution as a layer."""

    transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Numbers, stride: Numbers = 1,
                 padding: Numbers = 0, output_padding: Numbers = 0, groups: int = 1, bias: bool = True,
                 dilation: Numbers = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}, but got '
                             f'"{padding_mode}"')
        if isinstance(padding, str):
            raise TypeError(f"{type(self).__name__}(): argument 'padding' must be an int or a pair of ints, but got "
                            f"{padding!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
                         bias, padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding_for(input, output_size)
        return self.convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
                             self.dilation)

    def _output_padding_for(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that gives this size. Errors: ValueError where none does."""
        if len(output_size) not in (self.dims, input.ndim):
            raise ValueError(f"{self._get_name()}: for {input.ndim}D input, output_size must have {self.dims} or "
                             f"{input.ndim} elements (got {len(output_size)})")
        wanted = list(output_size)[-self.dims:]
        size = input.shape[-self.dims:]
        settings = zip(size, self.kernel_size, self.stride, self.padding, self.dilation)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in settings]  # type: ignore[operator]
        most = [length + s - 1 for length, s in zip(least, self.stride)]
        if not all(low <= length <= high for low, length, high in zip(least, wanted, most)):
            raise ValueError(f"requested an output size of {wanted}, but valid sizes range from {least} to {most} "
                             f"(for an input of {tuple(size)})")
        return tuple([length - low for length, low in zip(wanted, least)])


class ConvTranspose1d(_ConvTranspose):
    """The gradient of a convolution of signals as a layer; see `functional.conv_transpose1d`.

    input (N, C, L) or (C, L) -> (N, O, L') or (O, L'). weight (C, O/groups, k). Arguments, initial values and errors:
    as `ConvTranspose2d`, with one number instead of a pair.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ConvTranspose1d(8, 4, kernel_size=4, stride=2, padding=1)(minidl.randn(2, 8, 10)).shape
        (2, 4, 20)
    """

    dims = 1
    convolve = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The gradient of a convolution as a layer; see `functional.conv_transpose2d`.

    With a stride it makes images larger.
    input (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'). weight (C, O/groups, kh, kw). Arguments, initial
    values and errors: as `Conv2d`, but only zeros are padded. output_padding: rows and columns added on one
    side. A strided convolution maps several sizes to one; this chooses among them. Or call the layer
    with `output_size`, a pair.
    Source: Zeiler et al., "Deconvolutional Networks", 2010.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.ConvTranspose2d(16, 3, kernel_size=3, stride=2, padding=1)
        >>> x = minidl.randn(8, 16, 16, 16)
        >>> layer(x).shape, layer(x, output_size=(32, 32)).shape
        ((8, 3, 31, 31), (8, 3, 32, 32))
    """

    dims = 2
    convolve = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """The gradient of a convolution of volumes as a layer; see `functional.conv_transpose3d`.

    input (N, C, D, H, W) or (C, D, H, W) -> (N, O, D', H', W') or (O, D', H', W'). weight (C, O/groups, kd, kh, kw).
    Arguments, initial values and errors: as `ConvTranspose2d`, with triples (depth, vertical, horizontal).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ConvTranspose3d(4, 2, kernel_size=2, stride=2)(minidl.randn(1, 4, 3, 4, 5)).shape
        (1, 2, 6, 8, 10)
    """

    dims = 3
    convolve = staticmethod(F.conv_transpose3d)
