"""Mirror images, of any memory."""
from __future__ import annotations

import numpy as np
import pytest

from minidl.backend.kernels.flip import mirrored

BYTES = np.random.default_rng(0).integers(0, 256, (3, 4, 32), np.uint8)


@pytest.mark.parametrize("array", [
    BYTES, BYTES[..., :16], BYTES[..., 3:19], BYTES[..., :7], BYTES[..., :1], BYTES[..., :0], BYTES[:0],
    BYTES[::-1, 1:], BYTES[..., ::2], BYTES[..., ::-1], BYTES.T, BYTES.transpose(1, 0, 2), BYTES[:, :, :1].repeat(8, 2),
    np.broadcast_to(BYTES[:1], BYTES.shape), BYTES.view(np.int8), BYTES > 127, BYTES[0, 0], np.float32(BYTES),
    np.int64(BYTES), BYTES.view("f2")])
def test_mirrored(array):
    result = mirrored(array)
    np.testing.assert_array_equal(result, array[..., ::-1])
    assert result.dtype == array.dtype and result.flags.c_contiguous and not np.shares_memory(result, array)
