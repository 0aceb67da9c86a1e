"""The base of ops with a weight and a bias: `Linear` and `Conv2d`."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.around import around_ops
from minidl.autograd.op import Op
from minidl.backend.cpu.threads import get_num_threads, parallel
from minidl.backend.device import Array

WORTH_A_THREAD = 1 << 23    # multiply-adds that take twice as long as waking a thread
BALANCED = 1 << 26          # from which two threads would rather share each product than wait for each other


class Biased(Op):
    """y is linear in x and in a weight, and a bias is added: `forward(x, weight, bias)`.

    The gradients of x and of the weight need nothing of each other, so on the CPU a thread computes one while another
    computes the other. On a GPU one launch computes the gradients of weight and bias. Both where all are wanted and no
    graph of them is.
    """

    def parameter_gradients(self, g: Array, x: Array) -> tuple[Array, Array]:
        """What the rules of weight and bias compute, at once."""
        raise NotImplementedError

    def input_gradients(self, g: Any, graph: bool, wanted: Any) -> list[Any]:
        if not graph and g.dtype.kind != "c" and wanted[1] is not None:
            if type(g) is not np.ndarray:
                if len(wanted) > 2 and wanted[2] is not None:
                    gx = super().input_gradients(g, graph, (wanted[0], None, None))[0]
                    return [gx, *self.parameter_gradients(g, self.kept_value(self.input_names[0]))]
            elif wanted[0] is not None and self.suits_two_threads(g):
                return self.on_two_threads(g, wanted)
        return super().input_gradients(g, graph, wanted)

    def suits_two_threads(self, g: np.ndarray) -> bool:
        """Whether the two products take less time side by side than each on all threads.

        Side by side a thread is woken once for both; but more threads have nothing to do, and two wait for each other
        if the products, of as many multiply-adds, take different times. A user's functions, around ops or for kept
        values, are called on one thread.
        """
        threads = get_num_threads()
        if threads == 1 or around_ops.active or type(self.kept) is not dict:
            return False
        work = g.size * self.kept_value(self.input_names[1])[:1].size
        return WORTH_A_THREAD <= work <= BALANCED and work * (threads - 2) < WORTH_A_THREAD * threads

    def on_two_threads(self, g: np.ndarray, wanted: Any) -> list[Any]:
        """The gradient of x on a thread, those of weight and bias on another."""
        shares = ((wanted[0], *(None,) * (len(wanted) - 1)), (None, *wanted[1:]))
        gradients: list[list[Any]] = [[], []]

        def compute(share: int) -> None:
            gradients[share] = super(Biased, self).input_gradients(g, False, shares[share])

        parallel(compute, range(2))
        return [gradients[0][0], *gradients[1][1:]]
