"""The von Mises distribution, of angles."""
from __future__ import annotations

import math

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import bool as bool_
from minidl.backend.dtype import float64
from minidl.distributions import constraints
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.utils import broadcast_all
from minidl.ops.elementwise import where
from minidl.ops.special import i0e, i1e
from minidl.tensors.creation import rand, zeros
from minidl.tensors.tensor import Tensor

__all__ = ["VonMises"]


class VonMises(Distribution):
    """p(x) = exp(k cos(x - loc)) / (2 pi I0(k)) of angles in [-pi, pi),  k = concentration.

        >>> import minidl
        >>> VonMises(0.0, 1.0).log_prob(minidl.tensor([0.0, 3.0]))
        tensor([-1.0738, -3.0638])
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean angle."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance, 1 - I1(k) / I0(k)."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        k = self.concentration
        log_i0 = i0e(k).log() + k
        return k * (self._validated(value) - self.loc).cos() - math.log(2 * math.pi) - log_i0

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Random angles: those of a wrapped Cauchy distribution are accepted or drawn again, in double precision.

        Best and Fisher, Efficient Simulation of the von Mises Distribution, 1979.
        """
        shape = self._extended_shape(sample_shape)
        with no_grad():
            loc, k = self.loc.to(float64), self.concentration.to(float64)
            tau = 1 + (1 + 4 * k.square()).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = where(k < 1e-5, 1 / k + k, (1 + rho.square()) / (2 * rho))
            angle = zeros(shape, dtype=float64, device=loc.device)
            done = zeros(shape, dtype=bool_, device=loc.device)
            while not bool(done.all()):
                u1, u2, u3 = rand((3, *shape), dtype=float64, device=loc.device).unbind()
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accepted = ((c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)) & ~done
                angle = where(accepted, (u3 - 0.5).sign() * f.acos(), angle)
                done = done | accepted
            return ((angle + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)
