"""Faster kernel bodies for NumPy arrays, one file for each file of `backend/kernels` that profits."""
from __future__ import annotations

from minidl.backend.cpu import (
    activation,
    attention,
    conv,
    distance,
    elementwise,
    lu,
    matmul,
    norm,
    pool,
    resize,
    rnn,
    scan,
    scatter,
    scatter_reduce,
    softmax,
    special,
    winograd,
)

__all__ = [
    "activation", "attention", "conv", "distance", "elementwise", "lu", "matmul", "norm", "pool", "resize", "rnn",
    "scan", "scatter", "scatter_reduce", "softmax", "special", "winograd",
]
