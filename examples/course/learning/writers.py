"""Where data come from: digits of people who wrote none of the training images are harder.

The same thing looks different elsewhere, so data of another origin cost accuracy, and a test on images of the same
origin does not show it. Thirteen people wrote the digits, one after the other in the file. A fifth of the images is
held back five times: once images of all writers, and once those that follow each other in the file, by writers who
are new but for one or two who wrote across the cut.

    python examples/course/learning/writers.py
    python examples/course/learning/writers.py --steps 1000 --plot plots
"""
import minidl
from minidl import nn, optim
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.neighbors import KNeighborsClassifier
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision.datasets import Digits

FOLDS = 5


def trained(*layers):
    """What learns by steps of AdamW, and says the class of images."""
    def fit(x, y, steps):
        net = nn.Sequential(*(make() for make in layers))
        optimizer = optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.1)
        for _ in range(steps):
            some = minidl.randint(len(x), (64,))
            optimizer.zero_grad()
            F.cross_entropy(net(x[some]), y[some]).backward()
            optimizer.step()
        return lambda images: net(images).argmax(1)
    return fit


def neighbours(x, y, steps):
    model = KNeighborsClassifier(n_neighbors=5).fit(x.flatten(1), y)
    return lambda images: minidl.as_tensor(model.predict(images.flatten(1)))


CLASSIFIERS = {
    "5 neighbours": neighbours,
    "linear": trained(nn.Flatten, lambda: nn.Linear(64, 10)),
    "perceptron": trained(nn.Flatten, lambda: nn.Linear(64, 128), nn.ReLU, lambda: nn.Linear(128, 10)),
    "convolutions": trained(lambda: nn.Conv2d(1, 16, 3, padding=1), nn.ReLU, lambda: nn.MaxPool2d(2),
                            lambda: nn.Conv2d(16, 32, 3, padding=1), nn.ReLU, nn.Flatten, lambda: nn.Linear(512, 10)),
}


def held_back(x, y, fit, steps):
    """The accuracy on each fifth, after learning from the others."""
    found = []
    for fold in minidl.arange(len(x)).chunk(FOLDS):
        others = minidl.ones(len(x), dtype=minidl.bool)
        others[fold] = False
        classify = fit(x[others], y[others], steps)
        with minidl.no_grad():
            found.append((classify(x[fold]) == y[fold]).float().mean().item())
    return found


def main():
    args = lesson.parse(__doc__, lambda parser: lesson.whole(parser, "steps", 400, "of each network"))
    digits = Digits()
    x, y = digits.data[:, None] / 16, digits.targets                # in the order in which they were written
    mixed = minidl.randperm(len(x))
    rows = {name: (held_back(x[mixed], y[mixed], fit, args.steps), held_back(x, y, fit, args.steps))
            for name, fit in CLASSIFIERS.items()}
    print("accuracy on a fifth held back   of all writers   of new ones   the worst fifth of these")
    for name, (known, new) in rows.items():
        print(f"{name:28} {sum(known) / FOLDS:14.2%} {sum(new) / FOLDS:15.2%} {min(new):15.2%}")

    def picture(path):
        figure, ((axes,),) = lesson.grid(1, 1, 6.5, 3.4)
        for number, label in enumerate(("of all writers", "of new writers")):
            places = [place + 0.36 * number for place in range(len(rows))]
            axes.bar(places, [100 * sum(row[number]) / FOLDS for row in rows.values()], 0.33, label=label)
            for place, row in zip(places, rows.values()):
                axes.plot([place] * FOLDS, [100 * right for right in row[number]], ".", color="black")
        axes.set_xticks([place + 0.18 for place in range(len(rows))], rows)
        axes.set(ylabel="accuracy (%)", ylim=(75, 104), title="digits held back; a dot for each fifth")
        axes.legend(ncols=2, fontsize=8, loc="upper left")
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"folds": picture})


if __name__ == "__main__":
    main()
