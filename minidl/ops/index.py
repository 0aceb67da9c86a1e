"""All functions that choose elements by their positions or their order, and where each is written.

`getitem.py` is `x[index]`, `gather.py` one axis at a time and masks, `embedding.py` rows of a
table, `sort.py` order.
"""
from minidl.ops.getitem import (
    Assign, GetItem, Replace, ScatterAdd, SetItem, copy_, fill, fill_, getitem, setitem, zero_,
)
from minidl.ops.gather import (
    MaskedFill, MaskedFillInPlace, gather, index_add, index_add_,
    index_copy, index_copy_, index_fill, index_fill_, index_put, index_put_, index_select,
    masked_fill, masked_fill_, masked_scatter, masked_select, repeat_interleave,
    scatter, scatter_, scatter_add, scatter_add_, take, take_along_dim,
)
from minidl.ops.positions import argwhere, nonzero, nonzero_static, tril_indices, triu_indices
from minidl.ops.embedding import Embedding, embedding, one_hot
from minidl.ops.sort import (
    argsort, bucketize, searchsorted, sort, topk, unique,
)
