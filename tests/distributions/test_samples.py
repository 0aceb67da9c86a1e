"""Samples have their distribution, and reparameterised ones its gradient; densities are SciPy's. Seeds are fixed."""
from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

import minidl
from minidl import distributions as d
from tests.distributions.table import CASES, CORR_TRIL, MATRIX

N = 20_000
T = minidl.tensor

SCIPY = [       # ours, SciPy's, and where to compare densities
    (lambda: d.Normal(0.5, 2.0), stats.norm(0.5, 2.0), [-3.0, 0.5, 4.0]),
    (lambda: d.HalfNormal(1.7), stats.halfnorm(scale=1.7), [0.1, 2.0]),
    (lambda: d.LogNormal(0.3, 0.8), stats.lognorm(0.8, scale=math.exp(0.3)), [0.1, 2.0]),
    (lambda: d.Gamma(0.4, 3.0), stats.gamma(0.4, scale=1 / 3), [0.01, 1.0]),
    (lambda: d.Gamma(5.0, 0.5), stats.gamma(5.0, scale=2), [0.5, 12.0]),
    (lambda: d.Chi2(3.0), stats.chi2(3.0), [0.1, 6.0]),
    (lambda: d.InverseGamma(3.0, 2.0), stats.invgamma(3.0, scale=2.0), [0.3, 4.0]),
    (lambda: d.Beta(0.5, 2.0), stats.beta(0.5, 2.0), [0.01, 0.8]),
    (lambda: d.StudentT(3.0, 1.0, 2.0), stats.t(3.0, 1.0, 2.0), [-5.0, 1.0]),
    (lambda: d.FisherSnedecor(4.0, 7.0), stats.f(4.0, 7.0), [0.2, 3.0]),
    (lambda: d.Exponential(2.5), stats.expon(scale=0.4), [0.0, 1.0]),
    (lambda: d.Laplace(1.0, 0.7), stats.laplace(1.0, 0.7), [-1.0, 2.0]),
    (lambda: d.Gumbel(1.0, 0.7), stats.gumbel_r(1.0, 0.7), [0.0, 4.0]),
    (lambda: d.Weibull(2.0, 1.3), stats.weibull_min(1.3, scale=2.0), [0.1, 3.0]),
    (lambda: d.Pareto(2.0, 2.5), stats.pareto(2.5, scale=2.0), [2.1, 9.0]),
    (lambda: d.GeneralizedPareto(1.0, 2.0, 0.3), stats.genpareto(0.3, 1.0, 2.0), [1.1, 9.0]),
    (lambda: d.GeneralizedPareto(1.0, 2.0, -0.4), stats.genpareto(-0.4, 1.0, 2.0), [1.1, 5.0]),
    (lambda: d.Cauchy(1.0, 0.7), stats.cauchy(1.0, 0.7), [-4.0, 1.0]),
    (lambda: d.HalfCauchy(0.7), stats.halfcauchy(scale=0.7), [0.1, 4.0]),
    (lambda: d.Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0), [-0.9, 2.9]),
    (lambda: d.VonMises(0.0, 3.0), stats.vonmises(3.0), [-2.0, 0.5]),
    (lambda: d.VonMises(0.0, 1e-6), stats.vonmises(1e-6), [-2.0, 0.5]),
    (lambda: d.Bernoulli(0.3), stats.bernoulli(0.3), [0.0, 1.0]),
    (lambda: d.Binomial(7, T(0.3)), stats.binom(7, 0.3), [0.0, 4.0]),
    (lambda: d.Geometric(0.3), stats.geom(0.3, loc=-1), [0.0, 4.0]),
    (lambda: d.NegativeBinomial(2.5, T(0.4)), stats.nbinom(2.5, 0.6), [0.0, 4.0]),
    (lambda: d.Poisson(3.5), stats.poisson(3.5), [0.0, 6.0]),
]


@pytest.fixture(autouse=True)
def double():
    minidl.set_default_dtype(minidl.float64)
    minidl.manual_seed(7)
    yield
    minidl.set_default_dtype(minidl.float32)


