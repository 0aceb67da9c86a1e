"""Samples of the gamma and Dirichlet distributions, differentiable in the concentration.

A sample x is the quantile of a probability u that was drawn: P(a, x) = u. While u is held, x follows a, and dx/da is
-(dP/da) / (dP/dx). So u need not be known, and x may be drawn in any way (Figurnov, Mohamed and Mnih, Implicit
Reparameterization Gradients, 2018).
"""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import finfo, float64
from minidl.backend.kernels.softmax import softmax_forward
from minidl.backend.kernels.special import beta_sample_derivative, gamma_sample_derivative
from minidl.ops.random.draw import stream_of
from minidl.ops.reduce.sums import sum
from minidl.ops.shape.views import array_of
from minidl.random import Generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


# ---------------------------------------------------------------------- how a sample follows its concentration

def _once() -> NotImplementedError:
    return NotImplementedError("samples of gamma, beta and Dirichlet distributions have first derivatives only, as in "
                               "PyTorch")


class GammaSampleDerivative(Op):
    """y = dx/da of a gamma sample x at a fixed probability to be smaller"""

    def forward(self, a: Array, x: Array) -> Array:
        with np.errstate(all="ignore"):
            y = gamma_sample_derivative(a.astype(float64), x.astype(float64))
        return array_module(x).nan_to_num(y, nan=0.0).astype(x.dtype)     # nan: farther out than is ever drawn

    def grad_a(self, g: Value) -> Value:
        raise _once()

    def grad_x(self, g: Value) -> Value:
        raise _once()


class BetaSampleDerivative(Op):
    """y = dx/da of a Beta(a, b) sample x at a fixed probability to be smaller"""

    def forward(self, a: Array, b: Array, x: Array) -> Array:
        with np.errstate(all="ignore"):
            y = beta_sample_derivative(a.astype(float64), b.astype(float64), x.astype(float64))
        return array_module(x).nan_to_num(y, nan=0.0).astype(x.dtype)

    def grad_a(self, g: Value) -> Value:
        raise _once()

    def grad_b(self, g: Value) -> Value:
        raise _once()

    def grad_x(self, g: Value) -> Value:
        raise _once()


class GammaSample(Op):
    """y = a sample of Gamma(a, 1), which was drawn;  dy/da at a fixed probability to be smaller"""

    def __init__(self, sample: Array) -> None:
        self.sample = sample

    def forward(self, a: Array) -> Array:
        return self.sample

    def grad_a(self, g: Value, a: Value, out: Value) -> Value:
        return g * GammaSampleDerivative()(a, out)


class DirichletSample(Op):
    """y = a sample of Dirichlet(a), which was drawn;  by itself, y_i has Beta(a_i, sum of the other a)

    As a_i grows, y_i follows its own quantile, and the others shrink in proportion:

        dy_j/da_i = -y_j / (1 - y_i) dy_i/da_i
    """

    def __init__(self, sample: Array) -> None:
        self.sample = sample

    def forward(self, a: Array) -> Array:
        return self.sample

    def grad_a(self, g: Value, a: Value, out: Value) -> Value:
        own = BetaSampleDerivative()(a, sum(a, -1, keepdim=True) - a, out)
        return own / (1 - out) * (g - sum(out * g, -1, keepdim=True))


# ---------------------------------------------------------------------- drawing

def log_gamma_draws(a: Array, generator: Generator | None, who: str) -> Array:
    """Logarithms of samples of Gamma(a, 1) in float64: for small a the samples themselves would be 0.

    Marsaglia and Tsang, A Simple Method for Generating Gamma Variables, 2000: d (1 + c z)^3, z normal, is accepted with
    a probability above 0.95. Below a = 1, Gamma(a + 1) times u^(1/a) is drawn, u being uniform.
    """
    xp, stream = array_module(a), stream_of(a, generator, who)
    a = a.astype(float64)
    shift = a < 1
    d = (xp.where(shift, a + 1, a) - 1 / 3).reshape(-1)
    c = (9 * d) ** -0.5
    draws = xp.zeros_like(d)
    waiting = xp.arange(d.size)
    while waiting.size:
        z, u = stream.standard_normal(waiting.shape), 1 - stream.random(waiting.shape)
        d_here = d[waiting]
        v = (1 + c[waiting] * z) ** 3
        log_v = xp.log(xp.where(v > 0, v, 1))
        accepted = (v > 0) & (xp.log(u) < 0.5 * z * z + d_here * (1 - v + log_v))
        draws[waiting[accepted]] = (xp.log(d_here) + log_v)[accepted]
        waiting = waiting[~accepted]
    draws = draws.reshape(a.shape)
    return draws + xp.where(shift, xp.log1p(-stream.random(a.shape)) / a, 0)


def standard_gamma(concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw from Gamma(concentration, 1), with a gradient; never 0, however small the concentration.

        >>> import minidl
        >>> bool((standard_gamma(minidl.tensor([0.001, 1.0, 1000.0])) > 0).all())
        True
    """
    a = array_of(concentration)
    draws = np.exp(log_gamma_draws(a, generator, "standard_gamma"))
    return GammaSample(np.maximum(draws, finfo(a.dtype).tiny).astype(a.dtype))(concentration)


def dirichlet(concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw vectors from Dirichlet(concentration), with a gradient: (..., K) -> (..., K), which add up to 1.

        >>> import minidl
        >>> draws = dirichlet(minidl.tensor([[0.001, 1.0, 1000.0]]))
        >>> draws.shape, round(draws.sum().item(), 5)
        ((1, 3), 1.0)
    """
    a = array_of(concentration)
    draws = softmax_forward(log_gamma_draws(a, generator, "dirichlet"), -1)
    info = finfo(a.dtype)
    return DirichletSample(draws.clip(info.tiny, 1 - info.eps / 2).astype(a.dtype))(concentration)
