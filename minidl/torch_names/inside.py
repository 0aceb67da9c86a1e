"""PyTorch's inside, as far as programs call it and it has a meaning here."""
from __future__ import annotations

import copy
import importlib
import multiprocessing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import minidl
from minidl.torch_names.refusals import refused

NO_STORAGE = "a tensor's memory is a NumPy or CuPy array: Tensor.numpy() shows it"


def foreach(name: str) -> Callable[..., Any]:
    """`torch._foreach_NAME`: a method of Tensor on each tensor of a list."""
    def function(tensors: Any, *others: Any, **kwargs: Any) -> Any:
        if name.startswith("addc") and len(others) == 3:
            return function(tensors, *others[:2], value=others[2])
        lists = [isinstance(other, (list, tuple)) for other in others]
        each = [[other[i] if is_list else other for is_list, other in zip(lists, others)]
                for i in range(len(tensors))]
        if "ord" in kwargs:
            kwargs["p"] = kwargs.pop("ord")         # as _foreach_norm calls it
        if not hasattr(minidl.Tensor, name):        # maximum_ and minimum_ are no methods
            for tensor, result in zip(tensors, foreach(name[:-1])(tensors, *others, **kwargs)):
                tensor.copy_(result)
            return None
        results = [getattr(tensor, name)(*arguments, **kwargs) for tensor, arguments in zip(tensors, each)]
        return None if name.endswith("_") else results
    function.__name__ = f"_foreach_{name}"
    return function


class UntypedStorage(refused("torch.UntypedStorage", NO_STORAGE)):  # type: ignore[misc]
    """Bytes of a file, which safetensors reads tensors from; else it has no objects."""

    @staticmethod
    def from_file(filename: str, shared: bool = False, nbytes: int = 0) -> _Bytes:
        """The bytes of a file, mapped into memory; shared: what is written there goes to the file."""
        return np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)).view(_Bytes)


class _Bytes(np.memmap):
    """What stands for a storage."""

    def untyped(self) -> _Bytes:
        """The bytes."""
        return self


def clones(module: Any, N: int) -> Any:
    """N copies of a layer."""
    return minidl.nn.ModuleList([copy.deepcopy(module) for _ in range(N)])


def flatten_tensors(tensors: Any) -> Any:
    """The numbers of all tensors in one row."""
    return minidl.cat([tensor.reshape(-1) for tensor in tensors])


def unflatten_tensors(flat: Any, tensors: Any) -> tuple[Any, ...]:
    """Views into a row that `flatten_tensors` made, in the shapes of `tensors`."""
    return tuple(part.view_as(tensor) for part, tensor in zip(flat.split([t.numel() for t in tensors]), tensors))


def group_tensors(lists: Any, with_indices: bool = False) -> dict[Any, Any]:
    """Lists of tensors in step, apart by device and dtype of the first list's, with their places if wanted."""
    groups: dict[Any, Any] = {}
    for i, tensor in enumerate(lists[0]):
        parts, places = groups.setdefault((tensor.device, tensor.dtype), ([[] for _ in lists], []))
        for part, whole in zip(parts, lists):
            part.extend(whole[i:i + 1])
        places.append(i)
    return groups if with_indices else {key: (parts, []) for key, (parts, _) in groups.items()}


def spawn(fn: Callable[..., Any], args: tuple[Any, ...] = (), nprocs: int = 1, join: bool = True,
          daemon: bool = False, start_method: str = "spawn") -> list[Any] | None:
    """Run `fn(i, *args)` in `nprocs` processes. Errors: RuntimeError if one of them fails."""
    context: Any = multiprocessing.get_context(start_method)
    processes = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for process in processes:
        process.start()
    if not join:
        return processes
    for process in processes:
        process.join()
    failed = [i for i, process in enumerate(processes) if process.exitcode]
    if failed:
        raise RuntimeError(f"spawn: process {failed[0]} terminated with exit code {processes[failed[0]].exitcode}")
    return None


def assert_(condition: Any, message: str) -> None:
    """Raise an AssertionError with the message unless the condition holds."""
    assert condition, message


def coo_to_csr(input: Any, size: int, *, out_int32: bool = False) -> Any:
    """Where each of `size` rows begins in sorted row numbers, and the last one's end."""
    ends = minidl.searchsorted(input, minidl.arange(size + 1, dtype=input.dtype))
    return ends.int() if out_int32 else ends


def csr_to_coo(crow_indices: Any, col_indices: Any, *, out_int32: bool = False, transpose: bool = False) -> Any:
    """The rows and columns of entries whose rows begin at `crow_indices`; columns first if `transpose`."""
    rows = minidl.repeat_interleave(minidl.arange(len(crow_indices) - 1), crow_indices.diff().long())
    both = minidl.stack([col_indices, rows.to(col_indices.dtype)] if transpose else
                        [rows.to(col_indices.dtype), col_indices])
    return both.int() if out_int32 else both


class Operator:
    """An operator of PyTorch by its name, `torch.ops.aten.cat.default`: the function or method `cat`.

    Libraries use such names as keys of tables, too: two of one name are equal.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, overload: str) -> Operator:
        if overload.startswith("__"):
            raise AttributeError(overload)
        return Operator(f"{self.name}.{overload}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.name.split(".")[1]
        function = getattr(minidl, name, None) or getattr(minidl.Tensor, name, None)
        if function is None:
            raise NotImplementedError(f"torch.ops.{self.name}: minidl has no function of this name")
        return function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Operator) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def check(cond: Any, message: Callable[[], Any] | None = None, *, error: type[Exception] = RuntimeError) -> None:
    """`torch._check`: raise an error unless the condition holds; `message` is called for what it says."""
    if not cond:
        raise error("Expected cond to be True, but got False" if message is None else str(message()))


def device_module(device: Any = None) -> Any:
    """The module of a kind of device, such as `torch.cuda`; by default of the accelerator, or else `torch.cpu`."""
    kind = minidl.device(device or minidl.accelerator.current_accelerator() or "cpu").type
    return importlib.import_module(f"torch.{kind}")


class Operators:
    """`torch.ops`: the operators of `library.custom_op`, by namespace and name, and PyTorch's own by name (`aten`)."""

    aten = Operator("aten")

    def __getattr__(self, namespace: str) -> Any:
        found = {name.partition("::")[2]: op for name, op in minidl.library.OPERATORS.items()
                 if name.startswith(f"{namespace}::")}
        if not found:
            raise AttributeError(f"torch.ops.{namespace}: minidl has no registry of PyTorch's operators, only of those "
                                 f"that library.custom_op made; call the function itself")
        return SimpleNamespace(**found)


def parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """What arguments of `Tensor.to` say: a device, a dtype, non_blocking and a memory format."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    if args and isinstance(args[0], minidl.Tensor):
        device, dtype = args[0].device, args[0].dtype
    for argument in args:
        if isinstance(argument, minidl.dtype):
            dtype = argument
        elif isinstance(argument, (str, minidl.device)):
            device = argument
    device = minidl.device(device) if isinstance(device, str) else device
    return device, dtype, bool(kwargs.get("non_blocking")), kwargs.get("memory_format")
