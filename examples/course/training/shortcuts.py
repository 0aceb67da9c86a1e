"""Shortcuts in data: a network learns what tells classes apart, whatever that is.

In a data set of parrots each was photographed at its own time of the day, and the classifier learned the light. Here
each digit has a background of its own grey, for some share of the training images. The network is then tested on three
copies of the test images: with the same habit, with greys drawn at random, and with the greys of other digits. What
helps is to break the habit: greys drawn anew for each batch (Geirhos et al., "Shortcut learning in deep neural
networks", 2020).

    python examples/course/training/shortcuts.py
    python examples/course/training/shortcuts.py --shares 0 0.9 1 --plot plots
"""
import minidl
from minidl import optim
from minidl.cli import arguments, images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.train import Classification, fit, plots
from minidl.vision import models

DEFAULTS = {"digits": {"epochs": 12, "batch_size": 64}, "mnist": {"epochs": 1, "batch_size": 128}}
TESTS = ["as in training", "at random", "of other digits"]


def add_options(parser):
    parser.add_argument("--shares", type=arguments.number_between(0, 1), nargs="+", default=[0.0, 0.5, 0.9, 0.99, 1.0],
                        metavar="P", help="of the training images with their digit's grey (default: 0 0.5 0.9 0.99 1)")


def lit(x, levels):
    """Images before backgrounds of grey: bytes (N, 1, H, W) and a level from 0 to 9 for each."""
    return minidl.maximum(x.float(), (levels * 14.0)[:, None, None, None]).byte()


def habit(y, share):
    """The digit itself for a share of the labels, any of ten levels for the others."""
    return minidl.where(minidl.rand(len(y)) < share, y, minidl.randint(10, (len(y),)))


def trained(data, args, augment=None):
    """A network that has learned the training images."""
    minidl.manual_seed(args.seed)
    model = models.lenet_caffe(len(data.classes), data.channels, data.size).to(args.device)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    fit(model, images.Batches(data, args.batch_size, augment), Classification(), optimizer, args.epochs, show=False)
    return model.eval()


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    data = images.load(args)
    y, test = data.train.y, data.test
    tests = dict(zip(TESTS, (lit(test.x, levels) for levels in (
        test.y, minidl.randint(10, (len(test.y),)), (test.y + minidl.randint(1, 10, (len(test.y),))) % 10))))
    found = {}
    print("test accuracy with greys     " + "".join(f"{name:>17}" for name in TESTS))
    for share in [*args.shares, None]:
        own = data._replace(train=data.train._replace(x=lit(data.train.x, habit(y, 1.0 if share is None else share))))
        if share is None:           # the habit is complete, and broken: the brighter of the image and a new grey
            model = trained(own, args, lambda x, indices: lit(data.train.x[minidl.tensor(indices)],
                                                              minidl.randint(10, (len(x),))))
        else:
            model = trained(own, args)
        row = [accuracy(in_batches(lambda x, model=model: model(data.normalise(x)), x).cpu(), test.y)
               for x in tests.values()]
        name = "greys drawn anew" if share is None else f"{share:.0%} have their own"
        found[name] = row
        print(f"{name:29}" + "".join(f"{value:17.1%}" for value in row))

    def bars(path):
        figure = plots.figure(8, 4)
        axes = figure.subplots()
        for number, name in enumerate(TESTS):
            places = [at + 0.27 * (number - 1) for at in range(len(found))]
            axes.bar(places, [100 * row[number] for row in found.values()], 0.25, label=name)
        axes.set_xticks(range(len(found)), [name.replace(" ", "\n", 1) for name in found])
        axes.set(ylabel="test accuracy (%)", ylim=(0, 125), yticks=range(0, 101, 20))
        axes.legend(ncols=3, title="greys of the test images", loc="upper center")
        plots.save(figure, path)

    def shown(path):
        rows = minidl.cat([data.test.x[:10], *(x[:10] for x in tests.values())]).float() / 255
        plots.images(rows, path, columns=10, caption="test images; greys as in training; at random; of other digits")
    if args.plot:
        draw(args.plot, {"bars": bars, "images": shown})


if __name__ == "__main__":
    main()
