"""The training loop: how the parts of `minidl.train` go together."""
from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from minidl.amp import GradScaler, autocast
from minidl.nn.module import Module
from minidl.nn.utils import clip_grad_norm_
from minidl.optim.lr_scheduler import LRScheduler
from minidl.optim.optimizer import Optimizer
from minidl.train.checkpoint import Checkpoint, random_state, set_random_state
from minidl.train.ema import EMA
from minidl.train.log import Log
from minidl.train.objective import Averages, Objective, device_of, evaluated
from minidl.train.progress import Progress
from minidl.train.ranks import Ranks
from minidl.train.stopping import Best, EarlyStopping


class Batches(Protocol):
    """Batches, each a tuple or a list, such as a DataLoader gives."""

    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


def fit(model: Module, batches: Batches, objective: Objective, optimizer: Optimizer, epochs: int, *,
        schedule: LRScheduler | None = None, accumulate: int = 1, clip_norm: float | None = None,
        scaler: GradScaler | None = None, ema: EMA | None = None,
        evaluate: Callable[[], Mapping[str, float]] | None = None, watch: str = "accuracy", best: Best | None = None,
        stopping: EarlyStopping | None = None, checkpoint: Checkpoint | None = None, log: Log | None = None,
        stop: Callable[[], bool] | None = None, show: bool = True,
        ranks: Ranks | None = None) -> list[dict[str, float]]:
    """Train a model, and return the figures of each epoch.

    A checkpoint that exists is loaded first. A run that was ended at any moment, also by `kill -9`, then goes on to the
    same bits, if all random numbers are those of minidl, NumPy or Python, and the batches depend on nothing else.

    Args:
        objective: `objective(model, *batch)` gives a loss and a dict of figures; see `Classification`.
        schedule: advances after each step of the optimizer.
        accumulate: batches whose gradients make one step.
        clip_norm: the length that the gradient may have.
        scaler: compute in mixed precision, with this scaler.
        ema: averages the parameters; the averages are evaluated.
        evaluate: called after each epoch, in `eval` mode and without gradients; its figures join those of training.
        watch: the figure that `best` and `stopping` look at.
        checkpoint: saved each `checkpoint.seconds` and after each epoch. It should hold the model, the optimizer, and
            whichever of schedule, scaler, ema, best and stopping there are.
        log: takes a row an epoch.
        stop: asked after each step of the optimizer; True saves the state and returns the epochs so far.
        ranks: share each batch among the ranks of `minidl.distributed`; see `Ranks`.

    Errors: FloatingPointError for a loss that is nan or infinite, unless a scaler handles it.

        >>> import minidl
        >>> from minidl import nn, optim
        >>> from minidl.train import Classification, fit
        >>> from minidl.utils.data import DataLoader, TensorDataset
        >>> _ = minidl.manual_seed(0)
        >>> x = minidl.randn(64, 2)
        >>> data = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=8, shuffle=True)
        >>> model = nn.Linear(2, 2)
        >>> history = fit(model, data, Classification(), optim.SGD(model.parameters(), lr=1.0), epochs=5, show=False)
        >>> len(history), history[-1]["train accuracy"] > 0.9
        (5, True)
    """
    state = checkpoint.load() if checkpoint else None
    state = state or {"history": [], "stopped": False, **begin_epoch()}
    history = state["history"]
    if ranks:
        ranks.begin(model)
        objective = ranks.shared(objective)
        if ranks.rank:
            log, show = None, False
    saves = checkpoint if ranks is None or ranks.rank == 0 else None
    if log:
        log.rewind(len(history))
    optimizer.zero_grad()
    with Progress(epochs * len(batches), len(history) * len(batches) + state["batch"], show) as progress:
        for row in history:
            progress.row(**row)
        while len(history) < epochs and not state["stopped"]:
            means = Averages(state["sums"], state["samples"])
            clock = time.perf_counter() - state["seconds"]
            model.train()
            for batch in remaining(batches, state):
                with autocast(device_of(batch).type) if scaler else contextlib.nullcontext():
                    loss, figures = objective(model, *batch)
                value = loss.item()
                means.add(len(batch[0]), loss=value, **figures)
                if scaler is None and not math.isfinite(value):
                    raise FloatingPointError(f"fit: the loss of batch {state['batch'] + 1} of epoch {len(history) + 1} "
                                             f"is {value}; try a smaller learning rate, or clip_norm=1.0")
                if accumulate > 1:
                    loss = loss / accumulate
                (scaler.scale(loss) if scaler else loss).backward()
                state["batch"] += 1
                if state["batch"] % accumulate == 0 or state["batch"] == len(batches):
                    if ranks:
                        ranks.average(optimizer)
                    step(model, optimizer, schedule, scaler, clip_norm)
                    if ema:
                        ema.update()
                    ends = stop is not None and stop()
                    ends = ranks.any(ends) if ranks else ends
                    if saves and (ends or saves.due()):
                        state.update(sums=means.sums, samples=means.samples, seconds=time.perf_counter() - clock)
                        saves.save(**state)
                    if ends:
                        return history
                progress.step(**means.means())

            row = {"epoch": len(history) + 1, **{f"train {name}": mean for name, mean in means.means().items()}}
            if evaluate:
                if ranks:
                    ranks.align(model)
                with ema.applied() if ema else contextlib.nullcontext():
                    figures = evaluated(model, evaluate)
                    row.update(ranks.of_first(figures) if ranks else figures)
                    if best and not (ranks and ranks.rank):
                        best.update(figure(row, watch), model)
            state["stopped"] = stopping is not None and stopping.update(figure(row, watch))
            history.append({**row, "seconds": time.perf_counter() - clock})
            state.update(begin_epoch())
            if log:
                log.write(**history[-1])
            if saves:
                saves.save(**state)
            progress.row(**history[-1])
    return history


def figure(row: Mapping[str, float], name: str) -> float:
    """The figure of an epoch that is watched."""
    if name not in row:
        raise KeyError(f"fit: no figure is named '{name}', which is to be watched; there are {', '.join(row)}; "
                       f"name one of them as watch=")
    return row[name]


def begin_epoch() -> dict[str, Any]:
    """How far an epoch is that begins now."""
    return {"batch": 0, "start": random_state(), "sums": {}, "samples": 0, "seconds": 0.0}


def remaining(batches: Batches, state: Mapping[str, Any]) -> Iterator[Any]:
    """The batches of the epoch that are still to come.

    The earlier ones are drawn again, with the same random numbers, and dropped.
    """
    now = random_state()
    set_random_state(state["start"])
    stream = iter(batches)
    for _ in range(state["batch"]):
        next(stream)
    if state["batch"]:
        set_random_state(now)
    return stream


def step(model: Module, optimizer: Optimizer, schedule: LRScheduler | None = None, scaler: GradScaler | None = None,
         clip_norm: float | None = None) -> None:
    """Apply the gradients and clear them."""
    if scaler:
        scaler.unscale_(optimizer)
    if clip_norm is not None:
        clip_grad_norm_(model.parameters(), clip_norm)
    if scaler:
        scaler.step(optimizer)
        scaler.update()
    else:
        optimizer.step()
    if schedule:
        schedule.step()
    optimizer.zero_grad()
