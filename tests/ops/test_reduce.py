"""Reductions: sums, means, products, extremes, spread, norms, and running sums and products."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.ops import reduce
from tests.checking import Case, S, _check_values, check_case

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
RUNNING = [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1), S((), 0), S((0, 3), 0), S((1, 3), 0)]
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


def extreme_along(values, where):
    def oracle(x, dim, keepdim=False):
        if np.ndim(x) == 0:
            return x, np.array(0)
        return values(x, axis=dim, keepdims=keepdim), where(x, axis=dim, keepdims=keepdim)
    return oracle


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
    Case(minidl.Tensor.cumsum, [*RUNNING, S(INTS, 1), S(BOOLS, 0)], lambda x, dim: np.cumsum(x, dim).reshape(x.shape),
         torch="cumsum", float16=True, errors=[BAD_DIM], name="cumsum"),
    Case(minidl.Tensor.cumprod, [*RUNNING, *[S(z, -1) for z in ZEROS], S(ZEROS[3], 0), S(INTS, 1), S((9,), 0)],
         lambda x, dim: np.cumprod(x, dim).reshape(x.shape), torch="cumprod", float16=True, name="cumprod"),
    Case(minidl.Tensor.max, [S((3, 4)), S(()), S(INTS)], np.max, torch="max", name="max"),
    Case(minidl.Tensor.max, [*ALONG, S(INTS, 1)], extreme_along(np.max, np.argmax),
         torch=lambda x, *a, **k: tuple(x.max(*a, **k)), float16=True, name="max along",
         errors=[BAD_DIM, (S((0, 2), 0), IndexError, "max(): Expected reduction dim 0 to have non-zero size"),
                 (S((0, 2)), RuntimeError, "max(): Expected reduction dim to be specified for input.numel() == 0")]),
    Case(minidl.Tensor.min, [*ALONG, S(INTS, 1)], extreme_along(np.min, np.argmin),
         torch=lambda x, *a, **k: tuple(x.min(*a, **k)), float16=True, name="min along"),
    Case(reduce.max, [S((3, 4), (3, 4)), S((3, 4), other=np.zeros((3, 4)))], torch="max", gradgrad=False,
         name="max of two"),
    Case(reduce.min, [S((3, 4), (3, 4))], np.minimum, torch="min", name="min of two"),
    Case(minidl.Tensor.amax, [*SHAPES, S((3, 0), dim=0)], numpy_axes(np.max), torch="amax", float16=True, name="amax",
         errors=[TWICE, (S((0, 2), 0), IndexError, "Expected reduction dim 0 to have non-zero size")]),
    Case(minidl.Tensor.amin, SHAPES, numpy_axes(np.min), torch="amin", name="amin"),
    Case(reduce.aminmax, [S((3, 4)), S((3, 4), dim=1), S((3, 4), dim=0, keepdim=True)],
         torch=lambda x, **k: tuple(x.aminmax(**k)), name="aminmax",
         errors=[(S((0,)), RuntimeError, "there is no extreme of nothing")]),
    Case(minidl.Tensor.argmax, [S((3, 4)), *ALONG, S(TIES), S(TIES, 1), S(TIES, 0), S((3, 4), keepdim=True)],
         torch="argmax", name="argmax", errors=[(S((0,)), IndexError, "input.numel() == 0")]),
    Case(minidl.Tensor.argmin, [S((3, 4)), *ALONG, S(TIES), S(TIES, 1), S(TIES, 0)], torch="argmin", name="argmin"),
    Case(minidl.Tensor.var, [S((3, 4)), S((5,), 0), S((2, 3, 4), S.raw((0, -1))), S((2, 3, 4), 1, keepdim=True),
                             S((3, 4), 1, correction=0),
                             S((3, 4), 1, correction=1.5), S((3, 4), 0, False), S((3, 4), False),
                             S((3, 4), unbiased=False)],
         torch="var", float16=True, rtol=1e-8, name="var", errors=[(S(INTS), RuntimeError, "floating-point")]),
    Case(minidl.Tensor.var, [S((3, 4), 1), S((3, 4))], lambda x, dim=None: np.var(x, axis=dim, ddof=1), name="var ddof"),
    Case(minidl.Tensor.std, [S((3, 4)), S((3, 4), 1, keepdim=True), S((2, 3, 4), S.raw((0, 2)), correction=0)],
         torch="std", float16=True, rtol=1e-8, name="std"),
    Case(reduce.var_mean, [S((3, 4)), S((3, 4), 1, keepdim=True), S((3, 4), False)], torch="var_mean", name="var_mean"),
    Case(reduce.std_mean, [S((3, 4)), S((3, 4), 1, correction=0)], torch="std_mean", name="std_mean"),
    Case(minidl.Tensor.logsumexp, [S((5,), 0), S((3, 4), -1), S((2, 3, 4), 1, keepdim=True), S((), 0)],
         loop_logsumexp, torch="logsumexp", float16=True, name="logsumexp"),
    Case(minidl.Tensor.logsumexp, [S((2, 3, 4), S.raw((0, 2))), S((3, 0), 0), S(INTS, 1)],
         torch="logsumexp", name="logsumexp of several, of ints"),
    Case(minidl.Tensor.all, [S(BOOLS), S(BOOLS, 1), S(INTS, 0), S(np.ones((2, 3)), 0, True), S(np.ones((0, 2)), 0)],
         numpy_axes(np.all), torch="all", name="all"),
    Case(minidl.Tensor.any, [S(BOOLS), S(BOOLS, 1), S(INTS, 0), S(np.zeros((2, 3)), 0, True), S(np.ones((0, 2)), 0)],
         numpy_axes(np.any), torch="any", name="any"),
    Case(minidl.Tensor.count_nonzero, [S(INTS), S(BOOLS, 1), S((2, 3, 4), S.raw((0, 1))), S((0, 2), 0)],
         lambda x, dim=None: np.count_nonzero(x, axis=dim), torch="count_nonzero", name="count_nonzero"),
    Case(minidl.Tensor.norm, [S((3, 4)), S(()), S((3, 4), 2, 1), S((3, 4), "fro", S.raw((0, 1))), S((0,)),
                              S((2, 3, 4), dim=S.raw((0, 2)), keepdim=True), S((3, 4), 1), S((3, 4), 1, 0, True),
                              S((3, 4), 3), S((3, 4), 3.5, 1), S((3, 4), 0), S((3, 4), math.inf), S((3, 4), math.inf, 1),
                              S((3, 4), -math.inf, 1), S((3, 4), 0.5, 1), S((3, 4), -1.0, low=1.0), S((0,), 1)],
         torch="norm", float16=True, rtol=1e-8, name="norm",
         errors=[(S(INTS), RuntimeError, "floating-point"), (S((2, 2), "nuc"), ValueError, "number or 'fro'"),
                 (S((0,), math.inf), RuntimeError, "there is no extreme of nothing")]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# Where a function has a kink finite differences say nothing; PyTorch's convention is the oracle.
KINKS = [
    Case(minidl.Tensor.max, [S(TIES)], torch="max", name="max of equals"),
    Case(minidl.Tensor.min, [S(TIES)], torch="min", name="min of equals"),
    Case(minidl.Tensor.max, [S(TIES, 1), S(TIES, 0)], torch=lambda x, d: tuple(x.max(d)), name="max along equals"),
    Case(minidl.Tensor.amax, [S(TIES, 1), S(TIES, S.raw((0, 1))), S(TIES, 1, True)], torch="amax", name="amax of equals"),
    Case(minidl.Tensor.amin, [S(TIES, 1), S(TIES, 0)], torch="amin", name="amin of equals"),
    Case(reduce.aminmax, [S(TIES, dim=1), S(TIES)], torch=lambda x, **k: tuple(x.aminmax(**k)), name="aminmax of equals"),
    Case(minidl.Tensor.std, [S(TIES, 1), S(np.ones(4)), S(np.zeros((2, 3)), 1)], torch="std", name="std of equals"),
    Case(minidl.Tensor.norm, [S(np.zeros((2, 3)), p, *dim) for p in (0.5, 1, 1.5, 2, 3, math.inf) for dim in ((), (1,))],
         torch="norm", name="norm of zeros"),
    Case(minidl.Tensor.norm, [S(np.array([0.0, 3.0, -3.0]), p) for p in (1, 1.5, 2, 3, math.inf, -math.inf)],
         torch="norm", name="norm with a zero"),
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


def test_equals_share_or_the_first_takes_all():
    x = minidl.tensor([1.0, 3.0, 3.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.5]
    x.grad = None
    values, indices = x.max(0)
    values.backward()
    assert indices.item() == 1 and x.grad.tolist() == [0.0, 1.0, 0.0]


def test_max_names_its_results():
    result = minidl.tensor([[1.0, 5.0], [3.0, 2.0]]).max(dim=1)
    assert result.values.tolist() == [5.0, 3.0]
    assert result.indices.tolist() == [1, 0] and result.indices.dtype == minidl.int64


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
    """Nothing to divide by: 0 / 0 is nan, and no warning is shown."""
    assert math.isnan(minidl.tensor([1.0]).var().item())
    assert math.isnan(minidl.tensor(1.0).std().item())
    assert minidl.tensor([1.0, 2.0]).var(correction=2).item() == math.inf
    assert math.isnan(minidl.zeros(0).var().item())
    x = minidl.tensor([1.0], requires_grad=True)
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


def test_nan_is_the_extreme_wherever_there_is_one():
    x = minidl.tensor([1.0, math.nan, 3.0], requires_grad=True)
    y = x.max()
    y.backward()
    assert math.isnan(y.item()) and x.grad.tolist() == [0.0, 1.0, 0.0]
    assert x.argmax().item() == 1 and math.isnan(x.max(0).values.item())


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


@pytest.mark.parametrize("function", [reduce.sum, reduce.mean, reduce.max, reduce.var, reduce.norm, reduce.all])
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
    for result in (reduce.sum(x, 0), reduce.mean(x), reduce.max(x, 1).values, reduce.var(x, 1), reduce.amax(x, 0)):
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
