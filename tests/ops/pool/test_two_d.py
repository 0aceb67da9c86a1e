"""Max and average pooling, with fixed and with adaptive windows."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops.pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool2d,
)
from tests import oracle
from tests.checking import Case, S, _check_values, check_case, torch

X = (2, 3, 6, 7)
INTS = np.random.default_rng(1).permutation(48).reshape(1, 2, 4, 6)


def pairs(*values):
    return [v if isinstance(v, tuple) else (v, v) for v in values]


def loop_max(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    k, s, p, d = pairs(kernel, stride or kernel, padding, dilation)
    y, indices = oracle.max_pool2d(x, k, s, p, d, ceil_mode)
    return (y, indices) if return_indices else y


def loop_avg(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    return oracle.avg_pool2d(x, *pairs(kernel, stride or kernel, padding), ceil_mode, count_include_pad,
                             divisor_override)


def adaptive_windows(n, out):
    return [range(math.floor(i * n / out), math.ceil((i + 1) * n / out)) for i in range(out)]


def loop_adaptive_avg(x, size):
    rows, columns = (adaptive_windows(n, out) for n, out in zip(x.shape[2:], pairs(size)[0]))
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = np.mean([x[n, c, r, k] for r in rows[i] for k in columns[j]])
    return y


def loop_adaptive_max(x, size, return_indices=False):
    y, indices = oracle.adaptive_max_pool2d(x, pairs(size)[0])
    return (y, indices) if return_indices else y


def pair_of(*args):
    return S.raw(args)


def torch_max_pool2d(*args, **kwargs):
    return torch.nn.functional.max_pool2d(*args, **kwargs)   # torch.max_pool2d has no return_indices


WINDOWS = [
    S(X, 2),
    S(X, 3, 2, 1),
    S(X, pair_of(2, 3), pair_of(1, 2)),
    S(X, 3, 2, 1, ceil_mode=True),
    S(X, 2, ceil_mode=True),
    S((0, 3, 4, 4), 2),
    S((1, 1, 1, 1), 1),
    S(X, pair_of(6, 7)),
    S((2, 8, 5, 5), 2, 2, 1),
]
CASES = [
    Case(max_pool2d, [
        *WINDOWS,
        S(X, 2, 1, 0, 2),
        S(X, 3, 2, 1, pair_of(2, 1)),
        S(INTS, 2),
        S(X, 3, 2, 1, return_indices=True),
        S(X, 2, return_indices=True, ceil_mode=True),
    ], oracle=loop_max, torch=torch_max_pool2d, float16=True),
    Case(avg_pool2d, [*WINDOWS, S(X, 3, 2, 1, count_include_pad=False), S(X, 3, 2, 1, True, False),
                      S(X, 3, divisor_override=5), S(X, 3, 2, 1, True, divisor_override=2)],
         oracle=loop_avg, torch="avg_pool2d", float16=True),
    Case(adaptive_avg_pool2d, [
        S(X, 1),
        S(X, pair_of(3, 7)),
        S(X, pair_of(4, 3)),
        S(X, 5),
        S((1, 2, 2, 3), pair_of(5, 4)),
        S((0, 2, 3, 3), 2),
        S((2, 9, 8, 8), 4),
    ], oracle=loop_adaptive_avg, torch="adaptive_avg_pool2d", float16=True),
    Case(
        adaptive_max_pool2d,
        [S(X, 1), S(X, pair_of(3, 7)), S(X, pair_of(4, 3)), S(X, 5, True), S((1, 2, 2, 3), pair_of(5, 4), True)],
        oracle=loop_adaptive_max, torch="adaptive_max_pool2d", float16=True),
    # torch alone: images without a batch, and None in the place of a size
    Case(max_pool2d, [S((3, 6, 7), 2), S((3, 6, 7), 2, return_indices=True)], torch=torch_max_pool2d,
         name="max_pool2d unbatched"),
    Case(avg_pool2d, [S((3, 6, 7), 2)], torch="avg_pool2d", name="avg_pool2d unbatched"),
    Case(adaptive_avg_pool2d, [S((3, 6, 7), 4), S((3, 6, 7), 1), S((3, 6, 7), 3), S(X, pair_of(None, 2))],
         torch="adaptive_avg_pool2d", name="adaptive_avg_pool2d unbatched"),
    Case(adaptive_max_pool2d, [S((3, 6, 7), 4), S((3, 6, 7), pair_of(2, None), True)],
         torch="adaptive_max_pool2d", name="adaptive_max_pool2d unbatched"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_equals_go_to_the_first_as_in_pytorch():
    pytest.importorskip("torch")
    ties = np.random.default_rng(0).integers(0, 2, (2, 3, 6, 6)).astype(float)
    for args in ((2,), (3, 1), (3, 2, 1)):
        _check_values(Case(max_pool2d, [], torch=torch_max_pool2d), S(ties, *args))
    _check_values(Case(adaptive_max_pool2d, [], torch="adaptive_max_pool2d"), S(ties, 4))


def test_worked_by_hand():
    """Two windows that overlap in the 9: it is the maximum of both, and receives both gradients."""
    x = minidl.tensor([[[1.0, 2.0, 9.0, 3.0, 4.0]]], requires_grad=True)
    y, indices = max_pool2d(x, (1, 3), stride=(1, 2), return_indices=True)
    y.backward(minidl.tensor([[[10.0, 100.0]]]))
    assert y.tolist() == [[[9.0, 9.0]]] and indices.tolist() == [[[2, 2]]] and indices.dtype == minidl.int64
    assert x.grad.tolist() == [[[0.0, 0.0, 110.0, 0.0, 0.0]]]
    x.grad = None
    y = avg_pool2d(x, (1, 3), stride=(1, 2))
    y.backward(minidl.tensor([[[3.0, 30.0]]]))
    assert y.tolist() == [[[4.0, pytest.approx(16 / 3)]]]
    assert x.grad.tolist() == [[[1.0, 1.0, 11.0, 10.0, 10.0]]]


def test_nan_wins():
    x = minidl.tensor([[[1.0, math.nan, 3.0, 2.0]]])
    y = max_pool2d(x, (1, 2))
    assert math.isnan(y[0, 0, 0].item()) and y[0, 0, 1].item() == 3.0


def test_no_windows():
    assert adaptive_avg_pool2d(minidl.ones(1, 2, 3, 3), (0, 2)).shape == (1, 2, 0, 2)
    assert adaptive_max_pool2d(minidl.ones(1, 2, 3, 3), (0, 2)).shape == (1, 2, 0, 2)


def test_padding_never_wins():
    assert max_pool2d(minidl.full((1, 2, 2), -5.0), 2, 1, 1).tolist() == [[[-5.0] * 3] * 3]


def test_indices_have_no_gradient():
    x = minidl.randn(1, 1, 4, 4, requires_grad=True)
    y, indices = max_pool2d(x, 2, return_indices=True)
    assert y.requires_grad and not indices.requires_grad


def test_plain_arrays_give_plain_arrays():
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    for y in (max_pool2d(x, 2), avg_pool2d(x, 2), adaptive_avg_pool2d(x, 2), adaptive_avg_pool2d(x, 1),
              adaptive_max_pool2d(x[0], 2)):
        assert isinstance(y, np.ndarray)


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("function, axes",
                         [(adaptive_avg_pool1d, 1), (adaptive_avg_pool2d, 2), (adaptive_avg_pool3d, 3)])
def test_adaptive_means_keep_what_is_no_number_in_its_windows(function, axes, poison):
    """The windows of 0 1 2 3 4 5 6 in three: 0 to 2, 2 to 4, 4 to 6."""
    x, g = minidl.ones(2, 2, *[7] * axes), minidl.ones(2, 2, *[3] * axes)
    x[(0, 1, *[3] * axes)] = g[(0, 1, *[1] * axes)] = poison
    y = function(x.requires_grad_(), 3)
    np.testing.assert_allclose(y.detach().numpy(), g.numpy(), rtol=1e-6)
    y.backward(g)
    reached = np.zeros(x.shape, bool)
    reached[(0, 1, *[slice(2, 5)] * axes)] = True
    np.testing.assert_array_equal(~np.isfinite(x.grad.numpy()), reached)


IMAGE = minidl.zeros(1, 2, 4, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: max_pool2d(IMAGE, 2, padding=2), RuntimeError,
     "pad should be at most half of kernel size, but got pad=2 and kernel_size=2"),
    (lambda: avg_pool2d(IMAGE, 3, padding=2), RuntimeError, "pad should be at most half of kernel size"),
    (lambda: max_pool2d(IMAGE, 5), RuntimeError, "Calculated output size: (2, 0, 0). Output size is too small"),
    (lambda: max_pool2d(IMAGE[:, :, :2], 2, padding=1, dilation=3), RuntimeError, "a window reads nothing but padding"),
    (lambda: max_pool2d(IMAGE, 0), RuntimeError, "kernel_size must be at least 1"),
    (lambda: avg_pool2d(IMAGE, 2, 0), RuntimeError, "stride must be at least 1"),
    (lambda: max_pool2d(IMAGE, 2.0), TypeError, "'kernel_size' must be an int or a pair of ints"),
    (lambda: max_pool2d(IMAGE[0, 0], 2), RuntimeError, "Expected 3D (unbatched) or 4D (batched) input"),
    (lambda: max_pool2d([1.0], 2), TypeError, "argument 'input' must be Tensor, not list"),
    (lambda: max_pool2d(IMAGE > 0, 2), RuntimeError, "not implemented for bool"),
    (lambda: avg_pool2d(IMAGE.long(), 2), RuntimeError, "input must be floating-point, but it is int64"),
    (lambda: avg_pool2d(IMAGE, 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
    (lambda: adaptive_avg_pool2d(IMAGE, -1), RuntimeError, "output_size must be at least 0"),
    (lambda: adaptive_max_pool2d(IMAGE, (1, 2, 3)), RuntimeError, "output_size must be 2"),
    (lambda: adaptive_avg_pool2d(IMAGE[:, :, :0], 2), RuntimeError,
     "Expected input to have non-zero size for non-batch dimensions"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
