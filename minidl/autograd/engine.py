"""The way back: gradients are pushed from op to op, newest first.

Every op has a sequence number, and an op is always newer than those that made its inputs. So the newest
op that has received a gradient has received all of it. The engine keeps such ops in a heap, takes the
newest, asks it for the gradients of its inputs, and hands each to the op at the other end of its edge. There
is no recursion: a chain of 100,000 ops is as good as one of ten.

Gradients are plain arrays. Only when a graph of them is wanted are they Tensors, and the same rules then
record what they do.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from minidl.autograd.around import around_gradients, watched_gradients
from minidl.autograd.grad_mode import Switch, switches
from minidl.autograd.op import AccumulateGrad, Op, annotate
from minidl.autograd.tensorbase import Edge, TensorBase, gradient_of, recorded_gradient_of, version_of, wrap, wrap_free
from minidl.backend.device import array_module

_one_at_a_time = threading.Lock()   # threads that share leaves add to the same `.grad`


def backward(tensors: Sequence[TensorBase], grads: Sequence[Any], retain_graph: bool | None,
             create_graph: bool, inputs: Sequence[TensorBase] | None = None) -> None:
    """Add the gradients of `tensors` to the `.grad` of the leaves, or of `inputs` alone."""
    roots = [(edge_of(t), g) for t, g in zip(tensors, grads)]
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        run(roots, create_graph, retain)
        return
    found = run(roots, create_graph, retain, targets={edge_of(t) for t in inputs})
    for t in inputs:
        edge = edge_of(t)
        if edge not in found:
            continue
        if isinstance(edge[0], AccumulateGrad):
            with Switch(enabled=create_graph):
                _arrive(edge[0], found[edge], create_graph, owned=False)
        elif not t.retains_grad:        # else it was collected on the way
            with _one_at_a_time:
                accumulate(t, found[edge], owned=False)


def gradients(outputs: Sequence[TensorBase], grads: Sequence[Any], inputs: Sequence[TensorBase],
              retain_graph: bool | None = None, graph: bool = False) -> list[Any]:
    """The gradients of `outputs` with respect to `inputs`; None where there is no path. Nothing is
    written to `.grad`. Arrays, or Tensors if `graph`."""
    roots = [(t.edge, g) for t, g in zip(outputs, grads) if t.edge is not None and g is not None]
    targets = [edge_of(t) for t in inputs]
    found = run(roots, graph, graph if retain_graph is None else retain_graph, set(targets))
    return [found.get(edge) for edge in targets]


def edge_of(tensor: TensorBase) -> Edge:
    """The tensor's edge, brought up to date. Errors: RuntimeError where it has none."""
    if tensor.view_of is not None:
        tensor.view_of.refresh(tensor)
    if tensor.edge is None:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn: nothing that led to it "
            "requires grad, or it was computed under no_grad() or detach()ed. Set requires_grad=True on "
            "the tensors you want gradients of.")
    return tensor.edge


def run(roots: Iterable[tuple[Edge, Any]], graph: bool, retain: bool,
        targets: set[Edge] | None = None) -> dict[Edge, Any]:
    """Push gradients back from `roots`. Arrays all the way; Tensors if `graph`.

    Without `targets`, leaves receive theirs in `.grad`. With `targets`, only the ops on the way to
    them run, and their gradients are returned.
    """
    with Switch(enabled=graph, autocast=frozenset()):      # gradients have the dtypes that the values had
        return _run(list(roots), graph, retain, targets)


