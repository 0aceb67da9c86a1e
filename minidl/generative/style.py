"""Parts of StyleGAN: the code enters every layer as a style, and noise makes the detail that no code should carry.

Source: Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks", 2019.
"""
from __future__ import annotations

from minidl.autograd import no_grad
from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.activation import LeakyReLU
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.module.container import Sequential
from minidl.nn.parameter import Parameter
from minidl.tensors.creation import randn, zeros
from minidl.tensors.tensor import Tensor


class AdaptiveInstanceNorm(Module):
    """Each channel of each image gets mean and standard deviation from a style.

        (1 + scale) * (x - mean) / std + shift, where the style (N, D) gives scale and shift by a linear layer

    Source: Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", 2017; the
    linear layer is StyleGAN's.

        >>> import minidl
        >>> from minidl.generative import AdaptiveInstanceNorm
        >>> AdaptiveInstanceNorm(3, 8)(minidl.randn(2, 3, 5, 5), minidl.randn(2, 8)).shape
        (2, 3, 5, 5)
    """

    def __init__(self, channels: int, style: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.style = Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.style(style)[:, :, None, None].chunk(2, 1)
        return (1 + scale) * F.instance_norm(x, eps=self.eps) + shift


class NoiseInjection(Module):
    """Adds one noise image, scaled by a learned weight for each channel, which begins at zero.

        >>> import minidl
        >>> from minidl.generative import NoiseInjection
        >>> x = minidl.ones(1, 2, 3, 3)
        >>> minidl.equal(NoiseInjection(2)(x), x)
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = Parameter(zeros(channels))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """noise: (N, 1, H, W); otherwise it is drawn."""
        if noise is None:
            noise = randn(len(x), 1, *x.shape[2:], dtype=x.dtype, device=x.device)
        return x + self.weight[:, None, None] * noise


class MappingNetwork(Module):
    """Codes (N, D) of a normal distribution to styles (N, width), which need not be one.

    The code is first brought to length sqrt(D). `mean` follows the average style while training: see `truncated`.

        >>> import minidl
        >>> from minidl.generative import MappingNetwork
        >>> mapping = MappingNetwork(16, 32, layers=2)
        >>> styles = mapping(minidl.randn(4, 16))
        >>> styles.shape, minidl.allclose(mapping.truncated(styles, 0.0), mapping.mean)
        ((4, 32), True)
    """

    mean: Tensor

    def __init__(self, codes: int, width: int, layers: int = 4, decay: float = 0.995) -> None:
        super().__init__()
        sizes = [codes] + [width] * layers
        self.decay = decay
        self.layers = Sequential(*[part for inner, outer in zip(sizes, sizes[1:])
                                   for part in (Linear(inner, outer), LeakyReLU(0.2))])
        for layer in self.layers[::2]:      # at first, styles are as long as codes
            init.kaiming_normal_(layer.weight, a=0.2)
            init.zeros_(layer.bias)
        self.register_buffer("mean", zeros(width))

    def forward(self, codes: Tensor) -> Tensor:
        styles = self.layers(codes * (codes.square().mean(1, keepdim=True) + 1e-8).rsqrt())
        if self.training:
            with no_grad():
                self.mean.lerp_(styles.mean(0), 1 - self.decay)
        return styles

    def truncated(self, styles: Tensor, share: float) -> Tensor:
        """Styles drawn towards the average: with a smaller share, images are better and more alike."""
        return self.mean + share * (styles - self.mean)
