"""The DataLoader: batches of a dataset in the order of a sampler."""
from __future__ import annotations

import functools
import itertools
import numbers
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from minidl.backend.device import cuda_is_available
from minidl.backend.warn import warn
from minidl.random import Generator
from minidl.utils.data.collate import default_collate, default_convert
from minidl.utils.data.dataset import Dataset, IterableDataset
from minidl.utils.data.fetch import Exhausted, make_fetcher
from minidl.utils.data.pinning import pin_memory
from minidl.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    cpu_stream,
)
from minidl.utils.data.threads import ThreadPool
from minidl.utils.data.workers import WorkerPool, choose_context, interrupt_later

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """An iterable over the batches of a dataset; each `for` loop is one epoch.

    dataset: anything with `__getitem__` and `__len__`, or an `IterableDataset`.
    batch_size: samples in a batch; None gives single samples, not collated.
    shuffle: a new random order each epoch. sampler: an iterable of sample numbers, which gives the order
    instead.
    batch_sampler: an iterable of lists of sample numbers, which gives the batches instead; `loader.batch_size` is None.
    num_workers: background workers that fetch batches ahead; 0 fetches in the loop itself. They are threads, or, if
    multiprocessing_context is given, processes.
    collate_fn: makes a batch from a list of samples; default `default_collate`.
    pin_memory: put the Tensors of batches into pinned memory, from which `x.to("cuda", non_blocking=True)` copies
    beside other work. Without a GPU it has no effect but a warning.
    pin_memory_device: accepted, without effect. in_order: batches come in order, also if it is False.
    drop_last: leave out a last batch that is not full.
    timeout: seconds to wait for one batch from a worker; 0 waits for ever.
    worker_init_fn: called as `worker_init_fn(worker_id)` when a worker starts, after it was seeded.
    multiprocessing_context: how processes start: 'fork' (not on Windows), 'forkserver', 'spawn', or a context. Without
    fork, a script needs `if __name__ == "__main__":`, and the dataset must be importable.
    generator: the source of the order and the workers' seeds; default the generator of `manual_seed`.
    prefetch_factor: the number of batches that each worker fetches ahead; default 2.
    persistent_workers: keep the workers for the next epoch.

    The order of batches does not depend on `num_workers`. Worker i is seeded with `base_seed + i` at the start of each
    epoch, where `base_seed` is drawn from `generator`: random transforms differ between workers and epochs, and repeat
    after `manual_seed`. In a thread this is true for minidl's random numbers; in a process also for Python's and
    NumPy's own. A dataset may fetch a whole batch at once: see `Dataset`.

    Threads are good for work in NumPy and Pillow, which releases Python's lock: reading, decoding, resizing, gathering.
    They start at once and pass on batches without a copy. Processes are good for datasets that are slow in Python
    itself, or that two threads must not read at the same time.

    An exception in a worker is raised here as the same type, with the traceback in the message. A process
    that dies raises RuntimeError. Leaving the loop, in any way, ends the workers; a thread finishes its present sample
    first.
    Errors: ValueError for arguments that exclude each other or are out of range, TypeError for a wrong type.

        >>> import minidl
        >>> from minidl.utils.data import TensorDataset
        >>> data = TensorDataset(minidl.arange(5), minidl.arange(5) * 10)
        >>> [y.tolist() for x, y in DataLoader(data, batch_size=2)]
        [[0, 10], [20, 30], [40]]
    """

    _settled = False

    def __init__(self, dataset: Dataset[T_co], batch_size: int | None = 1,
                 shuffle: bool | None = None, sampler: Iterable[Any] | None = None,
                 batch_sampler: Iterable[list[Any]] | None = None, num_workers: int = 0,
                 collate_fn: Callable[[Any], Any] | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0,
                 worker_init_fn: Callable[[int], Any] | None = None,
                 multiprocessing_context: Any = None, generator: Generator | None = None, *,
                 prefetch_factor: int | None = None, persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:
        self._streams = isinstance(dataset, IterableDataset)
        if not self._streams and not hasattr(dataset, "__getitem__"):
            raise TypeError("DataLoader: expected a dataset with __getitem__ and __len__, or an IterableDataset, "
                            f"got {type(dataset).__name__}")
        _check_types(num_workers=num_workers, timeout=timeout, prefetch_factor=prefetch_factor, sampler=sampler,
                     batch_sampler=batch_sampler, generator=generator, collate_fn=collate_fn,
                     worker_init_fn=worker_init_fn)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers,
                       multiprocessing_context)
        _check_order(self._streams, batch_size, shuffle, sampler, batch_sampler, drop_last)

        self.dataset = dataset
        self.num_workers = num_workers
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self.drop_last = drop_last

        if sampler is None and not self._streams:
            if batch_sampler is None and not hasattr(dataset, "__len__"):
                raise TypeError(f"DataLoader: object of type '{type(dataset).__name__}' has no len(), which the "
                                f"order of its samples needs; define __len__, or make it an IterableDataset")
            sized: Any = dataset
            sampler = (RandomSampler(sized, generator=generator) if shuffle
                       else SequentialSampler(sized))
        if batch_sampler is not None:
            batch_size = None        # it decides, and its batches may differ in size
        elif batch_size is not None and not self._streams:
            assert sampler is not None
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.batch_size = batch_size
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self._pool: WorkerPool | ThreadPool | None = None
        self._settled = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse another batch size, data set or order, which the samplers made of them would not notice."""
        if self._settled and name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset",
                                      "persistent_workers"):
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized; make a "
                             f"new one")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        # drawn with and without workers, so that num_workers has no influence on later random numbers
        seed = int(cpu_stream(self.generator).integers(2**63 - 2**32))
        batches = self._batches_of_workers(seed) if self.num_workers else self._batches()
        if not self.pin_memory:
            return batches
        if not cuda_is_available():
            warn("'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be "
                 "used.")
            return batches
        return map(pin_memory, batches)

    def __len__(self) -> int:
        if not self._streams:
            return _length(self.sampler if self.batch_sampler is None else self.batch_sampler)
        size = _length(self.dataset)
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    @property
    def _auto_collation(self) -> bool:
        """Whether samples are joined to batches here. Programs around a loader read it, as in PyTorch."""
        return self.batch_size is not None or self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        """What gives the numbers of samples, for one batch after the other."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def _tasks(self) -> Iterator[Any]:
        """The requests to a fetcher, one for each batch: sample numbers, or None for a stream."""
        return itertools.repeat(None) if self._streams else iter(self._index_sampler)

    def _fetcher_of(self) -> Callable[[Any], Callable[[Any], Any]]:
        """The function that makes a fetcher of a dataset; it holds no reference to the loader."""
        return functools.partial(make_fetcher, collate=self.collate_fn, batched=self._auto_collation,
                                 batch_size=self.batch_size, drop_last=self.drop_last)

    def _make_pool(self, seed: int) -> WorkerPool | ThreadPool:
        if self.multiprocessing_context is None:
            return ThreadPool(self.dataset, self._fetcher_of(), self.num_workers, seed, self.worker_init_fn,
                              self.timeout)
        return WorkerPool(self.dataset, functools.partial(self._fetcher_of(), self.dataset), self.num_workers,
                          choose_context(self.multiprocessing_context), seed, self.worker_init_fn, self.timeout)

    def _batches(self) -> Iterator[Any]:
        fetch = self._fetcher_of()(self.dataset)
        for task in self._tasks():
            batch = fetch(task)
            if batch is Exhausted:
                return
            yield batch

    def _batches_of_workers(self, seed: int) -> Iterator[Any]:
        # a loop takes the persistent pool, so that a loop inside the loop makes its own
        pool, self._pool = self._pool, None
        if pool is None:
            pool = self._make_pool(seed)
        finished = False
        try:
            yield from self._round_robin(pool, seed)
            finished = True
        finally:
            if finished and self.persistent_workers and self._pool is None:
                self._pool = pool
            else:   # after an early exit this often runs in a finalizer, which would swallow Ctrl-C
                closed = interrupted = False
                while not closed:
                    try:
                        pool.close()
                        closed = True
                    except KeyboardInterrupt:
                        interrupted = True
                if interrupted:
                    interrupt_later()

    def _round_robin(self, pool: WorkerPool | ThreadPool, seed: int) -> Iterator[Any]:
        """Submit tasks to the workers in turn, and yield their answers in the same order."""
        assert self.prefetch_factor is not None
        tasks = self._tasks()
        pending: deque[int] = deque()  # the worker of each unanswered task, oldest first

        def submit(worker: int) -> None:
            for task in itertools.islice(tasks, 1):
                pool.submit(worker, task)
                pending.append(worker)

        pool.begin_epoch(seed)
        for _ in range(self.prefetch_factor):
            for worker in range(self.num_workers):
                submit(worker)
        while pending:
            worker = pending.popleft()
            batch = pool.receive(worker)
            if batch is not Exhausted:  # a worker at the end of its stream gets no more tasks
                submit(worker)
                yield batch


