"""Parameter: the tensor that a module trains."""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import TensorBase, version_of
from minidl.creation import empty
from minidl.tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that a module lists in `parameters()` once it is assigned to an attribute.

    It shares the memory of `data`, and nothing of its history. What is computed from it is a plain Tensor.
    `Parameter()` is empty.

    Errors: TypeError unless `data` is a Tensor; RuntimeError if it is to require grad and is not floating.

        >>> import minidl
        >>> minidl.nn.Parameter(minidl.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        if data is None:
            data = empty(0)
        if not isinstance(data, TensorBase):
            raise TypeError(f"Parameter: expected data to be a Tensor, but got {type(data).__name__}; "
                            f"try Parameter(minidl.tensor(data))")
        self.array = data.array
        self.version = version_of(data)
        self.requires_grad = requires_grad

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # without the gradient: who copies a network wants its weights
        result = super().__deepcopy__(memo)
        result.grad = None
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


def type_name(value: Any) -> str:
    """How errors name what they were given: `minidl.Tensor`, `list`, `numpy.ndarray`."""
    kind = type(value)
    if isinstance(value, TensorBase):
        return f"minidl.{kind.__name__}"
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
