"""What each of ONNX's operators is in minidl: a table from their names to functions of Tensors.

    @operator("Softmax")
    def _softmax(node, x):
        return F.softmax(x, node.get("axis", -1))

`node` has the attributes and the version of the operators; what follows are the inputs, None where one is left out.
"""
from __future__ import annotations

from minidl.onnx.operators import classical, layers, mathematics, movement, sequences
from minidl.onnx.operators.table import OPERATORS, Node

__all__ = ["OPERATORS", "Node", "classical", "layers", "mathematics", "movement", "sequences"]
