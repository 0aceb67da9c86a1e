"""View functions that copy: `permute_copy(x, dims)` is `permute(x, dims).clone()`, and so on.

PyTorch has these for compilers, which prefer functions whose results share no memory with their arguments.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.autograd.basic_ops import Alias
from minidl.autograd.tensorbase import wrap
from minidl.ops import shape
from minidl.ops.base.declaration import public
from minidl.ops.index import as_strided, unfold
from minidl.ops.index.view_scatter import slice_view
from minidl.ops.shape import Clone, diagonal, split, unbind
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def _copying(view: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function `name`: it calls `view`, and copies all results, row by row."""
    def copy(input: Tensor, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        seen = view(input, *args, **kwargs)
        return tuple([Clone("C")(part) for part in seen]) if isinstance(seen, tuple) else Clone("C")(seen)
    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"`{name}`, as a copy in memory of its own."
    return public(copy)


def _slice(input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    return slice_view(input, dim, start, end, step, "slice_copy")


alias_copy = _copying(lambda input: Alias()(input), "alias")
as_strided_copy = _copying(as_strided, "as_strided")
detach_copy = _copying(lambda input: wrap(array_of(input)), "detach")
diagonal_copy = _copying(diagonal, "diagonal")
expand_copy = _copying(shape.expand, "expand")
permute_copy = _copying(shape.permute, "permute")
select_copy = _copying(shape.select, "select")
slice_copy = _copying(_slice, "slice")
split_copy = _copying(split, "split")
split_with_sizes_copy = _copying(split, "split_with_sizes")
squeeze_copy = _copying(shape.squeeze, "squeeze")
t_copy = _copying(shape.t, "t")
transpose_copy = _copying(shape.transpose, "transpose")
unbind_copy = _copying(unbind, "unbind")
unfold_copy = _copying(unfold, "unfold")
unsqueeze_copy = _copying(shape.unsqueeze, "unsqueeze")
view_copy = _copying(shape.reshape, "view")


@public
def narrow_copy(input: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None) -> Tensor:
    """`narrow`, as a copy in its own memory."""
    return Clone("C")(shape.narrow(input, dim, start, length))
