"""What layers share: one number for all axes, and state dicts prepared for loading."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["consume_prefix_in_state_dict_if_present"]


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Remove a prefix from the keys that have it, in place.

    PyTorch's DataParallel and DistributedDataParallel save keys that begin with "module."; its `compile` saves keys
    that begin with "_orig_mod.".

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.modules.utils import consume_prefix_in_state_dict_if_present
        >>> state_dict = {"module.weight": minidl.ones(1, 2), "module.bias": minidl.zeros(1)}
        >>> consume_prefix_in_state_dict_if_present(state_dict, "module.")
        >>> nn.Linear(2, 1).load_state_dict(state_dict)
        <All keys matched successfully>
    """
    _consume(state_dict, prefix)
    versions = getattr(state_dict, "_metadata", {})     # by path, without a dot at the end
    if prefix.removesuffix(".") in versions:
        versions[""] = versions.pop(prefix.removesuffix("."))
    _consume(versions, prefix)


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that makes n equal entries of a number, and a tuple of several: `_ntuple(2)(3)` is `(3, 3)`."""
    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n
    parse.__name__ = name
    return parse


_single, _pair, _triple, _quadruple = (
    _ntuple(n, name) for n, name in enumerate(("_single", "_pair", "_triple", "_quadruple"), 1))


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The entries from the last to the first, each n times: padding of the last axis comes first in `pad`."""
    return tuple(x for x in reversed(t) for _ in range(n))


def _list_with_default(out_size: Any, defaults: list[int]) -> Any:
    """Sizes in which None stands for the default of that axis."""
    if isinstance(out_size, (int, float)):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    return [d if size is None else size for size, d in zip(out_size, defaults[-len(out_size):])]


def _consume(values: dict[str, Any], prefix: str) -> None:
    for key in list(values):
        if key.startswith(prefix):
            values[key[len(prefix):]] = values.pop(key)
