"""Likely reasons why a state dict does not fit a module.

One cause, such as a prefix, often stands behind many errors.
"""
from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from minidl.nn.parameter import is_lazy

_SAVED_BY = {"module.": ", as DataParallel and DistributedDataParallel save them",
             "_orig_mod.": ", as torch.compile saves them"}
_CONSUME = "nn.modules.utils.consume_prefix_in_state_dict_if_present"
_SHOWN = 4      # keys that an error lists
_FROM_KERAS = {2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1), 5: (4, 3, 0, 1, 2)}
"""The permutation from weights of Keras' Dense, Conv1D, Conv2D and Conv3D to ours, by dimensions."""


def not_a_dict_message(value: Any) -> str:
    """The error message for a state dict that is no dict."""
    if hasattr(value, "state_dict"):
        hint = " Try its state_dict()."
    elif isinstance(value, (str, os.PathLike)):
        hint = " Try minidl.load(path), which reads it from a file."
    else:
        hint = ""
    return f"Expected state_dict to be dict-like, got {type(value)}.{hint}"


def likely_causes(state: Mapping[str, Any], present: Mapping[str, Any]) -> Iterator[str]:
    """Likely causes of different keys or shapes, with remedies; perhaps none."""
    if {"state", "param_groups"} <= state.keys():
        yield "This is the state of an optimizer: optimizer.load_state_dict takes it."
    elif {"base_lrs", "last_epoch"} <= state.keys():
        yield "This is the state of a learning rate schedule: scheduler.load_state_dict takes it."
    elif not present.keys() <= state.keys():
        yield from _find_keys(state, present.keys())
    transposed = [key for key, tensor in present.items() if key in state and _fits_after_permute(state[key], tensor)]
    if transposed:
        value = state[transposed[0]]
        method = "permute" if hasattr(value, "permute") else "transpose"
        yield (f"With the axes in another order these would fit: {_list_keys(transposed)}. Keras, TensorFlow and JAX "
               f"keep weights with the outputs last: try value.{method}{_FROM_KERAS[len(value.shape)]}.")


def _find_keys(state: Mapping[str, Any], wanted: Collection[str]) -> Iterator[str]:
    """Find where the wanted keys are."""
    places = list(_find_nested(state, wanted, "state_dict"))
    prefix, surplus = common_prefix(state, wanted), common_prefix(wanted, state)
    if places:
        yield f"The state dict stands under a key of this one: try load_state_dict({' or '.join(places)})."
    elif prefix:
        yield (f'The keys begin with "{prefix}"{_SAVED_BY.get(prefix, "")}: try {_CONSUME}(state_dict, "{prefix}") '
               f"before it is loaded.")
    elif surplus:
        yield (f'The keys of this module begin with "{surplus}", and those of the state dict do not: try '
               f'module.get_submodule("{surplus[:-1]}").load_state_dict(state_dict).')
    elif any(_unwrapped(key) != key for key in state) and set(wanted) <= {_unwrapped(key) for key in state}:
        yield ('Some keys have a "module." or "_orig_mod." in them, as DistributedDataParallel and torch.compile save '
               'parts of a model: try {re.sub(r"\\b(module|_orig_mod)\\.", "", key): value for key, value in '
               "state_dict.items()}.")


def common_prefix(keys: Collection[str], wanted: Collection[str]) -> str | None:
    """The prefix in `keys` of every wanted key; None if there is no common one.

        >>> common_prefix(["module.weight", "module.bias"], ["weight", "bias"])
        'module.'
    """
    keys, wanted = ({key for key in names if isinstance(key, str)} for names in (keys, wanted))
    for prefix in _SAVED_BY:
        if keys and all(key.startswith(prefix) for key in keys) and any(prefix + key in keys for key in wanted):
            return prefix
    longest = max(wanted, key=len, default=None)
    for key in sorted(keys, key=len):
        if longest is not None and key.endswith(f".{longest}"):
            prefix = key[:-len(longest)]
            if all(f"{prefix}{other}" in keys for other in wanted):
                return prefix
    return None


def _find_nested(state: Mapping[str, Any], wanted: Collection[str], path: str, depth: int = 3) -> Iterator[str]:
    """Paths of nested dicts with the wanted keys, perhaps behind a prefix."""
    for key, value in state.items():
        if isinstance(value, Mapping) and depth:
            here = f"{path}[{key!r}]"
            if any(name in value for name in wanted) or common_prefix(value, wanted):
                yield here
            else:
                yield from _find_nested(value, wanted, here, depth - 1)


def _unwrapped(key: Any) -> Any:
    return re.sub(r"\b(module|_orig_mod)\.", "", key) if isinstance(key, str) else key


def _fits_after_permute(value: Any, tensor: Any) -> bool:
    if is_lazy(tensor):
        return False
    shape, wanted = tuple(getattr(value, "shape", ())), tuple(tensor.shape)
    return shape != wanted and len(shape) in _FROM_KERAS and tuple(shape[i] for i in _FROM_KERAS[len(shape)]) == wanted


def _list_keys(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if keys[_SHOWN:] else "")
