"""Several runs with other sizes and other values, laid side by side.

What is the same in all of them is a fact about the model. A whole number that differs is a `Size`: it depends on a
dynamic axis, and the graph computes it. Anything else that differs was computed outside of minidl's ops, or drawn at
random, and cannot be exported.
"""
from __future__ import annotations

import types
from typing import Any

import numpy as np

from minidl.onnx.library import refusal
from minidl.onnx.watch import Source


class Size:
    """A whole number that depends on dynamic axes: its value in each run."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        return f"Size{self.values}"

    def _with(self, other: Any, function: Any) -> Any:
        others = other.values if isinstance(other, Size) else (other,) * len(self.values)
        return size_of([function(a, b) for a, b in zip(self.values, others)])

    def __add__(self, other: Any) -> Any: return self._with(other, lambda a, b: a + b)
    def __radd__(self, other: Any) -> Any: return self._with(other, lambda a, b: b + a)
    def __sub__(self, other: Any) -> Any: return self._with(other, lambda a, b: a - b)
    def __rsub__(self, other: Any) -> Any: return self._with(other, lambda a, b: b - a)
    def __mul__(self, other: Any) -> Any: return self._with(other, lambda a, b: a * b)
    def __rmul__(self, other: Any) -> Any: return self._with(other, lambda a, b: b * a)
    def __floordiv__(self, other: Any) -> Any: return self._with(other, lambda a, b: a // b)
    def __rfloordiv__(self, other: Any) -> Any: return self._with(other, lambda a, b: b // a)
    def __mod__(self, other: Any) -> Any: return self._with(other, lambda a, b: a % b)
    def __lt__(self, other: Any) -> bool: return all(a < b for a, b in self._pairs(other))
    def __ge__(self, other: Any) -> bool: return all(a >= b for a, b in self._pairs(other))

    def _pairs(self, other: Any) -> Any:
        return zip(self.values, other.values if isinstance(other, Size) else (other,) * len(self.values))


def size_of(values: Any) -> Any:
    """A Size, or an int where all runs agree."""
    return int(values[0]) if all(value == values[0] for value in values) else Size(tuple(int(n) for n in values))


class Varying:
    """A constant whose shape depends on dynamic axes: its array in each run."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.arrays = arrays


class Side:
    """An object among an op's attributes: the one of each run."""

    def __init__(self, objects: list[Any]) -> None:
        self.objects = objects


def merged(values: list[Any], where: str) -> Any:
    """One value for all runs: the same, or with a Size where whole numbers differ.

    where: what errors name.
    """
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        raise refusal(f"{where}: what it is given differs from run to run ({type(first).__name__} or "
                                f"{type(values[-1]).__name__}): does the model look at values, or at sizes?")
    if isinstance(first, Source):
        return _merged_source(values, where)
    if isinstance(first, (bool, str, float, type(None), complex)) or first is Ellipsis:
        if any(value != first and not (value != value and first != first) for value in values):
            raise refusal(f"{where}: the value {first!r} of one run is {values[-1]!r} in another, with other "
                                    f"inputs; only whole numbers may depend on a dynamic axis")
        return first
    if isinstance(first, (int, np.integer)):
        return size_of(values)
    if isinstance(first, (tuple, list)):
        if any(len(value) != len(first) for value in values):
            return Varying([np.array(0)])
        parts = [merged(list(parts), where) for parts in zip(*values)]
        return like(first, parts)
    if isinstance(first, slice):
        return slice(*[merged([getattr(value, name) for value in values], where) for name in ("start", "stop", "step")])
    if isinstance(first, (np.dtype, type, types.FunctionType)):
        return first
    return Side(values)


def like(value: Any, parts: list[Any]) -> Any:
    """The parts as a list, a tuple, or a named tuple, as `value` is."""
    if hasattr(value, "_make"):
        return value._make(parts)
    return parts if isinstance(value, list) else tuple(parts)


def _merged_source(values: list[Source], where: str) -> Any:
    first = values[0]
    kinds = {value.kind for value in values}
    if len(kinds) > 1:
        raise refusal(f"{where}: an input comes from a {' or a '.join(sorted(kinds))}, from run to run: does "
                                f"the model look at values, or at sizes?")
    if first.kind == "number":
        return Source("number", merged([value.key for value in values], where))
    if first.kind == "constant":
        arrays = [value.key for value in values]
        same_shape = all(array.shape == arrays[0].shape for array in arrays)
        if same_shape and all(np.array_equal(array, arrays[0], equal_nan=array.dtype.kind in "fc") for array in arrays):
            return first
        if same_shape:
            raise refusal(
                f"{where}: a tensor of shape {arrays[0].shape} among its inputs changes with the values that the model "
                f"is given, or by chance, but no op of minidl made it. Compute it with tensors, not with NumPy, "
                f".item() or .tolist(), or hand it to the model as an input")
        return Source("constant", Varying(arrays))
    if any((value.kind, value.slot) != (first.kind, first.slot) for value in values) or \
            first.kind != "step" and any(value.key != first.key for value in values):
        raise refusal(f"{where}: an input comes from another place from run to run: does the model look at "
                                f"values, or at sizes?")
    return first
