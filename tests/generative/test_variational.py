"""The terms of the evidence lower bound, against closed forms and against each other."""
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

import minidl
from minidl import generative as g
from minidl.autograd import gradcheck, gradgradcheck

DOUBLE = minidl.float64


@pytest.mark.parametrize("mean,std", [(0.0, 1.0), (1.5, 0.3), (-2.0, 3.0)])
def test_kl_is_its_integral(mean, std):
    q, p = scipy.stats.norm(mean, std), scipy.stats.norm(0, 1)
    integral = scipy.integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mean - 12 * std, mean + 12 * std)
    found = g.kl_to_standard_normal(minidl.tensor([[mean]], dtype=DOUBLE),
                                    minidl.tensor([[2 * math.log(std)]], dtype=DOUBLE))
    assert found.item() == pytest.approx(integral[0], abs=1e-8)


def test_likelihoods_are_scipys():
    x, y = minidl.rand(3, 2, 4, dtype=DOUBLE), minidl.rand(3, 2, 4, dtype=DOUBLE).round()
    logits = minidl.randn(3, 2, 4, dtype=DOUBLE)
    expected = scipy.stats.norm.logpdf(x.numpy(), logits.numpy(), 0.3).sum((1, 2))
    np.testing.assert_allclose(g.normal_log_likelihood(logits, x, 0.3).numpy(), expected)
    expected = scipy.stats.bernoulli.logpmf(y.numpy(), logits.sigmoid().numpy()).sum((1, 2))
    np.testing.assert_allclose(g.bernoulli_log_likelihood(logits, y).numpy(), expected)


@pytest.mark.parametrize("function", [g.kl_to_standard_normal, g.normal_log_likelihood, g.bernoulli_log_likelihood])
def test_terms_to_second_order(function):
    second = minidl.rand(2, 3, dtype=DOUBLE, requires_grad=function is not g.bernoulli_log_likelihood)
    inputs = (minidl.randn(2, 3, dtype=DOUBLE, requires_grad=True), second)
    assert gradcheck(function, inputs) and gradgradcheck(function, inputs)


def test_reparameterized_samples():
    minidl.manual_seed(0)
    mean = minidl.full((20000,), 2.0, requires_grad=True)
    log_variance = minidl.full((20000,), math.log(9.0), requires_grad=True)
    z = g.reparameterize(mean, log_variance)
    assert z.mean().item() == pytest.approx(2, abs=0.07) and z.std().item() == pytest.approx(3, abs=0.05)
    z.sum().backward()
    assert (mean.grad == 1).all()
    np.testing.assert_allclose(log_variance.grad.numpy(), (z - mean).detach().numpy() / 2, rtol=1e-5, atol=1e-6)


def test_bounds_of_a_model_whose_likelihood_is_known():
    """z ~ N(0, 1), x | z ~ N(z, 1): p(x) = N(0, 2). The posterior's own ELBO is exact; a wrong posterior's is lower."""
    minidl.manual_seed(0)
    x = minidl.tensor([[0.7], [-1.5]], dtype=DOUBLE)
    exact = scipy.stats.norm.logpdf(x.numpy()[:, 0], 0, math.sqrt(2))

    def weights(mean, variance, samples):
        """log p(x, z) - log q(z | x) of samples of q."""
        z = mean + math.sqrt(variance) * minidl.randn(samples, *mean.shape, dtype=DOUBLE)
        normal = minidl.distributions.Normal
        return (normal(0.0, 1.0).log_prob(z) + normal(z, 1.0).log_prob(x)
                - normal(mean, math.sqrt(variance)).log_prob(z))[..., 0]
    np.testing.assert_allclose(g.importance_weighted(weights(x / 2, 0.5, 1)).numpy(), exact)
    wrong = weights(x / 2 + 0.3, 0.8, 20000)
    assert (wrong.mean(0).numpy() < exact - 0.05).all()
    np.testing.assert_allclose(g.importance_weighted(wrong).numpy(), exact, atol=0.01)


def test_the_elbo_and_its_weight():
    assert g.negative_elbo(minidl.tensor([-3.0]), minidl.tensor([2.0]), beta=0.5).item() == 4
    assert g.kl_weight(5, 0) == 1 and g.kl_weight(5, 20) == 0.25


def test_active_units_counts_what_varies():
    means = minidl.randn(1000, 4) * minidl.tensor([1.0, 0.05, 0.2, 0.0])
    assert g.active_units(means) == 2
