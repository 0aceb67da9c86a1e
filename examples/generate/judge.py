"""How good made images are, by a classifier that was trained on real ones."""
from __future__ import annotations

import functools
import math
from typing import NamedTuple

import minidl
from minidl import nn, optim
from minidl.cli import arguments
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.cli.images import Batches
from minidl.distributions import Categorical
from minidl.metrics import KernelInceptionDistance
from minidl.metrics.functional import frechet_distance
from minidl.train import Classification, fit, plots
from minidl.vision import models


class Verdict(NamedTuple):
    """confidence: the mean of the highest probability. entropy: in nats, of how often each class was made; that of ten
    equal classes is 2.303. Then figures of made images, each with that of real ones, which only chance undercuts.
    distance, kernel: Fréchet's and the kernel distance of their features to those of test images; real ones are as many
    training images. nearest: how far they are from the nearest training image's; real ones are the test images.
    """

    confidence: float
    counts: list[int]
    entropy: float
    distance: tuple[float, float]
    kernel: tuple[float, float]
    nearest: tuple[float, float]

    def __str__(self) -> str:
        pairs = [f"{made:.4g} (real images: {real:.4g})" for made, real in (self.distance, self.kernel, self.nearest)]
        return (f"confidence {self.confidence:.2%}, classes {min(self.counts)} to {max(self.counts)} times, entropy "
                f"{self.entropy:.3f} nats, Frechet distance {pairs[0]};\n"
                f"kernel distance {pairs[1]}, distance to the nearest training image {pairs[2]}")


class Judge:
    """A LeNet that is trained on the real images of a data set; images have values from -1 to 1."""

    def __init__(self, data, epochs, device="cpu"):
        self.data, self.device = data, device
        self.net = models.LeNet((20, 50), [128], nn.ReLU, nn.MaxPool2d, 0, len(data.classes), data.channels,
                                data.size).to(device)
        batches = Batches(data, 64)
        optimizer = optim.Adam(self.net.parameters(), lr=2e-3)
        schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(batches))
        fit(self.net, batches, Classification(), optimizer, epochs, schedule=schedule)
        self.net.eval()
        scores, self.real = self.look(signed(data.test.x))
        self.accuracy = accuracy(scores, data.test.y)

    @functools.cached_property
    def learned(self):      # features (N, 128) of all training images, which only a verdict asks for
        return minidl.cat([self.look(signed(part))[1] for part in self.data.train.x.split(1000)])

    @minidl.no_grad()
    def look(self, images):
        """Scores (N, classes) and features (N, 128) of images."""
        features = in_batches(lambda part: self.net.fc[:-1](self.net.features(
            self.data.normalise((part + 1) * 127.5)).flatten(1)), images)
        return self.net.fc[-1](features).cpu(), features.cpu()

    def neighbours(self, features, count):
        """How far the nearest training images are from features (N, 128), and their numbers: (N, count) each."""
        found = [minidl.cdist(part, self.learned).topk(count, largest=False) for part in features.split(100)]
        return tuple(minidl.cat(parts) for parts in zip(*found))

    def verdict(self, made):
        """What it says of made images (N, C, H, W)."""
        scores, features = self.look(made)
        probabilities, others = scores.softmax(1), self.learned[:len(made)]
        counts = minidl.bincount(probabilities.argmax(1), minlength=len(self.data.classes))
        pairs = [(distance(features, self.real), distance(others, self.real)) for distance in (frechet, kernel)]
        nearest = tuple(self.neighbours(some[:1000], 1)[0].mean().item() for some in (features, self.real))
        return Verdict(probabilities.amax(1).mean().item(), counts.tolist(), Categorical(counts).entropy().item(),
                       *pairs, nearest)

    def draw_neighbours(self, made, path):
        """Ten made images, and below each the three training images that are nearest by their features."""
        _, numbers = self.neighbours(self.look(made[:10])[1], 3)
        rows = minidl.cat([made[:10], signed(self.data.train.x[numbers.T.flatten()])])
        plots.images(rows / 2 + 0.5, path, columns=10, caption="made images above the training images nearest to each")


def add_judge(parser):
    """The option of a program that asks for a judge."""
    parser.add_argument("--judge-epochs", type=arguments.whole_number(1), metavar="N",
                        help="with which the judge learns real images (default: 3, for digits 8)")
    parser.add_argument("--judged", type=arguments.whole_number(2), metavar="N",
                        help="made images that it judges (default: as many as there are real test images)")


def trained(args, data, epochs=3):
    """A judge that has learned the real images, and how many made ones it shall judge, as the options say."""
    print("a LeNet learns the real images, to judge the made ones")
    judge = Judge(data, args.judge_epochs or (8 if args.dataset == "digits" else epochs), args.device)
    count = args.judged or len(data.test.x)
    print(f"a LeNet that reads {judge.accuracy:.2%} of the real test images judges {count:,} made ones:")
    return judge, count


def tell(args, judge, made):
    """Print what a judge says of made images; for --plot, draw some above the training images nearest to them."""
    verdict = judge.verdict(made)
    print(verdict)
    if verdict.entropy < 0.8 * math.log(len(verdict.counts)):
        print("mode collapse: some classes are hardly made; try another --seed, a smaller --lr, or more --epochs")
    if verdict.nearest[0] < verdict.nearest[1] / 2:
        print("learned by heart: made images hardly differ from training images; try fewer --epochs, or more images")
    if args.plot:
        draw(args.plot, {"neighbours": lambda path: judge.draw_neighbours(made, path)})


def report(args, data, make):
    """Train a judge, and tell what it says of made images; make: from how many there shall be to images."""
    judge, count = trained(args, data)
    tell(args, judge, make(count))


def frechet(x, y):
    """The distance between normal distributions with the means and covariances of features (N, D)."""
    return frechet_distance(x.double().mean(0), minidl.cov(x.double().T), y.double().mean(0),
                            minidl.cov(y.double().T)).item()


def kernel(x, y):
    """The kernel distance between features (N, D), the mean over subsets of 1,000; it may be below 0."""
    distance = KernelInceptionDistance(nn.Identity(), subsets=20, subset_size=min(1000, len(x), len(y)))
    distance.update(x, real=True)
    distance.update(y, real=False)
    return distance.compute()[0].item()


def signed(images):
    """Values from -1 to 1 for uint8 images."""
    return images.float() / 127.5 - 1
