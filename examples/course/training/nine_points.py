"""Nine points of a grid, and nine at random: where one hyperparameter matters, random points try it nine times.

A grid of 3 x 3 tries three values of each. If the result depends on one of them nearly alone, and nobody knows on
which, six of its nine trials repeat what was known; nine random points try nine values (Bergstra and Bengio, "Random
search for hyper-parameter optimization", 2012). The picture has both, with the results seen along each side. The table
repeats the search thousands of times, each time with a peak elsewhere. `classify/hyperparameter_search.py` searches for
real.

    python examples/course/training/nine_points.py
    python examples/course/training/nine_points.py --side 5 --plot plots
"""
import itertools

import numpy as np

from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.train import plots

SEARCHES, WIDTH = 2000, 0.12        # searches in the table; how wide the peak is, of a side of 1


def result(x, y, peak, weight):
    """What a trial gives: a peak along x, and weight times as high a hill along y."""
    return (np.exp(-((x - peak[0]) / WIDTH) ** 2) + weight * np.exp(-((y - peak[1]) / 0.4) ** 2)) / (1 + weight)


def grid(side):
    """Points (side * side, 2) in the middles of cells."""
    middles = (np.arange(side) + 0.5) / side
    return np.array(list(itertools.product(middles, middles)))


def best_of(points, peak, weight):
    return result(points[:, 0], points[:, 1], peak, weight).max()


def picture(path, side, draws):
    peak, weight = (0.36, 0.6), 0.1
    figure = plots.figure(9, 4.6)
    ticks = np.linspace(0, 1, 201)
    for half, (name, points) in enumerate({"grid": grid(side), "random": draws.random((side * side, 2))}.items()):
        top, middle = (figure.add_axes((0.06 + 0.5 * half, *place)) for place in ((0.7, 0.36, 0.2), (0.1, 0.36, 0.56)))
        right = figure.add_axes((0.43 + 0.5 * half, 0.1, 0.06, 0.56))
        middle.contourf(ticks, ticks, result(ticks[None], ticks[:, None], peak, weight), 20, cmap="Blues")
        middle.plot(*points.T, "o", color="C3")
        middle.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], xlabel="matters", ylabel="hardly matters")
        curve, low = np.exp(-((ticks - peak[0]) / WIDTH) ** 2), 0.4 + 0.1 * np.exp(-((ticks - peak[1]) / 0.4) ** 2)
        top.plot(ticks, curve, color="C0")
        top.plot(points[:, 0], np.interp(points[:, 0], ticks, curve), "o", color="C3")
        right.plot(low, ticks, color="C0")
        right.plot(np.interp(points[:, 1], ticks, low), points[:, 1], "o", color="C3")
        top.set(xlim=(0, 1), xticks=[], yticks=[])
        right.set(ylim=(0, 1), xlim=(0.3, 0.6), xticks=[], yticks=[])
        values = len(np.unique(points[:, 0]))
        top.set_title(f"{name}: {len(points)} trials, {values} values\nbest {best_of(points, peak, weight):.2f} of 1")
    figure.set_layout_engine("none")
    plots.save(figure, path)


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "side", 3, "points along a side of the grid"))
    draws, side = np.random.default_rng(args.seed), args.side
    print(f"best of {side * side} trials, of 1, mean of {SEARCHES} searches     grid  random  random is better")
    for weight, told in ((0.0, "the second does not matter at all"), (0.1, "the second hardly matters"),
                         (0.5, "it matters half as much"), (1.0, "both matter")):
        peaks = draws.random((SEARCHES, 2))
        fixed = np.array([best_of(grid(side), peak, weight) for peak in peaks])
        drawn = np.array([best_of(draws.random((side * side, 2)), peak, weight) for peak in peaks])
        print(f"{told:46} {fixed.mean():8.3f} {drawn.mean():7.3f} {(drawn > fixed).mean():10.0%}")
    if args.plot:
        draw(args.plot, {"squares": lambda path: picture(path, side, draws)})


if __name__ == "__main__":
    main()
