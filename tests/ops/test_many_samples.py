"""Many shapes and arguments of each function against PyTorch: no dimensions, no elements, broadcasting, negative dims,
integers and bools.

The tables of the other files hold what is special about a function; here stands what makes the samples many. How many
there are, `tests/test_public_functions.py` counts.
"""
import functools
import math

import numpy as np
import pytest

import minidl
from tests.checking import Case, S, check_case, torch

INTS, POSITIVE_INTS = np.array([[3, -1, 0], [7, 2, -5]]), np.array([[3, 1, 4], [7, 2, 5]])
BOOLS = np.array([[True, False, True], [False, False, True]])
EVEN = np.diag([3.0, 2.0, 1.5]) + 0.2
NANS = np.array([1.0, math.nan, math.inf, -math.inf, 0.0])
INDEX = np.array([0, 2, 2])
COMPLEX = np.array([[1 + 2j, -0.5j, 3.0], [0.3 - 1j, 2j, -1 - 1j]])
shape = S.raw


def at(path, library):
    return functools.reduce(getattr, path.split("."), library)


def row(path, *samples, **kwargs):
    """The function at this path of both libraries."""
    return Case(at(path, minidl), samples, torch=None if torch is None else at(path, torch), name=kwargs.pop("name", path), **kwargs)


def calls(name, call, *samples, **kwargs):
    """`call(library, *arguments)`."""
    return Case(functools.partial(call, minidl), samples, torch=torch and functools.partial(call, torch), name=name, **kwargs)


def unary(path, low=-2.0, high=2.0, ints=True, **kwargs):
    floats = [S((2, 3), low=low, high=high), S((), low=low, high=high), S((0, 2), low=low, high=high), S((2, 1, 3), low=low, high=high)]
    found = [row(path, *floats, **kwargs)]
    return [*found, row(path, S(POSITIVE_INTS), S(BOOLS), rtol=1e-5, grad=False, name=f"{path} of integers")] if ints else found


def binary(path, low=-2.0, high=2.0, ints=True, **kwargs):
    floats = [S((2, 3), (3,), low=low, high=high), S((2, 1), (1, 3), low=low, high=high), S((), (2,), low=low, high=high), S((0, 2), (2,), low=low, high=high)]
    found = [row(path, *floats, **kwargs)]
    return [*found, row(path, S(INTS, POSITIVE_INTS), S(POSITIVE_INTS, np.array(2)), rtol=1e-5, grad=False, name=f"{path} of integers")] if ints else found


