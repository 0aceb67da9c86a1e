"""Background workers that are processes: they fetch batches while the main process computes.

Each worker has one socket to the main process and nothing else in common with it: no queue and no
lock, so a worker that is killed can leave nothing locked. Tasks go out in turn, worker 0, 1, 2, 0,
...; answers are read in the same turn, so batches keep their order whichever worker is fast. The
main process runs no thread of its own. A worker has a second thread that only sends: the first one
can fetch the next batch while an answer waits to be read, and is always there to read a task, so
that the two sides never wait for each other.

An answer travels as a pickle with its arrays beside it (pickle protocol 5), read straight into new
arrays here. Large reads make that about as fast as shared memory, without files in /dev/shm to run
out of or to leave behind.

When processes and not threads (`threads.py`): Python code in a dataset holds the interpreter's lock, so where that is
what takes time, threads wait for each other. And Python's and NumPy's own random numbers come from one stream for
each process.
"""
from __future__ import annotations

import _thread
import contextlib
import multiprocessing
import os
import pickle
import queue
import random
import selectors
import signal
import socket
import struct
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, NoReturn

import numpy as np

from minidl.random import manual_seed
from minidl.utils.data.failure import Failure
from minidl.utils.data.worker_info import WorkerInfo, in_this_process

_GRACE = 2.0       # seconds a worker gets to end by itself before it is terminated
_HEARTBEAT = 1.0   # seconds between two looks at whether a silent worker still lives


# ---------------------------------------------------------------- the main process's side

@dataclass
class _Worker:
    process: Any
    channel: socket.socket