@pytest.mark.parametrize("make, expected, values", SCIPY, ids=lambda v: getattr(getattr(v, "dist", None), "name", ""))
def test_against_scipy(make, expected, values):
    ours, discrete = make(), hasattr(expected.dist, "pmf")
    log_prob = expected.logpmf if discrete else expected.logpdf
    # ours is of float64 here, whatever the default dtype was when the table was made
    np.testing.assert_allclose(ours.log_prob(T(values, dtype=minidl.float64)).numpy(), log_prob(values), rtol=2e-7)
    draws = ours.sample((N,)).numpy()
    if discrete:
        counts = np.bincount(draws.astype(int), minlength=3)
        enough = np.array([expected.pmf(k) * N > 20 for k in range(len(counts))])
        rest = N - counts[enough].sum(), N * (1 - expected.pmf(np.flatnonzero(enough)).sum())
        observed, chances = counts[enough].tolist(), (expected.pmf(np.flatnonzero(enough)) * N).tolist()
        if rest[1] > 5:
            observed, chances = [*observed, rest[0]], [*chances, rest[1]]
        assert stats.chisquare(observed, np.array(chances) * sum(observed) / sum(chances)).pvalue > 1e-4
    else:
        assert stats.kstest(draws, expected.cdf).pvalue > 1e-4
    for name, theirs in (("mean", expected.mean()), ("variance", expected.var()), ("entropy", expected.entropy())):
        try:
            value = getattr(ours, name)
            value = value() if callable(value) else value
        except NotImplementedError:
            continue
        if isinstance(ours, d.VonMises) or not np.isfinite(theirs):     # figures of angles
            continue
        assert value.item() == pytest.approx(theirs, rel=1e-6), name


MOMENTS = [case for case in CASES if case.name not in (
    "Cauchy", "HalfCauchy", "Categorical", "LKJCholesky", "LogisticNormal", "VonMises", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "Pareto", "StudentT", "FisherSnedecor", "InverseGamma", "GeneralizedPareto",
    "LogNormal") and "lims" not in case.parameters]


@pytest.mark.parametrize("case", MOMENTS, ids=str)
def test_moments(case):
    parameters = {k: T(v) if isinstance(v, np.ndarray) else v for k, v in case.parameters.items()}
    ours = getattr(d, case.name)(**parameters)
    draws = ours.sample((N,))
    mean, spread = draws.mean(0).numpy(), np.sqrt(ours.variance.numpy() / N)
    assert (np.abs(mean - ours.mean.numpy()) <= 5 * spread + 1e-12).all()
    fourth = ((draws - ours.mean) ** 4).mean(0).numpy()
    error = np.sqrt(np.maximum(fourth - ours.variance.numpy() ** 2, 0) / N)
    assert (np.abs(draws.var(0).numpy() - ours.variance.numpy()) <= 6 * error + 2e-4).all()


def has_a_path(case):
    """Whether the score's gradient is another way to that of `rsample`: not where the support moves."""
    return getattr(d, case.name).has_rsample is not False and not case.name.startswith(("Relaxed", "OneHot")) and \
        case.name not in ("Uniform", "Pareto", "GeneralizedPareto", "ContinuousBernoulli")


