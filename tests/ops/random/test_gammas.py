"""Gamma and Dirichlet samples: their distributions, and gradients at fixed probabilities."""
from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

import minidl
from minidl.backend.device import library_of
from minidl.ops.random.gammas import (
    BetaSampleDerivative,
    DirichletSample,
    GammaSample,
    GammaSampleDerivative,
    dirichlet,
    standard_gamma,
)
from tests import strict_array
from tests.checking import Case, S, check_case, torch

N = 20_000
A = np.array([[0.02, 0.3, 0.9], [1.0, 3.5, 60.0]])
CHANCES = np.array([[0.7, 0.01, 0.5], [0.93, 0.2, 0.999]])


def gamma_quantile(a):
    """The sample of a given probability to be smaller, as an op makes it of a drawn one."""
    array = a.array if isinstance(a, minidl.Tensor) else a
    chances = minidl.backend.device.array_module(array).asarray(CHANCES)
    sample = library_of(array).special.gammaincinv(array.astype(float), chances).astype(array.dtype)
    return GammaSample(sample)(a)


def beta_quantile(a):
    """The Dirichlet sample of two numbers, of a given probability that the first is smaller."""
    array = a.array if isinstance(a, minidl.Tensor) else a
    wide = array.astype(float)
    first = library_of(array).special.betaincinv(wide[..., 0], wide[..., 1], 0.3)
    return DirichletSample(np.stack([first, 1 - first], -1).astype(array.dtype))(a)


