"""Choose elements by their positions or their order.

`items.py` is `x[index]`, `along_axis.py` one axis at a time and masks, `scattered.py` several values for one place,
`order.py` sorting, `window.py` windows and strides, `python_functions.py` Python functions, element by element.
"""
from minidl.ops.index.items import (
    Assign, GetItem, Replace, ScatterAdd, SetItem, copy_, fill, fill_, fill_diagonal_, getitem, setitem, zero_,
)
from minidl.ops.index.along_axis import (
    MaskedFill, MaskedFillInPlace, gather, index_add, index_add_, index_copy, index_copy_, index_fill, index_fill_,
    index_put, index_put_, index_select, masked_fill, masked_fill_, masked_scatter, masked_scatter_, masked_select,
    repeat_interleave, scatter_add, scatter_add_, take, take_along_dim,
)
from minidl.ops.index.scattered import (
    ScatterExtreme, ScatterProduct, index_reduce, index_reduce_, put, put_, scatter, scatter_, scatter_reduce,
    scatter_reduce_,
)
from minidl.ops.index.segments import segment_reduce
from minidl.ops.index.order import argsort, bucketize, searchsorted, sort, topk, unique
from minidl.ops.index.positions import argwhere, nonzero, nonzero_static, tril_indices, triu_indices
from minidl.ops.index.window import (
    AsStrided, SlidingWindow, Strided, WindowSum, as_strided, as_strided_, unfold, unravel_index, vander,
)
from minidl.ops.index.view_scatter import as_strided_scatter, diagonal_scatter, select_scatter, slice_scatter
from minidl.ops.index.python_functions import apply_, map2_, map_
