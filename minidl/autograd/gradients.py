"""The two ways to ask the tape for gradients: `backward` and `grad`."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.accumulate import accumulate, gradient_of
from minidl.autograd.engine import propagate
from minidl.autograd.errors import check_devices
from minidl.autograd.grad_mode import Switch, switches
from minidl.autograd.tensorbase import Edge, TensorBase, memory_of, wrap
from minidl.autograd.views import current_edge
from minidl.backend.device import Array, array_module

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Tensors = TensorBase | Sequence[TensorBase]


def backward(tensors: Tensors, grad_tensors: Any = None, retain_graph: bool | None = None,
             create_graph: bool = False, inputs: Tensors | None = None) -> None:
    """Add the gradients of `tensors` to the `.grad` of every leaf that they were computed from.

    `grad_tensors` are the gradients of a later result with respect to `tensors`; scalars need none. With
    `retain_graph` the values that ops have kept are not freed, for a second backward. `create_graph` records how the
    gradients are computed, so that they can be differentiated again. With `inputs`, only these receive a gradient.

    Errors: RuntimeError for a tensor that does not require grad, a non-scalar without its gradient, a gradient
    of another shape, a graph that is used a second time, a kept value that was overwritten.
    """
    roots = _roots(tensors, grad_tensors, create_graph)
    retain = _retains(retain_graph, create_graph)
    if inputs is None:
        propagate(roots, create_graph, retain)
        return
    targets = [(x, edge_of(x)) for x in _sequence(inputs)]
    if not targets:
        raise RuntimeError("backward: `inputs` cannot be empty; leave it out for all leaves")
    found = propagate(roots, create_graph, retain, {edge for _, edge in targets})
    with Switch(enabled=create_graph):
        for x, edge in targets:
            op: Any = edge[0]
            if edge in found and op.is_leaf:
                op.arrive(found[edge], create_graph, owned=False)
            elif edge in found and not x.retains_grad:      # a retained gradient was stored by the engine already
                accumulate(x, found[edge], owned=False)


def grad(outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, retain_graph: bool | None = None,
         create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
         is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Tensor, ...]:
    """The gradients of `outputs` with respect to `inputs`, as a tuple; nothing is written to `.grad`.

        >>> import minidl
        >>> x = minidl.tensor(3.0, requires_grad=True)
        >>> dy, = minidl.autograd.grad(x ** 3, x, create_graph=True)
        >>> minidl.autograd.grad(dy, x)
        (tensor(18.),)

    It is an error if the outputs do not depend on an input; with `allow_unused` the gradient is None, with
    `materialize_grads` it is zeros. `only_inputs` is always true. The other arguments are those of `backward`.

    With `is_grads_batched`, the first axis of each of `grad_outputs` counts several gradients of the output, one after
    the other; so does the first axis of each result. A row of the identity for each output gives the Jacobian:

        >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> minidl.autograd.grad(x ** 2, x, minidl.eye(2), is_grads_batched=True)
        (tensor([[2., 0.],
                [0., 4.]]),)
    """
    if is_grads_batched and grad_outputs is not None:
        return _grad_of_each(outputs, inputs, _sequence(grad_outputs), retain_graph, create_graph, allow_unused,
                             materialize_grads)
    roots, inputs = _roots(outputs, grad_outputs, create_graph), _sequence(inputs)
    targets: list[Any] = [current_edge(x) for x in inputs]
    if None in targets:
        i = targets.index(None)
        raise RuntimeError(f"One of the differentiated Tensors does not require grad: input {i} of grad, shape "
                           f"{tuple(inputs[i].array.shape)}; set requires_grad=True on it before it is used")
    found = propagate(roots, create_graph, _retains(retain_graph, create_graph), set(targets))
    result = []
    for i, (x, edge) in enumerate(zip(inputs, targets)):
        g: Any = found.get(edge)
        if g is None and materialize_grads:
            g = wrap(array_module(x.array).zeros_like(x.array))
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"One of the differentiated Tensors appears to not have been used in the graph: input {i}, shape "
                f"{tuple(x.array.shape)}. Set allow_unused=True if this is the desired behavior.")
        if g is not None and not isinstance(g, TensorBase):
            g = gradient_of(x, g)
        elif g is not None and x.array.flags.c_contiguous:
            g = g.contiguous()  # type: ignore[attr-defined]   # so that g.view(len(g), -1) works
        result.append(g)
    return tuple(result)


def _retains(retain_graph: bool | None, create_graph: bool) -> bool:
    return (create_graph if retain_graph is None else retain_graph) or switches.retain_graphs


def _grad_of_each(outputs: Tensors, inputs: Tensors, batches: Sequence[Any], retain_graph: bool | None,
                  create_graph: bool, allow_unused: bool | None, materialize_grads: bool) -> tuple[Tensor, ...]:
    """`grad` for each row of `batches`, with the rows of a gradient in one tensor."""
    count = len(batches[0])
    found = [grad(outputs, inputs, [None if batch is None else batch[i] for batch in batches],
                  retain_graph if i == count - 1 else True, create_graph, allow_unused=allow_unused,
                  materialize_grads=materialize_grads) for i in range(count)]
    results: list[Any] = []
    for rows in zip(*found):
        first: Any = rows[0]
        results.append(None if first is None else first.new_empty((count, *first.shape)))
        for i, row in enumerate(rows):
            if row is not None:
                results[-1][i] = row
    return tuple(results)


class _Tensors(type):
    """So that `isinstance(x, Variable)` is true of all Tensors."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TensorBase)


