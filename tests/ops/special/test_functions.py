"""Special functions against SciPy and PyTorch, and where they are delicate: poles, zeros, tails."""
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special as scipy_special

import minidl
import minidl.special
from minidl.ops.special import functions
from tests.checking import Case, S, check_case, torch
from tests.ops.rows import of_one, of_two, row

nan, inf = math.nan, math.inf
SHAPES = [S((3, 4)), S(()), S((0, 2))]
POSITIVE = [S((3, 4), low=0.3, high=4.0), S((), low=0.3, high=4.0)]
UNIT = [S((3, 4), low=0.05, high=0.95), S((), low=0.05, high=0.95)]
SIGNED = [S((3, 4), low=-0.95, high=0.95), S((), low=-0.9, high=0.9)]
NEGATIVE = S(np.array([-0.5, -1.3, -2.7]))
INTS = np.array([2, 3, 1])


def unary(name, samples, oracle=None, torch_name=None, **kwargs):
    oracle = oracle or getattr(scipy_special, name)
    there = None if torch is None else torch_name or getattr(torch.special, name, None) or name
    return Case(getattr(functions, name), samples, oracle=oracle, torch=there, **kwargs)


CASES = [
    unary("erfinv", [*SIGNED, S((0, 2))], float16=True),
    *of_one("erfinv", -0.9, 0.9, ints=False),
    unary("ndtr", [*SHAPES, S(INTS)], rtol=1e-6),
    unary("ndtri", UNIT, rtol=1e-8),
    *of_one("special.ndtri", 0.05, 0.95, ints=False, rtol=1e-8),
    unary("log_ndtr", [*SHAPES, S(np.array([-30.0, -8.0, 5.0]))], rtol=1e-8),
    unary("lgamma", [*POSITIVE, NEGATIVE, S(INTS)], scipy_special.gammaln, "lgamma", float16=True, rtol=1e-6),
    unary("digamma", [*POSITIVE, NEGATIVE], rtol=1e-8),
    *of_one("digamma", 0.3, 4.0, rtol=1e-7),
    row("special.psi", S((2, 3), low=0.3, high=4), S((), low=0.3), S((0, 2)), S((2, 1, 3), low=0.3), rtol=1e-7),
    *[Case(functions.polygamma, [S(n, (3, 4), low=0.3, high=4.0), S(n, np.array([-0.5, -1.3]))],
           scipy_special.polygamma, "polygamma", rtol=1e-7, name=f"polygamma {n}",
           errors=[(S(-1, (2,)), RuntimeError, "negative n")])
      for n in (0, 1, 2, 3)],
    Case(functions.mvlgamma, [S((3, 4), p, low=2.0, high=5.0) for p in (1, 2, 3)], torch="mvlgamma",
         oracle=np.vectorize(scipy_special.multigammaln),
         errors=[(S((2,), 0), RuntimeError, "greater than or equal to 1")]),
    row("mvlgamma",
        S((2, 3), 1, low=2, high=5),
        S((), 2, low=2, high=5),
        S((0, 2), 2),
        S((2, 1), 3, low=2, high=5),
        rtol=1e-8),
    row("special.multigammaln",
        S((2, 3), 1, low=2, high=5),
        S((), 2, low=2, high=5),
        S((0, 2), 2),
        S((2, 1), 3, low=2, high=5),
        rtol=1e-8),
    Case(functions.zeta, [S(2.5, (3, 4), low=0.5, high=4.0), S(3, (2,), low=0.5, high=4.0)], scipy_special.zeta,
         name="zeta"),
    Case(functions.zeta, [S(np.array([2, 3]), 1.5), S(np.array([2, 3]), np.array([1, 4]))], scipy_special.zeta,
         rtol=1e-6, torch=None if torch is None else torch.special.zeta, grad=False, name="zeta of integers"),
    row("special.zeta", S(2.5, (2, 3), low=0.5), S(3, (), low=0.5), S(2.0, (0, 2)), S(1.5, (2, 1), low=1.0), rtol=1e-7),
    *[unary(name, [*SHAPES, S(np.array([0.0 if name in ("i0", "i1") else 1.0, -3.5, 3.5]))],
            torch_name=name if name == "i0" else None, rtol=1e-8)
      for name in ("i0", "i0e", "i1", "i1e")],
    unary("logit", UNIT),
    Case(functions.logit, [S(np.array([0.0, 0.1, 0.5, 0.95, 1.0]), 0.2), S((3, 4), eps=0.3)], torch="logit",
         name="logit with eps"),
    unary("entr", UNIT),
    *of_one("special.entr", 0.1),
    Case(functions.xlog1py, [
        S((3, 4), (4,), low=-0.9),
        S((3, 4), 1.5),
        S(2, (3,), low=-0.5),
        S(np.array([0, 2]), (2,), low=0),
    ], oracle=scipy_special.xlog1py, torch=None if torch is None else torch.special.xlog1py),
    Case(functions.logaddexp2, [S((3, 4), (4,)), S((), ())], oracle=np.logaddexp2, torch="logaddexp2"),
    *of_two("logaddexp2", ints=False),
    unary("sinc", [*SHAPES, S(np.array([1.0, -0.5, 0.01, -0.019, 0.021]))], np.sinc, "sinc"),
    *of_one("special.erfcx", -2, 3, ints=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def gradient(fn, x, order=1):
    y = x = minidl.tensor(x, dtype=minidl.float64, requires_grad=True)
    y = fn(x)
    for _ in range(order):
        (y,) = minidl.autograd.grad(y.sum(), [x], create_graph=True)
    return y.tolist()


def test_factorials_by_hand():
    # gamma(n + 1) = n!, and digamma grows by 1/n: psi(n + 1) = psi(n) + 1/n
    np.testing.assert_allclose(functions.lgamma(minidl.tensor([1.0, 4.0, 6.0])).exp().numpy(), [1, 6, 120], rtol=1e-6)
    psi = functions.digamma(minidl.tensor([3.0, 4.0]))
    assert (psi[1] - psi[0]).item() == pytest.approx(1 / 3, rel=1e-6)


def test_sinc_is_smooth_at_zero():
    # sinc x = 1 - (pi x)^2/6 + (pi x)^4/120: derivatives 0, -pi^2/3, 0, pi^4/5
    expected = [0.0, -math.pi**2 / 3, 0.0, math.pi**4 / 5]
    for order, value in enumerate(expected, 1):
        assert gradient(functions.sinc, [0.0], order) == pytest.approx([value])


def test_bessel_functions_of_order_1_at_zero():
    # i1 x = x/2 + x^3/16 + ...
    assert gradient(functions.i1, [0.0]) == gradient(functions.i1e, [0.0]) == [0.5]
    assert gradient(functions.i1, [0.0], 2) == [0.0]


def test_edges():
    assert functions.erfinv(minidl.tensor([-1.0, 1.0])).tolist() == [-inf, inf]
    assert math.isnan(functions.erfinv(minidl.tensor(1.5)).item())
    assert functions.logit(minidl.tensor([0.0, 1.0])).tolist() == [-inf, inf]
    assert functions.entr(minidl.tensor([0.0, -1.0])).tolist() == [0.0, -inf]
    assert functions.digamma(minidl.tensor([0.0])).tolist() == [-inf]
    assert functions.lgamma(minidl.tensor([-inf, -1.0, inf])).tolist() == [inf, inf, inf]
    assert functions.xlog1py(minidl.tensor([0.0, 0.0]), minidl.tensor([-1.0, -2.0])).tolist() == [0.0, 0.0]
    assert functions.logaddexp2(minidl.tensor([2000.0]), minidl.tensor([2000.0])).tolist() == [2001.0]


def test_log_ndtr_keeps_its_gradient_in_the_tail():
    # the derivative is pdf/cdf, which tends to -x
    (g,) = gradient(functions.log_ndtr, [-50.0])
    assert g == pytest.approx(50.0, rel=1e-3)


def test_zeta_has_no_derivative_in_its_first_argument():
    x = minidl.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match="first argument"):
        functions.zeta(x, 1.5).sum().backward()


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name",
                         [n
                          for n in minidl.special.__all__ if n not in ("log_softmax", "softmax", "logsumexp",
                                                                       "gammainc", "gammaincc")])
