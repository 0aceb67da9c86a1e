"""Samplers: the order of the samples of a dataset.

A sampler is an iterable of sample numbers, one pass for each epoch; `BatchSampler` groups the
numbers of another sampler into lists.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from minidl.backend.device import Device
from minidl.random import Generator, default_generator

T_co = TypeVar("T_co", covariant=True)


def cpu_stream(generator: Generator | None) -> np.random.Generator:
    """The NumPy generator of a minidl generator; None is the default stream of `manual_seed`.

    Errors: RuntimeError for a generator of another device: sample numbers are made on the CPU.
    """
    generator = default_generator(Device("cpu")) if generator is None else generator
    if generator.device.type != "cpu":
        raise RuntimeError("expected a 'cpu' device type for generator but found "
                           f"'{generator.device}'; sampling takes minidl.Generator('cpu')")
    return generator.stream


class Sampler(Generic[T_co]):
    """Base of all samplers: a subclass defines `__iter__()`, and `__len__()` if it is known."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ..., always in that order.

        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Sample numbers in random order, a new one each epoch.

    data_source: the dataset. replacement: draw each number independently, so that numbers repeat.
    num_samples: the number of draws (default: the length of the dataset); if it is larger, without
    replacement, one shuffle follows another. generator: the source of random numbers.
    Errors: TypeError for a `replacement` that is no bool, ValueError for `num_samples` below 1.

        >>> sorted(RandomSampler("abcd"))
        [0, 1, 2, 3]
    """

    def __init__(self, data_source: Sized, replacement: bool = False,
                 num_samples: int | None = None, generator: Generator | None = None) -> None:
        _check_bool("RandomSampler", "replacement", replacement)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError("RandomSampler: num_samples should be a positive integer, "
                             f"got {self.num_samples!r}"
                             + (" (the dataset is empty)" if num_samples is None else ""))

    @property
    def num_samples(self) -> int:
        """The count of numbers in an epoch; by default the present length of the dataset."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        stream, size = cpu_stream(self.generator), len(self.data_source)
        if self.replacement:
            yield from stream.integers(size, size=self.num_samples).tolist()
            return
        for start in range(0, self.num_samples, size):
            yield from stream.permutation(size)[:self.num_samples - start].tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given sample numbers in random order, a new one each epoch.

        >>> sorted(SubsetRandomSampler([7, 3, 5]))
        [3, 5, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in cpu_stream(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers 0..len(weights)-1, each drawn in proportion to its weight.

    weights: non-negative; their sum need not be 1. num_samples: the number of draws in an epoch.
    replacement: whether a number may come twice. Without it the draw is by exponential keys: the
    smallest `Exp(1) / weight` come first (Efraimidis and Spirakis, "Weighted random sampling with a
    reservoir", 2006).
    Errors: ValueError for bad arguments, RuntimeError when there are fewer weights above zero than
    numbers to draw without replacement.

        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], num_samples=4))
        [1, 1, 1, 1]
    """

    def __init__(self, weights: Sequence[float], num_samples: int, replacement: bool = True,
                 generator: Generator | None = None) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError("WeightedRandomSampler: num_samples should be a positive integer, "
                             f"got {num_samples!r}")
        if not isinstance(replacement, bool):
            raise ValueError(f"WeightedRandomSampler: replacement should be a bool, "
                             f"got {replacement!r}")
        values = weights.tolist() if hasattr(weights, "tolist") else list(weights)
        self.weights = np.array(values, dtype=np.float64)
        if self.weights.ndim != 1:
            raise ValueError("WeightedRandomSampler: weights should be a 1d sequence, "
                             f"got shape {self.weights.shape}")
        if not np.isfinite(self.weights).all() or self.weights.min(initial=0) < 0 \
                or not self.weights.any():
            raise ValueError("WeightedRandomSampler: weights should be finite and non-negative, "
                             "with one above zero at least")
        drawable = int(np.count_nonzero(self.weights))
        if not replacement and num_samples > drawable:
            raise RuntimeError(f"WeightedRandomSampler: cannot draw {num_samples} numbers without "
                               f"replacement, only {drawable} weights are above zero")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        stream = cpu_stream(self.generator)
        if self.replacement:
            edges = np.cumsum(self.weights)
            points = stream.random(self.num_samples) * edges[-1]
            # rounding may put a point on the last edge: it belongs to the last number with a weight
            last = np.flatnonzero(self.weights)[-1]
            drawn = np.minimum(np.searchsorted(edges, points, side="right"), last)
        else:
            with np.errstate(divide="ignore"):  # a weight of 0 has an infinite key, and comes last
                keys = stream.standard_exponential(len(self.weights)) / self.weights
            drawn = np.argsort(keys, kind="stable")[:self.num_samples]
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The numbers of another sampler in lists of `batch_size`; `drop_last` drops a short last list.

    Errors: ValueError for a `batch_size` below 1 or a `drop_last` that is no bool.

        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError("BatchSampler: batch_size should be a positive integer, "
                             f"got {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last should be a bool, got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(itertools.islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = _length(self.sampler)
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


def _check_bool(who: str, name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{who}: {name} should be a bool, got {value!r}")


def _length(sampler: Any) -> int:
    return len(sampler)