@pytest.mark.parametrize("case", [case for case in CASES if has_a_path(case)], ids=str)
def test_reparameterised_samples_have_the_gradient_of_the_mean(case):
    """The gradient of E[h(x)] along the samples, and by the score: E[h(x) d log p(x)], with the same x."""
    leaves = {k: T(v, requires_grad=True) for k, v in case.parameters.items() if isinstance(v, np.ndarray)}
    if not leaves:
        return
    ours = getattr(d, case.name)(**{**case.parameters, **leaves})
    x = ours.rsample((N,))
    axes = tuple(range(x.dim() - len(ours.event_shape), x.dim()))
    h = 1 / (1 + (x - 0.3).square())         # bounded, and flat where heavy tails are
    h = h.sum(axes) if axes else h
    path = minidl.autograd.grad(h.mean(), list(leaves.values()), retain_graph=True)
    at, weight = x.detach(), (h - h.mean(0)).detach()
    errors = []
    for part in range(20):      # twenty estimates by the score show its spread
        rows = slice(part * (N // 20), (part + 1) * (N // 20))
        loss = (ours.log_prob(at[rows]) * weight[rows]).mean()
        errors.append([g.numpy() for g in minidl.autograd.grad(loss, list(leaves.values()), retain_graph=True)])
    for k, (name, ours_gradient) in enumerate(zip(leaves, path)):
        estimates = np.stack([e[k] for e in errors])
        g, mean, spread = ours_gradient.numpy(), estimates.mean(0), estimates.std(0) / 20 ** 0.5
        if name in ("scale_tril", "covariance_matrix", "precision_matrix"):
            g, mean = (np.tril(v if name == "scale_tril" else v + v.T) for v in (g, mean))
            spread = 2 * np.abs(spread).max()
        assert (np.abs(g - mean) <= 6 * spread + 2e-3).all(), (name, g, mean, spread)


def test_a_relaxed_number_is_above_a_half_with_its_probability():
    draws = d.RelaxedBernoulli(T(0.5), T([0.2, 0.9])).sample((N,))
    np.testing.assert_allclose((draws > 0.5).double().mean(0).numpy(), [0.2, 0.9], atol=0.02)


def test_a_relaxed_vector_is_largest_at_a_class_with_its_probability():
    ours = d.RelaxedOneHotCategorical(T(0.5), T([0.2, 0.3, 0.5]))
    draws = ours.sample((N,))
    np.testing.assert_allclose(np.bincount(draws.argmax(-1).numpy()) / N, [0.2, 0.3, 0.5], atol=0.02)
    np.testing.assert_allclose(draws.sum(-1).numpy(), 1, rtol=1e-9)


def test_straight_through():
    probs = T([0.2, 0.3, 0.5], requires_grad=True)
    draws = d.OneHotCategoricalStraightThrough(probs).rsample((4,))
    assert sorted(set(draws.detach().round(decimals=9).flatten().tolist())) == [0.0, 1.0]
    (draws * T([1.0, 2.0, 3.0])).sum().backward()
    np.testing.assert_allclose(probs.grad.numpy(), 4 * (np.array([1.0, 2.0, 3.0]) - 2.3), rtol=1e-9)


@pytest.mark.parametrize("concentration", [0.7, 1.0, 3.0])
def test_lkj_correlations(concentration):
    """Each correlation of a 3 x 3 matrix is 2 b - 1 with b of Beta(a, a), a = concentration + 1/2."""
    factor = d.LKJCholesky(3, concentration).sample((N,))
    matrix = (factor @ factor.mT).numpy()
    np.testing.assert_allclose(np.diagonal(matrix, axis1=1, axis2=2), 1, rtol=1e-9)
    a = concentration + 0.5
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert stats.kstest((matrix[:, i, j] + 1) / 2, stats.beta(a, a).cdf).pvalue > 1e-4


def test_lkj_density_of_two_by_two_integrates_to_one():
    """The factor is [[1, 0], [r, sqrt(1 - r^2)]], and its density is with respect to r."""
    def density(r):
        factor = T([[1.0, 0.0], [r, (1 - r * r) ** 0.5]])
        return d.LKJCholesky(2, 2.5, validate_args=False).log_prob(factor).exp().item()

    assert integrate.quad(density, -1, 1)[0] == pytest.approx(1, rel=1e-6)
    assert d.LKJCholesky(3, 1.0).log_prob(T(CORR_TRIL)).shape == ()


def test_wishart_density_and_samples():
    ours, expected = d.Wishart(4.5, T(MATRIX)), stats.wishart(4.5, MATRIX)
    for x in (MATRIX, 3 * MATRIX + np.eye(3)):
        assert ours.log_prob(T(x)).item() == pytest.approx(expected.logpdf(x), rel=1e-9)
    assert ours.entropy().item() == pytest.approx(expected.entropy(), rel=1e-9)
    draws = ours.sample((2000,)).numpy()
    log_dets = np.linalg.slogdet(draws)[1] - np.linalg.slogdet(MATRIX)[1]
    theirs = np.linalg.slogdet(expected.rvs(2000, random_state=1))[1] - np.linalg.slogdet(MATRIX)[1]
    assert stats.ks_2samp(log_dets, theirs).pvalue > 1e-4


def test_mixture():
    mixture = d.MixtureSameFamily(d.Categorical(T([0.3, 0.7])), d.Normal(T([-1.0, 2.0]), T([0.5, 1.0])))

    def cdf(x):
        return 0.3 * stats.norm(-1, 0.5).cdf(x) + 0.7 * stats.norm(2, 1).cdf(x)

    draws = mixture.sample((N,)).numpy()
    assert stats.kstest(draws, cdf).pvalue > 1e-4
    np.testing.assert_allclose(mixture.cdf(T([0.0, 1.0])).numpy(), cdf(np.array([0.0, 1.0])), rtol=1e-9)
    assert mixture.mean.item() == pytest.approx(1.1)
    assert mixture.variance.item() == pytest.approx(0.3 * 0.25 + 0.7 + 0.21 * 9)
    vectors = d.MixtureSameFamily(d.Categorical(T([[0.3, 0.7], [0.5, 0.5]])),
                                  d.Independent(d.Normal(minidl.zeros(2, 2, 3), 1.0), 1))
    assert vectors.sample((5,)).shape == (5, 2, 3) and vectors.log_prob(minidl.zeros(2, 3)).shape == (2,)
    assert vectors.mean.shape == vectors.variance.shape == (2, 3) and vectors.expand((4, 2)).sample().shape == (4, 2, 3)
