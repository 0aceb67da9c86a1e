"""Probability distributions under PyTorch's names: samples, log probabilities, entropies, divergences.

A sample has the shape sample_shape + batch_shape + event_shape: distributions of different parameters are a batch, and
an event is one outcome, such as a vector. `rsample` gives samples that are differentiable in the parameters.

    >>> import minidl
    >>> normal = Normal(minidl.tensor([0.0, 1.0], requires_grad=True), 1.0)
    >>> x = normal.rsample((3,))
    >>> x.shape, normal.log_prob(x).shape, x.requires_grad
    ((3, 2), (3, 2), True)
"""
from minidl import left_out
from minidl.distributions import constraints, transforms
from minidl.distributions.bernoulli import Bernoulli, ContinuousBernoulli
from minidl.distributions.beta import Beta, Dirichlet, Kumaraswamy
from minidl.distributions.binomial import Binomial, Geometric, Multinomial, NegativeBinomial, Poisson
from minidl.distributions.categorical import Categorical, OneHotCategorical, OneHotCategoricalStraightThrough
from minidl.distributions.cauchy import Cauchy, HalfCauchy
from minidl.distributions.constraint_registry import biject_to, transform_to
from minidl.distributions.distribution import Distribution
from minidl.distributions.exp_family import ExponentialFamily
from minidl.distributions.exponential import Exponential, Gumbel, Laplace, Weibull
from minidl.distributions.gamma import Chi2, Gamma, InverseGamma
from minidl.distributions.independent import Independent
from minidl.distributions.kl import kl_divergence, register_kl
from minidl.distributions.mixture_same_family import MixtureSameFamily
from minidl.distributions.multivariate_normal import LowRankMultivariateNormal, MultivariateNormal
from minidl.distributions.normal import HalfNormal, LogisticNormal, LogNormal, Normal
from minidl.distributions.pareto import GeneralizedPareto, Pareto
from minidl.distributions.relaxed import RelaxedBernoulli, RelaxedOneHotCategorical
from minidl.distributions.studentT import FisherSnedecor, StudentT
from minidl.distributions.transformed_distribution import TransformedDistribution
from minidl.distributions.transforms import (
    AbsTransform, AffineTransform, CatTransform, ComposeTransform, CorrCholeskyTransform,
    CumulativeDistributionTransform, ExpTransform, IndependentTransform, LowerCholeskyTransform,
    PositiveDefiniteTransform, PowerTransform, ReshapeTransform, SigmoidTransform, SoftmaxTransform,
    SoftplusTransform, StackTransform, StickBreakingTransform, TanhTransform, Transform, identity_transform,
)
from minidl.distributions.uniform import Uniform
from minidl.distributions.von_mises import VonMises
from minidl.distributions.wishart import LKJCholesky, Wishart

__all__ = [
    "AbsTransform", "AffineTransform", "Bernoulli", "Beta", "Binomial", "CatTransform", "Categorical", "Cauchy",
    "Chi2", "ComposeTransform", "ContinuousBernoulli", "CorrCholeskyTransform", "CumulativeDistributionTransform",
    "Dirichlet", "Distribution", "ExpTransform", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma",
    "GeneralizedPareto", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "IndependentTransform",
    "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace", "LogNormal", "LogisticNormal",
    "LowRankMultivariateNormal", "LowerCholeskyTransform", "MixtureSameFamily", "Multinomial", "MultivariateNormal",
    "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson",
    "PositiveDefiniteTransform", "PowerTransform", "RelaxedBernoulli", "RelaxedOneHotCategorical", "ReshapeTransform",
    "SigmoidTransform", "SoftmaxTransform", "SoftplusTransform", "StackTransform", "StickBreakingTransform",
    "StudentT", "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "VonMises", "Weibull", "Wishart",
    "biject_to", "constraints", "identity_transform", "kl_divergence", "register_kl", "transform_to", "transforms",
]

left_out.explain(globals(), __name__)
