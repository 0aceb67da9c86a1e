"""Collating: from a list of samples to one batch.

`default_collate` stacks tensors, arrays and numbers, also inside tuples, lists and dicts;
`default_convert` turns the arrays of one sample into tensors and stacks nothing.
"""
from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from minidl.ops.shape import stack
from minidl.tensors.creation import as_tensor, from_numpy, tensor
from minidl.tensors.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Make one batch of a list of samples.

    =========================  ==============================================================
    samples                    batch
    =========================  ==============================================================
    tensors, arrays `(...)`    one tensor `(N, ...)`, same dtype
    NumPy scalars, bools       one tensor `(N,)`, same dtype
    ints, floats               one tensor `(N,)`, int64 or (as in PyTorch) float64
    str, bytes                 the samples as they are
    dicts                      a dict of batches
    named tuples               a named tuple of batches
    tuples, lists              a list of batches
    =========================  ==============================================================

    Errors: RuntimeError when shapes or lengths differ between samples, KeyError when a key is missing; TypeError for
    samples of any other type.

        >>> default_collate([("cat", 0), ("dog", 1)])
        [('cat', 'dog'), tensor([0, 1])]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        _check_shapes(batch)
        return stack(list(batch), 0)                       # N x (...) -> (N, ...)
    if isinstance(first, np.ndarray):
        _check_dtype(first.dtype)
        _check_shapes(batch)
        return from_numpy(np.stack(batch))                 # N x (...) -> (N, ...)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, np.generic):
        _check_dtype(first.dtype)
        return from_numpy(np.array(batch))                 # -> (N,)
    if isinstance(first, (float, int)):
        _check_numbers(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=np.dtype("float64"))    # -> (N,)
    if isinstance(first, int):
        return tensor(batch)                               # -> (N,)
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate(_column(batch, key)) for key in first})
    if isinstance(first, Sequence):
        _check_lengths(batch)
        columns = [default_collate(column) for column in zip(*batch)]
        return type(first)(*columns) if _is_named_tuple(first) else columns
    raise _unknown(type(first))


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars as tensors, also inside tuples, lists and dicts; all else as it is.

    The loader applies it to single samples when `batch_size=None`.
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind not in "buif" else as_tensor(data)
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple):
        values = [default_convert(value) for value in data]
        return type(data)(*values) if _is_named_tuple(data) else values
    if isinstance(data, list):
        return [default_convert(value) for value in data]
    return data


def _check_shapes(batch: Sequence[Any]) -> None:
    shape = batch[0].shape
    for i, sample in enumerate(batch):
        if not hasattr(sample, "shape"):
            raise TypeError(f"default_collate: expected {type(batch[0]).__name__}s throughout the batch, as at entry "
                            f"0, got {type(sample).__name__} at entry {i}; convert it in the dataset, or pass your "
                            "own collate_fn")
        if sample.shape != shape:
            raise RuntimeError(
                "default_collate: samples must have equal shapes to be stacked, got "
                f"{tuple(shape)} at entry 0 and {tuple(sample.shape)} at entry {i} of the batch; "
                "crop, resize or pad them in the dataset, or pass your own collate_fn")


def _check_numbers(batch: Sequence[Any]) -> None:
    for i, sample in enumerate(batch):
        if sample is None:
            raise TypeError(f"default_collate: expected numbers throughout the batch, as at entry 0, got None at entry "
                            f"{i}; does the dataset's __getitem__ return something for every index?")


def _check_lengths(batch: Sequence[Any]) -> None:
    for i, sample in enumerate(batch):
        if len(sample) != len(batch[0]):
            raise RuntimeError(
                "default_collate: the samples of a batch should be of equal length, got "
                f"{len(batch[0])} at entry 0 and {len(sample)} at entry {i} of the batch; "
                "pad them in the dataset, or pass your own collate_fn")


def _column(batch: Sequence[Mapping[Any, Any]], key: Any) -> list[Any]:
    for i, sample in enumerate(batch):
        if key not in sample:
            raise KeyError(f"default_collate: key {key!r} of entry 0 is missing in entry {i} of the batch, which has "
                           f"{list(sample)}")
    return [sample[key] for sample in batch]


def _check_dtype(dtype: np.dtype) -> None:
    if dtype.kind not in "buif":
        raise TypeError(f"default_collate: no tensor can hold arrays of dtype {dtype}; "
                        "convert them in the dataset, or pass your own collate_fn")


def _unknown(kind: type) -> TypeError:
    name = f"{kind.__module__}.{kind.__qualname__}"
    hint = ("try the dataset with transform=lambda image: minidl.from_numpy(np.array(image)) / 255"
            if kind.__module__.startswith("PIL.") else "convert them in the dataset, or pass your own collate_fn")
    return TypeError("default_collate: batch must contain tensors, numpy arrays, numbers, strings, "
                     f"dicts, tuples or lists; found {name}; {hint}")


def _is_named_tuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _like(mapping: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """`values` in the mapping's own type, if it can be copied or made from a dict; else a plain dict."""
    if isinstance(mapping, MutableMapping):     # a copy has what else the mapping holds, a default factory for instance
        made = copy.copy(mapping)
        made.update(values)
        return made
    try:
        return type(mapping)(values)  # type: ignore[call-arg]
    except TypeError:
        return values
