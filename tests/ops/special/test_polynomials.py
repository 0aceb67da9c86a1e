"""Orthogonal polynomials against PyTorch, SciPy, and those that everybody knows."""
import numpy as np
import pytest
from scipy import special as scipy_special

import minidl
from minidl.ops.special import polynomials as P
from tests.checking import Case, S, check_case, torch

ORDERS = np.array([0, 1, 2, 5])
SAMPLES = [
    S((3, 4), 0),
    S((3, 4), 1),
    S((3, 4), 5),
    S((), 3),
    S((0, 2), 2),
    S((3, 1), ORDERS),
    S((2,), 2.9),
    S((2, 3), -1),
    S(np.array([1.0, -1.0]), 4),
    S((3,), np.array([[2.0], [-1.0]])),
]
INTEGERS = [S(np.array([0, 1, 2]), 3), S(np.array([2, 3]), ORDERS[:2]), S(0.5, ORDERS)]    # these are float32


def cases(name, scipy_name=None):
    function = getattr(P, name)
    theirs = None if torch is None else getattr(torch.special, name)
    oracle = scipy_name and (lambda x, n: getattr(scipy_special, scipy_name)(n, x))
    found = [Case(function, SAMPLES,
                  torch=theirs and (lambda x, n: theirs(x.detach() if torch.is_tensor(x) else x,
                                                        n.detach() if torch.is_tensor(n) else n)),
                  grad=False, rtol=1e-7, name=name),
             Case(function, INTEGERS, torch=theirs, grad=False, rtol=1e-6, name=f"{name} of integers")]
    if oracle:
        found.append(Case(function, [S((3, 4), n) for n in (0, 1, 2, 4)] + [S((2, 1), ORDERS)], oracle=oracle,
                          rtol=1e-7, name=f"{name} and its gradient"))
    return found


CASES = [
    *cases("chebyshev_polynomial_t", "eval_chebyt"), *cases("chebyshev_polynomial_u", "eval_chebyu"),
    *cases("chebyshev_polynomial_v"), *cases("chebyshev_polynomial_w"),
    *cases("shifted_chebyshev_polynomial_t", "eval_sh_chebyt"),
    *cases("shifted_chebyshev_polynomial_u", "eval_sh_chebyu"),
    *cases("shifted_chebyshev_polynomial_v"), *cases("shifted_chebyshev_polynomial_w"),
    *cases("hermite_polynomial_h", "eval_hermite"), *cases("hermite_polynomial_he", "eval_hermitenorm"),
    *cases("laguerre_polynomial_l", "eval_laguerre"), *cases("legendre_polynomial_p", "eval_legendre"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_by_hand():
    """At 3: T_2 = 2x^2 - 1, U_2 = 4x^2 - 1, H_2 = 4x^2 - 2, He_2 = x^2 - 1, L_2 = x^2/2 - 2x + 1, P_2 = (3x^2 - 1)/2.
    """
    x = minidl.tensor(3.0)
    found = [P.chebyshev_polynomial_t, P.chebyshev_polynomial_u, P.hermite_polynomial_h, P.hermite_polynomial_he,
             P.laguerre_polynomial_l, P.legendre_polynomial_p]
    assert [f(x, 2).item() for f in found] == [17, 35, 34, 8, -0.5, 13]


def test_the_gradient_is_that_of_the_polynomial():
    """dT_n/dx = n U_(n-1)."""
    x = minidl.tensor([0.3, -0.7], dtype=minidl.float64, requires_grad=True)
    P.chebyshev_polynomial_t(x, 5).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 5 * P.chebyshev_polynomial_u(x.detach(), 4).numpy())


def test_what_is_no_order_gives_zero():
    assert P.hermite_polynomial_h(minidl.ones(3),
                                  minidl.tensor([float("nan"), float("inf"), 1.0])).tolist() == [0, 0, 2]
