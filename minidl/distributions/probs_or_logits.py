"""What distributions have that are given by probabilities or by logits."""
from __future__ import annotations

from typing import Any

from minidl.distributions.distribution import Distribution
from minidl.distributions.utils import lazy_property, logits_to_probs, probs_to_logits
from minidl.tensors.tensor import Tensor


def check_one_of(probs: object, logits: object) -> None:
    """Raise ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class ProbsOrLogits(Distribution):
    """Base of distributions with `probs` or `logits`: the one that was given, and the other when it is read."""

    _is_binary = True       # probabilities of yes or no; False: of classes, along the last dimension

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the odds, or of the probabilities of classes."""
        return probs_to_logits(self.probs, self._is_binary)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits, self._is_binary)

    @property
    def _param(self) -> Tensor:
        """The given one."""
        return next(value for name, value in vars(self).items() if name in ("probs", "logits"))

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the given parameter."""
        return self._param.shape

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)


class HoldsCategorical(Distribution):
    """Base of distributions whose parameters are those of a categorical distribution inside."""

    _categorical: ProbsOrLogits

    @property
    def probs(self) -> Tensor:
        """The probabilities of classes, along the last dimension."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def _param(self) -> Tensor:
        return self._categorical._param

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the given parameter."""
        return self._categorical.param_shape

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._categorical._new(*args, **kwargs)
