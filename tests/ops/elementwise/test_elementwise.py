"""Elementwise ops: arithmetic, comparison, selection, powers and exponentials, angles."""
from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minidl
from minidl.autograd import inplace
from minidl.ops import elementwise as ew
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import of_one, of_two, row

nan, inf = math.nan, math.inf
SHAPES = [S((3, 4)), S(()), S((0, 2))]
POSITIVE = [S((3, 4), low=0.3, high=3.0), S((), low=0.3, high=3.0), S((0, 2))]
UNIT = [S((3, 4), low=-0.9, high=0.9), S((), low=-0.9, high=0.9), S((0, 2))]
ABOVE_ONE = [S((3, 4), low=1.1, high=3.0), S((), low=1.1, high=3.0)]
PAIRS = [S((3, 4), (3, 4)), S((3, 4), (4,)), S((2, 1, 3), (4, 1)), S((), (2, 2)), S((), ()), S((0, 3), (3,)),
         S((3, 2), 1.5), S((3, 2), 2)]
POSITIVE_PAIRS = [
    S((3, 4), (3, 4), low=0.3, high=3.0),
    S((3, 1), (4,), low=0.3, high=3.0),
    S((), (), low=0.3, high=3.0),
]
INTS = [np.array([[7, -7, 3], [0, 5, -2]]), np.array([2, -3, 4])]
MASKS = [np.array([[True, False], [True, True]]), np.array([False, True])]


def unary(fn, samples=None, oracle=None, **kwargs):
    name = fn.__name__
    return Case(fn, SHAPES if samples is None else samples, oracle=oracle, torch=name, **kwargs)


ARITHMETIC = [
    Case(ew.add, [*PAIRS, S((2, 3), (3,), alpha=0.5)], torch="add", float16=True),
    Case(ew.sub, [*PAIRS, S((2, 3), (3,), alpha=-2)], torch="sub", float16=True),
    Case(ew.mul, PAIRS, oracle=np.multiply, torch="mul", float16=True),
    Case(ew.div, [*POSITIVE_PAIRS, S((3, 2), 1.5), S((3, 2), 2), S(*INTS)], torch="div", float16=True),
    Case(ew.div, [S((3, 4), (4,), rounding_mode=mode) for mode in ("trunc", "floor")]
         + [S(*INTS, rounding_mode="trunc"), S(*INTS, rounding_mode="floor")], torch="div", name="div rounded"),
    Case(ew.floor_divide, [S((3, 4), (4,)), S(*INTS), S(INTS[0], 2)], oracle=np.floor_divide, grad=False),
    *of_two("floor_divide", 0.5, ints=False, grad=False),
    row("floor_divide",
        S(rows.INTS, rows.POSITIVE_INTS),
        S(rows.INTS, 2),
        S(rows.INTS, np.array(-3)),
        grad=False, name="floor_divide of integers"),
    Case(ew.remainder, [S((3, 4), (4,)), S((3, 4), 0.7), S(*INTS)], oracle=np.remainder, torch="remainder"),
    *of_two("remainder", 0.5),
    Case(ew.fmod, [S((3, 4), (4,)), S((3, 4), 0.7), S(*INTS)], oracle=np.fmod, torch="fmod"),
    *of_two("fmod", 0.5),
    unary(ew.neg, oracle=np.negative),
    unary(ew.abs, [*SHAPES, S(np.array([0.0, -1.0, 2.0])), S(INTS[0])], oracle=np.abs, gradgrad=False),
    unary(ew.sign, [*SHAPES, S(np.array([0.0, -1.5])), S(INTS[0]), S(MASKS[0])], grad=False),
    unary(ew.floor, [*SHAPES, S(INTS[0])], oracle=np.floor),
    unary(ew.ceil, [*SHAPES, S(INTS[0])], oracle=np.ceil),
    unary(ew.trunc, [*SHAPES, S(INTS[0])], oracle=np.trunc),
    unary(ew.round, [*SHAPES, S((3, 3), decimals=1), S(INTS[0])]),
    unary(ew.round, [S(np.array([0.5, 1.5, -2.5, 3.2]))], grad=False),   # halves, where it jumps
    unary(ew.frac, oracle=lambda x: x - np.trunc(x)),
    *of_one("frac", ints=False),
    Case(ew.lerp, [S((3, 4), (3, 4), 0.25), S((3, 4), (4,), (3, 1))], torch="lerp",
         oracle=lambda a, b, w: (1 - w) * a + w * b),
    row("lerp", S((2, 3), (2, 3), 0.3), S((2, 3), (3,), (2, 1)), S((), (), 0.7), S((0, 2), (2,), 0.5)),
    Case(ew.addcmul, [S((3, 4), (3, 1), (4,)), S((2,), (2,), (2,), value=0.5)], torch="addcmul"),
    row("addcmul",
        S((2, 3), (2, 3), (3,)),
        S((2, 3), (2, 1), (1, 3), value=0.5),
        S((), (), ()),
        S((0,), (1,), (0,)),
        S(rows.INTS, rows.INTS, rows.POSITIVE_INTS, value=2)),
    Case(ew.addcdiv, [S((3, 4), (3, 1), (4,), low=0.5, high=2), S((2,), (2,), (2,), value=-0.5)], torch="addcdiv",
         errors=[(S(*[np.array([1])] * 3), RuntimeError, "Integer division")]),
    row("addcdiv",
        *[S(*sizes, low=0.5)
          for sizes in [((2, 3), (2, 3), (3,)), ((2, 3), (2, 1), (1, 3)), ((), (), ()), ((0,), (1,), (0,))]],
        S((2, 3), (3,), (2, 1), value=-0.5, low=0.5)),
]

