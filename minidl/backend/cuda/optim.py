"""Optimizers on the GPU: one launch updates all parameters that share their hyperparameters, a hundred at a time.

Sums of gradients too, which are work of the same form.
"""
from __future__ import annotations

import struct
import threading
from typing import Any

import cupy
import numpy as np

from minidl.backend.capture import Later
from minidl.backend.cuda.module import function, is_dense, is_real
from minidl.backend.device import Array
from minidl.backend.kernel import register
from minidl.backend.kernels.sums import add_to_each
from minidl.backend.together import at_end, is_together, together

BYTES = 4000            # of a table: as in optim.cu
THREADS = 256
MOST_BLOCKS = 256       # for one parameter; a thread goes on to the next element


class _Waiting(threading.local):
    """Updates that are put off: the learning rate, and the arrays of each parameter, by kernel and hyperparameters."""

    def __init__(self) -> None:
        self.groups: dict[tuple[Any, ...], tuple[Any, list[tuple[Array, ...]]]] = {}
        self.addresses: set[int] = set()        # of all these arrays


_waiting = _Waiting()


@register("sgd_update", "cupy")
def sgd_update_together(p: Array, g: Array, buffer: Array | None, settings: Any) -> Any:
    numbers = settings.momentum, settings.dampening, settings.weight_decay
    return _update("sgd", (p, g, buffer), (buffer is not None,), settings.lr, numbers, settings.nesterov,
                   settings.maximize)


@register("adam_update", "cupy")
def adam_update_together(p: Array, g: Array, m: Array, v: Array, v_max: Array | None, step: float,
                         settings: Any) -> Any:
    beta1, beta2 = settings.betas
    root = (1 - beta2 ** step) ** 0.5
    numbers = root / (1 - beta1 ** step), beta1, beta2, settings.eps * root, settings.weight_decay
    return _update("adam", (p, g, m, v, v_max), (v_max is not None,), settings.lr, numbers,
                   settings.decoupled_weight_decay, settings.maximize)


@register("rmsprop_update", "cupy")
def rmsprop_update_together(p: Array, g: Array, v: Array, mean: Array | None, buffer: Array | None,
                            settings: Any) -> Any:
    numbers = settings.alpha, settings.eps, settings.weight_decay, settings.momentum
    return _update("rmsprop", (p, g, v, mean, buffer), (mean is not None, buffer is not None), settings.lr, numbers,
                   settings.maximize)


@add_to_each.register("cupy")
def add_to_each_together(*arrays: Array) -> None:
    with together():
        for total, part in zip(arrays[::2], arrays[1::2]):
            if _update("add", (total, part), ()) is NotImplemented:
                update_waiting()            # which may read this total, or write it
                total += part
    update_waiting()


def _update(name: str, arrays: tuple[Array, ...], which: tuple[bool, ...], lr: Any = 0.0,
            numbers: tuple[Any, ...] = (), *flags: bool) -> Any:
    """Update a parameter, or put it off; all arrays must lie alike in memory, without gaps.

    `lr` may be an array of one number, and any number one of `Later`.
    """
    p = arrays[0]
    dtype, strides, addresses = p.dtype, p.strides, []
    for a in arrays:
        if a is not None:
            if a.dtype != dtype or a.strides != strides:
                return NotImplemented
            addresses.append(a.data.ptr)
    if not is_real(p) or not is_dense(p):
        return NotImplemented
    if not _waiting.addresses.isdisjoint(addresses):        # in one launch, the two would not come one after the other
        update_waiting()
    key = p.device.id, name, dtype, which, id(lr) if isinstance(lr, cupy.ndarray) else lr, numbers, flags
    _waiting.groups.setdefault(key, (lr, []))[1].append(arrays)
    _waiting.addresses.update(addresses)
    if not is_together():
        update_waiting()
    return None


def update_waiting() -> None:
    """Do the updates that were put off."""
    groups, _waiting.groups, _waiting.addresses = _waiting.groups, {}, set()
    for (device, name, dtype, which, _, numbers, flags), (lr, parameters) in groups.items():
        count = len(parameters[0])
        most = BYTES // (8 * (count + 1))
        kernel = function("optim.cu", name, dtype, *which)
        with cupy.cuda.Device(device):
            settings = (_numbers(lr, *numbers), *flags) if numbers else ()
            for start in range(0, len(parameters), most):
                part = [arrays for arrays in parameters[start:start + most] if arrays[0].size]
                if part:
                    largest = max(arrays[0].size for arrays in part)
                    blocks = min(-(-largest // THREADS), MOST_BLOCKS)
                    kernel((blocks, len(part)), (THREADS,), (_table(part, count, most), *settings))


def _table(parameters: list[tuple[Array, ...]], count: int, most: int) -> np.void:
    """A row of addresses for each kind of array, and one of sizes."""
    table = np.zeros((count + 1, most), np.uint64)
    for k, arrays in enumerate(zip(*parameters)):
        table[k, :len(arrays)] = [0 if a is None else a.data.ptr for a in arrays]
    table[count, :len(parameters)] = [arrays[0].size for arrays in parameters]
    return np.void(table.tobytes())


def _numbers(*numbers: Any) -> np.void:
    """Each number, or its place in memory of the GPU where it is an array or one of `Later`."""
    numbers = tuple(number.on_gpu("f8") if isinstance(number, Later) else number for number in numbers)
    values = [0.0 if isinstance(number, cupy.ndarray) else number for number in numbers]
    places = [number.data.ptr if isinstance(number, cupy.ndarray) else 0 for number in numbers]
    return np.void(struct.pack(f"{len(numbers)}d{len(numbers)}Q", *values, *places))


at_end.append(update_waiting)
