"""Pruning: a mask keeps weights at zero.

A pruned parameter `weight` becomes the parameter `weight_orig` and the buffer `weight_mask`. Before each call of the
layer a hook computes `weight = weight_orig * weight_mask`. So masked weights are zero and get no gradient.
"""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from numbers import Number
from typing import Any, ClassVar, TypeVar

from minidl.autograd.tensorbase import memory_of
from minidl.nn.module import Module
from minidl.ops.reduce import norm
from minidl.ops.shape import cat
from minidl.tensors.creation import ones_like, rand, rand_like, zeros_like
from minidl.tensors.tensor import Tensor

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]

M = TypeVar("M", bound=Module)


class BasePruningMethod(ABC):
    """A way to choose what is pruned. A subclass defines `compute_mask` and `PRUNING_TYPE`.

    `PRUNING_TYPE` says what a further pruning of the same tensor considers: "unstructured" the remaining weights,
    "structured" the remaining channels along `self.dim`, "global" everything.
    """

    PRUNING_TYPE: ClassVar[str]
    _tensor_name: str

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask: one where a weight stays, else zero; always zero where `default_mask` is.

        t: the scores of the weights, usually the weights themselves.
        """

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The masked tensor."""
        name = self._tensor_name
        mask, original = getattr(module, f"{name}_mask"), getattr(module, f"{name}_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None,
              **kwargs: Any) -> BasePruningMethod:
        """Prune `module.name` further by `cls(*args, **kwargs)`; return the method.

        Errors: those of the method; the module then stays as before.
        """
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before = _method_of(module, name)
        original = getattr(module, name if before is None else f"{name}_orig")
        default_mask = ones_like(original.detach()) if before is None else getattr(module, f"{name}_mask")
        if importance_scores is None:
            importance_scores = (original if before is None else before.apply_mask(module)).detach()
        assert tuple(importance_scores.shape) == tuple(original.shape), \
            (f"importance_scores should have the same shape as parameter {name} of {module}, got "
             f"{tuple(importance_scores.shape)} vs {tuple(original.shape)}")
        if before is not None:
            method = PruningContainer(before, method)
        mask = method.compute_mask(importance_scores, default_mask)
        if before is not None:
            _hooks(module)[:] = [hook for hook in _hooks(module) if hook.function is not before]
        else:
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", original)
        module.register_buffer(f"{name}_mask", mask)
        method(module, ())
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """Prune a tensor `t` without a module."""
        if importance_scores is None:
            importance_scores = t
        assert tuple(importance_scores.shape) == tuple(t.shape), \
            "importance_scores should have the same shape as tensor t"
        return t * self.compute_mask(importance_scores, ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the masked tensor a plain parameter: the pruning becomes permanent."""
        name = self._tensor_name
        original = getattr(module, f"{name}_orig")
        original.array = memory_of(self.apply_mask(module))     # keep the Parameter: an optimizer may hold it
        _hooks(module)[:] = [hook for hook in _hooks(module) if hook.function is not self]
        for attribute in (name, f"{name}_orig", f"{name}_mask"):
            delattr(module, attribute)
        module.register_parameter(name, original)


def _hooks(module: Module) -> list[Any]:
    return module._hooks.forward_pre if module._hooks is not None else []


def _method_of(module: Module, name: str) -> BasePruningMethod | None:
    for hook in _hooks(module):
        if isinstance(hook.function, BasePruningMethod) and hook.function._tensor_name == name:
            return hook.function
    return None


class PruningContainer(BasePruningMethod):
    """Several methods that pruned one tensor in turn. The last decides about the rest."""

    PRUNING_TYPE = "container"

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: list[BasePruningMethod] = []
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Add a method, or those of another container. Errors: TypeError, or ValueError if it is for another tensor."""
        if method is None:
            return
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if not self._pruning_methods:
            self._tensor_name = method._tensor_name
        elif self._tensor_name != method._tensor_name:
            raise ValueError(f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                             f"PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += method._pruning_methods if isinstance(method, PruningContainer) else [method]

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        method = self._pruning_methods[-1]
        index: Any
        if method.PRUNING_TYPE == "unstructured":
            index = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.ndim  # type: ignore[attr-defined]
            left = default_mask.movedim(dim, 0).flatten(1).sum(1) != 0
            index = (*[slice(None)] * dim, left)
        elif method.PRUNING_TYPE == "global":
            index = (slice(None),) * t.ndim
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask = default_mask.clone()
        mask[index] = method.compute_mask(t[index], mask[index]).to(dtype=mask.dtype)
        return mask


# ---------------------------------------------------------------------- amounts

def _check_amount(amount: Any) -> None:
    if not isinstance(amount, Number):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if (amount < 0) or (not isinstance(amount, int) and amount > 1):  # type: ignore[operator]
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: float, size: int) -> int:
    """How many of `size` are pruned. amount: a share, or a number."""
    if not isinstance(amount, int):
        return round(amount * size)
    if amount > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return amount


def _channels(t: Tensor, dim: int) -> int:
    """How many channels there are along `dim`."""
    if t.ndim <= 1:
        raise ValueError(f"Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                         f"{tuple(t.shape)} with {t.ndim} dims")
    if not -t.ndim <= dim < t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {tuple(t.shape)}")
    return t.shape[dim]


# ---------------------------------------------------------------------- the methods

class Identity(BasePruningMethod):
    """Prune nothing, but give a tensor the form of pruned ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class CustomFromMask(BasePruningMethod):
    """Prune where a mask is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        assert tuple(default_mask.shape) == tuple(self.mask.shape), \
            f"default_mask shape {tuple(default_mask.shape)} must match self.mask shape {tuple(self.mask.shape)}"
        return default_mask * self.mask.to(dtype=default_mask.dtype)


class _Unstructured(BasePruningMethod):
    """Base class: prune the weights with the lowest scores."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        mask = default_mask.clone().reshape(-1)
        if count:
            mask[self.score(t).reshape(-1).topk(count, largest=False).indices] = 0
        return mask.reshape(default_mask.shape)

    def score(self, t: Tensor) -> Tensor:
        raise NotImplementedError


class RandomUnstructured(_Unstructured):
    """Prune weights at random. amount: how many (an int), or which share (a float)."""

    def score(self, t: Tensor) -> Tensor:
        return rand_like(t)


class L1Unstructured(_Unstructured):
    """Prune the smallest weights. amount: how many (an int), or which share (a float)."""

    def score(self, t: Tensor) -> Tensor:
        return t.abs()


class _Structured(BasePruningMethod):
    """Base class: prune the channels along `dim` with the lowest scores."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount, self.dim = amount, dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        channels = _channels(t, self.dim)
        count = _count(self.amount, channels)
        if not count:
            return default_mask
        kept = zeros_like(t).movedim(self.dim, 0)
        kept[self.score(t).topk(channels - count).indices] = 1
        return default_mask * kept.movedim(0, self.dim).to(dtype=default_mask.dtype)

    def score(self, t: Tensor) -> Tensor:
        raise NotImplementedError


class RandomStructured(_Structured):
    """Prune channels along `dim` at random. amount: how many (an int), or which share (a float)."""

    def score(self, t: Tensor) -> Tensor:
        return rand(t.shape[self.dim], device=t.device)


class LnStructured(_Structured):
    """Prune the channels along `dim` with the lowest `n`-norm. amount: as for RandomStructured."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def score(self, t: Tensor) -> Tensor:
        return norm(t, self.n, tuple(axis for axis in range(t.ndim) if axis != self.dim % t.ndim))


# ---------------------------------------------------------------------- functions

def identity(module: M, name: str) -> M:
    """Give `module.name` the form of pruned tensors, prune nothing; return the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune weights of `module.name` at random; return the module.

    amount: how many, or which share of the remaining ones. Errors: TypeError unless it is a number; ValueError if it is
    negative, more than there are, or a share above 1.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune the smallest weights of `module.name`; return the module.

    With importance_scores, prune the weights with the smallest scores. Errors: as `random_unstructured`; AssertionError
    for scores of another shape.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.utils import prune
        >>> layer = nn.Linear(4, 1, bias=False)
        >>> _ = layer.weight.detach().copy_(minidl.tensor([[0.5, -0.1, 0.2, -3.0]]))
        >>> _ = prune.l1_unstructured(layer, "weight", amount=0.5)
        >>> layer.weight_mask
        tensor([[1., 0., 0., 1.]])
        >>> prune.remove(layer, "weight").weight.tolist()
        [[0.5, -0.0, 0.0, -3.0]]

    Source: Han et al.: Learning both weights and connections for efficient neural networks, arXiv:1506.02626.
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune channels of `module.name` along `dim` at random; return the module.

    Errors: as `random_unstructured`; ValueError for a vector, IndexError for `dim`.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None) -> M:
    """Prune the channels of `module.name` with the lowest `n`-norm; return the module.

    dim: the dimension of the channels. Errors: as `random_structured`; AssertionError for scores of another shape.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune `module.name` where `mask` is zero; return the module. Errors: AssertionError for another shape."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters: Iterable[tuple[Module, str]], pruning_method: type[BasePruningMethod],
                        importance_scores: dict[tuple[Module, str], Tensor] | None = None, **kwargs: Any) -> None:
    """Prune several tensors as if they were one.

    So the smallest of all weights go, for instance, in whichever tensor they are.

    Args:
        parameters: `(module, name)` pairs.
        pruning_method: a class, such as `L1Unstructured`; it is called with `kwargs`.
        importance_scores: a dict from some of the pairs to scores that replace the weights.

    Errors: TypeError for scores that are no dict, or a method that is not unstructured.
    """
    pairs = list(parameters)
    if importance_scores is not None and not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    scores = importance_scores or {}
    tensors = [getattr(module, f"{name}_orig" if _method_of(module, name) else name).detach()
               for module, name in pairs]
    t = cat([scores.get(pair, tensor).reshape(-1) for pair, tensor in zip(pairs, tensors)])
    masks = cat([getattr(module, f"{name}_mask", ones_like(tensor)).reshape(-1)
                 for (module, name), tensor in zip(pairs, tensors)])
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
                        f"{pruning_method} of type {method.PRUNING_TYPE}")
    method._tensor_name = "all"
    mask = PruningContainer(method).compute_mask(t, masks)
    start = 0
    for (module, name), tensor in zip(pairs, tensors):
        custom_from_mask(module, name, mask[start:start + tensor.numel()].reshape(tensor.shape))
        start += tensor.numel()


def remove(module: M, name: str) -> M:
    """Make the pruning of `module.name` permanent; return the module.

    It is a plain parameter again, zero where it was pruned. Errors: ValueError if it is not pruned.
    """
    method = _method_of(module, name)
    if method is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    method.remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether the module or one inside it is pruned."""
    return any(isinstance(hook.function, BasePruningMethod) for part in module.modules() for hook in _hooks(part))
