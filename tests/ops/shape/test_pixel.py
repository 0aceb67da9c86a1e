"""Pixel shuffle, its inverse, and channel shuffle."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.ops.shape import channel_shuffle, pixel_shuffle, pixel_unshuffle
from tests.checking import Case, S, check_case


def shuffle_loops(x, r):
    *batch, C, H, W = x.shape
    y = np.zeros((*batch, C // r ** 2, H * r, W * r))
    for c, i, j in np.ndindex(*y.shape[-3:]):
        y[..., c, i, j] = x[..., c * r * r + i % r * r + j % r, i // r, j // r]
    return y


def unshuffle_loops(x, r):
    *batch, C, H, W = x.shape
    y = np.zeros((*batch, C * r * r, H // r, W // r))
    for c, i, j in np.ndindex(C, H, W):
        y[..., c * r * r + i % r * r + j % r, i // r, j // r] = x[..., c, i, j]
    return y


def deal(x, groups):
    C = x.shape[1]
    return np.stack([x[:, i % groups * (C // groups) + i // groups] for i in range(C)], axis=1)


CASES = [
    Case(pixel_shuffle, [S((2, 8, 3, 2), 2), S((9, 2, 1), 3), S((2, 1, 4, 2, 2), 2), S((2, 3, 2), 1)],
         oracle=shuffle_loops, torch="pixel_shuffle", float16=True),
    Case(pixel_shuffle, [S((0, 4, 2, 2), 2)], oracle=shuffle_loops, name="pixel_shuffle of nothing"),   # PyTorch cannot
    Case(pixel_unshuffle, [S((2, 2, 4, 6), 2), S((1, 3, 6), 3), S((2, 1, 2, 2, 2), 2), S((2, 3, 2), 1)],
         oracle=unshuffle_loops, torch="pixel_unshuffle", float16=True),
    Case(channel_shuffle, [S((2, 6, 3, 2), 3), S((2, 6, 3), 2), S((1, 4, 2, 2, 2), 4), S((1, 3, 2), 1)],
         oracle=deal, torch="channel_shuffle", float16=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    x = minidl.arange(8).reshape(4, 1, 2)
    assert pixel_shuffle(x, 2).tolist() == [[[0, 2, 1, 3], [4, 6, 5, 7]]]
    assert pixel_unshuffle(pixel_shuffle(x, 2), 2).tolist() == x.tolist()
    assert channel_shuffle(x[None], 2)[0, :, 0, 0].tolist() == [0, 4, 2, 6]


x = minidl.zeros(1, 4, 2, 2)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: pixel_shuffle(x, 3), RuntimeError, "input.size(-3)=4 is not divisible by 9"),
    (lambda: pixel_shuffle(x[0, 0], 2), RuntimeError, "at least 3 dimensions, but got input with 2"),
    (lambda: pixel_shuffle(x, 0), RuntimeError, "expects a positive upscale_factor, but got 0"),
    (lambda: pixel_shuffle(x, 1.5), TypeError, "argument 'upscale_factor' must be int, not float"),
    (lambda: pixel_unshuffle(x[..., :1], 2), RuntimeError,
     "expects width to be divisible by downscale_factor, but input.size(-1)=1"),
    (lambda: pixel_unshuffle(x, 3), RuntimeError, "expects height to be divisible"),
    (lambda: channel_shuffle(x, 3), RuntimeError, "Got 4 channels and 3 groups"),
    (lambda: channel_shuffle(x, 0), RuntimeError, "must be positive"),
    (lambda: channel_shuffle(x[0, 0], 2), RuntimeError, "expects input with > 2 dims"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
