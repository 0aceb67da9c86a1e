"""Reductions: sums, means, products, spread, logsumexp, and questions."""
from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import minidl
from minidl.ops import reduce
from tests.checking import Case, S, _check_values, check_case
from tests.ops.rows import row

TIES = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [-1.0, 0.0, -1.0, 5.0]])
ZEROS = [np.array([2.0, 0.0, 3.0, -1.5]), np.array([0.0, 2.0, 0.0, 5.0]), np.array([1.0, 4.0, 0.0]),
         np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.5, -2.0, 1.5]])]
INTS = np.array([[3, 0, 2], [1, 5, -4]])
BOOLS = np.array([[True, False, True], [False, False, False]])
NANS = np.array([[1.0, math.nan, 2.0], [0.5, 3.0, math.nan]])

SHAPES = [S((3, 4)), S(()), S((5,), dim=0), S((3, 4), dim=-1), S((2, 3, 4), dim=S.raw((0, -1))),
          S((2, 3, 4), dim=1, keepdim=True), S((2, 3, 4), dim=S.raw((2, 0)), keepdim=True), S((), dim=-1),
          S((2, 3), dim=S.raw(())), S((1, 1, 4), dim=S.raw((0, 1)))]
EMPTY = [S((0,)), S((0, 3), dim=0), S((3, 0), dim=1, keepdim=True), S((3, 0), dim=0)]
ALONG = [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1, keepdim=True), S((), 0), S((1, 3), 0), S((3, 0), 0)]
BAD_DIM = (S((2, 3), 2), IndexError, "Dimension out of range (expected to be in range of [-2, 1], but got 2)")
TWICE = (S((2, 3), S.raw((0, -2))), RuntimeError, "dim 0 appears multiple times in the list of dims")


def numpy_axes(function):
    """A NumPy reduction with the argument names of PyTorch."""
    def oracle(x, dim=None, keepdim=False, **kwargs):
        axis = None if dim is None or dim == () or np.ndim(x) == 0 else dim
        return function(x, axis=axis, keepdims=keepdim, **kwargs)
    return oracle


def loop_logsumexp(x, dim, keepdim=False):
    moved = np.moveaxis(np.atleast_1d(x), dim if np.ndim(x) else 0, -1)
    out = np.array([math.log(sum(math.exp(v) for v in row)) for row in moved.reshape(-1, moved.shape[-1])])
    out = out.reshape(moved.shape[:-1])
    return np.expand_dims(out, dim) if keepdim else out


