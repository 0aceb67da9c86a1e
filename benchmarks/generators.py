"""What the benchmark runs besides: networks that make images and text, written once for minidl and PyTorch alike.

Each function is as those of `workloads.py`; the networks are those of `examples/generate`, `space` and `sequences`.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

Step = Callable[[], Any]


def vae(lib: ModuleType) -> Step:
    """A variational autoencoder 784-400-20-400-784, batch 128, Adam."""
    nn, F = lib.nn, lib.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
            self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))

        def forward(self, x: Any) -> Any:
            mean, log_variance = self.encoder(x).chunk(2, 1)
            logits = self.decoder(mean + (log_variance / 2).exp() * lib.randn(len(x), 20))
            error = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
            return (error + (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2).mean()

    return against(lib, VAE(), lib.rand(128, 784))


def ddpm(lib: ModuleType) -> Step:
    """The U-Net of a diffusion, width 16 (1, 2, 2), attention in the middle, on 28 x 28 images, batch 32, Adam."""
    nn, F = lib.nn, lib.nn.functional
    width, time = 16, 64

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.GroupNorm(8, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
            self.time = nn.Sequential(nn.SiLU(), nn.Linear(time, outputs))
            self.second = nn.Sequential(nn.GroupNorm(8, outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
            self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

        def forward(self, x: Any, t: Any) -> Any:
            return self.second(self.first(x) + self.time(t)[:, :, None, None]) + self.skip(x)

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))
            self.first = nn.Conv2d(1, 16, 3, padding=1)
            self.down = nn.ModuleList([Block(16, 16), Block(16, 32), Block(32, 32)])
            self.halve = nn.ModuleList([nn.Conv2d(16, 16, 3, 2, 1), nn.Conv2d(32, 32, 3, 2, 1)])
            self.middle = nn.ModuleList([Block(32, 32), Block(32, 32)])
            self.norm, self.attention = nn.GroupNorm(8, 32), nn.MultiheadAttention(32, 1, batch_first=True)
            self.up = nn.ModuleList([Block(64, 32), Block(64, 32), Block(64, 32), Block(48, 32), Block(48, 16),
                                     Block(32, 16)])
            self.grow = nn.ModuleList([nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1)])
            self.last = nn.Sequential(nn.GroupNorm(8, 16), nn.SiLU(), nn.Conv2d(16, 1, 3, padding=1))

        def forward(self, x: Any) -> Any:
            clean, noise, t = x, lib.randn(*x.shape), lib.rand(len(x))
            share = ((t + 0.008) / 1.008 * (math.pi / 2)).cos().square()[:, None, None, None]
            angles = 1000 * t[:, None] * (lib.arange(8) * (-math.log(1e4) / 8)).exp()
            t = self.time(lib.cat([angles.sin(), angles.cos()], 1))
            x = self.first(share.sqrt() * clean + (1 - share).sqrt() * noise)
            kept = [x]
            for level, block in enumerate(self.down):
                x = block(x, t)
                kept.append(x)
                if level < 2:
                    x = self.halve[level](x)
                    kept.append(x)
            x = self.middle[0](x, t)
            pixels = self.norm(x).flatten(2).transpose(1, 2)
            x = x + self.attention(pixels, pixels, pixels, need_weights=False)[0].transpose(1, 2).reshape(x.shape)
            x = self.middle[1](x, t)
            for number, block in enumerate(self.up):
                x = block(lib.cat([x, kept.pop()], 1), t)
                if number in (1, 3):
                    x = self.grow[number // 2](F.interpolate(x, scale_factor=2.0, mode="nearest"))
            return F.mse_loss(self.last(x), noise)

    return against(lib, UNet(), lib.rand(32, 1, 28, 28) * 2 - 1)


def pixelcnn(lib: ModuleType) -> Step:
    """A gated PixelCNN of 6 layers of width 16 on black and white images of 28 x 28, batch 32, Adam."""
    nn, F = lib.nn, lib.nn.functional
    width = 16

    def gate(x: Any) -> Any:
        signal, opening = x.chunk(2, 1)
        return signal.tanh() * opening.sigmoid()

    class Layer(nn.Module):
        def __init__(self, blind: int) -> None:
            super().__init__()
            self.blind = blind
            self.vertical = nn.Conv2d(width, 2 * width, (2, 3), padding=(0, 1))
            self.horizontal = nn.Conv2d(width, 2 * width, (1, 2))
            self.down, self.out = nn.Conv2d(2 * width, 2 * width, 1), nn.Conv2d(width, width, 1)

        def forward(self, v: Any, h: Any) -> Any:
            seen_v = self.vertical(F.pad(v, (0, 0, 1 + self.blind, 0))[:, :, :29])
            seen_h = self.horizontal(F.pad(h, (1 + self.blind, 0))[:, :, :, :29]) + self.down(seen_v)
            out = self.out(gate(seen_h))
            return gate(seen_v), out if self.blind else out + h

    class PixelCNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, width, 1)
            self.layers = nn.ModuleList([Layer(not number) for number in range(6)])
            self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(width, 32, 1), nn.ReLU(), nn.Conv2d(32, 2, 1))

        def forward(self, x: Any) -> Any:
            v = h = self.first(x.float() * 2 - 1)
            for layer in self.layers:
                v, h = layer(v, h)
            return F.cross_entropy(self.head(h), x[:, 0])

    return against(lib, PixelCNN(), lib.randint(0, 2, (32, 1, 28, 28)))


def nerf(lib: ModuleType) -> Step:
    """A radiance field of width 128 along 256 rays of 48 samples, with 6 frequencies, Adam."""
    nn, F = lib.nn, lib.nn.functional
    scales = 2.0 ** lib.arange(6) * math.pi

    class Field(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Linear(39, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
            self.second = nn.Sequential(nn.Linear(167, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
                                        nn.Linear(128, 4))

        def forward(self, rays: Any) -> Any:
            origins, directions, colors = rays.chunk(3, 1)
            distances = lib.linspace(2.4, 5.6, 48) + lib.rand(len(rays), 48) * (3.2 / 48)
            points = origins[:, None] + distances[..., None] * directions[:, None]
            angles = (points[..., None, :] * scales[:, None]).flatten(2)
            seen = lib.cat([points, angles.sin(), angles.cos()], -1)
            out = self.second(lib.cat([self.first(seen), seen], -1))
            optical = F.softplus(out[..., 0]) * (3.2 / 48)
            before = lib.cat([lib.zeros(len(rays), 1), optical[:, :-1].cumsum(1)], 1)
            weights = (-before).exp() * (1 - (-optical).exp())
            return F.mse_loss((weights[..., None] * out[..., 1:].sigmoid()).sum(1), colors)

    return against(lib, Field(), lib.rand(256, 9))


def gpt(lib: ModuleType) -> Step:
    """A GPT of 4 blocks of width 128 with 4 heads on 16 windows of 64 characters, Adam."""
    F = lib.nn.functional
    net = transformer(lib)

    class Loss(lib.nn.Module):      # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            return F.cross_entropy(self.net(x[:, :-1], [None] * 4)[0].flatten(0, 1), x[:, 1:].flatten())

    return against(lib, Loss(), lib.randint(0, 65, (16, 65)))


def gpt_writes(lib: ModuleType) -> Step:
    """64 characters, one after the other, by the same GPT with a cache of keys and values."""
    net, begun = transformer(lib).eval(), lib.zeros(1, 1).long()

    def step() -> Any:
        token, cache = begun, [None] * 4
        with lib.no_grad():
            for _ in range(64):
                logits, cache = net(token, cache)
                token = logits[:, -1:].argmax(-1)
        return token.item()

    return step


def transformer(lib: ModuleType) -> Any:
    """The GPT of both: `net(tokens, caches)` gives logits and the caches, one for each block."""
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(128), nn.LayerNorm(128)
            self.project, self.out = nn.Linear(128, 384), nn.Linear(128, 128)
            self.mlp = nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128))

        def forward(self, x: Any, past: Any) -> Any:
            q, k, v = (part.unflatten(2, (4, 32)).transpose(1, 2) for part in self.project(self.first(x)).chunk(3, 2))
            if past is not None:
                k, v = lib.cat([past[0], k], 2), lib.cat([past[1], v], 2)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=past is None)
            x = x + self.out(y.transpose(1, 2).flatten(2))
            return x + self.mlp(self.second(x)), (k, v)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(65, 128), nn.Embedding(64, 128)
            self.blocks, self.last = nn.ModuleList([Block() for _ in range(4)]), nn.LayerNorm(128)
            self.head = nn.Linear(128, 65, bias=False)

        def forward(self, tokens: Any, caches: list[Any]) -> Any:
            begin = 0 if caches[0] is None else caches[0][0].shape[2]
            x, kept = self.tokens(tokens) + self.places(lib.arange(begin, begin + tokens.shape[1])), []
            for block, past in zip(self.blocks, caches):
                x, cache = block(x, past)
                kept.append(cache)
            return self.head(self.last(x)), kept

    return Net()


GENERATORS: dict[str, Callable[[ModuleType], Step]] = {
    f.__name__: f for f in (vae, ddpm, pixelcnn, nerf, gpt, gpt_writes)}


def against(lib: ModuleType, model: Any, x: Any) -> Step:
    """A training step on one batch, by Adam; the model gives its loss."""
    update = lib.optim.Adam(model.parameters())

    def step() -> float:
        update.zero_grad()
        loss = model(x)
        loss.backward()
        update.step()
        return loss.item()

    return step
