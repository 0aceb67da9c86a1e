"""Prepare a state dict for loading."""
from __future__ import annotations

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


def _consume(values: dict[str, Any], prefix: str) -> None:
    for key in list(values):
        if key.startswith(prefix):
            values[key[len(prefix):]] = values.pop(key)
