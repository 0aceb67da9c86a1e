"""Datasets: the sources of samples.

A dataset is any object with `__getitem__` and `__len__`, or (`IterableDataset`) an iterable.
The classes below wrap tensors, and cut, join and split other datasets.
"""
from __future__ import annotations

import bisect
import itertools
import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, cast

import numpy as np

from minidl.autograd.errors import annotate
from minidl.backend.warn import warn
from minidl.random import Generator
from minidl.tensors.tensor import Tensor
from minidl.utils.data.sampler import cpu_stream
from minidl.utils.data.worker_info import check_cancelled

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples by number: a subclass defines `__getitem__(index)` and `__len__()`.

    Two optional methods fetch many samples in one call:

    - `__getitems__(indices)`, as in PyTorch: takes a list of numbers, and returns the list of samples,
      which the `DataLoader` then collates.
    - `__getbatch__(indices)`, minidl's own: takes an integer `numpy.ndarray`, and returns the finished
      batch, so that a batch of an in-memory dataset costs one fancy indexing for all samples together.
      The result must be that of `default_collate`. If it is `NotImplemented`, the samples are fetched
      one by one. The loader uses this method only with the default `collate_fn`, and only if no
      subclass overrides `__getitem__` without it.

        >>> class Squares(Dataset):
        ...     def __getitem__(self, index): return index ** 2
        ...     def __len__(self): return 5
        >>> Squares()[3], len(Squares() + Squares())
        (9, 10)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(
            f"{type(self).__name__} must define __getitem__(self, index) to be used as a dataset")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        """`a + b`: the samples of `a`, then those of `b`."""
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples as a stream: a subclass defines `__iter__()`, and `__len__()` if the length is known.

    With `num_workers > 0` every worker iterates over a copy of its own, so the dataset itself must
    divide the work; `get_worker_info()` says which worker it runs in. (Threads have shallow copies.)

        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         info = get_worker_info()
        ...         first, step = (0, 1) if info is None else (info.id, info.num_workers)
        ...         return iter(range(first, 6, step))
        >>> from minidl.utils.data import get_worker_info
        >>> list(Count())
        [0, 1, 2, 3, 4, 5]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(
            f"{type(self).__name__} must define __iter__(self) to be used as an iterable dataset")

    def __add__(self, other: Dataset[T_co]) -> Any:
        """`a + b`: the stream `a`, then the stream `b`."""
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of equal first size: sample i is `(tensors[0][i], tensors[1][i], ...)`.

    Errors: AssertionError when the first sizes differ, IndexError for a tensor without dimensions, AttributeError or
    TypeError for what is no tensor.

        >>> import minidl
        >>> data = TensorDataset(minidl.zeros(10, 3), minidl.arange(10))
        >>> len(data), data[4][1].item()
        (10, 4)
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: expected one tensor at least, got none")
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                kind = TypeError if hasattr(tensor, "size") else AttributeError     # an array, or a list
                raise kind(f"TensorDataset: expected Tensors, got {type(tensor).__name__}, which has no size(); try "
                           f"minidl.tensor(...) on it first")
            if not tensor.shape:
                raise IndexError("TensorDataset: Dimension specified as 0 but tensor has no dimensions; try "
                                 "reshape(1) for a single sample")
        if any(tensor.shape[0] != tensors[0].shape[0] for tensor in tensors):
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise AssertionError("TensorDataset: Size mismatch between tensors: all must have the same first size "
                             f"(the number of samples), got shapes {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __getbatch__(self, indices: np.ndarray) -> list[Tensor]:
        return [tensor[indices] for tensor in self.tensors]

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset[Any]):
    """Datasets of one length side by side: sample i is the tuple, or the dict, of their samples i.

    Errors: ValueError for none, for both positions and keywords, and for lengths that differ.

        >>> StackDataset([1, 2], ["a", "b"])[1], StackDataset(number=[1, 2], text=["a", "b"])[0]
        ((2, 'b'), {'number': 1, 'text': 'a'})
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: At least one dataset should be passed" if not args else
                             "StackDataset: expected datasets by position, for tuples, or by keyword, for dicts, but "
                             "both are given")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: Size mismatch between datasets: their lengths are {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        if isinstance(self.datasets, dict):
            columns = [fetch_samples(dataset, indices) for dataset in self.datasets.values()]
            return [dict(zip(self.datasets, row)) for row in zip(*columns)]
        return list(zip(*[fetch_samples(dataset, indices) for dataset in self.datasets]))

    def __len__(self) -> int:
        return self._length


class Subset(Dataset[T_co]):
    """The samples of `dataset` with the numbers in `indices`, in this order.

        >>> Subset(["a", "b", "c", "d"], [3, 1])[0]
        'd'
    """

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return cast(T_co, self.dataset[[self.indices[i] for i in index]])
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        return fetch_samples(self.dataset, [self.indices[i] for i in indices])

    def __getbatch__(self, indices: np.ndarray) -> Any:
        return fetch_batch(self.dataset, [self.indices[i] for i in indices.tolist()])

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Several datasets one after the other, as one dataset.

    Errors: ValueError for an empty list or an index below `-len`, TypeError for an
    `IterableDataset` (which has no numbers; see `ChainDataset`), IndexError beyond the end.

        >>> both = ConcatDataset(["ab", "xyz"])
        >>> len(both), both[1], both[2], both[-1]
        (5, 'b', 'x', 'z')
    """

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected one dataset at least, got none")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise TypeError("ConcatDataset: an IterableDataset has no numbered samples; "
                            "join streams with ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(_length(d) for d in self.datasets))

    def __getitem__(self, index: int) -> T_co:
        size = len(self)
        if index < -size:
            raise ValueError(f"ConcatDataset: index {index} is below -{size}, the first sample")
        if index >= size:
            raise IndexError(f"ConcatDataset: index {index} is out of range for {size} samples")
        index += size if index < 0 else 0
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[T_co]):
    """Several streams one after the other, as one stream.

    Errors: TypeError, when iterated, for a dataset that is no `IterableDataset`.
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(f"ChainDataset: expected IterableDatasets, "
                                f"got a {type(dataset).__name__}")
            yield from dataset

    def __len__(self) -> int:
        return sum(_length(dataset) for dataset in self.datasets)


def random_split(dataset: Dataset[T_co], lengths: Sequence[float],
                 generator: Generator | None = None) -> list[Subset[T_co]]:
    """Cut a dataset at random into `Subset`s that do not overlap.

    `lengths` are sizes that add up to `len(dataset)`, or fractions that add up to 1. Fractions are
    rounded down, and the remaining samples go to the first parts, one each.
    Errors: ValueError when they do not add up, or for a fraction outside 0..1.

        >>> import minidl
        >>> train, test = random_split(range(10), [0.7, 0.3], minidl.Generator().manual_seed(0))
        >>> len(train), len(test), sorted([*train, *test]) == list(range(10))
        (7, 3, True)
    """
    total = _length(dataset)
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1):
        if any(not 0 <= fraction <= 1 for fraction in sizes):
            raise ValueError(f"random_split: fractions must lie between 0 and 1, got {lengths}")
        sizes = [math.floor(total * fraction) for fraction in sizes]
        for i in range(total - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warn(f"random_split: part {i} is empty (fractions {lengths} of "
                     f"{total} samples)")
    if any(size < 0 for size in sizes):
        raise ValueError(f"random_split: lengths must be 0 or more, got {lengths}")
    if sum(sizes) != total:
        raise ValueError(f"random_split: the lengths {lengths} add up to {sum(lengths)}, expected "
                         f"{total}, the length of the dataset (or 1, for fractions)")
    order = cpu_stream(generator).permutation(total).tolist()
    ends = itertools.accumulate(int(size) for size in sizes)
    return [Subset(dataset, order[end - int(size):end]) for size, end in zip(sizes, ends)]


def fetch_batch(dataset: Any, indices: Sequence[int]) -> Any:
    """`dataset.__getbatch__(indices)`; NotImplemented if there is none, or if it is stale.

    Stale means that a subclass overrides `__getitem__` but inherits `__getbatch__`, which would
    silently ignore the override.
    """
    if not _is_current(dataset, "__getbatch__"):
        return NotImplemented
    return dataset.__getbatch__(np.fromiter(map(operator.index, indices), np.int64, len(indices)))


def fetch_samples(dataset: Any, indices: list[int]) -> list[Any]:
    """The samples with these numbers, by `__getitems__` if the dataset has it."""
    if _is_current(dataset, "__getitems__"):
        return dataset.__getitems__(indices)
    samples = []
    for index in indices:
        check_cancelled()
        try:
            samples.append(dataset[index])
        except Exception as error:
            annotate(error, f"in sample {index} of the {type(dataset).__name__} that a DataLoader reads")
            raise
    return samples


def _is_current(dataset: Any, method: str) -> bool:
    """Whether `method` is defined in the class of `__getitem__` or in a subclass of it."""
    for cls in type(dataset).__mro__:
        if method in vars(cls):
            return True
        if "__getitem__" in vars(cls):
            return False
    return False


def _length(dataset: Any) -> int:
    return len(dataset)
