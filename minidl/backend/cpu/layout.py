"""Copies into row-major order on the CPU, on all cores: against the grain of memory they take three times as long."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.layout import row_major

BLOCK_BYTES = 1 << 19       # of a block, and of what one thread copies alone


@row_major.register("numpy")
def row_major_in_blocks(x: np.ndarray) -> Any:
    if x.nbytes <= BLOCK_BYTES or x.flags.c_contiguous or len(x) == 1:
        return NotImplemented
    y = np.empty(x.shape, x.dtype)
    parallel(lambda s: np.copyto(y[s], x[s]), blocks(len(x), x[0].nbytes, BLOCK_BYTES))
    return y