def _check_types(**arguments: Any) -> None:
    kinds: list[tuple[Any, str, list[str]]] = [
        (numbers.Integral, "an int", ["num_workers", "prefetch_factor"]),
        (numbers.Real, "a number of seconds", ["timeout"]),
        (Iterable, "an iterable", ["sampler", "batch_sampler"]),
        (Generator, "a minidl.Generator", ["generator"]),
        (Callable, "a function", ["collate_fn", "worker_init_fn"])]
    for kind, what, names in kinds:
        for name in names:
            value = arguments[name]
            if not isinstance(value, kind) and (value is not None or name in ("num_workers", "timeout")):
                raise TypeError(f"DataLoader: {name} should be {what}, got {value!r}")


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None,
                   persistent_workers: bool, context: Any) -> None:
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers should be 0 or more, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout should be 0 or more seconds, got {timeout}")
    if num_workers == 0:
        given = [name for name, value in [
            ("prefetch_factor", prefetch_factor is not None),
            ("persistent_workers", persistent_workers),
            ("multiprocessing_context", context is not None)] if value]
        if given:
            raise ValueError(f"DataLoader: {given[0]} is for workers and num_workers is 0; "
                             "try num_workers=2")
        return
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"DataLoader: prefetch_factor should be 1 or more, got {prefetch_factor}")
    if context is not None:
        choose_context(context)


def _check_order(streams: bool, batch_size: int | None, shuffle: bool | None, sampler: Any,
                 batch_sampler: Any, drop_last: bool) -> None:
    if streams:
        given = [name for name, value in [
            ("shuffle", bool(shuffle)),
            ("sampler", sampler is not None),
            ("batch_sampler", batch_sampler is not None)] if value]
        if given:
            raise ValueError(f"DataLoader: an IterableDataset decides its order itself; {given[0]} "
                             "cannot be given with it")
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: sampler and shuffle exclude each other; "
                         "a RandomSampler shuffles")
    if batch_sampler is not None and (batch_size != 1 or shuffle or drop_last
                                      or sampler is not None):
        raise ValueError("DataLoader: batch_sampler makes the batches itself; it excludes "
                         "batch_size, shuffle, sampler and drop_last")
    if batch_size is None and drop_last:
        raise ValueError("DataLoader: batch_size=None gives single samples; it excludes drop_last")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise ValueError(f"DataLoader: batch_size should be a positive integer or None, "
                         f"got {batch_size!r}")


def _length(sized: Any) -> int:
    return len(sized)
