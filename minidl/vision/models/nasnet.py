"""NASNet-A: Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", 2018.
https://arxiv.org/abs/1707.07012

A search chose two cells on small images, one that keeps the size and one that halves it; a network for large images
stacks them. A cell sees the outputs of the two cells before it, and adds pairs of what simple layers make of them.
The keys of the state dict are those of the authors' weights in PyTorch, which timm's `nasnetalarge` has, too. The
second head and the dropped paths of the authors' training are left out, as they are there.
"""
from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model

Pair = tuple[tuple[str, str], tuple[str, str]]
"""Two summands, each a layer and what it sees."""

NORMAL_CELL: tuple[Pair, ...] = (
    (("separable 5", "x"), ("separable 3", "before")),
    (("separable 5", "before"), ("separable 3", "before")),
    (("average 3", "x"), ("identity", "before")),
    (("average 3", "before"), ("average 3", "before")),
    (("separable 3", "x"), ("identity", "x")),
)
REDUCTION_CELL: tuple[Pair, ...] = (
    (("separable 5", "x"), ("separable 7", "before")),
    (("max 3", "x"), ("separable 7", "before")),
    (("average 3", "x"), ("separable 5", "before")),
    (("identity", "pair 1"), ("average 3", "pair 0")),
    (("separable 3", "pair 0"), ("max 3", "x")),
)
"""The cells that the search found. `x` is the output of the cell before, `before` that of the one before it."""

NORMAL_OUTPUTS = ("before", *(f"pair {i}" for i in range(5)))
REDUCTION_OUTPUTS = tuple(f"pair {i}" for i in range(1, 5))
"""What each cell concatenates."""

SIDES = "left", "right"


# ---------------------------------------------------------------------- layers

