"""Masked autoencoder (MAE): hide most patches of an image, and say what they showed.

He, Chen, Xie, Li, Dollár and Girshick, "Masked Autoencoders Are Scalable Vision Learners", 2021,
https://arxiv.org/abs/2111.06377
"""
from __future__ import annotations

from typing import NamedTuple

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, rand, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models.vision_transformer import Encoder, VisionTransformer


def patchify(images: Tensor, size: int) -> Tensor:
    """Cut images (N, C, H, W) into patches (N, P, size * size * C), row by row; of a pixel, its channels together.

    Errors: ValueError unless sides are multiples of `size`.

        >>> import minidl
        >>> from minidl.self_supervised import patchify
        >>> patchify(minidl.arange(8).reshape(1, 1, 2, 4), 2)
        tensor([[[0, 1, 4, 5],
                 [2, 3, 6, 7]]])
    """
    if images.ndim != 4 or images.shape[2] % size or images.shape[3] % size:
        raise ValueError(f"patchify: expected images (N, C, H, W) whose sides are multiples of {size}, but got "
                         f"{tuple(images.shape)}")
    n, c, h, w = images.shape
    cut = images.reshape(n, c, h // size, size, w // size, size)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, h * w // size ** 2, size * size * c)


def unpatchify(patches: Tensor, size: int, shape: tuple[int, int]) -> Tensor:
    """Put patches (N, P, size * size * C) together to images (N, C, H, W) of this (H, W): undoes `patchify`.

        >>> import minidl
        >>> from minidl.self_supervised import patchify, unpatchify
        >>> images = minidl.rand(2, 3, 8, 12)
        >>> bool((unpatchify(patchify(images, 4), 4, (8, 12)) == images).all())
        True
    """
    n, (h, w) = len(patches), shape
    pixels = patches.reshape(n, h // size, w // size, size, size, patches.shape[2] // size ** 2)
    return pixels.permute(0, 5, 1, 3, 2, 4).reshape(n, pixels.shape[5], h, w)


class Guess(NamedTuple):
    """What a masked autoencoder says: all patches (N, P, K), and which of them were hidden, (N, P) bool."""

    patches: Tensor
    hidden: Tensor


class MaskedAutoencoder(nn.Module):
    """A vision transformer that sees a few patches, and a small decoder that says what the others show.

    Hidden patches cost the encoder nothing: it never sees them. The decoder gets what the encoder says of the others,
    in their places one learned vector for each that is hidden, and positions of its own.

    Args:
        vit: the encoder, which learns. Its last layer is not used.
        dim, layers, heads: sizes of the decoder.
        masked: the share of patches that is hidden.
        norm_pixels: `loss` compares patches of mean 0 and variance 1 each, which as a rule helps features; plain pixels
            make better pictures.

    Errors: ValueError for a share that hides no patch, or all.

        >>> import minidl
        >>> from minidl.self_supervised import MaskedAutoencoder
        >>> from minidl.vision import models
        >>> vit = models.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=16,
        ...                                mlp_dim=32, in_channels=1)
        >>> guess = MaskedAutoencoder(vit, dim=16)(minidl.rand(2, 1, 16, 16))
        >>> guess.patches.shape, guess.hidden.sum(1)
        ((2, 16, 16), tensor([12, 12]))
    """

    def __init__(self, vit: VisionTransformer, dim: int = 64, layers: int = 1, heads: int = 4,
                 masked: float = 0.75, norm_pixels: bool = False) -> None:
        super().__init__()
        self.norm_pixels = norm_pixels
        patches = vit.seq_length - 1
        self.shown = round(patches * (1 - masked))
        if not 1 <= self.shown < patches:
            raise ValueError(f"MaskedAutoencoder: expected to hide some of {patches} patches and to show some, but "
                             f"masked={masked} shows {self.shown}")
        self.vit = vit
        self.to_decoder = nn.Linear(vit.hidden_dim, dim)
        self.mask_token = nn.Parameter(nn.init.normal_(zeros(1, 1, dim), std=0.02))
        self.decoder = Encoder(patches + 1, layers, heads, dim, 4 * dim, 0.0, 0.0)
        self.head = nn.Linear(dim, vit.patch_size ** 2 * vit.conv_proj.in_channels)

    def features(self, images: Tensor) -> Tensor:
        """The mean of what the encoder says of all patches, (N, hidden_dim); nothing is hidden."""
        return self.vit.tokens(images)[:, 1:].mean(1)

    def forward(self, images: Tensor) -> Guess:
        n, vit = len(images), self.vit
        tokens = vit.conv_proj(images).flatten(2).transpose(1, 2)                   # (N, P, D)
        positions = vit.encoder.pos_embedding
        order = rand(tokens.shape[:2], device=images.device).argsort(1)             # those that are shown come first
        rows = arange(n).to(images.device)[:, None]
        seen = (tokens + positions[:, 1:])[rows, order[:, :self.shown]]
        first = (vit.class_token + positions[:, :1]).expand(n, -1, -1)
        said = self.to_decoder(vit.encoder.ln(vit.encoder.layers(cat([first, seen], 1))))
        missing = self.mask_token.expand(n, tokens.shape[1] - self.shown, -1)
        back = order.argsort(1)                                                     # where each patch now stands
        placed = cat([said[:, 1:], missing], 1)[rows, back]
        out = self.decoder(cat([said[:, :1], placed], 1))
        return Guess(self.head(out[:, 1:]), back >= self.shown)

    def loss(self, images: Tensor, guess: Guess | None = None) -> Tensor:
        """The mean squared error of hidden patches. guess: if it is known; otherwise it is made."""
        guess = self(images) if guess is None else guess
        patches = patchify(images, self.vit.patch_size)
        wanted = normalised(patches) if self.norm_pixels else patches
        return (guess.patches - wanted).square().mean(2)[guess.hidden].mean()


def normalised(patches: Tensor) -> Tensor:
    """Patches (N, P, K) with mean 0 and variance 1 each."""
    mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()
