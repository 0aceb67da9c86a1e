"""Random numbers on the GPU: a counter, so that the state of a stream is two numbers, its seed and its offset."""
from __future__ import annotations

import struct
from typing import Any

import cupy
import numpy as np
from cupy.cuda import runtime

from minidl.backend.capture import captured
from minidl.backend.cuda.module import function, launch, rows
from minidl.backend.device import Array, check_state

_STATE = struct.Struct("<QQ")
_FILE = "random.cu"


class PhiloxStream:
    """A generator with the methods of NumPy's that minidl draws with.

    Element i of a draw depends on the seed and on offset + i alone, and a draw of n numbers moves the offset by n. So
    every device draws the same numbers, and a saved state repeats them. A draw of a captured step moves the offset at
    each replay, and not when it is captured.
    """

    def __init__(self, seed: int, offset: int, device: int) -> None:
        self.seed, self.offset, self.device = seed % 2**64, offset, device

    def state(self) -> bytes:
        """Seed and offset."""
        return _STATE.pack(self.seed, self.offset)

    def random(self, size: Any = (), dtype: Any = np.float64) -> Array:
        """Uniform numbers on [0, 1)."""
        return self._draw("uniform", size, np.dtype(dtype))

    def standard_normal(self, size: Any = (), dtype: Any = np.float64) -> Array:
        """Normal numbers of mean 0 and variance 1."""
        return self._draw("normal", size, np.dtype(dtype))

    def integers(self, low: int, high: int | None = None, size: Any = (), endpoint: bool = False) -> Array:
        """Whole numbers from `low` to `high - 1`, or to `high` with `endpoint`."""
        low, high = (0, low) if high is None else (low, high)
        count = np.uint64((high - low + endpoint) % 2**64)
        return self._draw("integers", size, np.dtype(np.int64), np.int64(low), count)

    def poisson(self, rates: Array) -> Array:
        """A Poisson count for each rate."""
        return self._draw("poisson", rates.shape, np.dtype(np.float64), rows(rates.astype(np.float64)))

    def binomial(self, n: Array, p: Array) -> Array:
        """The number of successes among n trials of probability p, for each pair."""
        return self._draw("binomial", n.shape, np.dtype(np.float64), rows(n.astype(np.float64)),
                          rows(p.astype(np.float64)))

    def _draw(self, name: str, size: Any, dtype: np.dtype, *args: Any) -> Array:
        types = (dtype,) if name in ("uniform", "normal") else ()
        runtime.setDevice(self.device)      # which stays current: what is drawn is computed with
        y = cupy.empty(size, dtype)
        capture, count = captured(), y.size
        now = 0 if capture is None else capture.words(lambda: self._moved(count), 2).data.ptr
        seed, offset = self._moved(count if capture is None else 0)
        launch(function(_FILE, name, *types), y.size, y, *args, np.uint64(seed), np.uint64(offset), np.uint64(now))
        return y

    def _moved(self, count: int) -> tuple[int, int]:
        """Seed and offset of a draw of `count` numbers; the offset moves behind them."""
        offset, self.offset = self.offset, (self.offset + count) % 2**64
        return self.seed, offset


def stream_from(state: bytes, device: int) -> PhiloxStream:
    """The stream of a saved state. Errors: RuntimeError if `state` has another length."""
    check_state(state, _STATE.size)
    seed, offset = _STATE.unpack(state)
    return PhiloxStream(seed, offset, device)
