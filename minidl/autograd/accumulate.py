"""The end of the way back: a gradient arrives at a leaf, and is added to its `.grad`."""
from __future__ import annotations

import threading
import weakref
from typing import Any

from minidl.autograd.hooks import run_node_hooks, run_prehooks
from minidl.autograd.op import Op, next_sequence
from minidl.autograd.tensorbase import TensorBase, version_of, wrap
from minidl.autograd.views import current_edge
from minidl.backend.device import Array, empty_dense

_one_at_a_time = threading.Lock()   # threads that share leaves add to the same `.grad`


class AccumulateGrad(Op):
    """Stands behind a leaf, and adds what arrives to the leaf's `.grad`.

    The leaf holds this op. This op must not hold the leaf, or the two would never be freed.
    """

    is_leaf = True

    def __init__(self, leaf: TensorBase) -> None:
        self.sequence = next_sequence()
        self.leaf = weakref.ref(leaf)
        self.kept = {}

    @property
    def variable(self) -> TensorBase | None:
        """The leaf, as PyTorch's `AccumulateGrad.variable`; None if nobody holds it any more."""
        return self.leaf()

    def arrive(self, g: Any, graph: bool, owned: bool) -> None:
        """Add `g` to the leaf's `.grad`, with the hooks before and after. `owned`: nobody else holds `g`.

        Errors: RuntimeError where the leaf is none any more: memory that it looks into was written with a gradient.
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
            accumulate(leaf, g, owned)
            return
        g = run_prehooks(self, hooks, g, graph)
        accumulate(leaf, g, owned and not (hooks.before or hooks.after))   # hooks may have put it aside
        for hook in hooks.on_leaf:
            hook(leaf)
        run_node_hooks(self, hooks, (), g, graph)


def accumulate(tensor: TensorBase, g: Any, owned: bool) -> None:
    """Add a gradient to `tensor.grad`. The first is taken over if nobody else holds it, and copied if not."""
    shape = getattr(g, "array", g).shape
    if shape != tensor.array.shape:
        raise RuntimeError(f"a gradient of shape {tuple(shape)} arrived at a leaf of shape "
                           f"{tuple(tensor.array.shape)}: a gradient rule returned a wrong shape")
    with _one_at_a_time:
        if tensor.grad is None:
            if not owned:
                g = g.clone() if isinstance(g, TensorBase) else g.copy(order="K")  # type: ignore[attr-defined]
            tensor.grad = gradient_of(tensor, g)
        elif isinstance(g, TensorBase):
            tensor.grad = tensor.grad + g   # type: ignore[operator]
        else:
            version = version_of(tensor.grad)
            version[:] = version[0] + 1, "backward"
            tensor.grad.array += g


def gradient_of(tensor: TensorBase, g: TensorBase | Array) -> Any:
    """A gradient that nobody else holds, as a tensor that lies in memory as `tensor` does.

    It lies row by row where `tensor` has gaps. A recorded gradient, which is a tensor already, stays as it lies.
    """
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
