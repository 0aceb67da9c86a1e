"""Compact convolutional transformer (CCT).

Hassani et al., "Escaping the Big Data Paradigm with Compact Transformers", 2021, https://arxiv.org/abs/2104.05704

One or two convolutions turn the image into overlapping tokens. A transformer learns from these with far fewer images
than from plain patches. A learned weight for each token replaces the class token. Keys are those of the authors' code.
"""
from __future__ import annotations

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor
from minidl.vision.models._utils import start_truncated_normal
from minidl.vision.models.registry import register_model
from minidl.vision.ops import StochasticDepth


class Tokenizer(nn.Module):
    """Tokens (N, S, dim) of images (N, C, H, W).

    `convs` times a 3x3 convolution, ReLU, and 3x3 max pooling of stride 2.
    """

    def __init__(self, in_channels: int, dim: int, convs: int) -> None:
        super().__init__()
        widths = [in_channels, *[64] * (convs - 1), dim]
        self.conv_layers = nn.Sequential(*(
            nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=False), nn.ReLU(),
                          nn.MaxPool2d(3, stride=2, padding=1))
            for before, after in zip(widths, widths[1:])))
        for layer in self.conv_layers:
            nn.init.kaiming_normal_(layer[0].weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layers(x).flatten(2).transpose(1, 2)


class SelfAttention(nn.Module):
    """Self-attention of tokens (N, S, dim). One layer without bias gives queries, keys and values."""

    def __init__(self, dim: int, num_heads: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.num_heads, self.attention_dropout = num_heads, attention_dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        n, s, dim = x.shape
        q, k, v = self.qkv(x).reshape(n, s, 3, self.num_heads, dim // self.num_heads).permute(2, 0, 3, 1, 4).unbind()
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.attention_dropout if self.training else 0.0)
        return self.proj_drop(self.proj(y.transpose(1, 2).reshape(n, s, dim)))


class Block(nn.Module):
    """y = norm(x + attention(norm(x))), then y + mlp(y).

    The paper's text has the second norm inside the branch; its code, which gave all figures, has it here.
    """

    def __init__(self, dim: int, num_heads: int, mlp_dim: int, dropout: float, attention_dropout: float,
                 stochastic_depth: float) -> None:
        super().__init__()
        self.pre_norm = nn.LayerNorm(dim)
        self.self_attn = SelfAttention(dim, num_heads, dropout, attention_dropout)
        self.linear1 = nn.Linear(dim, mlp_dim)
        self.dropout1 = nn.Dropout(dropout)
        self.norm1 = nn.LayerNorm(dim)
        self.linear2 = nn.Linear(mlp_dim, dim)
        self.dropout2 = nn.Dropout(dropout)
        self.drop_path = StochasticDepth(stochastic_depth, "row")

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x + self.drop_path(self.self_attn(self.pre_norm(x))))
        return y + self.drop_path(self.dropout2(self.linear2(self.dropout1(F.gelu(self.linear1(y))))))


class TransformerClassifier(nn.Module):
    """Scores (N, num_classes) for tokens (N, S, dim): blocks, then a weighted mean of the tokens."""

    def __init__(self, seq_length: int, dim: int, num_layers: int, num_heads: int, mlp_dim: int, num_classes: int,
                 dropout: float, attention_dropout: float, stochastic_depth: float) -> None:
        super().__init__()
        self.attention_pool = nn.Linear(dim, 1)
        self.positional_emb = nn.Parameter(nn.init.trunc_normal_(empty(1, seq_length, dim), std=0.2))
        self.dropout = nn.Dropout(dropout)
        # the first block is never dropped, the last one most often
        rates = [stochastic_depth * i / max(num_layers - 1, 1) for i in range(num_layers)]
        self.blocks = nn.ModuleList([Block(dim, num_heads, mlp_dim, dropout, attention_dropout, rate)
                                     for rate in rates])
        self.norm = nn.LayerNorm(dim)
        self.fc = nn.Linear(dim, num_classes)
        start_truncated_normal(self, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(x + self.positional_emb)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        weights = F.softmax(self.attention_pool(x), dim=1)              # (N, S, 1)
        return self.fc((weights.transpose(1, 2) @ x).squeeze(1))


class CCT(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, image_size, image_size).

    Args:
        num_layers, num_heads, embedding_dim: sizes of the transformer.
        mlp_ratio: the hidden layer of its MLPs has embedding_dim * mlp_ratio units.
        n_conv_layers: convolutions of the tokenizer; each halves the image.
        dropout, attention_dropout: the share of numbers, and of attention weights, that is set to 0 in training.
        stochastic_depth: the probability that training skips the last block for an image; earlier blocks, less often.

    The last layer is `classifier.fc`.
    Errors: ValueError for images of another size.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.cct_2_3x2(num_classes=20, image_size=64)
        >>> net(minidl.rand(2, 3, 64, 64)).shape
        (2, 20)
    """

    def __init__(self, num_layers: int, num_heads: int, embedding_dim: int, mlp_ratio: float, n_conv_layers: int,
                 num_classes: int = 10, in_channels: int = 3, image_size: int = 32, dropout: float = 0.0,
                 attention_dropout: float = 0.1, stochastic_depth: float = 0.1) -> None:
        super().__init__()
        self.image_size = image_size
        side = image_size
        for _ in range(n_conv_layers):
            side = (side + 1) // 2
        self.tokenizer = Tokenizer(in_channels, embedding_dim, n_conv_layers)
        self.classifier = TransformerClassifier(
            side * side, embedding_dim, num_layers, num_heads, int(embedding_dim * mlp_ratio), num_classes, dropout,
            attention_dropout, stochastic_depth)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[2:]) != (self.image_size, self.image_size):
            raise ValueError(f"CCT: expected images (N, C, {self.image_size}, {self.image_size}), but got "
                             f"{tuple(x.shape)}; resize them, or build the model with their image_size")
        return self.classifier(self.tokenizer(x))


# ---------------------------------------------------------------------- CCT-layers/kernel x convolutions

@register_model()
def cct_2_3x2(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CCT:
    """2 layers of width 128 on tokens of two convolutions: small enough for a CPU."""
    return CCT(2, 2, 128, 1, 2, num_classes, in_channels, image_size)


@register_model()
def cct_4_3x2(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CCT:
    """4 layers of width 128 on tokens of two convolutions."""
    return CCT(4, 2, 128, 1, 2, num_classes, in_channels, image_size)


@register_model()
def cct_7_3x1(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CCT:
    """7 layers of width 256 on tokens of one convolution."""
    return CCT(7, 4, 256, 2, 1, num_classes, in_channels, image_size)
