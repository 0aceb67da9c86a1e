"""Transforms of single numbers."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from minidl.backend.dtype import finfo
from minidl.distributions import constraints
from minidl.distributions.constraints import Constraint
from minidl.distributions.transforms.base import Shape, Transform
from minidl.distributions.utils import broadcast_all, lazy_property, sum_rightmost
from minidl.ops.activation import softplus
from minidl.ops.elementwise import abs as abs_
from minidl.ops.elementwise import sigmoid
from minidl.ops.torch_names import broadcast_shapes
from minidl.tensors.creation import full_like
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.distributions.distribution import Distribution


class ExpTransform(Transform):
    """y = exp(x)"""

    domain, codomain = constraints.real, constraints.positive
    bijective, sign, equal_by = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class PowerTransform(Transform):
    """y = x^exponent, of positive numbers"""

    domain = codomain = constraints.positive
    bijective, equal_by = True, ("exponent",)

    def __init__(self, exponent: Tensor | float, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.exponent, = broadcast_all(exponent)

    @lazy_property
    def sign(self) -> Tensor:  # type: ignore[override]
        return self.exponent.sign()

    def _call(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Shape) -> Shape:
        return broadcast_shapes(shape, self.exponent.shape)

    inverse_shape = forward_shape


def clipped_sigmoid(x: Tensor) -> Tensor:
    """sigmoid(x), away from 0 and 1."""
    info = finfo(x.dtype)
    return sigmoid(x).clamp(info.tiny, 1 - info.eps)


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x))"""

    domain, codomain = constraints.real, constraints.unit_interval
    bijective, sign, equal_by = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return clipped_sigmoid(x)

    def _inverse(self, y: Tensor) -> Tensor:
        info = finfo(y.dtype)
        y = y.clamp(info.tiny, 1 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Transform):
    """y = log(1 + exp(x))"""

    domain, codomain = constraints.real, constraints.positive
    bijective, sign, equal_by = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x)


class TanhTransform(Transform):
    """y = tanh(x). Near 1 its inverse loses digits: use `cache_size=1` where y comes from an x."""

    domain, codomain = constraints.real, constraints.interval(-1.0, 1.0)
    bijective, sign, equal_by = True, 1, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))   # log(1 - tanh(x)^2), which would cancel


class AbsTransform(Transform):
    """y = |x|; its inverse gives the positive of the two x."""

    domain, codomain, equal_by = constraints.real, constraints.positive, ()

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """y = loc + scale * x; the last `event_dim` dimensions are one event."""

    bijective, equal_by = True, ("loc", "scale")

    def __init__(self, loc: Tensor | float, scale: Tensor | float, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Constraint:  # type: ignore[override]
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Constraint:  # type: ignore[override]
        return self.domain

    @property
    def sign(self) -> Tensor | int:
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        scale = self.scale
        log_scale = abs_(scale).log() if isinstance(scale, Tensor) else full_like(x, math.log(abs(scale)))
        shape = x.shape
        if self.event_dim:
            log_scale = sum_rightmost(log_scale, self.event_dim)
            shape = shape[:-self.event_dim]
        return log_scale.expand(shape)

    def forward_shape(self, shape: Shape) -> Shape:
        return broadcast_shapes(shape, *[p.shape for p in (self.loc, self.scale) if isinstance(p, Tensor)])

    inverse_shape = forward_shape


class CumulativeDistributionTransform(Transform):
    """y = distribution.cdf(x): what has this distribution becomes uniform on [0, 1].

        >>> import minidl
        >>> from minidl.distributions import Normal
        >>> CumulativeDistributionTransform(Normal(0.0, 1.0))(minidl.tensor([-1.0, 0.0]))
        tensor([0.1587, 0.5000])
    """

    codomain = constraints.unit_interval
    bijective, sign = True, 1

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)