ELEMENTWISE = [
    *unary("acosh", 1.2, 4.0), *unary("arccosh", 1.2, 4.0), *unary("digamma", 0.3, 4.0, rtol=1e-7), *unary("erf", ints=False), *unary("erfc", ints=False),
    *unary("erfinv", -0.9, 0.9, ints=False), *unary("frac", ints=False), *unary("rad2deg"), *unary("positive", ints=False), *unary("clone"), *unary("special.entr", 0.1),
    *unary("special.erfcx", -2, 3, ints=False), *unary("special.ndtri", 0.05, 0.95, ints=False, rtol=1e-8),
    row("mvlgamma", S((2, 3), 1, low=2, high=5), S((), 2, low=2, high=5), S((0, 2), 2), S((2, 1), 3, low=2, high=5), rtol=1e-8),
    *binary("fmax"), *binary("fmin"), *binary("maximum"), *binary("minimum"), *binary("hypot", ints=False), *binary("logaddexp", ints=False),
    *binary("logaddexp2", ints=False), *binary("true_divide", 0.5), *binary("fmod", 0.5), *binary("remainder", 0.5), *binary("heaviside", ints=False, grad=False),
    *binary("floor_divide", 0.5, ints=False, grad=False), row("floor_divide", S(INTS, POSITIVE_INTS), S(INTS, 2), S(INTS, np.array(-3)), grad=False, name="floor_divide of integers"),
    row("maximum", S(BOOLS, ~BOOLS), S(INTS, BOOLS), grad=False, name="maximum of bools"),
    row("fmax", S(NANS, NANS[::-1].copy()), grad=False, name="fmax of nan"), row("fmin", S(NANS, NANS[::-1].copy()), grad=False, name="fmin of nan"),
    row("bitwise_not", S(INTS), S(BOOLS), S(np.array(5)), S(np.zeros((0, 2), int)), grad=False),
    row("bitwise_left_shift", S(POSITIVE_INTS, np.array([1, 2, 0])), S(np.array(3), np.array(2)), S(POSITIVE_INTS, 1), S(np.zeros((0, 2), int), np.array(1)), grad=False),
    row("bitwise_right_shift", S(INTS, np.array([1, 2, 0])), S(np.array(300), np.array(2)), S(INTS, 1), S(np.zeros((0, 2), int), np.array(1)), grad=False),
    row("gcd", S(INTS, POSITIVE_INTS), S(INTS, np.array([12, 18, 4])), S(np.array(12), np.array(8)), S(np.zeros((0, 2), int), np.array(3)), grad=False),
    row("lcm", S(INTS, POSITIVE_INTS), S(INTS, np.array([12, 18, 4])), S(np.array(12), np.array(8)), S(np.zeros((0, 2), int), np.array(3)), grad=False),
    *[row(f"logical_{name}", S(BOOLS, ~BOOLS), S(INTS, np.array([0, 1, 2])), S(np.array(0), BOOLS), S((0, 2), (2,)), grad=False) for name in ("and", "or", "xor")],
    row("addcmul", S((2, 3), (2, 3), (3,)), S((2, 3), (2, 1), (1, 3), value=0.5), S((), (), ()), S((0,), (1,), (0,)), S(INTS, INTS, POSITIVE_INTS, value=2)),
    row("addcdiv", *[S(*sizes, low=0.5) for sizes in [((2, 3), (2, 3), (3,)), ((2, 3), (2, 1), (1, 3)), ((), (), ()), ((0,), (1,), (0,))]], S((2, 3), (3,), (2, 1), value=-0.5, low=0.5)),
    row("lerp", S((2, 3), (2, 3), 0.3), S((2, 3), (3,), (2, 1)), S((), (), 0.7), S((0, 2), (2,), 0.5)),
    row("clamp_max", S((2, 3), 0.5), S((2, 3), (3,)), S((), -1.0), S((0, 2), 0), S(INTS, 2), S(INTS, np.array([1, 2, 3]))),
    row("clamp_min", S((2, 3), 0.5), S((2, 3), (3,)), S((), -1.0), S((0, 2), 0), S(INTS, 2), S(INTS, np.array([1, 2, 3]))),
    row("nan_to_num", S(NANS, 1.0, 2.0, -2.0), S(NANS, nan=0.5), S(INTS), S((2, 3), posinf=1.0), S((0, 2))),
    row("isneginf", S(NANS), S(INTS), S((2, 3)), S(()), grad=False), row("isposinf", S(NANS), S(INTS), S((2, 3)), S(()), grad=False),
    row("threshold", S((2, 3), 0.1, 20.0), S((), 0.0, -1.0), S((0, 2), 0.5, 0.0), S(INTS, 1, 7)),
    row("nn.functional.threshold", S((2, 3), 0.1, 20.0), S((), 0.0, -1.0), S((0, 2), 0.5, 0.0), S((4,), -0.5, 2.0)),
    row("isclose", S((2, 3), (2, 3)), S(NANS, NANS, equal_nan=True), S(INTS, INTS, rtol=0.5), S((), (2,)), grad=False),
    *[row(f"special.{name}", *samples, rtol=1e-7) for name, samples in [("zeta", [S(2.5, (2, 3), low=0.5), S(3, (), low=0.5), S(2.0, (0, 2)), S(1.5, (2, 1), low=1.0)])]],
    row("special.multigammaln", S((2, 3), 1, low=2, high=5), S((), 2, low=2, high=5), S((0, 2), 2), S((2, 1), 3, low=2, high=5), rtol=1e-8),
    row("special.psi", S((2, 3), low=0.3, high=4), S((), low=0.3), S((0, 2)), S((2, 1, 3), low=0.3), rtol=1e-7),
]

REDUCED = [
    row("aminmax", S((2, 3)), S((2, 3), dim=0), S((2, 3), dim=-1, keepdim=True), S(INTS, dim=1), S(())),
    row("std", S((2, 3)), S((2, 3), 0), S((2, 3), -1, keepdim=True), S((2, 3, 4), shape((0, 2)), correction=0), S((3,), 0, unbiased=False)),
    row("std_mean", S((2, 3)), S((2, 3), 0), S((2, 3), -1, keepdim=True), S((2, 3, 4), shape((0, 2)), correction=0)),
    row("var_mean", S((2, 3)), S((2, 3), 0), S((2, 3), -1, keepdim=True), S((2, 3, 4), shape((0, 2)), correction=0)),
    row("corrcoef", S((3, 5)), S((5,)), S((2, 4)), S((1, 4))),
    row("msort", S((4,)), S((3, 2)), S((2, 3, 4)), S(INTS), S(())),
    row("argsort", S((2, 3)), S((2, 3), 0), S((2, 3), -1, True), S(np.array([5, 3, 9])), grad=False),
    row("renorm", S((2, 3), 2, 0, 1.0), S((2, 3), 1, 1, 0.5), S((2, 3, 4), 2, -1, 1.5), S((0, 2), 2, 0, 1.0), rtol=1e-8),
    row("bucketize", S((2, 3), np.array([-1.0, 0.0, 1.0])), S((), np.array([0.0])), S((4,), np.array([-1.0, 1.0]), right=True), S(INTS, np.array([0, 2, 5]), out_int32=True), grad=False),
    row("logdet", S(EVEN), S(np.stack([EVEN, EVEN.T + np.eye(3)])), S(np.array([[2.0]])), S(np.zeros((0, 2, 2)))),
    calls("histogramdd", lambda lib, x, *args, **kwargs: lib.histogramdd(x, *args, **kwargs)[:1] + tuple(lib.histogramdd(x, *args, **kwargs)[1]),
          S((20, 2), shape([3, 4])), S((20, 3), 2), S((5, 4, 2), 3, range=shape([-1.0, 1.0, -2.0, 0.5])), S((20, 1), 4, density=True), S((20, 2), shape([2, 2]), weight=np.arange(20.0)), grad=False),
]

