"""Background workers that are threads: they fetch batches while the main thread computes.

NumPy and Pillow release Python's lock while they gather, decode and resize, and so does the training step in the main
thread. Threads cost nothing to start, share the data set's memory, and pass on a batch without a copy. If a data set is
slow in Python itself, processes are better (`workers.py`).

Each worker has a queue of tasks and a queue of answers. All workers share a stop event, which is checked between any
two samples. A thread holds no reference to the pool, so the workers end when the pool is garbage collected.
"""
from __future__ import annotations

import contextvars
import copy
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.random import use_own_streams
from minidl.utils.data.dataset import Dataset
from minidl.utils.data.failure import Failure
from minidl.utils.data.worker_info import Cancelled, WorkerInfo, thread_state

_GRACE = 2.0        # seconds to wait for threads to end; after that they end by themselves
_HEARTBEAT = 1.0    # seconds between two checks that a silent worker is alive


class _Worker(NamedTuple):
    thread: threading.Thread
    tasks: queue.SimpleQueue[Any]
    answers: queue.SimpleQueue[Any]


class ThreadPool:
    """`num_workers` threads that run `make_fetcher(dataset)` and answer tasks, with the interface of `WorkerPool`.

    seed: worker i draws minidl's random numbers from streams of its own, seeded with `seed + i`. init_fn: called in
    each worker with its number. timeout: seconds to wait for one answer; 0 waits for ever.
    """

    def __init__(self, dataset: Any, make_fetcher: Callable[[Any], Callable[[Any], Any]], num_workers: int, seed: int,
                 init_fn: Callable[[int], Any] | None, timeout: float) -> None:
        self.timeout = timeout
        self._epoch = 0
        self._seed = seed
        self._stop = threading.Event()
        self._workers: list[_Worker] = []
        self._owner = os.getpid()
        # it runs when the pool is garbage collected, or when the interpreter ends
        self._finalizer = weakref.finalize(self, _end, self._workers, self._stop, self._owner)
        for i in range(num_workers):
            info = WorkerInfo(i, num_workers, seed + i, _own(dataset))
            tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
            answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
            # in a copy of the caller's context, which holds NumPy's `errstate`
            thread = threading.Thread(target=contextvars.copy_context().run, name=f"DataLoader worker {i}", daemon=True,
                                      args=(_work, tasks, answers, self._stop, make_fetcher, init_fn, info))
            self._workers.append(_Worker(thread, tasks, answers))

    def close(self) -> None:
        """End the workers that are still running; it can be called again after an interruption."""
        _end(self._workers, self._stop, self._owner)
        self._finalizer.detach()

    def begin_epoch(self, seed: int) -> None:
        """Begin a new epoch for all later tasks: streams restart, worker i is seeded `seed + i`.

        Answers to older tasks are discarded when they arrive. The first epoch starts the threads: at this time the
        caller holds the pool and will close it, even if Ctrl-C comes early.
        """
        self._epoch += 1
        self._seed = seed
        if self._epoch == 1:
            for worker in self._workers:
                worker.thread.start()

    def submit(self, worker: int, task: Any) -> None:
        """Send a worker its next task."""
        self._workers[worker].tasks.put((self._epoch, self._seed, task))

    def receive(self, worker: int) -> Any:
        """The answer to the worker's oldest unanswered task of this epoch.

        Errors: the worker's own exception, with its traceback in the message; RuntimeError if the worker takes longer
        than `timeout`, or has ended.
        """
        deadline = time.monotonic() + self.timeout if self.timeout else None
        while True:
            left = _HEARTBEAT if deadline is None else deadline - time.monotonic()
            alive = self._workers[worker].thread.is_alive()     # read first, so that no last answer is missed
            try:
                epoch, answer = self._workers[worker].answers.get(timeout=min(max(left, 0), _HEARTBEAT))
            except queue.Empty:
                if not alive:
                    raise RuntimeError(f"DataLoader worker {worker}, a thread, is no more: was this process forked "
                                       "from the one that started it?") from None
                if left <= 0:
                    raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds waiting for worker "
                                       f"{worker}; a larger timeout= lets it finish, 0 waits on") from None
                continue
            if epoch == self._epoch:
                return answer.reraise() if isinstance(answer, Failure) else answer


def _own(dataset: Any) -> Any:
    """A shallow copy for one worker, so that no other worker sees attributes set on it."""
    return copy.copy(dataset) if isinstance(dataset, Dataset) else dataset


def _end(workers: list[_Worker], stop: threading.Event, owner: int) -> None:
    if os.getpid() != owner:        # a forked process has a copy of the list, but no threads
        return
    stop.set()
    for worker in workers:
        worker.tasks.put(None)
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        if worker.thread is not threading.current_thread() and worker.thread.ident is not None:
            worker.thread.join(max(deadline - time.monotonic(), 0))


def _work(tasks: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Any], stop: threading.Event,
          make_fetcher: Callable[[Any], Callable[[Any], Any]], init_fn: Callable[[int], Any] | None,
          info: WorkerInfo) -> None:
    """The loop of a worker: answer tasks until the stop event is set."""
    thread_state.info, thread_state.stop = info, stop
    use_own_streams(info.seed)
    failure = None
    if init_fn is not None:
        try:
            init_fn(info.id)
        except BaseException as error:
            failure = Failure.of(error, f"in worker_init_fn of DataLoader worker {info.id}")
    current, fetch = 1, None        # the first epoch is seeded already, and init_fn may have seeded differently
    while (message := tasks.get()) is not None and not stop.is_set():
        epoch, seed, task = message
        if epoch != current:
            use_own_streams(seed + info.id)
            current, fetch = epoch, None
        answer: Any = failure
        if failure is None:
            try:
                fetch = fetch or make_fetcher(info.dataset)
                answer = fetch(task)
            except Cancelled:
                return
            except BaseException as error:
                answer = Failure.of(error, f"in DataLoader worker {info.id}")
        answers.put((epoch, answer))
        del answer, message, task