class _SamePadding(nn.Module):
    """Pad as TensorFlow does, so that a window with this stride gives ceil(size / stride): less above, more below."""

    def __init__(self, kernel_size: int, stride: int, value: float = 0.0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.value = kernel_size, stride, value

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size in (x.shape[-1], x.shape[-2]):
            whole = max((math.ceil(size / self.stride) - 1) * self.stride + self.kernel_size - size, 0)
            pads += [whole // 2, whole - whole // 2]
        return F.pad(x, pads, value=self.value)


def _pool(kind: str, kernel_size: int, stride: int) -> nn.Module:
    """A mean at stride 1 leaves the padding out, one at stride 2 counts its zeros, as timm's do."""
    if stride == 1:
        return nn.AvgPool2d(kernel_size, 1, padding=kernel_size // 2, count_include_pad=False)
    if kind == "max":
        return nn.Sequential(_SamePadding(kernel_size, stride, -math.inf), nn.MaxPool2d(kernel_size, stride))
    return nn.Sequential(_SamePadding(kernel_size, stride), nn.AvgPool2d(kernel_size, stride))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=0.001)


class _ReLUConvNorm(nn.Module):
    """ReLU, convolution 1x1 and norm."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = _norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(F.relu(x)))


class _SeparableConv2d(nn.Module):
    """Each channel through its own window, then 1x1 over the channels."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.pad = _SamePadding(kernel_size, stride)
        self.depthwise_conv2d = nn.Conv2d(in_channels, in_channels, kernel_size, stride, groups=in_channels, bias=False)
        self.pointwise_conv2d = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv2d(self.depthwise_conv2d(self.pad(x)))


class _Separables(nn.Module):
    """ReLU, separable convolution and norm, twice; the first one has the stride."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.separable_1 = _SeparableConv2d(in_channels, out_channels, kernel_size, stride)
        self.bn_sep_1 = _norm(out_channels)
        self.separable_2 = _SeparableConv2d(out_channels, out_channels, kernel_size, 1)
        self.bn_sep_2 = _norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn_sep_1(self.separable_1(F.relu(x)))
        return self.bn_sep_2(self.separable_2(F.relu(x)))


def _layer(name: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A layer of the tables by its kind and the side of its window: "separable 5"."""
    kind, size = name.split()
    if kind == "separable":
        return _Separables(in_channels, out_channels, int(size), stride)
    return _pool(kind, int(size), stride)


# ---------------------------------------------------------------------- cells

class _FirstCell(nn.Module):
    """The pairs of a table, concatenated: (N, 6 width, H, W), or (N, 4 width, H/2, W/2) of the one that reduces.

    Args:
        channels: of the input.
        width: channels of each pair.
        channels_before: of the input before that, which the pairs see as it is.
    """

    def __init__(self, table: tuple[Pair, ...], channels: int, width: int, channels_before: int) -> None:
        super().__init__()
        self.table, self.reduces = table, table is REDUCTION_CELL
        self.conv_1x1 = _ReLUConvNorm(channels, width)
        for i, pair in enumerate(table):
            for side, (name, source) in zip(SIDES, pair):
                if name != "identity":
                    stride = 2 if self.reduces and source in ("x", "before") else 1     # pairs are half as large
                    layer = _layer(name, channels_before if source == "before" else width, width, stride)
                    self.add_module(f"comb_iter_{i}_{side}", layer)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        found = {"x": self.conv_1x1(x), "before": before}
        for i, pair in enumerate(self.table):
            left, right = (self._applied(f"comb_iter_{i}_{side}", found[source])
                           for side, (_, source) in zip(SIDES, pair))
            found[f"pair {i}"] = left + right
        names = REDUCTION_OUTPUTS if self.reduces else NORMAL_OUTPUTS
        return cat([found[name] for name in names], 1)

    def _applied(self, layer: str, x: Tensor) -> Tensor:
        return getattr(self, layer)(x) if layer in self._modules else x     # else the identity


class _Cell(_FirstCell):
    """A cell whose inputs have one size: a convolution 1x1 brings both to its width."""

    def __init__(self, table: tuple[Pair, ...], channels: int, width: int, channels_before: int) -> None:
        super().__init__(table, channels, width, width)
        self.conv_prev_1x1 = _ReLUConvNorm(channels_before, width)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return super().forward(x, self.conv_prev_1x1(before))


class _CellBehindReduction(_FirstCell):
    """A cell whose input before is twice as large: every second pixel, and its neighbour below and to the right."""

    def __init__(self, table: tuple[Pair, ...], channels: int, width: int, channels_before: int) -> None:
        super().__init__(table, channels, width, width)
        self.path_1 = nn.Sequential(OrderedDict(conv=nn.Conv2d(channels_before, width // 2, 1, bias=False)))
        self.path_2 = nn.Sequential(OrderedDict(conv=nn.Conv2d(channels_before, width // 2, 1, bias=False)))
        self.final_path_bn = _norm(width)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        before = F.relu(before)
        shifted = F.pad(before, (-1, 1, -1, 1))
        halves = [self.path_1(before[:, :, ::2, ::2]), self.path_2(shifted[:, :, ::2, ::2])]
        return super().forward(x, self.final_path_bn(cat(halves, 1)))


# ---------------------------------------------------------------------- the network

class NASNet(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, H, W), from 3 pixels on.

    Args:
        cells: how many stand between two reductions: the paper's N.
        features: channels behind the last cell, a multiple of 96.
        stem: channels of the first convolution.
        skip_reduction: the cell behind a reduction sees what the reduction saw as the cell before it, not its input.
        dropout: the share of numbers that is set to 0 before the last layer, in training.

    Errors: ValueError unless features is a multiple of 96, and cells and stem are positive.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.NASNet(cells=1, features=96, stem=8, num_classes=10)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, cells: int, features: int, stem: int, skip_reduction: bool = False, num_classes: int = 1000,
                 dropout: float = 0.5, in_channels: int = 3) -> None:
        super().__init__()
        if cells < 1 or stem < 1 or features < 96 or features % 96:
            raise ValueError(f"NASNet: expected cells and stem of at least 1, and features in multiples of 96, got "
                             f"cells={cells}, stem={stem}, features={features}")
        self.skip_reduction = skip_reduction
        self.conv0 = nn.Sequential(OrderedDict(conv=nn.Conv2d(in_channels, stem, 3, stride=2, bias=False),
                                               bn=_norm(stem)))
        width = features // 24
        self.cell_stem_0 = _FirstCell(REDUCTION_CELL, stem, width // 4, stem)
        self.cell_stem_1 = _CellBehindReduction(REDUCTION_CELL, width, width // 2, stem)
        self._order: list[str] = []
        channels, before = 2 * width, width
        for stage in range(3):
            if stage:
                width *= 2
                self._add(f"reduction_cell_{stage - 1}", _Cell(REDUCTION_CELL, channels, width, before))
                channels, before = 4 * width, before if skip_reduction else channels
            for i in range(cells):
                kind = _Cell if i else _CellBehindReduction
                self._add(f"cell_{stage * max(cells, 6) + i}", kind(NORMAL_CELL, channels, width, before))
                channels, before = 6 * width, channels
        self.dropout = nn.Dropout(dropout)
        self.last_linear = nn.Linear(features, num_classes)

    def _add(self, name: str, cell: _FirstCell) -> None:
        self.add_module(name, cell)
        self._order.append(name)

    def forward(self, x: Tensor) -> Tensor:
        conv0 = self.conv0(x)
        before = self.cell_stem_0(conv0, conv0)                     # (N, features / 24, H / 4, W / 4)
        x = self.cell_stem_1(before, conv0)                         # (N, features / 12, H / 8, W / 8)
        for name in self._order:
            seen = before
            x, before = getattr(self, name)(x, before), x
            if self.skip_reduction and name.startswith("reduction"):
                before = seen
        x = F.relu(x)                                               # (N, features, H / 32, W / 32)
        return self.last_linear(self.dropout(x.mean([2, 3])))


# ---------------------------------------------------------------------- the variants

@register_model()
def nasnetamobile(**kwargs: Any) -> NASNet:
    """The paper's 4 @ 1056, for 224 pixels. kwargs: arguments of `NASNet`."""
    return NASNet(4, 1056, 32, **kwargs)


@register_model()
def nasnetalarge(**kwargs: Any) -> NASNet:
    """The paper's 6 @ 4032, for 331 pixels. kwargs: arguments of `NASNet`."""
    return NASNet(6, 4032, 96, skip_reduction=True, **kwargs)
