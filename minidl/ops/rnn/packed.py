"""PyTorch's two forms of a recurrent call: with a padded batch, or with packed sequences.

    lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)

In both cases a layer works on packed rows. In a padded batch, every sequence takes every step.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from minidl.ops.base.checks import check_tensors
from minidl.ops.shape.views import array_of, reshape, transpose

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

PADDED_FORM = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")
PACKED_FORM = ("data", "batch_sizes", *PADDED_FORM[1:-1])

Result = TypeVar("Result", covariant=True)


class InBothForms(Protocol[Result]):
    """A function that takes a padded batch or packed sequences."""

    @overload
    def __call__(self, input: Tensor, hx: Tensor | Sequence[Tensor], params: Sequence[Tensor], has_biases: bool,
                 num_layers: int, dropout: float, train: bool, bidirectional: bool, batch_first: bool) -> Result: ...
    @overload
    def __call__(self, data: Tensor, batch_sizes: Tensor, hx: Tensor | Sequence[Tensor], params: Sequence[Tensor],
                 has_biases: bool, num_layers: int, dropout: float, train: bool, bidirectional: bool) -> Result: ...


def padded_or_packed(function: Callable[..., Result]) -> InBothForms[Result]:
    """Let callers use either form of `function`, which takes arguments by name."""
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Result:
        given = match_form(PADDED_FORM, args, kwargs)
        if given is not None:
            return function(**given)
        given = match_form(PACKED_FORM, args, kwargs)
        if given is not None:
            return function(given.pop("data"), batch_first=False, **given)
        raise TypeError(f"{function.__name__}() received an invalid combination of arguments: expected "
                        f"({', '.join(PADDED_FORM)}) or ({', '.join(PACKED_FORM)}), with a list or tuple of params, "
                        f"but got {len(args)} positional ones and {list(kwargs)}")
    return called  # type: ignore[return-value]


def match_form(names: Sequence[str], args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments by name if they fit `names`, with a list as `params`; else None."""
    given = {**dict(zip(names, args)), **kwargs}
    if len(args) + len(kwargs) == len(names) and given.keys() == set(names):
        if isinstance(given["params"], (list, tuple)) and not isinstance(given["has_biases"], (list, tuple)):
            return given
    return None


def rows_of(who: str, input: Any, batch_first: bool, batch_sizes: Any) -> tuple[Any, list[int]]:
    """The packed rows (P, I), and the number of sequences at each step.

    Errors: TypeError for anything but a tensor, RuntimeError where the shapes fit neither form, or there is no step.
    """
    check_tensors(who, input=input)
    if batch_sizes is None:
        if input.ndim != 3:
            raise RuntimeError(f"{who}: Expected input to be 3D, (T, N, I) or (N, T, I) if batch_first, but got "
                               f"{tuple(input.shape)}; try unsqueeze on it")
        x = transpose(input, 0, 1) if batch_first else input
        T, N, features = x.shape
        x, sizes = reshape(x, (T * N, features)), [N] * T
    else:
        check_tensors(who, batch_sizes=batch_sizes)
        if input.ndim != 2 or batch_sizes.ndim != 1 or batch_sizes.dtype.kind != "i":
            raise RuntimeError(f"{who}: Expected data (P, I) and batch_sizes (T,) of integers, but got "
                               f"{tuple(input.shape)} and {tuple(batch_sizes.shape)} of {batch_sizes.dtype}; try "
                               f"pack_padded_sequence")
        x, sizes = input, array_of(batch_sizes).tolist()
        if sizes and (len(x) != sum(sizes) or any(n < m for n, m in zip(sizes, sizes[1:]))):
            raise RuntimeError(f"{who}: batch_sizes must not increase, and must sum up to the {len(x)} rows of data "
                               f"{tuple(x.shape)}, but got {sizes}; try pack_padded_sequence")
    if not sizes:
        raise RuntimeError(f"{who}: Expected sequence length to be larger than 0 in RNN, but got input of no steps")
    return x, sizes


def to_padded(y: Any, steps: int, batch_first: bool) -> Any:
    """Reshape the rows of a padded batch, (T * N, R), to (T, N, R), or (N, T, R) if batch_first."""
    y = reshape(y, (steps, len(y) // steps, y.shape[1]))
    return transpose(y, 0, 1) if batch_first else y
