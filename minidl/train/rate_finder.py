"""The test of growing learning rates: where does the loss fall fastest?"""
from __future__ import annotations

import copy
import itertools
import math
from typing import NamedTuple

from minidl.nn.module import Module
from minidl.optim.optimizer import Optimizer
from minidl.train.checkpoint import random_state, set_random_state
from minidl.train.loop import Batches
from minidl.train.objective import Objective


class RateCurve(NamedTuple):
    """Learning rates, smoothed losses, and the rate of the fastest fall."""

    rates: list[float]
    losses: list[float]
    suggestion: float


def find_lr(model: Module, batches: Batches, objective: Objective, optimizer: Optimizer, lowest: float = 1e-6,
            highest: float = 10.0, steps: int = 100, smoothing: float = 0.9) -> RateCurve:
    """Train with a rate that grows from `lowest` to `highest`.

    Afterwards the model is restored.

    The losses are a moving average. The walk ends early where the loss is four times the least one, or not finite.
    Take a rate at or a little below the suggestion, and look at the curve (`train.plots.rate_curve`).

    Errors: ValueError unless 0 < lowest < highest, for less than 10 steps, and if the loss never falls.

    Source: Smith: Cyclical learning rates for training neural networks, arXiv:1506.01186.

        >>> import minidl
        >>> from minidl import nn, optim
        >>> from minidl.train import Classification, find_lr
        >>> _ = minidl.manual_seed(0)
        >>> x = minidl.randn(64, 2)
        >>> model = nn.Linear(2, 2)
        >>> curve = find_lr(model, [(x, (x[:, 0] > 0).long())], Classification(), optim.SGD(model.parameters(), lr=1.0))
        >>> 1e-3 < curve.suggestion < 10
        True
    """
    if not 0 < lowest < highest or steps < 10:
        raise ValueError(f"find_lr: expected 0 < lowest < highest and 10 steps or more, but got lowest={lowest}, "
                         f"highest={highest}, steps={steps}")
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict()]), random_state(), model.training
    try:
        rates, losses = _walk(model, batches, objective, optimizer, lowest, highest, steps, smoothing)
    finally:
        (weights, updates), randomness, training = before
        model.load_state_dict(weights)
        optimizer.load_state_dict(updates)
        set_random_state(randomness)
        model.train(training)
        optimizer.zero_grad()
    falls = [after - now for now, after in itertools.pairwise(losses)]
    if not falls or min(falls) > -1e-6 * max(losses):     # or rounding
        raise ValueError(f"find_lr: the loss does not fall at any rate from {lowest} to {highest}; check the data, or "
                         f"start lower")
    return RateCurve(rates, losses, rates[falls.index(min(falls))])


def _walk(model: Module, batches: Batches, objective: Objective, optimizer: Optimizer, lowest: float, highest: float,
          steps: int, smoothing: float) -> tuple[list[float], list[float]]:
    """The rates that were tried, and the smoothed losses."""
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    model.train()
    endless = itertools.chain.from_iterable(iter(lambda: batches, None))
    for number, batch in zip(range(1, steps + 1), endless):
        rate = lowest * (highest / lowest) ** ((number - 1) / (steps - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, _ = objective(model, *batch)
        mean = smoothing * mean + (1 - smoothing) * loss.item()
        smoothed = mean / (1 - smoothing ** number)
        if not math.isfinite(smoothed) or losses and smoothed > 4 * min(losses):
            break
        rates.append(rate)
        losses.append(smoothed)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return rates, losses
