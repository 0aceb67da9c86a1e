"""Special functions that array libraries lack, or compute slowly."""
from __future__ import annotations

import math

from minidl.backend.device import Array, library_of
from minidl.backend.kernel import kernel


@kernel
def normal_cdf(x: Array) -> Array:
    """y = P(a standard normal number <= x) = (1 + erf(x / sqrt(2))) / 2"""
    # erfc, not 1 + erf: that would cancel far below 0. Half precision comes back as single.
    y = library_of(x).special.erfc(x * -math.sqrt(0.5))
    y *= 0.5
    return y.astype(x.dtype, copy=False)
