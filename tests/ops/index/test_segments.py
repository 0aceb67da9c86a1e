"""Segments against PyTorch, and by hand."""
import numpy as np
import pytest

import minidl
from minidl.ops.index import segment_reduce
from tests.checking import Case, S, check_case, torch

LENGTHS, OFFSETS = np.array([1, 0, 3]), np.array([0, 1, 1, 4])
ROWS = np.array([[1, 3], [2, 2], [0, 4]])
T = None if torch is None else torch.segment_reduce
SUM = {"lengths": LENGTHS}
ERRORS = [(S((4,), "median", **SUM), RuntimeError, "reduce argument must be either sum, prod, mean, max or min"),
          (S(np.arange(4), "sum", **SUM), NotImplementedError, "floating-point data"),
          (S((4,), "sum"), RuntimeError, "Either lengths or offsets must be defined"),
          (S((4,), "sum", indices=LENGTHS), RuntimeError, "indices based reduction"),
          (S((5,), "sum", **SUM), RuntimeError, "Expected all rows of lengths along axis to sum to 5"),
          (S((4,), "sum", lengths=np.array([5, -1])), RuntimeError, "negative value"),
          (S((4, 4), "sum", lengths=LENGTHS, axis=1), RuntimeError,
           "expected lengths or offsets to be integers of shape (4,)")]


REDUCTIONS = ("sum", "mean", "prod", "max", "min")
CASES = [
    *[Case(segment_reduce, [
          S((4,), reduce, lengths=np.array([1, 3])),
          S((4, 2), reduce, lengths=LENGTHS, initial=0.5),
          S((4, 2), reduce, offsets=np.array([0, 1, 4])),
          S((2, 4), reduce, lengths=ROWS[:2], axis=1),
          S((2, 4, 2), reduce, lengths=ROWS[:2], axis=-2),
          S((5,), reduce, offsets=np.array([1, 3, 4])),
          S((5,), reduce, lengths=np.array([1, 2]), unsafe=True),
      ], torch=T, name=f"segment_reduce {reduce}", errors=ERRORS if reduce == "sum" else [])
      for reduce in REDUCTIONS],
    *[Case(segment_reduce, [
          S((4,), reduce, **SUM),
          S((4, 2), reduce, offsets=OFFSETS),
          S((3, 4), reduce, lengths=ROWS, axis=1),
          S((0, 2), reduce, lengths=np.array([0])),
      ], torch=T, grad=False, name=f"segment_reduce {reduce}, empty segments")
      for reduce in REDUCTIONS],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_by_hand():
    x, lengths = minidl.tensor([1.0, 2.0, 3.0, 4.0]), minidl.tensor([2, 0, 2])
    found = {reduce: segment_reduce(x, reduce, lengths=lengths, initial=0.0).tolist()
             for reduce in ("sum", "mean", "max")}
    assert found == {"sum": [3.0, 0.0, 7.0], "mean": [1.5, 0.0, 3.5], "max": [2.0, 0.0, 4.0]}


def test_an_infinite_extreme_has_the_whole_gradient():
    x = minidl.tensor([-float("inf"), 2.0, 1.0], requires_grad=True)
    y = segment_reduce(x, "max", lengths=minidl.tensor([1, 0, 2]))
    y.sum().backward()
    assert y.tolist() == [-float("inf"), -float("inf"), 2] and x.grad.tolist() == [1, 1, 0]