EXPONENTIAL = [
    Case(ew.pow, [S((3, 4), n) for n in (0, 1, 2, 3, 4, -1, -2, 5, 2.0, -3)]
         + [S((3, 4), p, low=0.3, high=2.0) for p in (0.5, -0.5, 1.7, -1.5)], torch="pow", name="pow of a number",
         oracle=np.float_power),
    Case(ew.pow, [S((3, 4), (4,), low=0.3, high=2.0), S((3, 1), (4,), low=0.3, high=2.0), S(2.5, (3, 4)), S(2, (3,)),
                  S(2, np.array([0, 1, 5])), S(np.array([2, -3]), 3), S(np.array([2, -3]), np.array([2, 3]))],
         torch="pow", name="pow of a tensor", oracle=np.float_power,
         errors=[(S(np.array([1, 2]), -1), RuntimeError, "negative integer powers"),
                 (S(np.array([1, 2]), np.array([1, -1])), RuntimeError, "negative integer powers")]),
    unary(ew.square, [*SHAPES, S(INTS[0])]),
    unary(ew.sqrt, POSITIVE, float16=True),
    unary(ew.rsqrt, POSITIVE, float16=True),
    unary(ew.reciprocal, [*POSITIVE, S(np.array([2, -4]))], oracle=lambda x: 1 / x, rtol=1e-6),
    unary(ew.exp, [*SHAPES, S(INTS[1])], oracle=np.exp, rtol=1e-6, float16=True),
    unary(ew.exp2), unary(ew.expm1), unary(ew.log, POSITIVE), unary(ew.log2, POSITIVE), unary(ew.log10, POSITIVE),
    unary(ew.log1p, UNIT),
    Case(ew.logaddexp, [S((3, 4), (4,)), S((), ())], torch="logaddexp"),
    *of_two("logaddexp", ints=False),
    Case(ew.xlogy, [*POSITIVE_PAIRS, S((3,), 2.0), S(2.0, (3,), low=0.5)], torch="xlogy"),
    unary(ew.sigmoid, [*SHAPES, S(np.array([-800.0, -30.0, 0.0, 30.0, 800.0]))], float16=True),
    unary(ew.erf, float16=True), unary(ew.erfc),
    *of_one("erf", ints=False),
    *of_one("erfc", ints=False),
]

TRIGONOMETRIC = [
    unary(ew.sin), unary(ew.cos), unary(ew.tan, UNIT), unary(ew.asin, UNIT), unary(ew.acos, UNIT), unary(ew.atan),
    unary(ew.sinh), unary(ew.cosh), unary(ew.tanh, float16=True), unary(ew.asinh), unary(ew.acosh, ABOVE_ONE),
    *of_one("acosh", 1.2, 4.0),
    unary(ew.atanh, UNIT),
    Case(ew.atan2, [S((3, 4), (4,)), S((), ())], oracle=np.arctan2, torch="atan2"),
    Case(ew.hypot, [S((3, 4), (4,)), S((), ())], oracle=np.hypot, torch="hypot"),
    *of_two("hypot", ints=False),
]

