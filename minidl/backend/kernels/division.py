"""Division that is rounded down, and what it leaves: exact, where a / b would round first."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


@kernel
def floor_divide(a: Array, b: Any) -> Array:
    """The largest whole number z with b * z <= a, in exact arithmetic: 2.0 // 0.4 is 4, but 2.0 / 0.4 rounds to 5."""
    return np.floor_divide(a, b)


@kernel
def remainder(a: Array, b: Any) -> Array:
    """a - b * floor(a / b), in exact arithmetic."""
    return np.remainder(a, b)
