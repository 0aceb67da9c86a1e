"""Shares: vectors that add up to 1, and numbers on [0, 1]."""
from __future__ import annotations

import math

from minidl.distributions import constraints
from minidl.distributions.distribution import Shape
from minidl.distributions.exp_family import ExponentialFamily
from minidl.distributions.transformed_distribution import TransformedDistribution
from minidl.distributions.transforms import AffineTransform, PowerTransform
from minidl.distributions.uniform import Uniform
from minidl.distributions.utils import broadcast_all, euler_constant
from minidl.ops.elementwise import where, xlogy
from minidl.ops.embedding import one_hot
from minidl.ops.random import dirichlet
from minidl.ops.shape import stack
from minidl.ops.special import digamma, lgamma
from minidl.tensors.creation import full_like
from minidl.tensors.tensor import Tensor

__all__ = ["Beta", "Dirichlet", "Kumaraswamy"]


class Dirichlet(ExponentialFamily):
    """p(x) = prod_k x_k^(a_k - 1) gamma(sum a) / prod_k gamma(a_k) on the simplex,  a = concentration (..., K).

    Errors: ValueError for a concentration without dimensions.

        >>> import minidl
        >>> Dirichlet(minidl.tensor([1.0, 3.0])).mean
        tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        a = self.concentration
        return xlogy(a - 1, self._validated(value)).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        excess = (self.concentration - 1).clamp(min=0)
        total = excess.sum(-1, keepdim=True)
        # With all concentrations below 1 the density is infinite in every corner; the first one is named.
        corner = one_hot(excess.argmax(-1), excess.shape[-1]).to(excess.dtype)
        return where((self.concentration < 1).all(-1, keepdim=True), corner, excess / total)

    @property
    def variance(self) -> Tensor:
        a, total = self.concentration, self.concentration.sum(-1, keepdim=True)
        return a * (total - a) / (total.square() * (total + 1))

    def entropy(self) -> Tensor:
        a, total = self.concentration, self.concentration.sum(-1)
        return (lgamma(a).sum(-1) - lgamma(total) - (a.shape[-1] - total) * digamma(total)
                - ((a - 1) * digamma(a)).sum(-1))

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return self.concentration,

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, = natural_params
        return lgamma(x).sum(-1) - lgamma(x.sum(-1))


class Beta(ExponentialFamily):
    """p(x) = x^(a - 1) (1 - x)^(b - 1) / B(a, b) on [0, 1],  a = concentration1, b = concentration0.

        >>> import minidl
        >>> Beta(1.0, 3.0).mean, Beta(1.0, 1.0).log_prob(minidl.tensor(0.3))
        (tensor(0.2500), tensor(0.))
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Tensor | float, concentration0: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self._dirichlet = Dirichlet(stack(broadcast_all(concentration1, concentration0), -1), validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    @property
    def concentration1(self) -> Tensor:
        """a: larger for larger numbers."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """b: larger for smaller numbers."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.square() * (total + 1))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._validated(value)
        return self._dirichlet.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        return lgamma(x) + lgamma(y) - lgamma(x + y)


class Kumaraswamy(TransformedDistribution):
    """cdf(x) = 1 - (1 - x^a)^b on [0, 1],  a = concentration1, b = concentration0: like `Beta`, in closed form.

        >>> import minidl
        >>> Kumaraswamy(2.0, 3.0).cdf(minidl.tensor(0.5))
        tensor(0.5781)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Tensor | float, concentration0: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(full_like(self.concentration0, 0), full_like(self.concentration0, 1), validate_args)
        super().__init__(base, [PowerTransform(1 / self.concentration0), AffineTransform(1.0, -1.0),
                                PowerTransform(1 / self.concentration1)], validate_args)

    def _moment(self, n: int) -> Tensor:
        """E[x^n] = b B(1 + n/a, b)"""
        x, b = 1 + n / self.concentration1, self.concentration0
        return b * (lgamma(x) + lgamma(b) - lgamma(x + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        mode = ((-b).log1p() / b - (-b * a).log1p()).exp()
        return where((a < 1) | (b < 1), math.nan, mode)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).square()

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = digamma(b + 1) + euler_constant
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - a.log() - b.log()
