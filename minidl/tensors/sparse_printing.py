"""The printed form of a sparse tensor: PyTorch's, with the parts as they are."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device import to_numpy
from minidl.backend.dtype import default_complex, get_default_dtype
from minidl.backend.memory_format import sparse_coo
from minidl.ops.sparse import SparseTensor
from minidl.tensors import printing

_BY_ROWS, _BY_COLUMNS = ("crow_indices", "col_indices"), ("ccol_indices", "row_indices")
_PARTS = {"sparse_coo": ("_indices",), "sparse_csr": _BY_ROWS, "sparse_bsr": _BY_ROWS, "sparse_csc": _BY_COLUMNS,
          "sparse_bsc": _BY_COLUMNS}
_INDENT = " " * len("tensor(")


def format_sparse(s: Any) -> str:
    """`tensor(indices=..., values=..., size=..., nnz=..., layout=...)`; after COO parts, the size is on a new line."""
    parts = [_part(name.lstrip("_"), getattr(s, name)().array) for name in _PARTS[s.layout.name]]
    text = "tensor(" + f",\n{_INDENT}".join([*parts, _part("values", s.stored.array)])
    notes = [f"size={tuple(s.shape)}", f"nnz={s._nnz()}"]
    if not s.is_cpu:
        notes.insert(0, f"device='{s.device}'")
    if s.dtype not in (get_default_dtype(), default_complex(), np.dtype("int64"), np.dtype("bool")):
        notes.append(f"dtype={s.dtype}")
    notes.append(f"layout={s.layout}")
    if s.requires_grad:
        notes.append("requires_grad=True" if s.is_leaf else f"grad_fn={s.grad_fn}")
    length, new_line = len(text.rpartition("\n")[2]) + 2, s.layout is sparse_coo
    for note in notes:
        if new_line or length + len(note) + 2 > printing.options.linewidth:
            text, length, new_line = f"{text},\n{_INDENT}{note}", len(_INDENT) + len(note), False
        else:
            text, length = f"{text}, {note}", length + len(note) + 2
    return text + ")"


def _part(name: str, array: Any) -> str:
    """`name=tensor(...)`; the dtype stands behind all parts, once."""
    start = f"{_INDENT}{name}=tensor("
    body = printing.format_array(to_numpy(array), indent=len(start)) if array.size else f"[], size={tuple(array.shape)}"
    return f"{name}=tensor({body})"


SparseTensor.__repr__ = format_sparse   # type: ignore[method-assign]     # ops know nothing of printing
