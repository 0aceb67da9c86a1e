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
