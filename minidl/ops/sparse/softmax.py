"""softmax along a dimension of a sparse tensor, over what is stored."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import array_module
from minidl.backend.kernels.scatter_reduce import scatter_reduce
from minidl.ops.elementwise.exponential import exp, log
from minidl.ops.index.items import GetItem, ScatterAdd


def sparse_softmax(x: Any, dim: int, in_logs: bool) -> Any:
    """exp(x) divided by its sum along a dimension, or the logarithm: what is not stored counts as -inf."""
    s = x.need_coo("softmax").coalesce()
    dim, n = s.dim_of(dim), s.sparse_dim()
    if dim >= n:
        function = s.stored.log_softmax if in_logs else s.stored.softmax
        return s.with_values(function(dim - n + 1))
    # which lines along `dim` the entries are on
    xp, line = array_module(s.positions), s.positions[0] * 0
    for d in range(n):
        if d != dim:
            line = line * s.shape[d] + s.positions[d]
    lines, which = xp.unique(line, return_inverse=True)
    which, shape = which.reshape(-1), (len(lines), *s.stored.shape[1:])
    largest = scatter_reduce(xp.full(shape, -xp.inf, s.stored.array.dtype), which, s.stored.array, np.maximum)
    shifted = s.stored - wrap(largest[which])       # exp cannot overflow, and the quotient is the same
    weights = exp(shifted)
    total = GetItem(which)(ScatterAdd(which, shape)(weights))
    return s.with_values(shifted - log(total) if in_logs else weights / total)
