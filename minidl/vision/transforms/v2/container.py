"""Several transforms as one: all in order, or some at random."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.nn.module.container import ModuleList
from minidl.vision.transforms import compose as v1
from minidl.vision.transforms.draws import draw_order, draw_uniform
from minidl.vision.transforms.v2.transform import Transform

Transforms = Sequence[Callable[..., Any]]


def _check(transforms: Any, lists: bool = False) -> None:
    if not isinstance(transforms, Sequence) and not (lists and isinstance(transforms, ModuleList)):
        raise TypeError(f"Argument transforms should be a sequence of callables{' or a `nn.ModuleList`' * lists}")
    if len(transforms) == 0:
        raise ValueError("Pass at least one transform")


def _apply(transforms: Any, inputs: tuple[Any, ...]) -> Any:
    """One after the other. Several inputs stay several."""
    several = len(inputs) > 1
    for transform in transforms:
        result = transform(*inputs)
        inputs = result if several else (result,)
    return inputs if several else inputs[0]


class _Listed(Transform):
    """Base class: printed with one transform a line."""

    transforms: Any

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class Compose(_Listed):
    """Transforms one after the other. Errors: TypeError unless they are a sequence, ValueError for none.

        >>> Compose([abs, float])(-3)
        3.0
    """

    def __init__(self, transforms: Transforms) -> None:
        super().__init__()
        _check(transforms)
        self.transforms = transforms

    def forward(self, *inputs: Any) -> Any:
        return _apply(self.transforms, inputs)


class RandomApply(_Listed):
    """All transforms, one after the other, with probability p; else none."""

    _v1_transform_cls = v1.RandomApply

    def __init__(self, transforms: Transforms | ModuleList, p: float = 0.5) -> None:
        super().__init__()
        _check(transforms, lists=True)
        self.transforms = transforms
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        return _apply(self.transforms if draw_uniform() < self.p else (), inputs)


class RandomChoice(Transform):
    """One random transform, with probabilities in proportion to p."""

    def __init__(self, transforms: Transforms, p: Sequence[float] | None = None) -> None:
        _check(transforms)
        weights = [1.0] * len(transforms) if p is None else list(p)
        if len(weights) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(weights)} != "
                             f"{len(transforms)}")
        super().__init__()
        self.transforms = transforms
        self.p = [weight / sum(weights) for weight in weights]

    def forward(self, *inputs: Any) -> Any:
        return self.transforms[v1.draw_choice(self.p)](*inputs)


class RandomOrder(Transform):
    """All transforms, in random order."""

    def __init__(self, transforms: Transforms) -> None:
        _check(transforms)
        super().__init__()
        self.transforms = transforms

    def forward(self, *inputs: Any) -> Any:
        return _apply([self.transforms[i] for i in draw_order(len(self.transforms))], inputs)
