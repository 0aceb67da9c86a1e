"""Mirror images, of any memory."""
from __future__ import annotations

import numpy as np
import pytest

from minidl.backend.kernels.flip import mirrored

BYTES = np.random.default_rng(0).integers(0, 256, (3, 4, 32), np.uint8)
LARGE = np.random.default_rng(0).integers(0, 256, (5, 81, 1 << 10), np.uint8)


@pytest.mark.parametrize("array", [
    BYTES, BYTES[..., :16], BYTES[..., 3:19], BYTES[..., 2:21], BYTES[..., :7], BYTES[..., :1], BYTES[..., :0],
    BYTES[:0], BYTES[::-1, 1:], BYTES[..., ::2], BYTES[..., ::-1], BYTES.T, BYTES.transpose(1, 0, 2),
    BYTES[:, :, :1].repeat(8, 2), np.broadcast_to(BYTES[:1], BYTES.shape), BYTES.view(np.int8), BYTES > 127,
    BYTES[0, 0], np.float32(BYTES), np.int64(BYTES), BYTES.view("f2"), LARGE, LARGE[..., 1:], LARGE.view("f2"),
    LARGE.view("f4"), LARGE.view("f4")[:, 1:], LARGE[:, 1:, :1020].copy().view("f4"), LARGE.reshape(-1, 32).view("f4"),
    LARGE.view("f8"), LARGE.view("c16"), LARGE.repeat(6, 0).view("c8"),
    LARGE.repeat(6, 0)[..., :1020].copy().view("f4")])
def test_mirrored(array):
    result = mirrored(array)
    assert result.tobytes() == array[..., ::-1].tobytes()       # also the bits of NaN
    assert result.dtype == array.dtype and result.flags.c_contiguous and not np.shares_memory(result, array)
