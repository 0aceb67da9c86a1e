"""Medians, quantiles, the mode, covariance, norms of differences."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops import statistics as st
from tests.checking import Case, S, _check_values, check_case, torch
from tests.ops import rows
from tests.ops.rows import row

nan, inf = math.nan, math.inf
TIES = np.array([[1.0, 3.0, 3.0, 0.0, 3.0], [2.0, 2.0, 2.0, 2.0, 2.0], [-1.0, 0.0, -1.0, 5.0, 0.0]])
NANS = np.array([[1.0, nan, 2.0, 7.0], [0.5, 3.0, nan, nan], [nan, nan, nan, nan], [4.0, 1.0, 3.0, 2.0]])
INTS = np.array([[3, 0, 2, 3], [1, 5, -4, 2]])
ALONG = [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1, keepdim=True), S((), 0), S((1, 3), 0)]
BAD_DIM = (S((2, 3), dim=2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)")
NOTHING = (S((0, 2), dim=0), IndexError, "Expected reduction dim 0 to have non-zero size")
SHARES = np.array([0.15, 0.2, 0.45, 0.9])
MODES = ["linear", "lower", "higher", "midpoint", "nearest"]


def pair(name):
    return lambda *args, **kwargs: tuple(getattr(torch, name)(*args, **kwargs))


def values_of(function):
    """The values alone: which of equal elements was taken, PyTorch does not say."""
    def values(*args, **kwargs):
        return function(*args, **kwargs).values
    values.__name__ = function.__name__
    return values


def lower_median(x):
    return np.sort(x, axis=None)[(x.size - 1) // 2]


def loop_mode(x, dim):
    def most_frequent(row):
        found, counts = np.unique(row, return_counts=True)
        best = found[counts.argmax()]
        return best, max(i for i, v in enumerate(row) if v == best)
    return np.apply_along_axis(lambda r: most_frequent(r)[0], dim, x), np.apply_along_axis(
        lambda r: most_frequent(r)[1], dim, x)


def numpy_quantile(function):
    def oracle(x, q, dim=None, keepdim=False, interpolation="linear"):
        return function(x, q, axis=None if x.ndim == 0 else dim, keepdims=keepdim, method=interpolation)
    return oracle


CASES = [
    Case(st.median, [S((3, 4)), S(()), S((5,)), S(INTS)], lower_median, "median", float16=True),
    Case(st.median, [*ALONG, S(INTS, 0)], torch=pair("median"), float16=True, name="median along",
         errors=[BAD_DIM, NOTHING]),
    Case(st.nanmedian, [S((3, 4)), S(()), S(INTS)], lower_median, "nanmedian"),
    Case(st.nanmedian, ALONG, torch=pair("nanmedian"), name="nanmedian along", errors=[NOTHING]),
    Case(st.kthvalue, [S((3, 4), 2), S((3, 4), 1, 0), S((2, 3, 4), 3, 1, keepdim=True), S((), 1), S((5,), 5)],
         torch=pair("kthvalue"), float16=True,
         errors=[(S((3,), 4), RuntimeError, "selected number k out of range for dimension 0"),
                 (S((3,), 0), RuntimeError, "k = 0"), (S((3,), 1, 1), IndexError, "Dimension out of range")]),
    Case(st.mode, [S(TIES, 1), S(TIES, 0), S(TIES[0], keepdim=True, dim=0), S(INTS, 1), S((), 0)], torch=pair("mode"),
         grad=False, errors=[NOTHING, BAD_DIM]),
    Case(st.mode, [S(TIES, 1), S(INTS, 1), S(INTS, 0)], loop_mode, grad=False, name="mode by counting"),
    *[Case(function, [
          S((6,), 0.3),
          S((3, 4), 0.5),
          S((3, 4), SHARES),
          S((3, 4), 0.25, 0),
          S((3, 4), SHARES, 1, keepdim=True),
          S((2, 3, 5), SHARES, 1),
          S((3, 4), 0.7, keepdim=True),
          S((), 0.5),
      ], torch=function.__name__, errors=[
          (S((2,), 1.5), RuntimeError, "q must be in the range [0, 1] but got 1.5"),
          (S(INTS, 0.5), RuntimeError, "float or double dtype, but got int64"),
          (S((2,), 0.5, interpolation="cubic"), RuntimeError, "but got cubic"),
          (S((2,), np.array([[0.5]])), RuntimeError, "scalar or 1D"),
          (S((0,), 0.5), RuntimeError, "non-empty"),
          (S((2,), 0.5, 1), IndexError, "Dimension out of range"),
      ])
      for function in (st.quantile, st.nanquantile)],
    Case(st.cov, [S((3, 5)), S((4,)), S((3, 5), correction=0), S((2, 4), fweights=np.array([1, 2, 1, 3])),
                  S((2, 4), fweights=np.array([1, 2, 1, 3]), aweights=np.array([0.5, 1.0, 2.0, 1.0])),
                  S((2, 4), aweights=np.array([0.5, 1.0, 2.0, 1.0]), correction=0), S(INTS)], torch="cov", rtol=1e-6,
         errors=[(S((2, 2, 2)), RuntimeError, "two or fewer dimensions"),
                 (S((2,), fweights=np.array([1.0, 2.0])), RuntimeError, "fweights to have integral dtype"),
                 (S((2, 3), aweights=np.array([1.0, 2.0])), RuntimeError, "to have shape (3,)")]),
    Case(st.cov, [S((3, 5)), S((4,))], lambda x: np.cov(x).reshape(np.cov(x).shape), name="cov by NumPy"),
    Case(st.corrcoef, [S((3, 5)), S((2, 6), seed=3)], np.corrcoef, "corrcoef"),
    row("corrcoef", S((3, 5)), S((5,)), S((2, 4)), S((1, 4))),
    Case(st.renorm, [S((3, 4), 2, 0, 1.0), S((3, 4), 1, 1, 0.5), S((2, 3, 2), 2, -1, 2.0)], torch="renorm",
         errors=[(S((3,), 2, 0, 1), RuntimeError, "at least 2 dimensions")]),
    row("renorm",
        S((2, 3), 2, 0, 1.0),
        S((2, 3), 1, 1, 0.5),
        S((2, 3, 4), 2, -1, 1.5),
        S((0, 2), 2, 0, 1.0),
        rtol=1e-8),
    Case(st.msort, [S((5,)), S((3, 4)), S(INTS)], lambda x: np.sort(x, 0), "msort"),
    row("msort", S((4,)), S((3, 2)), S((2, 3, 4)), S(rows.INTS), S(())),
    Case(st.sum_to_size, [
        S((3, 4), 1, 4),
        S((3, 4), 3, 1),
        S((2, 3, 4), 3, 4),
        S((2, 3, 4), 1, 1),
        S((3, 4), 3, 4),
        S((3,), 1),
        S(INTS, 1, 4),
    ], torch="sum_to_size", errors=[(S((2, 3), 2), RuntimeError, "size [2] is not expandable to size [2, 3]")]),
]

KINKS = [
    Case(st.median, [S(TIES), S(NANS), S(TIES[0])], torch="median"),
    Case(st.nanmedian, [S(TIES), S(NANS), S(NANS[3])], torch="nanmedian"),
    Case(values_of(st.nanmedian), [S(NANS[[0, 1, 3]], 1), S(NANS, 0)], torch=lambda x, dim: x.nanmedian(dim).values),
    Case(values_of(st.median), [S(NANS, 1), S(NANS, 0), S(TIES, 1)], lambda x, dim: np.where(
        np.isnan(x).any(dim), nan, np.sort(x, dim).take((x.shape[dim] - 1) // 2, dim)), name="median of NaN"),
    *[Case(function,
           [S(NANS, q, dim, interpolation=mode) for q in (0.3, np.array([0.0, 0.5, 1.0])) for dim in (None, 0, 1)],
           numpy_quantile(oracle), name=f"{function.__name__} {mode}")
      for function, oracle in ((st.quantile, np.quantile), (st.nanquantile, np.nanquantile))
      for mode in MODES],
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("case", KINKS, ids=str)
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_values_and_gradients_at_kinks(case):
    """At ties and NaN, where finite differences say nothing."""
    for sample in case.samples:
        _check_values(case, sample)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("interpolation", MODES)
@pytest.mark.parametrize("dim", [None, 0, 1])
def test_quantile_gradients_of_input_and_shares(interpolation, dim):
    x, q = np.random.default_rng(0).standard_normal((4, 5)), np.array([0.1, 0.5, 0.63])
    ours, theirs = [minidl.tensor(a, requires_grad=True) for a in (x, q)], [
        torch.tensor(a, requires_grad=True)
        for a in (x, q)]
    st.quantile(*ours, dim, interpolation=interpolation).square().sum().backward()
    torch.quantile(*theirs, dim, interpolation=interpolation).square().sum().backward()
    np.testing.assert_allclose(ours[0].grad.numpy(), theirs[0].grad.numpy(), atol=1e-12)
    if interpolation == "linear":
        np.testing.assert_allclose(ours[1].grad.numpy(), theirs[1].grad.numpy(), atol=1e-12)


def test_quantile_by_hand():
    # the rank of 0.4 among 0, 10, 20, 40 is 0.4 * 3 = 1.2: a fifth of the way from 10 to 20
    x = minidl.tensor([40.0, 0.0, 20.0, 10.0], requires_grad=True)
    y = st.quantile(x, 0.4)
    assert y.item() == pytest.approx(12.0, rel=1e-6)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 0.2, 0.8], rtol=1e-5)


def test_quantiles_beside_infinities():
    x = minidl.tensor([-inf, 1.0, inf])
    assert st.quantile(x, minidl.tensor([0.0, 0.5, 1.0])).tolist() == [-inf, 1.0, inf]     # PyTorch: nan at the ends


def test_median_of_an_even_number_is_the_lower():
    x = minidl.tensor([4.0, 1.0, 3.0, 2.0], requires_grad=True)
    y = st.median(x)
    y.backward()
    assert y.item() == 2.0 and x.grad.tolist() == [0, 0, 0, 1]
    assert st.median(x, 0).indices.item() == 3


def test_median_of_nothing_is_nan():
    assert math.isnan(st.median(minidl.zeros(0)).item())


def test_equal_elements_share_the_gradient_of_the_median():
    x = minidl.tensor([5.0, 1.0, 1.0], requires_grad=True)
    st.median(x).backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5]


def test_renorm_by_hand():
    x = minidl.tensor([[3.0, 4.0], [0.3, 0.4]])
    np.testing.assert_allclose(st.renorm(x, 2, 0, 1.0).numpy(), [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


def test_quantile_refuses_another_dtype():
    with pytest.raises(RuntimeError, match="same dtype as the input tensor"):
        st.quantile(minidl.zeros(2), minidl.tensor([0.5], dtype=minidl.float64))


def test_between_minus_infinity_and_a_number_the_middle_is_infinite():
    assert st.quantile(minidl.tensor([-math.inf, 1.0]), 0.5).item() == -math.inf
