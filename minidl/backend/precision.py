"""The precision of float32 products and convolutions, as `set_float32_matmul_precision` sets it."""
from __future__ import annotations

WORDS = ("highest", "high", "medium")

float32_matmul = "highest"      # with another word, kernels may lose some digits where that is faster
