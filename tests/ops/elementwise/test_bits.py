"""Signs, exponents, shifts, divisors; the functions under other names; questions about tensors."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.backend import dtype as dtypes
from minidl.ops.elementwise import bits
from minidl.ops.torch_names import aliases, inquiry
from tests.checking import Case, S, _check_values, check_case, torch
from tests.ops import rows
from tests.ops.rows import of_one, of_two, row

nan, inf = math.nan, math.inf
SHAPES = [S((3, 4)), S(()), S((0, 2))]
PAIRS = [S((3, 4), (3, 4)), S((3, 4), (4,)), S((), (2, 2))]
UNIT = [S((3, 4), low=-0.9, high=0.9)]
ABOVE_ONE = [S((3, 4), low=1.1, high=3.0)]
INTS = [np.array([[12, -7, 3], [0, 5, -8]]), np.array([18, 3, 4])]
SHIFTS = np.array([0, 1, 3])
MASK = np.array([True, False])
SPECIAL = np.array([0.0, -0.0, inf, -inf, nan, 1.5])
NO_FLOATS = [(S((2,), (2,)), NotImplementedError, "expected integers, but got float64")]

BITS = [
    Case(bits.signbit, [*SHAPES, S(np.array([0.0, -0.0, -inf])), S(INTS[0])], np.signbit, "signbit", grad=False),
    Case(bits.copysign, [*PAIRS, S((3, 4), -1.5), S((3, 4), 2)], np.copysign, "copysign"),
    Case(bits.copysign, [S(*INTS), S(INTS[0], -1)], torch="copysign", grad=False, name="copysign of integers"),
    Case(bits.heaviside, [S((3, 4), (4,)), S(SPECIAL, np.array([2.0])), S(*INTS)], torch="heaviside", grad=False,
         errors=[(S((2,), INTS[1]), RuntimeError, "of one dtype")]),
    *of_two("heaviside", ints=False, grad=False),
    Case(bits.frexp, [*SHAPES, S(np.array([3.0, -0.1, 1030.0]))], np.frexp, "frexp",
         errors=[(S(INTS[0]), RuntimeError, "only supports floating-point")]),
    Case(bits.ldexp, [S((3, 3), SHIFTS), S((3, 3), (3,)), S((3,), 2), S(INTS[0], 2)], torch=lambda x, e: x * 2.0 ** e),
    Case(bits.nextafter, [*PAIRS, S(np.array([0.0, 1.0]), np.array([1.0, -inf]))], np.nextafter, "nextafter",
         grad=False),
    Case(bits.bitwise_left_shift, [S(INTS[0], SHIFTS), S(INTS[0], 2), S(MASK, 1)], np.left_shift,
         "bitwise_left_shift", grad=False, errors=NO_FLOATS),
    row("bitwise_left_shift",
        S(rows.POSITIVE_INTS, np.array([1, 2, 0])),
        S(np.array(3), np.array(2)),
        S(rows.POSITIVE_INTS, 1),
        S(np.zeros((0, 2), int), np.array(1)),
        grad=False),
    Case(bits.bitwise_right_shift, [S(INTS[0], SHIFTS), S(INTS[0], 2)], np.right_shift, "bitwise_right_shift",
         grad=False, errors=NO_FLOATS),
    row("bitwise_right_shift",
        S(rows.INTS, np.array([1, 2, 0])),
        S(np.array(300), np.array(2)),
        S(rows.INTS, 1),
        S(np.zeros((0, 2), int), np.array(1)),
        grad=False),
    Case(bits.gcd, [S(*INTS), S(INTS[0], np.array(6))], np.gcd, "gcd", grad=False,
         errors=[*NO_FLOATS, (S(MASK, MASK), NotImplementedError, "got bool")]),
    row("gcd",
        S(rows.INTS, rows.POSITIVE_INTS),
        S(rows.INTS, np.array([12, 18, 4])),
        S(np.array(12), np.array(8)),
        S(np.zeros((0, 2), int), np.array(3)),
        grad=False),
    Case(bits.lcm, [S(*INTS)], np.lcm, "lcm", grad=False, errors=NO_FLOATS),
    row("lcm",
        S(rows.INTS, rows.POSITIVE_INTS),
        S(rows.INTS, np.array([12, 18, 4])),
        S(np.array(12), np.array(8)),
        S(np.zeros((0, 2), int), np.array(3)),
        grad=False),
]

ALIASES = [
    *[Case(getattr(aliases, name), PAIRS, torch=name, name=name)
      for name in ("subtract", "multiply", "divide", "true_divide", "arctan2")],
    *of_two("true_divide", 0.5),
    *[Case(getattr(aliases, name), [S((3, 4), (4,)), S(*INTS)], torch=name, grad=False, name=name)
      for name in ("greater", "greater_equal", "less", "less_equal", "not_equal")],
    *[Case(getattr(aliases, name), SHAPES, torch=name, name=name)
      for name in ("absolute", "negative", "fix", "arctan", "arcsinh", "rad2deg", "deg2rad", "positive")],
    *of_one("rad2deg"),
    *of_one("positive", ints=False),
    Case(minidl.sgn, [*SHAPES, S(INTS[0])], np.sign, name="sgn"),
    *[Case(getattr(aliases, name), UNIT, torch=name, name=name) for name in ("arccos", "arcsin", "arctanh")],
    Case(aliases.arccosh, ABOVE_ONE, torch="arccosh", name="arccosh"),
    *of_one("arccosh", 1.2, 4.0),
    Case(aliases.rsub, [*PAIRS, S((3,), 2), S((3,), 2.5, alpha=3)], torch="rsub"),
    Case(aliases.float_power, [S((3, 4), (4,), low=0.3), S((3, 4), 2), S(2, (3,)), S((), (2, 1), low=0.3)],
         torch="float_power", strict=True),
    Case(aliases.clamp_min, [S((3, 4), 0.5), S((3, 4), (4,)), S(INTS[0], 1)], np.maximum, "clamp_min"),
    row("clamp_min",
        S((2, 3), 0.5),
        S((2, 3), (3,)),
        S((), -1.0),
        S((0, 2), 0),
        S(rows.INTS, 2),
        S(rows.INTS, np.array([1, 2, 3]))),
    Case(aliases.clamp_max, [S((3, 4), 0.5), S((3, 4), (4,)), S(INTS[0], 1)], np.minimum, "clamp_max"),
    row("clamp_max",
        S((2, 3), 0.5),
        S((2, 3), (3,)),
        S((), -1.0),
        S((0, 2), 0),
        S(rows.INTS, 2),
        S(rows.INTS, np.array([1, 2, 3]))),
    *[Case(getattr(aliases, name), [S(SPECIAL), S(INTS[0])], getattr(np, name), name, grad=False, name=name)
      for name in ("isposinf", "isneginf", "isreal")],
    row("isneginf", S(rows.NANS), S(rows.INTS), S((2, 3)), S(()), grad=False),
    row("isposinf", S(rows.NANS), S(rows.INTS), S((2, 3)), S(()), grad=False),
    Case(aliases.deg2rad, [S(INTS[0])], np.deg2rad, "deg2rad", rtol=1e-6, grad=False, name="deg2rad of integers"),
]

CASES = [*BITS, *ALIASES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    if case.fn is aliases.float_power:
        for sample in case.samples:     # always double: the battery's rule for float32 does not hold
            values = [minidl.tensor(a, dtype=minidl.float32) if isinstance(a, np.ndarray) else a for a in sample.args]
            assert aliases.float_power(*values).dtype == minidl.float64
            _check_values(case, sample)
        return
    check_case(case)


def test_float_power_by_hand():
    x = minidl.tensor([2, 3])
    assert aliases.float_power(x, -1).tolist() == [1 / 2, 1 / 3]
    assert aliases.float_power(2, x).tolist() == [4.0, 8.0]


def test_frexp_of_what_is_not_finite():
    mantissa, exponent = bits.frexp(minidl.tensor([inf, nan, 0.0]))
    assert exponent.tolist()[2] == 0 and exponent.dtype == minidl.int32
    assert mantissa.tolist()[0] == inf and math.isnan(mantissa.tolist()[1]) and mantissa.tolist()[2] == 0.0


def test_mantissas_multiplied_out_by_hand():
    x = minidl.tensor([6.0, -0.15625], requires_grad=True)
    mantissa, exponent = bits.frexp(x)
    assert mantissa.tolist() == [0.75, -0.625] and exponent.tolist() == [3, -2]
    assert bits.ldexp(mantissa, exponent).tolist() == x.tolist()
    mantissa.sum().backward()
    assert x.grad.tolist() == [1 / 8, 4.0]


def test_shifts_keep_the_dtype_and_the_sign():
    x = minidl.tensor([-8, 100], dtype=minidl.int8)
    assert bits.bitwise_left_shift(x, 1).dtype == minidl.int8
    assert bits.bitwise_left_shift(x, 1).tolist() == [-16, -56]     # 200 - 256: the bit of the sign
    assert bits.bitwise_right_shift(x, 2).tolist() == [-2, 25]


def test_copysign_gradient_at_zero():
    x = minidl.tensor([0.0, -2.0], requires_grad=True)
    bits.copysign(x, -1.0).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_positive_refuses_bools():
    with pytest.raises(RuntimeError, match="The `\\+` operator, on a bool tensor"):
        aliases.positive(minidl.tensor([True]))


def test_questions():
    x = minidl.zeros(2, 3)
    assert inquiry.is_tensor(x) and not inquiry.is_tensor(x.array)
    assert inquiry.is_floating_point(x) and not inquiry.is_floating_point(x.int()) and not inquiry.is_complex(x)
    assert inquiry.numel(x) == 6 and inquiry.numel(minidl.tensor(1)) == 1
    assert inquiry.is_nonzero(minidl.tensor([2])) and not inquiry.is_nonzero(minidl.tensor(0.0))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with 6 elements"):
        inquiry.is_nonzero(x)
    for question in (inquiry.is_floating_point, inquiry.numel, inquiry.is_complex, inquiry.is_nonzero):
        with pytest.raises(TypeError, match="must be Tensor, not list"):
            question([1.0])


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_casts_and_results_are_those_of_torch():
    names = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
    for a in names:
        for b in names:
            theirs = getattr(torch, a), getattr(torch, b)
            assert dtypes.can_cast(np.dtype(a), np.dtype(b)) == torch.can_cast(*theirs), (a, b)
            for shape in ((), (1,)):
                result = dtypes.result_type(minidl.ones(shape, dtype=a), minidl.ones(1, dtype=b))
                assert f"torch.{result}" == str(torch.result_type(torch.ones(shape, dtype=theirs[0]),
                                                                  torch.ones(1, dtype=theirs[1])))
    assert dtypes.result_type(minidl.tensor([1]), 1.0) == minidl.float32
