"""The backward pass: gradients go from op to op, the newest op first.

Every op has a sequence number, and an op is always newer than the ops that made its inputs. So when the
engine takes the newest op that has received a gradient, this gradient is complete. The engine keeps these
ops in a heap, takes the newest, asks it for the gradients of its inputs, and delivers each gradient to the
op at the other end of its edge. There is no recursion: a chain of 100,000 ops works like a chain of ten.

Gradients are plain arrays. They are Tensors only if a graph of them is wanted; then the same rules are
recorded.
"""
from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minidl.autograd.around import around_gradients, around_ops, wrapped_gradients
from minidl.autograd.errors import annotate, check_nan, where_recorded
from minidl.autograd.grad_mode import switches
from minidl.autograd.handles import OpHooks
from minidl.autograd.hooks import run_node_hooks, run_prehooks, run_tensor_hooks
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import Edge, SparseBase, wrap
from minidl.backend.device import array_module
from minidl.backend.kernels.sums import add_to_each

Roots = Sequence[tuple[Edge, Any]]
"""Where gradients start: the edge of a tensor, and the gradient of that tensor."""

NumPyScalar = np.generic    # NumPy returns scalars instead of arrays without axes


def propagate(roots: Roots, graph: bool, retain: bool, targets: Iterable[Edge] | None = None) -> dict[Edge, Any]:
    """Propagate gradients back from `roots`, as arrays, or as Tensors if `graph`.

    Without `targets`, each leaf receives its gradient in `.grad`. With `targets`, only the ops between the roots and
    the targets run, and the gradients of the targets are returned. Unless `retain`, each op frees its kept values.
    """
    search = None if targets is None else Search(targets, roots)
    find_nan, guard = switches.anomaly and switches.check_nan, around_ops.guard
    before = switches.enabled, switches.autocast
    switches.enabled, switches.autocast = graph, frozenset()    # gradients have the dtypes of the values
    try:
        arrivals = Arrivals(roots, graph)
        for op, g in arrivals.newest_first():
            if arrivals.leaves and (op.edges or op.hooks is not None):
                arrivals.reach_leaves()
            if guard is not None:
                guard(op.name(), g if type(g) is tuple else (g,))
            hooks = op.hooks
            if hooks is not None and (hooks.on_output or hooks.retained):
                g = run_tensor_hooks(op, hooks, g, graph)
                arrivals.owned = False      # a hook may hold the gradient
            edges = op.edges
            if search is not None:
                edges = search.collect(op, g)
                if not any(edges):
                    continue
            elif not edges:     # a leaf
                if hooks is not None or graph or type(g) is np.ndarray:
                    op.arrive(g, graph, arrivals.owned)
                else:
                    arrivals.leaves.append((op, g, arrivals.owned))
                continue
            if type(g) is tuple and op.materialize:
                g = _with_zeros(op, g, graph)
            try:
                passed = op.input_gradients(g, graph, edges) if hooks is None and not around_gradients.functions else \
                    _pass_back(op, hooks, g, graph, edges)
            except Exception as error:
                annotate(error, f"in the gradient of {op.name()}" + where_recorded(op))
                raise
            if find_nan:
                check_nan(op, passed)
            arrivals.deliver(edges, passed)
            del passed      # so that only `arrivals` holds these gradients, if nobody else does
            if not retain:
                op.kept = None
        arrivals.reach_leaves()
    finally:
        switches.enabled, switches.autocast = before
    return {} if search is None else search.found


class Arrivals:
    """The ops that have received a gradient, newest first, and the gradient of each so far.

    The first gradient is stored without a copy. Others are added to it in place if nobody else holds it, as Python's
    count of references tells, and out of place if somebody does: another op that the same array was passed to, a hook,
    the user.

    A GPU starts one sum as fast as many. So there the sums of leaves, which nobody reads before, are put off until the
    first leaf is reached, and leaves that are reached one after the other get their gradients together.
    """

    def __init__(self, roots: Roots, graph: bool) -> None:
        self.graph = graph
        self.heap: list[tuple[int, Op]] = []
        self.pending: dict[Op, Any] = {}    # op -> gradient of its output; {slot: gradient} for several outputs
        self.owned = False                  # whether nobody else holds the gradient of the leaf that was reached last
        self.sums: dict[Op, tuple[Any, Any]] = {}       # of leaves, put off: what is to be added to which gradient
        self.leaves: list[tuple[Any, Any, bool]] = []   # leaves that are reached, their gradients, and `owned` of each
        for edge, g in roots:
            self.deliver((edge,), (g,))

    def newest_first(self) -> Iterator[tuple[Any, Any]]:
        """Yield the newest op, again and again, with the gradient of its output (a tuple for several outputs)."""
        pending = self.pending
        while self.heap:
            op = heappop(self.heap)[1]
            if op.is_leaf:
                if self.sums:
                    self.add_up()
                self.owned = not self.graph and _held_once(pending, op)
            g = pending.pop(op)
            yield op, tuple([g.get(slot) for slot in range(op.outputs)]) if type(g) is dict else g

    def deliver(self, edges: Sequence[Edge | None], gradients: Sequence[Any]) -> None:
        """Add each of `gradients` to the pending gradient of the op of its edge."""
        pending = self.pending
        for i, gx in enumerate(gradients):
            if gx is None or (edge := edges[i]) is None:
                continue
            op, slot = edge
            if type(gx) is not np.ndarray and isinstance(gx, NumPyScalar):
                gx = np.asarray(gx)
            if op in pending:
                self.add(op, slot, gx)
            else:
                heappush(self.heap, (-op.sequence, op))
                pending[op] = gx if op.outputs == 1 else {slot: gx}

    def add(self, op: Op, slot: int, gx: Any) -> None:
        """Add a further gradient to the pending one of `op`: in place, if nobody else holds that."""
        pending = self.pending
        if op in self.sums:
            self.add_up()
        if op.outputs > 1:
            slots = pending[op]
            slots[slot] = _sum(slots[slot], gx) if slot in slots else gx
        elif self.graph or isinstance(gx, SparseBase) or not _held_once(pending, op):
            pending[op] = _sum(pending[op], gx)
        else:
            if around_ops.guard is not None:
                around_ops.guard(op.name(), (pending[op], gx))
            if op.is_leaf and type(pending[op]) is type(gx) is not np.ndarray:
                self.sums[op] = pending[op], gx
            else:
                pending[op] += gx

    def add_up(self) -> None:
        """Do the sums that were put off."""
        sums, self.sums = self.sums, {}
        add_to_each(*[array for pair in sums.values() for array in pair])

    def reach_leaves(self) -> None:
        """Hand the leaves that are reached their gradients."""
        leaves, self.leaves = self.leaves, []
        sums: list[Any] = []
        try:
            for op, g, owned in leaves:
                op.arrive(g, False, owned, sums)
        finally:
            if sums:
                add_to_each(*sums)


