"""PointNet for parts: a label for each point, from its own features beside those of the whole set.

Qi, Su, Mo and Guibas, 2017. Two solids of different kinds stand beside each other, and each point is to say on which
kind it lies. A point alone cannot know: `alone` is the same network without the features of the whole set.

    python examples/space/point_parts.py --plot plots
    python examples/space/point_parts.py --rotation all --epochs 40
"""
import drawing
import learning

import minidl
from minidl import nn
from minidl.cli import arguments
from minidl.cli.classification import finish
from minidl.metrics.functional import jaccard_index
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import SyntheticSolids
from minidl.vision.models import space

KINDS = ("sphere", "cube", "cone", "torus")
NAMES = ("PointNet", "alone")


def add_options(parser):
    learning.add_solids(parser)
    parser.set_defaults(noise=0.01)
    parser.add_argument("--points", type=arguments.whole_number(16), default=256, metavar="N",
                        help="of a pair, half of them on either solid (default: 256)")


def pairs(count, seed):
    """Points (N, 3, P) of two solids beside each other, and the kinds (N, P) of each point."""
    made = SyntheticSolids(10 * count, "points", points=args.points // 2, rotation=args.rotation, noise=args.noise,
                           scale=(0.4, 0.55), shift=0.0, seed=seed)
    number = {SyntheticSolids.classes.index(kind): i for i, kind in enumerate(KINDS)}
    wanted = [i for i in range(len(made)) if made.solid(i).kind in KINDS][:2 * count]
    points, kinds = zip(*(made[i] for i in wanted))
    turn = minidl.rand(count) * 6.2832
    apart = minidl.stack([turn.cos(), turn.sin(), minidl.zeros(count)], 1)[..., None] * 0.5      # (N, 3, 1)
    first, second = minidl.stack(points).unflatten(0, (-1, 2)).unbind(1)
    labels = minidl.tensor([number[kind] for kind in kinds]).unflatten(0, (-1, 2))
    return (minidl.cat([first + apart, second - apart], 2),
            labels.repeat_interleave(args.points // 2, dim=1))


class Alone(nn.Module):
    """The layers of PointNet that treat each point by itself, and scores of each."""

    def __init__(self, classes, widths):
        super().__init__()
        sizes = [3, *widths]
        self.layers = nn.Sequential(*(layer for before, after in zip(sizes, widths) for layer in (
            nn.Conv1d(before, after, 1), nn.BatchNorm1d(after), nn.ReLU())), nn.Conv1d(widths[-1], classes, 1))

    def forward(self, x):
        return self.layers(x)


def objective(nets, x, y):
    return sum(F.cross_entropy(net(x), y) for net in nets), {}


def tested():
    return {f"{name} accuracy": learning.accuracy(learning.scores_of(args, net, test_x), test_y)
            for name, net in zip(NAMES, nets)}


def report():
    print("network   right points  mean IoU")
    for name, net in zip(NAMES, nets):
        scores = learning.scores_of(args, net, test_x)
        overlap = jaccard_index(scores.argmax(1), test_y, task="multiclass", num_classes=len(KINDS)).item()
        print(f"{name:8}  {learning.accuracy(scores, test_y):12.2%}  {overlap:8.3f}")


defaults = {"solids": {"epochs": 10, "batch_size": 32, "lr": 5e-3}}
args = learning.parse(__doc__, defaults, add_options, count=500, test=200)
train_data, (test_x, test_y) = (pairs(count, 2 * args.seed + i) for i, count in enumerate((args.count, args.test)))
widths = (32, 32, 32, 64, 128)
nets = nn.ModuleList([space.PointNetSegmentation(len(KINDS), widths=widths, hidden=(64, 32), transforms=False),
                      Alone(len(KINDS), widths)])
history, interrupted = learning.fit(args, nets, train_data, tested, objective)


def parts(path):
    """Four pairs: the truth, and what either network says."""
    picture, grid = drawing.panels(3, 4, "on which solid is each point?")
    said = [learning.scores_of(args, net, test_x[:4]).argmax(1) for net in nets]
    for row, name, labels in zip(grid, ("truth", *NAMES), (test_y[:4], *said)):
        for axes, cloud, kinds in zip(row, test_x, labels):
            drawing.points(axes, cloud.numpy(), [f"C{kind}" for kind in kinds.tolist()], name)
    drawing.key(picture, {kind: f"C{i}" for i, kind in enumerate(KINDS)})
    plots.save(picture, path)


finish(args, history, interrupted, report, {"parts": parts})
