"""The DataLoader without workers: order, batches, whole-batch fetching, refused arguments."""
from __future__ import annotations

import numpy as np
import pytest

from minidl import cuda
from minidl.random import Generator, manual_seed
from minidl.tensors.creation import arange, from_numpy
from minidl.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)


class Stream(IterableDataset):
    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self):
        return iter(range(self.size))

    def __len__(self):
        return self.size


class NoWholeBatch(TensorDataset):
    def __getitem__(self, index):
        return super().__getitem__(index)


def lists(loader):
    return [batch.tolist() for batch in loader]


@pytest.mark.parametrize("dataset", [range(7), Stream(7)])
@pytest.mark.parametrize("arguments, expected", [
    ({}, [[0], [1], [2], [3], [4], [5], [6]]),
    ({"batch_size": 3}, [[0, 1, 2], [3, 4, 5], [6]]),
    ({"batch_size": 3, "drop_last": True}, [[0, 1, 2], [3, 4, 5]]),
    ({"batch_size": 7, "drop_last": True}, [[0, 1, 2, 3, 4, 5, 6]]),
    ({"batch_size": 9, "drop_last": True}, []),
])
def test_batches(dataset, arguments, expected):
    loader = DataLoader(dataset, **arguments)
    assert lists(loader) == expected == lists(loader) and len(loader) == len(expected)


def test_shuffle_repeats_with_its_generator_and_differs_between_epochs():
    def epochs(seed):
        loader = DataLoader(range(20), batch_size=4, shuffle=True,
                            generator=Generator().manual_seed(seed))
        return lists(loader), lists(loader)

    first, second = epochs(0)
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == list(range(20))
    assert first != second
    assert epochs(0) == (first, second) and epochs(1)[0] != first


def test_shuffle_follows_manual_seed():
    loader = DataLoader(range(20), batch_size=20, shuffle=True)
    manual_seed(3)
    first = lists(loader)
    manual_seed(3)
    assert lists(loader) == first


def test_sampler_and_batch_sampler():
    assert lists(DataLoader(range(9), sampler=[4, 2, 7], batch_size=2)) == [[4, 2], [7]]
    assert lists(DataLoader("abcdef", batch_sampler=[[0], [3, 1]], collate_fn=np.array)) \
        == [["a"], ["d", "b"]]
    loader = DataLoader(range(5), batch_sampler=BatchSampler(SequentialSampler(range(5)), 2, True))
    assert lists(loader) == [[0, 1], [2, 3]] and len(loader) == 2
    assert loader.batch_size is None and loader.drop_last is False and type(loader.sampler) is SequentialSampler
    loader = DataLoader(range(5), sampler=SubsetRandomSampler([1, 3]), batch_size=5)
    assert sorted(lists(loader)[0]) == [1, 3]


def test_no_batching():
    assert list(DataLoader(range(3), batch_size=None)) == [0, 1, 2]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    arrays = [np.zeros(2), np.ones(2)]
    assert lists(DataLoader(arrays, batch_size=None)) == [[0, 0], [1, 1]]


def test_collate_fn():
    assert list(DataLoader(range(3), batch_size=2, collate_fn=tuple)) == [(0, 1), (2,)]


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: Subset(d, list(range(29, -1, -1)))])
def test_whole_batches_equal_those_of_samples(wrap):
    x = from_numpy(np.random.default_rng(0).random((30, 2, 3), dtype=np.float32))
    for order in (range(30), [5, 5, 0]):
        whole = DataLoader(wrap(TensorDataset(x, arange(30))), batch_size=8, sampler=order)
        single = DataLoader(wrap(NoWholeBatch(x, arange(30))), batch_size=8, sampler=order)
        for a, b in zip(whole, single, strict=True):
            assert type(a) is type(b) is list and len(a) == len(b) == 2
            for left, right in zip(a, b):
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left.numpy(), right.numpy())


