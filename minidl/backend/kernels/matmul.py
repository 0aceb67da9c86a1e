"""The matrix product."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


@kernel
def matmul(a: Array, b: Array) -> Array:
    """a @ b: (*, M, K) and (*, K, N) -> (*, M, N), with vectors as `numpy.matmul` takes them."""
    return a @ b