SELECTION = [
    Case(ew.where, [S(MASKS[0], (2, 2), (2, 2)), S(MASKS[0], (2, 2), (2,)), S(MASKS[1], (3, 1), (1, 2)),
                    S(MASKS[0], (2, 2), 0.0), S(MASKS[0], -1, (2, 2)), S(MASKS[0], 1, 2), S(MASKS[0], 1, 2.5)],
         oracle=np.where, torch="where",
         errors=[(S(np.array([1.0]), (1,), (1,)), RuntimeError, "boolean"),
                 (S(MASKS[0], (3,), (2,)), RuntimeError, "broadcast")]),
    Case(ew.maximum, [S((3, 4), (4,)), S(*INTS)], oracle=np.maximum,
         torch="maximum"),
    *of_two("maximum"),
    row("maximum", S(rows.BOOLS, ~rows.BOOLS), S(rows.INTS, rows.BOOLS), grad=False, name="maximum of bools"),
    Case(ew.minimum, [S((3, 4), (4,)), S(*INTS)], oracle=np.minimum, torch="minimum"),
    *of_two("minimum"),
    Case(ew.fmax, [S((3, 4), (4,))], oracle=np.fmax, torch="fmax"),
    *of_two("fmax"),
    row("fmax", S(rows.NANS, rows.NANS[::-1].copy()), grad=False, name="fmax of nan"),
    Case(ew.fmin, [S((3, 4), (4,))], oracle=np.fmin, torch="fmin"),
    *of_two("fmin"),
    row("fmin", S(rows.NANS, rows.NANS[::-1].copy()), grad=False, name="fmin of nan"),
    Case(ew.clamp, [
        S((3, 4), -1, 1),
        S((3, 4), 0.5),
        S((3, 4), max=0.5),
        S((3, 4), (4,), (3, 1)),
        S((3, 4), None, (4,)),
        S((3, 4), (3, 4)),
        S((3, 4), 1, -1),
        S(INTS[0], -1, 3),
        S(INTS[0], 0.5),
    ], torch="clamp", errors=[(S((2,)), RuntimeError, "At least one of 'min' or 'max'")]),
    unary(ew.nan_to_num, [S((3, 4)), S((2,), nan=1.0)]),
    row("nan_to_num",
        S(rows.NANS, 1.0, 2.0, -2.0),
        S(rows.NANS, nan=0.5),
        S(rows.INTS),
        S((2, 3), posinf=1.0),
        S((0, 2))),
]

COMPARISON = [
    *[Case(fn, [S((3, 4), (4,)), S((3, 4), 0.5), S((), ()), S(*INTS), S(INTS[0], 2.5), S(MASKS[0], MASKS[1])],
           torch=fn.__name__, grad=False) for fn in (ew.eq, ew.ne, ew.lt, ew.le, ew.gt, ew.ge)],
    *[Case(fn, [S((3, 4)), S(np.array([nan, inf, -inf, 0.0])), S(INTS[0])], torch=fn.__name__, grad=False)
      for fn in (ew.isnan, ew.isinf, ew.isfinite)],
    *[Case(fn, [S(*MASKS), S(*INTS), S((2, 2), (2,))], torch=fn.__name__, grad=False)
      for fn in (ew.logical_and, ew.logical_or, ew.logical_xor)],
    *[row(f"logical_{name}",
          S(rows.BOOLS, ~rows.BOOLS),
          S(rows.INTS, np.array([0, 1, 2])),
          S(np.array(0), rows.BOOLS),
          S((0, 2), (2,)),
          grad=False)
      for name in ("and", "or", "xor")],
    *[Case(fn, [S(*MASKS), S(*INTS), S(INTS[0], 6), S(MASKS[0], INTS[1][:2])], torch=fn.__name__, grad=False,
           errors=[(S((2,), (2,)), NotImplementedError, "not implemented for floating")])
      for fn in (ew.bitwise_and, ew.bitwise_or, ew.bitwise_xor)],
    unary(ew.logical_not, [S(MASKS[0]), S(INTS[0]), S((2,))], grad=False),
    unary(ew.bitwise_not, [S(MASKS[0]), S(INTS[0])], grad=False, errors=[(S((2,)), TypeError, "invert")]),
    row("bitwise_not", S(rows.INTS), S(rows.BOOLS), S(np.array(5)), S(np.zeros((0, 2), int)), grad=False),
    Case(ew.isclose, [S((3, 4), (4,)), S(np.array([1.0, nan]), np.array([1.0 + 1e-7, nan]), equal_nan=True),
                      S(np.array([1.0, 10.0]), np.array([1.1, 10.1]), 0.02, 0.0)], torch="isclose", grad=False),
    row("isclose",
        S((2, 3), (2, 3)),
        S(rows.NANS, rows.NANS, equal_nan=True),
        S(rows.INTS, rows.INTS, rtol=0.5),
        S((), (2,)),
        grad=False),
]


