"""Parameter and Buffer: the tensors of a module; also without a shape yet."""
from __future__ import annotations

from typing import Any

from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.tensorbase import TensorBase, memory_of, version_of, wrap
from minidl.backend.device import Array
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that a module registers on assignment to an attribute.

    The module then lists it in `parameters()`. It shares the memory of `data`, but not its history. Results computed
    from it are plain Tensors. `Parameter()` is empty.

    Errors: TypeError unless `data` is a Tensor; RuntimeError if it should require grad and is not floating.

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
        self.array = memory_of(data)
        self.version = version_of(data)
        self.requires_grad = requires_grad

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # without the gradient: a copy of a network needs only the weights
        result = super().__deepcopy__(memo)
        result.grad = None
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that becomes a buffer on assignment to a module's attribute.

    See `Module.register_buffer`. It shares the memory of `data`. Results computed from it are plain Tensors.
    persistent: whether it is part of the `state_dict`. Errors: TypeError unless `data` is a Tensor.

        >>> import minidl
        >>> from minidl import nn
        >>> class Count(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.seen = nn.Buffer(minidl.tensor(0))
        >>> Count().state_dict()["seen"]
        tensor(0)
    """

    persistent = True

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        data = empty(0) if data is None else data
        if not isinstance(data, TensorBase):
            raise TypeError(f"Buffer: expected data to be a Tensor, but got {type(data).__name__}; "
                            f"try Buffer(minidl.tensor(data))")
        self.array = memory_of(data)
        self.version = version_of(data)
        self.requires_grad = data.requires_grad
        self.persistent = persistent


# ---------------------------------------------------------------------- not initialized yet

class _Uninitialized(Tensor):
    """A tensor without a shape. It knows its dtype and device; all else is an error until it is materialized."""

    becomes: type[Tensor]
    placeholder: Array      # without elements; holds the dtype and device of the later values

    def _prepare(self, requires_grad: bool, device: Any, dtype: Any) -> None:
        self.placeholder = empty(0, device=device, dtype=dtype).array
        self.edge = (AccumulateGrad(self), 0) if requires_grad else None

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Set the shape, with undefined values. From now on this is an ordinary Parameter or Tensor."""
        device, dtype = device or self.device, dtype or self.dtype
        del self.placeholder
        self.__class__ = self.becomes  # type: ignore[assignment]
        self.array = empty(shape, device=device, dtype=dtype).array  # type: ignore[misc]

    @property
    def array(self) -> Any:  # type: ignore[override]
        raise ValueError("Attempted to use an uninitialized parameter. This error happens when you are using a "
                         "`LazyModule` or explicitly manipulating UninitializedParameter objects. When using "
                         "LazyModules, call `forward` with a dummy batch to initialize the parameters before using "
                         "them.")

    @property
    def shape(self) -> Any:
        raise RuntimeError("Can't access the shape of an uninitialized parameter or buffer. This error usually happens "
                           "in `load_state_dict` when trying to load an uninitialized parameter into an initialized "
                           "one. Call `forward` to initialize the parameters before accessing their attributes.")

    @property
    def dtype(self) -> Any: return self.placeholder.dtype

    @property
    def device(self) -> Any: return wrap(self.placeholder).device

    def is_floating_point(self) -> bool: return wrap(self.placeholder).is_floating_point()
    def detach(self) -> Any: return self    # a state_dict keeps it uninitialized

    def to(self, *args: Any, **kwargs: Any) -> Any:
        target = wrap(self.placeholder).to(*args, **kwargs)
        return type(self)(self.requires_grad, target.device, target.dtype)  # type: ignore[call-arg]

    def __copy__(self) -> Any: return self.to()
    def __deepcopy__(self, memo: dict[int, Any]) -> Any: return self.to()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, str(self.device), self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter that gets its shape from the first input.

    Lazy modules have such parameters. It has a dtype, a device and requires_grad, and moves with its module.
    `materialize(shape)` makes it a Parameter.
    Errors: RuntimeError for a query of its shape, ValueError for any other use.

        >>> from minidl import nn
        >>> weight = nn.UninitializedParameter()
        >>> weight
        <UninitializedParameter>
        >>> weight.materialize((2, 3))
        >>> type(weight).__name__, weight.shape
        ('Parameter', (2, 3))
    """

    becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        self._prepare(requires_grad, device, dtype)


class UninitializedBuffer(_Uninitialized, Buffer):
    """A buffer that gets its shape from the first input; see `UninitializedParameter`.

        >>> from minidl import nn
        >>> mean = nn.UninitializedBuffer()
        >>> mean.materialize((3,))
        >>> type(mean).__name__, mean.shape
        ('Tensor', (3,))
    """

    becomes = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None,
                 persistent: bool = True) -> None:
        self._prepare(requires_grad, device, dtype)
        self.persistent = persistent


def is_lazy(value: Any) -> bool:
    """Whether it is an uninitialized parameter or buffer."""
    return isinstance(value, _Uninitialized)


def type_name(value: Any) -> str:
    """The type name for an error: `minidl.Tensor`, `list`, `numpy.ndarray`."""
    kind = type(value)
    if isinstance(value, TensorBase):
        return f"minidl.{kind.__name__}"
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
