"""KL divergences between distributions of different families."""
from __future__ import annotations

import math
from typing import Any

from minidl.distributions.bernoulli import Bernoulli, ContinuousBernoulli
from minidl.distributions.beta import Beta
from minidl.distributions.binomial import Binomial, Poisson
from minidl.distributions.distribution import Distribution
from minidl.distributions.exponential import Exponential, Gumbel, Laplace
from minidl.distributions.gamma import Gamma
from minidl.distributions.kl.registry import register_kl
from minidl.distributions.normal import LOG_SQRT_2PI, Normal
from minidl.distributions.pareto import Pareto
from minidl.distributions.uniform import Uniform
from minidl.distributions.utils import euler_constant
from minidl.ops.elementwise import erf, where, xlogy
from minidl.ops.special import digamma, lgamma
from minidl.tensors.creation import full_like
from minidl.tensors.tensor import Tensor

# KL is the cross entropy, the expected -log q(x), less the entropy of p. The formulas below are cross entropies.
# First, what they need of p: the expected x, x^2, log x and so on.


def _to_exponential(q: Exponential, mean: Tensor) -> Tensor:
    return q.rate * mean - q.rate.log()


def _to_gamma(q: Gamma, mean: Tensor, mean_log: Tensor) -> Tensor:
    return lgamma(q.concentration) - q.concentration * q.rate.log() + (1 - q.concentration) * mean_log + q.rate * mean


def _to_normal(q: Normal, mean: Tensor, variance: Tensor) -> Tensor:
    return q.scale.log() + LOG_SQRT_2PI + 0.5 * (variance + (mean - q.loc).square()) / q.scale.square()


def _to_gumbel(q: Gumbel, mean: Tensor, mean_exp: Tensor) -> Tensor:
    """mean_exp: the expected exp(-x / scale)"""
    return q.scale.log() + (mean - q.loc) / q.scale + (q.loc / q.scale).exp() * mean_exp


def _to_continuous_bernoulli(q: ContinuousBernoulli, mean: Tensor) -> Tensor:
    return -mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


# ---------------------------------------------------------------------- where q lacks outcomes of p

INFINITE: dict[type[Distribution], tuple[type[Distribution], ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}
"""By p, the families q that give some outcomes of p the probability 0, whatever the parameters."""


def _infinite(p: Any, q: Any) -> Tensor:
    return full_like(getattr(p, next(iter(p.arg_constraints))), math.inf)


for _p, _qs in INFINITE.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)


# ---------------------------------------------------------------------- p is Bernoulli, Beta, ContinuousBernoulli

@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Beta, ContinuousBernoulli)
@register_kl(Uniform, ContinuousBernoulli)
def _to_continuous(p: Beta | Uniform, q: ContinuousBernoulli) -> Tensor:
    kl = _to_continuous_bernoulli(q, p.mean) - p.entropy()
    return where((p.high >= 1) | (p.low <= 0), math.inf, kl) if isinstance(p, Uniform) else kl


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _exponential(p: Beta | ContinuousBernoulli | Gamma, q: Exponential) -> Tensor:
    return _to_exponential(q, p.mean) - p.entropy()


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    a, total = p.concentration1, p.concentration1 + p.concentration0
    return _to_gamma(q, p.mean, digamma(a) - digamma(total)) - p.entropy()


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _normal(p: Any, q: Normal) -> Tensor:
    return _to_normal(q, p.mean, p.variance) - p.entropy()


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    return where((q.low > 0) | (q.high < 1), math.inf, (q.high - q.low).log() - p.entropy())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    return where((q.low >= 0) | (q.high <= 1), math.inf, (q.high - q.low).log() - p.entropy())


# ---------------------------------------------------------------------- p is Exponential, Gamma

@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    return _to_gamma(q, p.mean, -p.rate.log() - euler_constant) - p.entropy()


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    product = p.rate * q.scale
    return _to_gumbel(q, p.mean, product / (product + 1)) - p.entropy()


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    mean_exp = (1 + 1 / (p.rate * q.scale)).pow(-p.concentration)
    return _to_gumbel(q, p.mean, mean_exp) - p.entropy()


# ---------------------------------------------------------------------- p is Normal, Pareto

@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    z, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale).square()
    return q.scale.log() + z + (0.5 * ratio - z).exp() - p.entropy()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    shift = p.loc - q.loc
    z = shift / p.scale
    mean_distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.square()).exp() + shift * erf(math.sqrt(0.5) * z)
    return (2 * q.scale).log() + mean_distance / q.scale - p.entropy()


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> Tensor:
    kl = _to_exponential(q, p.alpha * p.scale / (p.alpha - 1)) - p.entropy()
    return where(p.alpha <= 1, math.inf, kl)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    kl = _to_gamma(q, p.alpha * p.scale / (p.alpha - 1), p.scale.log() + 1 / p.alpha) - p.entropy()
    return where(p.alpha <= 1, math.inf, kl)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> Tensor:
    a = p.alpha
    mean = a * p.scale / (a - 1)
    variance = a * (p.scale / (a - 1)).square() / (a - 2)
    return where(a <= 2, math.inf, _to_normal(q, mean, variance) - p.entropy())


# ---------------------------------------------------------------------- p is Uniform

def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """The mean of log x over an interval: the integral of log x is x log x - x."""
    return (xlogy(high, high) - xlogy(low, low)) / (high - low) - 1


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    kl = (log_beta - (a - 1) * _mean_log(p.low, p.high) - (b - 1) * _mean_log(1 - p.high, 1 - p.low)) - p.entropy()
    return where((p.high > 1) | (p.low < 0), math.inf, kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    return where(p.low < 0, math.inf, _to_exponential(q, p.mean) - p.entropy())


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    return where(p.low < 0, math.inf, _to_gamma(q, p.mean, _mean_log(p.low, p.high)) - p.entropy())


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    mean_exp = ((-low).exp() - (-high).exp()) / (high - low)
    return q.scale.log() + 0.5 * (high + low) + mean_exp - p.entropy()


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    kl = (q.alpha + 1) * _mean_log(p.low, p.high) - (q.alpha * q.scale.pow(q.alpha)).log() - p.entropy()
    return where(p.low < q.scale, math.inf, kl)