class Variable(metaclass=_Tensors):
    """A Tensor with the same memory, for old programs: today every Tensor is a variable.

        >>> import minidl
        >>> x = minidl.autograd.Variable(minidl.ones(2), requires_grad=True)
        >>> x, isinstance(x, minidl.autograd.Variable)
        (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False) -> Any:
        """The Tensor."""
        result: Any = wrap(memory_of(data))
        result.requires_grad = requires_grad
        return result


def _sequence(tensors: Tensors) -> Sequence[TensorBase]:
    """One Tensor or several, as a list. Errors: TypeError for anything else."""
    if isinstance(tensors, TensorBase):
        return [tensors]
    several = list(tensors) if isinstance(tensors, Iterable) else [tensors]
    for x in several:
        if not isinstance(x, TensorBase):
            raise TypeError(f"expected a Tensor or a sequence of Tensors to differentiate, but got {type(x).__name__}")
    return several


def edge_of(tensor: TensorBase) -> Edge:
    """The tensor's up-to-date edge. Errors: RuntimeError if it has none."""
    edge = current_edge(tensor)
    if edge is None:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn: nothing that led to it "
            "requires grad, or it was computed under no_grad() or detach()ed. Set requires_grad=True on "
            "the tensors you want gradients of.")
    return edge


def _roots(tensors: Tensors, grads: Any, graph: bool) -> list[tuple[Edge, Any]]:
    """The edge of every tensor, and its gradient: the given one, or ones. Arrays, or Tensors if `graph`."""
    outputs = _sequence(tensors)
    grads = list(grads) if isinstance(grads, (tuple, list)) else [grads]
    for g in grads:
        if g is not None and not isinstance(g, TensorBase):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}; try "
                            f"minidl.tensor(...) on it first")
    if len(grads) == 1 < len(outputs) and grads[0] is None:
        grads = [None] * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients; one each is expected")
    roots = []
    for i, (out, g) in enumerate(zip(outputs, grads)):
        edge = edge_of(out)
        if g is None:
            array = _ones_like(out)
            roots.append((edge, wrap(array) if graph else array))
        else:
            _check_gradient(i, out, g)
            roots.append((edge, g if graph else g.array.astype(out.array.dtype, copy=False)))
    return roots


def _ones_like(out: TensorBase) -> Array:
    """The initial gradient of a loss. Errors: RuntimeError unless the loss is one real number."""
    if out.array.size != 1:
        raise RuntimeError(
            f"grad can be implicitly created only for scalar outputs, but this one has shape "
            f"{tuple(out.array.shape)}; reduce it first (loss.mean()), or pass its gradient")
    if out.array.dtype.kind == "c":
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got "
                           f"{out.array.dtype}; make the loss real, abs(z) for instance, or pass its gradient")
    return array_module(out.array).ones(out.array.shape, out.array.dtype)


def _check_gradient(i: int, out: TensorBase, g: TensorBase) -> None:
    """Raise RuntimeError unless `g` has the shape and device of `out`, and is complex if `out` is."""
    if g.array.shape != out.array.shape:
        raise RuntimeError(f"Mismatch in shape: grad_output[{i}] has a shape of {tuple(g.array.shape)} and "
                           f"output[{i}] has a shape of {tuple(out.array.shape)}.")
    if g.array.dtype != out.array.dtype and "c" in (g.array.dtype.kind, out.array.dtype.kind):
        raise RuntimeError(
            f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
            f"dtype: grad_output[{i}] has a dtype of {g.array.dtype} and output[{i}] has a dtype of "
            f"{out.array.dtype}.")
    check_devices(f"grad_output[{i}]", (out.array, g.array))
