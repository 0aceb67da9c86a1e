"""`MixtureSameFamily`: first one of K components is drawn, then a number from it."""
from __future__ import annotations

from minidl.autograd.grad_mode import no_grad
from minidl.distributions import constraints
from minidl.distributions.categorical import Categorical
from minidl.distributions.constraints import Constraint, MixtureSameFamilyConstraint
from minidl.distributions.distribution import Distribution, Shape
from minidl.tensors.tensor import Tensor

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """p(x) = sum_k w_k p_k(x): the last batch dimension of `component_distribution` are the K components.

    Errors: ValueError unless the mixture is a Categorical of K classes with a batch that fits.

        >>> import minidl
        >>> from minidl.distributions import Normal
        >>> weights, parts = Categorical(minidl.tensor([0.25, 0.75])), Normal(minidl.tensor([0.0, 4.0]), 1.0)
        >>> mixture = MixtureSameFamily(weights, parts)
        >>> mixture.mean, mixture.variance
        (tensor(3.), tensor(4.))
    """

    arg_constraints: dict[str, Constraint] = {}

    def __init__(self, mixture_distribution: Categorical, component_distribution: Distribution,
                 validate_args: bool | None = None) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of minidl.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of minidl.distributions.Distribution")
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        batch, components = component_distribution.batch_shape[:-1], component_distribution.batch_shape[-1]
        mixture_batch = mixture_distribution.batch_shape
        if any(n != 1 and m != 1 and n != m for n, m in zip(reversed(mixture_batch), reversed(batch))):
            raise ValueError(f"`mixture_distribution.batch_shape` ({mixture_batch}) is not compatible with "
                             f"`component_distribution.batch_shape`({batch})")
        if mixture_distribution.param_shape[-1] != components:
            raise ValueError(f"`mixture_distribution component` ({mixture_distribution.param_shape[-1]}) does not "
                             f"equal `component_distribution.batch_shape[-1]` ({components})")
        super().__init__(batch, component_distribution.event_shape, validate_args)

    @constraints.dependent_property
    def support(self) -> Constraint:  # type: ignore[override]
        return MixtureSameFamilyConstraint(self.component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components, along the last batch dimension."""
        return self._component_distribution

    def _pad(self, x: Tensor) -> Tensor:
        """x with a dimension of components before those of the event."""
        return x.unsqueeze(-1 - len(self.event_shape))

    def _mix(self, x: Tensor) -> Tensor:
        """sum_k w_k x_k, of events"""
        weights = self.mixture_distribution.probs
        events = len(self.event_shape)
        return (weights.reshape(weights.shape + (1,) * events) * x).sum(-1 - events)

    @property
    def mean(self) -> Tensor:
        return self._mix(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        within = self._mix(self.component_distribution.variance)
        return within + self._mix((self.component_distribution.mean - self._pad(self.mean)).square())

    def cdf(self, value: Tensor) -> Tensor:
        return (self.component_distribution.cdf(self._pad(value)) * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        log_probs = self.component_distribution.log_prob(self._pad(self._validated(value)))
        return (log_probs + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            drawn = self.component_distribution.sample(sample_shape)
            which = self.mixture_distribution.expand(self.batch_shape).sample(sample_shape)
            events = len(self.event_shape)
            index = which.reshape(which.shape + (1,) * (events + 1)).expand((*which.shape, 1, *self.event_shape))
            return drawn.gather(-1 - events, index).squeeze(-1 - events)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
