"""Batch norm: the same network with and without it, trained at several learning rates.

Each unit's numbers are centred and scaled over the batch, (x - mean) / sqrt(variance + eps), after every layer. Then
the size of the weights does not matter, and rates may be larger by far (Ioffe and Szegedy, 2015). The network is that
of the lecture, of 1,200,330 parameters on MNIST: two convolutions, a pooling, dropout and two linear layers.

    python examples/course/networks/batch_norm.py
    python examples/course/networks/batch_norm.py --dataset mnist --data DIR --epochs 1 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import arguments, images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.train import Classification, fit, plots

DEFAULTS = {"digits": {"epochs": 3, "batch_size": 64}, "mnist": {"epochs": 1, "batch_size": 64}}


def add_rates(parser):
    parser.add_argument("--rates", type=arguments.positive_number, nargs="+", default=[0.01, 0.03, 0.1, 0.3, 1.0, 3.0],
                        metavar="RATE", help="(default: 0.01 to 3)")


def build(norm, channels, side, classes):
    """Two convolutions 3x3 of 32 and 64 filters, a pooling, and layers of 128 units and of the classes."""
    edge = 0 if side >= 16 else 1           # small images get a margin, so that something is left of them
    left = (side - 4 + 4 * edge) // 2

    def normed(layer, kind, width):
        return [layer, *([kind(width)] if norm else []), nn.ReLU()]
    return nn.Sequential(
        *normed(nn.Conv2d(channels, 32, 3, padding=edge), nn.BatchNorm2d, 32),
        *normed(nn.Conv2d(32, 64, 3, padding=edge), nn.BatchNorm2d, 64),
        nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten(),
        *normed(nn.Linear(64 * left * left, 128), nn.BatchNorm1d, 128), nn.Linear(128, classes))


def count(model):
    return sum(p.numel() for p in model.parameters())


def main():
    args = lesson.parse(__doc__, add_rates, DEFAULTS)
    data = images.load(args)
    rows = {True: [], False: []}
    print(f"on images of 28x28: {count(build(True, 1, 28, 10)):,} parameters with norms (lecture: 1,200,330)")
    print("rate     with norm  without")
    for rate in args.rates:
        for norm, found in rows.items():
            minidl.manual_seed(args.seed)
            model = build(norm, data.channels, data.size, len(data.classes)).to(args.device)
            optimizer = optim.SGD(model.parameters(), lr=rate)
            try:
                fit(model, images.Batches(data, args.batch_size), Classification(), optimizer, args.epochs, show=False)
                scores = in_batches(lambda x, model=model: model.eval()(data.normalise(x)), data.test.x).cpu()
                found.append(accuracy(scores, data.test.y))
            except FloatingPointError:          # the loss is no number any more
                found.append(1 / len(data.classes))
        print(f"{rate:<8g} {rows[True][-1]:9.2%} {rows[False][-1]:8.2%}")

    def picture(path):
        figure = plots.figure(7, 4)
        axes = figure.subplots()
        for norm, found in rows.items():
            name = "with batch norm" if norm else "without"
            axes.plot(args.rates, [100 * value for value in found], marker="o", label=name)
        axes.set(xscale="log", xlabel="learning rate", ylabel="test accuracy (%)", ylim=(0, 102),
                 title=f"after {args.epochs} epochs of SGD on {args.dataset}")
        axes.legend()
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"rates": picture})


if __name__ == "__main__":
    main()
