"""All functions that give the same numbers another shape, order or company, and where each is written.

`view.py` changes how memory is read, `join.py` joins and cuts, `rearrange.py` copies to other places.
"""
from minidl.ops.view import (
    Clone, Permute, Reshape, Slice, SliceScatter, atleast_1d, atleast_2d, atleast_3d,
    broadcast_tensors, broadcast_to, clone, contiguous, expand, expand_as, flatten, meshgrid,
    moveaxis, movedim, narrow, permute, ravel, reshape, reshape_as, select, squeeze, swapaxes,
    swapdims, t, transpose, unflatten, unsqueeze, view, view_as,
)
from minidl.ops.join import (
    Cat, Pieces, Split, Stack, Unbind, cat, chunk, concat, concatenate, dstack, hstack, split,
    stack, tensor_split, unbind, vstack, column_stack, dsplit, hsplit, vsplit, row_stack, split_with_sizes,
    unsafe_chunk, unsafe_split, unsafe_split_with_sizes,
)
from minidl.ops.rearrange import (
    Diagonal, DiagonalScatter, Flip, Roll, Tile, Triangle, diag, diag_embed, diagflat, diagonal, flip,
    fliplr, flipud, pad, repeat, roll, rot90, tile, tril, triu,
)

__all__ = [
    "Cat", "Clone", "Diagonal", "DiagonalScatter", "Flip", "Permute", "Pieces", "Reshape", "Roll",
    "Slice", "SliceScatter", "Split", "Stack", "Tile", "Triangle", "Unbind", "atleast_1d",
    "atleast_2d", "atleast_3d", "broadcast_tensors", "broadcast_to", "cat", "chunk", "clone",
    "column_stack", "concat", "concatenate", "contiguous", "diag", "diag_embed", "diagflat", "diagonal",
    "dsplit", "dstack", "expand", "expand_as", "flatten", "flip", "fliplr", "flipud", "hsplit",
    "hstack", "meshgrid", "moveaxis", "movedim", "narrow", "pad", "permute", "ravel", "repeat",
    "reshape", "reshape_as", "roll", "rot90", "row_stack", "select", "split", "split_with_sizes",
    "squeeze", "stack", "swapaxes",
    "swapdims", "t", "tensor_split", "tile", "transpose", "tril", "triu", "unbind", "unflatten", "unsafe_chunk",
    "unsafe_split", "unsafe_split_with_sizes",
    "unsqueeze", "view", "view_as", "vsplit", "vstack",
]