SHAPED = [
    row("broadcast_to", S((1, 3), shape((2, 3))), S((), shape((2,))), S((2, 1), shape((3, 2, 4))), S(INTS, shape((1, 2, 3)))),
    row("broadcast_tensors", S((1, 3), (2, 1)), S((), (2,)), S((3,), (2, 1, 3), (1, 1)), S(INTS, np.array(1))),
    row("column_stack", S([(3,), (3,)]), S([(3, 2), (3,)]), S([(), ()]), S([INTS, INTS])),
    row("hstack", S([(3,), (2,)]), S([(2, 1), (2, 3)]), S([(), ()]), S([INTS, BOOLS])), row("dstack", S([(3,), (3,)]), S([(2, 3), (2, 3)]), S([(), ()]), S([INTS, INTS])),
    row("vstack", S([(3,), (3,)]), S([(2, 3), (1, 3)]), S([(), ()]), S([INTS, BOOLS])), row("row_stack", S([(3,), (3,)]), S([(2, 3), (1, 3)]), S([(), ()]), S([INTS, BOOLS])),
    row("hsplit", S((4,), 2), S((2, 4), 2), S((2, 5), shape((1, 3))), S(INTS, 3)), row("vsplit", S((4, 2), 2), S((3, 2), 3), S((5, 2), shape((1, 3))), S(INTS, 2)),
    row("dsplit", S((2, 3, 4), 2), S((1, 2, 4), 4), S((1, 2, 5), shape((1, 3))), S(INTS.reshape(1, 2, 3), 3)),
    row("split_with_sizes", S((5,), shape((2, 3))), S((2, 5), shape((1, 0, 4)), 1), S((2, 5), shape((5,)), dim=-1), S(INTS, shape((1, 1)))),
    row("unsafe_split_with_sizes", S((5,), shape((2, 3))), S((2, 5), shape((1, 0, 4)), 1), S((2, 5), shape((5,)), dim=-1), S(INTS, shape((1, 1)))),
    row("unsafe_split", S((5,), 2), S((2, 5), 3, 1), S((2, 5), 9, -1), S(INTS, 1)), row("unsafe_chunk", S((5,), 2), S((2, 5), 3, 1), S((2, 5), 7, -1), S(INTS, 2)),
    row("fliplr", S((2, 3)), S((2, 0)), S((2, 3, 4)), S(INTS)), row("flipud", S((2, 3)), S((4,)), S((2, 3, 4)), S(INTS)),
    row("moveaxis", S((2, 3, 4), 0, -1), S((2, 3, 4), shape((0, 1)), shape((-1, 0))), S((3,), 0, 0), S(INTS, 1, 0)),
    row("movedim", S((2, 3, 4), 0, -1), S((2, 3, 4), shape((0, 1)), shape((-1, 0))), S((3,), 0, 0), S(INTS, 1, 0)),
    row("narrow", S((3, 4), 0, 1, 2), S((3, 4), -1, 0, 0), S((3, 4), 1, -2, 2), S(INTS, 0, 1, 1)), row("ravel", S((2, 3)), S(()), S((0, 2)), S(INTS)),
    row("t", S((2, 3)), S((3,)), S(()), S(INTS)), row("tile", S((2, 3), shape((2,))), S((3,), shape((2, 2))), S((), shape((3,))), S(INTS, shape((1, 2)))),
    row("unflatten", S((2, 6), 1, shape((2, 3))), S((6,), -1, shape((-1, 3))), S((2, 6), 0, shape((1, 2))), S(INTS, 1, shape((3, 1)))),
    row("diagflat", S((3,)), S((2, 2), 1), S((), -1), S(INTS), S((0,), 2)), row("linalg.diagonal", S((2, 3)), S((2, 3, 4), offset=1), S((2, 3, 4), dim1=0, dim2=1), S(INTS, offset=-1)),
    calls("detach", lambda lib, x: lib.detach(x), S((2, 3)), S(()), S((0, 2)), S(INTS), grad=False),
    row("fill", S((2, 3), 2.5), S((), 1), S((0, 2), 1.0), S(INTS, 7), S(BOOLS, 1)),
    row("real", S((2, 3)), S(COMPLEX), S(()), S(INTS)), row("resolve_conj", S((2, 3)), S(COMPLEX), S(()), S(INTS)), row("resolve_neg", S((2, 3)), S(COMPLEX), S(()), S(INTS)),
    row("adjoint", S((2, 3)), S(COMPLEX), S((2, 3, 4)), S((1, 1))), row("imag", S(COMPLEX), S(COMPLEX[0]), S(COMPLEX[:, :1]), S(np.array(1 - 2j))),
    row("view_as_real", S(COMPLEX), S(COMPLEX[0]), S(COMPLEX[:, :1]), S(np.array(1 - 2j))),
    calls("view_as_complex", lambda lib, x: lib.view_as_complex(x.contiguous()), S((3, 2)), S((2,)), S((2, 3, 2)), S((1, 2))),
    row("complex", S((2, 3), (2, 3)), S((), ()), S((3,), (3,)), S((0, 2), (0, 2))), row("polar", S((2, 3), (2, 3), low=0.2), S((), (), low=0.2), S((3,), (3,), low=0.2), S((0, 2), (0, 2))),
    row("sgn", S((2, 3)), S(COMPLEX), S(INTS), S(()), S((0, 2)), grad=False),      # PyTorch's gradient of real ones is no array
]

