"""Parametrizations: a parameter that is computed from trained tensors when read.

`register_parametrization(layer, "weight", f)` moves `layer.weight` to `layer.parametrizations.weight.original`, and
`layer.weight` becomes f of it. An attribute that computes is a property, and properties belong to classes. So the layer
gets its own class, `ParametrizedLinear`, a subclass of its former class.
"""
from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import memory_of
from minidl.nn.module import Module, ModuleDict, ModuleList
from minidl.nn.parameter import Parameter
from minidl.tensors.tensor import Tensor

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
           "transfer_parametrizations_and_params", "type_before_parametrizations"]

M = TypeVar("M", bound=Module)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor: `module.parametrizations[name]`.

    It holds the trained tensors and the modules that compute the parametrized one. The first module is called with
    `original`, or with `original0`, `original1`, ... if its `right_inverse` returns several tensors. Each further
    module is called with the result before it. `register_parametrization` makes this list.

    Args:
        modules: the parametrizations.
        original: the parameter or buffer that they replace. It becomes `original`, unless there are several.
        unsafe: allow shape and dtype to change.

    Errors: ValueError where a parametrization or its `right_inverse` returns no tensors, or, unless `unsafe`, another
    shape or dtype than its input.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        shape, dtype = original.shape, original.dtype
        with no_grad():
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):     # without one, it counts as the identity
                        new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        if not self.is_tensor:
            self._add_several(new, original)
        elif new.dtype != dtype:
            raise ValueError(f"When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                             f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}")
        else:
            _replace(original, new)     # keep the object: an optimizer may hold it
            self._add("original", original)
        if not unsafe:
            _check_same("unparametrized", shape, dtype, "parametrized", self(), "`unsafe`")

    def _add(self, name: str, tensor: Tensor) -> None:
        if isinstance(tensor, Parameter):
            self.register_parameter(name, tensor)
        else:
            self.register_buffer(name, tensor)

    def _add_several(self, tensors: Any, original: Tensor) -> None:
        what = "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got"
        if not isinstance(tensors, Sequence):
            raise ValueError(f"{what} {type(tensors).__name__}")
        self.ntensors = len(tensors)
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise ValueError(f"{what} element {i} of the sequence with type {type(tensor).__name__}.")
            tensor = tensor.detach().clone()
            trained = isinstance(original, Parameter)
            self._add(f"original{i}", Parameter(tensor, original.requires_grad) if trained else tensor)

    def originals(self) -> list[Tensor]:
        """The trained tensors."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:  # type: ignore[override]
        """The parametrized tensor."""
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor is `value`.

        `module.weight = value` does the same. Errors: RuntimeError where a parametrization has no `right_inverse`,
        ValueError where the result does not fit.
        """
        new: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                new = module.right_inverse(new)
        news, originals = [new] if self.is_tensor else list(new), self.originals()
        if len(news) != len(originals):
            raise ValueError(f"'right_inverse' must return a Sequence of tensors of length {len(originals)}. "
                             f"Got a sequence of length {len(news)}.")
        for i, (old, tensor) in enumerate(zip(originals, news)):
            name = "original" if self.is_tensor else f"original{i}"
            for what in ("dtype", "shape"):
                if getattr(tensor, what) != getattr(old, what) and not (self.unsafe and what == "shape"):
                    raise ValueError(f"Tensor {i} returned by `right_inverse` has {what} {getattr(tensor, what)} while "
                                     f"`{name}` has {what} {getattr(old, what)}")
        for old, tensor in zip(originals, news):
            _replace(old, tensor)


def _replace(old: Tensor, new: Tensor) -> None:
    """Replace a tensor's values, but keep the object."""
    if new is not old:
        old.array = memory_of(new.detach().clone())


def _check_same(before: str, shape: Any, dtype: Any, after: str, found: Any, flag: str) -> None:
    """Errors: ValueError unless `found` is a tensor of this shape and dtype."""
    if not isinstance(found, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(found).__name__}.")
    for what, expected in (("dtype", dtype), ("shape", shape)):
        if getattr(found, what) != expected:
            raise ValueError(f"Registering a parametrization may not change the {what} of the tensor, unless {flag} "
                             f"flag is enabled.\n{before} {what}: {expected}\n{after} {what}: {getattr(found, what)}")


# ---------------------------------------------------------------------- classes with properties

class _Parametrized:
    """The first base of a class that `_parametrized_class` makes."""

    _base: type[Module]
    _names: tuple[str, ...]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._names:
            self.parametrizations[name].right_inverse(value)  # type: ignore[attr-defined]
        else:
            super().__setattr__(name, value)

    def __reduce__(self) -> Any:
        return _empty_module, (self._base, self._names), copy.copy(vars(self))


@functools.cache
def _parametrized_class(base: type[Module], names: tuple[str, ...]) -> type[Module]:
    """A subclass of `base` that computes the attributes `names`. All layers share it; it never changes."""
    def computed(name: str) -> property:
        return property(lambda self: _compute(self, name))

    return type(f"Parametrized{base.__name__}", (_Parametrized, base),
                {"_base": base, "_names": names, "__module__": base.__module__, "__doc__": base.__doc__,
                 **{name: computed(name) for name in names}})


def _empty_module(base: Any, names: tuple[str, ...]) -> Module:
    """An empty object for pickle and deepcopy to fill."""
    return Module.__new__(_parametrized_class(base, names))


_cache: dict[tuple[int, str], Tensor] | None = None


