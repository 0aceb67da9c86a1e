"""Normalize the dimensions a caller names (`-1`, `(0, -2)`, None) to axis numbers."""
from __future__ import annotations

import operator
from typing import Any


def normalize_dim(dim: Any, ndim: int, who: str) -> int:
    """Count `dim` from the front: `-1` of a 3-D tensor is 2.

    A tensor without dimensions takes 0 and -1, as in PyTorch; check `ndim == 0` before you use the result as an
    axis. Errors: IndexError where there is no such dimension, TypeError where `dim` is not an integer.

        >>> normalize_dim(-1, 3, "sum")
        2
    """
    try:
        index = operator.index(dim)
    except TypeError:
        got = f"{dim!r} ({type(dim).__name__})"
        if hasattr(dim, "shape"):
            got = f"a {type(dim).__name__} of shape {tuple(dim.shape)}; several tensors go into a list, {who}([a, b])"
        raise TypeError(f"{who}: dim must be an int, or for some functions a tuple of ints, but got {got}") from None
    size = max(ndim, 1)
    if not -size <= index < size:
        raise IndexError(f"{who}: Dimension out of range (expected to be in range of "
                         f"[{-size}, {size - 1}], but got {index})")
    return index + size if index < 0 else index


def normalize_dims(dim: Any, ndim: int, who: str) -> tuple[int, ...]:
    """Return dims (one, several, or None for all) as axis numbers, in the order given.

    For a tensor without dimensions the result is `()`, for any valid dim. Errors: as `normalize_dim`, and
    RuntimeError where a dimension is named twice.

        >>> normalize_dims((-1, 0), 3, "sum")
        (2, 0)
        >>> normalize_dims(None, 3, "sum")
        (0, 1, 2)
    """
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    axes = tuple([normalize_dim(d, ndim, who) for d in dim])
    if len(set(axes)) < len(axes):
        twice = next(axis for axis in axes if axes.count(axis) > 1)
        raise RuntimeError(f"{who}: dim {twice} appears multiple times in the list of dims "
                           f"{tuple(dim)}; name each dimension once")
    return axes if ndim else ()


def sizes(args: tuple[Any, ...], named: Any = None) -> tuple[int, ...]:
    """Return the sizes of `f(2, 3)` or `f((2, 3))` as a tuple of ints; `named` is what a keyword gave in their place.

    Errors: TypeError for other numbers, or if both are given.
    """
    if named is not None:
        if args:
            raise TypeError(f"expected sizes either one by one or by keyword, but got {args} and {named}")
        args = (named,)
    given = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    try:
        return tuple([operator.index(n) for n in given])
    except TypeError:
        wrong = [n for n in given if not isinstance(n, int)][0]
        raise TypeError(f"argument 'size' must be a tuple of ints, but found {wrong!r} ({type(wrong).__name__}) in "
                        f"{tuple(given)}; n // 2 divides an int to an int, n / 2 does not") from None
