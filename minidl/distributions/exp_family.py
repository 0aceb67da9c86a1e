"""`ExponentialFamily`: densities of the form exp(<t(x), theta> - F(theta) + k(x))."""
from __future__ import annotations

from minidl.autograd.gradients import grad
from minidl.distributions.distribution import Distribution
from minidl.tensors.tensor import Tensor

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Base of distributions with natural parameters theta and a log normalizer F.

    The gradient of F is the expected t(x). So entropy and KL divergence follow from F by differentiation alone.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        """theta"""
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        """F(theta)"""
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        """The expected k(x)."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(theta) - <theta, grad F(theta)> - E[k(x)]"""
        carrier = self._mean_carrier_measure
        params, normalizer, gradients = differentiate(self)
        entropy = normalizer - carrier
        for param, gradient in zip(params, gradients):
            entropy = entropy - (param * gradient).reshape((*self._batch_shape, -1)).sum(-1)
        return entropy


def differentiate(p: ExponentialFamily) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...]]:
    """The natural parameters theta as new leaves, F(theta) and its gradient."""
    params = [param.detach().requires_grad_() for param in p._natural_params]
    normalizer = p._log_normalizer(*params)
    return params, normalizer, grad(normalizer.sum(), params, create_graph=True)
