"""What every example needs and none is about: arguments, data, progress, and the table at the end."""
from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

import minidl
from minidl.vision.datasets import MNIST, Digits


class Data(NamedTuple):
    """Images (N, 1, H, W) with values from 0 to 1, and labels (N,) from 0 to 9."""

    train_x: minidl.Tensor
    train_y: minidl.Tensor
    test_x: minidl.Tensor
    test_y: minidl.Tensor

    @property
    def image_size(self) -> int:
        return self.train_x.shape[-1]


def arguments(description: str, epochs: int | None = None) -> argparse.Namespace:
    """The command line of an example; `epochs` is the default number of passes over the training data."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=["digits", "mnist"], default="digits",
                        help="digits: 1,797 images of 8x8, inside the package; mnist: 70,000 of 28x28")
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="where MNIST lies")
    parser.add_argument("--download", action="store_true", help="download MNIST into DIR if it is not there")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
    if epochs is not None:
        parser.add_argument("--epochs", type=int, default=epochs)
        parser.add_argument("--max-steps", type=int, metavar="N", help="stop after N steps, to try things out")
    args = parser.parse_args()
    minidl.manual_seed(args.seed)
    return args


def load(args: argparse.Namespace) -> Data:
    """The data set that the command line names, on its device."""
    if args.dataset == "digits":
        train, test, brightest = Digits(train=True), Digits(train=False), 16.0
    else:
        train = MNIST(args.data, train=True, download=args.download)
        test, brightest = MNIST(args.data, train=False, download=args.download), 255.0

    def images(dataset: Digits | MNIST) -> minidl.Tensor:
        return (dataset.data.float() / brightest).unsqueeze(1).to(args.device)   # (N, H, W) -> (N, 1, H, W)

    data = Data(images(train), train.targets.to(args.device), images(test), test.targets.to(args.device))
    print(f"{args.dataset}: {len(data.train_x):,} training and {len(data.test_x):,} test images "
          f"of {data.image_size}x{data.image_size}")
    return data


@minidl.no_grad()
def predict(model, x: minidl.Tensor, batch: int = 1000) -> minidl.Tensor:
    """The most likely class of every image, a batch at a time."""
    return minidl.cat([model(part).argmax(dim=1) for part in x.split(batch)])


class Progress:
    """A live line (loss, accuracy, rate, time left), a row for each epoch, and the history for plots."""

    def __init__(self, steps: int, max_steps: int | None = None) -> None:
        self.steps = min(steps, max_steps or steps)
        self.bar = tqdm(total=self.steps, unit="step", dynamic_ncols=True)
        self.losses: list[float] = []
        self.rows: list[tuple[int, float, float, float]] = []
        self.start = time.perf_counter()
        self._new_epoch()

    def _new_epoch(self) -> None:
        self.seen, self.right, self.loss_sum = 0, 0, 0.0

    @property
    def finished(self) -> bool:
        """Whether all steps have been made."""
        return len(self.losses) >= self.steps

    def step(self, loss: minidl.Tensor, scores: minidl.Tensor, labels: minidl.Tensor) -> None:
        """Note one training step."""
        self.losses.append(loss.item())
        self.seen += len(labels)
        self.right += int((scores.argmax(dim=1) == labels).sum())
        self.loss_sum += self.losses[-1] * len(labels)
        self.bar.set_postfix(loss=f"{self.loss_sum / self.seen:.4f}", accuracy=f"{self.right / self.seen:.2%}",
                             refresh=False)
        self.bar.update()

    def epoch(self, test_accuracy: float) -> None:
        """Note the end of an epoch."""
        self.rows.append((len(self.rows) + 1, self.loss_sum / self.seen, self.right / self.seen, test_accuracy))
        self._new_epoch()

    def table(self) -> None:
        """The epochs, one a line."""
        self.bar.close()
        print(f"{'epoch':>5}  {'train loss':>10}  {'train accuracy':>14}  {'test accuracy':>13}")
        for epoch, loss, train, test in self.rows:
            print(f"{epoch:>5}  {loss:>10.4f}  {train:>14.2%}  {test:>13.2%}")
        print(f"test accuracy {self.rows[-1][-1]:.2%} after {time.perf_counter() - self.start:.1f} s")


def accuracy(predictions: minidl.Tensor, labels: minidl.Tensor) -> float:
    """The share of predictions that are right."""
    return (predictions == labels).float().mean().item()
