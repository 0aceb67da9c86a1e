"""Kernel bodies compiled by Numba, one file for each file of `backend/cpu` that profits by it.

They are an extra, off until asked for: `minidl.backends.numba.enabled = True` imports this package. What they win over
NumPy is memory traffic, for several passes become one, and Python's lock, which they let go of from beginning to
end. The arithmetic that counts is done by the same matrix products. All are for single precision; whatever else they
do not take, such as a layout that is rare, is left to the bodies in `backend/cpu`.

Numba compiles a function when it is first called, which takes seconds, and keeps the result on disk.
"""
from __future__ import annotations

from minidl.backend.compiled import activation, attention, conv, norm, pool, rnn, softmax, update, winograd

__all__ = ["activation", "attention", "conv", "norm", "pool", "rnn", "softmax", "update", "winograd"]
