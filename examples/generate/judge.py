"""How good made images are, by a classifier that was trained on real ones."""
from __future__ import annotations

import math
from typing import NamedTuple

import minidl
from minidl import nn, optim
from minidl.cli import arguments
from minidl.cli.classification import accuracy, in_batches
from minidl.cli.images import Batches
from minidl.metrics.functional import frechet_distance
from minidl.train import Classification, fit
from minidl.vision import models


class Verdict(NamedTuple):
    """confidence: the mean of the highest probability. entropy: in nats, of how often each class was made; that of ten
    equal classes is 2.303. distance: Fréchet's, between the features of made and of real test images; floor: between
    those of as many real training images and of the test images, which nothing can undercut but by chance.
    """

    confidence: float
    counts: list[int]
    entropy: float
    distance: float
    floor: float

    def __str__(self) -> str:
        return (f"confidence {self.confidence:.2%}, classes {min(self.counts)} to {max(self.counts)} times, entropy "
                f"{self.entropy:.3f} nats, Frechet distance {self.distance:.2f} (real images: {self.floor:.2f})")


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

    @minidl.no_grad()
    def look(self, images):
        """Scores (N, classes) and features (N, 128) of images."""
        features = in_batches(lambda part: self.net.fc[:-1](self.net.features(
            self.data.normalise((part + 1) * 127.5)).flatten(1)), images)
        return self.net.fc[-1](features).cpu(), features.cpu()

    def verdict(self, made):
        """What it says of made images (N, C, H, W)."""
        scores, features = self.look(made)
        probabilities = scores.softmax(1)
        counts = minidl.bincount(probabilities.argmax(1), minlength=len(self.data.classes))
        shares = counts[counts > 0] / len(made)
        _, others = self.look(signed(self.data.train.x[:len(made)]))
        return Verdict(probabilities.amax(1).mean().item(), counts.tolist(), abs((shares * shares.log()).sum().item()),
                       distance(features, self.real), distance(others, self.real))


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


def report(args, data, make):
    """Train a judge, and print what it says of made images; make: from how many there shall be to images."""
    judge, count = trained(args, data)
    verdict = judge.verdict(make(count))
    print(verdict)
    if verdict.entropy < 0.8 * math.log(len(verdict.counts)):
        print("mode collapse: some classes are hardly made; try another --seed, a smaller --lr, or more --epochs")


def distance(x, y):
    """Fréchet's, between normal distributions with the means and covariances of features (N, D)."""
    return frechet_distance(x.double().mean(0), minidl.cov(x.double().T), y.double().mean(0),
                            minidl.cov(y.double().T)).item()


def signed(images):
    """Values from -1 to 1 for uint8 images."""
    return images.float() / 127.5 - 1