def test_the_namespace_has_the_functions_of_torch(name):
    args = {"polygamma": (1,), "zeta": (2.0,), "xlogy": (2.0,), "xlog1py": (2.0,)}.get(name, ())
    last = (2,) if name == "multigammaln" or "polynomial" in name else ()
    x = np.array([0.6, 0.9])
    ours = getattr(minidl.special, name)(*args, minidl.tensor(x), *last)
    theirs = getattr(torch.special, name)(*args, torch.tensor(x), *last)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-7)


def test_the_namespace_over_a_dimension():
    x = minidl.tensor([[0.0, 0.0], [1.0, 1.0]])
    assert minidl.special.softmax(x, 1).tolist() == [[0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_allclose(minidl.special.log_softmax(x, 1).numpy(), math.log(0.5), rtol=1e-6)
    np.testing.assert_allclose(minidl.special.logsumexp(x, 1).numpy(), [math.log(2), 1 + math.log(2)], rtol=1e-6)


def test_digamma_close_to_its_poles():
    """At -n + d, digamma is -1/d + psi(n + 1) + O(d): the first term has more digits than pi / tan(pi x) keeps."""
    for n in (1, 2, 30):
        d = np.array([2.0 ** -20, -2.0 ** -20, 2.0 ** -30, 2.0 ** -40])
        x = minidl.tensor(-n + d)
        harmonic = sum(1 / k for k in range(1, n + 1))
        derivative = np.pi ** 2 / 3 - sum(1 / (n + 1 + k) ** 2 for k in range(100_000))    # of the regular part
        expected = -1 / d + harmonic - np.euler_gamma + derivative * d
        np.testing.assert_allclose(functions.digamma(x).numpy(), expected, rtol=1e-14)
    assert np.isnan(functions.digamma(minidl.tensor([-1.0, -7.0])).numpy()).all()
    one = minidl.tensor(-1 + 2.0 ** -20, dtype=minidl.float64)      # 0-d
    assert functions.digamma(one).item() == functions.digamma(one.reshape(1)).item()


def test_logit_has_no_gradient_outside_of_its_domain():
    x = minidl.tensor([-inf, -0.5, 0.0, 0.5, 1.0, 2.0, inf], requires_grad=True)
    functions.logit(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [math.nan, math.nan, inf, 4.0, inf, math.nan, math.nan])
