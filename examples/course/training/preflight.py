"""A look before a training: does what is read make sense, and can the network learn at all?

Practical rules say: start simple, look at what is read, check the first loss, let the network learn a few samples by
heart, and time an epoch before starting a hundred. `minidl.train.preflight` does that. Here it looks at a healthy
set-up, and at some with a fault each (Karpathy, "A recipe for training neural networks", 2019).

    python examples/course/training/preflight.py
    python examples/course/training/preflight.py --dataset mnist --data DIR --plot plots
"""
import minidl
from minidl.cli import images, lesson
from minidl.cli.classification import draw
from minidl.train import Classification, plots, preflight
from minidl.vision import models

DEFAULTS = {"digits": {"batch_size": 50}, "mnist": {"batch_size": 100}, "cifar10": {"batch_size": 100}}


class Ordered(images.Batches):
    """Batches in the same order each time, as of a file that is read from its beginning."""

    def __iter__(self):
        for numbers in self.numbers.split(self.batch_size)[:len(self)]:
            yield self.prepare(self.data.train.x[numbers]), self.data.train.y[numbers]


def faulty(name, args, data):
    """A network and batches with a fault."""
    minidl.manual_seed(args.seed)
    model = models.lenet_caffe(len(data.classes), data.channels, data.size)
    batches = images.Batches(data, args.batch_size)
    if name == "images as bytes from 0 to 255":
        batches = images.Batches(data, args.batch_size, prepare=lambda x: x.float())
    elif name == "sorted by class, not shuffled":
        batches = Ordered(data, args.batch_size, numbers=data.train.y.argsort(stable=True))
    elif name == "a last layer with large weights":
        with minidl.no_grad():
            model.fc[-1].weight *= 30
    elif name == "dead units":
        with minidl.no_grad():
            model.fc[0].bias -= 1000
    elif name == "labels drawn at random, and a network of one unit":
        model.fc = minidl.nn.Sequential(minidl.nn.Linear(model.fc[0].in_features, 1), minidl.nn.ReLU(),
                                        minidl.nn.Linear(1, len(data.classes)))
        drawn = minidl.randint(len(data.classes), (len(data.train.y),))
        batches = images.Batches(data._replace(train=data.train._replace(y=drawn)), args.batch_size)
    return model, batches


FAULTS = ["nothing wrong", "images as bytes from 0 to 255", "sorted by class, not shuffled",
          "a last layer with large weights", "dead units", "labels drawn at random, and a network of one unit"]


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    data = images.load(args)
    for name in FAULTS:
        found = preflight(*faulty(name, args, data), Classification(), steps=60)
        wrong = [f"look  {check}: {seen}" for check, ok, seen in found.findings if not ok]
        print(f"{name}:", str(found) if found.ok else "\n".join(wrong), sep="\n", end="\n\n")

    def read(path):
        x, y = next(iter(images.Batches(data, 24)))
        titles = [data.classes[label] for label in y.tolist()]
        plots.images(x * data.std + data.mean, path, titles, "what a batch holds, and its labels")
    if args.plot:
        draw(args.plot, {"batch": read})


if __name__ == "__main__":
    main()
