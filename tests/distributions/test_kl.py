"""KL divergences: every registered pair against PyTorch's, and against integrals and means of samples."""
from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import minidl
from minidl import distributions as d
from minidl.distributions.kl import registry
from tests.distributions.table import BATCH_TRIL, DIAGONAL, FACTOR, LOC, LOGITS, MATRIX, ODDS, SCALE, SHAPE, SIMPLEX

try:
    import torch
    from torch.distributions.kl import _KL_REGISTRY
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

A = np.array
PARAMETERS = {      # two of each family; supports and parameters lie on both sides of what decides
    "Bernoulli": [{"probs": ODDS}, {"probs": A([0.0, 0.3, 1.0])}, {"logits": LOC}, {"probs": A([0.5, 0.0, 0.2])}],
    "Beta": [{"concentration1": SHAPE, "concentration0": SCALE}, {"concentration1": SCALE, "concentration0": SHAPE}],
    "Binomial": [{"total_count": 4, "probs": ODDS}, {"total_count": 4, "logits": LOC}],
    "Categorical": [{"probs": SIMPLEX}, {"logits": LOGITS}, {"probs": A([0.0, 0.5, 0.5])}],
    "OneHotCategorical": [{"probs": SIMPLEX}, {"logits": LOGITS}],
    "Cauchy": [{"loc": LOC, "scale": SCALE}, {"loc": SCALE, "scale": SHAPE}],
    "ContinuousBernoulli": [{"probs": A([0.1, 0.4995, 0.97])}, {"logits": LOC}],
    "Dirichlet": [{"concentration": SHAPE}, {"concentration": SCALE}],
    "Exponential": [{"rate": SHAPE}, {"rate": SCALE}],
    "Gamma": [{"concentration": SHAPE, "rate": SCALE}, {"concentration": SCALE, "rate": SHAPE}],
    "Geometric": [{"probs": ODDS}, {"logits": LOC}],
    "Gumbel": [{"loc": LOC, "scale": SCALE}, {"loc": SCALE, "scale": SHAPE}],
    "HalfNormal": [{"scale": SCALE}, {"scale": SHAPE}],
    "Laplace": [{"loc": LOC, "scale": SCALE}, {"loc": SCALE, "scale": SHAPE}],
    "LogNormal": [{"loc": LOC, "scale": SCALE}, {"loc": SCALE, "scale": SHAPE}],
    "MultivariateNormal": [{"loc": LOC, "covariance_matrix": MATRIX}, {"loc": SCALE, "scale_tril": BATCH_TRIL}],
    "LowRankMultivariateNormal": [{"loc": LOC, "cov_factor": FACTOR, "cov_diag": DIAGONAL},
                                  {"loc": np.stack([LOC, SCALE]), "cov_factor": 2 * FACTOR, "cov_diag": SHAPE}],
    "Normal": [{"loc": LOC, "scale": SCALE}, {"loc": SCALE, "scale": SHAPE}],
    "Pareto": [{"scale": SCALE, "alpha": A([0.8, 1.5, 3.0])}, {"scale": SHAPE, "alpha": A([2.5, 0.9, 4.0])}],
    "Poisson": [{"rate": SHAPE}, {"rate": SCALE}],
    "Uniform": [{"low": A([0.1, -0.5, 0.0]), "high": A([0.9, 0.5, 1.0])},
                {"low": A([0.0, -1.0, 0.5]), "high": SHAPE + 1},
                {"low": A([-1.0, 0.1, 5.0]), "high": A([2.0, 0.4, 6.0])}],
    "Wishart": [{"df": A(4.5), "covariance_matrix": MATRIX}, {"df": A(5.5), "scale_tril": np.diag(SCALE)}],
}
PAIRS = sorted((p.__name__, q.__name__) for p, q in registry._formulas
               if {p.__name__, q.__name__} <= set(PARAMETERS)) + [("Wishart", "Wishart"), ("LogNormal", "LogNormal")]


def pairs_of(names):
    p, q = names
    return [(a, b) for a, b in itertools.product(PARAMETERS[p], PARAMETERS[q])]


def make(library, name, parameters, tensor):
    leaves = {key: tensor(value) if isinstance(value, np.ndarray) else value for key, value in parameters.items()}
    return getattr(library, name)(**leaves), [leaf for leaf in leaves.values() if not isinstance(leaf, int)]


@needs_torch
def test_the_same_pairs_are_registered():
    ours = {(p.__name__, q.__name__) for p, q in registry._formulas}
    theirs = {(p.__name__, q.__name__) for p, q in _KL_REGISTRY if p.__module__.startswith("torch")}
    assert theirs <= ours


