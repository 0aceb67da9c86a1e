"""What a worker, be it a thread or a process, knows about itself."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows about itself: see `get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class Unwanted(Exception):
    """Nobody waits any more for what this worker is making."""


class _ThreadState(threading.local):
    info: WorkerInfo | None = None
    stop: threading.Event | None = None


here = _ThreadState()


def get_worker_info() -> WorkerInfo | None:
    """In a worker its `id` (from 0), `num_workers`, `seed` and copy of `dataset`; elsewhere None.

        >>> get_worker_info() is None
        True
    """
    return here.info


def in_this_process(info: WorkerInfo) -> None:
    """All of this process is a worker: whatever threads it starts."""
    _ThreadState.info = info


def check_wanted() -> None:
    """Between two samples: leave, if the loop that they are for was left. Errors: Unwanted."""
    if here.stop is not None and here.stop.is_set():
        raise Unwanted
