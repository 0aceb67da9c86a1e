"""Samples as trees: dicts, lists, tuples, named tuples, deques and dataclasses of leaves."""
from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

Rebuild = Callable[[Sequence[Any]], Any]


def flatten(sample: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a sample, depth first, and a function that builds the like of it from other leaves.

        >>> leaves, rebuild = flatten({"a": 1, "b": [2, (3,)]})
        >>> rebuild([10 * leaf for leaf in leaves])
        {'a': 10, 'b': [20, (30,)]}
    """
    if isinstance(sample, dict):
        return _parts(list(sample.values()), lambda values: _filled(sample, zip(sample, values)))
    if dataclasses.is_dataclass(sample) and not isinstance(sample, type):
        names = [field.name for field in dataclasses.fields(sample)]
        return _parts([getattr(sample, name) for name in names],
                      lambda values: _with_fields(sample, zip(names, values)))
    if isinstance(sample, tuple) and hasattr(sample, "_make"):
        return _parts(list(sample), type(sample)._make)     # type: ignore[attr-defined]
    if type(sample) in (list, tuple):
        return _parts(list(sample), type(sample))
    if isinstance(sample, deque):
        return _parts(list(sample), lambda values: deque(values, sample.maxlen))
    return [sample], lambda values: values[0]


def _parts(parts: list[Any], make: Callable[[list[Any]], Any]) -> tuple[list[Any], Rebuild]:
    flat = [flatten(part) for part in parts]

    def rebuild(values: Sequence[Any]) -> Any:
        supply = iter(values)
        return make([inner([next(supply) for _ in leaves]) for leaves, inner in flat])
    return [leaf for leaves, _ in flat for leaf in leaves], rebuild


def _filled(sample: dict[Any, Any], items: Any) -> Any:
    result = copy.copy(sample)      # an OrderedDict, or a defaultdict with its factory
    for key, value in items:
        result[key] = value
    return result


def _with_fields(sample: Any, items: Any) -> Any:
    result = copy.copy(sample)
    for name, value in items:
        object.__setattr__(result, name, value)     # of a frozen one, too
    return result
