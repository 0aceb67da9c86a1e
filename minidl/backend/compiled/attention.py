"""Attention, compiled: a few queries of one matrix at a time, with all keys.

The scores of these queries stay in the cache between the two products. This is for few keys, such as the patches of an
image, where the passes between the products take most of the time. With more keys, a mask, or dropout, the tiles of
`backend/kernels/attention.py` are used.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single, parallel, shares
from minidl.backend.compiled.functions import exp
from minidl.backend.kernels.attention import AttentionPlan, attention_forward, attention_grad

MAX_SCORES = 1 << 16        # of the queries at a time: they stay in the cache between the two products
MAX_KEYS = 1 << 8           # with more, the tiles of `backend/kernels/attention.py` are faster

f = np.float32


@attention_forward.register("numpy", layer="compiled")
def attention_forward_by_queries(query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None,
                                 plan: AttentionPlan) -> Any:
    if not _supports(query, key, value, mask, plan):
        return NotImplemented
    y = np.empty((*query.shape[:-1], value.shape[-1]), query.dtype)
    log_sums = np.empty((*query.shape[:-1], 1), query.dtype)
    q, k, v, y_, sums = map(_stack, (query, key, value, y, log_sums))
    parallel(lambda s: _attend(q[s], k[s], v[s], plan.scale, plan.causal, y_[s], sums[s]), shares(len(q)))
    return y, log_sums


@attention_grad.register("numpy", layer="compiled")
def attention_grad_by_queries(g: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray,
                              mask: np.ndarray | None, y: np.ndarray, log_sums: np.ndarray, plan: AttentionPlan,
                              wants_mask: bool) -> Any:
    if wants_mask or not _supports(query, key, value, mask, plan) or not is_single(g):
        return NotImplemented
    grads = [np.empty(x.shape, x.dtype) for x in (query, key, value)]
    h, q, k, v, y_, sums, gq, gk, gv = map(_stack, (g, query, key, value, y, log_sums, *grads))
    parallel(lambda s: _pull_back(h[s], q[s], k[s], v[s], y_[s], sums[s], plan.scale, plan.causal, gq[s], gk[s], gv[s]),
             shares(len(q)))
    return (*grads, None)


def _supports(query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None,
              plan: AttentionPlan) -> bool:
    return (is_single(query, key, value) and mask is None and not plan.dropout and query.ndim > 1
            and 0 < key.shape[-2] <= MAX_KEYS and query.size > 0 and value.size > 0)


def _stack(x: np.ndarray) -> np.ndarray:
    """(*, L, E) -> (n, m, L, E), a view of the usual (N, heads, L, E)"""
    if x.ndim == 4:
        return x.swapaxes(0, 1) if len(x) == 1 else x       # the first axis is split among the threads
    return x.reshape(1, math.prod(x.shape[:-2]), *x.shape[-2:]).swapaxes(0, 1)


@compiled
def _attend(query: Any, key: Any, value: Any, scale: float, causal: bool, y: Any, log_sums: Any) -> None:
    L, E, S, V = query.shape[2], query.shape[3], _keys(query, key, causal), value.shape[3]
    rows = max(1, min(L, MAX_SCORES // S))
    scores, out = np.empty((rows, S), query.dtype), np.empty((rows, V), query.dtype)
    q, k, v = np.empty((rows, E), query.dtype), np.empty((S, E), query.dtype), np.empty((S, V), query.dtype)
    for n in range(query.shape[0]):
        for m in range(query.shape[1]):
            k[:], v[:] = key[n, m, :S], value[n, m, :S]
            for top in range(0, L, rows):
                count = min(rows, L - top)
                for i in range(count):
                    for j in range(E):
                        q[i, j] = query[n, m, top + i, j] * f(scale)
                np.dot(q[:count], k.T, scores[:count])
                for i in range(count):
                    seen = min(S, top + i + 1) if causal else S
                    log_sums[n, m, top + i, 0] = _softmax(scores, i, seen)
                np.dot(scores[:count], v, out[:count])
                y[n, m, top:top + count] = out[:count]


@compiled
def _keys(query: Any, key: Any, causal: bool) -> int:
    """The number of keys that some query sees."""
    return min(key.shape[2], query.shape[2]) if causal else key.shape[2]


@compiled
def _softmax(scores: Any, i: int, seen: int) -> Any:
    """Softmax of the first `seen` scores in row i, in place, the rest 0; returns the logarithm of its denominator."""
    row_max = scores[i, 0]
    for j in range(seen):
        row_max = max(row_max, scores[i, j])
    base = f(0) if row_max == f(-np.inf) else row_max       # then all are 0, as for a query that may look nowhere
    for j in range(seen):
        scores[i, j] = exp(scores[i, j] - base)
    total = f(0)
    for j in range(seen):
        total += scores[i, j]
    share = f(0) if total == 0 else f(1) / total
    for j in range(seen):
        scores[i, j] *= share
    for j in range(seen, scores.shape[1]):
        scores[i, j] = f(0)
    return f(np.inf) if total == 0 else row_max + np.log(total)


@compiled
def _pull_back(g: Any, query: Any, key: Any, value: Any, y: Any, log_sums: Any, scale: float, causal: bool, gq: Any,
               gk: Any, gv: Any) -> None:
    """Write gq, gk and gv; the formulas are in `attention_grad`."""
    L, E, S, V = query.shape[2], query.shape[3], _keys(query, key, causal), value.shape[3]
    rows = max(1, min(L, MAX_SCORES // S))
    p, gs = np.empty((rows, S), g.dtype), np.empty((rows, S), g.dtype)
    q, h, dq = np.empty((rows, E), g.dtype), np.empty((rows, V), g.dtype), np.empty((rows, E), g.dtype)
    k, v, dk, dv = (np.empty((S, E), g.dtype), np.empty((S, V), g.dtype), np.empty((S, E), g.dtype),
                    np.empty((S, V), g.dtype))
    for n in range(query.shape[0]):
        for m in range(query.shape[1]):
            k[:], v[:] = key[n, m, :S], value[n, m, :S]
            gk[n, m] = 0
            gv[n, m] = 0
            for top in range(0, L, rows):
                count = min(rows, L - top)
                h[:count] = g[n, m, top:top + count]
                for i in range(count):
                    for j in range(E):
                        q[i, j] = query[n, m, top + i, j] * f(scale)
                np.dot(q[:count], k.T, p[:count])
                np.dot(h[:count], v.T, gs[:count])
                for i in range(count):
                    seen = min(S, top + i + 1) if causal else S
                    gy, log_sum = f(0), log_sums[n, m, top + i, 0]
                    for j in range(V):
                        gy += h[i, j] * y[n, m, top + i, j]
                    for j in range(seen):
                        p[i, j] = exp(p[i, j] - log_sum)
                    for j in range(seen):
                        gs[i, j] = p[i, j] * (gs[i, j] - gy)
                    for j in range(seen, S):
                        p[i, j], gs[i, j] = f(0), f(0)
                np.dot(p[:count].T, h[:count], dv)
                np.dot(gs[:count], k, dq[:count])
                np.dot(gs[:count].T, q[:count], dk)
                gv[n, m, :S] += dv
                gk[n, m, :S] += dk
                for i in range(count):
                    for j in range(E):
                        gq[n, m, top + i, j] = dq[i, j] * f(scale)
