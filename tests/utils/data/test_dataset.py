"""Datasets: wrapping, cutting, joining and splitting."""
from __future__ import annotations

import numpy as np
import pytest

from minidl.random import Generator
from minidl.tensors.creation import arange, from_numpy, tensor
from minidl.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from minidl.utils.data.dataset import fetch_batch, fetch_samples


class Squares(Dataset):
    def __init__(self, size: int) -> None:
        self.size = size

    def __getitem__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(index)
        return index ** 2

    def __len__(self):
        return self.size


class Stream(IterableDataset):
    def __init__(self, *values) -> None:
        self.values = values

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)


def pairs(size=6):
    x = np.arange(size * 2, dtype=np.float32).reshape(size, 2)
    return TensorDataset(from_numpy(x), arange(size))


def test_tensor_dataset():
    data = pairs()
    x, y = data[2]
    assert isinstance(data[2], tuple)
    assert x.tolist() == [4.0, 5.0] and y.item() == 2 and len(data) == 6


@pytest.mark.parametrize("tensors, kind, text", [
    ([], ValueError, "at least"), ([arange(3), arange(4)], AssertionError, r"\(3,\), \(4,\)"),
    ([arange(3), np.arange(3)], TypeError, "got ndarray"), ([[1, 2]], AttributeError, "got list, which has no size"),
    ([tensor(1.0)], IndexError, "tensor has no dimensions")])
def test_tensor_dataset_refuses(tensors, kind, text):
    with pytest.raises(kind, match=text):
        TensorDataset(*tensors)


def test_an_abstract_dataset_says_what_to_define():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(IterableDataset())


def test_subset():
    subset = Subset(Squares(10), [7, 2, 2])
    assert len(subset) == 3 and [subset[i] for i in range(3)] == [49, 4, 4]
    assert subset.__getitems__([2, 0]) == [4, 49]


def test_a_subset_of_a_subset_fetches_whole_batches():
    subset = Subset(Subset(pairs(), [5, 4, 3, 2]), [3, 0])  # samples 2 and 5
    x, y = fetch_batch(subset, [1, 0, 1])
    assert y.tolist() == [5, 2, 5] and x.tolist() == [[10, 11], [4, 5], [10, 11]]


def test_no_whole_batches_of_datasets_that_cannot():
    assert fetch_batch(Squares(4), [1]) is NotImplemented
    assert fetch_batch(Subset(Squares(4), [1, 2]), [1]) is NotImplemented
    assert fetch_batch([1, 2, 3], [1]) is NotImplemented
    assert fetch_batch(Subset({"a": 1}, ["a"]), [0]) is NotImplemented


def test_an_overridden_getitem_is_not_passed_by():
    class Negated(TensorDataset):
        def __getitem__(self, index):
            return tuple(-tensor for tensor in super().__getitem__(index))

    class Doubled(Subset):
        def __getitem__(self, index):
            return 2 * super().__getitem__(index)

    assert fetch_batch(Negated(arange(3)), [1]) is NotImplemented
    assert fetch_batch(Subset(Negated(arange(3)), [0, 1]), [1]) is NotImplemented
    assert fetch_samples(Doubled(Squares(5), [3, 4]), [0, 1]) == [18, 32]


def test_getitems_is_used():
    class Batched(Squares):
        def __getitem__(self, index):
            raise AssertionError("one by one")

        def __getitems__(self, indices):
            return [index ** 2 for index in indices]

    assert fetch_samples(Batched(9), [3, 1]) == [9, 1]
    assert fetch_samples(Subset(Batched(9), [8, 7]), [1]) == [49]


def test_concat():
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(5)] == [0, 1, 4, 0, 1]
    assert [both[i] for i in range(-5, 0)] == [0, 1, 4, 0, 1]
    assert both.cumulative_sizes == [3, 5]
    assert [*ConcatDataset([Squares(0), Squares(2), Squares(0), Squares(1)])] == [0, 1, 0]


@pytest.mark.parametrize("index, kind", [(5, IndexError), (-6, ValueError)])
def test_concat_beyond_its_ends(index, kind):
    with pytest.raises(kind, match=str(abs(index))):
        (Squares(3) + Squares(2))[index]


def test_concat_refuses():
    with pytest.raises(ValueError, match="at least"):
        ConcatDataset([])
    with pytest.raises(TypeError, match="ChainDataset"):
        ConcatDataset([Stream(1)])


def test_chain():
    both = Stream(1, 2) + Stream(3)
    assert list(both) == [1, 2, 3] == list(both) and len(both) == 3
    with pytest.raises(TypeError, match="Squares"):
        list(ChainDataset([Stream(1), Squares(2)]))


@pytest.mark.parametrize("total, lengths, sizes", [
    (10, [7, 3], [7, 3]),
    (10, [0.7, 0.3], [7, 3]),
    (10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
    (11, [0.5, 0.25, 0.25], [6, 3, 2]),
    (10, [0.1] * 10, [1] * 10),
    (5, [5], [5]),
    (5, [1.0], [5]),
    (4, [0, 4], [0, 4]),
])
def test_random_split_sizes(total, lengths, sizes):
    parts = random_split(Squares(total), lengths)
    assert [len(part) for part in parts] == sizes
    assert sorted(sum((list(part.indices) for part in parts), [])) == list(range(total))


def test_random_split_repeats_with_its_generator():
    a, b, c = (random_split(Squares(50), [25, 25], Generator().manual_seed(seed))[0].indices
               for seed in (1, 1, 2))
    assert a == b != c


def test_random_split_refuses():
    with pytest.raises(ValueError, match="add up to 9, expected 10"):
        random_split(Squares(10), [5, 4])
    with pytest.raises(ValueError, match="between 0 and 1"):
        random_split(Squares(10), [1.5, -0.5])
    with pytest.raises(ValueError, match="lengths must be 0 or more"):
        random_split(Squares(10), [-1, 11])
    with pytest.warns(UserWarning, match="part 1 is empty"):
        random_split(Squares(1), [0.9, 0.1])