def _run(roots: list[tuple[Edge, Any]], graph: bool, retain: bool,
         targets: set[Edge] | None) -> dict[Edge, Any]:
    heap: list[tuple[int, Op]] = []     # ops that have received something, the newest on top
    arrived: dict[Op, Any] = {}         # op -> gradient of its output; {slot: gradient} if it has several
    owned: set[Op] = set()              # ops whose arrived gradient nobody else holds
    found: dict[Edge, Any] = {}
    on_the_way = None if targets is None else _ops_towards(targets, [edge[0] for edge, _ in roots])
    check_nan = switches.anomaly and switches.check_nan

    def deliver(op: Op, slot: int, g: Any, fresh: bool) -> None:
        """Borrow the first gradient, add the second out of place, later ones in place."""
        present = arrived.get(op)
        if present is None:
            if op.outputs > 1:
                g = {slot: g}
            elif fresh:
                owned.add(op)
            arrived[op] = g
            heappush(heap, (-op.sequence, op))
        elif op.outputs > 1:
            present[slot] = present[slot] + g if slot in present else g
        elif op in owned and not isinstance(present, np.generic):
            present += g
        else:
            arrived[op] = present + g
            if not graph:
                owned.add(op)

    for (op, slot), g in roots:
        deliver(op, slot, g, False)

    while heap:
        op = heappop(heap)[1]
        g = arrived.pop(op)
        if op.outputs > 1:
            g = tuple([g.get(slot) for slot in range(op.outputs)])
        if op.hooks is not None or op.retained is not None:
            g = _run_hooks(op, g, graph)
            owned.discard(op)
        if targets is not None:
            for slot in range(op.outputs):
                if (op, slot) in targets:
                    found[op, slot] = g if op.outputs == 1 else g[slot]
        elif type(op) is AccumulateGrad:
            _arrive(op, g, graph, op in owned)
            continue

        edges = op.edges if on_the_way is None else \
            [edge if edge is not None and edge[0] in on_the_way else None for edge in op.edges]
        if on_the_way is not None and not any(edges):
            continue
        if op.outputs > 1 and op.materialize and any(x is None for x in g):
            g = _with_zeros(op, g, graph)
        try:
            if op.node_prehooks:
                g = _run_prehooks(op, g, graph)
            if op.watched:
                op.check_watched()
            passed = (watched_gradients(op, g, graph, edges) if around_gradients.functions else
                      op.input_gradients(g, graph, edges))
            if op.node_hooks:
                passed = _run_node_hooks(op, passed, g, graph)
        except Exception as error:
            annotate(error, f"in the gradient of {op.name()}" + _where(op))
            raise
        if check_nan:
            _check_nan(op, passed)
        may_own = not graph and op.joint is None and op.outputs == 1 and not op.node_hooks
        for edge, gx in zip(edges, passed):
            if edge is None:
                continue
            if gx is not None:
                deliver(edge[0], edge[1], gx, may_own and gx is not g and gx.base is None)
            elif op.joint is None and not op.node_hooks:
                _expect_nothing_from_rules(op, edges, passed)
        if not retain:
            op.release()
    return found


def _expect_nothing_from_rules(op: Op, edges: Sequence[Edge | None], passed: Sequence[Any]) -> None:
    """Errors: RuntimeError where the rule of a single input returned None."""
    for name, rule, edge, gx in zip(op.input_names, op.rules, edges, passed):
        if rule is not None and edge is not None and gx is None:
            raise RuntimeError(f"{op.name()}.grad_{name} returned None instead of a gradient: is there a `return` in "
                               f"it? An input that has no gradient has no rule")


def _arrive(op: AccumulateGrad, g: Any, graph: bool, owned: bool) -> None:
    """The end of the way: the hooks of a leaf, and between them the gradient is added to its `.grad`."""
    leaf = op.leaf()
    if leaf is None or leaf.edge is None:   # gone, or frozen since: requires_grad is False now
        return
    if op.node_prehooks:
        g = _run_prehooks(op, g, graph)
    with _one_at_a_time:
        accumulate(leaf, g, owned and not (op.node_prehooks or op.node_hooks))   # hooks may have put it aside
    for hook in op.post_hooks or ():
        hook(leaf)
    if op.node_hooks:
        _run_node_hooks(op, (), g, graph)


def accumulate(leaf: TensorBase, g: Any, owned: bool) -> None:
    """Add an arrived gradient to `leaf.grad`; the first one is taken over if nobody else holds it."""
    shape = g.shape if isinstance(g, np.generic) else getattr(g, "array", g).shape
    if shape != leaf.array.shape:
        raise RuntimeError(f"a gradient of shape {tuple(shape)} arrived at a leaf of shape "
                           f"{tuple(leaf.array.shape)}: a gradient rule returned a wrong shape")
    if isinstance(g, TensorBase):
        leaf.grad = recorded_gradient_of(leaf, g) if leaf.grad is None else leaf.grad + g   # type: ignore[operator]
    elif leaf.grad is None:
        leaf.grad = gradient_of(leaf, np.asarray(g) if isinstance(g, np.generic) else g if owned else g.copy(order="K"))
    else:
        version = version_of(leaf.grad)
        version[:] = version[0] + 1, "backward"
        leaf.grad.array += g


def _ops_towards(targets: set[Edge], roots: list[Op]) -> set[Op]:
    """The ops between `roots` and `targets`: those from which a target can be reached."""
    reachable = set(roots)
    stack = list(reachable)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None and edge[0] not in reachable:
                reachable.add(edge[0])
                stack.append(edge[0])
    towards = {edge[0] for edge in targets}
    for op in sorted(reachable, key=lambda op: op.sequence):  # inputs before outputs
        if any(edge is not None and edge[0] in towards for edge in op.edges):
            towards.add(op)
    return towards


