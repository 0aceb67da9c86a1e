"""Pooling in one and three dimensions, unpooling, power-average and fractional pooling."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.ops import pool as P
from minidl.ops.pool import (
    fractional_max_pool2d,
    fractional_max_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool2d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from minidl.ops.torch_names import (
    adaptive_max_pool1d_with_indices,
    fractional_max_pool2d_with_indices,
    max_pool3d_with_indices,
)
from tests import oracle
from tests.checking import Case, S, _check_values, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls, row


def functional(name):
    """PyTorch's; torch.max_pool1d and its like have no return_indices."""
    return lambda *args, **kwargs: getattr(torch.nn.functional, name)(*args, **kwargs)


def each(*args):
    return S.raw(args)


def windows_of(x, kernel, stride, padding, dilation, ceil_mode):
    dims = x.ndim - 2
    k, s, p, d = (v if isinstance(v, tuple) else (v,) * dims for v in (kernel, stride or kernel, padding, dilation))
    return [oracle.pool_windows(*axis, ceil_mode) for axis in zip(x.shape[2:], k, s, p, d)], p


def adaptive_windows_of(x, size):
    size = size if isinstance(size, tuple) else (size,) * (x.ndim - 2)
    return [[range(math.floor(i * n / out), math.ceil((i + 1) * n / out)) for i in range(out)]
            for n, out in zip(x.shape[2:], size)]


def inside(x, windows, place):
    """The positions of one window that lie inside x."""
    taps = itertools.product(*[axis[i] for axis, i in zip(windows, place)])
    return [tap for tap in taps if all(0 <= t < n for t, n in zip(tap, x.shape[2:]))]


def maxima(x, windows, return_indices):
    y = np.zeros((*x.shape[:2], *map(len, windows)), x.dtype)
    indices = np.zeros(y.shape, np.int64)
    for n, c, *place in np.ndindex(y.shape):
        taps = inside(x, windows, place)
        best = max(taps, key=lambda tap: x[(n, c, *tap)])     # the first of equals
        y[(n, c, *place)], indices[(n, c, *place)] = x[(n, c, *best)], np.ravel_multi_index(best, x.shape[2:])
    return (y, indices) if return_indices else y


