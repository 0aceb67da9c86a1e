"""A vision transformer from its parts: tokens, attention, blocks."""
import minidl
from minidl import nn


def tokens(x, patch):
    """(N, C, H, W) -> (N, H/patch * W/patch, patch * patch * C), row by row."""
    N, C, H, W = x.shape
    return x.view(N, C, H // patch, patch, W // patch, patch).permute(0, 2, 4, 3, 5, 1).reshape(N, -1, patch ** 2 * C)


class Attention(nn.Module):
    """Each token takes the mean of all values, weighted by how well its query fits their keys."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)      # (N, heads, T, D) each
        shares = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((shares @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """pool: "cls", the token of the class; "mean" of all others; or "none", all others as they are."""

    def __init__(self, side, patch, channels, outputs, pool, width=64, depth=4, heads=4):
        super().__init__()
        self.patch, self.pool = patch, pool
        self.embed = nn.Linear(patch ** 2 * channels, width)
        self.cls = nn.Parameter(0.02 * minidl.randn(1, 1, width))
        self.place = nn.Parameter(0.02 * minidl.randn(1, (side // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, x):
        x = self.embed(tokens(x, self.patch))
        x = self.norm(self.blocks(minidl.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.place))
        return self.head(x[:, 0] if self.pool == "cls" else x[:, 1:].mean(1) if self.pool == "mean" else x[:, 1:])