def _compute(module: Any, name: str) -> Tensor:
    if _cache is None:
        return module.parametrizations[name]()
    key = (id(module), name)
    if key not in _cache:
        _cache[key] = module.parametrizations[name]()
    return _cache[key]


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Inside this context, each parametrized tensor is computed only once.

    For recurrent layers or shared weights, for instance. Do not step the optimizer inside.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(nn.Linear(2, 2))
        >>> with parametrize.cached():
        ...     layer.weight is layer.weight
        True
    """
    global _cache
    outer = _cache
    _cache = {} if outer is None else outer
    try:
        yield
    finally:
        _cache = outer


# ---------------------------------------------------------------------- registering

def register_parametrization(module: M, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> M:
    """Make `module.tensor_name` equal `parametrization(original)`; return the module.

    Gradients flow through the parametrization to the original, a parameter under
    `module.parametrizations.<tensor_name>.original`. Several may be registered one after the other: the last is
    outermost.

    Args:
        tensor_name: the name of a parameter or a buffer.
        parametrization: a module from tensor to tensor. An optional method `right_inverse` computes the original from
            the present tensor, and allows `module.weight = value`. It may return several tensors; then `forward` takes
            them all, and they are called `original0`, `original1`, ...
        unsafe: allow shape and dtype to change; nothing is checked.

    Errors: ValueError if there is no such tensor, or, unless `unsafe`, if shape or dtype would change.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.utils import parametrize
        >>> class Symmetric(nn.Module):
        ...     def forward(self, X):
        ...         return X.triu() + X.triu(1).T
        ...     def right_inverse(self, A):
        ...         return A.triu()
        >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.T).all())
        True
        >>> layer.weight = minidl.eye(3)
        >>> layer.parametrizations.weight.original.diagonal()
        tensor([1., 1., 1.], grad_fn=<Diagonal>)
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_appended(module, tensor_name, parametrization)
        parametrizations = module.parametrizations[tensor_name]
        parametrizations.append(parametrization)
        parametrizations.unsafe |= unsafe
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        parametrizations = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        parametrizations.training = module.training
        delattr(module, tensor_name)
        if not is_parametrized(module):
            module.parametrizations = ModuleDict()
        module.parametrizations[tensor_name] = parametrizations
        _set_class(module)
    else:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
                         f"'{tensor_name}'")
    return module


def _check_appended(module: Module, name: str, parametrization: Module) -> None:
    """Check that another parametrization and its right inverse keep shape and dtype."""
    present = getattr(module, name)
    found = parametrization(present)
    _check_same(f"module.{name}", present.shape, present.dtype, f"parametrization(module.{name})", found,
                "the `unsafe`")
    if hasattr(parametrization, "right_inverse"):
        back = parametrization.right_inverse(found)
        if not isinstance(back, Tensor):
            raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}")
        for what in ("dtype", "shape"):
            if getattr(back, what) != getattr(present, what):
                raise ValueError(f"The tensor returned by parametrization.right_inverse must have the same {what} as "
                                 f"module.{name}, unless the `unsafe` flag is enabled.\nmodule.{name}.{what}: "
                                 f"{getattr(present, what)}\nreturned {what}: {getattr(back, what)}")


def _set_class(module: Module) -> None:
    """Give the module the class that computes its parametrized attributes."""
    names = tuple(module.parametrizations) if "parametrizations" in module._modules else ()
    base: Any = type_before_parametrizations(module)
    module.__class__ = _parametrized_class(base, names) if names else base


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this tensor is parametrized; without a name, whether any is."""
    parametrizations = module._modules.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module: M, tensor_name: str, leave_parametrized: bool = True) -> M:
    """Make `module.tensor_name` a plain parameter or buffer again; return the module.

    Args:
        leave_parametrized: keep the present value; False restores the original, which must be a single tensor.

    Errors: ValueError where the tensor is not parametrized, or leave_parametrized is False with several originals.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.utils import parametrizations, parametrize
        >>> layer = parametrizations.weight_norm(nn.Linear(2, 3))
        >>> parametrize.remove_parametrizations(layer, "weight")
        Linear(in_features=2, out_features=3, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    originals = parametrizations.originals()
    tensor = originals[0]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).detach().clone()
        if parametrizations.is_tensor and value.dtype == tensor.dtype:
            _replace(tensor, value)
        else:
            trained = any(isinstance(original, Parameter) for original in originals)
            tensor = Parameter(value, any(original.requires_grad for original in originals)) if trained else value
    elif not parametrizations.is_tensor:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                         "terms of a sequence of tensors.")
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    _set_class(module)
    if isinstance(tensor, Parameter):
        module.register_parameter(tensor_name, tensor)
    else:
        module.register_buffer(tensor_name, tensor)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class of a module; if it has parametrizations, its class before them."""
    return module._base if isinstance(module, _Parametrized) else type(module)


def transfer_parametrizations_and_params(from_module: Module, to_module: M, tensor_name: str | None = None) -> M:
    """Copy parametrizations and their tensors from one module to another.

    Args:
        tensor_name: this tensor only; None means all.
    """
    if is_parametrized(from_module):
        for name in from_module.parametrizations if tensor_name is None else [tensor_name]:
            source = from_module.parametrizations[name]
            if not hasattr(to_module, name):
                setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
            for parametrization in source:
                register_parametrization(to_module, name, parametrization, unsafe=True)
            target = to_module.parametrizations[name]  # type: ignore[union-attr]
            for old, new in zip(target.originals(), source.originals()):
                _replace(old, new)
    return to_module
