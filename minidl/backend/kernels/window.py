"""Sliding windows: the geometry that convolution and pooling share.

A window is a grid of kernel taps. Tap u of output row i reads input row `i*stride - padding + u*dilation`.
So, for one tap, the output rows that read inside the input are a slice, and so are the input rows that they
read. Every kernel is a short loop over taps that pairs these two slices. Padding is never stored.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Pair = tuple[int, int]


class Tap(NamedTuple):
    """One element (u, v) of the kernel, and what it connects: `y[target]` reads `x[source]`.

    Both are indices `(..., rows, columns)`, so any number of leading axes is allowed.
    """

    u: int
    v: int
    target: tuple[Any, ...]
    source: tuple[Any, ...]


def window_taps(size: Pair, out_size: Pair, kernel: Pair, stride: Pair, padding: Pair,
                dilation: Pair) -> Iterator[Tap]:
    """The taps of a 2-d kernel in row-major order, without those that read nothing but padding."""
    rows, columns = (list(axis_taps(*axis)) for axis in zip(
        size, out_size, kernel, stride, padding, dilation, strict=True))
    for u, target_rows, source_rows in rows:
        for v, target_columns, source_columns in columns:
            yield Tap(u, v, (..., target_rows, target_columns), (..., source_rows, source_columns))


def axis_taps(size: int, out_size: int, kernel: int, stride: int, padding: int,
              dilation: int) -> Iterator[tuple[int, slice, slice]]:
    """The taps along one axis: each u, the slice of outputs, and the slice of inputs that they read."""
    for u in range(kernel):
        shift = u * dilation - padding                  # output i reads input i*stride + shift
        first = max(0, -(shift // stride))              # the least i with i*stride + shift >= 0
        end = min(out_size, (size - 1 - shift) // stride + 1)
        if first < end:
            start = first * stride + shift
            yield u, slice(first, end), slice(start, start + (end - first - 1) * stride + 1, stride)
