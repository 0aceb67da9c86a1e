"""New tensors, methods and questions: the values and dtypes are PyTorch's, by the battery of `tests/checking.py`."""
import functools

import numpy as np
import pytest

from tests.checking import S, check_case
from tests.ops.rows import BOOLS, COMPLEX, INTS, NANS, POSITIVE_INTS, calls, row

R = S.raw
made = functools.partial(row, strict=False, grad=False)
made_by = functools.partial(calls, strict=False, grad=False)


def layout(tensor):
    """Shape and strides, as a list: what a tensor without values has."""
    return [*tensor.shape, *tensor.stride()]


def buffer(lib, data, dtype, count=-1, offset=0):
    return lib.frombuffer(bytearray(data), dtype=getattr(lib, dtype), count=count, offset=offset)


CREATION = [
    made("arange", S(5), S(1, 7, 2), S(0.0, 1.0, 0.25), S(5, 0, -2), S(0)),
    made("range", S(0, 5), S(1, 7, 2), S(0.0, 1.0, 0.25), S(5, 0, -2)),
    made_by("linspace", lambda lib, *args: lib.linspace(*args, dtype=lib.float64),
            S(0, 1, 5),
            S(2.0, -2.0, 4),
            S(0, 1, 1),
            S(0, 1, 0)),
    made_by("logspace", lambda lib, *args: lib.logspace(*args, dtype=lib.float64),
            S(0, 1, 5),
            S(2.0, -2.0, 4),
            S(0, 3, 4, 2.0),
            S(0, 1, 0)),
    made("eye", S(3), S(2, 3), S(0), S(3, 1)),
    *[made(name, S(3), S(2, 3), S(R((0, 2))), S(R(()))) for name in ("zeros", "ones")],
    made("full", S(R((2, 3)), 1.5), S(R(()), 2), S(R((0,)), True), S(R((2,)), False)),
    *[made(name, *[S(x, *args) for x in ((2, 3), (), INTS, BOOLS)])
      for name, args in [("zeros_like", ()), ("ones_like", ()), ("full_like", (1,))]],
    made("scalar_tensor", S(2), S(2.5), S(True), S(-1)),
    made("as_tensor", S(R([1, 2])), S(R([[1.5]])), S(R(True)), S(INTS)),
    made_by("asarray", lambda lib, x: lib.asarray(x, requires_grad=False),
            S(R([1, 2])),
            S(R([[1.5]])),
            S(R(True)),
            S(INTS)),
    made("from_numpy",
         S(R(np.arange(3))),
         S(R(np.ones((2, 3)))),
         S(R(np.array(True))),
         S(R(np.zeros((0, 2), np.float32)))),
    made("from_dlpack",
         S(R(np.arange(3))),
         S(R(np.ones((2, 3)))),
         S(R(np.array([1], np.int8))),
         S(R(np.ones(2, np.float32)))),
    made_by("frombuffer", buffer,
            S(bytes(range(8)), "uint8"),
            S(bytes(range(8)), "int16"),
            S(bytes(range(8)), "int32", 1, 4),
            S(bytes(range(8)), "uint8", 3, 1)),
    made("tensor", S(R([1, 2])), S(R([[1.5]])), S(R(True)), S(R([]))),
    *[made_by(name, lambda lib, *args, name=name, **kwargs: getattr(lib, name)(*args, dtype=lib.float64, **kwargs),
              S(5),
              S(6, periodic=False),
              S(1),
              S(0))
      for name in ("bartlett_window", "blackman_window", "hamming_window", "hann_window")],
    made_by("kaiser_window", lambda lib, *args, **kwargs: lib.kaiser_window(*args, dtype=lib.float64, **kwargs),
            S(5),
            S(6, periodic=False),
            S(5, True, 3.0),
            S(1)),
    made("fft.fftfreq", S(5), S(6), S(6, 0.5), S(1)),
    made("fft.rfftfreq", S(5), S(6), S(6, 0.5), S(1)),
    made_by("empty", lambda lib, *size: lib.tensor(lib.empty(*size).shape), S(3), S(2, 3), S(R((0, 2))), S(R(()))),
    made_by("empty_like", lambda lib, x: lib.tensor(lib.empty_like(x).shape), S((2, 3)), S(()), S(INTS), S(BOOLS)),
    made_by("empty_strided", lambda lib, *args: lib.tensor(layout(lib.empty_strided(*args))),
            S(R((2, 3)), R((1, 2))),
            S(R((3,)), R((2,))),
            S(R(()), R(())),
            S(R((2, 2)), R((1, 1)))),
    made_by("empty_permuted", lambda lib, *args: lib.tensor(layout(lib.empty_permuted(*args))),
            S(R((2, 3)), R((1, 0))),
            S(R((3,)), R((0,))),
            S(R((2, 3, 4)), R((0, 2, 1))),
            S(R((2, 3, 4)), R((2, 0, 1)))),
    made_by("Tensor.new_empty_strided", lambda lib, x, *args: lib.tensor(layout(x.new_empty_strided(*args))),
            S((1,), R((2, 3)), R((1, 2))),
            S(INTS, R((3,)), R((2,))),
            S(BOOLS, R(()), R(())),
            S((), R((2, 2)), R((1, 1)))),
    made_by("broadcast_shapes", lambda lib, *args: lib.tensor(lib.broadcast_shapes(*args)),
            S(R((2,)), R((3, 1))),
            S(R((1,)), 3),
            S(R(())),
            S(R((0, 1)), R((1, 4)), R((4,)))),
]


