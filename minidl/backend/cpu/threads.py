"""All cores of the CPU: `parallel` runs the blocks of a kernel on them.

NumPy lets go of Python's lock while it computes, so threads help wherever the work comes in pieces of some size: each
thread takes the next block until none is left. Meanwhile the BLAS library is held to one thread of its own, for two
teams of threads on the same cores would stand in each other's way.

Results do not depend on which thread computes which block, and so neither on luck nor on other programs.
"""
from __future__ import annotations

import contextlib
import contextvars
import ctypes
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import numpy as np

T = TypeVar("T")


def parallel(function: Callable[[T], Any], blocks: Iterable[T]) -> None:
    """Call `function` on every block, on as many threads as `get_num_threads()` says; this one is among them."""
    blocks = list(blocks)
    team = min(_num_threads, len(blocks))
    if team < 2 or in_a_block():    # blocks of blocks run where they are
        for block in blocks:
            function(block)
        return
    todo = iter(blocks)     # `next` on a list is one step under Python's lock, so no block is taken twice

    def work() -> None:
        _here.busy = True
        try:
            for block in todo:
                function(block)
        finally:
            _here.busy = False

    done: SimpleQueue[BaseException | None] = SimpleQueue()
    with one_blas_thread():
        helpers = _hand_out(work, done, team - 1)
        try:
            work()
        finally:
            errors = [done.get() for _ in range(helpers)]
    for error in errors:
        if error is not None:
            raise error


def parallel_sum(term: Callable[[T], np.ndarray], blocks: Sequence[T], shape: tuple[int, ...],
                 dtype: np.dtype) -> np.ndarray:
    """The sum of `term(block)`, arrays of one shape, over all blocks.

    Every thread adds up its own share, always the same one: sums must not depend on who came first.
    """
    count = min(_num_threads, len(blocks))
    shares = [blocks[i::count] for i in range(count)]
    sums = np.zeros((len(shares), *shape), dtype)

    def add_up(i: int) -> None:
        for block in shares[i]:
            sums[i] += term(block)

    parallel(add_up, range(len(shares)))
    return sums.sum(axis=0)


def blocks(length: int, bytes_each: int, at_once: int) -> list[slice]:
    """Slices of an axis of so many items, of about `at_once` bytes or, where that is less, a thread's share."""
    step = max(1, min(at_once // max(1, bytes_each), -(-length // _num_threads)))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def in_a_block() -> bool:
    """Whether this thread works on a block already. Then the others have theirs, and BLAS has one thread."""
    return getattr(_here, "busy", False)


def get_num_threads() -> int:
    """How many threads share the work of one operation on the CPU.

    At first one for each core that the process may use, or as many as the environment variable MINIDL_NUM_THREADS
    or OMP_NUM_THREADS says.
    """
    return _num_threads


def set_num_threads(num: int) -> None:
    """Use so many threads for the work of one operation on the CPU, here and in NumPy's BLAS library.

    Errors: RuntimeError unless it is a positive integer.

        >>> import minidl
        >>> minidl.set_num_threads(1)
        >>> minidl.get_num_threads()
        1
    """
    global _num_threads, _blas_before
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num!r}")
    with _team_lock:
        _dismiss()
        _num_threads = num
    with _blas_lock:
        if _blas_users:     # they hold BLAS to one thread, and set this when they are done
            _blas_before = [num] * len(_teams)
        else:
            for team in _teams:
                team.set(num)


# ---------------------------------------------------------------------- the team

_here = threading.local()       # .busy: whether this thread is working on a block already
_tasks: SimpleQueue[Any] | None = None      # what the other threads wait for
_team_lock = threading.Lock()   # threads of the user's own may work, or change the number of ours, at the same time


def _hand_out(work: Callable[[], None], done: SimpleQueue[BaseException | None], helpers: int) -> int:
    """Have `work` done by so many of the other threads, or all if they are fewer by now; returns how many.

    They start when there is work for the first time.
    """
    global _tasks
    with _team_lock:
        if _tasks is None:
            _tasks = SimpleQueue()
            for i in range(1, _num_threads):
                threading.Thread(target=_serve, args=(_tasks,), name=f"minidl-{i}", daemon=True).start()
        helpers = min(helpers, _num_threads - 1)
        for _ in range(helpers):    # in the caller's context: NumPy keeps there what to do on overflow
            _tasks.put((contextvars.copy_context(), work, done))
    return helpers


def _serve(tasks: SimpleQueue[Any]) -> None:
    for context, work, done in iter(tasks.get, None):
        failure = None
        try:
            context.run(work)
        except BaseException as error:   # raised again where the work was asked for
            failure = error
        del context, work                # they hold arrays, and the next task may be long in coming
        done.put(failure)
        del failure


def _dismiss() -> None:
    """Let the other threads go; the next work calls new ones."""
    global _tasks
    if _tasks is not None:
        for _ in range(1, _num_threads):
            _tasks.put(None)
    _tasks = None


def _after_fork() -> None:
    """A child process has inherited the queue, but not the threads; nor those that may have held the locks."""
    global _tasks, _team_lock, _blas_lock
    _tasks, _team_lock, _blas_lock = None, threading.Lock(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _asked_for() -> int:
    for name in ("MINIDL_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdigit():
            return max(1, int(os.environ[name]))
    return _cores()


_num_threads = _asked_for()


# ---------------------------------------------------------------------- BLAS

_blas_lock = threading.Lock()
_blas_users = 0
_blas_before: list[int] = []
_teams: list[_BlasTeam] = []    # those of the OpenBLAS libraries in use


class _BlasTeam(NamedTuple):
    """How to ask for and to set the number of threads of one OpenBLAS library."""

    get: Callable[[], int]
    set: Callable[[int], None]


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products run in the calling thread alone, as long as any caller is in here."""
    global _blas_users, _blas_before
    with _blas_lock:
        if not _blas_users:
            _blas_before = [team.get() for team in _teams]
            for team in _teams:
                team.set(1)
        _blas_users += 1
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if not _blas_users:
                for team, before in zip(_teams, _blas_before):
                    team.set(before)


def hold_blas_of(library: str) -> None:
    """Let `one_blas_thread` hold the OpenBLAS too that this file, an extension module, was linked with."""
    get, set_ = _openblas("get_num_threads", library), _openblas("set_num_threads", library)
    if get is not None and set_ is not None:
        with _blas_lock:
            _teams.append(_BlasTeam(get, set_))
        if _num_threads != _cores():
            set_(_num_threads)


def blas_core() -> str | None:
    """The name of the processor that OpenBLAS chose its kernels for, such as "SkylakeX"; None without OpenBLAS."""
    corename = _openblas("get_corename", NUMPY)
    if corename is None:
        return None
    corename.restype = ctypes.c_char_p
    return corename().decode()


def _openblas(function: str, library: str) -> Any:
    """A function of the OpenBLAS that an extension module was linked with; None if it is not to be found."""
    try:
        module = ctypes.CDLL(library)
    except OSError:
        return None
    for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
        with contextlib.suppress(AttributeError):
            return getattr(module, f"{prefix}openblas_{function}{suffix}")
    return None


NUMPY = np._core._multiarray_umath.__file__ or ""   # type: ignore[attr-defined]
hold_blas_of(NUMPY)
