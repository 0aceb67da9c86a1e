"""What each op is in ONNX: a table from the classes of ops to functions that make nodes.

    @translates(Softmax)
    def _softmax(g, call, x):
        return g.node("Softmax", x, axis=call.axis)

`g` is the graph, `call` has the op's parameters (`call.axis`), the shape and the dtype of its result and the module,
and what follows are its inputs: values with a shape, numbers, or None.
"""
from __future__ import annotations

from minidl.onnx.translations import elementwise, layers, movement, reductions, sequences
from minidl.onnx.translations.table import TRANSLATIONS

__all__ = ["TRANSLATIONS", "elementwise", "layers", "movement", "reductions", "sequences"]
