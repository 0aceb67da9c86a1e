"""Relaxed choices: numbers between 0 and 1 with gradients, which a low temperature pulls to 0 and 1.

Maddison, Mnih and Teh, The Concrete Distribution, 2017; Jang, Gu and Poole, Categorical Reparameterization with
Gumbel-Softmax, 2017.
"""
from __future__ import annotations

from minidl.distributions import constraints
from minidl.distributions.categorical import Categorical
from minidl.distributions.distribution import Shape
from minidl.distributions.probs_or_logits import HoldsCategorical, ProbsOrLogits, check_one_of
from minidl.distributions.transformed_distribution import TransformedDistribution
from minidl.distributions.transforms import ExpTransform, SigmoidTransform
from minidl.distributions.utils import broadcast_all, clamp_probs
from minidl.ops.special import lgamma
from minidl.tensors.creation import full_like, rand
from minidl.tensors.tensor import Tensor

__all__ = ["ExpRelaxedCategorical", "LogitRelaxedBernoulli", "RelaxedBernoulli", "RelaxedOneHotCategorical"]


class LogitRelaxedBernoulli(ProbsOrLogits):
    """The logit of a `RelaxedBernoulli` number: (logits + logistic noise) / temperature."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(self, temperature: Tensor, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 validate_args: bool | None = None) -> None:
        check_one_of(probs, logits)
        self.temperature = temperature
        if probs is not None:
            self.probs, = broadcast_all(probs)
        elif logits is not None:
            self.logits, = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        probs = clamp_probs(self.probs.expand(self._extended_shape(sample_shape)))
        u = clamp_probs(rand(probs.shape, dtype=probs.dtype, device=probs.device))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._validated(value))
        difference = logits - value * self.temperature
        return self.temperature.log() + difference - 2 * difference.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """A number on (0, 1) that becomes a `Bernoulli` number as the temperature goes to 0.

        >>> import minidl
        >>> x = RelaxedBernoulli(minidl.tensor(0.5), probs=minidl.tensor([0.1, 0.9], requires_grad=True)).rsample()
        >>> x.shape, x.requires_grad
        ((2,), True)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: LogitRelaxedBernoulli

    def __init__(self, temperature: Tensor, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 validate_args: bool | None = None) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)

    @property
    def temperature(self) -> Tensor:
        """How far from 0 and 1 the numbers are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))"""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probability of a number above 1/2."""
        return self.base_dist.probs


class ExpRelaxedCategorical(HoldsCategorical):
    """The logarithm of a `RelaxedOneHotCategorical` vector: log_softmax((logits + Gumbel noise) / temperature)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, temperature: Tensor, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(rand(shape, dtype=self.logits.dtype, device=self.logits.device))
        return ((self.logits - (-u.log()).log()) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._validated(value))
        k = self.event_shape[0]
        log_scale = lgamma(full_like(self.temperature, float(k))) + (k - 1) * self.temperature.log()
        return (logits - value * self.temperature).log_softmax(-1).sum(-1) + log_scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """A vector on the simplex that becomes a `OneHotCategorical` one as the temperature goes to 0.

        >>> import minidl
        >>> x = RelaxedOneHotCategorical(minidl.tensor(0.5), logits=minidl.zeros(3)).rsample()
        >>> x.shape, round(x.sum().item(), 4)
        ((3,), 1.0)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    base_dist: ExpRelaxedCategorical

    def __init__(self, temperature: Tensor, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)

    @property
    def temperature(self) -> Tensor:
        """How far from 0 and 1 the numbers are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities that an entry is the largest."""
        return self.base_dist.probs