CASES = [
    Case(minidl.Tensor.sum, [*SHAPES, *EMPTY, S(INTS), S(BOOLS, dim=1)], numpy_axes(np.sum), torch="sum",
         errors=[BAD_DIM, TWICE], float16=True, name="sum"),
    Case(minidl.Tensor.mean, [*SHAPES, S((3, 0), dim=0)], numpy_axes(np.mean), torch="mean", float16=True, name="mean",
         errors=[BAD_DIM, TWICE, (S(INTS), RuntimeError, "floating-point tensor, but got int64")]),
    Case(minidl.Tensor.nansum, [*SHAPES, *EMPTY, S(INTS)], numpy_axes(np.nansum), torch="nansum", name="nansum"),
    Case(minidl.Tensor.nanmean, [*SHAPES], numpy_axes(np.nanmean), torch="nanmean", float16=True, name="nanmean"),
    Case(minidl.Tensor.prod, [S((6,)), S(()), *ALONG, S((0,)), *map(S, ZEROS), S(ZEROS[3], 0), S(ZEROS[3], 1), S(INTS),
                              S(INTS, 1), S(BOOLS), S((7, 2), 0)],
         numpy_axes(np.prod), torch="prod", float16=True, errors=[BAD_DIM], name="prod"),
    Case(minidl.Tensor.var, [S((3, 4)), S((5,), 0), S((2, 3, 4), S.raw((0, -1))), S((2, 3, 4), 1, keepdim=True),
                             S((3, 4), 1, correction=0),
                             S((3, 4), 1, correction=1.5), S((3, 4), 0, False), S((3, 4), False),
                             S((3, 4), unbiased=False)],
         torch="var", float16=True, rtol=1e-8, name="var", errors=[(S(INTS), RuntimeError, "floating-point")]),
    Case(minidl.Tensor.var, [S((3, 4), 1), S((3, 4))], lambda x, dim=None: np.var(x, axis=dim, ddof=1),
         name="var ddof"),
    Case(minidl.Tensor.std, [S((3, 4)), S((3, 4), 1, keepdim=True), S((2, 3, 4), S.raw((0, 2)), correction=0)],
         torch="std", float16=True, rtol=1e-8, name="std"),
    row("std",
        S((2, 3)),
        S((2, 3), 0),
        S((2, 3), -1, keepdim=True),
        S((2, 3, 4), S.raw((0, 2)), correction=0),
        S((3,), 0, unbiased=False)),
    Case(reduce.var_mean, [S((3, 4)), S((3, 4), 1, keepdim=True), S((3, 4), False)], torch="var_mean", name="var_mean"),
    row("var_mean", S((2, 3)), S((2, 3), 0), S((2, 3), -1, keepdim=True), S((2, 3, 4), S.raw((0, 2)), correction=0)),
    Case(reduce.std_mean, [S((3, 4)), S((3, 4), 1, correction=0)], torch="std_mean", name="std_mean"),
    row("std_mean", S((2, 3)), S((2, 3), 0), S((2, 3), -1, keepdim=True), S((2, 3, 4), S.raw((0, 2)), correction=0)),
    Case(minidl.Tensor.logsumexp, [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1, keepdim=True), S((), 0)],
         loop_logsumexp, torch="logsumexp", float16=True, name="logsumexp"),
    Case(minidl.Tensor.logsumexp, [S((2, 3, 4), S.raw((0, 2))), S((3, 0), 0), S(INTS, 1)],
         torch="logsumexp", name="logsumexp of several, of ints"),
    Case(minidl.Tensor.all, [S(BOOLS), S(BOOLS, 1), S(INTS, 0), S(np.ones((2, 3)), 0, True), S(np.ones((0, 2)), 0)],
         numpy_axes(np.all), torch="all", grad=False, name="all"),
    Case(minidl.Tensor.any, [S(BOOLS), S(BOOLS, 1), S(INTS, 0), S(np.zeros((2, 3)), 0, True), S(np.ones((0, 2)), 0)],
         numpy_axes(np.any), torch="any", grad=False, name="any"),
    Case(minidl.Tensor.count_nonzero, [S(INTS), S(BOOLS, 1), S((2, 3, 4), S.raw((0, 1))), S((0, 2), 0)],
         lambda x, dim=None: np.count_nonzero(x, axis=dim), torch="count_nonzero", grad=False, name="count_nonzero"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# Where a function has a kink finite differences say nothing; PyTorch's convention is the oracle.
KINKS = [
    Case(minidl.Tensor.std, [S(TIES, 1), S(np.ones(4)), S(np.zeros((2, 3)), 1)], torch="std", name="std of equals"),
]


@pytest.mark.parametrize("case", KINKS, ids=str)
def test_kinks_follow_pytorch(case):
    pytest.importorskip("torch")
    for sample in case.samples:
        _check_values(case, sample)


def test_worked_by_hand():
    """m = 2, so the deviations are -1, 0, 1: var = 2 / 2, and its gradient 2 (x - m) / 2 is the deviations."""
    x = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.var()
    y.backward()
    assert y.item() == 1.0
    assert x.grad.tolist() == [-1.0, 0.0, 1.0]


def test_product_with_zeros_by_hand():
    """d(a b c)/da = b c: with one zero only its own place has a gradient, with two nobody has."""
    for values, expected in (([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]), ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0])):
        x = minidl.tensor(values, requires_grad=True)
        x.prod().backward()
        assert x.grad.tolist() == expected


def test_dtypes_of_sums_and_dtype_argument():
    assert minidl.tensor([True, True]).sum().dtype == minidl.int64
    assert minidl.tensor([1, 2], dtype=minidl.uint8).sum().dtype == minidl.int64
    assert minidl.tensor([200, 100], dtype=minidl.uint8).sum().item() == 300
    assert minidl.tensor([1.5, 1.5]).sum(dtype=minidl.int64).item() == 2     # cast first
    assert minidl.tensor([1, 2]).mean(dtype=minidl.float64).dtype == minidl.float64
    assert minidl.tensor([1, 2], dtype=minidl.int32).prod(dtype=minidl.int32).dtype == minidl.int32
    assert minidl.tensor([1.0, 2.0]).cumsum(0, dtype=minidl.float64).dtype == minidl.float64
    assert minidl.tensor([3.0, 4.0]).norm(dtype=minidl.float64).dtype == minidl.float64
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    x.sum(dtype=minidl.float64).backward()
    assert x.grad.dtype == minidl.float32


