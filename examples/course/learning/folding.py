"""What a layer of ReLU does to the plane, and to a line.

h = ReLU(W x) folds the plane along the lines w x = 0: classes that no line separates lie apart after it. On a line a
hidden unit is a ramp, and u max(0, w x + b), added up, is any curve of straight pieces: four ramps make a bump, and
bumps make any function (Cybenko 1989, Hornik 1989). The first networks that were trained by backpropagation learned to
fold as well: exclusive or, and whether a row of bits is its own mirror image (Rumelhart, Hinton, Williams 1986).

    python examples/course/learning/folding.py
    python examples/course/learning/folding.py --units 2 4 8 16 32 64 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import arguments, lesson
from minidl.cli.classification import draw
from minidl.nn import functional as F
from minidl.train import plots

FOLD = minidl.tensor([[1.0, 0.8], [-0.8, -1.0]])        # W of two hidden units


def rings(count=150):
    """A strip in the middle, and points on both sides of it: no line separates them."""
    x = 2 * minidl.rand(4 * count, 2) - 1
    distance = (x.sum(1)).abs()
    keep = (distance < 0.5) | (distance > 0.8)
    return x[keep], (distance[keep] > 0.65).long()


def separates(x, y, steps=400):
    """The accuracy on the training points of the best line that logistic regression finds."""
    line = nn.Linear(x.shape[1], 1)
    optimizer = optim.Adam(line.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(line(x)[:, 0], y.float()).backward()
        optimizer.step()
    return ((line(x)[:, 0] > 0) == (y == 1)).float().mean().item()


def bump(x, left=0.3, right=0.6, edge=0.05):
    """Four ramps: up by 1 at `left`, and down by 1 at `right`."""
    ramps = [F.relu(x - at) / edge for at in (left, left + edge, right, right + edge)]
    return ramps[0] - ramps[1] - ramps[2] + ramps[3]


def curve(x):
    return (6 * x).sin() * (1 - x) + 0.3 * (17 * x).sin()


def approximate(units):
    """A curve on [0, 1] by ramps at equal distances, whose weights are solved for; its values and its largest error."""
    x = minidl.linspace(0, 1, 400, dtype=minidl.float64)[:, None]
    corners = minidl.arange(units, dtype=minidl.float64) / units
    hidden = minidl.cat([F.relu(x - corners), minidl.ones_like(x)], 1)      # w = 1, b = -corner, and p
    values = hidden @ minidl.linalg.lstsq(hidden, curve(x)).solution
    return values[:, 0], (values - curve(x)).abs().max().item()


def bits(number):
    return (minidl.arange(2 ** number)[:, None] >> minidl.arange(number) & 1).float()


def learns(x, y, hidden, steps, tries=5):
    """The accuracy after learning a table of bits with a hidden layer of sigmoids, and the weights of that layer.

    Gradient descent may end in a valley that is too high; then it begins anew.
    """
    net = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.Sigmoid(), nn.Linear(hidden, 1))
    optimizer = optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(net(x)[:, 0], y).backward()
        optimizer.step()
    right = ((net(x)[:, 0] > 0) == (y == 1)).float().mean().item()
    return (right, net[0].weight.tolist()) if right == 1 or tries == 1 else learns(x, y, hidden, steps, tries - 1)


def main():
    args = lesson.parse(__doc__, lambda parser: (
        parser.add_argument("--units", type=arguments.whole_number(1), nargs="+", default=[3, 6, 12, 24, 48],
                            metavar="N", help="hidden units of the approximations (default: 3 6 12 24 48)"),
        lesson.whole(parser, "steps", 3000, "of each network of bits")))
    x, y = rings()
    h = F.relu(x @ FOLD.T)
    print(f"a line separates {separates(x, y):.1%} of the points before folding, {separates(h, y):.1%} after")
    print("\nhidden units   largest error of the curve")
    fits = {units: approximate(units) for units in args.units}
    for units, (_, error) in fits.items():
        print(f"{units:12} {error:10.4f}")
    print("\na table of bits, by backpropagation    hidden units   right")
    for name, table, right, hidden in (("exclusive or of 2 bits", bits(2), bits(2).sum(1) == 1, 2),
                                       ("6 bits are their own mirror image", bits(6),
                                        (bits(6) == bits(6).flip(1)).all(1), 2)):
        share, weights = learns(table, right.float(), hidden, args.steps)
        print(f"{name:38} {hidden:8} {share:12.1%}")
    print("the weights of both units for six bits, in mirrored pairs of opposite sign:")
    for row in weights:
        print("  ", *(f"{w:7.2f}" for w in row))

    def plane(path):
        figure, axes = lesson.grid(1, 2, 3.8, 3.6)
        lines = minidl.linspace(-1, 1, 9)
        for place, points, warp, title in zip(axes[0], (x, h), (lambda p: p, lambda p: F.relu(p @ FOLD.T)),
                                              ("the plane", "h = ReLU(W x)")):
            for at in lines:
                for grid in (minidl.stack([at.expand(99), minidl.linspace(-1, 1, 99)], 1),
                             minidl.stack([minidl.linspace(-1, 1, 99), at.expand(99)], 1)):
                    place.plot(*warp(grid).T.numpy(), color="lightgray", linewidth=0.8)
            place.scatter(*points.T.numpy(), c=y.numpy(), cmap="coolwarm", s=10, zorder=2)
            place.set_title(title)
        plots.save(figure, path)

    def functions(path):
        figure, axes = lesson.grid(1, 2 + len(fits), 2.6, 2.6)
        line = minidl.linspace(0, 1, 400)
        for at, weight in ((0.1, 1.0), (0.4, -2.0), (0.6, 3.0)):
            axes[0][0].plot(line.numpy(), (weight * F.relu(line - at)).numpy(), "--")
        total = F.relu(line - 0.1) - 2 * F.relu(line - 0.4) + 3 * F.relu(line - 0.6)
        axes[0][0].plot(line.numpy(), total.numpy(), color="black")
        axes[0][0].set_title("three ramps, added", fontsize=10)
        axes[0][1].plot(line.numpy(), bump(line).numpy())
        axes[0][1].set_title("four make a bump", fontsize=10)
        for place, (units, (values, _)) in zip(axes[0][2:], fits.items()):
            place.plot(line.numpy(), curve(line).numpy(), color="lightgray", linewidth=4)
            place.plot(line.numpy(), values.numpy())
            place.set_title(f"{units} units", fontsize=10)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"plane": plane, "functions": functions})


if __name__ == "__main__":
    main()
