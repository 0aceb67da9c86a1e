"""Kernel bodies compiled by Numba, in files named as in `backend/cpu`.

They are optional: `minidl.backends.numba.enabled = True` imports this package. They are faster than NumPy for two
reasons: several passes over memory become one, and they do not hold Python's lock. Most of the arithmetic is in the
same matrix products. All are for single precision. What they do not take, such as a rare layout, is left to the bodies
in `backend/cpu`.

Numba compiles a function when it is first called, which takes seconds, and keeps the result on disk.
"""
from __future__ import annotations

from minidl.backend.compiled import (
    activation,
    attention,
    conv,
    conv_direct,
    flip,
    grid,
    group_norm,
    norm,
    pool,
    resize,
    rnn,
    softmax,
    update,
    waiting,
    winograd,
    winograd_4x4,
)

__all__ = ["activation", "attention", "conv", "conv_direct", "flip", "grid", "group_norm", "norm", "pool", "resize",
           "rnn", "softmax", "update", "waiting", "winograd", "winograd_4x4"]