def asked(name, *samples):
    """A function that answers with a number or a bool."""
    return made_by(name, lambda lib, x, *args: lib.tensor(getattr(lib, name)(x, *args)), *samples)


QUESTIONS = [
    *[asked(name, S(INTS), S(BOOLS), S((2, 3)), S(COMPLEX), S((0, 2)))
      for name in ("is_complex", "is_floating_point", "is_signed", "is_tensor", "is_inference", "is_distributed",
                   "numel", "is_conj", "is_neg", "get_device")],
    asked("is_nonzero", S(np.array(3)), S(np.array([[0.0]])), S(np.array([True])), S(np.array(-0.5))),
    asked("is_same_size", S((2, 3), INTS), S((2, 3), (3, 2)), S((), ()), S((0, 2), (2, 0))),
    asked("allclose", S(INTS, INTS), S(NANS, NANS), S((2, 3), np.zeros((2, 3))), S((), ())),
    asked("equal", S(INTS, INTS), S(NANS, NANS), S((2, 3), np.zeros((2, 3))), S((2,), np.zeros(3))),
]

NAMES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64", "complex64"]
DTYPES = [
    made_by("promote_types", lambda lib, a, b: lib.empty(0, dtype=lib.promote_types(getattr(lib, a), getattr(lib, b))),
            *[S(a, b) for a in NAMES for b in NAMES[::2]]),
    made_by("can_cast", lambda lib, a, b: lib.tensor(lib.can_cast(getattr(lib, a), getattr(lib, b))),
            *[S(a, b) for a in NAMES for b in NAMES[::2]]),
    made_by("result_type", lambda lib, x, y: lib.empty(0, dtype=lib.result_type(x, y)),  # the battery compares dtypes
            S((2,), 1),
            S(INTS, 1.5),
            S(INTS, BOOLS),
            S((), INTS),
            S(BOOLS, 2),
            S(np.array(2.0), INTS)),
]


def method(name, *samples, **kwargs):
    """A method of both libraries; a number that it returns is made a tensor."""
    def call(lib, x, *args):
        out = getattr(x, name)(*args)
        return lib.tensor(out) if isinstance(out, int) else out
    return calls(f"Tensor.{name}", call, *samples, **kwargs)


METHODS = [
    calls("detach", lambda lib, x: lib.detach(x), S((2, 3)), S(()), S((0, 2)), S(INTS), grad=False),
    method("reshape_as", S((2, 3), (3, 2)), S((), (1,)), S((0, 2), (2, 0))),
    method("view_as", S((2, 3), (3, 2)), S((), (1,)), S((6,), (2, 3))),
    method("expand_as", S((1, 3), (2, 3)), S((), (2,)), S((2, 1), (3, 2, 4))),
    method("type_as", S((2, 3), (1,))),
    method("reshape_as", S(INTS, (6,)), grad=False),
    method("expand_as", S(INTS, (1, 2, 3)), grad=False),
    method("type_as", S(INTS, (1,)), S((2, 3), INTS), S(BOOLS, INTS), grad=False),
    method("expand", S((1, 3), 2, 3), S((1, 3), 2, -1), S((), 2), S(INTS, 1, 2, 3)),
    method("repeat", S((2, 3), 2, 1), S((3,), 2, 2), S((), 3), S(INTS, 1, 2)),
    method("view", S((2, 3), 3, 2), S((2, 3), -1), S((), 1), S((6,), 2, -1)),
    method("sum_to_size", S((2, 3), 1, 3), S((2, 3), 3), S((2, 3, 4), 3, 1), S(INTS, 2, 1)),
    *[method(name, S((2, 3)), S(INTS), S(BOOLS), S(POSITIVE_INTS), grad=False)
      for name in ("short", "char", "byte", "int", "long", "bool")],
    *[method(name, S((2, 3)), S(INTS), S(()), S((0, 2)), grad=False, strict=False)
      for name in ("nelement", "ndimension")],
    method("stft",
           S((16,), 4, None, None, np.ones(4), True, "reflect", False, True, True),
           S((2, 16), 8, 2, None, np.ones(8), True, "reflect", False, True, True),
           grad=False),
    method("contiguous", S((2, 3)), S(INTS), S(BOOLS), S(())),
    method("cpu", S((2, 3)), S(INTS), S(BOOLS), S(()), strict=False),
]

CASES = [*CREATION, *QUESTIONS, *DTYPES, *METHODS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)
