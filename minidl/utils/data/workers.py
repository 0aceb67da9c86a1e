"""Background workers that are processes: they fetch batches while the main process computes.

Each worker shares one socket with the main process and nothing else: no queue and no lock, so a
worker that is killed can leave nothing locked. Tasks go to the workers in turn, 0, 1, 2, 0, ...;
answers are read in the same order, so batches keep their order, even if one worker is faster. The
main process runs no extra thread. A worker has a second thread that only sends: the first thread
can fetch the next batch while an answer waits to be read, and can always read a task, so that the
two sides never wait for each other.

An answer is sent as a pickle and separate arrays (pickle protocol 5), which are read directly into
new arrays here. Large reads make this about as fast as shared memory, and no files in /dev/shm can
run out or be left behind.

Processes are better than threads (`threads.py`) in two cases. Python code in a dataset holds the interpreter's lock, so
threads wait for each other if it takes most of the time. And Python's and NumPy's own random numbers have one stream
for each process.
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
from minidl.utils.data.worker_info import WorkerInfo, set_process_info

_GRACE = 2.0       # seconds that a worker has to end by itself before it is terminated
_HEARTBEAT = 1.0   # seconds between two checks that a silent worker is alive


# ---------------------------------------------------------------- the main process's side

@dataclass
class _Worker:
    process: Any
    channel: socket.socket


# The main process's ends of all workers' sockets. A forked process inherits them, and must close its copies: while
# a copy is open anywhere, the worker at the other end cannot notice that the main process has closed its end.
_main_sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class WorkerPool:
    """`num_workers` processes that run `make_fetcher()` and answer tasks; see the file's docstring.

    context: a multiprocessing context. seed: worker i is seeded with `seed + i`. init_fn: called in
    each worker with its number. timeout: seconds to wait for one answer; 0 waits for ever.
    """

    def __init__(self, dataset: Any, make_fetcher: Callable[[], Callable[[Any], Any]],
                 num_workers: int, context: Any, seed: int,
                 init_fn: Callable[[int], Any] | None, timeout: float) -> None:
        self.timeout = timeout
        self._epoch = 0
        self._seed = seed
        self._workers: list[_Worker] = []
        self._owner = os.getpid()
        # it runs when the pool is garbage collected, or when the interpreter ends
        self._finalizer = weakref.finalize(self, _stop, self._workers, self._owner)
        try:
            for i in range(num_workers):
                info = WorkerInfo(i, num_workers, seed + i, dataset)
                self._workers.append(_start(context, make_fetcher, init_fn, info))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers that are still running."""
        _stop(self._workers, self._owner)
        self._finalizer.detach()

    def begin_epoch(self, seed: int) -> None:
        """Begin a new epoch for all later tasks: streams restart, worker i is seeded `seed + i`.

        Answers to older tasks are discarded when they arrive.
        """
        self._epoch += 1
        self._seed = seed

    def submit(self, worker: int, task: Any) -> None:
        """Send a worker its next task. Errors: RuntimeError if the worker has died."""
        message = _pack((self._epoch, self._seed, task))
        try:
            _send(self._workers[worker].channel, message)
        except OSError:
            self._died(worker)

    def receive(self, worker: int) -> Any:
        """The answer to the worker's oldest unanswered task of this epoch.

        Errors: the worker's own exception, with its traceback in the message; RuntimeError if the
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
        """Wait until the worker has sent something, or has closed its end."""
        process, channel = self._workers[worker].process, self._workers[worker].channel
        while True:
            left = _HEARTBEAT if deadline is None else deadline - time.monotonic()
            alive = process.is_alive()  # read first, so that no last answer is missed
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
    _main_sockets.add(ours)
    try:
        # large enough to send megabytes in few system calls; the system may give less
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        process = context.Process(target=_work, args=(theirs, make_fetcher, init_fn, info),
                                  name=f"DataLoader worker {info.id}", daemon=True)
        pressed: list[bool] = []
        with _noting_ctrl_c(pressed), _ignoring_ctrl_c(context), warnings.catch_warnings():
            # Python warns of forking while other threads run. These are the threads of the BLAS
            # library, which is prepared for a fork.
            warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
            process.start()
        if pressed:
            signal.raise_signal(signal.SIGINT)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return _Worker(process, ours)


def _stop(workers: list[_Worker], owner: int) -> None:
    """End the workers, and delay Ctrl-C until then.

    This often runs in a finalizer, which would swallow Ctrl-C.
    """
    if os.getpid() != owner:  # a forked process has a copy of the list, but no workers
        return
    pressed: list[bool] = []
    while workers:
        try:
            with _noting_ctrl_c(pressed):
                _end(workers)
        except KeyboardInterrupt:       # just before the handler was set, or just after
            pressed.append(True)
    if pressed:
        interrupt_later()


def _end(workers: list[_Worker]) -> None:
    """End the workers: first by closing their sockets, then by force."""
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
def _noting_ctrl_c(pressed: list[bool]) -> Iterator[None]:
    """Append to `pressed` for each Ctrl-C inside, which Python would swallow in a finalizer or while it forks."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _ignoring_ctrl_c(context: Any) -> Iterator[None]:
    """Hide Ctrl-C from processes started inside, from their first moment; this process gets it later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if getattr(context, "get_start_method", str)() != "fork":
        resource_tracker.ensure_running()   # a process of Python itself, whose start would restore Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def interrupt_later() -> None:
    """Raise a Ctrl-C again that arrived in a finalizer, which would swallow it."""
    def interrupt() -> None:
        # until then the finalizer is over; a loop that is left again and again must not close at this same moment
        time.sleep(random.SystemRandom().uniform(0.02, 0.08))
        _thread.interrupt_main()

    with contextlib.suppress(RuntimeError):     # the interpreter is ending
        _thread.start_new_thread(interrupt, ())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def choose_context(choice: Any) -> Any:
    """A multiprocessing context from a start method's name, or a context.

    With 'fork' nothing is pickled or copied to start a worker, and datasets and lambdas from notebooks and
    unguarded scripts work. The price: a library that has threads or a GPU of its own and is not
    prepared for a fork can hang in the worker (NumPy's OpenBLAS is prepared; CUDA is not, so a
    dataset must not hold GPU tensors). In such a case, pass
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
    """The loop of a worker: answer tasks until the main process closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # the main process handles Ctrl-C, and ends the workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # without the main process's own handler
    for end in list(_main_sockets):
        end.close()
    set_process_info(info)
    _seed_everything(info.seed)
    answers: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
    threading.Thread(target=_send_all, args=(channel, answers), daemon=True).start()

    failure = None
    if init_fn is not None:
        try:
            init_fn(info.id)
        except Exception as error:
            failure = Failure.of(error, f"in worker_init_fn of DataLoader worker {info.id}")
    current = 1  # the first epoch is seeded already, and init_fn may have seeded differently
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
                # copied, since it is sent later: the dataset may reuse its arrays for the next batch
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
        pass  # the main process has closed its end
    finally:
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)  # it wakes the other thread, which then ends too
        channel.close()


# ---------------------------------------------------------------- messages

def _packed_failure(epoch: int, failure: Failure) -> list[Any]:
    try:
        return _pack((epoch, failure))
    except Exception:  # the type cannot be pickled, for instance a class inside a function
        return _pack((epoch, Failure(RuntimeError, failure.text)))


def _pack(value: Any) -> list[Any]:
    """`value` as parts to send: the pickle, then the memory of its arrays, without a copy."""
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
    data = np.empty(size, dtype=np.uint8).data  # new memory, not filled with zeros first
    rest = data
    while len(rest):
        count = channel.recv_into(rest, len(rest), socket.MSG_WAITALL)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data
