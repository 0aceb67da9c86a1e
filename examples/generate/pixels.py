"""What programs that draw pixel after pixel share: black and white images, training, and how likely test images are."""
import math

import minidl
import minidl.nn.functional as F
from minidl import generative, optim
from minidl.cli import classification, generation, images
from minidl.train import EMA, Progress, plots


def add_half(parser):
    """The option of a program that also works on small images."""
    parser.add_argument("--half", action="store_true", help="images of half the size, for a quarter of the work")


def load(args):
    """The data set that the options name."""
    data = images.load(args)
    return data.halved() if args.half else data


def black_and_white(grey):
    """Images of 0 and 1, (N, C, H, W), int64, for images of uint8: the brighter a pixel, the more often is it white."""
    return (grey.float() / 255).bernoulli().long()


def log_likelihood(model, x, labels):
    """log p(x) of each image in nats, (N,); model: images and labels (N,) to logits (N, C, 2, H, W)."""
    return -F.cross_entropy(model(x, labels).transpose(1, 2), x, reduction="none").flatten(1).sum(1)


def learn(args, data, model, report=None):
    """Train a network that gives logits (N, C, 2, H, W), say how likely test images are, draw, and end the program.

    report: prints more; called with the black and white test images and their labels.
    """
    def objective(model, x, labels):
        return -log_likelihood(model, x, labels).mean(), {}

    def test():
        numbers = minidl.arange(len(tested)).to(args.device)
        nats = -classification.in_batches(lambda n: log_likelihood(model, tested[n], labels[n]), numbers, 250).mean()
        return {"test nats": nats.item()}

    def say():
        nats = test()["test nats"]
        print(f"-log p(x) of {len(tested):,} test images: {nats:.2f} nats, {nats / bits:.3f} bits a pixel")
        if report:
            report(tested, labels)

    def draw(start, first_row=0, show=False):
        """Complete images from a row on, one class after the other."""
        classes = minidl.arange(len(start)).remainder(len(data.classes)).to(args.device)
        with Progress((start.shape[2] - first_row), show=show) as progress:
            return generative.sample_pixels(lambda x: model(x, classes), start, lambda row: progress.step(),
                                            first_row).cpu().float()

    def completed(path):
        """The lower halves of test images, drawn twice."""
        first = minidl.stack([(data.test.y == label).nonzero()[0, 0] for label in range(len(data.classes))])
        start, half = tested[first.to(args.device)], data.size // 2
        rows = [start.cpu().float(), *(draw(start, half) for _ in range(2))]
        plots.images(minidl.cat(rows), path, caption="test images, and other lower halves, drawn twice",
                     columns=len(data.classes))

    tested, labels = black_and_white(data.test.x.to(args.device)), data.test.y.to(args.device)
    bits = math.log(2) * math.prod(tested.shape[1:])
    run = generation.Run(args, data, model, lambda: draw(minidl.zeros_like(tested[:30])))
    batches = images.Batches(data, args.batch_size, prepare=lambda x: black_and_white(x.to(args.device)))
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
    run.train(batches, objective, optimizer, schedule=one_cycle, ema=EMA(model, 0.99), clip_norm=100.0, evaluate=test)
    run.end(say, {"completed": completed})
