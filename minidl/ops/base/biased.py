"""The base of ops with a weight and a bias: `Linear` and `Conv2d`."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import Op
from minidl.backend.device import Array


class Biased(Op):
    """y is linear in x and in a weight, and a bias is added: `forward(x, weight, bias)`.

    On a GPU one launch computes the gradients of weight and bias, where both are wanted and no graph of them is.
    """

    def parameter_gradients(self, g: Array, x: Array) -> tuple[Array, Array]:
        """What the rules of weight and bias compute, at once."""
        raise NotImplementedError

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        if graph or type(g) is np.ndarray or g.dtype.kind == "c" or not all(wanted[1:]) or len(wanted) < 3:
            return super().input_gradients(g, graph, wanted)
        gx = super().input_gradients(g, graph, (wanted[0], None, None))[0]
        return [gx, *self.parameter_gradients(g, self.kept_value(self.input_names[0]))]
