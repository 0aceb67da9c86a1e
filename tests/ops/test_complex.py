"""Complex numbers: values and gradients against NumPy and PyTorch, both parts against finite differences."""
from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.autograd import GradcheckError, gradcheck, gradgradcheck
from minidl.nn import functional as F
from minidl.ops import elementwise as ops
from tests.checking import Case, S, check_case, torch
from tests.ops import rows
from tests.ops.rows import calls, row


def C(*shape, seed=0, low=0.5):
    """Complex numbers of absolute value above `low`, of any angle."""
    stream = np.random.default_rng(seed)
    size, angle = low + stream.uniform(0, 1.5, shape), stream.uniform(-3, 3, shape)
    return np.asarray(size * np.exp(1j * angle))


Z, ONE, NONE = C(3, 4), C(seed=1), C(0, 2)
SHAPES = [S(Z), S(ONE), S(NONE)]
PAIRS = [S(C(3, 4), C(4, seed=1)), S(C(3, 1), (4,)), S((2, 3), C(3)), S(C(), C(2))]
INDEX = np.array([[2, 0], [1, 1]])
MASK = np.array([[True, False, True, False]] * 3)
A, B = C(2, 3, 3), C(2, 3, 2, seed=1)
SQUARE = np.array([[0.5, 1.2, -0.3], [0.1, -1.0, 0.8], [0.9, 0.2, 1.5]])


def unary(name, samples=SHAPES, oracle=None, **kwargs):
    oracle = oracle or getattr(np, name)
    return Case(getattr(minidl, name), samples, oracle=oracle, torch=name, name=f"complex {name}", **kwargs)


def same(function, *samples, name, **kwargs):
    """One function, written in methods that Tensors of both libraries have."""
    return Case(function, samples, torch=None if torch is None else function, name=f"complex {name}", **kwargs)


