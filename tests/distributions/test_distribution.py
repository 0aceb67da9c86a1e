"""What all distributions share: validation, expansion, devices, what is computed late; refusals of each."""
from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl import distributions as d
from minidl.distributions import constraints, utils
from tests import strict_array
from tests.distributions.table import CASES

T, ONES, ZEROS, EYE = minidl.tensor, minidl.ones, minidl.zeros, minidl.eye


@pytest.mark.parametrize("call, text", [
    (lambda: d.Normal(ZEROS(2), T([1.0, -1.0])),
     r"Expected parameter scale \(Tensor of shape \(2,\)\) of distribution Normal\(loc: .*, scale: .*\) to satisfy the "
     r"constraint GreaterThan\(lower_bound=0.0\), but found invalid values:\ntensor\(\[ 1., -1.\]\)"),
    (lambda: d.Normal("a", 1.0), "Input arguments must all be instances of Number"),
    (lambda: d.Uniform(1.0, 1.0), "parameter low .* to satisfy the constraint LessThan"),
    (lambda: d.Bernoulli(), "Either `probs` or `logits` must be specified, but not both."),
    (lambda: d.Bernoulli(0.5, 0.5), "Either `probs` or `logits` must be specified"),
    (lambda: d.Bernoulli(1.5), r"constraint Interval\(lower_bound=0.0, upper_bound=1.0\)"),
    (lambda: d.Categorical(T(0.5)), "`probs` parameter must be at least one-dimensional."),
    (lambda: d.Categorical(logits=T(0.5)), "`logits` parameter must be at least one-dimensional."),
    (lambda: d.Categorical(T([0.5, -0.5, 1.0])), r"constraint Simplex\(\)"),
    (lambda: d.Dirichlet(T(1.0)), "`concentration` parameter must be at least one-dimensional."),
    (lambda: d.Dirichlet(T([1.0, 0.0])), r"constraint IndependentConstraint\(GreaterThan\(lower_bound=0.0\), 1\)"),
    (lambda: d.Geometric(T([0.5, 0.0])), r"to be positive but found invalid values:\ntensor\(\[0.\]\)"),
    (lambda: d.Binomial(T([-1.0]), T([0.5])), "constraint IntegerGreaterThan"),
    (lambda: d.ContinuousBernoulli(1.5, validate_args=True), "The parameter probs has invalid values"),
    (lambda: d.MultivariateNormal(T(1.0), EYE(1)), "loc must be at least one-dimensional."),
    (lambda: d.MultivariateNormal(ZEROS(2)), "Exactly one of covariance_matrix or precision_matrix or scale_tril"),
    (lambda: d.MultivariateNormal(ZEROS(2), ONES(2)), "covariance_matrix must be at least two-dimensional"),
    (lambda: d.MultivariateNormal(ZEROS(2), scale_tril=ONES(2)), "scale_tril matrix must be at least two-dimensional"),
    (lambda: d.MultivariateNormal(ZEROS(2), -EYE(2)), r"constraint PositiveDefinite\(\)"),
    (lambda: d.LowRankMultivariateNormal(ZEROS(2), ONES(3, 1), ONES(2)), "cov_factor must be a batch of matrices with "
                                                                        "shape 2 x m"),
    (lambda: d.LowRankMultivariateNormal(ZEROS(2), ONES(2, 1), ONES(3)), "cov_diag must be a batch of vectors"),
    (lambda: d.LowRankMultivariateNormal(ZEROS(2), ONES(2), ONES(2)), "cov_factor must be at least two-dimensional"),
    (lambda: d.LowRankMultivariateNormal(ZEROS(3, 2), ONES(4, 2, 1), ONES(2)), "Incompatible batch shapes"),
    (lambda: d.Wishart(1.0, EYE(2)), "Value of df=1.0 expected to be greater than ndim - 1 = 1."),
    (lambda: d.LKJCholesky(1), "Expected dim to be an integer greater than or equal to 2. Found dim=1."),
    (lambda: d.Independent(d.Normal(ZEROS(2), 1.0), 2), "Expected reinterpreted_batch_ndims <= "),
    (lambda: d.MixtureSameFamily(d.Normal(ZEROS(2), 1.0), d.Normal(ZEROS(2), 1.0)), "The Mixture distribution needs"),
    (lambda: d.MixtureSameFamily(d.Categorical(ONES(2)), 3), "The Component distribution needs"),
    (lambda: d.MixtureSameFamily(d.Categorical(ONES(2)), d.Normal(ZEROS(3), 1.0)), r"component` \(2\) does not equal"),
    (lambda: d.MixtureSameFamily(d.Categorical(ONES(4, 2)), d.Normal(ZEROS(3, 2), 1.0)), "is not compatible with"),
    (lambda: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()), "size at least 1, but got"),
    (lambda: d.TransformedDistribution(d.Normal(0.0, 1.0), [3]), "transforms must be a Transform or a list"),
    (lambda: d.TransformedDistribution(d.Normal(0.0, 1.0), 3), "transforms must be a Transform or list, but was 3"),
    # values
    (lambda: d.Normal(0.0, 1.0).log_prob(1.0), "The value argument to log_prob must be a Tensor"),
    (lambda: d.Normal(0.0, 1.0).log_prob(T(float("nan"))), r"the support \(Real\(\)\) of the distribution Normal"),
    (lambda: d.Normal(ZEROS(2), 1.0).log_prob(ZEROS(3)), "Value is not broadcastable with batch_shape"),
    (lambda: d.Dirichlet(ONES(3)).log_prob(ONES(2) / 2), "The right-most size of value must match event_shape"),
    (lambda: d.Dirichlet(ONES(3)).log_prob(T(1.0)), "The right-most size of value must match event_shape"),
    (lambda: d.Bernoulli(0.5).log_prob(T(0.5)), r"the support \(Boolean\(\)\)"),
    (lambda: d.Uniform(0.0, 1.0).cdf(T(2.0)), r"the support \(Interval\("),
    (lambda: d.Poisson(1.0).log_prob(T([-1.0])), "the support"),
    (lambda: d.Categorical(ONES(2)).log_prob(T(2)), "the support"),
    (lambda: d.Distribution.set_default_validate_args(3), "expected True or False, but got 3"),
])
def test_value_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize("call, kind, text", [
    (lambda: d.Wishart(3.0), AssertionError, "Exactly one of"),
    (lambda: d.Multinomial(T([1, 2]), ONES(2)), NotImplementedError, "inhomogeneous total_count is not supported"),
    (lambda: d.Binomial(T([1.0, 2.0]), T([0.5, 0.5])).entropy(), NotImplementedError, "not supported by `entropy`"),
    (lambda: d.Binomial(T([1.0, 2.0]), T([0.5, 0.5])).enumerate_support(), NotImplementedError,
     "not supported by `enumerate_support`"),
    (lambda: d.Independent(d.Bernoulli(ZEROS(2)), 1).enumerate_support(), NotImplementedError, "cartesian product"),
    (lambda: d.Beta(1.0, 1.0).cdf(T(0.5)), NotImplementedError, r"Beta has no cdf\(\)"),
    (lambda: d.Bernoulli(0.5).rsample(), NotImplementedError, r"Bernoulli has no rsample\(\)"),
    (lambda: d.LogisticNormal(ZEROS(2), 1.0).mean, NotImplementedError, "LogisticNormal has no mean"),
    (lambda: d.Wishart(3.0, EYE(2)).cdf(EYE(2)), NotImplementedError, "has no cdf"),
    (lambda: d.Poisson(1.0).entropy(), NotImplementedError, ""),
    (lambda: d.NegativeBinomial(1.0, T(0.5)).entropy(), NotImplementedError, "has no entropy"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text or "^$"):
        call()


def test_validation_can_be_switched_off():
    assert d.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    off = d.Normal(0.0, 1.0, validate_args=False)
    assert off.log_prob(T(float("nan"))).isnan() and off.expand((2,))._validate_args is False
    d.Distribution.set_default_validate_args(False)
    try:
        d.Normal(0.0, -1.0)
        with pytest.raises(ValueError):
            d.Normal(0.0, -1.0, validate_args=True)
    finally:
        d.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        d.Normal(0.0, -1.0)
    code = "from minidl import distributions as d; d.Normal(0.0, -1.0); print('no check')"
    assert subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True).stdout == "no check\n"


class Unfinished(d.Distribution):
    pass


class Doubled(d.Normal):
    def __init__(self, scale):
        super().__init__(0.0, 2 * scale)


class Renamed(d.Normal):
    pass


def test_what_a_subclass_must_define():
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        ours = Unfinished()
    with pytest.warns(UserWarning, match="does not define `support`"):
        ours._validate_sample(T(1.0))
    for name in ("mean", "mode", "variance", "stddev", "support", "arg_constraints"):
        with pytest.raises(NotImplementedError):
            getattr(ours, name)
    for call in (ours.sample, ours.rsample, ours.entropy, ours.perplexity, ours.enumerate_support,
                 lambda: ours.log_prob(1), lambda: ours.cdf(1), lambda: ours.icdf(1), lambda: ours.expand((2,))):
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(NotImplementedError, match=r"Subclass Doubled of Normal that defines a custom __init__ method"):
        Doubled(1.0).expand((2,))
    assert type(Renamed(0.0, 1.0).expand((2,))) is Renamed


def test_the_older_name_of_sample():
    with pytest.warns(FutureWarning, match=r"Use `sample\(\(n,\)\)` instead"):
        assert d.Normal(0.0, 1.0).sample_n(3).shape == (3,)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_on_another_device(case):
    """What is computed stays there; draws that need a library's own generator are not on the stand-in."""
    parameters = {name: T(value) if isinstance(value, np.ndarray) else value for name, value in case.parameters.items()}
    there = {name: strict_array.leaf(value) if isinstance(value, minidl.Tensor) else value
             for name, value in parameters.items()}
    if not any(isinstance(value, minidl.Tensor) for value in parameters.values()) or case.name == "Wishart":
        return
    here, ours = getattr(d, case.name)(**parameters), getattr(d, case.name)(**there)
    value = T(case.value)
    result = ours.log_prob(strict_array.leaf(value))
    assert result.device.type == "strict"
    np.testing.assert_allclose(minidl.backend.device.to_numpy(result.array), here.log_prob(value).numpy(), rtol=1e-6)
    if case.name not in ("Binomial", "Poisson", "NegativeBinomial", "Multinomial"):
        assert ours.sample((2,)).device.type == "strict"


def test_seeds():
    for make in (lambda: d.Gamma(2.0, 1.0), lambda: d.Normal(0.0, 1.0), lambda: d.Categorical(ONES(50)),
                 lambda: d.VonMises(0.0, 1.0), lambda: d.Wishart(3.0, EYE(2))):
        minidl.manual_seed(3)
        first = make().sample((3,)).tolist()
        assert make().sample((3,)).tolist() != first
        minidl.manual_seed(3)
        assert make().sample((3,)).tolist() == first


def test_samples_have_no_gradient_and_rsamples_have():
    loc = ZEROS(2, requires_grad=True)
    assert not d.Normal(loc, 1.0).sample().requires_grad and d.Normal(loc, 1.0).rsample().requires_grad
    assert not d.LogNormal(loc, 1.0).sample().requires_grad


def test_what_is_computed_late_is_recorded_even_without_gradients():
    probs = T([0.3], requires_grad=True)
    ours = d.Bernoulli(probs)
    with minidl.no_grad():
        logits = ours.logits
    assert ours.logits is logits and logits.requires_grad


def test_copies_and_pickles():
    for ours in (d.Normal(0.0, T([1.0, 2.0])), d.Gumbel(0.0, 1.0), d.Beta(T([1.0]), 2.0), d.Categorical(ONES(3))):
        for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
            assert repr(other) == repr(ours) and other.sample().shape == ours.sample().shape


def test_integer_parameters_follow_the_default_dtype():
    assert d.Normal(0, 1).sample().dtype == minidl.float32
    assert d.Normal(ZEROS(2, dtype=minidl.float64), 1).scale.dtype == minidl.float64


def test_the_transformed_uniform_is_logistic():
    logistic = d.TransformedDistribution(d.Uniform(0.0, 1.0), [d.SigmoidTransform().inv, d.AffineTransform(2.0, 3.0)])
    x = T([-1.0, 2.0, 5.0])
    np.testing.assert_allclose(logistic.cdf(x).numpy(), minidl.sigmoid((x - 2) / 3).numpy(), rtol=1e-5)
    np.testing.assert_allclose(logistic.icdf(logistic.cdf(x)).numpy(), x.numpy(), rtol=1e-4)
    falling = d.TransformedDistribution(d.Uniform(0.0, 1.0), d.AffineTransform(0.0, -1.0))
    assert falling.cdf(T(-0.25)).item() == pytest.approx(0.75) and falling.icdf(T(0.75)).item() == pytest.approx(-0.25)
    wide = d.TransformedDistribution(d.Normal(0.0, 1.0), d.AffineTransform(ZEROS(3), 1.0))
    assert wide.batch_shape == (3,) and wide.sample().shape == (3,) and wide.expand((2, 3)).batch_shape == (2, 3)
    matrix = d.TransformedDistribution(d.Normal(ZEROS(4), 1.0), d.ReshapeTransform((4,), (2, 2)))
    assert matrix.event_shape == (2, 2) and matrix.log_prob(EYE(2)).shape == ()
    assert matrix.expand((3,)).sample().shape == (3, 2, 2)
    assert repr(matrix) == "TransformedDistribution()"


def test_generalized_pareto_at_the_end_of_the_uniform():
    c = T([-1.0], dtype=minidl.float64, requires_grad=True)
    ours = d.GeneralizedPareto(T([0.0], dtype=minidl.float64), 2.0, c)
    assert ours.log_prob(T([2.0], dtype=minidl.float64)).item() == pytest.approx(-np.log(2))
    assert minidl.autograd.gradcheck(lambda c: d.GeneralizedPareto(T(0.0, dtype=minidl.float64), 1.0, c).log_prob(
        T([0.5], dtype=minidl.float64)), c)


def test_utils():
    matrix = minidl.arange(9.0).reshape(3, 3)
    for diag in (-1, 0, 1):
        lower = matrix.tril(diag)
        vector = utils.tril_matrix_to_vec(lower, diag)
        if diag < 1:
            assert bool((utils.vec_to_tril_matrix(vector, diag) == lower).all())
    with pytest.raises(ValueError, match=r"diag \(3\) provided is outside \[-3, 2\]"):
        utils.tril_matrix_to_vec(matrix, 3)
    with pytest.raises(ValueError, match="cannot be expressed as the lower triangular part"):
        utils.vec_to_tril_matrix(ONES(4))
    assert isinstance(d.Bernoulli.logits, utils.lazy_property) and constraints.is_dependent(d.Uniform.support)


def test_an_exponential_family_needs_only_its_normalizer():
    """Entropies by the derivative of the log normalizer are those of the formulas."""
    for ours in (d.Normal(0.5, 2.0), d.Exponential(2.0), d.Gamma(2.0, 3.0), d.Bernoulli(0.3),
                 d.ContinuousBernoulli(0.3), d.Wishart(4.0, EYE(2))):
        general = d.ExponentialFamily.entropy(ours)
        if type(ours) not in (d.Gamma, d.Wishart):      # whose carrier measure is not 0 in this form
            assert general.item() == pytest.approx(ours.entropy().item(), abs=1e-5 if type(ours) is not d.Normal else 1)
