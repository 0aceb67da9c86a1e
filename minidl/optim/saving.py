"""The state dict of an optimizer, in PyTorch's format: parameters are numbered through all groups.

    {"state": {0: {"step": 3, "exp_avg": ...}, ...}, "param_groups": [{"lr": 0.1, ..., "params": [0, 1]}, ...]}
"""
from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import is_array, move
from minidl.backend.dtype import real_of
from minidl.ops.sparse import SparseTensor
from minidl.optim.checks import check_numbers, checked, plain_numbers
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.optim.optimizer import Optimizer


def pack_state(optimizer: Optimizer) -> dict[str, Any]:
    """The state dict. Its Tensors are the optimizer's own."""
    number: dict[int, int] = {}
    groups = []
    for group in optimizer.param_groups:
        for p in group["params"]:
            number.setdefault(id(p), len(number))
        groups.append({**group, "params": [number[id(p)] for p in group["params"]]})
        groups[-1]["params"] = groups[-1].pop("params")     # last, as in PyTorch
    return {"state": {number[id(p)] if isinstance(p, Tensor) else p: dict(state)
                      for p, state in optimizer.state.items() if state},
            "param_groups": groups}


def unpack_state(optimizer: Optimizer,
                 state_dict: Mapping[str, Any]) -> tuple[defaultdict[Any, Any], list[dict[str, Any]]]:
    """Copies of the state and the groups in a state dict. The optimizer does not change.

    Errors: KeyError, TypeError or ValueError if it is no state dict of such an optimizer.
    """
    _check_format(state_dict)
    saved, present = state_dict["param_groups"], optimizer.param_groups
    _check_sizes(saved, present)
    groups = [{**old, **{name: checked(name, copy.deepcopy(value)) for name, value in new.items()},
               "params": old["params"]} for new, old in zip(saved, present)]
    for group in groups:
        check_numbers(plain_numbers(group), type(optimizer))
    place_of = {number: (p, group) for new, group in zip(saved, groups)
                for number, p in zip(new["params"], group["params"])}
    state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for key, values in state_dict["state"].items():
        p, group = place_of.get(key, (None, {}))
        loaded = {name: _load_entry(value, p, name in optimizer.number_state) for name, value in values.items()}
        if p is not None and loaded:
            try:
                optimizer.check_state(loaded, p, plain_numbers(group))
            except (KeyError, TypeError, ValueError) as error:
                raise type(error)(f"{type(optimizer).__name__}: the loaded state of parameter {key} "
                                  f"{error.args[0]}") from None
        state[key if p is None else p] = loaded
    return state, groups


def _load_entry(value: Any, p: Tensor | None, is_number: bool) -> Any:
    """A copy of one entry of a saved state, in the dtype and on the device of `p`."""
    if isinstance(value, list):
        return [_load_entry(v, p, is_number) for v in value]
    if isinstance(value, SparseTensor):
        return value.clone() if p is None else value.to(p.device, p.dtype).clone()
    if isinstance(value, Tensor):
        array = value.array
    elif is_array(value) or hasattr(value, "__array__"):    # also PyTorch's tensors
        array = value if is_array(value) else np.asarray(value)
    else:
        return copy.deepcopy(value)
    if is_number:
        return wrap(np.array(array.item(), array.dtype)) if array.size == 1 else wrap(array.copy())
    if p is None:
        return wrap(array.copy())
    dtype = {"f": real_of(p.dtype), "c": p.dtype}.get(array.dtype.kind, array.dtype)
    return wrap(move(array, p.device).astype(dtype))


def _check_format(state_dict: Mapping[str, Any]) -> None:
    """Raise KeyError or TypeError if this is no state dict of an optimizer."""
    if not {"state", "param_groups"} <= state_dict.keys():
        inner = [key for key, value in state_dict.items()
                 if isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys()]
        hint = f"; such a dict stands under {' and '.join(map(repr, inner))}" if inner else ""
        raise KeyError(f"load_state_dict: expected the state dict of an optimizer, with the keys 'state' and "
                       f"'param_groups', but got {str(list(state_dict)[:8])[:-1]}"
                       f"{', ...' if len(state_dict) > 8 else ''}]{hint}")
    state, groups = state_dict["state"], state_dict["param_groups"]
    if not isinstance(state, Mapping) or not all(isinstance(values, Mapping) for values in state.values()):
        raise TypeError("load_state_dict: expected 'state' to be a dict with a dict for each parameter that has one")
    if not isinstance(groups, (list, tuple)) or not all(isinstance(group, Mapping) for group in groups):
        raise TypeError("load_state_dict: expected 'param_groups' to be a list of dicts")
    for group in groups:
        if "params" not in group:
            raise KeyError(f"load_state_dict: expected the numbers of a group's parameters under 'params', but got the "
                           f"keys {list(group)}")


def _check_sizes(saved: list[dict[str, Any]], present: list[dict[str, Any]]) -> None:
    """Raise ValueError unless the numbers of groups, and of parameters in each group, are equal."""
    if len(saved) != len(present):
        raise ValueError(f"loaded state dict has a different number of parameter groups: {len(saved)}, expected "
                         f"{len(present)}")
    for new, old in zip(saved, present):
        if len(new["params"]) != len(old["params"]):
            raise ValueError(f"loaded state dict contains a parameter group that doesn't match the size of "
                             f"optimizer's group: {len(new['params'])} parameters, expected {len(old['params'])}")