# Our ends of all workers' sockets. A forked process inherits them, and must close its copies: while
# one is open anywhere, the worker at the other end cannot notice that we have closed ours.
_our_ends: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class WorkerPool:
    """`num_workers` processes that run `make_fetcher()` and answer tasks; see the file's docstring.

    context: a multiprocessing context. seed: worker i is seeded with `seed + i`. init_fn: called in
    each worker with its number. timeout: seconds to wait for one answer, 0 for ever.
    """

    def __init__(self, dataset: Any, make_fetcher: Callable[[], Callable[[Any], Any]],
                 num_workers: int, context: Any, seed: int,
                 init_fn: Callable[[int], Any] | None, timeout: float) -> None:
        self.timeout = timeout
        self._epoch = 0
        self._seed = seed
        self._workers: list[_Worker] = []
        self._owner = os.getpid()
        # for a pool that is dropped, or when the interpreter ends
        self._finalizer = weakref.finalize(self, _stop, self._workers, self._owner)
        try:
            for i in range(num_workers):
                info = WorkerInfo(i, num_workers, seed + i, dataset)
                self._workers.append(_start(context, make_fetcher, init_fn, info))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers, if they have not ended yet."""
        _stop(self._workers, self._owner)
        self._finalizer.detach()

    def begin_epoch(self, seed: int) -> None:
        """Tasks belong to a new epoch from here on: streams restart, worker i is seeded `seed + i`.

        Answers to older tasks that are still on their way will be thrown away.
        """
        self._epoch += 1
        self._seed = seed

    def submit(self, worker: int, task: Any) -> None:
        """Hand a worker its next task. Errors: RuntimeError when the worker has died."""
        message = _pack((self._epoch, self._seed, task))
        try:
            _send(self._workers[worker].channel, message)
        except OSError:
            self._died(worker)

    def receive(self, worker: int) -> Any:
        """The answer to the oldest task of this epoch that the worker still owes.

        Errors: the worker's own exception, its traceback in the message; RuntimeError when the
        worker has died or takes longer than `timeout`.
        """
        deadline = time.monotonic() + self.timeout if self.timeout else None
        while True:
            self._wait(worker, deadline)
            try:
                epoch, answer = _receive(self._workers[worker].channel)
            except (EOFError, OSError):
                self._died(worker)
            if epoch == self._epoch:
                return answer.reraise() if isinstance(answer, Failure) else answer

    def _wait(self, worker: int, deadline: float | None) -> None:
        """Return once the worker has sent something, or has closed its end."""
        process, channel = self._workers[worker].process, self._workers[worker].channel
        while True:
            left = _HEARTBEAT if deadline is None else deadline - time.monotonic()
            alive = process.is_alive()  # asked first: what it sent before it died is there by now
            if _readable(channel, min(max(left, 0), _HEARTBEAT)):
                return
            if not alive:
                self._died(worker)
            if left <= 0:
                raise RuntimeError(
                    f"DataLoader timed out after {self.timeout} seconds waiting for worker "
                    f"{worker} (pid {process.pid}); a larger timeout= lets it finish, 0 waits on")

    def _died(self, worker: int) -> NoReturn:
        process = self._workers[worker].process
        process.join(_GRACE)
        code = process.exitcode
        how = f"with exit code {code}"
        if code is not None and code < 0:
            how = f"killed by signal {_signal_name(-code)}"
        raise RuntimeError(
            f"DataLoader worker {worker} (pid {process.pid}) exited unexpectedly, {how}. What it "
            "printed, if anything, stands above. num_workers=0 runs the same code in this process. "
            "(SIGKILL often means too little memory. Where processes are spawned, not forked, a "
            "script needs `if __name__ == '__main__':`, and dataset, transforms and collate_fn "
            "must come from an importable file, not from a notebook.)") from None


def _start(context: Any, make_fetcher: Callable[[], Any], init_fn: Callable[[int], Any] | None,
           info: WorkerInfo) -> _Worker:
    ours, theirs = socket.socketpair()
    _our_ends.add(ours)
    try:
        # large enough to hand over megabytes in few system calls; the system may grant less
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        process = context.Process(target=_work, args=(theirs, make_fetcher, init_fn, info),
                                  name=f"DataLoader worker {info.id}", daemon=True)
        with _deaf_to_ctrl_c(context), warnings.catch_warnings():
            # Python warns of forking while other threads run. Those are the BLAS library's, which
            # puts its own house in order around a fork.
            warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
            process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Worker(process, ours)


def _stop(workers: list[_Worker], owner: int) -> None:
    """End the workers. Ctrl-C comes when this is over: it often runs in a finalizer, which would swallow it."""
    if os.getpid() != owner:  # a forked process has a copy of the list, but not the workers
        return
    pressed: list[Any] = []
    while workers:
        try:
            if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None:
                before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
                try:
                    _end(workers)
                finally:
                    signal.signal(signal.SIGINT, before)
            else:
                _end(workers)
        except KeyboardInterrupt:       # just before we listened, or just after
            pressed.append(True)
    if pressed:
        interrupt_later()


def _end(workers: list[_Worker]) -> None:
    """End the workers: kindly, by closing the sockets they listen on; then less so."""
    for worker in workers:
        worker.channel.close()
    deadline = time.monotonic() + _GRACE
    for end in (None, "terminate", "kill"):
        for worker in workers:
            if end and worker.process.is_alive():
                getattr(worker.process, end)()
        for worker in workers:
            worker.process.join(max(deadline - time.monotonic(), 0.05))
        deadline = time.monotonic() + _GRACE
    workers.clear()


@contextlib.contextmanager
def _deaf_to_ctrl_c(context: Any) -> Iterator[None]:
    """A process that is started in here never sees Ctrl-C, not even before it can say so itself; we see it later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if getattr(context, "get_start_method", str)() != "fork":
        resource_tracker.ensure_running()   # a process of Python's own, whose start would end our deafness
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interrupt_later() -> None:
    """Pass on a Ctrl-C that a finalizer has noticed, and would swallow."""
    def interrupt() -> None:
        time.sleep(0.05)        # the finalizer is left by then
        _thread.interrupt_main()

    with contextlib.suppress(RuntimeError):     # the interpreter ends already
        _thread.start_new_thread(interrupt, ())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def choose_context(choice: Any) -> Any:
    """A multiprocessing context from a start method's name, or a context.

    With 'fork' nothing is pickled or copied to start a worker, and datasets and lambdas from notebooks and
    unguarded scripts work. Its price: a library that keeps threads or a GPU of its own and is not
    prepared for a fork can hang in the worker (NumPy's OpenBLAS is prepared; CUDA is not, so a
    dataset must not hold GPU tensors). Where that bites, pass
    `multiprocessing_context='forkserver'` or `'spawn'`.
    Errors: ValueError for an unknown name, TypeError for another type.
    """
    if isinstance(choice, str):
        known = multiprocessing.get_all_start_methods()
        if choice not in known:
            raise ValueError(f"DataLoader: multiprocessing_context should be one of {known}, "
                             f"got {choice!r}")
        return multiprocessing.get_context(choice)
    if not hasattr(choice, "Process"):
        raise TypeError("DataLoader: multiprocessing_context should be a start method's name or a "
                        f"multiprocessing context, got {choice!r}")
    return choice