INDEXED = [
    row("argwhere", S((2, 3)), S(BOOLS), S(INTS), S((0, 2)), grad=False),
    row("nonzero_static", S(INTS, size=3), S(INTS, size=9), S(BOOLS, size=2, fill_value=7), S(np.zeros((0, 2)), size=1), S(np.array(3), size=2), grad=False),
    row("index_add", S((4, 2), 0, INDEX, (3, 2)), S((2, 4), 1, INDEX, (2, 3), alpha=0.5), S((4,), -1, INDEX, (3,)), S(np.arange(4), 0, INDEX, np.array([1, 2, 3]))),
    row("index_copy", S((4, 2), 0, np.array([0, 3]), (2, 2)), S((2, 4), 1, np.array([2]), (2, 1)), S((4,), -1, np.array([1, 0]), (2,)), S(np.arange(4), 0, np.array([1, 2]), np.array([7, 8]))),
    row("index_fill", S((4, 2), 0, INDEX, 1.5), S((2, 4), -1, INDEX, 0.0), S((4,), 0, INDEX, 2), S(np.arange(4), 0, INDEX, 9)),
    row("masked_scatter", S((2, 3), BOOLS, (3,)), S((2, 3), BOOLS, (2, 3)), S((3,), BOOLS[0], (4,)), S(INTS, BOOLS, POSITIVE_INTS)),
    row("masked_select", S((2, 3), BOOLS), S((3,), BOOLS), S((2, 3), ~BOOLS[0]), S(INTS, BOOLS)),
    row("scatter_add", S((3, 4), 0, np.array([[0, 2, 1, 0]]), (1, 4)), S((2, 3), 1, np.array([[0, 0, 2], [1, 1, 1]]), (2, 3)), S((4,), -1, INDEX, (3,)), S(np.arange(4), 0, INDEX, INDEX)),
    row("take", S((2, 3), INDEX), S((2, 3), np.array([[-1, 5]])), S((), np.array(0)), S(INTS, INDEX)),
    row("nn.functional.one_hot", S(INDEX), S(INDEX, 5), S(np.array(1), 2), S(np.array([[0, 1], [2, 0]])), grad=False),
    calls("index_put", lambda lib, x, i, v, *args: lib.index_put(x, (i,), v, *args), S((4,), INDEX[:2], (2,)), S((4, 2), INDEX, (3, 2), True), S((4,), INDEX, (), True),
          S(np.arange(4), INDEX[:2], np.array([7, 8]))),
    calls("unravel_index", lambda lib, x, size: lib.unravel_index(x, size), S(np.array([1, 5]), shape((2, 3))), S(np.array(4), shape((5,))), S(np.array([[0, 7]]), shape((2, 2, 2))), S(np.zeros(0, int), shape((2,))), grad=False),
    *[calls(f"unique {kwargs}", functools.partial(lambda lib, x, **kwargs: lib.unique(x, **kwargs), **kwargs), S(INTS), S(np.array([3, 1, 1, 2])), S(np.array([2.0, 2.0, -1.0])), S(BOOLS), grad=False)
      for kwargs in ({}, {"return_inverse": True}, {"return_counts": True}, {"return_inverse": True, "return_counts": True})],
    *[calls(name, functools.partial(lambda lib, *args, name: getattr(lib, name)(*args), name=name), S(2, 3), S(3, 2, 1), S(2, 4, -1), S(0, 3), strict=False, grad=False) for name in ("tril_indices", "triu_indices")],
]

