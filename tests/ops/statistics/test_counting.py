"""Counts: bincount, histograms, runs of equal elements, membership; searchsorted and its options."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.ops import index
from minidl.ops.statistics import counting
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls, row

nan, inf = math.nan, math.inf
LABELS = np.array([3, 0, 3, 1, 5])
RUNS = np.array([[1, 1, 2], [2, 2, 1]])
ROWS = np.array([[1, 2], [1, 2], [0, 2], [1, 2]])
SORTED = np.array([1.0, 3.0, 3.0, 5.0])
BATCH = np.array([[1, 3, 5], [2, 4, 6]])


def loop_runs(x, return_inverse=False, return_counts=False):
    groups = [list(group) for _, group in itertools.groupby(np.ravel(x))]
    inverse = [k for k, group in enumerate(groups) for _ in group]
    results = [np.array([group[0] for group in groups], x.dtype)]
    results += [np.array(inverse, int).reshape(x.shape)] * return_inverse
    results += [np.array([len(group) for group in groups], int)] * return_counts
    return results[0] if len(results) == 1 else tuple(results)


CASES = [
    Case(counting.bincount, [
        S(LABELS),
        S(LABELS, minlength=9),
        S(np.array([], int), minlength=3),
        S(LABELS, np.arange(5)),
    ], np.bincount, "bincount", grad=False, errors=[
        (S((2,)), NotImplementedError, "expected integers, but got float64"),
        (S(RUNS), RuntimeError, "1-d non-negative integral inputs"),
        (S(np.array([1, -2])), RuntimeError, "smallest element -2"),
        (S(LABELS, minlength=-1), RuntimeError, ">= 0"),
        (S(LABELS, (3,)), RuntimeError, "same length"),
    ]),
    Case(counting.histc, [S((50,), 5), S((6, 7), 4, -1, 1), S((20,), 3, 0.0, 0.0), S(np.array([2.0, 2.0]), 3),
                          S(np.array([0.0, 1.0, 2.0, 4.0, nan]), 4, 0, 4), S((0,), 3)], torch="histc", grad=False,
         errors=[(S((2,), 0), RuntimeError, "bins must be > 0"), (S((2,), 3, 2, 1), RuntimeError, "max must be larger"),
                 (S(np.array([1.0, inf])), RuntimeError, "not finite"), (S(LABELS), NotImplementedError, "got int64")]),
    Case(counting.histogram, [
        S((50,), 5),
        S((50,), 4, range=S.raw((-1.0, 1.0))),
        S((50,), np.array([-1.0, 0.0, 0.5, 2.0])),
        S((3, 4), 3, density=True),
        S((6,), 3, weight=np.arange(6.0)),
        S(np.array([1.0, 3.0, 5.0]), 2),
    ],
       torch=lambda x, bins, **k: tuple(torch.histogram(x.detach(),
                                                        bins if isinstance(bins, int) else bins.detach(),
                                                        **{n: v.detach() if n == "weight" else v
                                                           for n, v in k.items()})),
       grad=False, errors=[
        (S(LABELS, 3), NotImplementedError, "got int64"),
        (S((2,), 0), RuntimeError, "bins must be > 0"),
    ]),
    Case(counting.histogram, [S((50,), 5), S((50,), 4, range=S.raw((-1.0, 1.0)))],
         lambda x, bins, range=None: np.histogram(x, bins, range), grad=False, name="histogram by NumPy"),
    Case(counting.unique_consecutive, [
        S(RUNS),
        S(np.array([], int)),
        S(RUNS, return_inverse=True),
        S(RUNS, return_counts=True),
        S(RUNS, return_inverse=True, return_counts=True),
        S(np.array([1.0, 1.0, nan, nan])),
        S(np.array(5), return_inverse=True, return_counts=True),
    ], loop_runs, "unique_consecutive", grad=False),
    Case(counting.unique_consecutive, [S(ROWS, dim=0), S(ROWS, return_inverse=True, return_counts=True, dim=0),
                                       S(ROWS, return_inverse=True, return_counts=True, dim=1)],
         torch="unique_consecutive",
         grad=False,
         name="unique_consecutive slices",
         errors=[(S(ROWS, dim=2), IndexError, "out of range")]),
    Case(counting.isin, [S(RUNS, np.array([2, 7])), S(RUNS, np.array([2, 7]), invert=True), S(RUNS, 1), S((3,), (2,)),
                         S(2, np.array([1, 2]))], np.isin, "isin", grad=False),
    Case(index.searchsorted, [
        S(SORTED, (6,)),
        S(SORTED, (2, 2), right=True),
        S(SORTED, np.array([3.0, 5.0]), side="right"),
        S(SORTED, np.array([3.0, 5.0]), side="left"),
        S(SORTED, 3.0),
        S(BATCH, np.array([[3], [4]])),
        S(SORTED[::-1].copy(), np.array([3.0, 0.0]), sorter=np.array([3, 2, 1, 0])),
        S(BATCH[:, ::-1].copy(), BATCH, sorter=np.array([[2, 1, 0]] * 2)),
    ], torch="searchsorted", grad=False, name="searchsorted options", errors=[
        (S(SORTED, 1.0, side="middle"), RuntimeError, "can only be 'left' or 'right' but got middle"),
        (S(SORTED, 1.0, right=True, side="left"), RuntimeError, "opposites"),
        (S(SORTED, 1.0, sorter=LABELS), RuntimeError, "must have the same size"),
    ]),
    Case(index.bucketize, [S((6,), SORTED), S(np.array([3.0, 5.0]), SORTED, right=True)], torch="bucketize", grad=False,
         name="bucketize options"),
    row("bucketize",
        S((2, 3), np.array([-1.0, 0.0, 1.0])),
        S((), np.array([0.0])),
        S((4,), np.array([-1.0, 1.0]), right=True),
        S(rows.INTS, np.array([0, 2, 5]), out_int32=True),
        grad=False),
    calls("histogramdd",
          lambda lib, x, *args, **kwargs: lib.histogramdd(x, *args, **kwargs)[:1]
          + tuple(lib.histogramdd(x, *args, **kwargs)[1]),
          S((20, 2), S.raw([3, 4])),
          S((20, 3), 2),
          S((5, 4, 2), 3, range=S.raw([-1.0, 1.0, -2.0, 0.5])),
          S((20, 1), 4, density=True),
          S((20, 2), S.raw([2, 2]), weight=np.arange(20.0)),
          grad=False),
    *[row("unique",
          S(rows.INTS, **kwargs),
          S(np.array([3, 1, 1, 2]), **kwargs),
          S(np.array([2.0, 2.0, -1.0]), **kwargs),
          S(rows.BOOLS, **kwargs),
          grad=False, name=f"unique {kwargs}")
      for kwargs in ({}, {"return_inverse": True}, {"return_counts": True},
                     {"return_inverse": True, "return_counts": True})],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_dtypes():
    labels = minidl.tensor(LABELS)
    assert counting.bincount(labels).dtype == minidl.int64
    assert counting.bincount(labels, minidl.ones(5)).dtype == minidl.float32
    assert counting.bincount(labels, minidl.ones(5, dtype=minidl.int64)).dtype == minidl.float64
    assert index.searchsorted(minidl.tensor(SORTED), 3.0, out_int32=True).dtype == minidl.int32
    assert index.bucketize(labels, minidl.tensor([1, 4]), out_int32=True).dtype == minidl.int32


def test_bincount_by_hand():
    counted = counting.bincount(minidl.tensor([1, 1, 3]), minidl.tensor([0.5, 1.5, 4.0]), minlength=5)
    assert counted.tolist() == [0.0, 2.0, 0.0, 4.0, 0.0]


def test_histc_by_hand():
    # bins [0, 2) and [2, 4]: the end itself belongs to the last one, and what lies outside to none
    assert counting.histc(minidl.tensor([0.0, 2.0, 4.0, 4.5, -1.0]), 2, 0, 4).tolist() == [1.0, 2.0]


def test_equal_elements_lie_in_the_middle_of_the_range():
    """It is as wide as a bin of 1 in histogram, of 2 in histc, as in PyTorch."""
    assert minidl.histogram(minidl.ones(3), 2).bin_edges.tolist() == [0.5, 1.0, 1.5]
    assert minidl.histogramdd(minidl.ones(3, 1), [2]).bin_edges[0].tolist() == [0.5, 1.0, 1.5]
    assert minidl.histc(minidl.tensor([0.5, 1.0]), 2, 1, 1).tolist() == [1.0, 1.0]
    assert minidl.histc(minidl.ones(3), 4).tolist() == [0.0, 0.0, 3.0, 0.0]


def test_the_best_of_a_single_number():
    values, indices = minidl.topk(minidl.tensor(3.0), 1)
    assert (values.item(), indices.item(), values.shape) == (3.0, 0, ())


def test_edges_of_nothing_reach_from_0_to_1():
    assert counting.histogram(minidl.zeros(0), 2).bin_edges.tolist() == [0, 0.5, 1]


def test_a_batch_of_nothing_is_searched():
    assert index.searchsorted(minidl.zeros(2, 0), minidl.ones(2, 3)).tolist() == [[0, 0, 0]] * 2
    assert index.searchsorted(minidl.zeros(2, 3), minidl.ones(2, 0)).shape == (2, 0)


def test_edges_and_boundaries_need_a_dimension():
    with pytest.raises(RuntimeError, match="bins tensor should have one dimension, but got 0"):
        counting.histogram(minidl.zeros(4), minidl.tensor(1.0))
    with pytest.raises(RuntimeError, match="boundaries tensor should have positive dimension"):
        index.searchsorted(minidl.tensor(1.0), minidl.zeros(2))
