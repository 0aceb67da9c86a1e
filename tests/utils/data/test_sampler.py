"""Samplers: orders, sizes, seeds and frequencies."""
from __future__ import annotations

import collections

import numpy as np
import pytest

from minidl.random import Generator, manual_seed
from minidl.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed=0):
    return Generator().manual_seed(seed)


def test_sequential():
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3] and len(SequentialSampler("ab")) == 2


def test_an_abstract_sampler_says_what_to_define():
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(Sampler())


def test_random_is_a_permutation_of_python_ints_and_differs_between_epochs():
    sampler = RandomSampler(range(100), generator=seeded())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == list(range(100)) == sorted(second)
    assert first != second and len(sampler) == 100
    assert all(type(i) is int for i in first)


@pytest.mark.parametrize("make", [
    lambda g: RandomSampler(range(50), generator=g),
    lambda g: RandomSampler(range(50), replacement=True, generator=g),
    lambda g: SubsetRandomSampler(range(50), generator=g),
    lambda g: WeightedRandomSampler([1.0] * 50, 50, generator=g),
    lambda g: WeightedRandomSampler([1.0] * 50, 50, replacement=False, generator=g),
])
def test_seeds(make):
    assert list(make(seeded(1))) == list(make(seeded(1))) != list(make(seeded(2)))
    manual_seed(5)
    first = list(make(None))
    manual_seed(5)
    assert list(make(None)) == first


def test_random_with_num_samples():
    assert len(set(RandomSampler(range(10), num_samples=4))) == 4
    thrice = list(RandomSampler(range(4), num_samples=10))
    assert sorted(thrice[:4]) == sorted(thrice[4:8]) == [0, 1, 2, 3] and len(set(thrice[8:])) == 2
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=300, generator=seeded()))
    assert len(drawn) == 300 and set(drawn) == {0, 1, 2}


@pytest.mark.parametrize("kind, arguments", [
    (TypeError, {"replacement": 1}), (ValueError, {"num_samples": 0}),
    (ValueError, {"num_samples": -1}), (ValueError, {"num_samples": 2.5})])
def test_random_refuses(kind, arguments):
    with pytest.raises(kind, match="RandomSampler"):
        RandomSampler(range(4), **arguments)


def test_random_refuses_an_empty_dataset():
    with pytest.raises(ValueError, match="empty"):
        RandomSampler([])


def test_subset_random():
    sampler = SubsetRandomSampler([9, 3, 7])
    assert sorted(sampler) == [3, 7, 9] and len(sampler) == 3


def test_weighted_frequencies():
    # 8000 draws of a number with probability p scatter by sqrt(8000 p (1-p)) < 45: 5 of these
    drawn = collections.Counter(
        WeightedRandomSampler([1.0, 0.0, 5.0, 2.0, 0.0], 8000, generator=seeded()))
    assert set(drawn) == {0, 2, 3}
    for number, expected in ((0, 1000), (2, 5000), (3, 2000)):
        assert abs(drawn[number] - expected) < 225


def test_weighted_without_replacement():
    weights = [0.0, 3.0, 1.0, 0.0, 1.0]
    sampler = WeightedRandomSampler(weights, 3, replacement=False, generator=seeded())
    draws = [list(sampler) for _ in range(2000)]
    assert all(sorted(draw) == [1, 2, 4] for draw in draws)
    # the first of each draw is drawn by weight: 3/5, with a scatter of 22 in 2000
    assert abs(sum(draw[0] == 1 for draw in draws) - 1200) < 110


@pytest.mark.parametrize("kind, arguments", [
    (ValueError, ([1.0], 0)), (ValueError, ([1.0], True)), (ValueError, ([1.0], 1, 1)),
    (ValueError, ([[1.0]], 1)), (ValueError, ([-1.0, 2.0], 1)), (ValueError, ([0.0], 1)),
    (ValueError, ([], 1)), (ValueError, ([float("nan")], 1)),
    (RuntimeError, ([1.0, 0.0], 2, False))])
def test_weighted_refuses(kind, arguments):
    with pytest.raises(kind, match="WeightedRandomSampler"):
        WeightedRandomSampler(*arguments)


def test_weighted_takes_arrays():
    assert list(WeightedRandomSampler(np.array([0, 1], np.float32), 2)) == [1, 1]


@pytest.mark.parametrize("size, batch, drop, expected", [
    (5, 2, False, [[0, 1], [2, 3], [4]]), (5, 2, True, [[0, 1], [2, 3]]),
    (4, 2, True, [[0, 1], [2, 3]]), (1, 3, False, [[0]]), (1, 3, True, []), (0, 3, False, [])])
def test_batches(size, batch, drop, expected):
    sampler = BatchSampler(SequentialSampler(range(size)), batch, drop)
    assert list(sampler) == expected and len(sampler) == len(expected)


@pytest.mark.parametrize("arguments", [(0, False), (2.0, False), (True, False), (2, 1)])
def test_batches_refuse(arguments):
    with pytest.raises(ValueError, match="BatchSampler"):
        BatchSampler(range(3), *arguments)
