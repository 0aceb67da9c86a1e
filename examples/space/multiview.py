"""Multi-view CNN: a network for images looks at a solid from all sides, and of each feature the largest value counts.

Su, Maji, Kalogerakis and Learned-Miller, 2015; 90.1 % on ModelNet40, where VoxNet has 83. In training, each step sees
the solids from another number of sides. So one network can be asked in the end what each further view is worth.

    python examples/space/multiview.py --plot plots
    python examples/space/multiview.py --views 4 --rotation all
"""
import learning

import minidl
from minidl import nn
from minidl.cli import arguments
from minidl.cli.classification import finish
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import SyntheticSolids
from minidl.vision.models import space


def add_options(parser):
    learning.add_solids(parser)
    parser.add_argument("--views", type=arguments.whole_number(1), default=8, metavar="N",
                        help="pictures of a solid (default: 8)")


def objective(model, x, y):
    seen = minidl.randperm(args.views)[:minidl.randint(1, args.views + 1, ()).item()]
    scores = model(x[:, seen])
    return F.cross_entropy(scores, y), {"accuracy": learning.accuracy(scores.detach(), y)}


def from_sides(count):
    """The accuracy on test solids, seen from `count` sides all around."""
    sides = minidl.arange(count) * args.views // count
    return learning.accuracy(learning.scores_of(args, net, test_x[:, sides]), test_y)


def tested():
    return {"one view accuracy": from_sides(1), "test accuracy": from_sides(args.views)}


def report():
    print("views  test accuracy")
    by_views.update({count: from_sides(count) for count in range(1, args.views + 1)})
    for count, accuracy in by_views.items():
        print(f"{count:5}  {accuracy:13.2%}")


args = learning.parse(__doc__, {"solids": {"epochs": 12, "batch_size": 32, "lr": 3e-3}}, add_options, count=1000)
train_data, (test_x, test_y) = learning.solids(args, "views", views=args.views)
classes, by_views = SyntheticSolids.classes, {}
side = args.side // 4
look = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                     nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
                     nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveMaxPool2d(3))
decide = nn.Sequential(nn.Flatten(), nn.Linear(64 * 9, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, len(classes)))
net = space.MultiViewCNN(look, decide)
history, interrupted = learning.fit(args, net, train_data, tested, objective)


def views(path):
    """A solid of each kind, a row each, from all sides."""
    first = [(test_y == kind).nonzero()[0].item() for kind in range(len(classes)) if (test_y == kind).any()]
    plots.images(test_x[first].flatten(0, 1), path, columns=args.views,
                 caption=f"a solid of each kind in a row, from {args.views} sides")


def gain(path):
    picture = plots.figure(6, 4)
    axes = picture.subplots()
    axes.plot(list(by_views), [100 * value for value in by_views.values()], marker="o")
    axes.set(xlabel="views", ylabel="test accuracy (%)", title="what each further view is worth", xticks=list(by_views))
    plots.save(picture, path)


finish(args, history, interrupted, report, {"views": views, **({} if interrupted else {"gain": gain})})
