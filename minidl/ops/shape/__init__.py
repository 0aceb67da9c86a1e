"""Reshape, reorder, join and cut tensors.

`views.py` changes how memory is read, `join.py` joins and cuts, `movement.py` copies elements to other places.
"""
from minidl.ops.shape.views import (
    Clone, Permute, Reinterpret, Reshape, Slice, SliceScatter, atleast_1d, atleast_2d, atleast_3d, broadcast_tensors,
    broadcast_to, clone, contiguous, expand, expand_as, flatten, meshgrid, moveaxis, movedim, narrow, permute, ravel,
    reshape, reshape_as, select, squeeze, squeeze_, swapaxes, swapaxes_, swapdims, swapdims_, t, t_, transpose,
    transpose_, unflatten, unsqueeze, unsqueeze_, view, view_as,
)
from minidl.ops.shape.join import (
    Cat, Pieces, Split, Stack, Unbind, cat, chunk, column_stack, concat, concatenate, dsplit, dstack, hsplit, hstack,
    row_stack, split, split_with_sizes, stack, tensor_split, unbind, unsafe_chunk, unsafe_split,
    unsafe_split_with_sizes, vsplit, vstack,
)
from minidl.ops.shape.movement import (
    Diagonal, DiagonalScatter, Flip, Roll, Tile, Triangle, diag, diag_embed, diagflat, diagonal, flip, fliplr, flipud,
    pad, repeat, resize_, resize_as_, roll, rot90, tile, tril, tril_, triu, triu_,
)
from minidl.ops.shape.pixel import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minidl.ops.shape.axes_pattern import rearrange