MATRICES = [
    row("addbmm", S((2, 3), (4, 2, 5), (4, 5, 3)), S((3,), (1, 2, 5), (1, 5, 3), beta=0.5), S((2, 1), (4, 2, 1), (4, 1, 3), alpha=2), S((2, 3), (4, 2, 5), (4, 5, 3), beta=0.0, alpha=-1.0)),
    row("addmm", S((2, 3), (2, 4), (4, 3)), S((3,), (2, 4), (4, 3), beta=0.5), S((), (2, 4), (4, 3), alpha=2), S((2, 3), (2, 0), (0, 3)), S(INTS, INTS[:, :2], INTS)),
    row("addmv", S((2,), (2, 3), (3,)), S((), (2, 3), (3,), beta=0.5), S((1,), (2, 3), (3,), alpha=-1.0), S((2,), (2, 0), (0,))),
    row("addr", S((2, 3), (2,), (3,)), S((3,), (2,), (3,), beta=0.5), S((), (2,), (3,), alpha=-1.0), S((0, 3), (0,), (3,))),
    row("baddbmm", S((4, 2, 3), (4, 2, 5), (4, 5, 3)), S((3,), (1, 2, 5), (1, 5, 3), beta=0.5), S((2, 1), (4, 2, 1), (4, 1, 3), alpha=2), S((4, 2, 3), (4, 2, 0), (4, 0, 3))),
    row("bmm", S((4, 2, 5), (4, 5, 3)), S((1, 2, 2), (1, 2, 1)), S((0, 2, 2), (0, 2, 2)), S(INTS[None], INTS.T[None].copy())),
    row("chain_matmul", S((2, 3), (3, 4)), S((2, 3), (3, 4), (4, 1)), S((2, 2)), S((1, 5), (5, 1), (1, 3), (3, 2))),
    row("dot", S((3,), (3,)), S((0,), (0,)), S(INTS[0], INTS[1]), S((1,), (1,))), row("vdot", S((3,), (3,)), S((0,), (0,)), S(INTS[0], INTS[1]), S((1,), (1,))),
    row("ger", S((2,), (3,)), S((1,), (1,)), S((0,), (2,)), S(INTS[0], INTS[1])), row("outer", S((2,), (3,)), S((1,), (1,)), S((0,), (2,)), S(INTS[0], INTS[1])),
    row("mm", S((2, 3), (3, 4)), S((1, 1), (1, 1)), S((0, 2), (2, 3)), S(INTS, INTS.T.copy())), row("mv", S((2, 3), (3,)), S((1, 1), (1,)), S((0, 2), (2,)), S(INTS, INTS[0])),
    row("pinverse", S(EVEN), S((3, 2)), S((2, 3)), S((2, 3, 2)), rtol=1e-6, gradgrad=False),
    row("linalg.vecdot", S((2, 3), (2, 3)), S((2, 3), (3,)), S((2, 3), (2, 1), dim=0), S((3,), (3,))),
    row("linalg.cross", S((2, 3), (2, 3)), S((3,), (3,)), S((3, 2), (3, 2), dim=0), S((2, 3), (1, 3))),
    row("linalg.tensorinv", S(np.eye(6).reshape(6, 2, 3) + 0.1, ind=1), S(np.eye(4).reshape(2, 2, 4) + 0.1), S(np.eye(4).reshape(2, 2, 2, 2) + 0.1), S(EVEN, ind=1)),
    row("linalg.tensorsolve", S(np.eye(6).reshape(6, 2, 3) + 0.1, (6,)), S(np.eye(4).reshape(2, 2, 4) + 0.1, (2, 2)), S(np.eye(4).reshape(2, 2, 2, 2) + 0.1, (2, 2)), S(EVEN, (3,))),
    row("cholesky_inverse", S(np.tril(EVEN)), S(np.stack([np.tril(EVEN), np.eye(3)])), S(np.triu(EVEN), True), S(np.array([[2.0]])), grad=False),
    row("cholesky_solve", S((3, 2), np.tril(EVEN)), S((2, 3, 1), np.stack([np.tril(EVEN), np.eye(3)])), S((3, 1), np.triu(EVEN), True), S((1, 1), np.array([[2.0]])), grad=False),
    calls("linalg.eigvalsh", lambda lib, A, *args: lib.linalg.eigvalsh(A + A.mT, *args), S(EVEN), S(np.stack([EVEN, np.diag([1.0, 5.0, 9.0])])), S(EVEN, "U"), S(np.array([[2.0]])), gradgrad=False),
    calls("qr", lambda lib, A, *args: (lambda Q, R: (Q @ R, R.abs()))(*lib.qr(A, *args)), S((3, 2)), S((2, 3, 3)), S((3, 2), False), S((2, 3)), grad=False),
    calls("svd", lambda lib, A, *args: (lambda U, s, V: ((U * s[..., None, :]) @ V.mT, s))(*lib.svd(A, *args)), S((3, 2)), S((2, 3, 3)), S((2, 3)), S((3, 3), False), grad=False, rtol=1e-8),
    calls("vander", lambda lib, x, *args: lib.vander(x, *args), S((3,)), S((3,), 2), S((3,), 4, True), S(INTS[0]), S((0,)), grad=False),      # PyTorch's gradient is an error
]

COMPLEX_MATRICES = [calls(name, functools.partial(lambda lib, A, name: tuple(sorted_values(lib, name, A)), name=name), S(EVEN), S(np.array([[0.0, 1.0], [-1.0, 0.0]])),
                          S(np.stack([EVEN, np.diag([1.0, 5.0, 9.0])])), S(np.array([[2.0]])), grad=False, strict=False) for name in ("eig", "eigvals")]


def sorted_values(lib, name, A):
    """Eigenvalues come in any order: sums of their powers do not depend on it."""
    values = lib.linalg.eig(A)[0] if name == "eig" else lib.linalg.eigvals(A)
    return [(values ** k).sum(-1).real for k in (1, 2, 3)] + [values.abs().sum(-1)]


def pooled(name, *samples):
    return calls(f"nn.functional.{name}", functools.partial(lambda lib, *args, name, **kwargs: at(f"nn.functional.{name}", lib)(*args, **kwargs), name=name), *samples)


def indices_of(dims, *args, size=6, **kwargs):
    return [S((2, 3, *[size] * dims), *args, **kwargs), S((3, *[size] * dims), *args, **kwargs), S((1, 1, *[size] * dims), *args, **kwargs), S((2, 2, *[size + 1] * dims), *args, **kwargs)]


def unpooled(dims):
    def call(lib, x):
        values, indices = at(f"nn.functional.max_pool{dims}d", lib)(x, 2, return_indices=True)
        return at(f"nn.functional.max_unpool{dims}d", lib)(values, indices, 2)
    return calls(f"max_unpool{dims}d", call, *[S((*batch, *size)) for batch in ((2, 3), (3,)) for size in ((4,) * dims, (6, *[4] * (dims - 1)))])