def loop_max(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    return maxima(x, windows_of(x, kernel, stride, padding, dilation, ceil_mode)[0], return_indices)


def loop_adaptive_max(x, size, return_indices=False):
    return maxima(x, adaptive_windows_of(x, size), return_indices)


def loop_avg(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    windows, p = windows_of(x, kernel, stride, padding, 1, ceil_mode)
    y = np.zeros((*x.shape[:2], *map(len, windows)))
    for n, c, *place in np.ndindex(y.shape):
        taps = inside(x, windows, place)
        counted = math.prod(sum(t < length + p[a] for t in axis[i])
                            for a, (axis, i, length) in enumerate(zip(windows, place, x.shape[2:])))
        divisor = divisor_override or (counted if count_include_pad else len(taps))
        y[(n, c, *place)] = sum(x[(n, c, *tap)] for tap in taps) / divisor
    return y


def loop_adaptive_avg(x, size):
    windows = adaptive_windows_of(x, size)
    y = np.zeros((*x.shape[:2], *map(len, windows)))
    for n, c, *place in np.ndindex(y.shape):
        y[(n, c, *place)] = np.mean([x[(n, c, *tap)] for tap in inside(x, windows, place)])
    return y


X, V = (2, 3, 7), (1, 2, 4, 5, 3)
ROWS = [
    S(X, 2),
    S(X, 3, 2, 1),
    S(X, 3, 2, 1, ceil_mode=True),
    S(X, 2, ceil_mode=True),
    S(X, 7),
    S((0, 3, 4), 2),
    S(X, each(2), each(1)),
]
VOLUMES = [S(V, 2), S(V, 3, 2, 1), S(V, 3, 2, 1, ceil_mode=True), S(V, each(1, 3, 2), each(2, 1, 1), each(0, 1, 1)),
           S(V, each(4, 5, 3)), S((0, 2, 2, 2, 2), 2)]
PLACES = np.array([[[5, 0, 3]], [[1, 2, 4]]])
CUBES = np.random.default_rng(0).permutation(24).reshape(1, 2, 1, 3, 4)
U2, U3 = np.random.default_rng(1).random((2, 3, 2)), np.random.default_rng(2).random((1, 2, 3))


def with_samples(function, samples):
    """The samples are numbers that a test draws, not inputs with a gradient."""
    def call(x, *args, **kwargs):
        if isinstance(x, minidl.Tensor):
            u = minidl.tensor(samples, dtype=minidl.float64).to(x.device)
        else:
            u = torch.tensor(samples)
        return function(x, *args, **kwargs, _random_samples=u)
    return call


def of_sizes(dims, *args, size=6):
    """Samples with and without a batch, of one channel, and of another size."""
    return [S((2, 3, *[size] * dims), *args),
            S((3, *[size] * dims), *args),
            S((1, 1, *[size] * dims), *args),
            S((2, 2, *[size + 1] * dims), *args)]


def unpooled(dims):
    """What max_pool gives, put back in its places."""
    def call(lib, x):
        values, indices = rows.at(f"nn.functional.max_pool{dims}d", lib)(x, 2, return_indices=True)
        return rows.at(f"nn.functional.max_unpool{dims}d", lib)(values, indices, 2)
    shapes = [(*batch, *size) for batch in ((2, 3), (3,)) for size in ((4,) * dims, (6, *[4] * (dims - 1)))]
    return calls(f"max_unpool{dims}d", call, *map(S, shapes))


def fractional(name, dims):
    """With the same draws in both libraries."""
    draws = np.array([[[0.3] * dims, [0.7] * dims]])

    def call(lib, x, *args, **kwargs):
        samples = lib.tensor(draws, dtype=x.dtype)
        return rows.at(f"nn.functional.{name}", lib)(x, *args, _random_samples=samples, **kwargs)
    return calls(name, call,
                 S((1, 2, *[6] * dims), 2, output_size=3),
                 S((1, 2, *[6] * dims), 3, output_size=2),
                 S((1, 2, *[7] * dims), 2, output_ratio=S.raw((0.5,) * dims)),
                 S((1, 2, *[5] * dims), S.raw((2,) * dims), output_size=S.raw((2,) * dims)),
                 strict=False)


CASES = [
    Case(P.max_pool1d, [*ROWS, S(X, 2, 1, 0, 3), S(X, 3, 2, 1, 1, True, True)],
         oracle=loop_max, torch=functional("max_pool1d"), float16=True),
    Case(P.max_pool1d, [S(np.array([[[3, 1, 2, 5]]]), 2)], oracle=loop_max, grad=False, name="max_pool1d of ints"),
    Case(P.avg_pool1d, [*ROWS, S(X, 3, 2, 1, count_include_pad=False), S(X, 3, 2, 1, True, False)], oracle=loop_avg,
         torch="avg_pool1d", float16=True),
    Case(P.adaptive_max_pool1d, [S(X, 1), S(X, 3), S(X, 5, True), S(X, each(10))], oracle=loop_adaptive_max,
         torch=functional("adaptive_max_pool1d")),
    Case(P.adaptive_avg_pool1d, [S(X, 1), S(X, 3), S(X, 7), S(X, each(10))], oracle=loop_adaptive_avg,
         torch="adaptive_avg_pool1d"),
    Case(P.max_pool3d, [
        *VOLUMES,
        S(V, 2, 1, 0, each(2, 1, 2)),
        S(V, 3, 2, 1, 1, True, True),
        S(V, 2, return_indices=True),
        S(CUBES, each(1, 2, 2), return_indices=True),
    ], oracle=loop_max, torch=functional("max_pool3d"), float16=True),
    Case(P.avg_pool3d, [
        *VOLUMES,
        S(V, 3, 2, 1, count_include_pad=False),
        S(V, 3, 2, 1, True, False),
        S(V, 2, divisor_override=5),
    ], oracle=loop_avg, torch="avg_pool3d", float16=True),
    Case(P.adaptive_max_pool3d, [S(V, 1), S(V, each(3, 2, 3), True), S(V, each(5, 4, 2), True)],
         oracle=loop_adaptive_max, torch=functional("adaptive_max_pool3d")),
    Case(P.adaptive_avg_pool3d, [S(V, 1), S(V, each(3, 2, 3)), S(V, each(2, 5, 1))], oracle=loop_adaptive_avg,
         torch="adaptive_avg_pool3d"),
    *[Case(function, [S(shape, 2)], torch=functional(function.__name__), name=f"{function.__name__} unbatched")
      for function, shape in [
          (P.max_pool1d, X[1:]),
          (P.avg_pool1d, X[1:]),
          (P.adaptive_max_pool1d, X[1:]),
          (P.adaptive_avg_pool1d, X[1:]),
          (P.max_pool3d, V[1:]),
          (P.avg_pool3d, V[1:]),
          (P.adaptive_max_pool3d, V[1:]),
          (P.adaptive_avg_pool3d, V[1:]),
      ]],
    Case(P.adaptive_max_pool3d, [S(V[1:], each(2, None, 2), True)], torch=functional("adaptive_max_pool3d"),
         name="adaptive_max_pool3d with None"),
    Case(P.adaptive_avg_pool3d, [S(V, each(None, 2, 2)), S(V[1:], 1)], torch="adaptive_avg_pool3d",
         name="adaptive_avg_pool3d with None"),
    Case(max_pool3d_with_indices, [S(V, 2, 1)], torch=functional("max_pool3d_with_indices")),
    Case(adaptive_max_pool1d_with_indices, [S(X, 3)], torch=functional("adaptive_max_pool1d_with_indices")),
    Case(max_unpool1d, [
        S((2, 1, 3), PLACES, 2),
        S((2, 1, 3), PLACES, 2, 2, 0, each(7)),
        S((1, 3), PLACES[0], 3, 2),
    ], torch=functional("max_unpool1d")),
    Case(max_unpool2d, [
        S((1, 2, 3, 4), CUBES[:, :, 0], 2),
        S((1, 2, 3, 4), CUBES[:, :, 0], 3, 2, 1),
        S((2, 3, 4), CUBES[0, :, 0], 2, output_size=each(1, 2, 7, 8)),
    ], torch=functional("max_unpool2d")),
    Case(max_unpool3d, [S((1, 2, 1, 3, 4), CUBES, 2), S((1, 2, 1, 3, 4), CUBES, each(1, 2, 3), each(1, 2, 2))],
         torch=functional("max_unpool3d")),
    Case(lp_pool1d, [S(X, 2, 3), S(X, 3.0, 2, 1, low=0.2), S(X, 2, 2, ceil_mode=True)], torch=functional("lp_pool1d")),
    Case(lp_pool2d, [S((1, 2, 4, 5), 2, 2), S((2, 4, 5), 1.5, each(2, 3), 1, True, low=0.2)],
         torch=functional("lp_pool2d")),
    Case(lp_pool3d, [S(V, 2, 2), S(V, 3, each(1, 2, 3), 1, low=0.2)], torch=functional("lp_pool3d")),
    Case(with_samples(fractional_max_pool2d, U2), [
        S((2, 3, 7, 8), 2, 3),
        S((2, 3, 7, 8), each(2, 3), each(4, 1)),
        S((2, 3, 7, 8), 2, output_ratio=each(0.6, 0.5)),
    ], torch=with_samples(functional("fractional_max_pool2d"), U2), name="fractional_max_pool2d"),
    Case(with_samples(fractional_max_pool2d_with_indices, U2[:1]), [S((3, 7, 8), 2, 3)],
         torch=with_samples(functional("fractional_max_pool2d_with_indices"), U2[:1]),
         name="fractional_max_pool2d_with_indices"),
    Case(with_samples(fractional_max_pool3d, U3), [
        S((1, 2, 5, 6, 7), 2, each(2, 4, 3), return_indices=True),
        S((1, 2, 5, 6, 7), each(1, 2, 3), output_ratio=0.4),
    ], torch=with_samples(functional("fractional_max_pool3d"), U3), name="fractional_max_pool3d"),
    *[row(f"nn.functional.{name}{d}d_with_indices", *of_sizes(d, 2))
      for name in ("max_pool", "adaptive_max_pool") for d in (1, 2, 3)],
    row("max_pool1d_with_indices", S((2, 3, 6), 2), S((3, 6), 3, 1), S((2, 3, 7), 3, 2, 1), S((1, 1, 5), 2, 1, 0, 2)),
    *[row(f"nn.functional.lp_pool{d}d", *of_sizes(d, 2, 2, size=4)) for d in (1, 2, 3)],
    *[unpooled(d) for d in (1, 2, 3)],
    *[fractional(f"fractional_max_pool{d}d{suffix}", d) for d in (2, 3) for suffix in ("", "_with_indices")],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_equals_go_to_the_first_and_nan_wins_as_in_pytorch():
    pytest.importorskip("torch")
    ties = np.random.default_rng(0).integers(0, 2, (2, 2, 4, 4, 4)).astype(float)
    for args in ((2,), (3, 1), (3, 2, 1)):
        _check_values(Case(P.max_pool3d, [], torch=functional("max_pool3d")), S(ties, *args, return_indices=True))
    ties[0, 0, 1, 2, 2] = ties[0, 0, 2, 1, 1] = math.nan
    for size in (2, 3):
        _check_values(Case(P.adaptive_max_pool3d, [], grad=False, torch=functional("adaptive_max_pool3d")),
                      S(ties, size, return_indices=True))


def test_worked_by_hand():
    """Two planes: the largest of all eight is the 9 of the second, at index 4 + 2; it alone has a gradient."""
    x = minidl.tensor([[[[1.0, 2.0], [8.0, 3.0]], [[4.0, 5.0], [9.0, 7.0]]]], requires_grad=True)
    y, index = P.max_pool3d(x, 2, return_indices=True)
    y.backward(minidl.full((1, 1, 1, 1), 3.0))
    assert y.item() == 9.0 and index.item() == 6
    assert x.grad.flatten().tolist() == [0, 0, 0, 0, 0, 0, 3, 0]
    assert max_unpool3d(y, index, 2).flatten().tolist() == [0, 0, 0, 0, 0, 0, 9, 0]


def test_pooling_and_unpooling_keeps_the_maxima():
    x = minidl.randn(2, 3, 6, 6)
    y, indices = max_pool2d(x, 2, return_indices=True)
    assert max_pool2d(max_unpool2d(y.abs(), indices, 2), 2).equal(y.abs())


def test_fractional_windows_hold_the_whole_image():
    minidl.manual_seed(0)
    x = minidl.randn(2, 3, 9, 9)
    y, indices = fractional_max_pool2d(x, 2, output_ratio=0.6, return_indices=True)
    assert y.shape == (2, 3, 5, 5) and y.amax((2, 3)).equal(x.amax((2, 3)))      # a step is 1 or 2: nothing is left out
    assert x.flatten(2).gather(2, indices.flatten(2)).equal(y.flatten(2))


def test_plain_arrays_give_plain_arrays():
    x, v = np.ones((1, 1, 4)), np.ones((1, 1, 2, 2, 2))
    for y in (P.max_pool1d(x, 2), P.avg_pool1d(x, 2), P.adaptive_avg_pool1d(x, 3), P.adaptive_max_pool1d(x, 3),
              P.max_pool3d(v, 2), P.avg_pool3d(v, 2), P.adaptive_avg_pool3d(v, 1), P.adaptive_max_pool3d(v, 1),
              lp_pool1d(x, 2, 2), fractional_max_pool3d(v, 1, 2),
              max_unpool1d(*P.max_pool1d(x, 2, return_indices=True), 2)):
        assert isinstance(y, np.ndarray)


SIGNAL, VOLUME = minidl.zeros(2, 3, 4), minidl.zeros(1, 2, 4, 4, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: P.max_pool1d(VOLUME, 2), RuntimeError, "max_pool1d: Expected 2D (unbatched) or 3D (batched) input"),
    (lambda: P.max_pool1d(SIGNAL, 5), RuntimeError,
     "Given input size: (3, 4). Calculated output size: (3, 0). Output size is too small"),
    (lambda: P.max_pool1d(SIGNAL > 0, 2), RuntimeError, "not implemented for bool"),
    (lambda: P.avg_pool1d(SIGNAL.long(), 2), RuntimeError, "avg_pool1d: input must be floating-point"),
    (lambda: P.max_pool3d(VOLUME, 2, padding=(0, 2, 0)), RuntimeError,
     "pad should be at most half of kernel size, but got pad=2 and kernel_size=2"),
    (lambda: P.avg_pool3d(VOLUME, (2, 2)), RuntimeError,
     "expected kernel_size to be a single integer value or a list of 3 values"),
    (lambda: P.avg_pool3d(VOLUME, 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
    (lambda: P.adaptive_avg_pool3d(VOLUME, (1, 2)), RuntimeError, "output_size must be 3"),
    (lambda: P.adaptive_max_pool1d(SIGNAL[..., :0], 2), RuntimeError, "Expected input to have non-zero size"),
    (lambda: max_unpool1d(SIGNAL, SIGNAL.long()[..., :2], 2), RuntimeError,
     "Expected shape of indices to be same as that of the input tensor"),
    (lambda: max_unpool1d(SIGNAL, SIGNAL, 2), RuntimeError,
     "elements in indices should be type int64 but got: float32"),
    (lambda: max_unpool1d(SIGNAL, SIGNAL.long() + 8, 2), RuntimeError,
     "Found an invalid max index: 8 (output volumes are of size 8)"),
    (lambda: max_unpool1d(SIGNAL, SIGNAL.long(), 2, output_size=(10,)), ValueError, "(dim 0 must be between 6 and 10)"),
    (lambda: max_unpool1d(SIGNAL, SIGNAL.long(), 2, output_size=(8, 8)), ValueError,
     "containing 1 or 3 elements, but it has a length of '2'"),
    (lambda: fractional_max_pool2d(VOLUME[0], 2), ValueError,
     "requires specifying either an output_size or an output_ratio"),
    (lambda: fractional_max_pool2d(VOLUME[0], 2, output_ratio=1.5), ValueError,
     "output_ratio must be between 0 and 1 (got 1.5)"),
    (lambda: fractional_max_pool2d(VOLUME[0], 2, 4), RuntimeError, "too large relative to input"),
    (lambda: fractional_max_pool2d(VOLUME[0], 2, 2, _random_samples=minidl.zeros(1, 2, 2)), RuntimeError,
     "Expect _random_samples of shape"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
