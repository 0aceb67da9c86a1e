"""The feature pyramid: maps of all depths with as many channels each, the deep ones added to the shallow ones."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from minidl.nn import Conv2d, Module, ModuleList, init
from minidl.nn import functional as F
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.misc import Conv2dNormActivation


class ExtraFPNBlock(Module):
    """What adds maps to a pyramid.

    It is called with the pyramid's results, its inputs and their names, and returns results and names.
    """

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, results, x, names)")


class FeaturePyramidNetwork(Module):
    """Maps of all depths with equally many channels, deep ones added to shallow ones.

    Called with a dict of maps (N, C_i, H_i, W_i), from the largest to the smallest, it returns one of the same names,
    (N, out_channels, H_i, W_i).

    A convolution of 1 by 1 makes the channels equal. From the smallest map on, each is enlarged and added to the next
    larger one; a convolution of 3 by 3 follows. extra_blocks: adds maps at the end, say `LastLevelMaxPool`.
    Errors: ValueError for 0 channels, TypeError for extra_blocks of another kind.
    Source: Lin et al., "Feature Pyramid Networks for Object Detection", 2016, https://arxiv.org/abs/1612.03144

        >>> import minidl
        >>> from minidl.vision import ops
        >>> pyramid = ops.FeaturePyramidNetwork([8, 16], out_channels=4)
        >>> maps = pyramid({"c2": minidl.randn(1, 8, 32, 32), "c3": minidl.randn(1, 16, 16, 16)})
        >>> {name: tuple(each.shape) for name, each in maps.items()}
        {'c2': (1, 4, 32, 32), 'c3': (1, 4, 16, 16)}
    """

    _version = 2

    def __init__(self, in_channels_list: list[int], out_channels: int, extra_blocks: ExtraFPNBlock | None = None,
                 norm_layer: Callable[..., Module] | None = None) -> None:
        super().__init__()
        if 0 in in_channels_list:
            raise ValueError(f"in_channels=0 is currently not supported, but got {in_channels_list}")
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks should be of type ExtraFPNBlock not {type(extra_blocks)}")
        self.inner_blocks = ModuleList([
            Conv2dNormActivation(channels, out_channels, 1, padding=0, norm_layer=norm_layer, activation_layer=None)
            for channels in in_channels_list])
        self.layer_blocks = ModuleList([
            Conv2dNormActivation(out_channels, out_channels, 3, norm_layer=norm_layer, activation_layer=None)
            for _ in in_channels_list])
        for module in self.modules():
            if isinstance(module, Conv2d):
                _start(module)
        self.extra_blocks = extra_blocks

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Before version 2 a block was the convolution itself."""
        if metadata.get("version", 1) < 2:
            for block in ("inner_blocks", "layer_blocks"):
                for i in range(len(self.inner_blocks)):
                    for name in ("weight", "bias"):
                        if f"{prefix}{block}.{i}.{name}" in state:
                            state[f"{prefix}{block}.{i}.0.{name}"] = state.pop(f"{prefix}{block}.{i}.{name}")

    def forward(self, x: Mapping[str, Tensor]) -> OrderedDict[str, Tensor]:
        names, maps = list(x), list(x.values())
        inner = self.inner_blocks[len(maps) - 1](maps[-1])
        results = [self.layer_blocks[len(maps) - 1](inner)]
        for i in range(len(maps) - 2, -1, -1):
            lateral = self.inner_blocks[i](maps[i])
            inner = lateral + F.interpolate(inner, size=lateral.shape[-2:], mode="nearest")
            results.insert(0, self.layer_blocks[i](inner))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


class LastLevelMaxPool(ExtraFPNBlock):
    """Adds "pool": every second pixel of the last result."""

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        return [*results, F.max_pool2d(results[-1], 1, 2, 0)], [*names, "pool"]


class LastLevelP6P7(ExtraFPNBlock):
    """Adds "p6" and "p7", two convolutions of stride 2, as RetinaNet has them.

    They start from the last result if it has in_channels channels as out_channels says, else from the last input.
    Source: Lin et al., "Focal Loss for Dense Object Detection", 2017, https://arxiv.org/abs/1708.02002
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = Conv2d(out_channels, out_channels, 3, 2, 1)
        for module in (self.p6, self.p7):
            _start(module)
        self.use_P5 = in_channels == out_channels

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        p6 = self.p6(results[-1] if self.use_P5 else x[-1])
        return [*results, p6, self.p7(F.relu(p6))], [*names, "p6", "p7"]


def _start(convolution: Conv2d) -> None:
    """The weights that a pyramid starts with."""
    init.kaiming_uniform_(convolution.weight, a=1)
    if convolution.bias is not None:
        init.zeros_(convolution.bias)
