"""Change the dtype or the device of a tensor. Each op is its own gradient."""
from __future__ import annotations

from typing import Any

from minidl.autograd.basic_ops import Cast
from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, Device, device_of, move, same_device
from minidl.backend.warn import warn


class Move(Op):
    """x on another device."""

    complex_rules = "as written"
    layout = AS_INPUTS

    def __init__(self, device: Device, non_blocking: bool = False) -> None:
        self.device, self.non_blocking = device, non_blocking

    def forward(self, x: Array) -> Array:
        self.x_device = device_of(x)
        return move(x, self.device, self.non_blocking)

    def grad_x(self, g: Value) -> Value:
        return Move(self.x_device)(g)


def cast(x: Any, dtype: Any) -> Any:
    """Return `x` in `dtype`, itself if it has it. Warns if complex numbers lose their imaginary part."""
    old = (x.array if isinstance(x, TensorBase) else x).dtype
    if old is dtype:
        return x
    if old.kind == "c" and dtype.kind not in "cb":
        warn("Casting complex values to real discards the imaginary part; x.real says so without a warning")
    return x if old == dtype else Cast(dtype)(x)


def to_device(x: Any, device: Device, non_blocking: bool = False) -> Any:
    """Return `x` on `device`, itself if it is there already; with `non_blocking`, pinned memory may be read later."""
    return x if same_device(x.device, device) else Move(device, non_blocking)(x)
