"""`Function`: a step with the user's own forward and backward, and PyTorch's `ctx`."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.autograd.around import around_functions
from minidl.autograd.basic_ops import Alias, Cast
from minidl.autograd.errors import annotate
from minidl.autograd.grad_mode import Switch, enable_grad, no_grad, switches
from minidl.autograd.inplace import check_writable, rebase_history
from minidl.autograd.op import Op, next_sequence
from minidl.autograd.rules import check_spelling
from minidl.autograd.tensorbase import TensorBase, memory_of, version_of, wrap, wrap_free
from minidl.autograd.views import View, current_edge

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class FunctionCtx(Op):
    """The recorded step of a `Function`, which its forward and backward receive as `ctx`.

    Forward may set any attributes on it, and backward may read them. Tensors belong in `save_for_backward`:
    there an in-place write is detected, and no reference cycle can arise.
    """

    complex_rules = "as written"    # the user's backward must be right for complex numbers
    function: type[Function]
    needs_input_grad: tuple[bool, ...] = ()
    input_types: list[Any]     # (shape, dtype) of the arguments that are Tensors

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: TensorBase | None) -> None:
        """Keep inputs, outputs or other tensors for backward, which reads them as `ctx.saved_tensors`."""
        for i, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, TensorBase):
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is of type "
                                f"{type(tensor).__name__}; what is no Tensor is kept by ctx.name = value")
        self._to_save = tensors

    def mark_dirty(self, *tensors: TensorBase) -> None:
        """Declare inputs that forward has written into; they must be returned as outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *outputs: TensorBase) -> None:
        """Declare outputs that have no gradient (indices, for instance)."""
        self._non_differentiable = outputs

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether the missing gradient of an output arrives as zeros (the default) or as None."""
        self.materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """The saved tensors. Errors: RuntimeError if they are freed already or were overwritten."""
        return tuple([self.kept_tensor(name) for name in self._saved_names()])

    def _saved_names(self) -> list[str]:
        return [f"saved tensor {i}" for i in range(len(self._to_save))] if self.kept is None else list(self.kept)

    def _save(self, outputs: list[Any]) -> None:
        """Keep the saved tensors as arrays: an output kept as a tensor would form a cycle with this step."""
        self.kept, self._saved_edges = {}, {}
        for i, tensor in enumerate(self._to_save):
            name = f"saved tensor {i}"
            if tensor is None:
                self.kept[name] = (None, None, 0)
                continue
            slot = next((s for s, out in enumerate(outputs) if out is tensor), None)
            self._saved_edges[name] = tensor.edge if slot is None else slot
            version = version_of(tensor)
            self.kept[name] = (tensor.array, version, version[0])
        self._to_save = tuple([None] * len(self._to_save))

    def kept_tensor(self, name: str) -> Any:
        value = self.kept_value(name)
        edge = self._saved_edges.get(name)
        return None if value is None else wrap_free(value, (self, edge) if isinstance(edge, int) else edge)

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        gs = [x if x is None or isinstance(x, TensorBase) else wrap_free(x)
              for x in (g if self.outputs > 1 else (g,))]
        with enable_grad() if graph else no_grad():
            passed = self.function.backward(self, *gs)
        passed = list(passed) if isinstance(passed, (tuple, list)) else [passed]
        return self._checked(passed) if graph else [x if x is None else x.array for x in self._checked(passed)]

    def _checked(self, passed: list[Any]) -> list[Any]:
        """The result of the user's backward, each gradient cast to the dtype of its argument of forward.

        A gradient of a shape that the argument's expands to is summed, as in PyTorch. Errors: RuntimeError or TypeError
        unless there is a Tensor of such a shape, or None, for each argument.
        """
        who = self.name()
        if len(passed) != len(self.edges):
            extra = passed[len(self.edges):]
            if len(passed) < len(self.edges) or any(x is not None for x in extra):
                raise RuntimeError(f"function {who} returned an incorrect number of gradients (expected "
                                   f"{len(self.edges)}, one for each argument of forward, got {len(passed)})")
        for i, (gx, like) in enumerate(zip(passed, self.input_types)):
            if gx is None or like is None:
                continue
            if not isinstance(gx, TensorBase):
                raise TypeError(f"Function {who}: expected a Tensor or None as gradient at index {i}, but got "
                                f"{type(gx).__name__}")
            shape, dtype = like
            if gx.array.shape != shape and _expands_to(shape, gx.array.shape):
                passed[i] = gx = _summed_to(gx, shape)
            if gx.array.shape != shape:
                raise RuntimeError(f"Function {who} returned an invalid gradient at index {i} - got "
                                   f"{list(gx.array.shape)} but expected shape compatible with {list(shape)}")
            if gx.array.dtype != dtype:
                passed[i] = Cast(dtype)(gx)
        return passed

    def name(self) -> str:
        return self.function.__name__ + "Backward"


def _expands_to(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    return len(shape) <= len(larger) and all(n in (1, m) for n, m in zip(shape[::-1], larger[::-1]))


def _summed_to(g: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of what was expanded from `shape`, given that of the expanded."""
    extra = g.ndim - len(shape)
    dims = [*range(extra), *(extra + i for i, n in enumerate(shape) if n == 1)]
    return g.sum(dims, keepdim=True).reshape(shape)


