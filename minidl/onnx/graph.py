"""The ONNX graph in the making: nodes, constants, and sizes that are computed when it runs."""
from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.onnx.library import OnnxExporterError, library, refusal
from minidl.onnx.sizes import Side, Size, Varying, like, merged
from minidl.onnx.watch import Run, Source, Step

FAR = np.iinfo(np.int64).max        # a slice that ends here ends at the end


@dataclasses.dataclass
class Known:
    """A value of the graph, with its shape (ints and Sizes) and dtype."""

    value: Any
    shape: tuple[Any, ...]
    dtype: np.dtype
    array: np.ndarray | None = None     # of a constant

    @property
    def ndim(self) -> int:
        return len(self.shape)


class Call:
    """A step as a translation sees it: its parameters in all runs, its shapes, and the graph."""

    def __init__(self, graph: Graph, steps: Sequence[Step], who: str) -> None:
        self.graph, self.steps, self.who = graph, steps, who
        first = steps[0]
        self.module, self.op = first.module, first.op
        self.shapes = [merged([step.outputs[slot][0] for step in steps], who) for slot in range(len(first.outputs))]
        self.dtypes = [dtype for _, dtype in first.outputs]
        self.inputs: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        """A parameter of the op; an array is a Known value."""
        if name not in self.steps[0].parameters:
            raise AttributeError(name)
        return self._known(merged([step.parameters.get(name) for step in self.steps], self.who))

    def _known(self, value: Any) -> Any:
        if isinstance(value, Source):
            return self.graph.known(value, self)
        if isinstance(value, (tuple, list)):
            parts = [self._known(part) for part in value]
            return like(value, parts)
        return value

    def each(self, function: Callable[[dict[str, Any]], Any]) -> Any:
        """What the function makes of the parameters in each run, as one value."""
        return merged([function(step.parameters) for step in self.steps], self.who)

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.shapes[0]

    @property
    def dtype(self) -> np.dtype:
        return self.dtypes[0]

    def refuse(self, why: str) -> OnnxExporterError:
        return refusal(f"{self.who}: {why}")