CASES = [*ARITHMETIC, *EXPONENTIAL, *TRIGONOMETRIC, *SELECTION, *COMPARISON]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_by_hand():
    # y = a * b + a / b:  dy/da = b + 1/b,  dy/db = a - a / b^2
    a = minidl.tensor([3.0], requires_grad=True)
    b = minidl.tensor([2.0], requires_grad=True)
    y = ew.add(ew.mul(a, b), ew.div(a, b))
    y.backward()
    assert (y.item(), a.grad.item(), b.grad.item()) == (7.5, 2.5, 2.25)


# ---------------------------------------------------------------------- dtypes

DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
DIMS = [(), (2,)]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("fn", [ew.add, ew.mul, ew.div, ew.maximum, ew.lt, ew.atan2], ids=lambda fn: fn.__name__)
def test_promotion_of_two_tensors(fn):
    for da, db, sa, sb in itertools.product(DTYPES, DTYPES, DIMS, DIMS):
        ours = fn(minidl.ones(sa, dtype=da), minidl.ones(sb, dtype=db))
        theirs = getattr(torch, fn.__name__)(torch.ones(sa, dtype=getattr(torch, da)),
                                             torch.ones(sb, dtype=getattr(torch, db)))
        assert f"torch.{ours.dtype}" == str(theirs.dtype), (da, db, sa, sb)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("fn", [ew.add, ew.mul, ew.div, ew.pow, ew.clamp, ew.ge], ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("number", [True, 2, 2.5])
def test_promotion_with_a_number(fn, number):
    if isinstance(number, bool) and fn is ew.pow:
        pytest.skip("PyTorch has no pow of bools")
    for dtype, shape in itertools.product(DTYPES, DIMS):
        if fn is ew.clamp and dtype == "bool":
            continue
        ours = fn(minidl.ones(shape, dtype=dtype), number)
        theirs = getattr(torch, fn.__name__)(torch.ones(shape, dtype=getattr(torch, dtype)), number)
        assert f"torch.{ours.dtype}" == str(theirs.dtype), (dtype, shape)


def test_numpy_scalars_count_as_plain_numbers():
    assert (minidl.ones(2) * np.float64(2.5)).dtype == minidl.float32
    assert (minidl.ones(2, dtype=minidl.int64) * np.float32(2.5)).dtype == minidl.float32
    assert (minidl.ones(2, dtype=minidl.uint8) + np.int64(1)).dtype == minidl.uint8


@pytest.mark.parametrize("fn", [ew.sqrt, ew.exp, ew.log, ew.sin, ew.sigmoid, ew.tanh, ew.erf, ew.rsqrt, ew.reciprocal])
def test_integers_give_the_default_floating_dtype(fn):
    for dtype in ("uint8", "int64", "bool"):
        assert fn(minidl.ones(2, dtype=dtype)).dtype == minidl.float32


def test_integers_wrap_around():
    x = minidl.tensor([1, 200], dtype=minidl.uint8)
    assert (x + 300).tolist() == [45, 244]
    assert (x - 201).tolist() == [56, 255]
    assert (x + (-1)).tolist() == [0, 199]
    assert (5 - x).tolist() == [4, 61]
    assert (-x).tolist() == [255, 56]


def test_integers_compare_with_numbers_that_they_cannot_hold():
    x = minidl.tensor([1, 200], dtype=minidl.uint8)
    assert (x < 300).all() and (x > -1).all() and not (x == 257).any()


def test_trunc_division_of_large_integers_is_exact():
    x = minidl.tensor([2**62 + 1, -(2**62 + 1)])
    assert ew.div(x, 2, rounding_mode="trunc").tolist() == [2**61, -(2**61)]


# ---------------------------------------------------------------------- special values

def gradients(fn, *values):
    inputs = [minidl.tensor(v, requires_grad=True) for v in values]
    with np.errstate(all="ignore"):
        out = fn(*inputs)
        out.backward(minidl.ones_like(out))
    return out.tolist(), [x.grad.tolist() for x in inputs]


def same(ours, theirs):
    np.testing.assert_array_equal(np.array(ours, dtype=float), np.array(theirs, dtype=float))


@pytest.mark.parametrize("fn, a, b, out, ga, gb", [
    (ew.maximum, [1.0, 2.0, nan, 3.0], [1.0, 3.0, 1.0, nan], [1, 3, nan, nan], [0.5, 0, 1, 1], [0.5, 1, 1, 1]),
    (ew.fmax, [1.0, 2.0, nan, 3.0, nan], [1.0, 3.0, 1.0, nan, nan], [1, 3, 1, 3, nan], [1, 0, 0, 1, 1],
     [0, 1, 1, 0, 0]),
    (ew.fmin, [1.0, 2.0, nan, 3.0, nan], [1.0, 3.0, 1.0, nan, nan], [1, 2, 1, 3, nan], [1, 1, 0, 1, 1],
     [0, 0, 1, 0, 0]),
    (ew.pow, [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 2.0, 0.0], [1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]),
    (ew.atan2, [0.0], [0.0], [0], [0], [0]),
    (ew.xlogy, [0.0, 0.0, 0.0], [1.0, -1.0, 0.0], [0, 0, 0], [0, 0, 0], [0, 0, nan]),
    (ew.logaddexp, [-inf, 0.0, inf], [0.0, -inf, -inf], [0, 0, inf], [0, 1, 1], [1, 0, 0]),
])
def test_special_values_of_two(fn, a, b, out, ga, gb):
    ours, (first, second) = gradients(fn, a, b)
    same(ours, out)
    same(first, ga)
    same(second, gb)


@pytest.mark.parametrize("n, out, g", [(0, [1, 1], [0, 0]), (1, [0, -2], [1, 1]), (2, [0, 4], [0, -4]),
                                       (3, [0, -8], [0, 12]),
                                       (0.5, [0, nan], [inf, nan]),
                                       (-1, [inf, -0.5], [-inf, -0.25])])
def test_pow_of_a_number_at_zero(n, out, g):
    ours, (first,) = gradients(lambda x: ew.pow(x, n), [0.0, -2.0])
    same(ours, out)
    same(first, g)


def test_xlogy_that_is_left_out_has_no_gradient():
    """log(-1) is NaN, but no gradient arrives there."""
    _, (gx, _) = gradients(lambda x, y: ew.where(y > 0, ew.xlogy(x, y), 0.0), [2.0, 3.0], [-1.0, 1.0])
    same(gx, [0, 0])


def test_squares_of_bools_are_whole_numbers():
    assert ew.square(minidl.tensor([True, False])).dtype == minidl.int64


def test_clamp_between_tensors():
    # inside, on a bound, above, bounds that cross
    out, (gx, g_min, g_max) = gradients(ew.clamp, [1.5, 1.0, 3.0, 4.0, 0.0], [1.0, 1.0, 1.0, 5.0, 1.0],
                                        [2.0, 2.0, 2.0, 0.0, 2.0])
    assert out == [1.5, 1.0, 2.0, 0.0, 1.0]
    assert (gx, g_min, g_max) == ([1, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 1, 1, 0])


def test_nan_to_num():
    out, (g,) = gradients(lambda x: ew.nan_to_num(x, posinf=5.0, neginf=-5.0), [1.0, nan, inf, -inf])
    assert (out, g) == ([1, 0, 5, -5], [1, 0, 0, 0])


def test_where_gives_the_branch_not_taken_no_gradient():
    x = minidl.tensor([4.0, 0.0], requires_grad=True)
    y = ew.where(minidl.tensor([True, False]), x, 1.0)
    y.backward(minidl.tensor([1.0, inf]))
    assert x.grad.tolist() == [1.0, 0.0]


def test_where_with_the_condition_alone():
    rows, columns = ew.where(minidl.tensor([[True, False], [False, True]]))
    assert rows.tolist() == columns.tolist() == [0, 1]


def test_sigmoid_and_softplus_are_exact_in_the_tails():
    x = np.array([-80.0, -20.0, 20.0], np.float32)
    np.testing.assert_allclose(ew.sigmoid(minidl.tensor(x)).numpy(), 1 / (1 + np.exp(-x.astype(float))), rtol=1e-6)


def test_second_derivative_of_pow_at_zero_exponent():
    # y = a^b: d2y/da db = a^(b-1) * (1 + b log a), at b = 0: 1/a
    a = minidl.tensor([2.0], dtype=minidl.float64, requires_grad=True)
    b = minidl.tensor([0.0], dtype=minidl.float64, requires_grad=True)
    (ga,) = minidl.autograd.grad(ew.pow(a, b).sum(), [a], create_graph=True)
    (gab,) = minidl.autograd.grad(ga.sum(), [b])
    assert gab.item() == pytest.approx(0.5)


# ---------------------------------------------------------------------- errors and in-place

@pytest.mark.parametrize("a, b", [(True, minidl.ones(2)), (minidl.ones(2), minidl.ones(2, dtype=bool)),
                                  (minidl.ones(2, dtype=bool), 1), (minidl.ones(2, dtype=bool), minidl.ones(2))])
def test_bools_are_not_subtracted(a, b):
    with pytest.raises(RuntimeError, match="Subtraction, the `-` operator, with a bool tensor is not supported"):
        ew.sub(a, b)


def test_errors():
    ints = minidl.tensor([1, 2])
    with pytest.raises(RuntimeError, match="Negation, the `-` operator, on a bool tensor"):
        ew.neg(ints > 1)
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        ew.add(ints, ints, alpha=0.5)
    with pytest.raises(RuntimeError, match="rounding_mode to be one of"):
        ew.div(ints, ints, rounding_mode="up")
    with pytest.raises(RuntimeError, match="Float|did not match"):
        ew.isclose(minidl.ones(2), ints)
    with pytest.raises(RuntimeError, match=">3<"):
        ew.add(minidl.ones(2, 3), minidl.ones(4))
    with pytest.raises(TypeError, match="expected a Tensor or a number"):
        ew.add(minidl.ones(2), "a")
    for fn in (ew.floor_divide, ew.remainder, ew.fmod):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            fn(ints, 0)


def test_equal_and_allclose():
    x = minidl.tensor([1.0, 2.0])
    assert ew.equal(x, x.double()) and not ew.equal(x, x[:1]) and not ew.equal(x, x + 1)
    assert ew.allclose(x, x + 1e-7) is True and ew.allclose(x, x + 1) is False


def test_in_place():
    x = minidl.tensor([1.0, 4.0], requires_grad=True)
    y = x * 1
    inplace.write(y, ew.Mul(), 4.0)
    inplace.write(y, ew.Sqrt())
    assert y.tolist() == [2.0, 4.0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.5]   # d sqrt(4x)/dx = 1 / sqrt(x)


def test_nan_has_no_sign():
    """So |prediction - target| may be masked where a target is missing: the gradient there is zero."""
    x = minidl.tensor([math.nan, -2.0, 0.0, math.inf], requires_grad=True)
    assert ew.sign(x).tolist() == [0, -1, 0, 1]
    ew.abs(x).sum().backward()
    assert x.grad.tolist() == [0, -1, 0, 1]


def test_lerp_arrives_at_its_ends():
    """a + 1 * (b - a) is not b in float32."""
    stream = np.random.default_rng(0)
    a, b = (minidl.tensor(stream.standard_normal(100) * 10.0 ** stream.integers(-3, 3, 100), dtype=minidl.float32)
            for _ in range(2))
    assert ew.lerp(a, b, 1.0).tolist() == b.tolist() and ew.lerp(a, b, 0.0).tolist() == a.tolist()


def test_sigmoid_of_float16_is_rounded_once():
    """log(1 - sigmoid(6)) would be off by a fifth if the sum 1 + e^-6 were rounded, too."""
    x = np.linspace(-8, 8, 321).astype(np.float16)
    expected = (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float16)
    assert ew.sigmoid(minidl.tensor(x)).tolist() == expected.tolist()