CASES = [
    Case(gamma_quantile, [S(A)], oracle=lambda a: special.gammaincinv(a, CHANCES), gradgrad=False),
    Case(beta_quantile, [S(np.array([[0.6, 0.8], [2.0, 3.0], [40.0, 5.0]]))], gradgrad=False,
         oracle=lambda a: np.stack([q := special.betaincinv(a[:, 0], a[:, 1], 0.3), 1 - q], -1)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


@pytest.mark.parametrize("a", [0.01, 0.1, 0.7, 1.0, 2.5, 30.0, 1e4])
@pytest.mark.parametrize("chance", [1e-6, 0.1, 0.5, 0.9, 1 - 1e-6])
def test_gamma_derivative(a, chance):
    """Against differences of the quantile function, where it is the inverse to enough digits."""
    x = special.gammaincinv(a, chance)
    if x < 1e-250:
        pytest.skip("the sample is 0 in double precision")
    h = 1e-4 * min(a, a ** 0.5)
    points = [special.gammaincinv(a + k * h, chance) for k in (-2, -1, 1, 2)]
    expected = (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * h)
    ours = GammaSampleDerivative()(np.array([a]), np.array([x]))
    np.testing.assert_allclose(ours, expected, rtol=2e-6)


@pytest.mark.parametrize("a, b, x", [(0.5, 0.7, 0.3), (2, 3, 0.4), (10, 1, 0.95), (100, 200, 0.36), (1, 0.01, 0.99)])
def test_beta_derivative(a, b, x):
    chance, h = special.betainc(a, b, x), 1e-4 * a
    points = [special.betaincinv(a + k * h, b, chance) for k in (-2, -1, 1, 2)]
    expected = (points[0] - 8 * points[1] + 8 * points[2] - points[3]) / (12 * h)
    np.testing.assert_allclose(BetaSampleDerivative()(np.array([a]), np.array([b]), np.array([x])), expected, rtol=1e-5)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_gradients_of_vectors():
    """PyTorch's, whose derivative of the quantile is a fit to 4 digits."""
    concentration = np.array([[0.5, 1.5, 4.0], [2.0, 0.3, 9.0]])
    sample = np.array([[0.1, 0.25, 0.65], [0.3, 0.02, 0.68]])
    g = np.array([[1.0, -2.0, 0.5], [0.2, 3.0, 1.0]])
    a = minidl.tensor(concentration, requires_grad=True)
    DirichletSample(sample)(a).backward(minidl.tensor(g))
    x, c = torch.tensor(sample), torch.tensor(concentration)
    own = torch._dirichlet_grad(x, c, c.sum(-1, True).expand_as(c))
    expected = own * (torch.tensor(g) - (x * torch.tensor(g)).sum(-1, True))
    np.testing.assert_allclose(a.grad.numpy(), expected.numpy(), rtol=1e-3)


@pytest.mark.parametrize("a", [0.01, 0.3, 1.0, 3.5, 100.0])
def test_gamma_samples(a):
    draws = standard_gamma(minidl.full((N,), a, dtype=minidl.float64), minidl.Generator().manual_seed(1)).numpy()
    assert stats.kstest(draws, stats.gamma(a).cdf).pvalue > 1e-3


@pytest.mark.parametrize("a", [[0.5, 0.1, 2.0], [3.0, 1.0, 7.0]])
def test_dirichlet_samples(a):
    concentration = minidl.tensor(a, dtype=minidl.float64)
    draws = dirichlet(concentration.expand(N, 3), minidl.Generator().manual_seed(2)).numpy()
    np.testing.assert_allclose(draws.sum(-1), 1, rtol=1e-12)
    for k in range(3):
        assert stats.kstest(draws[:, k], stats.beta(a[k], sum(a) - a[k]).cdf).pvalue > 1e-3
    pairs = np.corrcoef(draws.T)[0, 1]
    assert abs(pairs + (a[0] * a[1] / ((sum(a) - a[0]) * (sum(a) - a[1]))) ** 0.5) < 0.03


def test_tiny_concentrations_are_no_nan():
    assert bool((standard_gamma(minidl.full((1000,), 1e-4)) > 0).all())
    draws = dirichlet(minidl.full((1000, 3), 1e-5))
    np.testing.assert_allclose(draws.sum(-1).numpy(), 1, rtol=1e-5)
    a = minidl.full((1000,), 1e-3, requires_grad=True)
    standard_gamma(a).sum().backward()
    assert bool(a.grad.isfinite().all())


def test_seeds_and_dtypes():
    a = minidl.ones(5)
    first = standard_gamma(a, minidl.Generator().manual_seed(3))
    assert first.tolist() == standard_gamma(a, minidl.Generator().manual_seed(3)).tolist()
    assert first.tolist() != standard_gamma(a, minidl.Generator().manual_seed(4)).tolist()
    assert standard_gamma(minidl.ones(0, 3)).shape == (0, 3) and dirichlet(minidl.ones(0, 3)).shape == (0, 3)
    for dtype in (minidl.float16, minidl.float32, minidl.float64):
        assert standard_gamma(a.to(dtype)).dtype == dirichlet(a.to(dtype)).dtype == dtype


def test_on_another_device():
    a = strict_array.leaf(minidl.tensor([[0.3, 2.0]], requires_grad=True))
    (standard_gamma(a) + dirichlet(a)).sum().backward()
    assert a.grad.device.type == "strict"


def test_there_is_no_second_derivative():
    a = minidl.tensor([2.0], requires_grad=True)
    for function in (standard_gamma, dirichlet):
        gradient, = minidl.autograd.grad((function(a) ** 2).sum(), a, create_graph=True)
        with pytest.raises(NotImplementedError, match="first derivatives only"):
            gradient.sum().backward()
    for op, inputs in ((GammaSampleDerivative, 2), (BetaSampleDerivative, 3)):
        for k in range(inputs):
            values = [minidl.tensor([0.5], requires_grad=k == i) for i in range(inputs)]
            with pytest.raises(NotImplementedError, match="first derivatives only"):
                op()(*values).sum().backward()


def test_a_write_into_a_sample_is_noticed():
    a = minidl.tensor([2.0], requires_grad=True)
    x = standard_gamma(a)
    x *= 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        x.sum().backward()