class Graph:
    """Nodes of one main graph.

    runs: the first run, and others with other sizes and values. input_names, symbols: the names of the inputs, and for
    each the names of its dynamic axes.
    """

    def __init__(self, runs: list[Run], translations: dict[type, Callable[..., Any]],
                 input_names: Sequence[str], symbols: dict[Size, str]) -> None:
        self.ir = library("onnx.export")
        self.runs, self.translations, self.symbols = runs, translations, symbols
        self.nodes: list[Any] = []
        self.outputs: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.steps: dict[tuple[int, int], Known] = {}
        self.sizes: dict[Any, Any] = {}
        self.who = ""
        self.names = {*input_names}
        self.counter = itertools.count()
        self.inputs = [self.input(name, *parts) for name, *parts in zip(input_names, *[
            [merged([run.inputs[i][k] for run in runs], name) if k == 0 else runs[0].inputs[i][1]
             for i, name in enumerate(input_names)] for k in (0, 1)])]

    def input(self, name: str, shape: Any, dtype: np.dtype) -> Known:
        value = self.ir.val(name, self.ir.DataType.from_numpy(dtype), [self.axis_name(n) for n in shape])
        return Known(value, shape, dtype)

    def axis_name(self, size: Any) -> Any:
        return self.symbols.get(size) if isinstance(size, Size) else size

    # ------------------------------------------------------------------ making values

    def node(self, operator: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """A node; its outputs, one or several. Inputs are values, or Known, or arrays, or None."""
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        for name, value in attributes.items():
            if any(isinstance(part, (Size, Varying, Side)) for part in (
                    value if isinstance(value, (tuple, list)) else [value])):
                raise refusal(f"{self.who}: its {name} depends on a dynamic axis, which ONNX's {operator} "
                                        f"does not allow; leave this axis out of dynamic_axes")
        node = self.ir.node(operator, [self.value(x) for x in inputs],
                            {name: value for name, value in attributes.items() if value is not None},
                            num_outputs=outputs, name=f"{self.who or operator}_{next(self.counter)}")
        for output in node.outputs:
            output.name = f"v{next(self.counter)}"
        self.nodes.append(node)
        return node.outputs[0] if outputs == 1 else tuple(node.outputs)

    def value(self, x: Any) -> Any:
        if isinstance(x, Known):
            return x.value
        return self.constant(x) if isinstance(x, (np.ndarray, np.generic)) else x

    def constant(self, array: Any, name: str = "") -> Any:
        """A parameter as an initializer under its name, anything else as a node. Equal small ones are one."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (array.dtype, array.shape, array.tobytes()) if not name and array.size < 64 else None
        if key is not None and key in self.sizes:
            return self.sizes[key]
        if not name:
            value = self.constant_node(array)
            if key is not None:
                self.sizes[key] = value
            return value
        name = self.new_name(name)
        tensor = self.ir.tensor(array, name=name)
        value = self.ir.val(name, tensor.dtype, tensor.shape, const_value=tensor)
        self.initializers[name] = value
        return value

    def constant_node(self, array: np.ndarray) -> Any:
        node = self.ir.node("Constant", [], {"value": self.ir.tensor(array)}, num_outputs=1)
        node.outputs[0].name = f"v{next(self.counter)}"
        self.nodes.append(node)
        return node.outputs[0]

    def new_name(self, name: str) -> str:
        unique = name
        while unique in self.names:
            unique = f"{name}.{next(self.counter)}"
        self.names.add(unique)
        return unique

    # ------------------------------------------------------------------ sizes

    def ints(self, numbers: Sequence[Any], call: Call) -> Any:
        """Whole numbers as a one-dimensional tensor, computed where they depend on a dynamic axis."""
        if not any(isinstance(n, Size) for n in numbers):
            return self.constant(np.array(numbers, np.int64))
        pieces = [list(group) for _, group in itertools.groupby(numbers, lambda n: isinstance(n, Size))]
        parts = [part for piece in pieces for part in (
            [self.size(n, call) for n in piece] if isinstance(piece[0], Size)
            else [self.constant(np.array(piece, np.int64))])]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def size(self, size: Size, call: Call) -> Any:
        """A Size, of shape (1,): that of an axis of a tensor, or simply related to one."""
        if size not in self.sizes:
            known = [*[x for x in call.inputs if isinstance(x, Known)], *self.inputs]
            found = self.axis_of(size, [*known, *reversed(self.steps.values())])
            self.sizes[size] = found if found is not None else self.related(size, known, call)
        return self.sizes[size]

    def axis_of(self, size: Size, among: Any) -> Any:
        for x in among:
            for axis, n in enumerate(x.shape):
                if n == size:
                    return self.node("Shape", x, start=axis, end=axis + 1)
        return None

    def related(self, size: Size, among: list[Known], call: Call) -> Any:
        axes = list(dict.fromkeys(n for x in among for n in x.shape if isinstance(n, Size)))
        for n in axes:
            if not isinstance(size % n, Size) and size % n == 0 and not isinstance(size // n, Size):
                return self.node("Mul", self.axis_of(n, among), np.array([size // n]))
        for n in axes:
            if not isinstance(n % size, Size) and n % size == 0 and not isinstance(n // size, Size):
                return self.node("Div", self.axis_of(n, among), np.array([n // size]))
        for n in axes:
            for m in axes:
                product = n * m
                if size == product or not isinstance(size // product, Size) and (size // product) * product == size:
                    both = self.node("Mul", self.axis_of(n, among), self.axis_of(m, among))
                    return both if size == product else self.node("Mul", both, np.array([size // product]))
        for n in axes:
            if not isinstance(size - n, Size):
                return self.node("Add", self.axis_of(n, among), np.array([size - n]))
        raise call.refuse(f"a size is {size.values} in runs with other sizes of the dynamic axes, and is no simple "
                          f"multiple or sum of the sizes of its inputs; leave an axis out of dynamic_axes")

    def shape(self, shape: Sequence[Any], call: Call, x: Known | None = None) -> Any:
        """A shape for Reshape: -1 and 0 stand for what need not be computed."""
        unknown = [axis for axis, n in enumerate(shape) if isinstance(n, Size)]
        found = list(shape)
        if x is not None and unknown:
            for axis in unknown:
                if len(unknown) > 1 and axis < x.ndim and x.shape[axis] == shape[axis]:
                    found[axis] = 0
            left = [axis for axis in unknown if isinstance(found[axis], Size)]
            if left and not any(n == 0 and not isinstance(shape[axis], Size) for axis, n in enumerate(found)):
                found[left[0]] = -1
        return self.ints(found, call)

    def expanded(self, x: Any, shape: Sequence[Any], call: Call) -> Any:
        return self.node("Expand", x, self.ints(shape, call))

    # ------------------------------------------------------------------ from the runs

    def known(self, source: Source | None, call: Call) -> Any:
        """The value of a source; a number stays a number."""
        if source is None:
            return None
        if source.kind == "number":
            return source.key
        if source.kind == "input":
            return self.inputs[source.key]
        if source.kind == "step":
            return self.steps[source.key, source.slot]
        if source.kind == "named":
            array = self.runs[0].named[source.key]
            key = ("named", source.key)
            if key not in self.sizes:
                self.sizes[key] = Known(self.constant(array, source.key), array.shape, array.dtype, array)
            return self.sizes[key]
        return self.compact(source.key, call)

    def compact(self, given: Any, call: Call) -> Known:
        """A constant; axes along which it is repeated, or grows with a dynamic axis, are expanded by the graph."""
        if not isinstance(given, Varying):
            repeated = tuple([slice(0, 1) if stride == 0 and n > 1 else slice(None)
                              for stride, n in zip(given.strides, given.shape)])
            small = given[repeated]
            if small.shape == given.shape:
                return Known(self.constant(given), given.shape, given.dtype, given)
            return Known(self.node("Expand", small, np.array(given.shape)), given.shape, given.dtype, given)
        arrays = given.arrays
        shape = merged([array.shape for array in arrays], call.who)
        if isinstance(shape, Varying) or arrays[0].size == 0:
            raise call.refuse("a constant among its inputs has another number of axes from run to run")
        first = arrays[0]
        growing = [axis for axis, n in enumerate(shape) if isinstance(n, Size)]
        small = first[tuple([slice(0, 1) if axis in growing else slice(None) for axis in range(first.ndim)])]
        if all(np.array_equal(array, np.broadcast_to(small, array.shape)) for array in arrays):
            return Known(self.node("Expand", small, self.ints(shape, call)), shape, first.dtype)
        if first.dtype.kind in "if" and len(growing) == 1 and first.size == first.shape[growing[0]] and all(
                np.array_equal(array.reshape(-1), first.reshape(-1)[0] + np.arange(array.size)) for array in arrays):
            length, start = self.size(shape[growing[0]], call), int(first.reshape(-1)[0])
            counted = self.node("Range", np.array(start), self.node(
                "Squeeze", self.node("Add", length, np.array([start]))), np.array(1))
            counted = self.node("Cast", counted, to=self.ir.DataType.from_numpy(first.dtype))
            return Known(self.node("Reshape", counted, self.shape(shape, call)), shape, first.dtype)
        raise call.refuse(f"a tensor of shape {first.shape} among its inputs, which no op of minidl made, is another "
                          f"for other values, or other sizes of the dynamic axes. Compute it with tensors from the "
                          f"input, or leave an axis out of dynamic_axes")

    def output(self, source: Any, shape: Any, dtype: np.dtype, name: str, call: Any) -> Any:
        """The value under this name; the output of a node of its own, where it is an input, a constant or named."""
        value = self.value(self.known(source, call))
        if value.producer() is None or value in self.outputs:
            value = self.node("Identity", value)
        self.outputs.append(value)
        value.name, value.shape = name, self.ir.Shape([self.axis_name(n) for n in shape])
        value.dtype = self.ir.DataType.from_numpy(dtype)
        return value

    def needed_for(self, outputs: list[Any]) -> tuple[list[Any], list[Any]]:
        """The nodes and initializers that the outputs need, in order."""
        needed, stack = set(outputs), list(outputs)
        while stack:
            node = stack.pop().producer()
            new = {x for x in (node.inputs if node is not None else ()) if x is not None} - needed
            needed |= new
            stack += new
        return ([node for node in self.nodes if needed.intersection(node.outputs)],
                [value for value in self.initializers.values() if value in needed])

    def translate(self) -> None:
        """All steps that the outputs need, in the order of the first run."""
        twins = self.needed()
        for number in sorted(twins):
            steps = [run.steps[i] for run, i in zip(self.runs, twins[number])]
            name, path = steps[0].op.name(), steps[0].path
            self.who = f"{path}/{name}".lstrip("/")
            call = Call(self, steps, f"{name} in {path}" if path else name)
            translation = self.translations.get(type(steps[0].op))
            if translation is None:
                kind = f" ({type(steps[0].module).__name__})" if steps[0].module is not None else ""
                raise refusal(f"{name} has no form in ONNX, or none here yet. It is called in "
                                        f"the module {path or 'that was given'!r}{kind}")
            call.inputs = [self.known(merged(list(sources), call.who), call)
                           for sources in zip(*[step.inputs for step in steps])]
            results = translation(self, call, *call.inputs)
            if len(call.shapes) == 1:
                results = (results,)
            for slot, (value, shape, dtype) in enumerate(zip(results, call.shapes, call.dtypes)):
                if value is not None:
                    self.steps[number, slot] = Known(self.value(value), shape, dtype)

    def needed(self) -> dict[int, tuple[int, ...]]:
        """The numbers of the steps that the outputs need, and of the same steps in the other runs."""
        twins: dict[int, tuple[int, ...]] = {}
        stack = [list(sources) for sources in zip(*[run.outputs for run in self.runs])]
        while stack:
            sources = stack.pop()
            kinds = {source.kind if source else None for source in sources}
            if "step" not in kinds:
                continue
            numbers = tuple(source.key for source in sources if source and source.kind == "step")
            steps = [run.steps[i] for run, i in zip(self.runs, numbers)]
            who = f"{steps[0].op.name()} in {steps[0].path or 'the model'}"
            if len(numbers) < len(self.runs) or len({type(step.op) for step in steps}) > 1 or \
                    len({len(step.inputs) for step in steps}) > 1:
                raise refusal(f"{who}: another op is called, or on another number of inputs, from run to run "
                                        f"with other values and sizes. Does the model look at them?")
            if numbers[0] in twins:
                continue
            twins[numbers[0]] = numbers
            stack += [list(sources) for sources in zip(*[step.inputs for step in steps])]
            for name in steps[0].parameters:
                stack += _sources_in([step.parameters.get(name) for step in steps])
        return twins


def _sources_in(values: list[Any]) -> list[list[Any]]:
    """The sources among the parameters of all runs."""
    if isinstance(values[0], Source):
        return [values]
    if isinstance(values[0], (tuple, list)):
        return [found for parts in zip(*values) for found in _sources_in(list(parts))]
    return []
