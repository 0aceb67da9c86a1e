"""Light fields: pictures from a grid of places, and what filters in four dimensions cost.

A camera behind small lenses takes 3 x 3 pictures at once, each from a little aside; so a light field has two angular
and two spatial axes. A 4-D filter sees all at once. Cheaper ones see the pixels of each picture (spatial), or the
pictures at each pixel (angular); interleaved, they see all again (Wang et al., 2016, who tell materials apart with
them). Here the question is how deep a textured wall lies. Pixels of one picture say nothing of it; the pictures at one
pixel say how far it is from the plane of focus, but not on which side.

    python examples/space/light_field.py --plot plots
    python examples/space/light_field.py --walls 2000 --epochs 20
"""
import learning

import minidl
from minidl import nn
from minidl.cli.classification import finish
from minidl.nn import functional as F
from minidl.train import plots

GRID, SIDE, WIDTH = 3, 12, 8
DEPTHS = [-1.0, -0.5, 0.0, 0.5, 1.0]        # pixels that the wall moves from picture to picture


def made(count):
    """Light fields (N, 1, GRID, GRID, SIDE, SIDE) of textured walls, and the numbers of their depths."""
    y = minidl.arange(count) % len(DEPTHS)
    texture = F.avg_pool2d(minidl.randn(count, 1, SIDE + 8, SIDE + 8), 2, 1)
    moved, begin = minidl.tensor(DEPTHS)[y] * 2 / (SIDE + 7), minidl.rand(count, 1, 1, 2) * 2 / (SIDE + 7)
    inner = F.affine_grid((minidl.eye(2, 3) * (SIDE / (SIDE + 7))).expand(count, 2, 3), [count, 1, SIDE, SIDE],
                          align_corners=False)
    views = [F.grid_sample(texture, inner + begin + moved.reshape(-1, 1, 1, 1) * minidl.tensor([float(v), float(u)]),
                           align_corners=True) for u in (-1, 0, 1) for v in (-1, 0, 1)]
    x = minidl.stack(views, 2).unflatten(2, (GRID, GRID))
    return x / x.std() + 0.2 * minidl.randn_like(x), y


class Spatial(nn.Module):
    """A filter over the pixels of each picture: (N, C, U, V, H, W) -> (N, D, U, V, H, W)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        n, _, *grid = x.shape
        y = self.conv(x.permute(0, 2, 3, 1, 4, 5).flatten(0, 2))
        return y.unflatten(0, (n, *grid[:2])).permute(0, 3, 1, 2, 4, 5)


class Angular(Spatial):
    """A filter over the pictures at each pixel."""

    def forward(self, x):
        return super().forward(x.permute(0, 1, 4, 5, 2, 3)).permute(0, 1, 4, 5, 2, 3)


class Full(nn.Module):
    """A filter over all four axes: a sum of 3-D filters, of which each sees another row of pictures."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.rows = nn.ModuleList([nn.Conv3d(inputs, outputs, 3, padding=1, bias=row == 1) for row in range(3)])

    def forward(self, x):
        n, _, height = x.shape[:3]
        framed = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1)).transpose(1, 2)
        parts = [conv(framed[:, row:row + height].flatten(0, 1)) for row, conv in enumerate(self.rows)]
        return sum(parts).unflatten(0, (n, height)).transpose(1, 2)


LAYOUTS = {"spatial": [Spatial, Spatial], "angular": [Angular, Angular],
           "interleaved": [Spatial, Angular, Spatial, Angular], "4-D": [Full, Full]}


class Network(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList([kind(WIDTH if i else 1, WIDTH) for i, kind in enumerate(layers)])
        self.decide = nn.Linear(2 * WIDTH, len(DEPTHS))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        x = x.flatten(2)
        return self.decide(minidl.cat([x.mean(2), x.square().mean(2)], 1))


def objective(nets, x, y):
    return sum(F.cross_entropy(net(x), y) for net in nets), {}


def tested():
    return {f"{name} accuracy": learning.accuracy(learning.scores_of(args, net, test_x), test_y)
            for name, net in zip(LAYOUTS, nets)}


def report():
    print(f"                sees     weights of a layer, {WIDTH} to {WIDTH}   multiply-adds a pixel   test accuracy")
    sizes = [(9, "3x3 pixels"), (9, "3x3 views"), (18, "both"), (81, "both")]
    for name, (taps, sees), accuracy in zip(LAYOUTS, sizes, tested().values()):
        print(f"{name:11}  {sees:>10}   {taps:3} x {WIDTH} x {WIDTH} = {taps * WIDTH ** 2:5,}   "
              f"{taps * WIDTH ** 2:29,}   {accuracy:13.2%}")


args = learning.parse(__doc__, {"walls": {"epochs": 10, "batch_size": 32, "lr": 1e-2}}, count=800, test=300)
train_data, (test_x, test_y) = made(args.count), made(args.test)
nets = nn.ModuleList([Network(layers) for layers in LAYOUTS.values()])
history, interrupted = learning.fit(args, nets, train_data, tested, objective)


def views(path):
    """The nine pictures of the nearest wall, and of the farthest."""
    shown = minidl.cat([test_x[i].flatten(1, 2)[0] for i in (0, min(len(DEPTHS), args.test) - 1)])
    plots.images(shown, path, caption="a wall behind the plane of focus, and one before it, each in 3 x 3 pictures",
                 columns=GRID ** 2)


finish(args, history, interrupted, report, {"views": views})