def fractional(dims):
    draws = np.array([[[0.3] * dims, [0.7] * dims]])
    return [calls(f"fractional_max_pool{dims}d{suffix}", functools.partial(lambda lib, x, *args, name, **kwargs: at(f"nn.functional.{name}", lib)(x, *args, _random_samples=lib.tensor(draws, dtype=x.dtype), **kwargs),
                  name=f"fractional_max_pool{dims}d{suffix}"), S((1, 2, *[6] * dims), 2, output_size=3), S((1, 2, *[6] * dims), 3, output_size=2),
                  S((1, 2, *[7] * dims), 2, output_ratio=shape((0.5,) * dims)), S((1, 2, *[5] * dims), shape((2,) * dims), output_size=shape((2,) * dims)), strict=False)
            for suffix in ("", "_with_indices")]


NEURAL = [
    *[pooled(f"max_pool{d}d_with_indices", *indices_of(d, 2)) for d in (1, 2, 3)], *[pooled(f"adaptive_max_pool{d}d_with_indices", *indices_of(d, 2)) for d in (1, 2, 3)],
    calls("max_pool1d_with_indices", lambda lib, x, *args: lib.max_pool1d_with_indices(x, *args), S((2, 3, 6), 2), S((3, 6), 3, 1), S((2, 3, 7), 3, 2, 1), S((1, 1, 5), 2, 1, 0, 2)),
    *[pooled(f"lp_pool{d}d", *indices_of(d, 2, 2, size=4)) for d in (1, 2, 3)], *[unpooled(d) for d in (1, 2, 3)], *fractional(2), *fractional(3),
    row("conv_tbc", S((5, 2, 3), (2, 3, 4), (4,)), S((5, 2, 3), (2, 3, 4), (4,), 1), S((4, 1, 2), (3, 2, 1), (1,), pad=2), S((3, 2, 2), (1, 2, 2), (2,))),
    row("rms_norm", S((2, 3), shape((3,))), S((2, 3, 4), shape((3, 4)), (3, 4)), S((2, 3), shape((3,)), (3,), eps=0.1), S((3,), shape((3,)))),
    row("nn.functional.rms_norm", S((2, 3), shape((3,))), S((2, 3, 4), shape((3, 4)), (3, 4)), S((2, 3), shape((3,)), (3,), eps=0.1), S((3,), shape((3,)))),
    row("rrelu", S((2, 3)), S((), 0.1, 0.3), S((0, 2)), S((2, 3), 0.2, 0.2, True)), row("nn.functional.rrelu", S((2, 3)), S((), 0.1, 0.3), S((0, 2)), S((2, 3), 0.2, 0.2, True)),
    *[calls(f"nn.functional.{name}", functools.partial(lambda lib, x, *args, name, **kwargs: at(f"nn.functional.{name}", lib)(x, *args, **kwargs), name=name), *samples) for name, samples in [
        ("upsample", [S((1, 2, 3), scale_factor=2), S((1, 2, 3, 4), shape((6, 6))), S((1, 2, 3, 4), scale_factor=2, mode="bilinear"), S((1, 1, 2, 2, 2), scale_factor=2, mode="trilinear", align_corners=True)]),
        ("upsample_nearest", [S((1, 2, 3), scale_factor=2), S((1, 2, 3, 4), shape((6, 6))), S((1, 1, 2, 2, 2), 4), S((2, 1, 4, 4), scale_factor=0.5)]),
        ("upsample_bilinear", [S((1, 2, 3, 4), scale_factor=2), S((1, 2, 3, 4), shape((6, 6))), S((1, 1, 2, 2), 5), S((2, 1, 4, 4), scale_factor=0.5)])]],
    *[calls(name, functools.partial(lambda lib, x, h, w, u, *b, name: getattr(lib, name)(x, h, w, u, *b), name=name), *[S((n, 3), (n, 4), (k * 4, 3), (k * 4, 4), *biases)
          for n in (1, 2) for biases in ([], [(k * 4,), (k * 4,)])]) for name, k in [("gru_cell", 3), ("rnn_relu_cell", 1), ("rnn_tanh_cell", 1)]],
    calls("lstm_cell", lambda lib, x, h, c, w, u, *b: lib.lstm_cell(x, (h, c), w, u, *b), *[S((n, 3), (n, 4), (n, 4), (16, 3), (16, 4), *biases) for n in (1, 2) for biases in ([], [(16,), (16,)])]),
]

