"""Attention on the CPU: each thread takes some of the matrices."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.attention import CPU_TILE, AttentionPlan, attention_forward, attention_grad


@attention_forward.register("numpy")
def attention_forward_in_parts(query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None,
                               plan: AttentionPlan) -> tuple[np.ndarray, np.ndarray]:
    if not _can_be_split(query, plan):
        return NotImplemented
    y = np.empty((*query.shape[:-1], value.shape[-1]), query.dtype)
    log_sums = np.empty((*query.shape[:-1], 1), query.dtype)

    def attend(s: slice) -> None:
        y[s], log_sums[s] = attention_forward.generic(
            query[s], key[s], value[s], None if mask is None else mask[s], plan)

    parallel(attend, _parts(query, key))
    return y, log_sums


@attention_grad.register("numpy")
def attention_grad_in_parts(g: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray,
                            mask: np.ndarray | None, y: np.ndarray, log_sums: np.ndarray, plan: AttentionPlan,
                            wants_mask: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    if not _can_be_split(query, plan):
        return NotImplemented
    gq, gk, gv = (np.empty(x.shape, x.dtype) for x in (query, key, value))
    gmask = np.empty((*query.shape[:-1], key.shape[-2]), query.dtype) if wants_mask else None

    def pull_back(s: slice) -> None:
        gq[s], gk[s], gv[s], part = attention_grad.generic(
            g[s], query[s], key[s], value[s], None if mask is None else mask[s], y[s], log_sums[s], plan, wants_mask)
        if gmask is not None:
            gmask[s] = part

    parallel(pull_back, _parts(query, key))
    return gq, gk, gv, gmask


def _can_be_split(query: np.ndarray, plan: AttentionPlan) -> bool:
    """Whether the matrices can be split among threads. With dropout they cannot: it numbers the tiles of all."""
    return query.ndim > 2 and len(query) > 1 and not plan.dropout and query.dtype != np.float16


def _parts(query: np.ndarray, key: np.ndarray) -> list[slice]:
    scores = math.prod(query.shape[1:-1]) * key.shape[-2]
    return blocks(len(query), scores, CPU_TILE)
