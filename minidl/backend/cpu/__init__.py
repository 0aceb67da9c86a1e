"""Faster kernel bodies for NumPy arrays, one file for each file of `backend/kernels` that profits."""
from __future__ import annotations

from minidl.backend.cpu import conv, lu, norm, pool, scan, scatter, scatter_reduce, special

__all__ = ["conv", "lu", "norm", "pool", "scan", "scatter", "scatter_reduce", "special"]
