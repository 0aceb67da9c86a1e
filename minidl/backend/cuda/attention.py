"""Attention on the GPU: one launch forward and two backward, for any batch; no scores are stored."""
from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np

from minidl.backend.cuda.module import function, is_real, record, rows
from minidl.backend.device import Array, device_of, library_of
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.attention import AttentionPlan, attention_dropout, attention_forward, attention_grad

PARTS, WIDEST = 8, 128              # as in attention.cu: threads of a row, and the columns that they can keep
SHARED = 48 << 10                   # bytes of shared memory that every GPU gives a block

_VIEW = np.dtype((np.int64, 4))
_PLAN = np.dtype([(name, np.int32) for name in "H L S E V causal".split()]
                 + [("scale", np.float64), ("dropout", np.float64), ("seed", np.uint64), ("now", np.uint64)])
_MASK = np.dtype({"names": ["values", "step", "is_bool"], "formats": [np.uint64, _VIEW, np.int32],
                  "offsets": [0, 8, 40], "itemsize": 48})


@attention_forward.register("cupy")
def attention_forward_flash(query: Array, key: Array, value: Array, mask: Array | None, plan: AttentionPlan) -> Any:
    wide = accumulation_dtype(query.dtype)
    tile = _tile(query, key, value, mask)
    if not tile:
        return NotImplemented
    *batch, L, _ = query.shape
    y, log_sums = cupy.empty((*batch, L, value.shape[-1]), query.dtype), cupy.empty((*batch, L, 1), wide)
    heads = math.prod(batch)
    if y.size:
        width = query.shape[-1] + max(query.shape[-1], value.shape[-1]) + tile + 3
        function("attention.cu", "attention_forward", query.dtype, wide, tile)(
            (heads * -(-L // tile),), (tile * PARTS,),
            (query, key, value, y, log_sums, *map(_view, (query, key, value)), _mask(mask),
             _plan(query, key, value, plan)), shared_mem=tile * width * wide.itemsize)
    return y, log_sums


@attention_grad.register("cupy")
def attention_grad_flash(g: Array, query: Array, key: Array, value: Array, mask: Array | None, y: Array,
                         log_sums: Array, plan: AttentionPlan, wants_mask: bool) -> Any:
    wide = accumulation_dtype(query.dtype)
    tile = _tile(query, key, value, mask)
    if wants_mask or not tile or g.dtype != query.dtype or log_sums.dtype != wide:
        return NotImplemented
    if not (g.size and value.size):         # there is nothing to attend to, or by
        return *(cupy.zeros(x.shape, x.dtype) for x in (query, key, value)), None
    gq, gk, gv = (cupy.empty(x.shape, x.dtype) for x in (query, key, value))
    (L, E), (S, V), heads = query.shape[-2:], value.shape[-2:], math.prod(query.shape[:-2])
    shared = tile * wide.itemsize * (2 * (E + V + 2) + 2 * (tile + 1) + 2)
    arrays, rest = (g, query, key, value, rows(y), rows(log_sums)), (
        *map(_view, (g, query, key, value)), _mask(mask), _plan(query, key, value, plan))
    for name, length, results in (("attention_query_grad", L, (gq,)), ("attention_key_grad", S, (gk, gv))):
        function("attention.cu", name, query.dtype, wide, tile)(
            (heads * -(-length // tile),), (tile * PARTS,), (*arrays, *results, *rest), shared_mem=shared)
    return gq, gk, gv, None


@attention_dropout.register("cupy")
def attention_dropout_at_once(query: Array, key: Array, plan: AttentionPlan) -> Any:
    """Element i of all scores is element i of the stream, as in attention.cu."""
    wide = accumulation_dtype(query.dtype)
    if not _tile(query, key, key, None):
        return NotImplemented
    shape = *query.shape[:-1], key.shape[-2]
    if plan.dropout >= 1:
        return cupy.zeros(shape, wide)
    drawn = library_of(query).random(plan.seed, device_of(query)).random(shape, wide)
    return (drawn >= plan.dropout) * wide.type(1 / (1 - plan.dropout))


def _tile(query: Array, key: Array, value: Array, mask: Array | None) -> int:
    """The rows of a tile, so that four of them fit in shared memory; 0 if attention.cu does not take the arrays."""
    E, V = query.shape[-1], value.shape[-1]
    if not is_real(query) or query.ndim > 4 or max(E, V) > WIDEST:
        return 0
    if not key.dtype == value.dtype == query.dtype or mask is not None and mask.dtype not in (np.bool_, query.dtype):
        return 0
    itemsize = accumulation_dtype(query.dtype).itemsize
    return next((tile for tile in (32, 16, 8)
                 if tile * itemsize * (2 * (E + V + 2) + 2 * (tile + 1) + 2) <= SHARED), 0)


def _steps(x: Array) -> np.ndarray:
    """The steps of an array over (batch, head, row, column); an axis that it lacks has none."""
    steps = [step // x.itemsize for step in x.strides]
    return np.array([0] * (4 - len(steps)) + steps, np.int64)


def _view(x: Array) -> np.void:
    return np.void(_steps(x).tobytes())


def _mask(mask: Array | None) -> np.void:
    if mask is None:
        return record(0, _MASK)
    return record((mask.data.ptr, _steps(mask), mask.dtype == np.bool_), _MASK)


def _plan(query: Array, key: Array, value: Array, plan: AttentionPlan) -> np.void:
    heads = query.shape[-3] if query.ndim > 2 else 1
    return record((heads, query.shape[-2], key.shape[-2], query.shape[-1], value.shape[-1], plan.causal, plan.scale,
                   plan.dropout, plan.seed % 2**64, getattr(plan.seed, "address", 0)), _PLAN)
