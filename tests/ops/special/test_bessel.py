"""Bessel and Airy functions against SciPy, with gradients, and against PyTorch, which gives none."""
import math

import numpy as np
import pytest
from scipy import special as scipy_special

import minidl
from minidl.ops.special import bessel
from tests.checking import Case, S, check_case, torch

SIGNED = [S((3, 4), low=-6, high=6), S(()), S((0, 2)), S(np.array([0.0, 0.3, -7.5, 25.0])), S(np.array([1, 2, 3]))]
POSITIVE = [
    S((3, 4), low=0.2, high=6),
    S((), low=0.2),
    S((0, 2)),
    S(np.array([0.05, 1.0, 25.0])),
    S(np.array([1, 2, 3])),
]
EDGES = [S(np.array([0.0, math.inf, math.nan]))]


def pair(name, scipy_name, samples, rtol=1e-9):
    """One case with SciPy's values and gradients, one with PyTorch's values, at the edges too."""
    function = getattr(bessel, name)
    oracle = scipy_name if callable(scipy_name) else getattr(scipy_special, scipy_name)
    theirs = None if torch is None else getattr(torch.special, name)
    return [Case(function, samples[:-1], oracle=oracle, rtol=1e-8, name=name),
            Case(function, samples[:-1], torch=theirs, grad=False, rtol=rtol, name=f"{name}, PyTorch's values"),
            Case(function, samples[-1:], torch=theirs, grad=False, rtol=1e-6, name=f"{name} of integers"),
            Case(function, EDGES, torch=theirs, grad=False, name=f"{name} at the edges")]


CASES = [
    # PyTorch's J and Y, and Ai below 0, are right to single precision only, even of float64: held against exact values,
    # its J0(2.3) is wrong by 2e-5 of itself, and SciPy's by 1e-15.
    *pair("bessel_j0", "j0", SIGNED, rtol=1e-4), *pair("bessel_j1", "j1", SIGNED, rtol=1e-4),
    *pair("bessel_y0", "y0", POSITIVE, rtol=1e-4), *pair("bessel_y1", "y1", POSITIVE, rtol=1e-4),
    *pair("modified_bessel_i0", "i0", SIGNED), *pair("modified_bessel_i1", "i1", SIGNED),
    *pair("modified_bessel_k0", "k0", POSITIVE), *pair("modified_bessel_k1", "k1", POSITIVE),
    *pair("scaled_modified_bessel_k0", "k0e", POSITIVE), *pair("scaled_modified_bessel_k1", "k1e", POSITIVE),
    *pair("spherical_bessel_j0", lambda x: scipy_special.spherical_jn(0, x), SIGNED, rtol=1e-7),
    *pair("airy_ai", lambda x: scipy_special.airy(x)[0], SIGNED, rtol=1e-6),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_airy_solves_its_equation():
    """Ai'' = x Ai."""
    x = minidl.tensor([-2.0, 0.5], dtype=minidl.float64, requires_grad=True)
    (slope,) = minidl.autograd.grad(bessel.airy_ai(x).sum(), [x], create_graph=True)
    (curvature,) = minidl.autograd.grad(slope.sum(), [x])
    np.testing.assert_allclose(curvature.numpy(), (x * bessel.airy_ai(x)).detach().numpy(), rtol=1e-12)
