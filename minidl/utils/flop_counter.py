"""`FlopCounterMode`: the operations of products inside a block, forward and backward, by module."""
from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

from minidl.autograd.around import around_gradients, around_modules, around_ops
from minidl.autograd.op import Op
from minidl.nn.module import Module
from minidl.ops.attention import Attention
from minidl.tables import size_of, table
from minidl.utils.summary import MULTIPLY_ADDS

__all__ = ["FlopCounterMode"]

_BACKWARD: dict[type, float] = {Attention: 2.5}
"""The products of a gradient, in those of the op, where that is not one for each factor whose gradient is wanted:
attention computes its scores anew, and has four more products."""


class FlopCounterMode:
    """Count the floating-point operations of products inside a `with` block, two for each multiply-add.

    Convolutions, matrix products, attention and recurrent layers count, and so do their gradients; what is computed
    element by element does not. PyTorch's counts are the same, its names of ops are others.

    Args:
        mods: accepted as in PyTorch; all modules that are called have a count.
        depth: how deep modules inside modules are in the table.
        display: whether the table is printed at the end of the block.
        custom_mapping: functions of an op, its inputs and its output that give the number of operations, by class of
            the op.

    For example::

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.utils.flop_counter import FlopCounterMode
        >>> net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5))
        >>> with FlopCounterMode(display=False) as counter:
        ...     loss = net(minidl.ones(8, 20)).sum()
        >>> counter.get_total_flops()           # 2 * 8 * (20 * 30 + 30 * 5)
        12000
        >>> counter.get_flop_counts()["Sequential.2"]
        {'Linear': 2400}
    """

    def __init__(self, mods: Any = None, depth: int = 2, display: bool = True,
                 custom_mapping: dict[type, Callable[..., int]] | None = None) -> None:
        self.depth, self.display = depth, display
        self._custom = custom_mapping or {}
        self._counts: dict[str, dict[str, int]] = {"Global": {}}
        self._paths: dict[Module, str] = {}                     # of the modules inside the outermost that runs
        self._inside: list[str] = []                            # the paths of those that run
        self._made_in: weakref.WeakKeyDictionary[Op, tuple[int, set[str]]] = weakref.WeakKeyDictionary()
        self._counting = False                                  # whether an op that is counted is running

    def __enter__(self) -> FlopCounterMode:
        self._counts = {"Global": {}}
        self._watching = contextlib.ExitStack()
        self._watching.enter_context(around_modules.added(self._around_module))
        for calls, function in ((around_ops, self._around_op), (around_gradients, self._around_gradient)):
            self._watching.enter_context(calls.added(function, (*MULTIPLY_ADDS, *self._custom)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._watching.close()
        if self.display:
            print(self.get_table(self.depth))

    # ------------------------------------------------------------------ counting

    def _around_module(self, call: Callable[..., Any], module: Module, /, *args: Any, **kwargs: Any) -> Any:
        outermost = not self._inside
        if outermost:
            root = type(module).__name__
            self._paths = {m: f"{root}.{name}" if name else root for name, m in module.named_modules()}
        self._inside.append(self._paths.get(module, type(module).__name__))
        try:
            return call(module, *args, **kwargs)
        finally:
            self._inside.pop()

    def _around_op(self, call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        output, counts = self._alone(call, op, *inputs)
        if counts:
            number = self._custom[type(op)](op, *inputs, output) if type(op) in self._custom else \
                2 * MULTIPLY_ADDS[type(op)](op, *inputs, output)
            self._made_in[op] = number, set(self._inside)
            self._add(op, number, set(self._inside))
        return output

    def _around_gradient(self, call: Callable[..., Any], op: Op, g: Any, graph: bool, wanted: Any) -> Any:
        passed, counts = self._alone(call, op, g, graph, wanted)
        if counts and op in self._made_in:
            number, modules = self._made_in[op]
            factors = sum(edge is not None for edge in list(wanted)[:2])
            self._add(op, int(_BACKWARD.get(type(op), factors) * number), modules)
        return passed

    def _alone(self, call: Callable[..., Any], *args: Any) -> tuple[Any, bool]:
        """The result of a call, and whether it was made outside of those that are counted."""
        if self._counting:
            return call(*args), False
        self._counting = True
        try:
            return call(*args), True
        finally:
            self._counting = False

    def _add(self, op: Op, number: int, modules: set[str]) -> None:
        name = op.name().removesuffix("Backward")
        for path in {"Global", *modules}:
            counts = self._counts.setdefault(path, {})
            counts[name] = counts.get(name, 0) + number

    # ------------------------------------------------------------------ reading

    def get_total_flops(self) -> int:
        """The operations of the whole block."""
        return sum(self._counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """The operations by module and op; those of a module contain those of the modules inside it.

        "Global" is the whole block.
        """
        return {path: dict(counts) for path, counts in self._counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """Modules and ops with their operations, and their share of the whole."""
        depth = self.depth if depth is None else depth
        rows = []
        for path, counts in self._counts.items():
            level = 0 if path == "Global" else path.count(".") + 1
            if level <= depth:
                parts = [(path, sum(counts.values())), *((f" - {op}", number) for op, number in counts.items())]
                rows += [["  " * level + name, size_of(number, ("", "k", "M", "G", "T"), 1000),
                          f"{100 * number / max(self.get_total_flops(), 1):.2f} %"] for name, number in parts]
        return table(["Module", "FLOP", "% Total"], rows)
