"""The order of products in `einsum` of three and more tensors (optional): `pip install opt_einsum`.

opt_einsum finds the order with the fewest operations, as it does for PyTorch; without it, `einsum` takes the pair whose
product adds the least memory, again and again. `enabled` switches it off, `strategy` is opt_einsum's `optimize`:
"auto", "greedy" or "optimal".

    >>> import minidl
    >>> minidl.backends.opt_einsum.enabled = minidl.backends.opt_einsum.is_available()
"""
from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from minidl.ops.linalg import contraction

STRATEGIES = ("auto", "greedy", "optimal")


def is_available() -> bool:
    """Whether opt_einsum is installed."""
    return importlib.util.find_spec("opt_einsum") is not None


def get_opt_einsum() -> Any:
    """The module opt_einsum, or None."""
    return importlib.import_module("opt_einsum") if is_available() else None


class _WithProperties(ModuleType):
    """A module with properties."""

    @property
    def enabled(self) -> bool:
        return contraction.find_order is not None

    @enabled.setter
    def enabled(self, on: Any) -> None:
        if on and not is_available():
            raise ValueError("backends.opt_einsum.enabled = True needs opt_einsum: pip install opt_einsum")
        contraction.find_order = _order if on else None

    @property
    def strategy(self) -> str:
        return _chosen[0]

    @strategy.setter
    def strategy(self, name: Any) -> None:
        if name not in STRATEGIES:
            raise ValueError(f"backends.opt_einsum.strategy expects one of {', '.join(STRATEGIES)}, but got {name!r}")
        _chosen[:] = [name]


_chosen = ["auto"]


def _order(inputs: Any, out: Any, size: dict[Any, int]) -> list[tuple[int, ...]]:
    return list(_path(tuple(map(tuple, inputs)), tuple(out), tuple(size.items()), _chosen[0]))


@functools.lru_cache(maxsize=1024)
def _path(inputs: Any, out: Any, size: Any, strategy: str) -> list[tuple[int, ...]]:
    """The positions of the factors to multiply, step by step; a product goes to the end."""
    package, sizes = importlib.import_module("opt_einsum"), dict(size)
    letter = {label: package.get_symbol(i) for i, label in enumerate(sizes)}
    terms = ["".join(letter[i] for i in labels) for labels in (*inputs, out)]
    shapes = [tuple(sizes[i] for i in labels) for labels in inputs]
    path = package.contract_path(f"{','.join(terms[:-1])}->{terms[-1]}", *shapes, shapes=True, optimize=strategy)[0]
    return path if all(len(step) == 2 for step in path) else []


enabled: bool       # declared for type checkers: they are the properties
strategy: str
sys.modules[__name__].__class__ = _WithProperties
sys.modules[__name__].enabled = is_available()    # type: ignore[attr-defined]
