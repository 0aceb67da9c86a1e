"""The parts of error messages about an op: its inputs, its devices, where it was recorded."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.around import around_ops
from minidl.autograd.tensorbase import SparseBase, TensorBase
from minidl.backend.device import ArrayLibrary, array_module, device_of, is_array, on_register

if TYPE_CHECKING:
    from minidl.autograd.op import Op


def describe(arrays: Any) -> str:
    """The shape, dtype and device of every input of an op, as text."""
    return ", ".join(f"{tuple(a.shape)} {a.dtype} on {device_of(a)}" if hasattr(a, "dtype") else repr(a)
                     for a in arrays)


def check_arrays(who: str, inputs: Any) -> None:
    """Raise TypeError if none of the inputs of an op is a tensor or an array."""
    if not any(is_array(x) for x in inputs):
        raise TypeError(f"{who}(): expected a Tensor, but got {', '.join(type(x).__name__ for x in inputs)}; "
                        f"try minidl.tensor(...) on it first")


def check_devices(who: str, inputs: Any) -> None:
    """Raise RuntimeError if the inputs of an op are on different devices."""
    if {*map(type, inputs)} == {np.ndarray}:    # of every gradient that is stored: no device is asked
        return
    found = [device_of(x) for x in inputs if is_array(x)]
    if all(device is found[0] for device in found):
        return
    devices = list(dict.fromkeys(map(str, found)))
    if len(devices) > 1:
        raise RuntimeError(f"{who}: Expected all tensors to be on the same device, but found {' and '.join(devices)}: "
                           f"inputs {describe(inputs)}; move some with .to(device)") from None


def guard_devices(who: str, inputs: Any) -> None:
    """Make the device of the inputs of an op current, where their library has several.

    CuPy computes on the current device, wherever its operands are. Errors: RuntimeError for inputs on several.
    """
    chosen = None
    for x in inputs:
        array = x.array if isinstance(x, TensorBase) else x
        if type(array) in guarded:
            device = array.device
            if chosen is None:
                chosen = device
                guarded[type(array)].select(array)
            elif device != chosen:
                check_devices(who, [getattr(x, "array", x) for x in inputs])


guarded: dict[type, ArrayLibrary] = {}      # the libraries with several devices, by the type of their arrays


def guard_library(library: ArrayLibrary) -> None:
    """Guard the ops on arrays of a library, if it has several devices."""
    if library.several:
        guarded[library.array_type] = library
    else:
        guarded.pop(library.array_type, None)
    around_ops.set_guard(guard_devices if guarded else None)


on_register.append(guard_library)


def annotate(error: Exception, note: str) -> None:
    """Add a line to the text of an error."""
    if hasattr(error, "add_note"):  # Python 3.11
        error.add_note(note)
    elif error.args and str(error) == error.args[0]:   # not a KeyError, whose argument is the key
        error.args = (f"{error.args[0]}\n{note}", *error.args[1:])


# ---------------------------------------------------------------------- anomaly mode

def where_recorded(op: Op) -> str:
    """The lines of the program that recorded the op, if anomaly mode was on."""
    return "" if op.recorded_at is None else \
        ", which was recorded here (most recent call last):\n" + "".join(op.recorded_at)


def check_nan(op: Op, passed: Sequence[Any]) -> None:
    """Raise RuntimeError if a gradient that the op passes back has a NaN."""
    for i, gx in enumerate(passed):
        if gx is not None:
            array = getattr(gx, "array", gx)
            if isinstance(array, SparseBase):
                array = array.stored.array
            if bool(array_module(array).isnan(array).any()):
                raise RuntimeError(f"Function '{op.name()}' returned nan values in its {i}th output"
                                   + where_recorded(op))
