"""NeRF: a network learns what is where in a scene, from pictures of it alone, and draws it from new places.

The network says how dense every point is and which colour it has; light is gathered along the ray of each pixel, and
all of that has a gradient. Mildenhall et al., 2020. Sines and cosines of the coordinates let the network learn fine
detail: with --frequencies 0 it sees the plain coordinates, and its pictures stay blurred.

    python examples/space/nerf.py
    python examples/space/nerf.py --size 64 --views 40 --steps 2000 --width 128 --compiled --plot plots
"""
import argparse
import math
import sys

import scene

import minidl
from minidl import nn, optim, rendering
from minidl.cli import arguments, ending, training
from minidl.cli.classification import curves, draw, in_batches
from minidl.nn import functional as F
from minidl.train import plots

STEPS = 100     # between two tests

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, default, told in (("size", 32, "pixels a side"), ("views", 20, "pictures to learn from"),
                            ("steps", 600, "to learn in, a multiple of 100"), ("width", 64, "of the network's layers"),
                            ("samples", 32, "points on a ray"), ("rays", 512, "in a step")):
    parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                        help=f"{told} (default: {default})")
parser.add_argument("--frequencies", type=arguments.whole_number(0), default=6, metavar="N",
                    help="of the encoding of points (default: 6; 0: none)")
parser.add_argument("--lr", type=arguments.positive_number, default=5e-3, metavar="RATE")
arguments.add_run_options(parser)
args = arguments.prepared(parser.parse_args())


class Field(nn.Module):
    """The density (N, S), not negative, and the colour (N, S, 3) of points (N, S, 3)."""

    def __init__(self, width, frequencies):
        super().__init__()
        self.frequencies = frequencies
        size = 3 + 6 * frequencies
        self.first = nn.Sequential(nn.Linear(size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(width + size, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                                    nn.Linear(width, 4))

    def forward(self, points):
        seen = rendering.positional_encoding(points / 1.5, self.frequencies)
        out = self.second(minidl.cat([self.first(seen), seen], -1))
        return F.softplus(10 * (out[..., 0] - 0.1)), out[..., 1:].sigmoid()     # thin fog at first, not nothing


class Rays:
    """Batches of random rays of all pictures, with the colours that arrive along them; `STEPS` in an epoch."""

    def __init__(self, poses):
        parts = [scene.rays(pose, args.size) for pose in poses]
        self.origins, self.directions = (minidl.cat(part) for part in zip(*parts))
        self.colors = scene.see(self.origins, self.directions)

    def __len__(self):
        return STEPS

    def __iter__(self):
        for _ in range(STEPS):
            chosen = minidl.randint(len(self.colors), (args.rays,))
            yield [part[chosen].to(args.device) for part in (self.origins, self.directions, self.colors)]


def look(field, origins, directions, jitter=False):
    """What the field shows along rays (N, 3)."""
    distances = rendering.stratified(scene.NEAR, scene.FAR, len(origins), args.samples, jitter, origins.device)
    density, color = field(origins[:, None] + distances[..., None] * directions[:, None])
    return rendering.render(color, density, distances, directions, background=1.0)


def objective(field, origins, directions, colors):
    error = F.mse_loss(look(field, origins, directions, jitter=True).color, colors)
    return error, {"PSNR": decibels(error.item())}


def decibels(error):
    """The peak signal-to-noise ratio of a mean squared error of values from 0 to 1."""
    return -10 * math.log10(max(error, 1e-12))


def pictures(poses):
    """Colours and depths (views, 4, size, size) of what the field shows."""
    origins, directions = (minidl.cat(part).to(args.device) for part in zip(*(scene.rays(p, args.size) for p in poses)))

    def shown(rays):
        seen = look(field, rays[:, :3], rays[:, 3:])
        return minidl.cat([seen.color, (seen.depth * seen.opacity + scene.FAR * (1 - seen.opacity))[:, None]], 1)
    found = in_batches(shown, minidl.cat([origins, directions], 1), 2048).cpu()
    return found.view(len(poses), args.size, args.size, 4).movedim(-1, 1)


def quality(seen):
    """The mean over the views of how near they come to the true ones, in decibels."""
    errors = (seen[:, :3] - truth).square().mean((1, 2, 3))
    return sum(map(decibels, errors.tolist())) / len(errors)


golden = math.pi * (3 - math.sqrt(5))       # turns that never meet
batches = Rays([scene.camera(i * golden, 0.3 + 0.9 * (i + 0.5) / args.views) for i in range(args.views)])
held_out = [scene.camera(turn, 0.6) for turn in (0.4, 2.0, 3.6, 5.2)]
truth = minidl.stack([scene.see(*scene.rays(pose, args.size)).view(args.size, args.size, 3).movedim(-1, 0)
                      for pose in held_out])
field = Field(args.width, args.frequencies).to(args.device)
print(f"{args.views} pictures of {args.size}x{args.size}; {sum(p.numel() for p in field.parameters()):,} parameters")
epochs = -(-args.steps // STEPS)
optimizer = optim.Adam(field.parameters(), lr=args.lr)
falling = optim.lr_scheduler.ExponentialLR(optimizer, 0.1 ** (1 / (epochs * STEPS)))
history, interrupted = training.fit(args, field, batches, objective, optimizer, epochs, schedule=falling,
                                    evaluate=lambda: {"test PSNR": quality(pictures(held_out))})
seen = pictures(held_out)
print(f"test PSNR {quality(seen):.2f} dB of {len(held_out)} views that it has not seen")
if args.plot:
    error = (seen[:, :3] - truth).abs().amax(1, keepdim=True).expand(-1, 3, -1, -1)
    depth = ((scene.FAR - seen[:, 3:]) / (scene.FAR - scene.NEAR)).expand(-1, 3, -1, -1)
    around = pictures([scene.camera(turn, 0.6) for turn in minidl.linspace(0, 2 * math.pi, 9)[:8].tolist()])
    draw(args.plot, {
        **curves(history),
        "views": lambda path: plots.images(minidl.cat([truth, seen[:, :3], depth, error]), path, columns=4,
                                           caption="the scene, what is drawn, how near it is, and the error"),
        "around": lambda path: plots.images(around[:, :3], path, caption="a walk around the scene", columns=8)})
sys.exit(ending.CTRL_C if interrupted else 0)
