"""Ways to regularise, compared: what each gives a small residual network that learns from few images.

Noise in training, none in the test: units away (dropout), weights away (DropConnect), other regions pooled (fractional
max pooling), blocks away (stochastic depth), a square of the image away (cutout), two images and their labels blended
(mixup). Weight decay pulls weights to zero. All start from the same weights of each seed, and see as many batches.
Srivastava 2014, Wan 2013, Graham 2014, Huang 2016, DeVries and Taylor 2017, Zhang 2018.

    python examples/course/training/regularizers.py
    python examples/course/training/regularizers.py --shots 5 --seeds 5 --plot plots
"""
import statistics

import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.train import Classification, fit, plots
from minidl.vision import ops
from minidl.vision.transforms import batched

DEFAULTS = {"digits": {"epochs": 40, "batch_size": 50}, "mnist": {"epochs": 40, "batch_size": 50}}
WAYS = ["nothing", "weight decay", "dropout", "DropConnect", "fractional pooling", "stochastic depth", "cutout",
        "mixup"]


def add_options(parser):
    lesson.whole(parser, "shots", 10, "images of each class to learn from")
    lesson.whole(parser, "seeds", 3, "runs of each")


class Block(nn.Module):
    """relu(x + f(x)), where f may be away in training."""

    def __init__(self, width, away):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
        self.depth = ops.StochasticDepth(away, "row")

    def forward(self, x):
        return (x + self.depth(self.f(x))).relu()


def build(way, channels, side, classes):
    """A convolution, pooling by half, two blocks, pooling by half, and a linear layer of 128 units."""
    def pool(size):
        return nn.FractionalMaxPool2d(2, output_size=size) if way == "fractional pooling" else nn.MaxPool2d(2)
    away = 0.3 if way == "stochastic depth" else 0.0
    last = nn.DropConnect(32 * (side // 4) ** 2, 128, 0.5) if way == "DropConnect" else \
        nn.Linear(32 * (side // 4) ** 2, 128)
    return nn.Sequential(nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), pool(side // 2), Block(32, away),
                         Block(32, away), pool(side // 4), nn.Flatten(), last, nn.ReLU(),
                         *([nn.Dropout(0.5)] if way == "dropout" else []), nn.Linear(128, classes))


class Blended:
    """Batches whose images and labels are mixed in pairs."""

    def __init__(self, batches, classes):
        self.batches, self.mix = batches, batched.MixUp(0.4, classes)

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return (self.mix(x, y) for x, y in self.batches)


def trained(way, data, numbers, args):
    """The accuracies on the images learned from, and on the test images."""
    model = build(way, data.channels, data.size, len(data.classes)).to(args.device)
    augment = batched.Cutout(data.size // 3) if way == "cutout" else None
    batches = images.Batches(data, args.batch_size, augment, numbers)
    batches = Blended(batches, len(data.classes)) if way == "mixup" else batches
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1.0 if way == "weight decay" else 0.0)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(batches))
    fit(model, batches, Classification(), optimizer, args.epochs, schedule=schedule, show=False)
    model.eval()
    return [accuracy(in_batches(lambda x: model(data.normalise(x)), x).cpu(), y)
            for x, y in ((data.train.x[numbers], data.train.y[numbers]), (data.test.x, data.test.y))]


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    data = images.load(args)
    found = {way: [] for way in WAYS}
    print(f"{args.shots} images of each class, {args.seeds} runs; accuracy\n{'':20}  training      test")
    for way in WAYS:
        for seed in range(args.seed, args.seed + args.seeds):
            minidl.manual_seed(seed)
            order = minidl.randperm(len(data.train.x))
            numbers = minidl.cat([order[data.train.y[order] == c][:args.shots] for c in range(len(data.classes))])
            found[way].append(trained(way, data, numbers, args))
        learned, tests = zip(*found[way])
        spread = f" +- {statistics.stdev(tests):.1%}" if args.seeds > 1 else ""
        print(f"{way:20} {statistics.mean(learned):9.1%} {statistics.mean(tests):9.1%}{spread}")

    def picture(path):
        figure = plots.figure(8, 3.6)
        axes = figure.subplots()
        for at, way in enumerate(WAYS):
            tests = [100 * test for _, test in found[way]]
            axes.barh(at, statistics.mean(tests), color="lightblue")
            axes.plot(tests, [at] * len(tests), "o", color="C0", markersize=4)
        axes.set_yticks(range(len(WAYS)), WAYS)
        axes.invert_yaxis()
        lowest = 100 * min(test for runs in found.values() for _, test in runs)
        axes.set(xlabel="test accuracy (%); a point a run", xlim=(max(0, lowest - 5), 100),
                 title=f"learned from {args.shots} images of each class")
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"bars": picture})


if __name__ == "__main__":
    main()
