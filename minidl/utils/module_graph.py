"""`draw_modules`: a network as boxes of layers."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.around import around_modules, around_ops
from minidl.autograd.gradients import edge_of
from minidl.autograd.graph.boxes import Box, Drawing, picture
from minidl.autograd.graph.drawn import ops_behind
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import Edge
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


def draw_modules(model: Module, *inputs: Any, depth: int | None = None) -> Drawing:
    """A network as an SVG of its modules: the output on top, inputs below.

    The model is run on `inputs`, and must return a Tensor. A box is a module without parts, or one that is `depth`
    levels deep; what is computed between such modules, such as the sum of a residual block, is a box as well. Beside an
    arrow is the shape of what passes. A notebook shows the picture, and `.save("model.svg")` writes it to a file.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.utils import draw_modules
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> picture = draw_modules(model, minidl.ones(5, 3))
        >>> "ReLU" in picture and "(5, 4)" in picture
        True

    Errors: RuntimeError if nothing that requires grad leads to the output.
    """
    run = _Run(model, depth)
    return run.drawing(*run.watch("draw_modules", inputs))


def layers_of(model: Module, *inputs: Any) -> list[tuple[str, str, list[str]]]:
    """The layers of a network: of each its path with slashes, its type, and the paths of those that it takes from.

    What `draw_modules` draws, for other programs that draw.
    """
    run = _Run(model, None)
    order, _, taken = run.groups(*(watched := run.watch("layers_of", inputs)))
    names: list[str] = []
    for key in order:
        name = key[0].replace(".", "/") or key[1] if isinstance(key, tuple) else \
            watched[1][id(key.variable)].replace(" ", "/") if isinstance(key, AccumulateGrad) else key.name()
        names.append(name + (f"_{names.count(name) + 1}" if name in names else ""))
    kinds = [key[1] if isinstance(key, tuple) else "input" if isinstance(key, AccumulateGrad) else key.name()
             for key in order]
    return [(name, kind, [names[source] for source, _ in sources])
            for name, kind, sources in zip(names, kinds, taken)][::-1]


Call = tuple[str, str, int]
"""The name of a module, its type, and which of its calls it is: it has a box of its own."""


class _Run:
    """Which call of a module each op belongs to."""

    def __init__(self, model: Module, depth: int | None) -> None:
        self.model = model
        self.boxed = {module: name for name, module in model.named_modules()
                      if not any(True for _ in module.children()) or name and name.count(".") + 1 == depth}
        self.inside: list[Call | None] = [None]
        self.calls = 0
        self.owner: dict[Op, Call | None] = {}
        self.shapes: dict[Edge, str] = {}

    def watch(self, who: str, inputs: Any) -> tuple[Tensor, dict[int, str]]:
        """Run the model: its output, and names of the inputs by identity."""
        given = [x.detach().requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
        with around_modules.added(self.around_module), around_ops.added(self.around_op):
            output = self.model(*given)
        if not isinstance(output, Tensor):
            raise TypeError(f"{who}: expected a model that returns a Tensor, but {type(self.model).__name__} returned "
                            f"{type(output).__name__}; wrap it in a module that picks one of them")
        self.given = given      # alive, so that no other has its identity
        return output, {id(x): f"input {number}" for number, x in enumerate(given, 1)}

    def around_module(self, call: Callable[..., Any], module: Module, /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        name = self.boxed.get(module)
        around = self.inside[-1]
        self.inside.append(around if around or name is None else (name, type(module).__name__, self.calls))
        try:
            return call(module, *args, **kwargs)
        finally:
            self.inside.pop()

    def around_op(self, call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        output = call(op, *inputs)
        self.owner[op] = self.inside[-1]
        for slot, part in enumerate(output if isinstance(output, tuple) else (output,)):
            self.shapes[op, slot] = str(tuple(part.shape))
        return output

    def groups(self, output: Tensor, inputs: dict[int, str]) -> tuple[
            list[Any], list[dict[Edge, int]], list[list[tuple[int, int]]]]:
        """The boxes, newest first; the outputs of each; and for each the (box, output) that it takes."""
        ops = [op for op in ops_behind(output)
               if not isinstance(op, AccumulateGrad) or id(op.variable) in inputs]       # without parameters
        group = {op: self.owner.get(op) or op for op in ops}
        order = list(dict.fromkeys(group.values()))                 # newest first, as the ops are
        number = {key: i for i, key in enumerate(order)}
        slots: list[dict[Edge, int]] = [{} for _ in order]          # the outputs that others take, or the end
        taken: list[list[tuple[int, int]]] = [[] for _ in order]
        first = edge_of(output)
        slots[0][first] = 0
        for op in ops:
            for edge in op.edges:
                if edge is not None and edge[0] in group and group[edge[0]] != group[op]:
                    source = number[group[edge[0]]]
                    slot = slots[source].setdefault(edge, len(slots[source]))
                    if (source, slot) not in taken[number[group[op]]]:
                        taken[number[group[op]]].append((source, slot))
        return order, slots, taken

    def drawing(self, output: Tensor, inputs: dict[int, str]) -> Drawing:
        order, slots, taken = self.groups(output, inputs)
        boxes = []
        for key, outputs in zip(order, slots):
            shown = {slot: self.shapes.get(edge, "") for edge, slot in outputs.items()}
            if isinstance(key, tuple):
                boxes.append(Box("module", [key[1], key[0]] if key[0] else [key[1]], "", shown))
            elif isinstance(key, AccumulateGrad):
                shape = str(tuple(key.variable.array.shape)) if key.variable is not None else ""
                boxes.append(Box("leaf", [inputs[id(key.variable)]], "", {0: shape}))
            else:
                boxes.append(Box("op", [key.name()], "", shown))
        return picture(boxes, taken)
