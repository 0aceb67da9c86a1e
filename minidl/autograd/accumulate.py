"""The end of the backward pass: a gradient arrives at a leaf, and is added to its `.grad`."""
from __future__ import annotations

import threading
import weakref
from typing import Any

from minidl.autograd.hooks import run_node_hooks, run_prehooks
from minidl.autograd.op import Op, next_sequence
from minidl.autograd.tensorbase import SparseBase, TensorBase, version_of, wrap
from minidl.autograd.views import current_edge
from minidl.backend.device import Array, empty_dense

_lock = threading.Lock()   # threads that share leaves add to the same `.grad`


class AccumulateGrad(Op):
    """The op behind a leaf: it adds each gradient that arrives to the leaf's `.grad`.

    The leaf holds a reference to this op. This op holds only a weak one, or the two would never be freed.
    """

    is_leaf = True

    def __init__(self, leaf: TensorBase) -> None:
        self.sequence = next_sequence()
        self.leaf = weakref.ref(leaf)
        self.kept = {}

    @property
    def variable(self) -> TensorBase | None:
        """The leaf, as in PyTorch's `AccumulateGrad.variable`; None if it was freed."""
        return self.leaf()

    def arrive(self, g: Any, graph: bool, owned: bool, sums: list[Array] | None = None) -> None:
        """Add `g` to the leaf's `.grad`, and run the hooks before and after. `owned`: nobody else holds `g`.

        sums: where an array would be added to another one, both are appended here instead: see `add_to_each`.
        Errors: RuntimeError if the tensor is no leaf any more, because a write with a gradient changed its memory.
        """
        leaf = self.leaf()
        edge = None if leaf is None else current_edge(leaf)
        if leaf is None or edge is None:    # gone, or frozen since: requires_grad is False now
            return
        if not edge[0].is_leaf:
            raise RuntimeError("leaf variable has been moved into the graph interior: it is a view, and the memory "
                               "that it looks into was written after it was used; clone() it before it is made a leaf")
        hooks = self.hooks
        if hooks is None:
            accumulate(leaf, g, owned, sums)
            return
        g = run_prehooks(self, hooks, g, graph)
        accumulate(leaf, g, owned and not (hooks.before or hooks.after))   # a hook may hold g
        for hook in hooks.on_leaf:
            hook(leaf)
        run_node_hooks(self, hooks, (), g, graph)


def accumulate(tensor: TensorBase, g: Any, owned: bool, sums: list[Array] | None = None) -> None:
    """Add a gradient to `tensor.grad`.

    The first gradient is stored as it is if `owned`, else copied. Sparse gradients stay sparse until a dense one comes.
    sums: as of `AccumulateGrad.arrive`.
    """
    shape = getattr(g, "array", g).shape
    if shape != tensor.array.shape:
        raise RuntimeError(f"a gradient of shape {tuple(shape)} arrived at a leaf of shape "
                           f"{tuple(tensor.array.shape)}: a gradient rule returned a wrong shape")
    with _lock:
        if isinstance(g, SparseBase) and isinstance(tensor.grad, TensorBase):
            g = g.to_dense()    # type: ignore[attr-defined]
            g = g.array if g.edge is None else g
        if tensor.grad is None:
            if not owned:
                g = g.clone() if isinstance(g, (TensorBase, SparseBase)) else g.copy(order="K")  # type: ignore
            tensor.grad = gradient_of(tensor, g)
        elif isinstance(tensor.grad, SparseBase):   # type: ignore[unreachable]
            tensor.grad = tensor.grad.plus(g if isinstance(g, (TensorBase, SparseBase)) else wrap(g))
        elif isinstance(g, TensorBase):
            tensor.grad = tensor.grad + g   # type: ignore[operator]
        else:
            version = version_of(tensor.grad)
            version[:] = version[0] + 1, "backward"
            if sums is None:
                tensor.grad.array += g
            else:
                sums += tensor.grad.array, g


def gradient_of(tensor: TensorBase, g: TensorBase | Array) -> Any:
    """A gradient that nobody else holds, as a tensor in the memory layout of `tensor`.

    It is in row-major order where `tensor` has gaps. A recorded gradient, which is a tensor already, is not copied.
    """
    if isinstance(g, SparseBase):
        return g
    row_by_row = tensor.array.flags.c_contiguous or tensor.layout_is_free
    if isinstance(g, TensorBase):
        gradient = g
    elif row_by_row or g.strides == tensor.array.strides:
        gradient = wrap(g)
    else:
        gradient = wrap(empty_dense(tensor.array))
        gradient.array[...] = g
    if row_by_row and not gradient.array.flags.c_contiguous:
        gradient.layout_is_free = True
    return gradient
