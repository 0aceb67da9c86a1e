"""PyTorch's names for operators of one's own: `custom_op`, with its gradient.

An operator is a Python function here, and calling it calls the function. It is found again by its name, which under
the name of PyTorch is `torch.ops.namespace.name`. There is no schema: see `Library`.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from minidl.autograd.function import Function
from minidl.tensors.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["CustomOp", "Library", "custom_op", "register_autograd", "register_fake", "register_kernel", "triton_op"]

OPERATORS: dict[str, CustomOp] = {}
"""The operators that `custom_op` made, by their whole names."""


class CustomOp:
    """A function with a gradient of its own; `custom_op` makes it."""

    def __init__(self, name: str, fn: Callable[..., Any]) -> None:
        self.name, self._fn = name, fn
        self._function: Any = None
        self._kernels: dict[str, Callable[..., Any]] = {}
        self.__name__, self.__doc__ = name.rpartition("::")[2], fn.__doc__

    @property
    def default(self) -> CustomOp:
        """The operator: it has one signature, and PyTorch calls that "default"."""
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is not None:
            return self._function.apply(*_in_order(self._fn, args, kwargs))
        return self._run(*args, **kwargs)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        devices = {value.device.type for value in args if isinstance(value, Tensor)}
        fn = next((self._kernels[device] for device in devices if device in self._kernels), self._fn)
        return fn(*args, **kwargs)

    def register_autograd(self, backward: Callable[..., Any], /, *,
                          setup_context: Callable[..., Any] | None = None) -> None:
        """Set the gradient: `backward(ctx, *grads)` gives one for each input, or None.

        `setup_context(ctx, inputs, output)` keeps what it needs.
        """
        run = self._run

        def forward(*args: Any) -> Any:
            return run(*args)

        def setup(ctx: Any, inputs: Any, output: Any) -> None:
            if setup_context is not None:
                setup_context(ctx, inputs, output)

        self._function = type(self.__name__, (Function,), {
            "forward": staticmethod(forward), "setup_context": staticmethod(setup), "backward": staticmethod(backward)})

    def register_kernel(self, device_types: str | Iterable[str], fn: Any = None, /) -> Any:
        """Set the function for tensors of a device, "cpu" or "cuda"; without one, a decorator."""
        if fn is None:
            return lambda fn: self.register_kernel(device_types, fn)
        for device in [device_types] if isinstance(device_types, str) else device_types:
            self._kernels[device] = fn
        return fn

    def register_fake(self, fn: F, /) -> F:
        """Return the function as it is: shapes are found by computing."""
        return fn

    def __repr__(self) -> str:
        return f"<CustomOp({self.name})>"


def custom_op(name: str, fn: Any = None, /, *, mutates_args: Any = (), device_types: Any = None,
              schema: str | None = None, tags: Any = None) -> Any:
    """Make an operator of a function; without one, a decorator.

    `register_autograd` gives it a gradient. `mutates_args` and `schema` are not checked. A name that is there already
    is replaced.

        >>> import minidl
        >>> @minidl.library.custom_op("mine::double", mutates_args=())
        ... def double(x: minidl.Tensor) -> minidl.Tensor:
        ...     return 2 * x
        >>> double.register_autograd(lambda ctx, g: 2 * g)
        >>> x = minidl.ones(2, requires_grad=True)
        >>> double(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """
    if "::" not in name:
        raise ValueError(f"custom_op: expected a name like 'namespace::name', got {name!r}")
    if fn is None:
        return lambda fn: custom_op(name, fn)
    op = OPERATORS[name] = CustomOp(name, fn)
    return op


triton_op = custom_op


def register_fake(op: Any, func: Any = None, /, **settings: Any) -> Any:
    """Return the function as it is, or a decorator that does: shapes are found by computing."""
    return func if func is not None else lambda func: func


def register_kernel(op: CustomOp | str, device_types: str | Iterable[str], func: Any = None, /,
                    **settings: Any) -> Any:
    """Set the function of an operator for tensors of a device."""
    return _operator(op, "register_kernel").register_kernel(device_types, func)


def register_autograd(op: CustomOp | str, backward: Callable[..., Any], /, *,
                      setup_context: Callable[..., Any] | None = None, lib: Any = None) -> None:
    """Set the gradient of an operator, which is given by itself or by its name."""
    _operator(op, "register_autograd").register_autograd(backward, setup_context=setup_context)


def _operator(op: CustomOp | str, who: str) -> CustomOp:
    found = OPERATORS.get(op) if isinstance(op, str) else op
    if not isinstance(found, CustomOp):
        raise NotImplementedError(f"{who}: expected an operator of custom_op or its name, got {op!r}; there are "
                                  f"{sorted(OPERATORS)}")
    return found


class Library:
    """Operators by name, in PyTorch. Errors: always NotImplementedError when it is made."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        raise NotImplementedError(f"Library({ns!r}, {kind!r}): minidl has no registry of operators; call a Python "
                                  f"function, or make one with library.custom_op")


def _in_order(fn: Callable[..., Any], args: Any, kwargs: Any) -> list[Any]:
    """The arguments of a call in the order of the signature, with defaults."""
    bound = inspect.signature(fn).bind(*args, **kwargs)
    bound.apply_defaults()
    return list(bound.arguments.values())
