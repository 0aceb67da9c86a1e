"""Several values to one place: sums, products, means and extremes, of elements and of slices; put."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.backend.kernels.scatter_reduce import rounds
from minidl.ops import index as sr
from tests.checking import Case, S, _check_values, check_case, torch

INDEX = np.array([0, 2, 2, 0, 2])
ROWS = np.array([[0, 1, 1], [2, 1, 0]])
INTS, SOURCE = np.array([5, -3, 2]), np.array([7, -4, 6, 5, 2])
ZEROS = [np.array([2.0, 0.0, 3.0]), np.array([1.5, 0.0, 2.0, 4.0, -3.0])]
MORE_ZEROS = [np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 2.0, 0.0, 0.0])]
TIES = [np.array([2.0, 0.0, 3.0]), np.array([2.0, 3.0, 3.0, 2.0, 1.0])]
REDUCTIONS = ["sum", "prod", "mean", "amax", "amin"]


def loop(x, dim, index, src, reduce, include_self=True):
    """Gather what meets at every place, then reduce it."""
    if x.ndim == 0:
        return loop(x[None], 0, index[None], src[None], reduce, include_self)[0]
    meeting = {place: [x[place]] if include_self else [] for place in np.ndindex(x.shape)}
    for at in np.ndindex(index.shape):
        place = (*at[:dim % x.ndim], int(index[at]), *at[dim % x.ndim + 1:])
        meeting[place].append(src[at])
    whole = x.dtype.kind in "iu"
    combine = {"sum": sum, "prod": np.prod, "amax": max, "amin": min,
               "mean": lambda v: sum(v) // len(v) if whole else sum(v) / len(v)}[reduce]
    return np.array([combine(values) if values else x[place] for place, values in meeting.items()]).reshape(x.shape)


def put_loop(x, index, source, accumulate=False):
    y = x.copy().reshape(-1)
    for i, v in zip(np.ravel(index), np.ravel(source)):
        y[i] = y[i] + v if accumulate else v
    return y.reshape(x.shape)


ERRORS = [(S((3,), 0, INDEX, (5,), "max"), RuntimeError, "must be either sum, prod, mean, amax or amin, got max"),
          (S((3,), 0, INDEX, SOURCE, "sum"), RuntimeError, "dtype"),
          (S((2,), 0, INDEX, (5,), "sum"), RuntimeError, "out of bounds"),
          (S((3,), 1, INDEX, (5,), "sum"), IndexError, "out of range")]
CASES = [
    *[Case(sr.scatter_reduce,
           [S(*args, reduce, include_self=include, seed=k)
            for include in (True, False)
            for k, args in enumerate([
                ((3,), 0, INDEX, (5,)),
                ((3, 3), 0, ROWS, (2, 3)),
                ((3, 4), -1, ROWS, (2, 3)),
                ((2, 3, 2), 1, ROWS[:, :, None], (2, 3, 1)),
                ((3,), 0, np.array([], int), (0,)),
                ((), 0, np.array(0), ()),
                (INTS, 0, INDEX, SOURCE),
            ])],
           loop, "scatter_reduce", errors=ERRORS, name=f"scatter_reduce {reduce}")
      for reduce in REDUCTIONS],
    Case(sr.scatter_reduce, [
        S(x, 0, INDEX, v, "prod", include_self=include) for x, v in (ZEROS, MORE_ZEROS) for include in (True, False)],
        loop, name="products with zeros"),
    *[Case(sr.index_reduce, [S((3,), 0, INDEX, (5,), reduce), S((3, 4), 0, INDEX, (5, 4), reduce, include_self=False),
                             S((2, 3), -1, INDEX, (2, 5), reduce), S(INTS, 0, INDEX, SOURCE, reduce)],
           torch="index_reduce", name=f"index_reduce {reduce}",
           errors=[(S((3,), 0, INDEX, (5,), "sum"), RuntimeError, "Try index_add"),
                   (S((3,), 0, INDEX, (4,), "prod"), RuntimeError, "a source of shape (5,)")])
      for reduce in REDUCTIONS[1:]],
    Case(sr.put, [
        S((2, 3), np.array([0, 5, 2]), (3,)),
        S((2, 3), np.array([[0, -1]]), (1, 2)),
        S((4,), np.array([1, 1, 0]), (3,), True),
        S(INTS, np.array([0, 0]), np.array([1, 2]), accumulate=True),
        S((), np.array([0]), (1,)),
        S((3,), np.array([], int), (0,)),
    ], put_loop, "put", errors=[
        (S((3,), np.array([3]), (1,)), IndexError, "index 3 is out of bounds"),
        (S((3,), np.array([0, 1]), (3,)), IndexError, "source.numel() = 3, index.numel() = 2"),
        (S((3,), np.array([0]), np.array([1])), RuntimeError, "same dtype"),
    ]),
]


@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_equal_extremes_share_the_gradient(reduce):
    _check_values(Case(sr.scatter_reduce, [], loop, "scatter_reduce"), S(TIES[0], 0, INDEX, TIES[1], reduce))


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("values", [ZEROS, MORE_ZEROS])
def test_products_with_zeros_have_the_gradients_of_torch(values):
    case = Case(sr.scatter_reduce, [], loop, "scatter_reduce")
    _check_values(case, S(values[0], 0, INDEX, values[1], "prod"))


def test_product_by_hand():
    # place 0 holds 2 * 3 * 5: each factor's gradient is the product of the others
    x, src = minidl.tensor([2.0, 7.0], requires_grad=True), minidl.tensor([3.0, 5.0], requires_grad=True)
    y = sr.scatter_reduce(x, 0, minidl.tensor([0, 0]), src, "prod")
    assert y.tolist() == [30, 7]
    y.sum().backward()
    assert x.grad.tolist() == [15, 1] and src.grad.tolist() == [10, 6]


def test_mean_by_hand():
    x, src = minidl.tensor([2.0, 7.0], requires_grad=True), minidl.tensor([3.0, 4.0], requires_grad=True)
    y = sr.scatter_reduce(x, 0, minidl.tensor([0, 0]), src, "mean")
    assert y.tolist() == [3, 7]
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 / 3, 1])
    np.testing.assert_allclose(src.grad.numpy(), [1 / 3, 1 / 3])


def test_bools_and_small_integers():
    index = minidl.tensor([0, 0])
    for dtype in ("bool", "uint8", "int8"):
        x, src = minidl.tensor([0, 1], dtype=dtype), minidl.tensor([1, 0], dtype=dtype)
        for reduce, expected in (("amax", [1, 1]), ("amin", [0, 1])):
            y = sr.scatter_reduce(x, 0, index, src, reduce, include_self=False)
            assert y.tolist() == expected and y.dtype == dtype


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_in_place(reduce):
    index = minidl.tensor(INDEX)
    results = []
    for write in (False, True):
        x, src = (minidl.tensor(v, requires_grad=True) for v in ZEROS)
        y = x * 2
        y = sr.scatter_reduce_(y, 0, index, src, reduce) if write else sr.scatter_reduce(y, 0, index, src, reduce)
        y.square().sum().backward()
        results.append((y.tolist(), x.grad.tolist(), src.grad.tolist()))
    assert results[0] == results[1]


def test_put_and_index_reduce_in_place():
    x = minidl.zeros(2, 2)
    assert sr.put_(x.T, minidl.tensor([1]), minidl.tensor([5.0])) is not x and x.tolist() == [[0, 0], [5, 0]]
    sr.index_reduce_(x, 0, minidl.tensor([0, 0]), minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), "amax")
    assert x.tolist() == [[3, 4], [5, 0]]


def test_rounds_name_every_value_once_and_no_place_twice():
    seen = []
    for places, chosen in rounds(INDEX, (3,), (5,)):
        named = np.ravel(places).tolist()
        assert len(set(named)) == len(named) and INDEX[chosen].tolist() == named
        seen += np.ravel(chosen).tolist()
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_what_is_left_out_has_no_share_in_an_infinity():
    x, values = minidl.zeros(2, requires_grad=True), minidl.tensor([-float("inf")], requires_grad=True)
    y = sr.scatter_reduce(x, 0, minidl.tensor([1]), values, "amax", include_self=False)
    y.backward(minidl.tensor([2.0, 3.0]))
    assert y.tolist() == [0, -float("inf")]
    assert (x.grad.tolist(), values.grad.tolist()) == ([2, 0], [3])
