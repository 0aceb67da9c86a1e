"""Attention and its gradient, tile by tile.

Only one tile of the L x S scores exists at a time.
The softmax of a row is computed *online*, tile after tile: when a tile has a larger score than all before it, the sums
so far are scaled down to the new maximum. Only one number a row is kept of the softmax, the logarithm of its
denominator; the gradient computes the tiles again from it. All work on a tile is in place, so that it stays in the
cache. The formula without tiles is `Attention.reference` in `ops/attention.py`.

Source: Dao et al., "FlashAttention", 2022, https://arxiv.org/abs/2205.14135 (tiles and recomputation); Milakov and
Gimelshein, "Online normalizer calculation for softmax", 2018, https://arxiv.org/abs/1805.02867
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module, device_of, library_of
from minidl.backend.kernel import kernel

# the number of scores in a tile, and the largest number of keys
CPU_TILE, CPU_KEYS = 1 << 18, 1024      # stays in the cache
GPU_TILE, GPU_KEYS = 1 << 26, 1 << 13   # needs few launches


class AttentionPlan(NamedTuple):
    """The options of attention.

    `seed` gives each tile the same dropout in the forward and the backward pass.
    """

    scale: float
    causal: bool = False     # query i sees keys 0 to i only
    dropout: float = 0.0
    seed: int = 0


@kernel
def attention_forward(query: Array, key: Array, value: Array, mask: Array | None,
                      plan: AttentionPlan) -> tuple[Array, Array]:
    """y = softmax(scale * query key^T + mask) value, and the logarithm of the softmax's denominators.

    query (*, L, E), key (*, S, E), value (*, S, V), mask (*, L, S) or None: bool, True where a query may look, or
    numbers to add -> (*, L, V), (*, L, 1). A query that may look nowhere gets zeros, and inf for the logarithm.
    """
    xp, dtype = array_module(query), query.dtype
    query, key, value = (_as_single(x) for x in (query, key, value))
    y = xp.empty((*query.shape[:-1], value.shape[-1]), query.dtype)
    log_sums = xp.empty((*query.shape[:-1], 1), query.dtype)
    for rows, tiles in _walk(query, key, plan):
        q = query[rows] * plan.scale
        row_max = xp.full((*q.shape[:-1], 1), -math.inf, q.dtype)
        total = xp.zeros_like(row_max)
        out = xp.zeros((*q.shape[:-1], value.shape[-1]), q.dtype)
        for tile in tiles:
            p = _scores(q, key[tile.keys], mask, tile, plan)
            new_max = xp.maximum(row_max, p.max(axis=-1, keepdims=True))
            base = xp.where(new_max == -math.inf, 0, new_max)     # 0 for a row that has seen no key yet
            p -= base
            np.exp(p, out=p)
            shrink = np.exp(row_max - base)
            total *= shrink
            total += p.sum(axis=-1, keepdims=True)
            if plan.dropout:
                p *= _dropout_factors(p, plan, tile.number)
            out *= shrink
            out += p @ value[tile.keys]
            row_max = new_max
        nothing = total == 0
        y[rows] = out / xp.where(nothing, 1, total)
        log_sums[rows] = xp.where(nothing, math.inf, row_max + np.log(xp.where(nothing, 1, total)))
    return y.astype(dtype, copy=False), log_sums


@kernel
def attention_grad(g: Array, query: Array, key: Array, value: Array, mask: Array | None, y: Array, log_sums: Array,
                   plan: AttentionPlan, wants_mask: bool) -> tuple[Array, Array, Array, Array | None]:
    """The gradients of query, key, value, and of the mask if `wants_mask` (else None).

    With scores s, p = softmax(s) and dropout d:

        y = (p*d) v            gv = (p*d)^T g           gp = d * (g v^T)
        gs = p * (gp - sum(p * gp)), where the sum over a row equals sum(g * y) over the row
        s = scale * q k^T      gq = scale * gs k        gk = scale * gs^T q
    """
    xp, dtype = array_module(query), query.dtype
    g, query, key, value = (_as_single(x) for x in (g, query, key, value))
    gq, gk, gv = (xp.zeros(x.shape, x.dtype) for x in (query, key, value))
    gmask = xp.zeros((*query.shape[:-1], key.shape[-2]), query.dtype) if wants_mask else None
    for rows, tiles in _walk(query, key, plan):
        q, h = query[rows] * plan.scale, g[rows]
        gy = (h * y[rows]).sum(axis=-1, keepdims=True)
        for tile in tiles:
            k, v = key[tile.keys], value[tile.keys]
            p = _scores(q, k, mask, tile, plan)
            p -= log_sums[rows]
            np.exp(p, out=p)
            gs = h @ v.swapaxes(-1, -2)                          # gp; the lines below turn it into gs
            if plan.dropout:
                d = _dropout_factors(p, plan, tile.number)
                gs *= d
                d *= p
                gv[tile.keys] += d.swapaxes(-1, -2) @ h
            else:
                gv[tile.keys] += p.swapaxes(-1, -2) @ h
            gs -= gy
            gs *= p
            gq[rows] += gs @ k
            gk[tile.keys] += gs.swapaxes(-1, -2) @ q     # q is scaled already
            if gmask is not None:
                gmask[tile.scores] = gs
    gq *= plan.scale
    gq, gk, gv = (x.astype(dtype, copy=False) for x in (gq, gk, gv))
    return gq, gk, gv, None if gmask is None else gmask.astype(dtype, copy=False)


@kernel
def attention_dropout(query: Array, key: Array, plan: AttentionPlan) -> Array:
    """All dropout factors, 0 or 1/(1-p), of shape (*, L, S).

    The kernels draw them a tile at a time.
    """
    xp, query = array_module(query), _as_single(query)
    factors = xp.zeros((*query.shape[:-1], key.shape[-2]), query.dtype)
    for _, tiles in _walk(query, key, plan):
        for tile in tiles:
            factors[tile.scores] = _dropout_factors(factors[tile.scores], plan, tile.number)
    return factors


# ---------------------------------------------------------------------- tiles

Index = tuple[Any, ...]


class Tile(NamedTuple):
    """A rectangle of the scores, in a few matrices of the stack at once."""

    keys: Index      # its keys and values, in (*, S, E) and (*, S, V)
    scores: Index    # its scores, in (*, L, S)
    number: int      # its position in the walk, forward and backward the same


def _walk(query: Array, key: Array, plan: AttentionPlan) -> Iterator[tuple[Index, list[Tile]]]:
    """A few queries of a few matrices at a time: their index, and the tiles that they need."""
    (*batch, L, _), S = query.shape, key.shape[-2]
    on_cpu = array_module(query).__name__ == "numpy"
    size, width = (CPU_TILE, CPU_KEYS) if on_cpu else (GPU_TILE, GPU_KEYS)
    width = min(max(S, 1), width)
    height = min(max(L, 1), max(1, size // width))
    depth = max(1, size // (width * height))
    numbers = itertools.count()
    for stack in _stacks(batch, depth):
        for start in range(0, L, height):
            rows = slice(start, min(start + height, L))
            seen = min(S, rows.stop) if plan.causal else S       # the number of keys that these queries may see
            columns = [slice(i, min(i + width, seen)) for i in range(0, seen, width)]
            yield (*stack, rows), [Tile((*stack, c), (*stack, rows, c), next(numbers)) for c in columns]


def _stacks(batch: list[int], depth: int) -> Iterator[Index]:
    """Indices of `depth` matrices at a time: the whole stack where it is small, else along its last axis."""
    if math.prod(batch) <= depth:
        yield (slice(None),) * len(batch)
        return
    for outer in itertools.product(*map(range, batch[:-1])):
        for start in range(0, batch[-1], depth):
            yield (*outer, slice(start, start + depth))


def _scores(q: Array, k: Array, mask: Array | None, tile: Tile, plan: AttentionPlan) -> Array:
    """One tile of q k^T, -inf where a query may not look. q is scaled already."""
    xp, (*_, rows, columns) = array_module(q), tile.scores
    s = q @ k.swapaxes(-1, -2)
    if mask is not None and mask.dtype == np.bool_:
        xp.copyto(s, -math.inf, where=~mask[tile.scores])
    elif mask is not None:
        s += mask[tile.scores]
    if plan.causal and columns.stop > rows.start + 1:            # the diagonal runs through this tile
        later = xp.arange(columns.start, columns.stop) > xp.arange(rows.start, rows.stop)[:, None]
        xp.copyto(s, -math.inf, where=later)
    return s


def _dropout_factors(like: Array, plan: AttentionPlan, number: int) -> Array:
    """The dropout factors of tile `number`: 0 with probability `dropout`, else 1/(1 - dropout)."""
    if plan.dropout >= 1:
        return array_module(like).zeros_like(like)
    stream = library_of(like).random(plan.seed + number, device_of(like))
    factors = stream.random(like.shape, dtype=like.dtype)
    np.greater_equal(factors, plan.dropout, out=factors)
    factors *= 1 / (1 - plan.dropout)
    return factors


def _as_single(x: Array) -> Array:
    """x, half precision cast to single: all sums are taken in single precision at least."""
    return x.astype(np.float32) if x.dtype == np.float16 else x
