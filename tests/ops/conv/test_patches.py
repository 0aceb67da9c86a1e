"""Unfold and fold: images and columns of patches."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl.ops.conv import fold, unfold
from tests.checking import Case, S, check_case
from tests.oracle import conv_length


def two(value):
    return value if isinstance(value, tuple) else (value, value)


def moves(size, kernel_size, dilation, padding, stride):
    """Every (tap, position) and the pixel it reads, in the order of rows and columns."""
    k, d, p, s = map(two, (kernel_size, dilation, padding, stride))
    count = [conv_length(*axis) for axis in zip(size, k, s, p, d)]
    for u, v, i, j in itertools.product(*map(range, (*k, *count))):
        row, column = i * s[0] - p[0] + u * d[0], j * s[1] - p[1] + v * d[1]
        yield u * k[1] + v, i * count[1] + j, row, column, 0 <= row < size[0] and 0 <= column < size[1], count


def unfold_loops(x, kernel_size, dilation=1, padding=0, stride=1):
    if x.ndim == 3:
        return unfold_loops(x[None], kernel_size, dilation, padding, stride)[0]
    (kh, kw), (N, C, *size) = two(kernel_size), x.shape
    *_, count = next(moves(size, kernel_size, dilation, padding, stride))
    y = np.zeros((N, C, kh * kw, count[0] * count[1]))
    for tap, place, row, column, inside, _ in moves(size, kernel_size, dilation, padding, stride):
        if inside:
            y[:, :, tap, place] = x[:, :, row, column]
    return y.reshape(N, C * kh * kw, -1) if N else y.reshape(0, C * kh * kw, count[0] * count[1])


def fold_loops(y, output_size, kernel_size, dilation=1, padding=0, stride=1):
    if y.ndim == 2:
        return fold_loops(y[None], output_size, kernel_size, dilation, padding, stride)[0]
    (kh, kw), size = two(kernel_size), two(output_size)
    N, C = len(y), y.shape[1] // (kh * kw)
    x, y = np.zeros((N, C, *size)), y.reshape(N, C, kh * kw, y.shape[2])
    for tap, place, row, column, inside, _ in moves(size, kernel_size, dilation, padding, stride):
        if inside:
            x[:, :, row, column] += y[:, :, tap, place]
    return x


def p(*pair):
    return S.raw(pair)


CASES = [
    Case(unfold, [
        S((2, 3, 4, 5), 2),
        S((2, 3, 4, 5), p(3, 2), 1, 1, 2),
        S((3, 4, 5), p(1, 2), dilation=p(2, 3), padding=p(0, 1)),
        S((1, 1, 3, 3), 3),
        S((0, 2, 3, 3), 2),
        S((1, 2, 4, 4), 2, stride=p(3, 1)),
    ], oracle=unfold_loops, torch="unfold", float16=True),
    Case(fold, [
        S((2, 12, 12), p(4, 5), 2),
        S((2, 12, 6), p(4, 5), p(3, 2), 1, 1, 2),
        S((8, 4), 3, 2),
        S((0, 8, 4), 3, 2),
        S((1, 4, 4), p(3, 5), 2, dilation=p(1, 3)),
    ], oracle=fold_loops, torch="fold", float16=True),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_convolution_is_a_product_with_patches():
    x, w = minidl.randn(2, 3, 5, 6, dtype=minidl.float64), minidl.randn(4, 3, 3, 2, dtype=minidl.float64)
    y = w.reshape(4, -1) @ unfold(x, (3, 2), padding=1, stride=2)
    np.testing.assert_allclose(y.reshape(2, 4, 3, 4).numpy(),
                               minidl.nn.functional.conv2d(x, w, stride=2, padding=1).numpy(), atol=1e-12)


def test_the_gradient_of_each_is_the_other():
    x = minidl.randn(1, 2, 4, 4, requires_grad=True)
    gx, = minidl.autograd.grad(unfold(x, 2).sum(), x, create_graph=True)
    assert gx[0, 0].tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]
    assert unfold(x, 2).grad_fn.name() == "Unfold"


x, columns = minidl.zeros(2, 3, 3), minidl.zeros(1, 8, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: unfold(x[0], 2), RuntimeError, "Expected 3D (unbatched) or 4D (batched) input"),
    (lambda: unfold(x, 4), RuntimeError, "calculated shape of the array of sliding blocks as (0, 0)"),
    (lambda: unfold(x, (1, 2, 3)), RuntimeError, "expected kernel_size to be a single integer value or a list of 2"),
    (lambda: unfold(x, 0), RuntimeError, "kernel_size must be at least 1"),
    (lambda: unfold(x, 2, padding=-1), RuntimeError, "padding must be at least 0"),
    (lambda: unfold(x, 2, stride=0), RuntimeError, "stride must be at least 1"),
    (lambda: unfold(x, 2, 1.5), TypeError, "'dilation' must be an int or a pair of ints"),
    (lambda: unfold(x.long(), 2), RuntimeError, "must be floating-point"),
    (lambda: fold(minidl.zeros(1, 7, 4), 3, 2), RuntimeError, "divisible by the product of kernel_size, but got 7"),
    (lambda: fold(minidl.zeros(1, 8, 5), 3, 2), RuntimeError, "number of sliding blocks 2 * 2 = 4, but got 5"),
    (lambda: fold(columns[None], 3, 2), RuntimeError, "Expected 2D (unbatched) or 3D (batched) input"),
    (lambda: fold(columns, 1, 2), RuntimeError, "number of sliding blocks 0 * 0 = 0, but got 4"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