# ---------------------------------------------------------------- the worker's side

def _work(channel: socket.socket, make_fetcher: Callable[[], Callable[[Any], Any]],
          init_fn: Callable[[int], Any] | None, info: WorkerInfo) -> None:
    """A worker's life: answer tasks until the main process closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # Ctrl-C is the main process's affair: it ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and not by a handler that was meant for itself
    for end in list(_our_ends):
        end.close()
    in_this_process(info)
    _seed_everything(info.seed)
    answers: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
    threading.Thread(target=_send_all, args=(channel, answers), daemon=True).start()

    failure = None
    if init_fn is not None:
        try:
            init_fn(info.id)
        except Exception as error:
            failure = Failure.of(error, f"in worker_init_fn of DataLoader worker {info.id}")
    current = 1  # the first epoch: just seeded for it, and init_fn may have seeded otherwise
    fetch = None
    while True:
        try:
            epoch, seed, task = _receive(channel)
        except (EOFError, OSError):
            return
        if epoch != current:
            _seed_everything(seed + info.id)
            current, fetch = epoch, None
        answer: Any = failure
        if failure is None:
            try:
                fetch = fetch or make_fetcher()
                # copied, since it is sent later: the dataset may use its arrays for the next batch
                message = [bytes(part) for part in _pack((epoch, fetch(task)))]
            except Exception as error:
                answer = Failure.of(error, f"in DataLoader worker {info.id}")
        if answer is not None:
            message = _packed_failure(epoch, answer)
        answers.put(message)


def _seed_everything(seed: int) -> None:
    manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _send_all(channel: socket.socket, answers: queue.SimpleQueue[list[Any]]) -> None:
    try:
        while True:
            _send(channel, answers.get())
    except OSError:
        pass  # the main process has closed its end: it wants no more
    finally:
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)  # wakes the other thread, which then ends too
        channel.close()


# ---------------------------------------------------------------- messages

def _packed_failure(epoch: int, failure: Failure) -> list[Any]:
    try:
        return _pack((epoch, failure))
    except Exception:  # the type itself cannot be pickled; a class inside a function, say
        return _pack((epoch, Failure(RuntimeError, failure.text)))


def _pack(value: Any) -> list[Any]:
    """`value` as parts to send: the pickle, then the memory of its arrays, uncopied."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return [head, *(buffer.raw() for buffer in buffers)]


def _readable(channel: socket.socket, timeout: float) -> bool:
    """Whether the other end has sent something, or is closed, within `timeout` seconds."""
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        return bool(selector.select(timeout))


def _send(channel: socket.socket, parts: list[Any]) -> None:
    sizes = [len(part) for part in parts]
    channel.sendall(struct.pack(f"<Q{len(sizes)}Q", len(sizes), *sizes))
    for part in parts:
        channel.sendall(part)


def _receive(channel: socket.socket) -> Any:
    """The next message. Errors: EOFError or OSError when the other end is closed."""
    count, = struct.unpack("<Q", _read(channel, 8))
    sizes = struct.unpack(f"<{count}Q", _read(channel, 8 * count))
    head, *buffers = [_read(channel, size) for size in sizes]
    return pickle.loads(head, buffers=buffers)


def _read(channel: socket.socket, size: int) -> memoryview:
    data = np.empty(size, dtype=np.uint8).data  # new memory that nobody fills with zeros first
    rest = data
    while len(rest):
        count = channel.recv_into(rest, len(rest), socket.MSG_WAITALL)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
