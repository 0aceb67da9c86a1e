"""Faster kernel bodies for NumPy arrays, in files named as in `backend/kernels`."""
from __future__ import annotations

from minidl.backend.cpu import (
    activation,
    attention,
    conv,
    distance,
    elementwise,
    flip,
    grid,
    group_norm,
    layout,
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
    sparse,
    special,
    sums,
    winograd,
)

__all__ = [
    "activation", "attention", "conv", "distance", "elementwise", "flip", "grid", "group_norm", "layout", "lu",
    "matmul", "norm", "pool", "resize", "rnn", "scan", "scatter", "scatter_reduce", "softmax", "sparse", "special",
    "sums", "winograd",
]