MADE = [calls(name, call, *[S(*args, **kwargs) for args, kwargs in samples], strict=False, grad=False) for name, call, samples in [
    ("arange", lambda lib, *args: lib.arange(*args), [((5,), {}), ((1, 7, 2), {}), ((0.0, 1.0, 0.25), {}), ((5, 0, -2), {}), ((0,), {})]),
    ("range", lambda lib, *args: lib.range(*args), [((0, 5), {}), ((1, 7, 2), {}), ((0.0, 1.0, 0.25), {}), ((5, 0, -2), {})]),
    ("linspace", lambda lib, *args: lib.linspace(*args, dtype=lib.float64), [((0, 1, 5), {}), ((2.0, -2.0, 4), {}), ((0, 1, 1), {}), ((0, 1, 0), {})]),
    ("logspace", lambda lib, *args: lib.logspace(*args, dtype=lib.float64), [((0, 1, 5), {}), ((2.0, -2.0, 4), {}), ((0, 3, 4, 2.0), {}), ((0, 1, 0), {})]),
    ("eye", lambda lib, *args: lib.eye(*args), [((3,), {}), ((2, 3), {}), ((0,), {}), ((3, 1), {})]),
    *[(name, functools.partial(lambda lib, *size, name: getattr(lib, name)(*size), name=name), [((3,), {}), ((2, 3), {}), ((shape((0, 2)),), {}), ((shape(()),), {})]) for name in ("zeros", "ones")],
    ("full", lambda lib, *args: lib.full(*args), [((shape((2, 3)), 1.5), {}), ((shape(()), 2), {}), ((shape((0,)), True), {}), ((shape((2,)), False), {})]),
    *[(name, functools.partial(lambda lib, x, *args, name: getattr(lib, name)(x, *args), name=name), [((x, *args), {}) for x in ((2, 3), (), INTS, BOOLS)])
      for name, args in [("zeros_like", ()), ("ones_like", ()), ("full_like", (1,))]],
    ("scalar_tensor", lambda lib, s: lib.scalar_tensor(s), [((2,), {}), ((2.5,), {}), ((True,), {}), ((-1,), {})]),
    ("as_tensor", lambda lib, x: lib.as_tensor(x), [((shape([1, 2]),), {}), ((shape([[1.5]]),), {}), ((shape(True),), {}), ((INTS,), {})]),
    ("asarray", lambda lib, x: lib.asarray(x, requires_grad=False), [((shape([1, 2]),), {}), ((shape([[1.5]]),), {}), ((shape(True),), {}), ((INTS,), {})]),
    ("from_numpy", lambda lib, x: lib.from_numpy(x), [((shape(np.arange(3)),), {}), ((shape(np.ones((2, 3))),), {}), ((shape(np.array(True)),), {}), ((shape(np.zeros((0, 2), np.float32)),), {})]),
    ("from_dlpack", lambda lib, x: lib.from_dlpack(x), [((shape(np.arange(3)),), {}), ((shape(np.ones((2, 3))),), {}), ((shape(np.array([1], np.int8)),), {}), ((shape(np.ones(2, np.float32)),), {})]),
    ("frombuffer", lambda lib, x, dtype, *args: lib.frombuffer(bytearray(x), dtype=getattr(lib, dtype), **dict(zip(("count", "offset"), args))),
     [((bytes(range(8)), "uint8"), {}), ((bytes(range(8)), "int16"), {}), ((bytes(range(8)), "int32", 1, 4), {}), ((bytes(range(8)), "uint8", 3, 1), {})]),
    ("tensor", lambda lib, x: lib.tensor(x), [((shape([1, 2]),), {}), ((shape([[1.5]]),), {}), ((shape(True),), {}), ((shape([]),), {})]),
    *[(f"{name}_window", functools.partial(lambda lib, *args, name, **kwargs: getattr(lib, name)(*args, dtype=lib.float64, **kwargs), name=f"{name}_window"),
       [((5,), {}), ((6,), {"periodic": False}), ((1,), {}), ((0,), {})]) for name in ("bartlett", "blackman", "hamming", "hann")],
    ("kaiser_window", lambda lib, *args, **kwargs: lib.kaiser_window(*args, dtype=lib.float64, **kwargs), [((5,), {}), ((6,), {"periodic": False}), ((5, True, 3.0), {}), ((1,), {})]),
    ("fft.fftfreq", lambda lib, *args: lib.fft.fftfreq(*args), [((5,), {}), ((6,), {}), ((6, 0.5), {}), ((1,), {})]),
    ("fft.rfftfreq", lambda lib, *args: lib.fft.rfftfreq(*args), [((5,), {}), ((6,), {}), ((6, 0.5), {}), ((1,), {})]),
    ("empty", lambda lib, *size: lib.tensor(lib.empty(*size).shape), [((3,), {}), ((2, 3), {}), ((shape((0, 2)),), {}), ((shape(()),), {})]),
    ("empty_like", lambda lib, x: lib.tensor(lib.empty_like(x).shape), [(((2, 3),), {}), (((),), {}), ((INTS,), {}), ((BOOLS,), {})]),
    ("empty_strided", lambda lib, *args: lib.tensor([*lib.empty_strided(*args).shape, *lib.empty_strided(*args).stride()]), [((shape((2, 3)), shape((1, 2))), {}), ((shape((3,)), shape((2,))), {}), ((shape(()), shape(())), {}), ((shape((2, 2)), shape((1, 1))), {})]),
    ("empty_permuted", lambda lib, *args: lib.tensor([*lib.empty_permuted(*args).shape, *lib.empty_permuted(*args).stride()]), [((shape((2, 3)), shape((1, 0))), {}), ((shape((3,)), shape((0,))), {}), ((shape((2, 3, 4)), shape((0, 2, 1))), {}), ((shape((2, 3, 4)), shape((2, 0, 1))), {})]),
    ("Tensor.new_empty_strided", lambda lib, x, *args: lib.tensor([*x.new_empty_strided(*args).shape, *x.new_empty_strided(*args).stride()]),
     [(((1,), shape((2, 3)), shape((1, 2))), {}), ((INTS, shape((3,)), shape((2,))), {}), ((BOOLS, shape(()), shape(())), {}), (((), shape((2, 2)), shape((1, 1))), {})]),
    ("broadcast_shapes", lambda lib, *args: lib.tensor(lib.broadcast_shapes(*args)), [((shape((2,)), shape((3, 1))), {}), ((shape((1,)), 3), {}), ((shape(()),), {}), ((shape((0, 1)), shape((1, 4)), shape((4,))), {})]),
]]

