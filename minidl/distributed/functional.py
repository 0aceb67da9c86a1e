"""Sums over ranks that gradients pass through."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, device_of, move, to_numpy
from minidl.distributed.groups import _found


class AllReduce(Op):
    """y = the sum of x over the ranks of a group;  gx = the sum of g over them, for every rank's x is in every y"""

    complex_rules = "as written"

    def __init__(self, group: Any) -> None:
        self.group = group

    def forward(self, x: Array) -> Array:
        y = np.array(to_numpy(x), order="C")
        _found(self.group).engine.all_reduce(y, "sum")
        return move(y, device_of(x))

    def grad_x(self, g: Value) -> Value:
        return AllReduce(self.group)(g)


def all_reduce(tensor: Any, group: Any = None) -> Any:
    """The sum of `tensor` over all ranks, with gradients at any order.

    Errors: ValueError before `init_process_group`.

        >>> import minidl, minidl.distributed as dist
        >>> dist.init_process_group()
        >>> x = minidl.ones(2, requires_grad=True)
        >>> dist.functional.all_reduce(x)
        tensor([1., 1.], grad_fn=<AllReduce>)
        >>> dist.destroy_process_group()
    """
    return AllReduce(group)(tensor)
