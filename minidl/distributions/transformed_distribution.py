"""`TransformedDistribution`: what y = f(x) has, where x has a known distribution."""
from __future__ import annotations

from minidl.autograd.grad_mode import no_grad
from minidl.distributions import constraints
from minidl.distributions.constraints import Constraint
from minidl.distributions.distribution import Distribution, Shape
from minidl.distributions.independent import Independent
from minidl.distributions.transforms import ComposeTransform, Transform
from minidl.distributions.utils import sum_rightmost
from minidl.tensors.tensor import Tensor

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of y = f(x): log p(y) = log p(x) - log |det dy/dx|.

    f is a transform, or a list of them of which the first comes first. Errors: ValueError for anything else.

        >>> import minidl
        >>> from minidl.distributions import AffineTransform, SigmoidTransform, Uniform
        >>> logistic = TransformedDistribution(Uniform(0.0, 1.0), [SigmoidTransform().inv, AffineTransform(2.0, 3.0)])
        >>> logistic.cdf(minidl.tensor(2.0))
        tensor(0.5000)
    """

    arg_constraints: dict[str, Constraint] = {}

    def __init__(self, base_distribution: Distribution, transforms: Transform | list[Transform],
                 validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        f = ComposeTransform(self.transforms)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(base_shape) < f.domain.event_dim:
            raise ValueError(f"base_distribution needs to have shape with size at least {f.domain.event_dim}, but got "
                             f"{base_shape}.")
        shape = f.forward_shape(base_shape)
        expanded = f.inverse_shape(shape)          # larger where a parameter of a transform is
        if base_shape != expanded:
            base_distribution = base_distribution.expand(
                expanded[:len(expanded) - len(base_distribution.event_shape)])
        more = f.domain.event_dim - len(base_distribution.event_shape)
        self.base_dist = Independent(base_distribution, more) if more > 0 else base_distribution
        cut = len(shape) - (len(self.base_dist.event_shape) + f.codomain.event_dim - f.domain.event_dim)
        super().__init__(shape[:cut], shape[cut:], validate_args)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Constraint:  # type: ignore[override]
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return self._transform(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self._transform(self.base_dist.rsample(sample_shape))

    def _transform(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        y, event_dim = self._validated(value), len(self.event_shape)
        log_det: Tensor | float = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            log_det = log_det + sum_rightmost(transform.log_abs_det_jacobian(x, y),
                                              event_dim - transform.domain.event_dim)
            y = x
        return sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape)) - log_det

    def _monotonize_cdf(self, value: Tensor) -> Tensor:
        """A probability of x as one of y: p where f increases, 1 - p where it decreases."""
        sign: Tensor | int = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._transform(self.base_dist.icdf(self._monotonize_cdf(value)))
