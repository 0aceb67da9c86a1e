"""The incomplete gamma functions against SciPy and PyTorch."""
import math

import numpy as np
import pytest
from scipy import special as scipy_special

import minidl
from minidl.ops.special import incomplete_gamma
from tests.checking import Case, S, check_case, torch

A = np.array([0.5, 1.0, 3.0])


def fixed(function, wrap):
    """With a as a constant: nobody has its gradient."""
    def of_x(x, a):
        return function(wrap(a), x)
    of_x.__name__ = getattr(function, "__name__", "gamma")
    return of_x


def cases(name, torch_name, scipy_name):
    function = getattr(incomplete_gamma, name)
    theirs = None if torch is None else getattr(torch, torch_name)
    return [
        Case(fixed(function, lambda a: minidl.tensor(a) if isinstance(a, list) else a), [
            S((2, 3), S.raw([0.5, 1.0, 3.0]), low=0.2, high=4), S((3,), S.raw([2.0]), low=0.2, high=4)],
            oracle=fixed(getattr(scipy_special, scipy_name), np.asarray), rtol=1e-6, strict=False,
            torch=theirs and fixed(theirs, lambda a: torch.tensor(a, dtype=torch.float64)), name=f"{name}, in x"),
        Case(function, [S(A, (2, 3), low=0.2, high=4), S(A, np.array(2.0)), S(A[:, None], A), S((0, 2), (2,)),
                        S(np.array([0.0, 1.0, -1.0, 2.0]), np.array([1.0, 0.0, 1.0, math.inf]))],
             oracle=getattr(scipy_special, scipy_name),
             torch=theirs and (lambda a, x: theirs(a.detach(), x.detach())),
             grad=False,
             name=name),
    ]


CASES = [*cases("igamma", "igamma", "gammainc"), *cases("igammac", "igammac", "gammaincc")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_of_exponential_waiting_times():
    """gammainc(1, x) is 1 - e^-x, the share of waiting times below x."""
    assert incomplete_gamma.igamma(1.0, minidl.tensor([2.0])).item() == pytest.approx(1 - math.exp(-2), rel=1e-6)


@pytest.mark.parametrize("name", ["igamma", "igammac"])
def test_there_is_no_derivative_in_the_first_argument(name):
    a = minidl.tensor([2.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match=f"{name} with respect to its first argument"):
        getattr(incomplete_gamma, name)(a, minidl.tensor([1.5])).sum().backward()
