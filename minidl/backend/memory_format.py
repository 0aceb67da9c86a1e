"""How the axes of images lie in memory: PyTorch's `memory_format`s, and `layout`.

A convolution chooses its own order of axes, whatever the format of its input. A format is what a program asks for by
`x.contiguous(memory_format=...)`, and sees in `x.stride()`.
"""
from __future__ import annotations

from typing import Any

from minidl.backend.layout import Array
from minidl.backend.layout import channels_last as channels_last_only


class memory_format:  # noqa: N801  (PyTorch's name)
    """An order of axes in memory: `contiguous_format`, `channels_last`, `channels_last_3d`, `preserve_format`."""

    def __init__(self, name: str, ndim: int = 0) -> None:
        self.name, self.ndim = name, ndim   # ndim: of the tensors that it is for, if not for all

    def __repr__(self) -> str:
        return f"minidl.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout:  # noqa: N801  (PyTorch's name)
    """How a tensor is kept: `strided` is an array of all elements; sparse tensors keep those that are not zero."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"minidl.{self.name}"

    def __reduce__(self) -> str:
        return self.name


memory_format.__module__ = layout.__module__ = "minidl"     # where pickle finds the objects, by name
contiguous_format = legacy_contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", 4)
channels_last_3d = memory_format("channels_last_3d", 5)
strided, sparse_coo, sparse_csr, sparse_csc, sparse_bsr, sparse_bsc = map(layout, (
    "strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"))


def axes_of(form: Any, ndim: int, who: str) -> tuple[int, ...]:
    """The axes from the slowest to the fastest.

    Errors: TypeError for what is no format, RuntimeError for one of another number of axes.
    """
    if not isinstance(form, memory_format):
        raise TypeError(f"{who}: expected a memory_format such as minidl.channels_last, got {form!r}")
    if form is contiguous_format:
        return tuple(range(ndim))
    if ndim != form.ndim:
        raise RuntimeError(f"required rank {form.ndim} tensor to use {form.name} format, got {ndim} axes")
    return (0, *range(2, ndim), 1)


def is_in_format(array: Array, form: memory_format) -> bool:
    """Whether `to(memory_format=form)` leaves it as it is.

    What is neither row-major nor has channels last counts as `contiguous_format`, as in PyTorch.
    """
    if form is contiguous_format:
        return not channels_last_only(array)
    return form is preserve_format or array.ndim == form.ndim and channels_last_only(array)


def is_in_order(array: Array, axes: tuple[int, ...]) -> bool:
    """Whether the elements lie in memory without gaps, with the axes in this order."""
    return bool(array.transpose(axes).flags.c_contiguous)
