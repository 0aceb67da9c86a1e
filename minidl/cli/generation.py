"""One run of a network that makes images: what the examples on generators share."""
from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

import minidl
from minidl.cli import ending, training
from minidl.cli.classification import Picture, draw, load_weights, save
from minidl.cli.images import Batches, ImageData
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.optim.lr_scheduler import LRScheduler
from minidl.tensors.tensor import Tensor
from minidl.train import EMA, plots
from minidl.train.objective import Objective


class Samples:
    """What was made of the same noise after each epoch: a part of a checkpoint."""

    def __init__(self) -> None:
        self.made: list[Tensor] = []

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"made": self.made}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        self.made = list(state["made"])


class Run:
    """Trains a network that makes images, or loads it, as the options say.

    make: images (N, C, H, W) from 0 to 1, made of the same noise at each call. It is called after each epoch, so that a
    picture shows what became of them. of: what they are made of, for the captions.
    """

    def __init__(self, args: argparse.Namespace, data: ImageData, model: Module, make: Callable[[], Tensor],
                 of: str = "noise") -> None:
        self.args, self.data, self.model, self.make, self.of = args, data, model, make, of
        self.samples = Samples()
        self.history: list[dict[str, float]] = []
        self.interrupted = False
        self.ema: EMA | None = None
        print(f"{args.dataset}: {len(data.train.x):,} images of {data.size}x{data.size}; {type(model).__name__}: "
              f"{sum(p.numel() for p in model.parameters()):,} parameters")
        if args.weights:
            load_weights(model, args.weights, args.device)

    def train(self, batches: Batches, objective: Objective, optimizer: Optimizer, *,
              schedule: LRScheduler | None = None, ema: EMA | None = None, clip_norm: float | None = None,
              evaluate: Callable[[], Mapping[str, float]] = dict) -> None:
        """Train for `--epochs`; evaluate gives figures after each. Ctrl-C and `--max-steps` end it early."""
        args = self.args
        if args.evaluate:
            return
        self.ema = ema

        def look() -> Mapping[str, float]:
            self.samples.made.append(self.make())
            return evaluate()
        self.history, self.interrupted = training.fit(
            args, self.model, batches, objective, optimizer, args.epochs, schedule=schedule, clip_norm=clip_norm,
            ema=ema, evaluate=look, parts={"samples": self.samples})

    def end(self, report: Callable[[], object], pictures: Mapping[str, Picture] | None = None) -> NoReturn:
        """Report, save and draw; then end the program.

        report: prints how good the network is. pictures: further ones for `--plot`, called with the path of their file.
        """
        args = self.args
        with self.ema.applied() if self.ema else contextlib.nullcontext():      # the averages are the result
            self.model.eval()
            if args.save:
                save(self.model, args.save)
            if self.interrupted:
                print(f"interrupted after {len(self.history)} of {args.epochs} epochs", file=sys.stderr)
            else:
                report()
            if args.plot:
                draw(args.plot, {**self._own_pictures(), **(pictures or {})})
        sys.exit(ending.CTRL_C if self.interrupted else 0)

    def _own_pictures(self) -> dict[str, Picture]:
        made = self.samples.made or [self.make()]
        chosen = minidl.linspace(0, len(made) - 1, min(len(made), 10)).long().tolist()
        grown = minidl.cat([made[epoch][:10] for epoch in chosen])
        curves: dict[str, Picture] = {"curves": lambda path: plots.curves(self.history, path)} if self.history else {}
        caption = f"the same {self.of} over time"
        return {**curves, "samples": lambda path: plots.images(made[-1], path, caption=f"made of {self.of}"),
                "over_time": lambda path: plots.images(grown, path, caption=caption, columns=10)}
