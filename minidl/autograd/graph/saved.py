"""Hooks on what is kept for backward: it can be packed when it is kept, and unpacked when a rule reads it.

The hooks stand around the calls of ops (`autograd/around.py`). Where there are none, an op pays nothing for them.
"""
from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from minidl.autograd.around import around_functions, around_ops
from minidl.autograd.grad_mode import no_grad
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import is_array


class _Here(threading.local):
    """The hooks that are in force in this thread, the innermost last; and why there may be none."""

    hooks: tuple[saved_tensors_hooks, ...] = ()
    refusal: str | None = None


_here = _Here()


class saved_tensors_hooks:
    """Keep `pack_hook(tensor)` for backward instead of each tensor; a rule reads `unpack_hook` of it.

    The hooks see the numbers without their history, and run under `no_grad`. They hold for the steps that are recorded
    inside the block, in this thread; of nested blocks the innermost counts. What is packed may be anything: a file's
    name, float16, bytes that are compressed. As in PyTorch, a write into a tensor that was packed is not noticed.
    Errors: RuntimeError if the pack hook writes into its argument, TypeError if the other does not return a Tensor of
    the same shape.

        >>> import minidl
        >>> x = minidl.full((2,), 3.0, requires_grad=True)
        >>> with saved_tensors_hooks(lambda t: t.half(), lambda t: t.float()):
        ...     y = x * x
        >>> y.sum().backward()
        >>> x.grad
        tensor([6., 6.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._opened: list[tuple[contextlib.ExitStack, tuple[saved_tensors_hooks, ...]]] = []

    def __enter__(self) -> None:
        if _here.refusal is not None:
            raise RuntimeError(_here.refusal)
        stack = contextlib.ExitStack()
        stack.enter_context(around_ops.added(self._around_op))
        stack.enter_context(around_functions.added(self._around_function))
        self._opened.append((stack, _here.hooks))
        _here.hooks = (*_here.hooks, self)

    def __exit__(self, *exc_info: object) -> None:
        stack, _here.hooks = self._opened.pop()
        stack.close()

    def _around_op(self, call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        result = call(op, *inputs)
        self._pack(op)
        return result

    def _around_function(self, call: Callable[..., Any], cls: type, /, *args: Any, **kwargs: Any) -> Any:
        result = call(cls, *args, **kwargs)
        for output in result if isinstance(result, tuple) else (result,):
            if getattr(output, "edge", None) is not None:
                self._pack(output.edge[0])
        return result

    def _pack(self, op: Op) -> None:
        """Pack what a recorded step keeps, unless it is packed already or other hooks are nearer."""
        if op.kept and type(op.kept) is dict and _here.hooks and _here.hooks[-1] is self:
            with no_grad():
                op.kept = _Packed({name: self._entry(value, number) for name, (value, _, number) in op.kept.items()},
                                  self.unpack_hook)

    def _entry(self, value: Any, number: Any) -> tuple[Any, Any, Any]:
        """A kept value in packed form, with a version of its own: the old one is that of memory that is not kept."""
        if type(value) is tuple:
            return tuple([self._packed_value(v) for v in value]), None, [([0, ""], 0) for _ in number]
        return (self._packed_value(value), [0, ""], 0) if is_array(value) else (value, None, 0)

    def _packed_value(self, array: Any) -> _PackedArray:
        tensor = wrap(array, None, [0, ""])
        packed = self.pack_hook(tensor)
        if tensor.version[0]:
            raise RuntimeError("A saved tensor pack hook is modifying its input in place. Tensors provided as input to "
                               "pack hook can not be modified by in-place operations as this can lead to unexpected "
                               "side-effects; return a clone()")
        return _PackedArray(packed, array.shape)


class _PackedArray:
    """What a pack hook has returned for an array of a shape."""

    __slots__ = ("packed", "shape")

    def __init__(self, packed: Any, shape: tuple[int, ...]) -> None:
        self.packed, self.shape = packed, shape


class _Packed(dict[str, Any]):
    """`Op.kept`, whose values are unpacked when they are read."""

    def __init__(self, entries: dict[str, Any], unpack: Callable[[Any], Any]) -> None:
        super().__init__(entries)
        self.unpack = unpack

    def __getitem__(self, name: str) -> tuple[Any, Any, Any]:
        value, version, number = super().__getitem__(name)
        return (tuple([self._array(v) for v in value]) if type(value) is tuple else self._array(value), version, number)

    def _array(self, value: Any) -> Any:
        if not isinstance(value, _PackedArray):
            return value
        with no_grad():
            tensor = self.unpack(value.packed)
        if not isinstance(tensor, TensorBase) or tensor.array.shape != value.shape:
            got = f"one of shape {tuple(tensor.array.shape)}" if isinstance(tensor, TensorBase) else \
                f"result of type {type(tensor).__name__}"
            raise TypeError(f"Output of saved tensor unpack_hook expected to be a Tensor of shape {tuple(value.shape)} "
                            f"but got {got}")
        return tensor.array


class save_on_cpu(saved_tensors_hooks):
    """Keep for backward on the CPU what a GPU computes with: slower, in less of the GPU's memory.

    `pin_memory` and `device_type` are accepted as in PyTorch.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.device, tensor.cpu()), lambda packed: packed[1].to(packed[0]))


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Any:
    """Let `saved_tensors_hooks` be a RuntimeError with this message, inside the block and in this thread."""
    before, _here.refusal = _here.refusal, error_message
    try:
        yield
    finally:
        _here.refusal = before
