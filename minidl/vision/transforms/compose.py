"""Several transforms as one: all in order, or some at random."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidl.nn.module import Module
from minidl.vision.transforms.draws import draw_order, draw_uniform

Transform = Callable[[Any], Any]


def _repr_lines(name: str, lines: Iterable[object]) -> str:
    return "\n".join([f"{name}(", *(f"    {line}" for line in lines), ")"])


class Compose:
    """Transforms one after the other.

        >>> Compose([abs, float])(-3)
        3.0
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _repr_lines(type(self).__name__, self.transforms)


class Lambda:
    """Your own function as a transform. Errors: TypeError unless it can be called."""

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomApply(Module):
    """All transforms, one after the other, with probability p; else none."""

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        if draw_uniform() >= self.p:
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _repr_lines(type(self).__name__, [f"p={self.p}", *self.transforms])


class _RandomTransforms:
    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self) -> str:
        return _repr_lines(type(self).__name__, self.transforms)


class RandomOrder(_RandomTransforms):
    """All transforms, in random order. Errors: TypeError unless they are a sequence."""

    def __call__(self, img: Any) -> Any:
        for i in draw_order(len(self.transforms)):
            img = self.transforms[i](img)
        return img


class RandomChoice(_RandomTransforms):
    """One random transform, with probabilities in proportion to p. Errors: TypeError unless both are sequences."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        if p is not None and (len(p) != len(transforms) or min(p) < 0 or sum(p) <= 0):
            raise ValueError(f"RandomChoice: expected {len(transforms)} weights, one above zero at least, got p={p}")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        return self.transforms[draw_choice([1.0] * len(self.transforms) if self.p is None else self.p)](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


def draw_choice(weights: Sequence[float]) -> int:
    """Draw an index, with probabilities in proportion to the weights."""
    point = draw_uniform(0, sum(weights))
    possible = [i for i, weight in enumerate(weights) if weight > 0]
    edges = list(itertools.accumulate(weights))
    return next((i for i in possible if point < edges[i]), possible[-1])
