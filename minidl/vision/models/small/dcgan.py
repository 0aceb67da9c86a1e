"""DCGAN, a generator and a discriminator made of convolutions.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434

The generator turns noise into images by transposed convolutions. The discriminator mirrors it, and tells real images
from generated ones. Layers, initial values from N(0, 0.02), and keys of the state dict are those of PyTorch's tutorial.
"""
from __future__ import annotations

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model


class DCGANGenerator(nn.Module):
    """Images (N, nc, image_size, image_size) in [-1, 1] for noise (N, nz, 1, 1) or (N, nz).

    Args:
        nz: random numbers for each image.
        ngf: channels of the layer before the last; each earlier layer has twice as many.
        nc: channels of the images.
        image_size: 28, 32 or 64.

    Errors: ValueError for another image_size.

        >>> import minidl
        >>> from minidl.vision import models
        >>> netG = models.dcgan_generator(image_size=28, nc=1, ngf=16)
        >>> netG(minidl.randn(5, 100, 1, 1)).shape
        (5, 1, 28, 28)
    """

    def __init__(self, nz: int = 100, ngf: int = 64, nc: int = 3, image_size: int = 64) -> None:
        super().__init__()
        first, doublings = _sizes("DCGANGenerator", image_size)
        channels = ngf << doublings - 1
        layers: list[nn.Module] = [         # to (N, channels, first, first)
            nn.ConvTranspose2d(nz, channels, first, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        for _ in range(doublings - 1):
            layers += [nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False),
                       nn.BatchNorm2d(channels // 2), nn.ReLU()]
            channels //= 2
        self.main = nn.Sequential(
            *layers, nn.ConvTranspose2d(channels, nc, 4, stride=2, padding=1, bias=False), nn.Tanh())
        self.apply(init_weights)

    def forward(self, noise: Tensor) -> Tensor:
        return self.main(noise[:, :, None, None] if noise.ndim == 2 else noise)


class DCGANDiscriminator(nn.Module):
    """A score (N,) for images (N, nc, image_size, image_size), high for real ones.

    Scores are logits, for `BCEWithLogitsLoss`; the probability is their sigmoid.

    Args:
        nc: channels of the images.
        ndf: channels of the first layer; each later layer has twice as many.
        image_size: 28, 32 or 64.

    Errors: ValueError for another image_size.

        >>> import minidl
        >>> from minidl.vision import models
        >>> netD = models.dcgan_discriminator(image_size=28, nc=1, ndf=16)
        >>> netD(minidl.rand(5, 1, 28, 28) * 2 - 1).shape
        (5,)
    """

    def __init__(self, nc: int = 3, ndf: int = 64, image_size: int = 64) -> None:
        super().__init__()
        last, halvings = _sizes("DCGANDiscriminator", image_size)
        layers: list[nn.Module] = [nn.Conv2d(nc, ndf, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
        channels = ndf
        for _ in range(halvings - 1):
            layers += [nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False),
                       nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2)]
            channels *= 2
        self.main = nn.Sequential(*layers, nn.Conv2d(channels, 1, last, bias=False))        # (N, 1, 1, 1)
        self.apply(init_weights)

    def forward(self, images: Tensor) -> Tensor:
        return self.main(images).flatten()


def _sizes(who: str, image_size: int) -> tuple[int, int]:
    """The side of the smallest map, and the number of its doublings."""
    plans = {28: (7, 2), 32: (4, 3), 64: (4, 4)}
    if image_size not in plans:
        raise ValueError(f"{who}: expected image_size 28, 32 or 64, but got {image_size}; resize the images")
    return plans[image_size]


def init_weights(module: nn.Module) -> None:
    """Initialise convolutions from N(0, 0.02) and norms from N(1, 0.02), for `apply`."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.get_parameter("weight"), 1.0, 0.02)


@register_model()
def dcgan_generator(nz: int = 100, ngf: int = 64, nc: int = 3, image_size: int = 64) -> DCGANGenerator:
    """A generator: noise to images."""
    return DCGANGenerator(nz, ngf, nc, image_size)


@register_model()
def dcgan_discriminator(nc: int = 3, ndf: int = 64, image_size: int = 64) -> DCGANDiscriminator:
    """A discriminator: images to scores, high for real ones."""
    return DCGANDiscriminator(nc, ndf, image_size)
