"""Running results along an axis, for operations that only NumPy can accumulate."""
from __future__ import annotations

from typing import Any

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


@kernel
def scan(x: Array, axis: int, ufunc: Any) -> Array:
    """y_i = ufunc(y_(i-1), x_i) along an axis, for an associative ufunc such as `np.maximum`.

    Pass k combines each element with the element 2^k places before it, for k = 0, 1, 2, ... After k passes y_i covers
    the 2^k elements that end with x_i (Hillis and Steele, Data parallel algorithms, 1986).
    """
    y, n, shift = x.copy(), x.shape[axis], 1

    def part(start: int, stop: int) -> Any:
        return (slice(None),) * axis + (slice(start, stop),)

    while shift < n:
        joined = ufunc(y[part(0, n - shift)], y[part(shift, n)])
        y = array_module(x).concatenate([y[part(0, shift)], joined], axis=axis)
        shift *= 2
    return y
