"""`Op`: one step of a computation, recorded.

An op is a class; an *instance* of it is one step of a computation. It has its parameters as attributes
(`Sum(axes)`), computes on arrays in `forward`, and has one rule for each input, which computes the gradient
of this input:

    class Mul(Op):
        '''y = a * b'''
        def forward(self, a, b):  return a * b
        def grad_a(self, g, b):   return g * b        # dL/da
        def grad_b(self, g, a):   return g * a        # dL/db

The names have meaning. `grad_a` is the rule of `forward`'s input `a`. `g` is the gradient of the output. The
parameters behind `g` are the values that the rule needs: an input by its name, `out` for the output, or a value that
`forward` kept with `self.keep(name=...)`. An op keeps exactly the values that the rules of the *wanted* gradients name;
nothing else stays in memory. A rule that belongs to no input, or names a value that is not kept, is a TypeError when
the class is made (`rules.py`).

A rule is written in plain operators and other ops. Both work on arrays and on Tensors (a `Value` is either). So the
same line gives first derivatives at the speed of arrays and, if a graph of the gradient is wanted, all higher
derivatives. A rule returns a new value, `g` itself or a view of `g`. It never writes into its arguments.

For complex numbers z = x + iy, the gradient of a real L is dL/dx + i dL/dy: the direction of fastest ascent, as for
real numbers. A function with a complex derivative f'(z) passes it on as g * conj(f'(z)). Most rules can ignore this:
they return g * f'(z), and with `complex_rules = "conjugated"` the engine conjugates g and the result. If an op only
moves or adds numbers, or its function has no complex derivative (abs, real), its rules are `"as written"`. They must be
so in an op of several outputs. An op without `complex_rules` gives no complex output, and is never recorded with
complex inputs.
"""
from __future__ import annotations

import copy
import itertools
import traceback
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from minidl.autograd import grad_mode
from minidl.autograd.around import around_ops, call_wrapped
from minidl.autograd.errors import annotate, check_arrays, check_devices, describe
from minidl.autograd.grad_mode import enable_grad, switches
from minidl.autograd.handles import OpHooks, RemovableHandle
from minidl.autograd.keeping import Keeping
from minidl.autograd.rules import InputRule, Rule, check_class, read_inputs, read_rule
from minidl.autograd.tensorbase import Edge, TensorBase, memory_of, version_of, wrap
from minidl.autograd.views import View, refresh_edge
from minidl.backend.dtype import float32
from minidl.backend.layout import channels_last, owner

if TYPE_CHECKING:
    from minidl.backend.device import Array

# The memory layout of an op's result, `Op.layout`. Programs rely on it: they call view(), and write into views.
ROW_MAJOR = "rows"          # row by row, for any layout of the inputs
IMAGES = "images"           # row by row, or channels last if the first input is channels last
AS_INPUTS = "as inputs"     # the layout of the inputs: elementwise ops
SHARED_MEMORY = "shared"    # in the memory of the first input

Value: TypeAlias = Any
"""An argument or a result of a rule: an array, or a Tensor if a graph of the gradient is wanted."""

next_sequence = itertools.count().__next__


