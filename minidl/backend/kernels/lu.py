"""Gaussian elimination. Array libraries solve equations with it, but do not return the factors."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


@kernel
def lu_factor(a: Array) -> tuple[Array, Array]:
    """The factors of a (*, m, n) with partial pivoting: (LU, pivots).

    U is on and above the diagonal of LU, and L below it (the diagonal of L is ones). In step i, row i is exchanged with
    row pivots[i] - 1, which has the largest number in column i. A step is done for all matrices of a batch together.
    """
    xp, (*batch, m, n) = array_module(a), a.shape
    lu = a.reshape(math.prod(batch), m, n).copy()
    pivots = xp.empty((len(lu), min(m, n)), np.int32)
    matrix = xp.arange(len(lu))
    for i in range(min(m, n)):
        p = abs(lu[:, i:, i]).argmax(axis=1) + i
        pivots[:, i] = p + 1
        row, best = lu[:, i].copy(), lu[matrix, p]
        lu[:, i], lu[matrix, p] = best, row
        pivot = best[:, i, None]
        factors = lu[:, i + 1:, i] / (pivot + (pivot == 0))     # below a pivot of 0 all is 0
        lu[:, i + 1:, i] = factors
        lu[:, i + 1:, i + 1:] -= factors[:, :, None] * best[:, None, i + 1:]
    return lu.reshape(a.shape), pivots.reshape(*batch, min(m, n))


@kernel
def row_order(pivots: Array, m: int) -> Array:
    """The row of a that each row of L U holds after all exchanges: pivots (*, k) -> (*, m)."""
    xp, (*batch, k) = array_module(pivots), pivots.shape
    steps = pivots.reshape(math.prod(batch), k) - 1
    order = xp.tile(xp.arange(m), (len(steps), 1))
    matrix = xp.arange(len(steps))
    for i in range(k):
        one, other = order[:, i].copy(), order[matrix, steps[:, i]]
        order[:, i], order[matrix, steps[:, i]] = other, one
    return order.reshape(*batch, m)
