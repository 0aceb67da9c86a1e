"""Views: tensors that share the memory of another tensor, and their edges after a write.

A view is the result of one op, `view = op(base)`, and shares the memory of its base. The base may be a view too. The
tensor at the end of this path is the owner. A write into the memory gives the owner a new edge (`inplace.py`), and
increases the version of the memory. A view whose edge belongs to an older version is stale. Its edge is computed again
when it is next read: by the same ops, applied to the owner in its present state.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.autograd.tensorbase import Edge, TensorBase, is_leaf, set_edge, version_of, wrap

if TYPE_CHECKING:
    from minidl.autograd.op import Op
    from minidl.backend.device import Array


class View:
    """The base of a view, and the op between them: `tensor = op(base)`."""

    __slots__ = ("_array", "_base", "edge_version", "op", "recorded")

    def __init__(self, base: TensorBase, op: Op, recorded: bool) -> None:
        self._base = base
        self._array = base.array            # the array of the base when the view was made
        self.op = op
        self.recorded = recorded            # False if made under no_grad or by a Function: its edge never changes
        self.edge_version = version_of(base)[0]     # the version of the memory to which the edge belongs

    @property
    def base(self) -> TensorBase:
        """The tensor that the view was taken from, with the memory of that time.

        If that tensor has become a view of itself since (`t_()`), this is its old form. If its memory was replaced,
        this is a tensor around the old memory.
        """
        while self._base.array is not self._array:
            itself = self._base.view_of
            self._base = wrap(self._array) if itself is None else itself.base
        return self._base

    def move(self, array: Array) -> Array:
        """The view of the base's memory, whose order was free until now and is that of `array`."""
        self._array = array
        return self.op.forward(array)


def path_to_owner(tensor: TensorBase) -> list[TensorBase]:
    """The tensor, its base, the base of the base, and so on, up to the owner of the memory."""
    path = [tensor]
    while path[-1].view_of is not None:
        path.append(path[-1].view_of.base)
    return path


def current_edge(tensor: TensorBase) -> Edge | None:
    """The tensor's edge, updated first if the tensor is a stale view."""
    if tensor.view_of is not None:
        refresh_edge(tensor)
    return tensor.edge


def refresh_edge(tensor: TensorBase) -> None:
    """Update the edge of a stale view: apply the view's op to the base in its present state.

    Errors: RuntimeError if a custom Function returned the view, for then its op is not known.
    """
    view = tensor.view_of
    if view is None or view.edge_version == tensor.version[0]:  # type: ignore[index]
        return
    n, writer = tensor.version  # type: ignore[misc]
    if _is_itself(tensor):
        view.edge_version = n
        return
    path = [tensor]
    while path[-1].view_of is not None and path[-1].view_of.recorded:
        path.append(path[-1].view_of.base)
    source = path.pop()
    if source.view_of is not None and source.edge is not None:
        raise RuntimeError(
            f"a view of shape {tuple(source.array.shape)}, returned by a custom Function, is read after the "
            f"memory that it looks into was written by {writer}: its gradient cannot be derived "
            f"anew. Return a clone() from the Function, or write after the last use of the view.")
    if source.edge is None:     # no write had a gradient, so a view that was made a leaf is still a leaf
        for i, x in enumerate(path):
            if is_leaf(x):
                source = x
                del path[i:]
                break
    for x in reversed(path):
        source = x.view_of.op.reapply(source)  # type: ignore[union-attr]
    if path:
        set_edge(tensor, source.edge)
    view.edge_version = n


def _is_itself(tensor: TensorBase) -> bool:
    """Whether the only base is the tensor before `t_()` or its like, and no write since was recorded."""
    x = tensor
    while x.view_of is not None:
        base = x.view_of.base
        if not base.is_replaced or x.edge is None or is_leaf(x) or x.edge[0].edges[0] is not base.edge:
            return False
        x = base
    return True
