"""Assignment 4: a diffusion model from scratch, and a network that is an image.

What is asked: the schedule of the noise and the closed form of any of its steps, the embedding of time, a network that
finds the noise, its training and the loop that makes images (Ho, Jain and Abbeel, 2020); to play with a text-to-image
model (here `generate/latent_diffusion.py`); to store an image in the weights of an MLP, from coordinates to colours,
with and without sines of them (Tancik et al., 2020); and a radiance field, which is `space/nerf.py`.

    python examples/course/assignments/assignment_4.py
    python examples/course/assignments/assignment_4.py --dataset mnist --data DIR --width 32 --compiled --plot plots
"""
import math

import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.rendering import positional_encoding
from minidl.train import EMA, plots
from minidl.vision.datasets import SyntheticShapes

DEFAULTS = {"digits": {"epochs": 30, "batch_size": 64}, "mnist": {"epochs": 2, "batch_size": 64}}
T = 200                         # steps from an image to noise


def add_options(parser):
    lesson.whole(parser, "width", 16, "channels of the first level")
    lesson.whole(parser, "field-steps", 300, "of each network that is an image")


class Denoiser(nn.Module):
    """The noise in x_t (N, C, H, W): a U-Net of two levels, told the time by sines of many frequencies."""

    def __init__(self, channels, width):
        super().__init__()
        self.width, double = width, 2 * width
        self.time = nn.Sequential(nn.Linear(width, double), nn.SiLU(), nn.Linear(double, double))
        self.into, self.down = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, double, 3, 2, padding=1)
        self.middle = nn.Sequential(nn.GroupNorm(4, double), nn.SiLU(), nn.Conv2d(double, double, 3, padding=1),
                                    nn.GroupNorm(4, double), nn.SiLU(), nn.Conv2d(double, double, 3, padding=1))
        self.up = nn.ConvTranspose2d(double, width, 2, 2)
        self.out = nn.Sequential(nn.GroupNorm(4, double), nn.SiLU(), nn.Conv2d(double, width, 3, padding=1),
                                 nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, x, t):
        speeds = (-math.log(10_000) * minidl.arange(self.width // 2) / (self.width // 2)).exp()
        angles = t[:, None] * speeds
        time = self.time(minidl.cat([angles.sin(), angles.cos()], 1))[:, :, None, None]
        high = self.into(x)
        low = self.down(F.silu(high)) + time
        return self.out(minidl.cat([high, self.up(low + self.middle(low))], 1))


def diffusion(args):
    data = images.load(args)
    x = data.train.x.float() / 127.5 - 1
    beta = minidl.linspace(5e-4, 0.1, T)                # T = 1000 of the paper ends at 0.02
    kept = (1 - beta).cumprod(0)                        # alpha bar: the share of the image in the variance

    def noisy(x, noise, t):
        """x_t at once: sqrt(kept) x + sqrt(1 - kept) noise."""
        return kept[t].sqrt()[:, None, None, None] * x + (1 - kept[t]).sqrt()[:, None, None, None] * noise
    one = x[:1] * math.sqrt(1 / x[:1].square().mean().item())
    for t in range(T):                                  # the same step by step, to see that it is the same
        one = (1 - beta[t]).sqrt() * one + beta[t].sqrt() * minidl.randn(*one.shape)
    print(f"after {T} steps {kept[-1].item():.1e} of the image is left, and the deviation is {one.std().item():.2f}")
    model = Denoiser(data.channels, args.width)
    optimizer, ema = optim.Adam(model.parameters(), lr=2e-3), EMA(model, 0.99)
    losses = []
    for _ in range(args.epochs):
        for numbers in minidl.randperm(len(x)).split(args.batch_size):
            t, noise = minidl.randint(T, (len(numbers),)), minidl.randn(len(numbers), *x.shape[1:])
            loss = F.mse_loss(model(noisy(x[numbers], noise, t), t), noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ema.update()
            losses.append(loss.item())
    print(f"error of the noise: {losses[0]:.3f} at first, {np.mean(losses[-50:]):.3f} at last (1 is a guess)")

    @minidl.no_grad()
    def made(count):
        """From noise to images, T steps back; what it looks like on the way."""
        z, seen = minidl.randn(count, *x.shape[1:]), []
        for t in reversed(range(T)):
            noise = model(z, minidl.full((count,), t))
            mean = (z - beta[t] / (1 - kept[t]).sqrt() * noise) / (1 - beta[t]).sqrt()
            z = mean + (beta[t].sqrt() * minidl.randn(*z.shape) if t else 0)
            seen += [z] if t % (T // 5) == 0 else []
        return z, seen
    with ema.applied():
        z, seen = made(40)
    nearest = minidl.cdist(z.flatten(1), x.flatten(1)).amin(1).mean().item()
    guess = minidl.cdist(minidl.randn(40, x[0].numel()), x.flatten(1)).amin(1).mean().item()
    print(f"distance of made images to their nearest real one {nearest:.2f}; of noise {guess:.2f}")
    forward = minidl.cat([noisy(x[:8], minidl.randn(8, *x.shape[1:]), minidl.full((8,), t))
                          for t in (0, T // 8, T // 4, T // 2, T - 1)])
    backward = minidl.cat([part[:8] for part in seen])
    shown = {"into_noise": forward, "out_of_noise": backward}
    return {name: lambda path, x=x, name=name: plots.images(x / 2 + 0.5, path, caption=name.replace("_", " "))
            for name, x in shown.items()}


def field(args):
    """An image in the weights of an MLP: with sines of the coordinates it holds the edges."""
    image = minidl.tensor(np.asarray(SyntheticShapes(1, 64, seed=3, noise=0.0)[0][0])).float() / 255
    place = minidl.linspace(-1, 1, 64)
    points = minidl.stack(minidl.meshgrid(place, place, indexing="ij"), -1).view(-1, 2)
    colors, shown = image.view(-1, 3), [image]
    for frequencies in (0, 2, 6):
        minidl.manual_seed(args.seed)
        seen = positional_encoding(points, frequencies)
        net = nn.Sequential(nn.Linear(seen.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3),
                            nn.Sigmoid())
        optimizer = optim.Adam(net.parameters(), lr=5e-3)
        for _ in range(args.field_steps):
            some = minidl.randint(len(points), (512,))
            optimizer.zero_grad()
            F.mse_loss(net(seen[some]), colors[some]).backward()
            optimizer.step()
        with minidl.no_grad():
            found = net(seen)
        shown.append(found.view(64, 64, 3))
        print(f"{frequencies} frequencies: {-10 * math.log10(F.mse_loss(found, colors).item()):.2f} dB from "
              f"{sum(p.numel() for p in net.parameters()):,} weights")
    return {"field": lambda path: plots.images(minidl.stack(shown).permute(0, 3, 1, 2), path, columns=4, titles=[
        "the image", "plain coordinates", "2 frequencies", "6 frequencies"])}


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    pictures = {**diffusion(args), **field(args)}
    if args.plot:
        draw(args.plot, pictures)


if __name__ == "__main__":
    main()