def test_whole_batches_are_used_with_the_default_collate_only():
    class Whole(Dataset):
        def __getitem__(self, index):
            return index

        def __getbatch__(self, indices):
            assert isinstance(indices, np.ndarray) and indices.dtype.kind == "i"
            return ("whole", indices.tolist())

        def __len__(self):
            return 3

    assert list(DataLoader(Whole(), batch_size=2)) == [("whole", [0, 1]), ("whole", [2])]
    assert list(DataLoader(Whole(), batch_size=2, collate_fn=list)) == [[0, 1], [2]]
    assert list(DataLoader(Whole(), batch_size=None)) == [0, 1, 2]


def test_a_batch_is_a_copy_of_the_data():
    x = arange(4)
    batch, = next(iter(DataLoader(TensorDataset(x), batch_size=4)))
    batch += 1
    assert x.tolist() == [0, 1, 2, 3]


def test_attributes():
    loader = DataLoader(range(4), batch_size=2, shuffle=True, pin_memory=True, drop_last=True)
    assert (loader.batch_size, loader.num_workers, loader.drop_last) == (2, 0, True)
    assert loader.dataset == range(4) and len(loader.sampler) == 4
    assert loader.prefetch_factor is None
    assert DataLoader(range(4), num_workers=1).prefetch_factor == 2


@pytest.mark.parametrize("name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset",
                                  "persistent_workers"])
def test_what_the_order_was_made_of_stays(name):
    class Sized(DataLoader):
        def __init__(self):
            self.batch_size = 7         # before DataLoader has read it
            super().__init__(range(4), batch_size=2)

    loader = Sized()
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after Sized is initialized"):
        setattr(loader, name, 3)
    loader.worker_init_fn = print
    assert loader.batch_size == 2 and loader.worker_init_fn is print


def test_pinned_memory_needs_a_gpu():
    loader = DataLoader(range(4), batch_size=2, pin_memory=True)
    if cuda.is_available():
        assert all(batch.is_pinned() for batch in loader)
    else:
        with pytest.warns(UserWarning, match="no accelerator is found"):
            assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3]]


def test_an_unsized_stream_has_no_length():
    class Endless(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(TypeError):
        len(DataLoader(Endless()))


@pytest.mark.parametrize("arguments, text", [
    ({"num_workers": -1}, "num_workers"),
    ({"timeout": -1}, "timeout"),
    ({"prefetch_factor": 2}, "prefetch_factor is for workers"),
    ({"persistent_workers": True}, "persistent_workers is for workers"),
    ({"multiprocessing_context": "spawn"}, "multiprocessing_context is for workers"),
    ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor"),
    ({"num_workers": 1, "multiprocessing_context": "teleport"}, "teleport"),
    ({"sampler": [0], "shuffle": True}, "sampler and shuffle"),
    ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler"),
    ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler"),
    ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler"),
    ({"batch_sampler": [[0]], "sampler": [0]}, "batch_sampler"),
    ({"batch_size": None, "drop_last": True}, "batch_size=None"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 1.5}, "batch_size"),
])
def test_refused_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        DataLoader(range(4), **arguments)


@pytest.mark.parametrize("arguments", [
    {"num_workers": 1.5},
    {"num_workers": None},
    {"num_workers": 1, "prefetch_factor": "2"},
    {"timeout": "x"},
    {"sampler": 3},
    {"batch_sampler": 3}, {"generator": np.random.default_rng()}, {"collate_fn": 3}, {"worker_init_fn": 3}])
def test_arguments_of_another_type_are_refused_at_once(arguments):
    with pytest.raises(TypeError, match=f"DataLoader: {list(arguments)[-1]} should be an? "):
        DataLoader(range(4), **arguments)


def test_sample_numbers_that_are_no_integers_are_not_rounded():
    with pytest.raises(TypeError, match="'float' object cannot be interpreted as an integer"):
        list(DataLoader(TensorDataset(arange(3)), sampler=[1.5]))


@pytest.mark.parametrize("arguments", [
    {"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_refused_arguments_for_streams(arguments):
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Stream(4), **arguments)


def test_an_error_in_the_dataset_is_itself():
    with pytest.raises(KeyError, match="b"):
        list(DataLoader({0: "a"}, sampler=["b"]))
