"""The batch size: the gradient of a few images is a noisy estimate of that of all.

One image at a time is on-line learning, all of them is gradient descent; what lies between is a matter of taste and of
memory (Robbins, Monro 1951; Goyal 2017). An epoch of N images has ceil(N / B) steps. The noise of the gradient falls
like 1/B, and so does the number of steps. With a rate in proportion to B small batches learn alike from an epoch;
large ones take too few steps, however exact.

    python examples/course/learning/batch_size.py
    python examples/course/learning/batch_size.py --dataset mnist --data DIR --sizes 8 32 128 512 2048 --plot plots
"""
import time

import minidl
from minidl import nn, optim
from minidl.cli import arguments, lesson
from minidl.cli.classification import accuracy, draw
from minidl.nn import functional as F
from minidl.train import plots

DEFAULTS = {"digits": {"epochs": 5, "batch_size": 32, "lr": 0.1}, "mnist": {"epochs": 2, "batch_size": 32, "lr": 0.05}}
DRAWS = 50      # batches whose gradients are looked at
MOST = 2.0      # the rate does not grow beyond this one


def network(pixels, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 64), nn.ReLU(), nn.Linear(64, classes))


def gradient(model, x, y):
    """The gradient of the mean loss as one vector."""
    return minidl.cat([g.flatten() for g in minidl.autograd.grad(F.cross_entropy(model(x), y),
                                                                  list(model.parameters()))])


def noise(model, x, y, size):
    """How far the gradients of batches are from that of all images: the mean square of it, for a square of 1."""
    whole = gradient(model, x, y)
    ways = [gradient(model, x[some], y[some]) - whole
            for some in (minidl.randperm(len(x))[:size].to(x.device) for _ in range(DRAWS))]
    return (minidl.stack([(way * way).sum() for way in ways]).mean() / (whole * whole).sum()).item()


def train(model, x, y, size, epochs, rate):
    """Shuffle, and take a step for each batch; the seconds of an epoch, and its steps."""
    optimizer, start, steps = optim.SGD(model.parameters(), lr=rate), time.perf_counter(), 0
    for _ in range(epochs):
        for some in minidl.randperm(len(x)).to(x.device).split(size):
            optimizer.zero_grad()
            F.cross_entropy(model(x[some]), y[some]).backward()
            optimizer.step()
            steps += 1
    return (time.perf_counter() - start) / epochs, steps // epochs


def main():
    args = lesson.parse(__doc__, lambda parser: parser.add_argument(
        "--sizes", type=arguments.whole_number(1), nargs="+", metavar="B", default=[1, 8, 32, 128, 512, 10 ** 9],
        help="of batches; more than all images means all (default: 1 8 32 128 512 and all)"), DEFAULTS)
    x, y, test_x, test_y, data = lesson.tensors(args)
    rows = []
    print(f"{args.dataset}: {len(x):,} images, {args.epochs} epochs, rate {args.lr} for batches of {args.batch_size}, "
          f"in proportion for others, at most {MOST}")
    print("batch   steps   rate   noise   seconds   test accuracy")
    for size in sorted({min(size, len(x)) for size in args.sizes}):
        minidl.manual_seed(args.seed)
        model, rate = network(x[0].numel(), len(data.classes)).to(args.device), args.lr * size / args.batch_size
        before = noise(model, x, y, size)
        seconds, steps = train(model, x, y, size, args.epochs, min(rate, MOST))
        with minidl.no_grad():
            rows.append((size, before, seconds, accuracy(model(test_x).cpu(), test_y.cpu())))
        print(f"{size:5} {steps:7} {min(rate, MOST):6.3f} {before:7.3f} {seconds:9.3f} {rows[-1][-1]:13.2%}")

    def picture(path):
        figure, axes = lesson.grid(1, 3, 3.4, 3.0)
        sizes, *columns = zip(*rows)
        for place, values, name in zip(axes[0], columns, ("noise of the gradient", "seconds of an epoch",
                                                           f"test accuracy, epochs: {args.epochs}")):
            place.plot(sizes, values, "o-")
            place.set(xlabel="batch size", xscale="log", title=name)
        axes[0][0].plot(sizes, [columns[0][0] * sizes[0] / size for size in sizes], "--", color="gray", label="~ 1/B")
        axes[0][0].set(yscale="log", ylim=(min(noise for noise in columns[0] if noise > 1e-6) / 5, None))
        axes[0][1].set_yscale("log")
        axes[0][0].legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"sizes": picture})


if __name__ == "__main__":
    main()