class Function:
    """A differentiable function with its own gradient. Subclass it, and call `apply`:

        >>> import minidl
        >>> class Cube(minidl.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x ** 3
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         x, = ctx.saved_tensors
        ...         return 3 * x ** 2 * g
        >>> x = minidl.tensor(2.0, requires_grad=True)
        >>> Cube.apply(x).backward()
        >>> x.grad
        tensor(12.)

    `forward` may also be written without `ctx`; then the class also has a `setup_context(ctx, inputs, output)`.
    """

    setup_context: Callable[..., None] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_spelling(cls, ("forward", "backward", "setup_context"))

    # type checkers allow functions with any arguments to override these two
    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the backward method for your custom "
                                  "autograd.Function to use it with backward().")

    @classmethod
    def apply(cls, /, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` on the arguments and record the step."""
        if around_functions.functions:
            return around_functions.call(_apply, cls, *args, **kwargs)
        return _apply(cls, *args, **kwargs)


def _bound(cls: type[Function], ctx: FunctionCtx, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments by position: a Tensor given by name has a gradient, too, and `setup_context` sees the defaults."""
    first = (ctx,) if cls.setup_context is None else ()
    try:
        bound = inspect.signature(cls.forward).bind(*first, *args, **kwargs)
    except TypeError:       # the call says what is wrong
        return args, kwargs
    if cls.setup_context is not None:
        bound.apply_defaults()
    return bound.args[len(first):], bound.kwargs


def _apply(cls: type[Function], /, *args: Any, **kwargs: Any) -> Any:
    ctx = FunctionCtx()
    ctx.function = cls
    if kwargs or cls.setup_context is not None:
        args, kwargs = _bound(cls, ctx, args, kwargs)
    tensors = [x if isinstance(x, TensorBase) else None for x in args]
    edges = tuple([None if x is None else current_edge(x) for x in tensors])
    recording = switches.enabled and any(edge is not None for edge in edges)
    ctx.needs_input_grad = tuple([edge is not None for edge in edges])
    separate = cls.setup_context is not None
    with Switch(enabled=False):     # `no_grad`, without the cost of its decorator form
        try:
            returned = cls.forward(*args, **kwargs) if separate else cls.forward(ctx, *args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:     # of the call itself
                annotate(error, f"{cls.__name__}.forward is handed the arguments of apply, " + (
                    "without ctx, since the class has a setup_context" if separate else
                    "behind ctx; without ctx if the class has a setup_context(ctx, inputs, output)"))
            raise
        if cls.setup_context is not None:
            cls.setup_context(ctx, args, returned)
    outputs = list(returned) if isinstance(returned, tuple) else [returned]
    if recording:
        outputs = _attach(ctx, tensors, edges, outputs)
    return tuple(outputs) if isinstance(returned, tuple) else outputs[0]


def _attach(ctx: FunctionCtx, tensors: list[Any], edges: Any, outputs: list[Any]) -> list[Any]:
    """Record the step, and let the gradients of its outputs flow to it."""
    ctx.sequence = next_sequence()
    ctx.edges = edges
    ctx.input_types = [None if x is None else (x.array.shape, x.array.dtype) for x in tensors]
    ctx.outputs = len(outputs)
    ctx.output_types = tuple([(o.array.shape, o.array.dtype) if isinstance(o, TensorBase) else None
                              for o in outputs])
    ctx._save(outputs)
    for slot, out in enumerate(outputs):
        if not isinstance(out, TensorBase) or out.array.dtype.kind not in "fc" \
                or any(out is x for x in ctx._non_differentiable):
            continue
        if any(out is x for x in ctx._dirty):
            path = check_writable(out, ctx.name(), tensors)
            version = version_of(out)
            version[:] = version[0] + 1, ctx.name()
            rebase_history(path, (ctx, slot))
            continue
        if any(out is x for x in tensors):   # an input that is returned: a new tensor on its memory
            alias = outputs[slot] = wrap(memory_of(out))
            alias.version, alias.view_of = version_of(out), View(out, Alias(), recorded=False)
            out = alias
        out.edge = (ctx, slot)
    ctx._dirty = ctx._non_differentiable = ()
    return outputs


class _NotDifferentiable(Op):
    """The op behind the gradients of a `once_differentiable` backward: its own backward raises."""

    def __init__(self, who: str) -> None:
        self.who = who

    def forward(self, x: Any, *through: Any) -> Any:
        return x

    def backward(self, g: Any) -> Any:
        raise RuntimeError(f"trying to differentiate twice {self.who}, which was marked with "
                           f"@once_differentiable")


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `Function.backward` that cannot be differentiated.

    It runs under `no_grad`, and a second derivative is an error instead of a wrong number.
    """
    @functools.wraps(backward)
    def wrapper(ctx: Any, *gs: Any) -> Any:
        with no_grad():
            passed = backward(ctx, *gs)
        sources = [x for x in (*gs, *(ctx.saved_tensors if switches.enabled else ())) if x is not None]
        if not switches.enabled or not any(x.edge is not None for x in sources):
            return passed
        step = _NotDifferentiable(ctx.name())
        if isinstance(passed, tuple):
            return tuple([None if x is None else step.reapply(x, *sources) for x in passed])
        return None if passed is None else step.reapply(passed, *sources)
    return wrapper