def _with_zeros(op: Op, g: tuple[Any, ...], graph: bool) -> tuple[Any, ...]:
    """Zeros in place of the gradients of outputs that nothing depended on."""
    like = next(x for x in g if x is not None)
    xp = array_module(like.array if graph else like)

    def zeros(shape: Any, dtype: Any) -> Any:
        return wrap(xp.zeros(shape, dtype)) if graph else xp.zeros(shape, dtype)

    return tuple([x if x is not None or kind is None else zeros(*kind)
                  for x, kind in zip(g, op.output_types)])


# ---------------------------------------------------------------------- hooks: they see Tensors

def _as_tensor(g: Any) -> Any:
    if g is None or isinstance(g, TensorBase):
        return g
    return wrap_free(g)


def _as_passed(g: Any, graph: bool) -> Any:
    return g if graph or g is None else g.array


def _run_hooks(op: Op, g: Any, graph: bool) -> Any:
    """Tensor hooks, registered on the output that a gradient belongs to; `retain_grad` comes last."""
    gs = [_as_tensor(x) for x in (g if op.outputs > 1 else (g,))]
    for slot, hooks in (op.hooks or {}).items():
        for hook in list(hooks):
            if gs[slot] is not None:
                gs[slot] = _replaced(hook, hook(gs[slot]), gs[slot])
    for slot, reference in op.retained or ():
        target = reference()
        if target is not None and gs[slot] is not None:
            target.grad = gs[slot].clone() if target.grad is None else target.grad + gs[slot]
    gs = [_as_passed(x, graph) for x in gs]
    return tuple(gs) if op.outputs > 1 else gs[0]


def _run_prehooks(op: Op, g: Any, graph: bool) -> Any:
    gs = tuple(map(_as_tensor, g if op.outputs > 1 else (g,)))
    for hook in list(op.node_prehooks or ()):
        gs = _replaced_all(hook, hook(gs), gs)
    passed = tuple([_as_passed(x, graph) for x in gs])
    return passed if op.outputs > 1 else passed[0]


def _run_node_hooks(op: Op, passed: Sequence[Any], g: Any, graph: bool) -> list[Any]:
    grad_inputs = tuple(map(_as_tensor, passed))
    grad_outputs = tuple(map(_as_tensor, g if op.outputs > 1 else (g,)))
    for hook in list(op.node_hooks or ()):
        grad_inputs = _replaced_all(hook, hook(grad_inputs, grad_outputs), grad_inputs)
    return [_as_passed(x, graph) for x in grad_inputs]


def _replaced_all(hook: Callable[..., Any], new: Any, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a node hook returned: nothing, one Tensor or a tuple of them."""
    if new is None:
        return old
    new = tuple(new) if isinstance(new, (tuple, list)) else (new,)
    if len(new) != len(old):
        raise RuntimeError(f"hook {_name(hook)} has changed the number of gradients: expected {len(old)}, "
                           f"got {len(new)}")
    return tuple([None if n is None else _replaced(hook, n, o) for n, o in zip(new, old)])


def _replaced(hook: Callable[..., Any], new: Any, old: Any) -> Any:
    """`new`, which a hook returned in place of the gradient `old`; None leaves `old` as it is."""
    if new is None:
        return old
    if not isinstance(new, TensorBase):
        raise TypeError(f"hook {_name(hook)}: expected it to return a Tensor or None, but got {type(new).__name__}")
    if old is not None and (new.array.shape, new.array.dtype) != (old.array.shape, old.array.dtype):
        raise RuntimeError(f"hook {_name(hook)} has changed the size or the type of the gradient: expected shape "
                           f"{tuple(old.array.shape)} of {old.array.dtype}, got {tuple(new.array.shape)} of "
                           f"{new.array.dtype}; return a tensor like the one it is given")
    return new


def _name(hook: Callable[..., Any]) -> str:
    return f"'{getattr(hook, '__name__', type(hook).__name__)}'"


# ---------------------------------------------------------------------- anomaly mode

def _where(op: Op) -> str:
    return "" if op.recorded_at is None else \
        ", which was recorded here (most recent call last):\n" + "".join(op.recorded_at)


def _check_nan(op: Op, passed: Sequence[Any]) -> None:
    for i, gx in enumerate(passed):
        if gx is not None:
            array = gx.array if isinstance(gx, TensorBase) else gx
            if bool(array_module(array).isnan(array).any()):
                raise RuntimeError(f"Function '{op.name()}' returned nan values in its {i}th output" + _where(op))