QUESTIONS = [calls(name, functools.partial(lambda lib, x, *args, name: lib.tensor(getattr(lib, name)(x, *args)), name=name), *[S(x, *args) for x, args in samples], strict=False, grad=False) for name, samples in [
    *[(name, [(INTS, ()), (BOOLS, ()), ((2, 3), ()), (COMPLEX, ()), ((0, 2), ())])
      for name in ("is_complex", "is_floating_point", "is_signed", "is_tensor", "is_inference", "is_distributed", "numel", "is_conj", "is_neg", "get_device")],
    ("is_nonzero", [(np.array(3), ()), (np.array([[0.0]]), ()), (np.array([True]), ()), (np.array(-0.5), ())]),
    ("is_same_size", [((2, 3), (INTS,)), ((2, 3), ((3, 2),)), ((), ((),)), ((0, 2), ((2, 0),))]),
    ("allclose", [(INTS, (INTS,)), (NANS, (NANS,)), ((2, 3), (np.zeros((2, 3)),)), ((), ((),))]),
    ("equal", [(INTS, (INTS,)), (NANS, (NANS,)), ((2, 3), (np.zeros((2, 3)),)), ((2,), (np.zeros(3),))]),
]]

DTYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64", "complex64"]
TYPES = [
    calls("promote_types", lambda lib, a, b: lib.empty(0, dtype=lib.promote_types(getattr(lib, a), getattr(lib, b))),
          *[S(a, b) for a in DTYPES for b in DTYPES[::2]], strict=False, grad=False),
    calls("can_cast", lambda lib, a, b: lib.tensor(lib.can_cast(getattr(lib, a), getattr(lib, b))),
          *[S(a, b) for a in DTYPES for b in DTYPES[::2]], strict=False, grad=False),
    calls("result_type", lambda lib, x, y: lib.empty(0, dtype=lib.result_type(x, y)),     # the battery compares dtypes
          S((2,), 1), S(INTS, 1.5), S(INTS, BOOLS), S((), INTS), S(BOOLS, 2), S(np.array(2.0), INTS), strict=False, grad=False),
]


def answer(lib, x, *args, name):
    """What a method returns, as a tensor if it is a number."""
    out = getattr(x, name)(*args)
    return lib.tensor(out) if isinstance(out, int) else out


METHODS = [calls(f"Tensor.{name}", functools.partial(answer, name=name), *[S(*args) for args in samples], **kwargs) for name, samples, kwargs in [
    ("reshape_as", [((2, 3), (3, 2)), ((), (1,)), ((0, 2), (2, 0))], {}), ("view_as", [((2, 3), (3, 2)), ((), (1,)), ((6,), (2, 3))], {"strict": True}),
    ("expand_as", [((1, 3), (2, 3)), ((), (2,)), ((2, 1), (3, 2, 4))], {}), ("type_as", [((2, 3), (1,))], {}),
    ("reshape_as", [(INTS, (6,))], {"grad": False}), ("expand_as", [(INTS, (1, 2, 3))], {"grad": False}),
    ("type_as", [(INTS, (1,)), ((2, 3), INTS), (BOOLS, INTS)], {"grad": False}),
    ("expand", [((1, 3), 2, 3), ((1, 3), 2, -1), ((), 2), (INTS, 1, 2, 3)], {}), ("repeat", [((2, 3), 2, 1), ((3,), 2, 2), ((), 3), (INTS, 1, 2)], {}),
    ("view", [((2, 3), 3, 2), ((2, 3), -1), ((), 1), ((6,), 2, -1)], {"strict": True}), ("sum_to_size", [((2, 3), 1, 3), ((2, 3), 3), ((2, 3, 4), 3, 1), (INTS, 2, 1)], {}),
    *[(name, [((2, 3),), (INTS,), (BOOLS,), (POSITIVE_INTS,)], {"grad": False}) for name in ("short", "char", "byte", "int", "long", "bool")],
    *[(name, [((2, 3),), (INTS,), ((),), ((0, 2),)], {"grad": False, "strict": False}) for name in ("nelement", "ndimension")],
    ("stft", [((16,), 4, None, None, np.ones(4), True, "reflect", False, True, True), ((2, 16), 8, 2, None, np.ones(8), True, "reflect", False, True, True)], {"grad": False}),
    ("contiguous", [((2, 3),), (INTS,), (BOOLS,), ((),)], {}),
    ("cpu", [((2, 3),), (INTS,), (BOOLS,), ((),)], {"strict": False}),
]]

CASES = [*ELEMENTWISE, *REDUCED, *SHAPED, *INDEXED, *MATRICES, *COMPLEX_MATRICES, *NEURAL, *MADE, *QUESTIONS, *TYPES, *METHODS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)
