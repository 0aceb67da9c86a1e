"""Layers and networks whose output for a pixel depends on earlier pixels only.

    log p(x) = sum over i of log p(x_i | x_1, ..., x_(i-1))

A masked weight is zero wherever an output would see a later input, so that all terms come out of one pass. Sampling
takes one pass for each pixel.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autograd import no_grad
from minidl.nn import functional as F
from minidl.nn.activation import ReLU
from minidl.nn.conv import Conv2d
from minidl.nn.embedding import Embedding
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.module.container import ModuleList, Sequential
from minidl.ops.shape import cat
from minidl.tensors.creation import from_numpy, zeros
from minidl.tensors.tensor import Tensor


class MaskedLinear(Linear):
    """A linear layer whose weight is multiplied by a mask (out_features, in_features) of 0 and 1, a buffer.

        >>> import minidl
        >>> from minidl.generative import MaskedLinear
        >>> layer = MaskedLinear(minidl.tensor([[0.0, 0.0], [1.0, 0.0]]), bias=False)
        >>> layer(minidl.ones(1, 2))[0, 0].item()
        0.0
    """

    mask: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        super().__init__(mask.shape[1], mask.shape[0], bias)
        self.register_buffer("mask", mask.float())

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(Module):
    """A masked autoencoder: logits (N, D) of D binary numbers, each from those before it.

    Hidden unit k may see the first m_k inputs; m_k runs evenly from 1 to D - 1.

    Source: Germain et al., "MADE: Masked Autoencoder for Distribution Estimation", 2015.

        >>> import minidl
        >>> from minidl.generative import MADE
        >>> net = MADE(4, [8])
        >>> x = minidl.zeros(1, 4, requires_grad=True)
        >>> net(x)[0, 2].backward()             # the third output sees the first two inputs
        >>> (x.grad[0, 2:] == 0).all()
        tensor(True)
    """

    def __init__(self, size: int, hidden: Sequence[int]) -> None:
        super().__init__()
        degrees = np.arange(1, size + 1)
        layers: list[Module] = []
        for width in hidden:
            later = np.arange(width) % max(size - 1, 1) + 1
            layers += [MaskedLinear(from_numpy(later[:, None] >= degrees[None, :])), ReLU()]
            degrees = later
        layers.append(MaskedLinear(from_numpy(np.arange(1, size + 1)[:, None] > degrees[None, :])))
        self.layers = Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class MaskedConv2d(Conv2d):
    """A convolution that sees the pixels above, and those on the left in the same row.

    kind: "A" does not see the pixel itself, for the first layer; "B" does. The padding keeps the size of the image.

    Errors: ValueError for another kind or an even kernel.
    Source: van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016, figure 2.

        >>> from minidl.generative import MaskedConv2d
        >>> MaskedConv2d("A", 1, 1, 3).mask[0, 0].tolist()
        [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    mask: Tensor

    def __init__(self, kind: str, in_channels: int, out_channels: int, kernel_size: int, bias: bool = True) -> None:
        if kind not in ("A", "B"):
            raise ValueError(f"MaskedConv2d: expected kind 'A', which does not see the pixel itself, or 'B', which "
                             f"does, but got {kind!r}")
        if kernel_size % 2 == 0:
            raise ValueError(f"MaskedConv2d: expected an odd kernel_size, which has a pixel in the middle, but got "
                             f"{kernel_size}")
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        self.kind = kind
        middle = kernel_size // 2
        mask = np.zeros(self.weight.shape, np.float32)
        mask[:, :, :middle] = 1
        mask[:, :, middle, :middle + (kind == "B")] = 1
        self.register_buffer("mask", from_numpy(mask))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.kernel_size[0] // 2)


class GatedMaskedConv2d(Module):
    """A gated layer of two stacks: rows above, and this row up to the pixel.

    One masked convolution alone never sees a cone of pixels on the upper right; the vertical stack does. Each stack
    gives tanh(a) * sigmoid(b). A condition (N, D) adds to both halves, in both stacks.

    Source: van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016, figure 2.

        >>> import minidl
        >>> from minidl.generative import GatedMaskedConv2d
        >>> x = minidl.zeros(2, 8, 5, 5)
        >>> [out.shape for out in GatedMaskedConv2d("B", 8, 3)(x, x)]
        [(2, 8, 5, 5), (2, 8, 5, 5)]
    """

    def __init__(self, kind: str, channels: int, kernel_size: int, condition: int = 0) -> None:
        super().__init__()
        if kind not in ("A", "B") or kernel_size % 2 == 0:
            raise ValueError(f"GatedMaskedConv2d: expected kind 'A' or 'B' and an odd kernel_size, but got {kind!r} "
                             f"and {kernel_size}")
        self.kind, self.reach = kind, kernel_size // 2
        # of kind A: rows above, pixels on the left. Kind B reads what such a layer gave, and may look straight at it
        self.vertical = Conv2d(channels, 2 * channels, (self.reach + 1, kernel_size), padding=(0, self.reach))
        self.horizontal = Conv2d(channels, 2 * channels, (1, self.reach + 1))
        self.down = Conv2d(2 * channels, 2 * channels, 1)
        self.out = Conv2d(channels, channels, 1)
        self.condition = Linear(condition, 4 * channels) if condition else None

    def forward(self, v: Tensor, h: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """v, h: (N, C, H, W), the vertical and the horizontal stack."""
        blind = self.kind == "A"
        seen_v = self.vertical(F.pad(v, (0, 0, self.reach + blind, 0))[:, :, :v.shape[2] + self.reach])
        seen_h = self.horizontal(F.pad(h, (self.reach + blind, 0))[:, :, :, :h.shape[3] + self.reach])
        seen_h = seen_h + self.down(seen_v)
        if self.condition is not None and condition is not None:
            for_v, for_h = self.condition(condition)[:, :, None, None].chunk(2, 1)
            seen_v, seen_h = seen_v + for_v, seen_h + for_h
        gated = self.out(_gate(seen_h))
        return _gate(seen_v), gated if blind else gated + h


def _gate(x: Tensor) -> Tensor:
    signal, gate = x.chunk(2, 1)
    return signal.tanh() * gate.sigmoid()


class PixelCNN(Module):
    """Logits (N, C, levels, H, W) for the pixels of images (N, C, H, W) with whole numbers below `levels`.

    With `levels=2`, black and white. The channels of a pixel are taken as independent of each other, given the pixels
    before. classes: if not 0, the images are conditioned on a label (N,). ordered: whether levels that are near each
    other mean much the same, as with grey values, and not with codes of a book.

    Source: van den Oord et al., 2016, as for `GatedMaskedConv2d`.

        >>> import minidl
        >>> from minidl.generative import PixelCNN
        >>> net = PixelCNN(levels=2, width=8, layers=2)
        >>> x = minidl.zeros(3, 1, 6, 6).long()
        >>> net(x).shape, net.log_likelihood(x).shape
        ((3, 1, 2, 6, 6), (3,))
    """

    def __init__(self, levels: int = 2, channels: int = 1, width: int = 32, layers: int = 5, kernel_size: int = 5,
                 classes: int = 0, ordered: bool = True) -> None:
        super().__init__()
        self.levels, self.channels, self.ordered = levels, channels, ordered
        self.first = Conv2d(channels if ordered else channels * levels, width, 1)
        self.embedding = Embedding(classes, width) if classes else None
        self.layers = ModuleList([GatedMaskedConv2d("B" if i else "A", width, kernel_size, width if classes else 0)
                                  for i in range(layers)])
        self.head = Sequential(ReLU(), Conv2d(width, 2 * width, 1), ReLU(), Conv2d(2 * width, channels * levels, 1))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        seen = x.float() * (2 / max(self.levels - 1, 1)) - 1 if self.ordered else \
            F.one_hot(x, self.levels).movedim(-1, 2).flatten(1, 2).float()
        v = h = self.first(seen)
        condition = None
        if self.embedding is not None:
            if labels is None:
                raise ValueError("PixelCNN: expected labels (N,), since it was made with classes")
            condition = self.embedding(labels)
        for layer in self.layers:
            v, h = layer(v, h, condition)
        return self.head(h).unflatten(1, (self.channels, self.levels))

    def log_likelihood(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(x) of each image in nats, (N,). Divided by -log(2) and the number of pixels: bits per dimension."""
        return -F.cross_entropy(self(x, labels).transpose(1, 2), x, reduction="none").flatten(1).sum(1)

    def sample(self, count: int, height: int, width: int, labels: Tensor | None = None,
               progress: Callable[[int], Any] | None = None) -> Tensor:
        """`count` images (count, C, height, width), int64, drawn pixel by pixel.

        progress: called with the number of each row that is done.
        """
        return sample_pixels(lambda x: self(x, labels), zeros(count, self.channels, height, width,
                                                              device=self.first.weight.device).long(), progress)


@no_grad()
def sample_pixels(logits: Callable[[Tensor], Tensor], start: Tensor, progress: Callable[[int], Any] | None = None,
                  first_row: int = 0) -> Tensor:
    """Draw the pixels of `start` (N, C, H, W), int64, one after the other, from `first_row` on.

    logits: of the images (N, C, levels, H, W), those of a pixel from earlier ones only. Rows before `first_row` are
    kept: the network completes an image. Only the rows up to the present one are computed.

        >>> import minidl
        >>> from minidl.generative import sample_pixels
        >>> def no_doubt(x):                     # level 1 for all
        ...     return minidl.tensor([-100.0, 100.0]).view(1, 1, 2, 1, 1).expand(len(x), 1, 2, *x.shape[2:])
        >>> sample_pixels(no_doubt, minidl.zeros(1, 1, 2, 2).long(), first_row=1).tolist()
        [[[[0, 0], [1, 1]]]]
    """
    x = start.clone()
    for row in range(first_row, x.shape[2]):
        for column in range(x.shape[3]):
            scores = logits(x[:, :, :row + 1])[:, :, :, row, column]
            x[:, :, row, column] = scores.softmax(2).flatten(0, 1).multinomial(1).view(scores.shape[:2])
        if progress is not None:
            progress(row)
    return x


class RowLSTM(Module):
    """An LSTM that runs down the rows of an image: the state of a pixel comes from the three above it.

    (N, C, H, W) -> (N, hidden, H, W). The input part of the gates is a masked convolution along the row, the state part
    an ordinary one. kind: as of `MaskedConv2d`.

    Source: van den Oord, Kalchbrenner and Kavukcuoglu, 2016, section 3.1.

        >>> import minidl
        >>> from minidl.generative import RowLSTM
        >>> RowLSTM("A", 1, 4)(minidl.zeros(2, 1, 5, 6)).shape
        (2, 4, 5, 6)
    """

    def __init__(self, kind: str, channels: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = MaskedConv2d(kind, channels, 4 * hidden, 3)
        self.state = Conv2d(hidden, 4 * hidden, (1, 3), padding=(0, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gates = self.input(x)
        h = c = x.new_zeros(len(x), self.hidden, 1, x.shape[3])
        rows = []
        for row in range(x.shape[2]):
            i, f, g, o = (gates[:, :, row:row + 1] + self.state(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            rows.append(h)
        return cat(rows, 2)
