"""One run of a classifier: what `minidl train` and the examples share."""
from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import minidl
from minidl.cli import ending, training
from minidl.cli.images import Batches, ImageData, Images, folder_of
from minidl.cli.ranks import leave_unless_first
from minidl.metrics.functional import confusion_matrix
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.optim.lr_scheduler import LRScheduler
from minidl.tensors.tensor import Tensor
from minidl.train import EMA, Best, Classification, Ranks, plots
from minidl.train.objective import Objective, evaluated

Picture = Callable[[Path], object]
"""Draws itself into a file."""


class Run:
    """Trains or evaluates a classifier, as the options say.

    Loads `--weights`, and says what is trained on what. Then `train` trains, unless there is `--evaluate`; `end` says
    how good the model is on `images`, saves and draws, and ends the program. name: of the pictures.
    """

    def __init__(self, args: argparse.Namespace, data: ImageData, model: Module, name: str | None = None) -> None:
        self.name = name
        self.args, self.data, self.model = args, data, model
        self.history: list[dict[str, float]] = []
        self.seconds: float | None = None
        self.interrupted = False
        self.ema: EMA | None = None
        self.scores: Tensor | None = None       # of the test images, until the next step
        print(f"{args.dataset}: {len(data.train.x):,} training and {len(data.test.x):,} test images of "
              f"{data.size}x{data.size}, {len(data.classes)} classes")
        print(f"{type(model).__name__}: {sum(p.numel() for p in model.parameters()):,} parameters")
        if args.weights:
            load_weights(model, args.weights, args.device)
        self.images = {None: data.test, "test": data.test, "train": data.train}.get(args.evaluate) or \
            folder_of(Path(args.evaluate), data)

    def batches(self, augment: Callable[..., Tensor] | None = None) -> Batches:
        """The training images in batches of `--batch-size`."""
        return Batches(self.data, self.args.batch_size, augment)

    def train(self, batches: Batches, optimizer: Optimizer, *, schedule: LRScheduler | None = None,
              objective: Objective | None = None, ema: EMA | None = None, clip_norm: float | None = None) -> None:
        """Train for `--epochs`, with a test after each.

        Ctrl-C and `--max-steps` end it early.
        """
        args = self.args
        if args.evaluate:
            return
        best = Best(args.run / "best.minidl") if args.run else None
        self.ema = ema
        start = time.perf_counter()
        self.history, self.interrupted = training.fit(
            args, self.model, batches, objective or Classification(), optimizer, args.epochs, schedule=schedule,
            clip_norm=clip_norm, ema=ema, evaluate=self.tested, watch="test accuracy", best=best)
        if len(self.history) < args.epochs:         # it was left after a step, which the last test does not know
            self.scores = None
        earlier = sum(row["seconds"] for row in self.history)       # also of the run that this one goes on with
        self.seconds = max(earlier, time.perf_counter() - start)

    def tested(self) -> dict[str, float]:
        """Loss and accuracy on the test images."""
        images, ranks = self.data.test, Ranks.found()
        self.scores = scores = self.predict(images) if ranks is None else ranks.over(
            lambda x: self.predict(images._replace(x=x)), images.x)
        right = images.y
        return {"test loss": minidl.nn.functional.cross_entropy(scores, right).item(),
                "test accuracy": accuracy(scores, right)}

    def predict(self, images: Images, model: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """The scores (N, C) of images, computed in batches.

        model: another function of normalised images than the model.
        """
        def scores() -> Tensor:
            score = model or self.model
            return in_batches(lambda part: score(self.data.normalise(part)), images.x).cpu()
        return evaluated(self.model, scores)

    def end(self, scores: Tensor | None = None,
            pictures: Mapping[str, Picture] | None = None) -> NoReturn:
        """Report, save and draw; then end the program.

        scores: of `images`, if they are known; those of the last epoch's test are. pictures:
        further ones for `--plot`, called with the path of their file.
        """
        leave_unless_first()
        args, images = self.args, self.images
        with self.ema.applied() if self.ema else contextlib.nullcontext():      # the averages are the result
            scores = self.scores if scores is None else scores
            scores = self.predict(images) if scores is None else scores
            if args.save:
                save(self.model, args.save)
        figure = f"{args.evaluate or 'test'} accuracy {accuracy(scores, images.y):.2%}"
        figure += f" of {len(images.x):,} images" if self.seconds is None else f" after {self.seconds:.1f} s"
        own = results(scores, images) if args.plot else {}
        finish(args, self.history, self.interrupted, lambda: print(figure), {**own, **(pictures or {})}, self.name)


def load_weights(model: Module, path: Path, device: str, without: str | None = None) -> None:
    """Load weights from a file; end the program if they do not fit.

    without: leave out the weights whose names begin like this.
    """
    try:
        state = minidl.load(path, map_location=device)
        if without and isinstance(state, dict):
            state = {name: value for name, value in state.items() if not name.startswith(without)}
        model.load_state_dict(state)
    except (RuntimeError, ValueError, OSError, TypeError) as error:
        ending.stop(f"--weights {path}: {textwrap.shorten(str(error), 500, placeholder=' ...')}")     # of all its names


def save(model: Module, path: Path) -> None:
    """Write the weights to a file; end the program if that fails."""
    try:
        minidl.save(model.state_dict(), path)
    except OSError as error:
        ending.stop(f"--save: cannot write {path} ({error.strerror or error}); name another file")
    print("saved", path)


@minidl.no_grad()
def in_batches(function: Callable[[Tensor], Tensor], x: Tensor, size: int = 500) -> Tensor:
    """`function` of all of x, computed `size` samples at a time, without gradients."""
    return minidl.cat([function(part) for part in x.split(size)])


def accuracy(scores: Tensor, right: Tensor) -> float:
    """The share of images whose highest score is the right class's."""
    return (scores.argmax(1) == right).float().mean().item()


def results(scores: Tensor, images: Images) -> dict[str, Picture]:
    """Pictures of the confusion matrix, and of the mistakes if there are any."""
    said = scores.argmax(1)
    counts = confusion_matrix(said, images.y, task="multiclass", num_classes=len(images.classes))
    wrong = (said != images.y).nonzero().flatten()
    shown = wrong[:40]
    titles = [f"{images.classes[a]}, is {images.classes[b]}"
              for a, b in zip(said[shown].tolist(), images.y[shown].tolist())]
    columns = 8 if max(map(len, titles), default=0) <= 20 else 5
    caption = f"{len(shown)} of {len(wrong):,} mistakes among {len(images.x):,} images"
    pictures: dict[str, Picture] = {"confusion": lambda path: plots.confusion_matrix(counts, images.classes, path)}
    if len(wrong):
        pictures["mistakes"] = lambda path: plots.images(images.x[shown].float() / 255, path, titles, caption, columns)
    return pictures


def finish(args: argparse.Namespace, history: Sequence[Mapping[str, float]], interrupted: bool,
           report: Callable[[], object], pictures: Mapping[str, Picture], name: str | None = None) -> NoReturn:
    """Report, unless Ctrl-C came; draw for `--plot`, the curves first; then end the program."""
    if not interrupted:
        report()
    if args.plot:
        draw(args.plot, {**curves(history), **pictures}, name)
    sys.exit(ending.CTRL_C if interrupted else 0)


def curves(history: Sequence[Mapping[str, float]]) -> dict[str, Picture]:
    """A picture of the figures of the epochs, if one has ended."""
    return {"curves": lambda path: plots.curves(history, path)} if history else {}


def draw(folder: Path, pictures: Mapping[str, Picture], name: str | None = None) -> None:
    """Draw each picture into the file `<program or name>_<picture>.png`, or another kind of file if it names one."""
    for kind, picture in pictures.items():
        path = folder / f"{name or ending.program().stem}_{kind}{'' if '.' in kind else '.png'}"
        try:
            picture(path)
        except OSError as error:
            ending.stop(f"--plot: cannot write {path} ({error.strerror}); name another folder")
        print("drew", path)
