"""The one timing loop of the benchmarks: calls of a step, contestants in turn, and ratios round by round.

A busy machine disturbs all alike if they run in turn, so the ratio of two is taken within each round, and its median
over the rounds is shown.
"""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


def step_times(step: Callable[[], Any], seconds: float, warm_up: int = 1) -> list[float]:
    """Seconds of each call: at least three, and as many as fit. The first calls are not counted."""
    for _ in range(warm_up):
        step()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        times.append(call_time(step))
    return times


def call_time(step: Callable[[], Any], number: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, the mean of `number`.

    clock: `time.thread_time` for a program of one thread on a busy machine, which counts only what the thread works.
    """
    start = clock()
    for _ in range(number):
        step()
    return (clock() - start) / number


def in_turn(names: list[str], measure: Callable[[str], Any], rounds: int) -> dict[str, list[Any]]:
    """What each gives in each round; every other round goes backwards."""
    found: dict[str, list[Any]] = {name: [] for name in names}
    for i in range(rounds):
        for name in names[::-1 if i % 2 == 0 else 1]:
            found[name].append(measure(name))
    return found


def ratios(times: list[float], base: list[float]) -> tuple[float, list[float]]:
    """The median of the ratios of each round, and all of them in order."""
    found = sorted(a / b for a, b in zip(times, base))
    return statistics.median(found), found
