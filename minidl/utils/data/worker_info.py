"""The information of a worker, a thread or a process, about itself."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerInfo:
    """The information of a worker about itself: see `get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class Cancelled(Exception):
    """The loop that waited for this batch was left."""


class _ThreadState(threading.local):
    info: WorkerInfo | None = None
    stop: threading.Event | None = None


thread_state = _ThreadState()


def get_worker_info() -> WorkerInfo | None:
    """In a worker, its `id` (from 0), `num_workers`, `seed` and copy of `dataset`; elsewhere None.

        >>> get_worker_info() is None
        True
    """
    return thread_state.info


def set_process_info(info: WorkerInfo) -> None:
    """Make this whole process a worker, with all threads that it starts."""
    _ThreadState.info = info


def check_cancelled() -> None:
    """Raise Cancelled if the loop was left. It is called between two samples."""
    if thread_state.stop is not None and thread_state.stop.is_set():
        raise Cancelled
