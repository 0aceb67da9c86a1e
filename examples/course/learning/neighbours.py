"""What nearest neighbours do in the plane, on a line, and in many dimensions.

The plane falls into regions, one for each class: with one neighbour every outlier has an island, with three borders
are smoother, and votes may tie. What is equally far away is a circle by L2 and a diamond by L1. With enough samples
neighbours approximate any function (Cover, Hart 1967); but "enough" grows exponentially with the dimension.

    python examples/course/learning/neighbours.py
    python examples/course/learning/neighbours.py --points 100 --plot plots
"""
import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.neighbors import KNeighborsClassifier
from minidl.train import plots

TEST = minidl.tensor([[56, 32, 10, 18], [90, 23, 128, 133], [24, 26, 178, 200], [2, 0, 255, 220]])
TRAINING = minidl.tensor([[10, 20, 24, 17], [8, 10, 89, 100], [12, 16, 178, 170], [4, 32, 233, 112]])
SAMPLES = (10, 30, 100, 1000, 10_000)
COLOURS = ("#e6550d", "#3182bd", "#31a354", "#756bb1")


def clouds(count):
    """Points of four classes (N, 2), which overlap a little."""
    y = minidl.arange(count) % 4
    centres = minidl.tensor([[-1.0, -1.0], [1.0, -1.0], [-0.8, 1.0], [1.2, 1.0]])
    return centres[y] + 0.75 * minidl.randn(count, 2), y


def regions(x, y, k, metric, side=200):
    """The class at each point of a grid (side, side), -1 where votes tie."""
    line = minidl.linspace(-3, 3, side)
    a, b = minidl.meshgrid(line, line, indexing="xy")
    model = KNeighborsClassifier(n_neighbors=k, metric=metric).fit(x, y)
    nearest = minidl.as_tensor(model.kneighbors(minidl.stack([a.flatten(), b.flatten()], 1), k, return_distance=False))
    votes = minidl.nn.functional.one_hot(y[nearest], 4).sum(1)
    best, said = votes.max(1)
    said[(votes == best[:, None]).sum(1) > 1] = -1
    return said.reshape(side, side)


def curve(x):
    return (4 * x).sin() + (x * x * 9).cos() / 2


def fitted(samples):
    """What the nearest of so many samples on [0, 1] says at 1,000 points, and the largest error."""
    known, line = minidl.rand(samples).sort().values, minidl.linspace(0, 1, 1000)
    right = minidl.searchsorted(known, line).clamp(max=samples - 1)
    left = (right - 1).clamp(min=0)
    nearest = minidl.where((known[left] - line).abs() < (known[right] - line).abs(), left, right)
    values = curve(known[nearest])
    return line, values, (values - curve(line)).abs().max().item()


def nearest_distance(dimension, points=1000):
    """The mean distance to the nearest of 1,000 random points, for a mean distance of all of 1."""
    x = minidl.rand(points, dimension)
    far = minidl.cdist(x, x)
    return ((far + 1e9 * minidl.eye(points)).min(1).values.mean() / far.mean()).item()


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "points", 60, "of four classes in the plane", 4))
    print(f"sum of |test - training|: {(TEST - TRAINING).abs().sum().item()}   the lecture: 456")
    x, y = clouds(args.points)
    found = {(k, metric): regions(x, y, k, metric) for metric in ("l2", "l1") for k in (1, 3)}
    print("\non the training points   L2: errors  ties    L1: errors  ties")
    for k in (1, 3):
        said = ""
        for metric in ("l2", "l1"):
            wrong = int((minidl.as_tensor(KNeighborsClassifier(n_neighbors=k, metric=metric).fit(x, y).predict(x))
                         != y).sum())
            said += f"{wrong:13} {(found[k, metric] < 0).float().mean().item():6.1%}"
        print(f"k = {k:<18}{said}")
    fits = {samples: fitted(samples) for samples in SAMPLES}
    print("\nsamples of a curve   largest error of the nearest one")
    for samples, (_, _, error) in fits.items():
        print(f"{samples:18,} {error:10.4f}")
    print("\ndimension   points, 4 a side   nearest distance / mean distance")
    for dimension in (1, 2, 3, 10, 100, 1000):
        points = f"{4 ** dimension:,}" if dimension <= 10 else f"4^{dimension}"
        print(f"{dimension:9} {points:>18} {nearest_distance(dimension):14.3f}")
    print(f"binary images of 32x32: 2^1024 = 10^{len(str(2 ** 1024)) - 1}; particles in the universe: about 10^97")

    def plane(path):
        figure, axes = lesson.grid(2, 2, 3.4, 3.2)
        for place, ((k, metric), said) in zip(axes.flat, found.items()):
            place.contourf(said.numpy(), levels=[-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], colors=["white", *COLOURS],
                           alpha=0.35, extent=(-3, 3, -3, 3))
            for number, colour in enumerate(COLOURS):
                place.plot(*x[y == number].T.numpy(), "o", color=colour, markersize=4, markeredgecolor="black",
                           markeredgewidth=0.4)
            place.set_title(f"K = {k}, {metric.upper()}" + (", white: a tie" if k == 3 else ""), fontsize=10)
        plots.save(figure, path)

    def line(path):
        figure, axes = lesson.grid(1, len(fits), 2.6, 2.4)
        for place, (samples, (points, values, error)) in zip(axes[0], fits.items()):
            place.plot(points.numpy(), curve(points).numpy(), color="lightgray", linewidth=4)
            place.plot(points.numpy(), values.numpy(), linewidth=1)
            place.set_title(f"{samples:,} samples: {error:.3f}", fontsize=10)
        plots.save(figure, path)

    def dimensions(path):
        figure = plots.figure(10, 2.8)
        ticks = minidl.arange(4).numpy()
        one, two = figure.add_subplot(1, 4, 1), figure.add_subplot(1, 4, 2)
        three, last = figure.add_subplot(1, 4, 3, projection="3d"), figure.add_subplot(1, 4, 4)
        one.plot(ticks, 0 * ticks, "o")
        two.plot(*minidl.cartesian_prod(*[minidl.arange(4)] * 2).T.numpy(), "o")
        three.scatter(*minidl.cartesian_prod(*[minidl.arange(4)] * 3).T.numpy())
        for place, count in ((one, 4), (two, 16), (three, 64)):
            place.set_title(f"{count} points", fontsize=10)
        sizes = (1, 2, 3, 5, 10, 30, 100, 300, 1000)
        last.plot(sizes, [nearest_distance(size) for size in sizes], "o-")
        last.set(xscale="log", xlabel="dimension")
        last.set_title("nearest / mean distance", fontsize=10)
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"regions": plane, "function": line, "dimensions": dimensions})


if __name__ == "__main__":
    main()
