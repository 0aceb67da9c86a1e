"""Strided views: sliding windows and as_strided, their gradients, and writing into them."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backend.layout import overlaps
from minidl.ops.index import window
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls

R = S.raw
INTS = np.array([2, -1, 3])


def strided(x, *args):
    """`as_strided` needs memory that lies row by row."""
    return window.as_strided(x.contiguous(), *args)


CASES = [
    Case(window.unfold, [
        S((7,), 0, 3, 1),
        S((7,), 0, 3, 2),
        S((3, 6), 1, 2, 2),
        S((3, 6), 0, 2, 1),
        S((2, 5, 3), 1, 3, 2),
        S((2, 5), -1, 5, 1),
        S((7,), 0, 2, 3),
        S((5,), 0, 0, 1),
        S((), 0, 1, 1),
        S((), 0, 0, 1),
        S((0,), 0, 0, 1),
    ], torch=None if torch is None else torch.Tensor.unfold, errors=[
        (S((5,), 0, 6, 1), RuntimeError, "maximum size for tensor at dimension 0 is 5 but size is 6"),
        (S((5,), 0, 2, 0), RuntimeError, "step is 0 but must be > 0"),
        (S((5,), 0, -2, 1), RuntimeError, "size is -2 but must be >= 0"),
        (S((5,), 1, 2, 1), IndexError, "out of range"),
    ]),
    Case(window.unfold, [S((7,), 0, 3, 1)], lambda x, *_: np.stack([x[i:i + 3] for i in range(5)]),
         name="unfold by slices"),
    Case(strided, [
        S((6,), R((2, 3)), R((3, 1))),
        S((6,), R((4, 3)), R((1, 1))),
        S((2, 3), R((3, 2)), R((1, 3)), 0),
        S((8,), R((2, 2)), R((2, 3)), 2),
        S((4,), R((3, 2)), R((0, 1)), 1),
        S((4,), R(()), R(()), 3),
        S((3,), R((0,)), R((1,))),
    ], torch="as_strided", name="as_strided", errors=[
        (S((5,), R((9,)), R((1,))), RuntimeError, "reach element 8, out of bounds for storage of 5"),
        (S((5,), R((2,)), R((-1,))), RuntimeError, "Negative strides"),
        (S((5,), R((2,)), R((1, 1))), RuntimeError, "mismatch in length"),
    ]),
    Case(
        window.vander,
        [S((4,)), S((4,), 3), S((3,), 5, increasing=True), S(INTS), S((3,), 0), S(np.array([0.0, 2.0]))], np.vander,
        errors=[(S((2, 2)), RuntimeError, "one-dimensional")]),
    # PyTorch's gradient is an error
    calls("vander", lambda lib, x, *args: lib.vander(x, *args),
          S((3,)),
          S((3,), 2),
          S((3,), 4, True),
          S(rows.INTS[0]),
          S((0,)),
          grad=False),
    Case(window.unravel_index, [S(np.array([[0, 5], [3, 23]]), R((2, 3, 4))), S(np.array(4), 7)], np.unravel_index,
         torch="unravel_index",
         grad=False,
         errors=[(S((2,), R((3,))), TypeError, "expected 'indices' to be integer dtype")]),
    calls("unravel_index", lambda lib, x, size: lib.unravel_index(x, size),
          S(np.array([1, 5]), S.raw((2, 3))),
          S(np.array(4), S.raw((5,))),
          S(np.array([[0, 7]]), S.raw((2, 2, 2))),
          S(np.zeros(0, int), S.raw((2,))),
          grad=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_unfold_by_hand():
    x = minidl.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = window.unfold(x, 0, 3, 1)
    assert y.tolist() == [[1, 2, 3], [2, 3, 4]]
    y.backward(minidl.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]))
    assert x.grad.tolist() == [1, 12, 23, 30]       # overlapping windows add up


def test_they_are_views():
    x = minidl.zeros(6)
    windows, strides = window.unfold(x, 0, 2, 2), window.as_strided(x, (2, 2), (3, 1))
    x[2] = 7.0
    assert windows.tolist() == [[0, 0], [7, 0], [0, 0]] and strides.tolist() == [[0, 0], [0, 0]]
    windows[0] = 5.0                 # windows that do not overlap may be written to
    assert x.tolist() == [5, 5, 7, 0, 0, 0] and strides.tolist() == [[5, 5], [0, 0]]


def test_a_write_to_the_base_is_noticed_by_the_view_and_the_other_way_round():
    x = minidl.arange(4.0).requires_grad_()
    y = x * 1
    view = window.unfold(y, 0, 2, 2)
    y *= 3
    (view * minidl.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    assert x.grad.tolist() == [3, 30, 300, 3000]

    x = minidl.arange(4.0).requires_grad_()
    y = x * 1
    window.as_strided(y, (2,), (2,), 1).mul_(5)
    assert y.tolist() == [0, 5, 2, 15]
    y.sum().backward()
    assert x.grad.tolist() == [1, 5, 1, 5]

    kept = x.exp()
    window.as_strided(kept, (2,), (1,)).zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.sum().backward()


def test_windows_that_overlap_are_not_written_to():
    x = minidl.zeros(5)
    for view in (window.unfold(x, 0, 3, 1), window.as_strided(x, (2, 4), (1, 1)), window.unfold(x, 0, 3, 1)[0]):
        with pytest.raises(RuntimeError, match="share one place in memory"):
            view.add_(1)
    assert x.tolist() == [0.0] * 5


@pytest.mark.parametrize("array, answer", [
    (np.zeros((2, 3)), False),
    (np.zeros((2, 3)).T, False),
    (np.zeros((4, 6))[::2, 1::3], False),
    (np.zeros(5)[::-1], False),
    (np.broadcast_to(np.zeros(3), (2, 3)), True),
    (np.broadcast_to(np.zeros((1, 1)), (1, 4)), True),
    (np.zeros((0, 3)), False),
    (np.lib.stride_tricks.sliding_window_view(np.zeros(5), 3), True),
    (np.lib.stride_tricks.sliding_window_view(np.zeros(6), 2)[::2], False),
    (np.zeros((2, 3, 4)).transpose(2, 0, 1), False), (np.broadcast_to(np.zeros((2, 1)), (2, 1)), False),
])
def test_overlap(array, answer):
    assert overlaps(array) is answer


def test_as_strided_refuses_memory_that_is_spread():
    with pytest.raises(RuntimeError, match="row by row; call .contiguous"):
        window.as_strided(minidl.zeros(4, 2)[:, 0], (2,), (1,))
