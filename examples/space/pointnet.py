"""PointNet: every point goes through the same small network, and of each feature the largest value counts.

Qi, Su, Mo and Guibas, 2017. Two networks learn beside each other: with T-Nets, which turn the points and their features
into a pose of their choice, and without. Then points are taken away, which costs little until the critical ones are
gone: those that gave the largest values. The picture shows them. On ModelNet40 the paper has 89.2 % with T-Nets and
87.1 without, a known version in PyTorch 87.0 and 86.4.

    python examples/space/pointnet.py --plot plots
    python examples/space/pointnet.py --rotation all --epochs 40
"""
import drawing
import learning

import minidl
from minidl import nn
from minidl.cli import arguments
from minidl.cli.classification import finish
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import SyntheticSolids
from minidl.vision.models import space

KEPT = (1.0, 0.75, 0.5, 0.25, 0.12, 0.06)       # shares of the points
NAMES = ("with T-Nets", "without")


def add_options(parser):
    learning.add_solids(parser)
    parser.add_argument("--points", type=arguments.whole_number(16), default=256, metavar="N",
                        help="of a solid (default: 256)")


def objective(nets, x, y):
    scores, matrix = nets[0].scores_and_matrix(x)
    loss = F.cross_entropy(scores, y) + 0.001 * space.orthogonality(matrix)
    return loss + F.cross_entropy(nets[1](x), y), {}


def tested(x=None):
    x = test_x if x is None else x
    return {f"{name} accuracy": learning.accuracy(learning.scores_of(args, net, x), test_y)
            for name, net in zip(NAMES, nets)}


def report():
    print(f"points  {NAMES[0]}  {NAMES[1]:>11}")
    for share in KEPT:
        count = max(1, round(share * args.points))
        robust[count] = list(tested(test_x[:, :, :count]).values())        # points come in no order
        print(f"{count:6}  " + "  ".join(f"{value:11.2%}" for value in robust[count]))
    few, points = len(test_x[:100]), minidl.randperm(args.points)
    net, x = nets[0], test_x[:few]
    moved = (learning.scores_of(args, net, x[:, :, points]) - learning.scores_of(args, net, x)).abs().max().item()
    kept = [x[i][:, critical(x[i])] for i in range(few)]
    same = sum(net(part[None].to(args.device)).argmax().item() == right
               for part, right in zip(kept, learning.scores_of(args, net, x).argmax(1).tolist()))
    number = sum(part.shape[1] for part in kept) / few
    print(f"points in another order move the scores by {moved:.1e} at most; the {number:.0f} critical points alone, of "
          f"{args.points}, get the same answer in {same} of {few} cases")


@minidl.no_grad()
def critical(x):
    """The numbers of the points that some feature comes from."""
    return nets[0].critical(x[None].to(args.device)).unique().cpu()


defaults = {"solids": {"epochs": 8, "batch_size": 32, "lr": 5e-3}}
args = learning.parse(__doc__, defaults, add_options, count=800, test=300)
train_data, (test_x, test_y) = learning.solids(args, "points", points=args.points)
classes, robust = SyntheticSolids.classes, {}
sizes = {"widths": (32, 32, 32, 64, 256), "hidden": (128, 64)}      # a quarter of the paper's
nets = nn.ModuleList([space.PointNet(len(classes), transforms=on, **sizes) for on in (True, False)])
history, interrupted = learning.fit(args, nets, train_data, tested, objective)


def points(path):
    """A solid of each kind: all points, and the critical ones."""
    picture, grid = drawing.panels(2, 5, "points of a solid of each kind; red: the critical ones")
    for kind, axes in enumerate(axes for row in grid for axes in row):
        if (test_y == kind).any():
            cloud = test_x[(test_y == kind).nonzero()[0].item()]
            chosen = minidl.isin(minidl.arange(args.points), critical(cloud)).tolist()
            drawing.points(axes, cloud.numpy(), ["C3" if red else "0.75" for red in chosen], classes[kind],
                           [10 if red else 4 for red in chosen])
    plots.save(picture, path)


def dropped(path):
    picture = plots.figure(6, 4)
    axes = picture.subplots()
    for name, values in zip(NAMES, zip(*robust.values())):
        axes.plot(list(robust), [100 * value for value in values], marker="o", label=name)
    axes.set(xlabel="points", ylabel="test accuracy (%)", xscale="log", title="what is left of fewer points")
    axes.set_xticks(list(robust), list(robust))
    axes.minorticks_off()
    axes.legend()
    plots.save(picture, path)


finish(args, history, interrupted, report, {"points": points, **({} if interrupted else {"dropped": dropped})})
