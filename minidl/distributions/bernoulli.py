"""Yes or no, and its continuous kin on [0, 1]."""
from __future__ import annotations

import math

from minidl.autograd.grad_mode import no_grad
from minidl.distributions import constraints
from minidl.distributions.distribution import Shape
from minidl.distributions.exp_family import ExponentialFamily
from minidl.distributions.probs_or_logits import ProbsOrLogits, check_one_of
from minidl.distributions.utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs
from minidl.ops.elementwise import log1p, where
from minidl.ops.loss import binary_cross_entropy_with_logits
from minidl.ops.special import logit
from minidl.tensors.creation import arange, bernoulli, rand
from minidl.tensors.tensor import Tensor

__all__ = ["Bernoulli", "ContinuousBernoulli"]


class Bernoulli(ProbsOrLogits, ExponentialFamily):
    """1 with probability `probs`, else 0; `logits` are log(probs / (1 - probs)).

        >>> import minidl
        >>> Bernoulli(minidl.tensor([0.25, 0.5])).log_prob(minidl.tensor([1.0, 0.0])).exp()
        tensor([0.2500, 0.5000])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 validate_args: bool | None = None) -> None:
        check_one_of(probs, logits)
        if probs is not None:
            self.probs, = broadcast_all(probs)
        elif logits is not None:
            self.logits, = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._validated(value))
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return enumerate_integers(2, self._param, self._batch_shape, expand)

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return logit(self.probs),

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return natural_params[0].exp().log1p()


def enumerate_integers(n: int, like: Tensor, batch_shape: tuple[int, ...], expand: bool) -> Tensor:
    """0 to n - 1 along a new dimension before those of the batch, in the dtype of `like`."""
    values = arange(n, dtype=like.dtype, device=like.device).reshape((n,) + (1,) * len(batch_shape))
    return values.expand((n, *batch_shape)) if expand else values


class ContinuousBernoulli(ProbsOrLogits, ExponentialFamily):
    """p(x) = C probs^x (1 - probs)^(1 - x) on [0, 1]: for pixels, which a Bernoulli distribution does not fit.

    C = 2 atanh(1 - 2 probs) / (1 - 2 probs), and 2 at probs = 1/2. Between `lims` a Taylor series is taken.
    Loaiza-Ganem and Cunningham, The continuous Bernoulli, 2019.

        >>> import minidl
        >>> ContinuousBernoulli(minidl.tensor([0.2, 0.5])).mean
        tensor([0.3880, 0.5000])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None,
                 lims: tuple[float, float] = (0.499, 0.501), validate_args: bool | None = None) -> None:
        check_one_of(probs, logits)
        if probs is not None:
            given, = broadcast_all(probs)
            if validate_args is not None and not bool(constraints.unit_interval.check(given).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(given)     # densities at 0 and 1 would be infinite
        elif logits is not None:
            self.logits, = broadcast_all(logits)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:  # type: ignore[override]
        """The parameter of the powers; not the mean."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _is_stable(self, x: Tensor, middle: float = 0.0) -> Tensor:
        """Where the closed formulas do not cancel: outside of `lims`."""
        return (x <= self._lims[0] - middle) | (x > self._lims[1] - middle)

    def _cut_probs(self) -> Tensor:
        """`probs`, with a number outside of `lims` for those inside: what is computed of it is not used."""
        return where(self._is_stable(self.probs), self.probs, self._lims[0])

    def _cont_bern_log_norm(self) -> Tensor:
        """log C"""
        p = self._cut_probs()
        log_norm = (log1p(-p) - p.log()).abs().log() - (1 - 2 * p).abs().log()
        x = (self.probs - 0.5).square()
        return where(self._is_stable(self.probs), log_norm, math.log(2.0) + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Tensor:
        p, x = self._cut_probs(), self.probs - 0.5
        return where(self._is_stable(self.probs), p / (2 * p - 1) + 1 / (log1p(-p) - p.log()),
                     0.5 + (1 / 3 + 16 / 45 * x.square()) * x)

    @property
    def variance(self) -> Tensor:
        p, x = self._cut_probs(), (self.probs - 0.5).square()
        return where(self._is_stable(self.probs),
                     p * (p - 1) / (1 - 2 * p).square() + 1 / (log1p(-p) - p.log()).square(),
                     1 / 12 - (1 / 15 - 128 / 945 * x) * x)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._validated(value))
        return self._cont_bern_log_norm() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Tensor) -> Tensor:
        p = self._cut_probs()
        value = self._validated(value)
        closed = (p.pow(value) * (1 - p).pow(1 - value) + p - 1) / (2 * p - 1)
        inside = where(self._is_stable(self.probs), closed, value)
        return where(value <= 0, 0.0, where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        p = self._cut_probs()
        closed = (log1p(-p + value * (2 * p - 1)) - log1p(-p)) / (p.log() - log1p(-p))
        return where(self._is_stable(self.probs), closed, value)

    def entropy(self) -> Tensor:
        log_no, log_yes = log1p(-self.probs), self.probs.log()
        return self.mean * (log_no - log_yes) - self._cont_bern_log_norm() - log_no

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return self.logits,

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, = natural_params
        stable = self._is_stable(x, middle=0.5)
        cut = where(stable, x, self._lims[0] - 0.5)
        return where(stable, cut.expm1().abs().log() - cut.abs().log(),
                     0.5 * x + x.square() / 24 - x.pow(4) / 2880)
