"""`minidl.train.fit` as the options of a program ask for it."""
from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping
from typing import Any

from minidl import train
from minidl.cli import ending
from minidl.cli.ranks import is_first
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.train import Checkpoint, Log, Ranks
from minidl.train.loop import Batches
from minidl.train.objective import Objective


def fit(args: argparse.Namespace, model: Module, batches: Batches, objective: Objective, optimizer: Optimizer,
        epochs: int, *, parts: Mapping[str, Any] | None = None, **settings: Any) -> tuple[list[dict[str, float]], bool]:
    """Train, and return the figures of each epoch and whether Ctrl-C came.

    `--run` keeps a checkpoint and a log, and is gone on with; Ctrl-C, which is told, and `--max-steps` end the training
    after a step.
    Where several processes run the program, they share each batch.

    Args:
        parts: what the checkpoint holds besides model, optimizer, schedule, ema and best.
        settings: further arguments of `minidl.train.fit`.
    """
    ranks = Ranks.found()
    if args.run:
        kept: dict[str, Any] = {name: settings.get(name) for name in ("schedule", "ema", "best")}
        if is_first():
            settings["log"] = Log(args.run / "log.csv")
        settings["checkpoint"] = Resumed(args.run / "checkpoint.minidl", model=model, optimizer=optimizer, **kept,
                                         **(parts or {}))
    steps = itertools.count(1)
    with ending.CtrlC() as ctrl_c:
        try:
            history = train.fit(model, batches, objective, optimizer, epochs, **settings, ranks=ranks,
                                stop=lambda: ctrl_c() or next(steps) == args.max_steps)
        except FloatingPointError as error:                     # the loss is no number
            ending.stop(str(error).replace("learning rate", "--lr").replace(", or clip_norm=1.0", ""))
        if ctrl_c() and is_first():
            ending.tell_interrupted(len(history), epochs)
        return history, ctrl_c()


class Resumed(Checkpoint):
    """The checkpoint of a run; ends the program if it is damaged, of another model, or planned for other steps."""

    def load(self) -> dict[str, Any] | None:
        wanted = self.planned()
        try:
            state = super().load()
        except (RuntimeError, ValueError, OSError) as error:
            ending.stop(f"--resume: {error}")
        if wanted != self.planned():
            ending.stop(f"--resume: {self.path} was planned for {self.planned()} steps, not for {wanted}; give "
                        f"--epochs and --batch-size as before, or begin another run with --weights")
        return state

    def planned(self) -> int | None:
        """The steps after which the schedule of the learning rate ends."""
        schedule = self.parts.get("schedule")
        return getattr(schedule, "total_steps", getattr(schedule, "T_max", None))
