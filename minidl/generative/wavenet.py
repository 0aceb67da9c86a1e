"""Sound, sample after sample: dilated causal convolutions, and the levels that a sample can have."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minidl.autograd import no_grad
from minidl.nn import functional as F
from minidl.nn.activation import ReLU
from minidl.nn.conv import Conv1d
from minidl.nn.embedding import Embedding
from minidl.nn.module import Module
from minidl.nn.module.container import ModuleList, Sequential
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, linspace, zeros
from minidl.tensors.tensor import Tensor


def mu_law_encoding(x: Tensor, quantization_channels: int = 256) -> Tensor:
    """Levels of sound from -1 to 1, int64; quiet sound gets the finer ones.

    sign(x) ln(1 + m |x|) / ln(1 + m) with m = quantization_channels - 1, from -1 to 1, is cut into equal parts.
    Torchaudio's function of this name. Source: ITU-T recommendation G.711.

        >>> import minidl
        >>> from minidl.generative import mu_law_encoding
        >>> mu_law_encoding(minidl.tensor([-1.0, -0.1, 0.0, 0.1, 1.0])).tolist()
        [0, 52, 128, 203, 255]
    """
    most = quantization_channels - 1
    squeezed = x.sign() * (most * x.abs()).log1p() / math.log1p(most)
    return ((squeezed + 1) / 2 * most + 0.5).long()


def mu_law_decoding(x_mu: Tensor, quantization_channels: int = 256) -> Tensor:
    """Sound from -1 to 1 of levels: `mu_law_encoding` backwards.

        >>> import minidl
        >>> from minidl.generative import mu_law_decoding, mu_law_encoding
        >>> mu_law_decoding(mu_law_encoding(minidl.tensor([-1.0, 0.1, 0.5])))
        tensor([-1.0000,  0.1007,  0.4967])
    """
    most = quantization_channels - 1
    squeezed = x_mu.float() / most * 2 - 1
    return squeezed.sign() * ((squeezed.abs() * math.log1p(most)).exp() - 1) / most


class GatedDilatedConv1d(Module):
    """x + a(z) for the next layer, and b(z) for the output, where z = tanh(f(x)) * sigmoid(g(x)).

    f and g see this and earlier samples, `dilation` apart: kernel_size of them. a and b see one sample.

        >>> import minidl
        >>> from minidl.generative import GatedDilatedConv1d
        >>> [y.shape for y in GatedDilatedConv1d(8, 16, kernel_size=2, dilation=4)(minidl.zeros(1, 8, 20))]
        [(1, 8, 20), (1, 16, 20)]
    """

    def __init__(self, channels: int, skip_channels: int, kernel_size: int = 2, dilation: int = 1) -> None:
        super().__init__()
        self.dilation, self.reach = dilation, (kernel_size - 1) * dilation
        self.seen = Conv1d(channels, 2 * channels, kernel_size, dilation=dilation)
        self.out = Conv1d(channels, channels + skip_channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._behind(x, self.seen(F.pad(x, (self.reach, 0))))

    def step(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """The last sample only, (N, C, 1) each; past: (N, channels, 1 + reach), with it."""
        taps = past[:, :, ::self.dilation].flatten(1)
        seen = F.linear(taps, self.seen.weight.flatten(1), self.seen.bias)[:, :, None]
        return self._behind(past[:, :, -1:], seen)

    def _behind(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        signal, gate = seen.chunk(2, 1)
        out = self.out(signal.tanh() * gate.sigmoid())
        return x + out[:, :x.shape[1]], out[:, x.shape[1]:]


def _waves(levels: int, width: int) -> Tensor:
    """Sines and cosines of the levels, from half a period over all of them to 32 periods: (levels, width)."""
    half = (width + 1) // 2
    angles = arange(levels).float()[:, None] * (math.pi / levels * 2.0 ** linspace(0, 6, half))
    return cat([angles.sin(), angles.cos()], 1)[:, :width].contiguous()


class WaveNet(Module):
    """Logits (N, levels, T) for the levels of sound (N, T), int64: those of a sample from earlier samples only.

    A layer for each of `dilations`. A sample is told from the `receptive_field` before it. The embeddings of levels
    start as sines and cosines, so that levels that are near each other start alike.

    Source: van den Oord et al., "WaveNet: A Generative Model for Raw Audio", 2016. Samples are drawn as in Le Paine et
    al., "Fast Wavenet Generation Algorithm", 2016: each layer keeps what it has seen.

        >>> import minidl
        >>> from minidl.generative import WaveNet
        >>> net = WaveNet(levels=16, dilations=[1, 2, 4, 8], width=8)
        >>> x = minidl.randint(16, (2, 30))
        >>> net(x).shape, net.log_likelihood(x).shape, net.receptive_field, net.sample(3, 10).shape
        ((2, 16, 30), (2,), 16, (3, 10))
    """

    def __init__(self, levels: int = 256, width: int = 32, skip: int = 64,
                 dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), kernel_size: int = 2) -> None:
        super().__init__()
        self.levels = levels
        self.receptive_field = 1 + (kernel_size - 1) * sum(dilations)
        self.embedding = Embedding(levels + 1, width, _weight=_waves(levels + 1, width))    # last: nothing was before
        self.layers = ModuleList([GatedDilatedConv1d(width, skip, kernel_size, dilation) for dilation in dilations])
        self.head = Sequential(ReLU(), Conv1d(skip, skip, 1), ReLU(), Conv1d(skip, levels, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(F.pad(x, (1, 0), value=self.levels)[:, :-1]).transpose(1, 2)     # each sees those before it
        total: Any = 0.0
        for layer in self.layers:
            h, skip = layer(h)
            total = total + skip
        return self.head(total)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """log p(x) of each sound in nats, (N,)."""
        return -F.cross_entropy(self(x), x, reduction="none").sum(1)

    @no_grad()
    def sample(self, count: int, length: int, cached: bool = True,
               progress: Callable[[int], Any] | None = None) -> Tensor:
        """`count` sounds (count, length), drawn sample by sample.

        cached: keep what each layer has seen, in place of computing it again. progress: called with each number of
        samples that are done.
        """
        x = zeros(count, length, device=self.embedding.weight.device).long()
        step = self._with_memory(count) if cached else self._anew
        for t in range(length):
            x[:, t] = step(x, t).softmax(1).multinomial(1)[:, 0]
            if progress is not None:
                progress(t + 1)
        return x

    def _anew(self, x: Tensor, t: int) -> Tensor:
        """Logits (N, levels) of sample t; what comes from further away than the receptive field is left out."""
        return self(x[:, max(0, t - self.receptive_field):t + 1])[:, :, -1]

    def _with_memory(self, count: int) -> Callable[[Tensor, int], Tensor]:
        """As `_anew`, to be called for t = 0, 1, 2 and so on."""
        width = self.embedding.embedding_dim
        memories = [zeros(count, width, layer.reach, device=self.embedding.weight.device) for layer in self.layers]

        def step(x: Tensor, t: int) -> Tensor:
            before = x[:, t - 1] if t else x[:, 0] * 0 + self.levels
            h = self.embedding(before)[:, :, None]
            total: Any = 0.0
            for i, layer in enumerate(self.layers):
                past = cat([memories[i], h], 2)
                memories[i] = past[:, :, 1:]
                h, skip = layer.step(past)
                total = total + skip
            return self.head(total)[:, :, 0]
        return step