def _held_once(pending: dict[Op, Any], op: Op) -> bool:
    """Whether nobody else holds the pending gradient of an op, which is an array, or the memory of that array."""
    if _holders(pending, op) != ONE_HOLDER:
        return False
    array = pending[op]
    return array.base is None or (      # or it is a view of a reshaped array that is gone
        type(array.base) is type(array) and array.base.base is None and array.base.size == array.size
        and array.flags.c_contiguous and getattr(array.flags, "writeable", True)
        and _holders_of_base(array) == ONE_HOLDER_OF_BASE)


def _holders(pending: dict[Any, Any], op: Any) -> int:
    return sys.getrefcount(pending[op])


def _holders_of_base(array: Any) -> int:
    base = array.base
    return sys.getrefcount(base)


ONE_HOLDER = _holders({None: np.empty(1)}, None)    # with those of the count itself
ONE_HOLDER_OF_BASE = _holders_of_base(np.empty(2).reshape(2, 1))


def _sum(a: Any, b: Any) -> Any:
    if around_ops.guard is not None:
        around_ops.guard("a sum of gradients", (a, b))
    total = a + b
    return np.asarray(total) if isinstance(total, NumPyScalar) else total


class Search:
    """The edges whose gradients are asked for, and the gradients found so far."""

    def __init__(self, targets: Iterable[Edge], roots: Roots) -> None:
        self.targets = set(targets)
        self.ops_to_targets = _ops_between(self.targets, roots)
        self.found: dict[Edge, Any] = {}

    def collect(self, op: Op, g: Any) -> list[Edge | None]:
        """Store the gradients of an op's outputs that are targets; return the edges that lead to other targets."""
        for slot in range(op.outputs):
            if (op, slot) in self.targets:
                self.found[op, slot] = g if op.outputs == 1 else g[slot]
        return [edge if edge is not None and edge[0] in self.ops_to_targets else None for edge in op.edges]


def _ops_between(targets: set[Edge], roots: Roots) -> set[Op]:
    """The ops between `roots` and `targets`: the ops from which a target can be reached."""
    reachable = {op for (op, _), _ in roots}
    stack = list(reachable)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge[0] not in reachable:
                reachable.add(edge[0])
                stack.append(edge[0])
    towards = {op for op, _ in targets}
    for op in sorted(reachable, key=lambda op: op.sequence):  # inputs before outputs
        if any(edge is not None and edge[0] in towards for edge in op.edges):
            towards.add(op)
    return towards


def _pass_back(op: Op, hooks: OpHooks | None, g: Any, graph: bool, edges: Sequence[Edge | None]) -> Sequence[Any]:
    """The gradients of the op's inputs, through the functions around its rules and the hooks before and after."""
    if hooks is not None:
        g = run_prehooks(op, hooks, g, graph)
    passed = (wrapped_gradients(op, g, graph, edges) if around_gradients.functions else
              op.input_gradients(g, graph, edges))
    return passed if hooks is None else run_node_hooks(op, hooks, passed, g, graph)


def _with_zeros(op: Op, g: tuple[Any, ...], graph: bool) -> tuple[Any, ...]:
    """The gradients of all outputs, with zeros for outputs that received none."""
    like = next(x for x in g if x is not None)
    xp = array_module(like.array if graph else like)

    def zeros(shape: Any, dtype: Any) -> Any:
        return wrap(xp.zeros(shape, dtype)) if graph else xp.zeros(shape, dtype)

    return tuple([x if x is not None or kind is None else zeros(*kind)
                  for x, kind in zip(g, op.output_types)])
