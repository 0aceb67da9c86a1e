"""Stochastic depth: training skips random branches of a residual network."""
from __future__ import annotations

from minidl.nn.module import Module
from minidl.ops.base import check_floating
from minidl.ops.random import Dropout
from minidl.ops.random.dropouts import draw_mask
from minidl.tensors.tensor import Tensor


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """Set a whole sample to 0 with probability p, else divide it by 1 - p.

    When not training: `input` itself. input (N, *): the output of a residual branch. mode: "row" decides for each
    sample, "batch" for all at once.
    Errors: ValueError where p is not between 0 and 1, for another mode, or for a single number in "row" mode.
    Source: Huang et al., "Deep Networks with Stochastic Depth", 2016, https://arxiv.org/abs/1603.09382

        >>> import minidl
        >>> from minidl.vision import ops
        >>> y = ops.stochastic_depth(minidl.ones(100, 2), 0.5, "row")
        >>> set(map(tuple, y.tolist())) == {(0.0, 0.0), (2.0, 2.0)}
        True
    """
    check_floating("stochastic_depth", input=input)
    if not 0 <= p <= 1:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0:
        return input
    if mode == "row" and not input.ndim:
        raise ValueError("stochastic_depth: mode 'row' needs an input (N, *), but got a single number")
    shape = (len(input), *[1] * (input.ndim - 1)) if mode == "row" else (1,) * input.ndim
    return Dropout()(input, draw_mask(input.array, shape, p, 1 / (1 - p) if p < 1 else 0.0))


class StochasticDepth(Module):
    """`stochastic_depth` as a layer, at the end of a residual branch.

        >>> from minidl.vision import ops
        >>> ops.StochasticDepth(0.2, "row")
        StochasticDepth(p=0.2, mode=row)
    """

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"
