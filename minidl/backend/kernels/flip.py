"""Mirror images."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


@kernel
def mirrored(x: Array) -> Array:
    """A copy in reverse order along the last axis."""
    return x[..., ::-1].copy()
