"""Threads: `parallel` runs the blocks of a kernel on all cores of the CPU.

NumPy releases Python's lock while it computes, so threads help where the blocks are not too small. Each thread takes
the next block until none is left. Meanwhile the BLAS library has only one thread, for two teams of threads on the same
cores would slow each other down.

Results do not depend on which thread computes which block, and so neither on chance nor on other programs.
"""
from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from minidl.backend import blas
from minidl.backend.blas import one_blas_thread

T = TypeVar("T")


def parallel(function: Callable[[T], Any], blocks: Iterable[T], small: bool = False) -> None:
    """Call `function` on every block, on `get_num_threads()` threads, the calling thread among them.

    small: the blocks are less work than it takes to wake a thread, so the calling thread does all.
    """
    blocks = list(blocks)
    threads = min(_team.size, len(blocks))
    if threads < 2 or small or in_a_block():    # blocks inside a block run on its thread
        with one_blas_thread() if small else nullcontext():
            for block in blocks:
                function(block)
        return
    todo = iter(blocks)     # `next` on a list iterator is atomic under Python's lock, so no block is taken twice

    def work() -> None:
        _thread_state.in_a_block = True
        try:
            for block in todo:
                function(block)
        finally:
            _thread_state.in_a_block = False

    done: SimpleQueue[BaseException | None] = SimpleQueue()
    with one_blas_thread():
        finished = int(_team.finished[0])
        helpers = _team.submit(work, done, threads - 1)
        try:
            work()
        finally:
            if watch is not None:
                watch(_team.finished, finished + helpers)
            errors = [done.get() for _ in range(helpers)]
    for error in errors:
        if error is not None:
            raise error


def parallel_sum(term: Callable[[T], np.ndarray], blocks: Sequence[T], shape: tuple[int, ...],
                 dtype: np.dtype, small: bool = False) -> np.ndarray:
    """The sum of `term(block)`, arrays of one shape, over all blocks.

    Every thread adds up its own share, always the same one, so that the sum does not depend on the order of threads.
    """
    count = min(_team.size, len(blocks))
    shares = [blocks[i::count] for i in range(count)]
    sums = np.zeros((len(shares), *shape), dtype)

    def add_up(i: int) -> None:
        for block in shares[i]:
            sums[i] += term(block)

    parallel(add_up, range(len(shares)), small)
    return sums.sum(axis=0)


def blocks(length: int, bytes_each: int, block_bytes: int) -> list[slice]:
    """Slices of an axis of `length` items, each of about `block_bytes`.

    If a thread's share is smaller, they have the size of this share.
    """
    step = max(1, min(block_bytes // max(1, bytes_each), -(-length // _team.size)))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def in_a_block() -> bool:
    """Whether this thread is computing a block.

    Then the other threads are busy too, and BLAS has one thread.
    """
    return _thread_state.in_a_block


def get_num_threads() -> int:
    """The number of threads that share the work of one operation on the CPU.

    The default is one for each core that the process may use, or the number in the environment variable
    MINIDL_NUM_THREADS or OMP_NUM_THREADS.
    """
    return _team.size


def set_num_threads(num: int) -> None:
    """Set the number of threads for one operation on the CPU, here and in NumPy's BLAS library.

    Errors: RuntimeError unless it is a positive integer.

        >>> import minidl
        >>> minidl.set_num_threads(1)
        >>> minidl.get_num_threads()
        1
    """
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num!r}")
    _team.resize(num)
    blas.set_blas_threads(num)


# ---------------------------------------------------------------------- the team

watch: Callable[[np.ndarray, int], Any] | None = None
"""Returns when a number has reached another, or a moment is over; set where there are compiled bodies."""


class _ThreadState(threading.local):
    in_a_block = False      # whether this thread is computing a block


class _Team:
    """The calling thread, and helper threads, which start with the first work."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.tasks: SimpleQueue[Any] | None = None      # the queue that the helpers read
        self.given, self.finished = np.zeros((2, 1), np.int64)      # tasks so far, for `watch`
        self.lock = threading.Lock()    # a user's threads may submit work, or resize the team, at the same time

    def submit(self, work: Callable[[], None], done: SimpleQueue[BaseException | None], helpers: int) -> int:
        """Give `work` to `helpers` helper threads, or to all if there are fewer now; returns how many."""
        with self.lock:
            if self.tasks is None:
                self.tasks = SimpleQueue()
                for i in range(1, self.size):
                    helper = threading.Thread(target=_serve, args=(self.tasks,), name=f"minidl-{i}", daemon=True)
                    try:
                        helper.start()
                    except RuntimeError:    # none starts in a browser, no more than a limit elsewhere: go on without
                        self.size = i
                        break
            helpers = min(helpers, self.size - 1)
            for _ in range(helpers):    # in the caller's context, which holds NumPy's `errstate`
                self.tasks.put((contextvars.copy_context(), work, done))
            self.given += helpers
        return helpers

    def resize(self, size: int) -> None:
        """Stop the helper threads; the next work starts new ones."""
        with self.lock:
            if self.tasks is not None:
                for _ in range(1, self.size):
                    self.tasks.put(None)
            self.tasks, self.size = None, size

    def after_fork(self) -> None:
        """Start afresh: a child process inherits the queue and the lock, but not the threads."""
        self.tasks, self.lock = None, threading.Lock()


def _serve(tasks: SimpleQueue[Any]) -> None:
    for context, work, done in iter(lambda: _next(tasks), None):
        failure = None
        try:
            context.run(work)
        except BaseException as error:   # raised again in the thread that submitted the work
            failure = error
        del context, work                # they hold arrays, and the next task may come much later
        done.put(failure)
        _team.finished += 1
        del failure


def _next(tasks: SimpleQueue[Any]) -> Any:
    """The next task; watch for it a moment before falling asleep."""
    given = int(_team.given[0])
    if watch is not None and tasks.empty():
        watch(_team.given, given + 1)
    return tasks.get()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _requested_size() -> int:
    for name in ("MINIDL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return max(1, int(os.environ[name]))
    return _cores()


_thread_state, _team = _ThreadState(), _Team(_requested_size())
if _team.size != _cores():
    blas.set_blas_threads(_team.size)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_team.after_fork)
