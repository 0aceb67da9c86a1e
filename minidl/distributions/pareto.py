"""Power laws: few large numbers among many small ones."""
from __future__ import annotations

import math

from minidl.distributions import constraints
from minidl.distributions.constraints import Constraint
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.exponential import Exponential
from minidl.distributions.transformed_distribution import TransformedDistribution
from minidl.distributions.transforms import AffineTransform, ExpTransform
from minidl.distributions.utils import broadcast_all
from minidl.ops.elementwise import isclose, where
from minidl.tensors.creation import rand, zeros_like
from minidl.tensors.tensor import Tensor

__all__ = ["GeneralizedPareto", "Pareto"]


class Pareto(TransformedDistribution):
    """P(a number above x) = (scale / x)^alpha from `scale`.

        >>> Pareto(1.0, 3.0).mean
        tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Tensor | float, alpha: Tensor | float, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(Exponential(self.alpha, validate_args), [ExpTransform(), AffineTransform(0, self.scale)],
                         validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:  # type: ignore[override]
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        a = self.alpha.clamp(min=1)      # infinite up to 1
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = self.alpha.clamp(min=2)
        return self.scale.square() * a / ((a - 1).square() * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + 1 / self.alpha)


class GeneralizedPareto(Distribution):
    """P(a number above x) = (1 + c z)^(-1/c),  z = (x - loc) / scale, c = concentration; exp(-z) at c = 0.

    What lies beyond a high threshold. With c < 0 it ends at loc - scale / c.

        >>> import minidl
        >>> GeneralizedPareto(0.0, 1.0, minidl.tensor([-0.5, 0.0, 0.5])).mean
        tensor([0.6667, 1.0000, 2.0000])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float, concentration: Tensor | float,
                 validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:  # type: ignore[override]
        c = self.concentration
        upper = where(c < 0, self.loc - self.scale / where(c < 0, c, -1.0), math.inf)
        return constraints.interval(self.loc, upper)

    def _cases(self) -> tuple[Tensor, Tensor]:
        """Where c is near 0, and a c that may be divided by."""
        near_zero = isclose(self.concentration, zeros_like(self.concentration))
        return near_zero, where(near_zero, 1.0, self.concentration)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._validated(value) - self.loc) / self.scale
        near_zero, c = self._cases()
        power, ratio = 1 / c + 1, c * z
        at_end = (power == 0) & (ratio == -1)       # of the uniform distribution, c = -1: 0 * log 0 is 0
        return -self.scale.log() - where(near_zero, z, power * where(at_end, 0.0, ratio).log1p())

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(a number above `value`)"""
        z = (self._validated(value) - self.loc) / self.scale
        near_zero, c = self._cases()
        return where(near_zero, -z, -(c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(a number of at most `value`)"""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        near_zero, c = self._cases()
        log_above = (-value).log1p()
        return where(near_zero, self.loc - self.scale * log_above,
                     self.loc + self.scale / c * (-c * log_above).expm1())

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return where(c < 1, self.loc + self.scale / (1 - where(c < 1, c, 0.5)), math.nan)

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        c = where(finite, self.concentration, 0.25)
        return where(finite, self.scale.square() / ((1 - c).square() * (1 - 2 * c)), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1
