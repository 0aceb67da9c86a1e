"""The table of operators, and a node of a loaded graph."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.tensors.tensor import Tensor

OPERATORS: dict[str, Callable[..., Any]] = {}


def operator(*names: str) -> Callable[[Any], Any]:
    """Enter a function under the names of operators; "ml." stands before those of classical learning."""
    def enter(function: Any) -> Any:
        OPERATORS.update(dict.fromkeys(names, function))
        return function
    return enter


class Node:
    """One node: its operator, attributes, and the names of its inputs and outputs."""

    training = False        # whether the module is in training; set before each run

    def __init__(self, node: Any, opset: int, arrays: Any) -> None:
        self.operator, self.opset, self.name = node.op_type, opset, node.name or node.op_type
        self.key = ("ml." if node.domain == "ai.onnx.ml" else "") + node.op_type        # in the table
        self.inputs = [value.name if value is not None else "" for value in node.inputs]
        self.outputs = [value.name for value in node.outputs]
        self.attributes = {name: _value(attribute, arrays, f"{name} of {self.name}")
                           for name, attribute in node.attributes.items()}

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute, or the default."""
        return self.attributes.get(name, default)

    def run(self, inputs: list[Any], training: bool) -> tuple[Any, ...]:
        """The outputs. Errors: those of minidl's ops, with the node's name."""
        self.training = training
        try:
            made = OPERATORS[self.key](self, *inputs)
        except Exception as error:
            error.args = (f"{self.operator} {self.name!r}: {error.args[0] if error.args else error}", *error.args[1:])
            raise
        return made if isinstance(made, tuple) else (made,)

    def refuse(self, why: str) -> NotImplementedError:
        return NotImplementedError(why)


def _value(attribute: Any, arrays: Any, name: str) -> Any:
    """An attribute as numbers, texts or a Tensor."""
    value = attribute.value
    if attribute.type.name == "TENSOR":
        return wrap(arrays(value, name))
    if isinstance(value, (list, tuple)):
        return list(value)
    return value


def ints(x: Any) -> list[int]:
    """A list of whole numbers, from a Tensor or a list."""
    return [int(n) for n in (x.array.reshape(-1) if isinstance(x, Tensor) else x)]


def number(x: Any) -> Any:
    """The one number of a Tensor."""
    return x.array.reshape(-1)[0].item()


def tensor(values: Any, dtype: Any = np.int64) -> Any:
    return wrap(np.array(values, dtype))
