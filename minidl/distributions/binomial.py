"""Counts: of successes, of failures before a success, of events."""
from __future__ import annotations

import math
from typing import Any

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import finfo
from minidl.distributions import constraints
from minidl.distributions.bernoulli import enumerate_integers
from minidl.distributions.categorical import Categorical
from minidl.distributions.constraints import Constraint
from minidl.distributions.distribution import Shape
from minidl.distributions.exp_family import ExponentialFamily
from minidl.distributions.gamma import Gamma
from minidl.distributions.probs_or_logits import HoldsCategorical, ProbsOrLogits, check_one_of
from minidl.distributions.utils import as_shape, broadcast_all
from minidl.ops.activation import logsigmoid, softplus
from minidl.ops.elementwise import where, xlogy
from minidl.ops.embedding import one_hot
from minidl.ops.loss import binary_cross_entropy_with_logits
from minidl.ops.random import binomial, poisson
from minidl.ops.special import lgamma
from minidl.tensors.creation import empty, zeros_like
from minidl.tensors.tensor import Tensor

__all__ = ["Binomial", "Geometric", "Multinomial", "NegativeBinomial", "Poisson"]


class Binomial(ProbsOrLogits):
    """The number of successes among `total_count` trials of probability `probs`.

        >>> import minidl
        >>> Binomial(2, minidl.tensor(0.5)).enumerate_support()
        tensor([0., 1., 2.])
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval,
                       "logits": constraints.real}
    has_enumerate_support = True

    def __init__(self, total_count: Tensor | int = 1, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        _set_count_and_odds(self, total_count, probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    total_count: Tensor

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:  # type: ignore[override]
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        n, k = self.total_count, self._validated(value)
        log_choices = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        return k * self.logits - n * softplus(self.logits) + log_choices

    def _one_count(self, who: str) -> int:
        """The number of trials. Errors: NotImplementedError where it differs in the batch."""
        count = int(self.total_count.max())
        if int(self.total_count.min()) != count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{who}`.")
        return count

    def entropy(self) -> Tensor:
        self._one_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(expand=False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return enumerate_integers(1 + self._one_count("enumerate_support"), self._param, self._batch_shape, expand)


def _set_count_and_odds(distribution: Any, total_count: Tensor | float, probs: Tensor | None,
                        logits: Tensor | None) -> None:
    """Set `total_count`, and `probs` or `logits`, in one shape and dtype."""
    check_one_of(probs, logits)
    name, given = ("probs", probs) if probs is not None else ("logits", logits)
    count, odds = broadcast_all(total_count, given)     # type: ignore[arg-type]
    distribution.total_count = count.to(odds.dtype)
    setattr(distribution, name, odds)


class NegativeBinomial(ProbsOrLogits):
    """The number of successes, of probability `probs`, before `total_count` failures; it need not be an integer.

        >>> import minidl
        >>> NegativeBinomial(3.0, minidl.tensor(0.5)).mean
        tensor(3.)
    """

    arg_constraints = {"total_count": constraints.greater_than_eq(0),
                       "probs": constraints.half_open_interval(0.0, 1.0), "logits": constraints.real}
    support = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(self, total_count: Tensor | float, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        _set_count_and_odds(self, total_count, probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():     # Poisson counts of a random rate
            rates = Gamma(self.total_count, (-self.logits).exp(), validate_args=False).sample(sample_shape)
            return poisson(rates)

    def log_prob(self, value: Tensor) -> Tensor:
        n, k = self.total_count, self._validated(value)
        log_choices = lgamma(n + k) - lgamma(1 + k) - lgamma(n)
        log_choices = where(n + k == 0, 0.0, log_choices)
        return n * logsigmoid(-self.logits) + k * logsigmoid(self.logits) + log_choices


class Geometric(ProbsOrLogits):
    """The number of failures before the first success, of probability `probs`: 0, 1, ...

    Errors: ValueError for a probability of 0.

        >>> import minidl
        >>> Geometric(minidl.tensor([0.5, 0.25])).mean
        tensor([1., 3.])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 validate_args: bool | None = None) -> None:
        check_one_of(probs, logits)
        if probs is not None:
            self.probs, = broadcast_all(probs)
        elif logits is not None:
            self.logits, = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            value = self.probs.detach()
            raise ValueError(f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of "
                             f"distribution {self!r} to be positive but found invalid values:\n{value[~(value > 0)]}")

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape, p = self._extended_shape(sample_shape), self.probs
        with no_grad():
            u = empty(shape, dtype=p.dtype, device=p.device).uniform_(finfo(p.dtype).tiny, 1)
            return (u.log() / (-p).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        value, probs = broadcast_all(self._validated(value), self.probs)
        certain = (probs == 1) & (value == 0)       # 0 * log 0 is 0
        return value * (-where(certain, 0.0, probs)).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class Poisson(ExponentialFamily):
    """P(k) = rate^k exp(-rate) / k!: the number of events that arrive at `rate`.

        >>> import minidl
        >>> Poisson(2.0).log_prob(minidl.tensor([0.0, 1.0])).exp()
        tensor([0.1353, 0.2707])
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Tensor | float, validate_args: bool | None = None) -> None:
        self.rate, = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        rate, value = broadcast_all(self.rate, self._validated(value))
        return xlogy(value, rate) - rate - lgamma(value + 1)

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return self.rate.log(),

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return natural_params[0].exp()


class Multinomial(HoldsCategorical):
    """How often each of K classes comes among `total_count` draws. Parameters: as of `Categorical`.

    Errors: NotImplementedError unless `total_count` is an int.

        >>> import minidl
        >>> Multinomial(4, minidl.tensor([1.0, 3.0])).mean
        tensor([1., 3.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(self, total_count: int = 1, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        self._binomial = Binomial(total_count, self.probs)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Constraint:  # type: ignore[override]
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        draws = self._categorical.sample((self.total_count, *as_shape(sample_shape)))
        return one_hot(draws, self.event_shape[0]).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._validated(value))
        logits = where((value == 0) & (logits == -math.inf), 0.0, logits)
        return lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        n = self.total_count
        counts = self._binomial.enumerate_support(expand=False)[1:]
        of_each_class = (self._binomial.log_prob(counts).exp() * lgamma(counts + 1)).sum((0, -1))
        return n * self._categorical.entropy() - math.lgamma(n + 1) + of_each_class
