"""Mirror images on the CPU. NumPy copies backwards an element at a time, be it a byte or a word of eight.

A word that is read in the other byte order comes out with its bytes reversed, by one instruction.
"""
from __future__ import annotations

import numpy as np

from minidl.backend.kernels.flip import mirrored

WORD, REVERSED = np.dtype("<u8"), np.dtype(">u8")
BLOCK_BYTES = 1 << 20   # read forwards into the cache first: memory read backwards takes three times as long
FEWEST = 1 << 15        # elements of several bytes, and
NARROWEST = 96          # of them in a row: with fewer, the second pass takes longer than it saves


@mirrored.register("numpy")
def mirrored_in_blocks(x: np.ndarray) -> np.ndarray:
    size, width = x.itemsize, x.shape[-1]
    by_words = size in (2, 4) and x.size >= FEWEST and width >= NARROWEST and not width * size % WORD.itemsize
    if not x.flags.c_contiguous or not by_words and x.nbytes <= 2 * BLOCK_BYTES:
        return NotImplemented
    result = np.empty_like(x)
    rows, new = x.reshape(-1, width), result.reshape(-1, width)
    step = max(1, BLOCK_BYTES // (width * size))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        if by_words:    # the bytes of each element are reversed before, so that they come out as they were
            swapped = rows[block].view(f">u{size}").astype(f"<u{size}")
            new[block].view(WORD)[...] = swapped.view(REVERSED)[:, ::-1]
        else:
            new[block] = rows[block].copy()[:, ::-1]
    return result


@mirrored.register("numpy", before="mirrored_in_blocks")
def mirrored_bytes(x: np.ndarray) -> np.ndarray:
    if x.itemsize != 1 or x.strides[-1] != 1:
        return NotImplemented
    result = np.empty(x.shape, x.dtype)
    rest = x.shape[-1] % WORD.itemsize      # the last bytes of a row are less than a word
    words = x.shape[-1] - rest
    result[..., rest:].view(WORD)[...] = x[..., :words].view(REVERSED)[..., ::-1]
    if rest:
        result[..., :rest] = x[..., words:][..., ::-1]
    return result
