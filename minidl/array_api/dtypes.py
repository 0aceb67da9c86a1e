"""Dtypes by the standard's rules, and what the namespace says of itself.

Within a kind of numbers the smallest dtype that holds both is the result's, for arrays without axes too, where
PyTorch's rule lets those with axes decide. Between kinds, of which the standard says nothing, PyTorch's rule holds.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import dtype as dtypes
from minidl.backend import torch_types as types
from minidl.backend.device import Device
from minidl.backend.dtype import finfo, iinfo
from minidl.tensors.creation import as_tensor
from minidl.tensors.tensor import Tensor

__all__ = ["__array_namespace_info__", "alike", "astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]

KINDS = {"bool": ["bool"], "signed integer": ["int8", "int16", "int32", "int64"],
         "unsigned integer": ["uint8", "uint16", "uint32", "uint64"],
         "real floating": ["float32", "float64"], "complex floating": ["complex64", "complex128"]}
KINDS["integral"] = KINDS["signed integer"] + KINDS["unsigned integer"]
KINDS["numeric"] = KINDS["integral"] + KINDS["real floating"] + KINDS["complex floating"]


def astype(x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """The same numbers in another dtype; `copy=False` gives x itself where nothing changes."""
    return x.to(dtype=dtype, device=device, copy=copy)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether `result_type` leads from one dtype, or a Tensor's, to another."""
    source = np.dtype(from_.dtype if isinstance(from_, Tensor) else from_)
    if source.kind in "iu" and np.dtype(to).kind in "iu":
        return np.can_cast(source, np.dtype(to))
    return dtypes.can_cast(source, to) and _promoted(source, np.dtype(to)) == np.dtype(to)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is another, or is of a kind such as "real floating", or of one in a tuple of them.

        >>> import minidl
        >>> isdtype(minidl.int32, "integral"), isdtype(minidl.int32, ("real floating", minidl.int64))
        (True, False)
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str) and kind not in KINDS:
        raise ValueError(f"isdtype: expected one of the kinds {', '.join(KINDS)}, but got {kind!r}")
    return np.dtype(dtype).name in KINDS[kind] if isinstance(kind, str) else dtype == kind


def result_type(*arrays_and_dtypes: Any) -> types.dtype:
    """The dtype of a result of Tensors, dtypes and Python numbers together; of the latter, only the kind counts."""
    known = [np.dtype(x.dtype if isinstance(x, Tensor) else x) for x in arrays_and_dtypes if not _is_number(x)]
    if not known:
        raise ValueError("result_type: expected at least one Tensor or dtype")
    found = known[0]
    for other in known[1:]:
        found = _promoted(found, other)
    like = np.empty(1, found)       # one that has axes: it decides over a Python number of its kind
    return types.OF[dtypes.result_type(like, *filter(_is_number, arrays_and_dtypes))]


def _promoted(a: np.dtype, b: np.dtype) -> np.dtype:
    """Here unsigned integers have a common dtype with others, if one is large enough."""
    found = np.promote_types(a, b)
    return found if a.kind in "iu" and b.kind in "iu" and found.kind != "f" else dtypes.promote_types(a, b)


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def alike(*operands: Any) -> list[Tensor]:
    """Tensors and Python numbers as Tensors of their common dtype."""
    dtype, device = result_type(*operands), next(x.device for x in operands if isinstance(x, Tensor))
    return [x.to(dtype) if isinstance(x, Tensor) else as_tensor(x, dtype, device) for x in operands]


# ---------------------------------------------------------------------- what the namespace says of itself

class Info:
    """What a program may ask of a namespace: its devices, dtypes and abilities."""

    def capabilities(self) -> dict[str, Any]:
        """Shapes may depend on values; Tensors have up to 64 axes, as NumPy's arrays."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """The device of new Tensors."""
        return Device("cpu")

    def default_dtypes(self, *, device: Any = None) -> dict[str, types.dtype]:
        """The dtypes of new Tensors by kind."""
        return {"real floating": types.get_default_dtype(), "complex floating": types.get_default_dtype().to_complex(),
                "integral": types.int64, "indexing": types.int64}

    def devices(self) -> list[Device]:
        """The CPU. Tensors on a GPU work, too."""
        return [Device("cpu")]

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, types.dtype]:
        """The dtypes by name, all or of one kind."""
        wanted = {None: ("bool", "numeric")}.get(kind, kind if isinstance(kind, tuple) else (kind,))
        return {name: types.dtype(name) for k in wanted for name in KINDS[k]}


def __array_namespace_info__() -> Info:
    """What this namespace says of itself."""
    return Info()