@needs_torch
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_values_and_gradients(names):
    for a, b in pairs_of(names):
        (p, ours), (q, more) = (make(d, name, x, lambda v: minidl.tensor(v, requires_grad=True))
                                for name, x in zip(names, (a, b)))
        (their_p, theirs), (their_q, their_more) = (
            make(torch.distributions, name, x, lambda v: torch.tensor(v, requires_grad=True))
            for name, x in zip(names, (a, b)))
        try:
            expected = torch.distributions.kl_divergence(their_p, their_q)
        except (NotImplementedError, ValueError) as error:
            with pytest.raises(type(error)):
                d.kl_divergence(p, q)
            continue
        kl = d.kl_divergence(p, q)
        assert tuple(kl.shape) == tuple(expected.shape)
        ok = ~np.isnan(expected.detach().numpy())       # nan: PyTorch has 0 * log 0
        np.testing.assert_allclose(kl.detach().numpy()[ok], expected.detach().numpy()[ok], rtol=1e-8, atol=1e-9)
        finite = np.isfinite(expected.detach().numpy())
        if not finite.all() or not kl.requires_grad:
            continue
        kl.sum().backward()
        expected.sum().backward()
        for leaf, other in zip(ours + more, theirs + their_more):
            g = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
            h = np.zeros(leaf.shape) if other.grad is None else other.grad.numpy()
            if not np.isnan(h).any():
                np.testing.assert_allclose(np.tril(g) if g.ndim > 1 and g.shape[-1] == g.shape[-2] else g,
                                           np.tril(h) if h.ndim > 1 and h.shape[-1] == h.shape[-2] else h,
                                           rtol=1e-6, atol=1e-7)


SAMPLED = [names for names in PAIRS if names[0] not in ("Cauchy", "Pareto", "Wishart")]


@pytest.mark.parametrize("names", SAMPLED, ids="-".join)
def test_it_is_the_mean_of_the_difference_of_log_probabilities(names):
    minidl.manual_seed(0)
    for a, b in pairs_of(names):
        p, q = (make(d, name, x, minidl.tensor)[0] for name, x in zip(names, (a, b)))
        kl = d.kl_divergence(p, q)
        q = type(q)(**{k: minidl.tensor(v) if isinstance(v, np.ndarray) else v for k, v in b.items()},
                    validate_args=False)
        x = p.sample((4000, 1))
        difference = p.log_prob(x) - q.log_prob(x)
        mean, error = difference.mean(0).numpy(), difference.std(0).numpy() / 4000 ** 0.5
        shape = np.broadcast_shapes(mean.shape, kl.shape)
        kl, mean, error = (np.broadcast_to(v, shape) for v in (kl.numpy(), mean, error))
        ok = np.isfinite(kl) & np.isfinite(mean)
        assert (np.abs(kl - mean)[ok] <= 6 * error[ok] + 1e-6).all(), (a, b, kl, mean, error)


def test_a_batch_of_wisharts_is_not_summed():
    """PyTorch adds up the terms of the degrees of freedom over the batch."""
    ps = d.Wishart(minidl.tensor([3.5, 6.0]), minidl.eye(2))
    q = d.Wishart(minidl.tensor(4.0), 2 * minidl.eye(2))
    ones = [d.kl_divergence(d.Wishart(minidl.tensor(df), minidl.eye(2)), q).item() for df in (3.5, 6.0)]
    assert d.kl_divergence(ps, q).tolist() == pytest.approx(ones, rel=1e-5)


def test_independent_and_transformed():
    p, q = (d.Normal(minidl.tensor(m), 1.0) for m in ([0.0, 1.0], [1.0, 3.0]))
    assert d.kl_divergence(d.Independent(p, 1), d.Independent(q, 1)).item() == pytest.approx(2.5)
    with pytest.raises(NotImplementedError, match="reinterpreted_batch_ndims"):
        d.kl_divergence(d.Independent(p, 1), d.Independent(q, 0))
    same = [d.TransformedDistribution(x, [d.AffineTransform(1.0, 2.0), d.ExpTransform()]) for x in (p, q)]
    assert d.kl_divergence(*same).tolist() == [0.5, 2.0]
    with pytest.raises(NotImplementedError, match="equal transforms"):
        d.kl_divergence(same[0], d.TransformedDistribution(q, d.ExpTransform()))


def test_refusals():
    with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type Normal and q type "
                                                  r"Cauchy"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.Cauchy(0.0, 1.0))
    with pytest.raises(NotImplementedError, match="different exponential families"):
        d.kl_divergence(d.Dirichlet(minidl.ones(2)), d.Poisson(1.0))
    with pytest.raises(NotImplementedError, match="total_count > p.total_count"):
        d.kl_divergence(d.Binomial(2, minidl.tensor(0.5)), d.Binomial(3, minidl.tensor(0.5)))
    with pytest.raises(ValueError, match="different event shapes"):
        d.kl_divergence(d.MultivariateNormal(minidl.zeros(2), minidl.eye(2)),
                        d.MultivariateNormal(minidl.zeros(3), minidl.eye(3)))
    for wrong in ((1, d.Normal), (d.Normal, 3)):
        with pytest.raises(TypeError, match="to be a Distribution subclass but got"):
            d.register_kl(*wrong)


class Base(d.Distribution):
    arg_constraints = {}


class Left(Base):
    pass


class Right(Base):
    pass


def test_the_nearest_formula_is_taken_and_ambiguity_is_said():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_formulas", {})
        d.register_kl(Base, Base)(lambda p, q: "far")
        d.register_kl(Left, Base)(lambda p, q: "left")
        assert d.kl_divergence(Left(), Right()) == "left" and d.kl_divergence(Right(), Left()) == "far"
        d.register_kl(Base, Right)(lambda p, q: "right")
        with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Left, Right\). Please register_kl\(Left, "
                                                r"Right\)"):
            assert d.kl_divergence(Left(), Right()) == "left"
        d.register_kl(Left, Right)(lambda p, q: "both")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert d.kl_divergence(Left(), Right()) == "both"
    registry._find.cache_clear()