class Op(Keeping):
    """One step of a computation, and its gradient rules."""

    is_leaf: ClassVar[bool] = False          # gradients stop here: see `AccumulateGrad`
    is_view: ClassVar[bool] = False          # the output is a view of the first input
    layout: str = ROW_MAJOR                  # the memory layout of the output: see above
    input_names: ClassVar[tuple[str, ...]]
    rules: ClassVar[tuple[InputRule, ...]]   # of the inputs that have a gradient
    joint: ClassVar[Rule | None] = None      # the rule for all inputs, if `backward` is defined
    joint_name: ClassVar[str] = "backward"
    differentiable: bool                     # whether there is any rule
    copies_output_on_write: ClassVar[bool] = False  # a write into `out`, which a rule needs, copies it first
    materialize: bool = True                 # missing gradients of outputs arrive as zeros
    complex_rules: ClassVar[str | None] = None  # whether the rules hold for complex numbers: see above; None: no

    outputs: int = 1                         # the number of outputs; several if `forward` returns a tuple
    output_types: tuple[Any, ...] = ()       # the shapes and dtypes of several outputs
    edges: tuple[Edge | None, ...] = ()      # where the gradient of each input flows to
    sequence: int                            # creation order, which is a topological order
    hooks: OpHooks | None = None             # made when the first hook is registered
    recorded_at: list[str] | None = None     # the stack, in anomaly mode
    is_inside: bool = False                  # inside all functions around its call, see `around.py`

    # ------------------------------------------------------------------ what an op defines

    def forward(self, *inputs: Array) -> Any:
        """Compute on arrays; returns an array, or a tuple of them."""
        raise NotImplementedError(f"{self.name()} has no forward(self, ...)")

    def leaves_free(self, x: Array) -> bool:
        """Whether a view of x may leave the order of its memory free, which nobody has seen: see `memory_of`.

        That is where the axes of the view are in the order of those of x, and runs of its memory are long.
        """
        return False

    # ------------------------------------------------------------------ making the class

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the rules from the signatures, once. Errors: TypeError if they are inconsistent; see `rules.py`."""
        super().__init_subclass__(**kwargs)
        if cls.is_view:
            cls.layout = SHARED_MEMORY
        cls.input_names = read_inputs(cls)
        found = [read_rule(cls, f"grad_{name}") for name in cls.input_names]
        cls.rules = tuple([(i, *rule) for i, rule in enumerate(found) if rule is not None])
        cls.joint = read_rule(cls, cls.joint_name)
        cls.differentiable = cls.joint is not None or bool(cls.rules)
        if cls.forward is not Op.forward:
            check_class(cls, Op)

    # ------------------------------------------------------------------ recording

    def __call__(self, *inputs: Any) -> Any:
        """Run the op: on arrays it returns arrays; on Tensors it returns Tensors and is recorded."""
        if around_ops.active and (around_ops.guard or around_ops.of_class[type(self)]) and not self.is_inside:
            return call_wrapped(self, inputs)
        arrays: list[Any] = []
        edges: list[Edge | None] = []
        tensors = wanted = free = False
        layout = self.layout
        for x in inputs:
            kind = type(x)
            if kind is np.ndarray or kind is float:     # asked first: `isinstance` takes longest to say no
                arrays.append(x)
                edges.append(None)
            elif isinstance(x, TensorBase):
                tensors = True
                if x.view_of is not None:
                    refresh_edge(x)
                if x.layout_is_free:
                    if layout is SHARED_MEMORY:
                        if not self.leaves_free(x.array):
                            memory_of(x)
                    else:
                        free = True
                arrays.append(x.array)
                edge = x.edge
                edges.append(edge)
                if edge is not None:
                    wanted = True
            else:   # scalars, which NumPy's reductions return, become arrays again, which can be written into
                arrays.append(np.asarray(x) if isinstance(x, np.generic) else x)
                edges.append(None)
        if not tensors:
            if not arrays or type(arrays[0]) is not np.ndarray:
                check_arrays(self.name(), arrays)
            return self.forward(*arrays)
        try:
            out = self.forward(*arrays)
        except Exception as error:
            check_devices(self.name(), arrays)
            if isinstance(error, TypeError) and self.complex_rules is None:
                self.check_not_complex(arrays)      # NumPy's error does not say what to try
            annotate(error, f"in {self.name()}({describe(arrays)})")
            raise
        if self.complex_rules is None:
            self.check_not_complex(out if type(out) is tuple else (out,))
        result = wrap(out) if type(out) is not tuple else tuple([wrap(o) for o in out])
        if free or layout is ROW_MAJOR or layout is IMAGES:
            for r in (result if type(out) is tuple else (result,)):
                if not r.array.flags.c_contiguous:
                    r.layout_is_free = free or layout is ROW_MAJOR or not channels_last(arrays[0])
        if wanted and switches.enabled and self.differentiable:
            self.record(inputs, edges, result)
        if layout is SHARED_MEMORY and self.is_view:
            self.mark_view(result, inputs[0])
        return result

    def record(self, inputs: Any, edges: Any, result: Any) -> None:
        """Put the step on the tape.

        Store the edges, keep what the wanted gradients need, and let the result's gradient flow to this step.
        """
        if self.complex_rules is None:
            self.check_not_complex(inputs)
        self.sequence = next_sequence()
        self.edges = edges
        self.hooks = None
        kept: dict[str, Any] = {}
        if self.joint is not None:
            self.keep_for(self.joint.needs, inputs, result, kept)
        else:
            for i, _, needs in self.rules:
                if needs and edges[i] is not None:
                    self.keep_for(needs, inputs, result, kept)
        self.kept = kept
        if self.kept_by_forward is not None:
            self.kept_by_forward = None   # `kept` has all that a wanted gradient needs
        if type(result) is tuple:
            self.outputs = len(result)
            self.output_types = tuple([(r.array.shape, r.array.dtype) for r in result])
            for slot, r in enumerate(result):
                if r.array.dtype.kind in "fc":
                    r.edge = (self, slot)
        else:
            result.edge = (self, 0)
        if grad_mode.anomaly_used and switches.anomaly:
            self.recorded_at = traceback.format_stack()[:-2]

    def check_not_complex(self, values: Any) -> None:
        """Raise NotImplementedError if a value, a Tensor or an array, is complex."""
        for x in values:
            dtype = getattr(x, "dtype", None)
            if dtype is not None and dtype.kind == "c":
                raise self.complex_error()

    def complex_error(self) -> NotImplementedError:
        return NotImplementedError(f"{self.name()} is not supported for complex tensors, or has no gradient for them; "
                                   f"try it on the parts, view_as_real(x), or on abs(x)")

    def mark_view(self, result: Any, base: Any) -> None:
        """Mark `result` as a view of `base`, if they share memory (a reshape may copy)."""
        if owner(result.array) is owner(base.array):
            result.version = version_of(base)
            result.view_of = View(base, self, recorded=switches.enabled)
            if base.layout_is_free:
                result.layout_is_free = True
                if base.free_views is None:
                    base.free_views = weakref.WeakValueDictionary()
                base.free_views[id(result)] = result

    def reapply(self, *inputs: Any) -> Any:
        """Apply the same step to other inputs, recorded as a step of its own."""
        step = copy.copy(self)
        for name in ("edges", "kept", "hooks"):
            vars(step).pop(name, None)
        with enable_grad():
            return step(*inputs)

    # ------------------------------------------------------------------ backward

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        """The gradient of each wanted input, given the gradient `g` of the output.

        `g` is a tuple if there are several outputs. Gradients are arrays, or Tensors if `graph`. Errors: RuntimeError
        if a kept value is freed or was overwritten, or if a rule returned None.
        """
        if self.watched:
            self.check_watched()
        conjugated = g.__class__ is not tuple and g.dtype is not float32 and (
            self.complex_rules == "conjugated" and g.dtype.kind == "c")
        if conjugated:
            g = g.conj()
        value = self.kept_tensor if graph else self.kept_value
        if self.joint is not None:
            function, needs = self.joint
            gradients = list(self.checked_gradients(function(self, g, *[value(name) for name, _ in needs])))
        else:
            gradients = [None] * len(wanted)
            for i, function, needs in self.rules:
                if wanted[i] is None:
                    continue
                if not needs:
                    gx = function(self, g)
                elif len(needs) == 1:
                    gx = function(self, g, value(needs[0][0]))
                else:
                    gx = function(self, g, *[value(name) for name, _ in needs])
                if gx is None:
                    raise RuntimeError(f"{self.name()}.{function.__name__} returned None instead of a gradient: is "
                                       f"there a `return` in it? An input that has no gradient has no rule")
                gradients[i] = gx
        if conjugated:
            return [gx.conj() if gx is not None and gx.dtype.kind == "c" else gx for gx in gradients]
        return gradients

    def checked_gradients(self, gradients: Any) -> Any:
        """The result of a rule for all inputs.

        Errors: RuntimeError unless it has a gradient or None for each input.
        """
        if not isinstance(gradients, (tuple, list)) or len(gradients) != len(self.edges):
            got = len(gradients) if isinstance(gradients, (tuple, list)) else f"a {type(gradients).__name__}"
            raise RuntimeError(f"{self.name()}.{self.joint_name} returned an incorrect number of gradients: expected a "
                               f"list of {len(self.edges)}, a gradient or None for each input of forward, got {got}")
        return gradients

    # ------------------------------------------------------------------ looking at the graph

    def name(self) -> str:
        """The name of the op, like PyTorch's `grad_fn.name()`."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Op | None, int], ...]:
        """The ops that made the inputs, like PyTorch's `grad_fn.next_functions`."""
        return tuple(edge or (None, 0) for edge in self.edges)

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` whenever gradients pass; it may return new grad_inputs."""
        return RemovableHandle(self.ensure_hooks().after, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(grad_outputs)` before gradients pass; it may return new grad_outputs."""
        return RemovableHandle(self.ensure_hooks().before, hook)

    def ensure_hooks(self) -> OpHooks:
        """The hooks of this op, made on first use."""
        if self.hooks is None:
            self.hooks = OpHooks()
        return self.hooks

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
