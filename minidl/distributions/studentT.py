"""What arises where variances are estimated: Student's t, and the F distribution of Fisher and Snedecor."""
from __future__ import annotations

import math

from minidl.backend.dtype import finfo
from minidl.distributions import constraints
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.gamma import Chi2, Gamma
from minidl.distributions.utils import broadcast_all
from minidl.ops.elementwise import where
from minidl.ops.special import digamma, lgamma
from minidl.tensors.creation import randn
from minidl.tensors.tensor import Tensor

__all__ = ["FisherSnedecor", "StudentT"]


class StudentT(Distribution):
    """loc + scale z / sqrt(c / df), z being standard normal and c having Chi2(df): heavier tails than `Normal`.

        >>> import minidl
        >>> StudentT(minidl.tensor([1.0, 2.0, 3.0])).variance
        tensor([nan, inf,  3.])
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Tensor | float, loc: Tensor | float = 0.0, scale: Tensor | float = 1.0,
                 validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        df = where(self.df > 2, self.df, 3.0)
        infinite = where(self.df > 1, math.inf, math.nan)
        return where(self.df > 2, self.scale.square() * df / (df - 2), infinite.to(df.dtype))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        z = randn(self._extended_shape(sample_shape), dtype=self.df.dtype, device=self.df.device)
        return self.loc + self.scale * z * (self._chi2.rsample(sample_shape) / self.df).rsqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        df, y = self.df, (self._validated(value) - self.loc) / self.scale
        log_normalizer = (self.scale.log() + 0.5 * df.log() + 0.5 * math.log(math.pi) + lgamma(0.5 * df)
                          - lgamma(0.5 * (df + 1)))
        return -0.5 * (df + 1) * (y.square() / df).log1p() - log_normalizer

    def entropy(self) -> Tensor:
        df, half = self.df, 0.5 * (self.df + 1)
        log_beta = lgamma(0.5 * df) + math.lgamma(0.5) - lgamma(half)
        return self.scale.log() + half * (digamma(half) - digamma(0.5 * df)) + 0.5 * df.log() + log_beta


class FisherSnedecor(Distribution):
    """(c1 / df1) / (c2 / df2), c1 and c2 having Chi2(df1) and Chi2(df2).

        >>> FisherSnedecor(2.0, 4.0).mean
        tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Tensor | float, df2: Tensor | float, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        df2 = where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        df1, df2 = self.df1, where(self.df2 <= 4, math.nan, self.df2)
        return 2 * df2.square() * (df1 + df2 - 2) / (df1 * (df2 - 2).square() * (df2 - 4))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        tiny = finfo(self.df1.dtype).tiny
        below = self._gamma2.rsample(sample_shape).clamp(tiny)
        return (self._gamma1.rsample(sample_shape) / below).clamp(tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._validated(value)
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        return (lgamma(half1 + half2) - lgamma(half1) - lgamma(half2) + half1 * ratio.log()
                + (half1 - 1) * value.log() - (half1 + half2) * (ratio * value).log1p())