CASES = [
    # put together, taken apart
    Case(minidl.complex, [S((3, 4), (4,)), S((), ()), S((0, 2), (0, 2))], lambda a, b: a + 1j * b, "complex",
         errors=[(S(np.ones(2), np.ones(2, int)), RuntimeError, "Expected both inputs to be"),
                 (S(np.ones(2), np.ones(2, np.float32)), RuntimeError,
                  "scalar type float64 but got scalar type float32"),
                 (S(2.0, (2,)), TypeError, "must be Tensor")]),
    Case(minidl.polar, [S((3, 4), (3, 4), low=0.2), S((3, 1), (4,), low=0.2)], lambda r, t: r * np.exp(1j * t), "polar",
         errors=[(S(Z, (3, 4)), RuntimeError, "Expected both inputs to be")]),
    row("polar", S((2, 3), (2, 3), low=0.2), S((), (), low=0.2), S((3,), (3,), low=0.2), S((0, 2), (0, 2))),
    unary("real"), unary("imag", errors=[(S((2,)), RuntimeError, "imag is not implemented")]),
    unary("conj"), unary("conj_physical", [*SHAPES, S(Z.T)], oracle=np.conj), unary("resolve_conj", oracle=lambda z: z),
    row("resolve_conj", S((2, 3)), S(rows.COMPLEX), S(()), S(rows.INTS)),
    unary("resolve_neg", oracle=lambda z: z),
    row("resolve_neg", S((2, 3)), S(rows.COMPLEX), S(()), S(rows.INTS)),
    unary("angle", [*SHAPES, S((3, 4)), S(np.array([-1.0, 2.0])), S(np.array([0, 3]))],
          oracle=lambda z: np.angle(z) if z.dtype.kind == "c" else np.where(z < 0, math.pi, 0)),
    unary("angle", [S(np.array([np.nan, 1.0, -0.0]))], oracle=lambda z: z * 0, grad=False),
    Case(minidl.view_as_real, SHAPES[:2], lambda z: np.stack([z.real, z.imag], -1), "view_as_real",
         errors=[(S((2,)), RuntimeError, "only supported for complex tensors")]),
    row("imag", S(rows.COMPLEX), S(rows.COMPLEX[0]), S(rows.COMPLEX[:, :1]), S(np.array(1 - 2j))),
    row("view_as_real", S(rows.COMPLEX), S(rows.COMPLEX[0]), S(rows.COMPLEX[:, :1]), S(np.array(1 - 2j))),
    Case(lambda x: minidl.view_as_complex(x.contiguous()), [S((3, 4, 2)), S((2,))],
         lambda x: x[..., 0] + 1j * x[..., 1], "view_as_complex", name="view_as_complex",
         errors=[(S((3,)), RuntimeError, "last dimension of size 2"), (S(()), RuntimeError, "last dimension of size 2"),
                 (S(np.ones((2, 2), int)), RuntimeError, "only supported for float32 and float64")]),
    calls("view_as_complex", lambda lib, x: lib.view_as_complex(x.contiguous()),
          S((3, 2)),
          S((2,)),
          S((2, 3, 2)),
          S((1, 2))),
    unary("abs"), unary("sgn", oracle=np.sign),
    # PyTorch's gradient of real ones is no array
    row("sgn", S((2, 3)), S(rows.COMPLEX), S(rows.INTS), S(()), S((0, 2)), grad=False),
    unary("isreal", [S(np.array([1 + 0j, 1j])), S((2,))], grad=False),

    # arithmetic
    *[Case(getattr(minidl, name), PAIRS, getattr(np, oracle), name, name=f"complex {name}")
      for name, oracle in [("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("div", "true_divide")]],
    *[same(f, S(Z), S((3,)), name=n) for n, f in {
        "scalar +": lambda z: z + (1 - 2j), "scalar *": lambda z: 2j * z, "scalar /": lambda z: z / (1 + 1j),
        "r/": lambda z: (1 + 1j) / z, "r-": lambda z: 1j - z, "real scalar": lambda z: (z * 2.5 + 1) * 1j}.items()],
    row("real", S((2, 3)), S(rows.COMPLEX), S(()), S(rows.INTS)),
    same(lambda z, w: z.lerp(w, 0.3 + 1j), S(Z, C(3, 4, seed=2)), name="lerp"),
    same(lambda z, a, b: z.addcmul(a, b, value=2 - 1j), S(Z, C(3, 4, seed=2), C(3, 4, seed=3)), name="addcmul"),
    same(lambda z, a, b: z.addcdiv(a, b, value=2 - 1j), S(Z, C(3, 4, seed=2), C(3, 4, seed=3)), name="addcdiv"),
    *[same(lambda z, p=p: z ** p, S(Z), name=f"power {p}") for p in (0, 1, 2, 3, 4, -1, -2, 0.5, -0.5, 1.7, 2 - 1j)],
    same(lambda z, w: z ** w, S(Z, C(3, 4, seed=1)), S((3, 4), C(4), low=0.3, high=2.0), name="pow"),
    same(lambda z: (1.5 + 1j) ** z, S(Z), name="number ** z"),
    *[unary(name,
            oracle={
                "neg": np.negative,
                "rsqrt": lambda z: 1 / np.sqrt(z),
                "square": np.square,
                "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
                "asin": np.arcsin,
                "acos": np.arccos,
                "atan": np.arctan,
                "asinh": np.arcsinh,
                "atanh": np.arctanh,
            }.get(name))
      for name in ("neg", "square", "sqrt", "rsqrt", "reciprocal", "exp", "exp2", "expm1", "log", "log2", "log10",
                   "log1p", "sigmoid", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh",
                   "atanh")],

    # sums, products, norms
    *[same(f, S(Z), name=n) for n, f in {
        "sum": lambda z: z.sum(), "sum dim": lambda z: z.sum(1, keepdim=True), "mean": lambda z: z.mean(0),
        "cumsum": lambda z: z.cumsum(1), "prod": lambda z: z.prod(1), "prod all": lambda z: z.prod(),
        "cumprod": lambda z: z.cumprod(0),
        "logsumexp": lambda z: z.logsumexp(1),
        "nansum": lambda z: z.sum(0) if torch and isinstance(z, torch.Tensor) else z.nansum(0),
        "norm": lambda z: z.norm(), "norm dim": lambda z: z.norm(dim=1), "norm 3": lambda z: z.norm(p=3.0, dim=0),
        "norm 1": lambda z: z.norm(p=1), "norm inf": lambda z: z.norm(p=math.inf, dim=1)}.items()],
    *[same(f, S(Z), name=n) for n, f in {
        "var": lambda z: z.var(), "var dim": lambda z: z.var(1, keepdim=True), "std": lambda z: z.std(0, correction=0),
        "var_mean": lambda z: (torch if torch and isinstance(z, torch.Tensor) else minidl).var_mean(z, 1)}.items()],
    same(lambda z: z.prod(1), S(np.array([[1j, 0, 2 + 1j], [0, 0, 1j]])), name="prod with zeros", gradgrad=False),
    same(lambda z: z.cumprod(1), S(np.array([[1j, 0, 2 + 1j], [1, 1j, 0]])), name="cumprod with zeros", gradgrad=False),
    *[Case(minidl.linalg.vector_norm, [S(Z, p), S(Z, p, dim=1)], name=f"vector_norm {p}",
           torch=None if torch is None else torch.linalg.vector_norm) for p in (2, 1, 3, math.inf, -math.inf, 0)],
    Case(minidl.acosh, [S(np.array([1 + 2j, -0.5j, -2 + 0.1j, -1 - 1j]))], np.arccosh, "acosh", name="complex acosh"),
    Case(minidl.sinc, [S(np.array([1 + 2j, 0.2 - 0.5j, 0.005 + 0.001j]))], np.sinc, "sinc", name="complex sinc"),
    Case(F.softsign, [S(C(2, 3))], lambda z: z / (1 + abs(z)), "softsign", name="complex softsign"),
    Case(F.silu, [S(C(2, 3))], lambda z: z / (1 + np.exp(-z)), name="complex silu"),      # PyTorch has its values only
    Case(minidl.nan_to_num, [S(np.array([1 + 2j, -1j]))], np.nan_to_num, name="complex nan_to_num"),
    Case(lambda z, v: minidl.scatter_reduce(z, 0, minidl.tensor([0, 0, 2]), v, "prod"), [S(C(3), C(3, seed=1))],
         lambda z, v: np.array([z[0] * v[0] * v[1], z[1], z[2] * v[2]]), name="complex scatter_reduce", strict=False),
    *[Case(minidl.linalg.matrix_norm, [S(Z, p)], name=f"complex matrix_norm {p}",
           torch=None if torch is None else torch.linalg.matrix_norm) for p in ("fro", 1, -math.inf)],

    # products of matrices
    *[Case(getattr(minidl, n), [S(*a)], torch=n, name=f"complex {n}") for n, a in {
        "matmul": (C(2, 3, 4), C(4, 2)), "mm": (C(3, 4), C(4, 2)), "bmm": (C(2, 3, 4), C(2, 4, 2)),
        "mv": (C(3, 4), C(4)), "dot": (C(4), C(4, seed=1)), "vdot": (C(4), C(4, seed=1)),
        "inner": (C(3, 4), C(2, 4)), "outer": (C(3), C(2)), "kron": (C(2, 2), C(1, 3)),
        "tensordot": (C(2, 3, 4), C(3, 4, 2)), "adjoint": (C(2, 3, 4),), "trace": (C(3, 3),)}.items()],
    row("adjoint", S((2, 3)), S(rows.COMPLEX), S((2, 3, 4)), S((1, 1))),
    same(lambda a, b: a.mH @ b + a.T.conj() @ b + a.H @ b + (b.mT @ a.conj()).mT, S(C(3, 4), C(3, 2)),
         name="H, mH, mT"),
    *[Case(lambda *x, e=e: minidl.einsum(e, *x), [S(*a)], name=f"complex einsum {e}",
           torch=None if torch is None else lambda *x, e=e: torch.einsum(e, *x)) for e, a in {
        "bixy,ioxy->boxy": (C(2, 3, 2, 2), C(3, 2, 2, 2)), "ij,jk,k->i": (C(2, 3), C(3, 2), C(2)),
        "ii->i": (C(3, 3),)}.items()],
    Case(minidl.linalg.vecdot, [S(C(3, 4), C(4, seed=1)), S((3, 4), C(4, seed=1))],
         lambda a, b: (a.conj() * b).sum(-1), name="complex vecdot"),
    Case(minidl.linalg.cross, [S(C(2, 3), C(2, 3, seed=1))], np.cross, name="complex cross",
         torch=None if torch is None else torch.linalg.cross),
    Case(F.linear, [S(C(2, 4), C(3, 4), C(3))], lambda x, w, b: x @ w.T + b, "linear", name="complex linear"),
    Case(minidl.linalg.inv, [S(A)], np.linalg.inv, "inverse", name="complex inv"),
    Case(minidl.linalg.solve, [S(A, B), S(A[0], C(3))], np.linalg.solve, name="complex solve",
         torch=None if torch is None else torch.linalg.solve),
    Case(minidl.linalg.det, [S(A)], np.linalg.det, "det", name="complex det"),

    # eigenvalues: in no order, so what does not depend on it; nor on the angles of the vectors
    Case(lambda a: (minidl.linalg.eigvals(a) ** 3).sum(-1), [S(A), S(SQUARE)], name="eigvals",
         oracle=lambda a: np.trace(np.linalg.matrix_power(a, 3), axis1=-2, axis2=-1) + 0j,
         torch=None if torch is None else lambda a: (torch.linalg.eigvals(a) ** 3).sum(-1)),
    Case(lambda a: (minidl.linalg.eig(a)[1].abs() ** 3).sum((-2, -1)), [S(A), S(SQUARE)], name="eigenvectors",
         torch=None if torch is None else lambda a: (torch.linalg.eig(a)[1].abs() ** 3).sum((-2, -1))),
    Case(lambda a: (lambda w, V: V @ minidl.diag_embed(w * w) @ minidl.linalg.inv(V))(*minidl.linalg.eig(a)),
         [S(A), S(SQUARE)], oracle=lambda a: a @ a + 0j, name="eig"),
    Case(lambda a: minidl.linalg.eigvals(a.detach()).abs().sum(), [S(A)], grad=False, name="eigvals without gradient",
         oracle=lambda a: np.abs(np.linalg.eigvals(a)).sum()),

    # moved
    *[same(f, S(C(3, 4)), name=n) for n, f in {
        "reshape": lambda z: z.reshape(2, 6), "transpose": lambda z: z.transpose(0, 1), "T": lambda z: z.T,
        "expand": lambda z: z[:1].expand(3, 4), "slice": lambda z: z[1:, ::2], "select": lambda z: z.select(1, 2),
        "flip": lambda z: z.flip(0),
        "roll": lambda z: z.roll(1, 0),
        "tril": lambda z: z.tril(),
        "triu": lambda z: z.triu(1),
        "diagonal": lambda z: z.diagonal(), "repeat": lambda z: z.repeat(2, 1), "unfold": lambda z: z.unfold(1, 2, 1),
        "split": lambda z: z.split(2, 1), "unbind": lambda z: z.unbind(0), "clone": lambda z: z.clone(),
        "as_strided": lambda z: z.contiguous().as_strided((2, 2), (1, 2)), "cfloat": lambda z: (z + 1).to(z.dtype),
        "masked": lambda z: z.masked_fill(z.abs() > 1.2, 1j), "diag_embed": lambda z: z.diag_embed()}.items()],
    Case(lambda z, w: minidl.cat([z, w]), [S(Z, C(1, 4)), S(Z, (1, 4))], lambda z, w: np.concatenate([z, w]),
         name="complex cat", torch=None if torch is None else lambda z, w: torch.cat([z, w])),
    Case(lambda z, w: minidl.stack([z, w], 1), [S(Z, C(3, 4, seed=1))], lambda z, w: np.stack([z, w], 1),
         name="complex stack"),
    Case(lambda z, i: z[i], [S(Z, np.array([0, 2, 2]))], lambda z, i: z[i], name="complex z[i]"),
    Case(lambda z: minidl.gather(z, 1, minidl.tensor(INDEX)), [S(Z)], name="complex gather", strict=False,
         oracle=lambda z: np.take_along_axis(z[:2], INDEX, 1)),
    Case(minidl.index_select, [S(Z, 0, np.array([2, 2, 0]))], torch="index_select", name="complex index_select"),
    Case(lambda m, z, w: minidl.where(m, z, w), [S(MASK, Z, C(3, 4, seed=1)), S(MASK, Z, 0.0), S(MASK, (3, 4), 1j)],
         np.where, name="complex where"),
    Case(lambda z: F.pad(z, (1, 2)), [S(Z)], lambda z: np.pad(z, ((0, 0), (1, 2))), name="complex pad"),
    Case(lambda z: F.pad(z, (1, 2), mode="reflect"), [S(Z)], lambda z: np.pad(z, ((0, 0), (1, 2)), "reflect"),
         name="complex pad reflect"),

    # questions
    *[Case(getattr(minidl, n), [S(Z, Z.T.copy().T), S(Z, 1j)], getattr(np, o), n, grad=False, name=f"complex {n}")
      for n, o in {"eq": "equal", "ne": "not_equal"}.items()],
    *[Case(getattr(minidl, n), [S(np.array([1j, complex("nan"), complex("inf")]))], getattr(np, n), n, grad=False,
           name=f"complex {n}") for n in ("isnan", "isinf", "isfinite")],
    Case(minidl.isclose, [S(Z, Z + 1e-9j), S(Z, Z + 1j)], np.isclose, "isclose", grad=False, name="complex isclose"),
    Case(minidl.logical_not, [S(np.array([0j, 1j]))], np.logical_not, "logical_not", grad=False,
         name="complex logical_not"),
    row("complex", S((2, 3), (2, 3)), S((), ()), S((3,), (3,)), S((0, 2), (0, 2))),
]
CASES = [case for case in CASES if case.oracle is not None or case.torch is not None]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


# ---------------------------------------------------------------------- by hand

def leaf(*values, dtype=minidl.complex128):
    return minidl.tensor(values if len(values) > 1 else values[0], dtype=dtype, requires_grad=True)


def test_the_gradient_of_a_real_number_is_the_direction_of_steepest_ascent():
    """|z|^2 = x^2 + y^2: its gradient is 2x + 2iy = 2z."""
    z = leaf(3 + 4j)
    (z * z.conj()).real.backward()
    assert z.grad.item() == 6 + 8j
    z = leaf(3 + 4j)
    z.abs().backward()
    assert z.grad.item() == pytest.approx(0.6 + 0.8j)


def test_a_derivative_is_conjugated():
    """Re(i z) = -y and Im(z^2) = 2xy, by hand: -i, and 2y + 2ix."""
    z = leaf(3 + 4j)
    (1j * z).real.backward()
    assert z.grad.item() == -1j
    z = leaf(3 + 4j)
    (z ** 2).imag.backward()
    assert z.grad.item() == 8 + 6j


def test_a_real_number_receives_the_real_part():
    """L = Re(x (a + ib)) has dL/dx = a, though x meets a complex number."""
    x = minidl.tensor([2.0], requires_grad=True)
    (x * (3 + 5j)).real.sum().backward()
    assert x.grad.dtype == minidl.float32 and x.grad.item() == 3.0
    x = minidl.tensor([2.0], requires_grad=True)
    (x * (3 + 5j)).imag.sum().backward()
    assert x.grad.item() == 5.0


def test_rotary_positions():
    """RoPE: pairs of features turn by an angle; products depend on the difference of the angles alone."""
    q, k = (minidl.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, -1.0]))

    def turned(x, angle):
        z = minidl.view_as_complex(x.reshape(1, 2)) * minidl.polar(minidl.ones(1), minidl.tensor([angle]))
        return minidl.view_as_real(z).flatten()
    near, far = ((turned(q, a) * turned(k, b)).sum() for a, b in ((0.3, 0.5), (7.3, 7.5)))
    assert near.item() == pytest.approx(far.item(), abs=1e-5)
    far.backward()
    c, s = math.cos(0.2), math.sin(0.2)
    assert q.grad.tolist() == pytest.approx([3 * c + 1 * s, 3 * s - 1 * c], abs=1e-5)     # k, turned by 0.2


def test_gradient_descent_on_a_complex_parameter():
    z = leaf(2 - 1j)
    for _ in range(50):
        z.grad = None
        (z - (1 + 1j)).abs().square().backward()
        with minidl.no_grad():
            z -= 0.2 * z.grad
    assert z.item() == pytest.approx(1 + 1j, abs=1e-6)


def test_a_module_with_a_complex_parameter():
    module = minidl.nn.Module()
    module.w = minidl.nn.Parameter(minidl.tensor([1 + 2j]))
    module.v = minidl.nn.Parameter(minidl.ones(1))
    module.double()
    assert (module.w.dtype, module.v.dtype) == (minidl.complex64, minidl.float64)
    (module.w * module.v).abs().sum().backward()
    assert module.w.grad.dtype == minidl.complex64
    assert minidl.nn.utils.clip_grad_norm_(module.parameters(), 1e9).item() == pytest.approx(math.sqrt(1 + 5))
    module.load_state_dict({"w": minidl.tensor([3j]), "v": minidl.zeros(1)})
    assert module.w.item() == 3j


def test_functional_gradients():
    z = minidl.tensor([3 + 4j, 1j])
    assert minidl.func.grad(lambda z: z.abs().square().sum())(z).tolist() == pytest.approx([6 + 8j, 2j])


# ---------------------------------------------------------------------- views and writes

def test_the_parts_are_views():
    z = minidl.tensor([1 + 2j, 3 + 4j])
    z.real[0] = 9
    z.imag.mul_(2)
    z.imag = z.imag + 1
    minidl.view_as_real(z)[1, 0] = 7
    assert z.tolist() == [9 + 5j, 7 + 9j]
    x = minidl.zeros(2, 2)
    minidl.view_as_complex(x)[1] = 1 + 2j
    assert x.tolist() == [[0, 0], [1, 2]]


@pytest.mark.parametrize("write", [
    lambda z: z.real.mul_(3), lambda z: z.imag.copy_(z.clone().abs()), lambda z: z.mul_(1j), lambda z: z[0].add_(z[1]),
    lambda z: minidl.view_as_real(z)[..., 1].exp_(), lambda z: z.real.sub_(z.imag), lambda z: z.exp_(),
    lambda z: setattr(z, "real", z.imag + z.real), lambda z: z.fill_(1j), lambda z: z.div_(z.sum()),
    lambda z: z.sgn_(), lambda z: z.conj_physical_(), lambda z: z.index_add_(0, minidl.tensor([1]), z[:1]),
])
def test_a_write_into_a_part_has_the_right_gradient(write):
    def function(z):
        z = z.clone()
        write(z)
        return z.sin()
    assert gradcheck(function, leaf(*C(3)))


def test_conj_is_computed_at_once():
    z = minidl.tensor([1 + 2j])
    assert not z.conj().is_conj() and z.conj().resolve_conj().tolist() == [1 - 2j] and not z.is_neg()
    x = minidl.ones(2)
    assert x.conj() is x and x.real is x and x.conj_physical() is x


# ---------------------------------------------------------------------- dtypes

def test_dtypes_of_new_tensors():
    assert minidl.tensor([1j]).dtype == minidl.complex64 and minidl.tensor(np.array([1j])).dtype == minidl.complex128
    assert minidl.tensor([1, 2.0, 1j]).dtype == minidl.cfloat and minidl.full((2,), 1j).dtype == minidl.cfloat
    assert minidl.eye(2, dtype=minidl.cdouble).tolist() == [[1, 0], [0, 1]] and minidl.ones(
        1, dtype="complex64").item() == 1
    assert minidl.tensor(1 + 2j).item() == 1 + 2j == complex(minidl.tensor(1 + 2j))
    minidl.set_default_dtype(minidl.float64)
    try:
        assert minidl.tensor([1j]).dtype == minidl.cdouble and repr(minidl.tensor(1j)) == "tensor(0.+1.j)"
        assert (minidl.arange(2) * 1j).dtype == minidl.cdouble
    finally:
        minidl.set_default_dtype(minidl.float32)
    assert minidl.ones(1).cdouble().dtype == minidl.complex128 and minidl.ones(1).is_complex() is False
    assert minidl.ones(1).cfloat().is_complex() and not minidl.ones(1).cfloat().is_floating_point()
    with pytest.raises(TypeError, match="must be real numbers, not complex"):
        minidl.tensor([1j], dtype=minidl.float32)


def test_the_real_part_is_kept_with_a_warning():
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        assert minidl.tensor([2.7 + 1j]).int().tolist() == [2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert minidl.tensor([1j, 0]).bool().tolist() == [True, False]


def test_random_numbers():
    minidl.manual_seed(0)
    z = minidl.randn(50_000, dtype=minidl.cdouble)
    assert abs(z.real.var().item() - 0.5) < 0.02 and abs(z.imag.var().item() - 0.5) < 0.02
    assert abs((z.real * z.imag).mean().item()) < 0.02
    u = minidl.rand(1000, dtype=minidl.cfloat)
    assert u.dtype == minidl.cfloat and 0.4 < u.imag.mean().item() < 0.6 and bool((u.real >= 0).all())
    assert minidl.randn_like(z).shape == z.shape


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_promotion_is_pytorchs():
    kinds = ["bool", "uint8", "int64", "float32", "float64", "complex64", "complex128"]
    operands = [(minidl.ones(s, dtype=k), torch.ones(s, dtype=getattr(torch, k))) for k in kinds for s in ((2,), ())]
    operands += [(v, v) for v in (True, 2, 2.0, 2j)]
    for a, ta in operands:
        for b, tb in operands:
            assert str(minidl.result_type(a, b)) == str(torch.result_type(ta, tb)).removeprefix("torch."), (a, b)
            if isinstance(a, minidl.Tensor) or isinstance(b, minidl.Tensor):
                assert (a * b).dtype == minidl.result_type(a, b)
    for a in kinds:
        for b in kinds:
            ours, theirs = (getattr(minidl, a), getattr(minidl, b)), (getattr(torch, a), getattr(torch, b))
            assert str(minidl.promote_types(*ours)) == str(torch.promote_types(*theirs)).removeprefix("torch.")
            assert minidl.can_cast(*ours) == torch.can_cast(*theirs)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@given(st.lists(st.complex_numbers(allow_nan=False, max_magnitude=1e6), min_size=1, max_size=20))
def test_printing_is_pytorchs(values):
    assert repr(minidl.tensor(values)) == repr(torch.tensor(values))
    assert repr(minidl.tensor([values, values])) == repr(torch.tensor([values, values]))


def test_comparison():
    z = minidl.tensor([1j, 2])
    assert (z == 1j).tolist() == [True, False] and (z != z.clone()).tolist() == [False, False]
    assert minidl.allclose(z, z + 1e-9) and not minidl.allclose(z, z.conj()) and minidl.equal(z, z.clone())


# ---------------------------------------------------------------------- errors

@pytest.mark.parametrize("name, function", [
    ("Relu", F.relu), ("Softmax", lambda z: F.softmax(z, 0)), ("Erf", minidl.erf),
    ("Clamp", lambda z: z.clamp(0)), ("Maximum", lambda z: minidl.maximum(z, z)), ("Sign", minidl.sign),
    ("Floor", minidl.floor), ("Lt", lambda z: z < 1), ("Atan2", lambda z: minidl.atan2(z, z)),
    ("sort", minidl.sort),
    ("topk", lambda z: z.topk(1)),
    ("argmax", minidl.argmax),
    ("max", minidl.max),
    ("amin", minidl.amin),
    ("median", minidl.median), ("kthvalue", lambda z: z.kthvalue(1)), ("mode", minidl.mode),
    ("cummax", lambda z: z.cummax(0)),
    ("aminmax", minidl.aminmax),
    ("argsort", minidl.argsort),
    ("SignBit", minidl.signbit),
    ("Hypot", lambda z: minidl.hypot(z, 1.0)), ("Elu", F.elu),
])
def test_an_op_without_complex_rules_says_so(name, function):
    """By its name, and never with a gradient that is silently wrong."""
    with pytest.raises(RuntimeError,
                       match=f"{name} is not supported for complex tensors|expected a floating-point tensor"):
        function(leaf(*C(4)))


def test_a_real_op_beside_a_constant_complex_number_is_refused_too():
    x = minidl.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="Minimum is not supported for complex tensors"):
        minidl.minimum(x, minidl.tensor([1j, 1j]))


def test_the_gradient_of_a_complex_output_must_be_given():
    z = leaf(1 + 1j)
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got complex128"):
        (z * z).backward()
    with pytest.raises(RuntimeError, match="are required to have the same dtype"):
        (z * z).backward(minidl.ones((), dtype=minidl.float64))
    (z * z).backward(minidl.tensor(1j, dtype=minidl.complex128))
    assert z.grad.item() == 1j * 2 * (1 - 1j)


@pytest.mark.parametrize("function",
                         [minidl.real, minidl.imag, minidl.conj, minidl.sgn, minidl.angle, minidl.view_as_real])
def test_what_is_no_tensor(function):
    with pytest.raises(TypeError, match=rf"{function.__name__}\(\): argument 'input' .*must be Tensor, not list"):
        function([1j])


def test_views_that_memory_does_not_allow():
    with pytest.raises(RuntimeError, match="stride 1"):
        minidl.view_as_complex(minidl.ones(2, 3).T)
    with pytest.raises(RuntimeError, match="2-D tensors"):
        _ = minidl.ones(2, 2, 2).H
    with pytest.raises(RuntimeError, match="matrices or batches of matrices"):
        minidl.ones(2).adjoint()
    with pytest.raises(RuntimeError, match="can't be cast"):
        minidl.ones(2).add_(1j)


# ---------------------------------------------------------------------- gradcheck itself

class WrongSquare(minidl.autograd.Function):
    """z^2 with the gradient 2gz: right for real numbers, not for complex ones."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return 2 * g * z


class RightSquare(WrongSquare):
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return 2 * g * z.conj()


@pytest.mark.parametrize("fast_mode", [False, True])
def test_gradcheck_of_complex_functions(fast_mode):
    z = leaf(*C(3))
    assert gradcheck(RightSquare.apply, z, fast_mode=fast_mode) and gradgradcheck(
        RightSquare.apply, z, fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="mismatch"):
        gradcheck(WrongSquare.apply, z, fast_mode=fast_mode)
    x = minidl.tensor([1.0, 2.0], dtype=minidl.float64, requires_grad=True)
    assert gradcheck(WrongSquare.apply, x, fast_mode=fast_mode)
    assert gradcheck(lambda x: (x * 1j).exp(), x, fast_mode=fast_mode)
    assert gradgradcheck(lambda z: z.abs(), z, fast_mode=fast_mode, gen_non_contig_grad_outputs=True)


def test_a_function_whose_complex_output_hides_its_dependence():
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradcheck(lambda z: z.detach() * 1j, leaf(1 + 1j))


def test_gradients_at_zero():
    """|z| has a kink at 0, and sgn a jump: the gradient there is 0, as PyTorch's."""
    for function in (minidl.abs, minidl.sgn, minidl.angle):
        z = leaf(0j, 0j)
        out = function(z)
        out.backward(minidl.ones_like(out))
        assert z.grad.tolist() == [0, 0]


def test_functions_on_arrays_return_arrays():
    z = np.array([1 + 2j])
    for function in (ops.real, ops.imag, ops.conj, ops.view_as_real):
        assert isinstance(function(z), np.ndarray)