@pytest.mark.parametrize("name", ["sum", "nansum", "prod", "cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_no_gradient_is_lost_in_a_dtype_that_has_none(name, dtype):
    x = minidl.tensor([1.5, 2.5], requires_grad=True)
    with pytest.raises(RuntimeError, match=f"Autograd not support dtype: {dtype}"):
        getattr(x, name)(0, dtype=dtype)
    with minidl.no_grad():
        assert getattr(x, name)(0, dtype=dtype).dtype == dtype
    assert getattr(x.detach(), name)(0, dtype=dtype).dtype == dtype


def test_float16_adds_up_in_more_digits():
    x = minidl.ones(5000, 2, dtype=minidl.float16)
    assert x.sum(0).tolist() == [5000.0, 5000.0]     # in float16 alone it would stop at 2048
    assert x.mean(0).tolist() == [1.0, 1.0]
    assert (x * 20).mean().item() == 20.0             # the sum is beyond float16's range, the mean is not
    assert x.cumsum(0).max(0).values.tolist() == [5000.0, 5000.0]
    assert (x * 300).norm(dim=0).isfinite().all().item()
    assert (x * 0 + 300).var(0).tolist() == [0.0, 0.0]


def test_variance_far_from_zero_keeps_its_digits():
    values = np.random.default_rng(0).standard_normal(1000) + 1e4
    assert minidl.tensor(values, dtype=minidl.float32).var().item() == pytest.approx(
        np.var(values.astype(np.float32).astype(np.float64), ddof=1), rel=1e-4)


def test_variance_without_freedom():
    """Nothing to divide by: 0 / 0 is nan, with one warning."""
    x = minidl.tensor([1.0], requires_grad=True)
    for y, value in ((x.var, math.nan), (minidl.tensor(1.0).std, math.nan), (minidl.zeros(0).var, math.nan),
                     (lambda: minidl.tensor([1.0, 2.0]).var(correction=2), math.inf),
                     (lambda: minidl.var_mean(x)[0], math.nan)):
        with pytest.warns(UserWarning, match=r"degrees of freedom is <= 0") as caught:
            np.testing.assert_equal(y().item(), value)
        assert [w.category for w in caught].count(UserWarning) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert x.var(correction=0).item() == 0 and minidl.ones(2).std().item() == 0
    with pytest.warns(UserWarning):
        x.var().backward()
    assert math.isnan(x.grad.item())


def test_reductions_of_nothing():
    nothing = minidl.zeros(0)
    assert nothing.sum().item() == 0.0
    assert nothing.prod().item() == 1.0
    assert math.isnan(nothing.mean().item())
    assert nothing.logsumexp(0).item() == -math.inf
    assert minidl.zeros(2, 0).logsumexp(1).tolist() == [-math.inf, -math.inf]
    assert nothing.all().item() is True and nothing.any().item() is False


def test_logsumexp_of_infinities():
    inf = math.inf
    x = minidl.tensor([[-inf, -inf], [0.0, -inf], [1e4, 1e4]], requires_grad=True)
    y = x.logsumexp(1)
    assert y.tolist() == [-inf, 0.0, pytest.approx(1e4 + math.log(2))]
    y.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]]   # PyTorch: nan in the first row
    assert minidl.tensor([inf, 0.0]).logsumexp(0).item() == inf


def test_nans_are_left_out():
    x = minidl.tensor(NANS, requires_grad=True)
    np.testing.assert_allclose(x.nanmean(1).detach().numpy(), [1.5, 1.75])
    x.nansum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    assert math.isnan(minidl.tensor([math.nan]).nanmean().item())
    assert minidl.tensor([math.nan]).nansum().item() == 0.0


def test_all_of_uint8_is_uint8():
    assert minidl.tensor([1, 0], dtype=minidl.uint8).all().dtype == minidl.uint8
    assert minidl.tensor([1, 0], dtype=minidl.int32).any().dtype == minidl.bool


def test_an_empty_dim_tuple_is_all_dims_but_not_for_all():
    x = minidl.tensor([[0.0, 1.0], [2.0, 3.0]])
    assert x.sum(dim=()).item() == 6.0
    assert x.all(dim=()).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("function", [reduce.sum, reduce.mean, minidl.max, reduce.var, minidl.norm, reduce.all])
def test_refuses_what_is_no_tensor(function):
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        function([1.0, 2.0])


def test_refuses_a_dim_that_is_no_int():
    with pytest.raises(TypeError, match="dim must be an int"):
        minidl.ones(2).sum("0")
    with pytest.raises(TypeError, match="dim must be an int"):
        minidl.ones(2).sum(0.0)
    with pytest.raises(TypeError, match="dim must be an int"):
        minidl.ones(2, 2).max((0, 1))


def test_plain_arrays_give_plain_arrays():
    x = np.arange(6.0).reshape(2, 3)
    for result in (reduce.sum(x, 0), reduce.mean(x), minidl.max(x, 1).values, reduce.var(x, 1), minidl.amax(x, 0)):
        assert isinstance(result, (np.ndarray, np.generic))


def test_writing_into_a_result_that_backward_needs_is_noticed():
    x = minidl.tensor([1.0, 2.0, 4.0], requires_grad=True)
    y = x.std()
    y += 1.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "amin", "argmax", "std", "all", "logsumexp", "nansum"])
def test_names_of_numpy(name):
    """PyTorch takes `axis` and `keepdims` too."""
    x = minidl.randn(3, 4)
    for call in (getattr(minidl, name), lambda x, *a, **k: getattr(x, name)(*a, **k)):
        ours, theirs = call(x, 1, keepdim=True), call(x, axis=1, keepdims=True)
        assert str(ours) == str(theirs)
    with pytest.raises(TypeError):
        getattr(x, name)(1, axis=1)


def test_functions_of_numpy_reduce_tensors():
    x = minidl.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert np.mean(x).item() == 3.0 and np.sum(x, axis=0).tolist() == [4.0, 8.0] and np.max(x) == 6.0
    assert np.argmax(x, axis=1).tolist() == [1, 1]
