"""Running sums, products and extremes, logcumsumexp, differences, and the trapezoidal rule."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops.reduce import scan
from tests.checking import Case, S, _check_values, check_case
from tests.ops.reduce.test_sums import ZEROS

nan, inf = math.nan, math.inf
TIES = np.array([[1.0, 3.0, 3.0, 2.0, 3.0], [2.0, 2.0, 1.0, 2.0, 1.0]])
NANS = np.array([1.0, 3.0, nan, 5.0, nan, 2.0])
INTS = np.array([[3, 0, 2], [1, 5, -4]])
BOOLS = np.array([[True, False, False], [False, True, True]])
RUNNING = [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1), S((), 0), S((0, 3), 0), S((1, 3), 0), S((9, 2), 0)]
BAD_DIM = (S((2, 3), 2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)")


def loop_extreme(better):
    """Element after element: the last of equals, and a NaN for good."""
    def oracle(x, dim):
        x = np.atleast_1d(x) if np.ndim(x) == 0 else np.moveaxis(x, dim, -1)
        values, indices = np.empty(x.shape), np.empty(x.shape, int)
        for row in np.ndindex(x.shape[:-1]):
            best = 0
            for i, v in enumerate(x[row]):
                if math.isnan(v) or (not math.isnan(x[row][best]) and better(v, x[row][best])):
                    best = i
                values[(*row, i)], indices[(*row, i)] = x[row][best], best
        return values, indices
    return lambda x, dim: tuple(r.reshape(()) if np.ndim(x) == 0 else np.moveaxis(r, -1, dim)
                                for r in oracle(x, dim))


def loop_logcumsumexp(x, dim):
    moved = np.moveaxis(np.atleast_1d(x), dim if np.ndim(x) else 0, -1)
    out = np.empty(moved.shape)
    for *row, i in np.ndindex(moved.shape):
        out[(*row, i)] = math.log(sum(math.exp(v) for v in moved[tuple(row)][:i + 1]))
    return np.moveaxis(out, -1, dim) if np.ndim(x) else out.reshape(())


CASES = [
    Case(scan.cummax, [*RUNNING, S(INTS, 1), S(BOOLS, 1)],
         loop_extreme(lambda a, b: a >= b), lambda x, dim: tuple(x.cummax(dim)), float16=True, errors=[BAD_DIM]),
    Case(scan.cummin, [*RUNNING, S(INTS, 0)], loop_extreme(lambda a, b: a <= b),
         lambda x, dim: tuple(x.cummin(dim)), errors=[BAD_DIM]),
    Case(scan.logcumsumexp, RUNNING, loop_logcumsumexp, "logcumsumexp", float16=True,
         errors=[BAD_DIM, (S(INTS, 0), NotImplementedError, "got int64")]),
    Case(scan.diff, [S((5,)), S((3, 4)), S((3, 4), dim=0), S((3, 4), 2), S((2, 5, 2), n=3, dim=1), S((3, 4), 0),
                     S((3,), 3), S((3,), 5), S((0,)), S(INTS), S(BOOLS), S(BOOLS, 2)], torch="diff",
         errors=[(S(()), RuntimeError, "at least one-dimensional"), (S((3,), -1), RuntimeError, "got -1"),
                 (S((3,), prepend=np.array(1.0)), RuntimeError, "the same dimension"),
                 (S((3,), 1, 1), IndexError, "Dimension out of range")]),
    Case(scan.diff, [S((3, 4), 1, -1), S((2, 5), n=2, dim=1)], lambda x, n, dim: np.diff(x, n, dim),
         name="diff by NumPy"),
    Case(scan.diff, [S((3, 4), prepend=np.ones((3, 2))), S((3, 4), dim=0, append=np.zeros((1, 4))),
                     S((3,), prepend=np.ones(1), append=np.ones(2), n=2)], torch="diff", name="diff with ends"),
    Case(
        scan.trapezoid,
        [S((5,)), S((3, 4)), S((3, 4), dim=0), S((3, 4), dx=0.5), S((2, 3, 4), dim=1), S((3, 1)), S(INTS)],
        lambda y, dx=1.0, dim=-1: np.trapezoid(y, dx=dx, axis=dim), "trapezoid", rtol=1e-6),
    Case(scan.trapezoid, [S((4,), (4,)), S((3, 4), (4,)), S((3, 4), (3,), dim=0), S((3, 4), (3, 4))],
         lambda y, x, dim=-1: np.trapezoid(y, x, axis=dim), "trapezoid", name="trapezoid at x",
         errors=[(S((4,), (3,)), RuntimeError, "one `x` value for each sample point"),
                 (S((4,), (4,), dx=2), TypeError, "x or dx, but got both"), (S(()), IndexError, "no dimensions")]),
    Case(scan.trapezoid, [S((2, 3, 4), (3, 1), dim=1)], torch="trapezoid", name="trapezoid at x that broadcasts"),
    Case(scan.trapezoid, [S((3, 0)), S((0,))], lambda y: np.zeros(y.shape[:-1]), name="trapezoid of nothing"),
    Case(scan.cumulative_trapezoid, [
        S((5,)),
        S((3, 4), dim=0),
        S((3, 4), dx=0.5),
        S((3, 4), (4,)),
        S((3, 4), (3,), dim=0),
        S((3, 4), (3, 4)),
        S((3, 1)),
        S(INTS),
    ], torch="cumulative_trapezoid", rtol=1e-6),
    Case(minidl.Tensor.cumsum, [*RUNNING, S(INTS, 1), S(BOOLS, 0)], lambda x, dim: np.cumsum(x, dim).reshape(x.shape),
         torch="cumsum", float16=True, errors=[BAD_DIM], name="cumsum"),
    Case(minidl.Tensor.cumprod, [*RUNNING, *[S(z, -1) for z in ZEROS], S(ZEROS[3], 0), S(INTS, 1), S((9,), 0)],
         lambda x, dim: np.cumprod(x, dim).reshape(x.shape), torch="cumprod", float16=True, name="cumprod"),
]


KINKS = [
    Case(scan.cummax, [S(TIES, 1), S(TIES, 0), S(NANS, 0)], CASES[0].oracle, CASES[0].torch),
    Case(scan.cummin, [S(TIES, 1), S(TIES, 0), S(NANS, 0)], CASES[1].oracle, CASES[1].torch),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("case", KINKS, ids=str)
def test_values_and_gradients_at_kinks(case):
    """Where finite differences say nothing: against the loop, and the gradients of PyTorch."""
    for sample in case.samples:
        _check_values(case, sample)


def test_cummax_by_hand():
    x = minidl.tensor([1.0, 3.0, 2.0, 3.0], requires_grad=True)
    values, indices = scan.cummax(x, 0)
    assert values.tolist() == [1, 3, 3, 3] and indices.tolist() == [0, 1, 1, 3]
    values.backward(minidl.tensor([1.0, 2.0, 4.0, 8.0]))
    assert x.grad.tolist() == [1, 6, 0, 8]


def test_logcumsumexp_by_hand():
    # y = [a, log(e^a + e^b)]: with a = b the second gradient is shared evenly
    x = minidl.tensor([2.0, 2.0], requires_grad=True)
    y = scan.logcumsumexp(x, 0)
    np.testing.assert_allclose(y.detach().numpy(), [2, 2 + math.log(2)], rtol=1e-6)
    y.backward(minidl.tensor([10.0, -4.0]))
    np.testing.assert_allclose(x.grad.numpy(), [8, -2], rtol=1e-6)


def test_logcumsumexp_neither_overflows_nor_loses_minus_infinity():
    x = minidl.tensor([-inf, -inf, 0.0, 1e4, -1e4], requires_grad=True)
    y = scan.logcumsumexp(x, 0)
    assert y.tolist() == [-inf, -inf, 0.0, 1e4, 1e4]
    y.backward(minidl.ones(5))
    assert x.grad.tolist() == [0.0, 0.0, 1.0, 2.0, 0.0]


def test_trapezoid_by_hand():
    # strips from 1 to 2 and from 2 to 4: 1 * (1 + 3)/2 + 2 * (3 + 5)/2
    y, x = minidl.tensor([1.0, 3.0, 5.0]), minidl.tensor([1.0, 2.0, 4.0])
    assert scan.trapezoid(y, x).item() == 10.0
    assert scan.cumulative_trapezoid(y, x).tolist() == [2.0, 10.0]


def test_logcumsumexp_of_many_numbers_in_float32():
    x = np.random.default_rng(0).normal(size=5000).astype(np.float32) * 3
    expected = np.logaddexp.accumulate(x.astype(np.float64))
    np.testing.assert_allclose(scan.logcumsumexp(minidl.tensor(x), 0).numpy(), expected, rtol=1e-7)
