"""Convolution and transposed convolution of images."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.creation import empty
from minidl.nn import functional as F
from minidl.nn.linear import init_layer
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.checks import Pair, pair
from minidl.tensor import Tensor

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv2d(Module):
    """What both convolutions share: the settings, checked, and the parameters."""

    bias: Parameter | None
    padding: Pair | str
    output_padding: Pair = (0, 0)
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
                 dilation: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any) -> None:
        super().__init__()
        who = self._get_name()
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
        self.kernel_size = pair(kernel_size, who, "kernel_size", 1)
        self.stride = pair(stride, who, "stride", 1)
        self.padding = padding if isinstance(padding, str) else pair(padding, who, "padding", 0)
        self.dilation = pair(dilation, who, "dilation", 1)
        self.groups = groups
        self.padding_mode = padding_mode
        outer, inner = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(empty(outer, inner // groups, *self.kernel_size, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init_layer(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, value, default in (("padding", self.padding, (0, 0)), ("dilation", self.dilation, (1, 1)),
                                     ("output_padding", self.output_padding, (0, 0)), ("groups", self.groups, 1),
                                     ("bias", self.bias is not None, True),
                                     ("padding_mode", self.padding_mode, "zeros")):
            if value != default:
                text += f", {name}={value}"
        return text


class Conv2d(_Conv2d):
    """A kernel slides over images; see `functional.conv2d`.

    input (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'), with C = in_channels and O = out_channels.
    weight (O, C/groups, kh, kw) and bias (O,) start uniform on [-r, r) with r = 1 / sqrt(C/groups * kh * kw).

    kernel_size, stride, padding, dilation: an int, or a pair (vertical, horizontal). padding: also "valid" for none,
    or "same" for as much as keeps the image's size. padding_mode: what the padding is made of, "zeros",
    "reflect" (the image mirrored), "replicate" (its edge) or "circular" (its other side).
    Errors: ValueError for groups that do not divide the channels, an unknown padding or mode; TypeError and
    RuntimeError for other numbers that make no sense.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
        >>> layer(minidl.randn(8, 3, 32, 32)).shape
        (8, 16, 16, 16)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Pair, stride: int | Pair = 1,
                 padding: int | Pair | str = 0, dilation: int | Pair = 1, groups: int = 1, bias: bool = True,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                         padding_mode, device, dtype)
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of ('same', 'valid')")
            if self.padding == "same" and self.stride != (1, 1):
                raise ValueError(f"padding='same' is not supported for strided convolutions, but got "
                                 f"stride={self.stride}")

    def forward(self, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._margins(), mode=self.padding_mode), 0
        return F.conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _margins(self) -> list[int]:
        """The padding as `F.pad` takes it: left, right, top, bottom."""
        if not isinstance(self.padding, str):
            return [width for width in reversed(self.padding) for _ in range(2)]
        if self.padding == "valid":
            return [0] * 4
        totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [width for total in reversed(totals) for width in (total // 2, total - total // 2)]


class ConvTranspose2d(_Conv2d):
    """The gradient of a convolution as a layer: it makes images larger; see `functional.conv_transpose2d`.

    input (N, C, H, W) or (C, H, W) -> (N, O, H', W') or (O, H', W'). weight (C, O/groups, kh, kw). Arguments, initial
    values and errors: as `Conv2d`, but only zeros are padded. output_padding: rows and columns added on one
    side, to choose among the sizes that a strided convolution maps to one; or call the layer with
    `output_size`, a pair.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.ConvTranspose2d(16, 3, kernel_size=3, stride=2, padding=1)
        >>> x = minidl.randn(8, 16, 16, 16)
        >>> layer(x).shape, layer(x, output_size=(32, 32)).shape
        ((8, 3, 31, 31), (8, 3, 32, 32))
    """

    transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Pair, stride: int | Pair = 1,
                 padding: int | Pair = 0, output_padding: int | Pair = 0, groups: int = 1, bias: bool = True,
                 dilation: int | Pair = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for ConvTranspose2d, but got "{padding_mode}"')
        if isinstance(padding, str):
            raise TypeError(f"ConvTranspose2d(): argument 'padding' must be an int or a pair of ints, but got "
                            f"{padding!r}")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                         padding_mode, device, dtype)
        self.output_padding = pair(output_padding, "ConvTranspose2d", "output_padding", 0)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding_for(input, output_size)
        assert not isinstance(self.padding, str)
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
                                  self.dilation)

    def _output_padding_for(self, input: Tensor, output_size: Sequence[int]) -> Pair:
        """The output padding that gives this size. Errors: ValueError where none does."""
        if len(output_size) not in (2, input.ndim):
            raise ValueError(f"ConvTranspose2d: for {input.ndim}D input, output_size must have 2 or {input.ndim} "
                             f"elements (got {len(output_size)})")
        wanted = list(output_size)[-2:]
        settings = zip(input.shape[-2:], self.kernel_size, self.stride, self.padding, self.dilation)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in settings]  # type: ignore[operator]
        most = [size + s - 1 for size, s in zip(least, self.stride)]
        if not all(low <= size <= high for low, size, high in zip(least, wanted, most)):
            raise ValueError(f"requested an output size of {wanted}, but valid sizes range from {least} to {most} "
                             f"(for an input of {tuple(input.shape[-2:])})")
        return wanted[0] - least[0], wanted[1] - least[1]
