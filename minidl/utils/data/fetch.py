"""Fetching: from the numbers of a sampler to one finished batch.

A fetcher runs where the batches are made: in the loop's own process, or in a worker.
"""
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from minidl.utils.data.collate import default_collate
from minidl.utils.data.dataset import IterableDataset, fetch_batch, fetch_samples
from minidl.utils.data.worker_info import check_cancelled


class Exhausted:
    """The value (the class itself) that a fetcher returns at the end of its stream."""


class Fetcher:
    """Makes batches of a dataset with numbered samples; a call takes the numbers of one batch."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batched: bool) -> None:
        self.dataset = dataset
        self.collate = collate
        self.batched = batched

    def __call__(self, indices: Any) -> Any:
        if not self.batched:
            return self.collate(self.dataset[indices])
        if self.collate is default_collate:
            batch = fetch_batch(self.dataset, indices)
            if batch is not NotImplemented:
                return batch
        return self.collate(fetch_samples(self.dataset, indices))


class StreamFetcher:
    """Makes batches of an iterable dataset.

    A call ignores its argument, since a stream has its own order.
    """

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batch_size: int | None,
                 drop_last: bool) -> None:
        self.samples = iter(dataset)
        self.collate = collate
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __call__(self, _: Any) -> Any:
        count = 1 if self.batch_size is None else self.batch_size
        samples = []
        for sample in itertools.islice(self.samples, count):
            samples.append(sample)
            check_cancelled()
        if not samples or (self.drop_last and len(samples) < count):
            return Exhausted
        return self.collate(samples[0] if self.batch_size is None else samples)


def make_fetcher(dataset: Any, collate: Callable[[Any], Any], batched: bool, batch_size: int | None,
                 drop_last: bool) -> Fetcher | StreamFetcher:
    """The fetcher for a dataset; one for each worker and epoch.

    batched: whether a sampler gives the numbers of a batch at a time. batch_size, drop_last: of a stream's batches.
    """
    if isinstance(dataset, IterableDataset):
        return StreamFetcher(dataset, collate, batch_size, drop_last)
    return Fetcher(dataset, collate, batched)
