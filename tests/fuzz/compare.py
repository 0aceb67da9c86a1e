"""What must be equal in both libraries: a tensor's values, shape, dtype, flags, gradient, memory."""
from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from tests.checking import torch

Difference = tuple[str, str] | None
"""The kind of the difference, and a description; or None."""

TOLERANCE = {"float16": 2e-2, "float32": 2e-4, "float64": 1e-8, "complex64": 2e-4, "complex128": 1e-8}
"""Largest difference, relative to the largest number of the tensor and at least to 1.

Two libraries round differently in the last place, and a few steps multiply that.
"""


def array_of(tensor: Any) -> np.ndarray:
    """The numbers of a PyTorch tensor. Of a copy: PyTorch refuses to resize memory that an array has looked into."""
    if tensor.dtype == torch.complex32:     # which NumPy has not
        tensor = tensor.to(torch.complex64)
    return tensor.detach().to_dense().clone().resolve_conj().resolve_neg().numpy()


def close(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    """Whether two arrays of one shape and dtype hold the same numbers, up to rounding."""
    if ours.tobytes() == theirs.tobytes():
        return None
    tolerance = TOLERANCE.get(ours.dtype.name)
    if tolerance is None:
        return None if np.array_equal(ours, theirs) else ("value", f"{ours.tolist()} and {theirs.tolist()}")
    finite = np.isfinite(theirs)
    same_places = np.array_equal(finite, np.isfinite(ours))
    if not same_places or not np.array_equal(ours[~finite], theirs[~finite], equal_nan=True):
        return "nan or inf", f"{ours.tolist()} and {theirs.tolist()}"
    ours, theirs = ours[finite], theirs[finite]
    if ours.dtype.kind == "f":
        ours, theirs = ours.astype(float), theirs.astype(float)
    scale = max(1.0, abs(theirs).max(initial=0))
    off = abs(ours - theirs).max(initial=0) / scale
    return None if off <= tolerance else ("value", f"off by {off:.1e}: {ours.tolist()} and {theirs.tolist()}")


def compare_tensors(ours: Any, theirs: Any, layout: bool) -> Difference:
    """Two tensors that should be equal in all that a user can see; see `compare` for the rest."""
    a, b = ours.array, array_of(theirs)
    if a.shape != b.shape:
        return "shape", f"{a.shape} and {b.shape}"
    if a.dtype != b.dtype:
        return "dtype", f"{a.dtype} and {b.dtype}"
    if ours.is_inference() != theirs.is_inference():
        return "inference", f"{ours.is_inference()} and {theirs.is_inference()}"
    flags = [(x.requires_grad, x.is_leaf, bool(x.retains_grad)) for x in (ours, theirs)]
    if flags[0] != flags[1]:
        return "flag", f"(requires_grad, is_leaf, retains_grad) {flags[0]} and {flags[1]}"
    if layout and a.size and ours.is_contiguous() != theirs.is_contiguous():
        return "contiguity", " and ".join("contiguous" if x.is_contiguous() else f"strides {x.stride()}"
                                          for x in (ours, theirs))
    return close(a, b)


def compare_gradients(ours: Any, theirs: Any, layout: bool) -> Difference:
    """The `.grad` of two tensors."""
    grads = ours.grad, theirs.grad if theirs.is_leaf or theirs.retains_grad else None
    if (grads[0] is None) != (grads[1] is None):
        shown = ["None" if g is None else str(g.tolist()) for g in grads]
        return "gradient", f"{shown[0]} and {shown[1]}"
    found = None if grads[0] is None else compare_tensors(*grads, layout=False)
    return found and (f"gradient: {found[0]}", found[1])


def compare(ours: Any, theirs: Any, layout: bool) -> Difference:
    """Two results of a statement, which may be tensors, numbers, or nested sequences of them."""
    if isinstance(ours, minidl.Tensor) and isinstance(theirs, torch.Tensor):
        return compare_tensors(ours, theirs, layout)
    if isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        if len(ours) != len(theirs):
            return "length", f"{ours} and {theirs}"
        return next((found for pair in zip(ours, theirs) if (found := compare(*pair, layout))), None)
    if type(ours) is not type(theirs):
        return "type", f"{ours!r} and {theirs!r}"
    if isinstance(theirs, (int, float, complex)):
        return close(np.asarray(ours), np.asarray(theirs))
    return None if ours == theirs else ("value", f"{ours!r} and {theirs!r}")


def synchronise(ours: Any, theirs: Any) -> None:
    """Give minidl's tensor PyTorch's last bits, so that rounding is not blown up by later steps such as `floor`."""
    if isinstance(ours, minidl.Tensor) and ours.array.flags.writeable and ours.array.dtype.kind in "fc":
        ours.array[...] = array_of(theirs)


def share_memory(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether a write into one array can be seen in the other."""
    return np.may_share_memory(a, b) and np.shares_memory(a, b)


def share_storage(a: Any, b: Any) -> bool:
    """The same of two PyTorch tensors."""
    storage = a.untyped_storage()
    if storage.data_ptr() != b.untyped_storage().data_ptr() or not (a.numel() and b.numel()):
        return False
    stand_in = np.empty(storage.nbytes(), np.uint8)
    return share_memory(*[np.ndarray(tuple(t.shape), f"V{t.itemsize}", stand_in, t.storage_offset() * t.itemsize,
                                     tuple(n * t.itemsize for n in t.stride())) for t in (a, b)])
