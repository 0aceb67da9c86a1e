"""einops' layers as Modules: `Rearrange`, `Reduce` and `EinMix`, a linear layer between patterns.

    >>> import minidl
    >>> from minidl import nn
    >>> from minidl.einops.layers import EinMix, Rearrange, Reduce
    >>> net = nn.Sequential(Rearrange("b c (h s) (w t) -> b (h w) (c s t)", s=2, t=2),
    ...                     EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=4, d=3),
    ...                     Reduce("b t d -> b d", "mean"))
    >>> net(minidl.rand(5, 1, 8, 8)).shape
    (5, 3)
"""
from __future__ import annotations

from typing import Any

from einops.layers import RearrangeMixin, ReduceMixin
from einops.layers._einmix import _EinmixMixin

from minidl import ops
from minidl.einops import backend  # noqa: F401  (einops finds it)
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.tensors import creation

__all__ = ["EinMix", "Rearrange", "Reduce"]


class Rearrange(RearrangeMixin, Module):  # type: ignore[misc]
    """`einops.rearrange` as a layer: `Rearrange("b c h w -> b (h w) c")`."""

    def forward(self, input: Any) -> Any:
        """The input in the new pattern."""
        return self._apply_recipe(input)


class Reduce(ReduceMixin, Module):  # type: ignore[misc]
    """`einops.reduce` as a layer: `Reduce("b c (h 2) (w 2) -> b c h w", "max")`."""

    def forward(self, input: Any) -> Any:
        """The input in the new pattern, reduced over the axes that it lacks."""
        return self._apply_recipe(input)


class EinMix(_EinmixMixin, Module):  # type: ignore[misc]
    """A linear layer over the axes that a pattern names.

    Args:
        pattern: of input and output, `"b t c -> b t d"`.
        weight_shape, bias_shape: the axes of the parameters. Lengths of axes are given by name.
    """

    def _create_parameters(self, weight_shape: Any, weight_bound: float, bias_shape: Any, bias_bound: float) -> None:
        self.weight = Parameter(creation.empty(weight_shape).uniform_(-weight_bound, weight_bound))
        self.bias = None if bias_shape is None else Parameter(creation.empty(bias_shape).uniform_(-bias_bound,
                                                                                                 bias_bound))

    def _create_rearrange_layers(self, pre_reshape_pattern: str | None, pre_reshape_lengths: dict[str, int] | None,
                                 post_reshape_pattern: str | None, post_reshape_lengths: dict[str, int] | None) -> None:
        self.pre_rearrange, self.post_rearrange = (
            None if pattern is None else Rearrange(pattern, **(lengths or {}))  # type: ignore[call-arg]
            for pattern, lengths in
            ((pre_reshape_pattern, pre_reshape_lengths), (post_reshape_pattern, post_reshape_lengths)))

    def forward(self, input: Any) -> Any:
        """The sums of products of input and weights, and the bias."""
        x = input if self.pre_rearrange is None else self.pre_rearrange(input)
        y = ops.linalg.einsum(self.einsum_pattern, x, self.weight)
        y = y if self.bias is None else y + self.bias
        return y if self.post_rearrange is None else self.post_rearrange(y)
