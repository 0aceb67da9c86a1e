"""Weight and spectral norm in their older forms, computed by a hook.

The hook runs before each call of the layer. The mathematics is that of `parametrizations`. Prefer those: there the
weight is right at all times. These forms remain for checkpoints with their names, `weight_g` and `weight_v`, or
`weight_orig`, `weight_u` and `weight_v`.
"""
from __future__ import annotations

from typing import Any, TypeVar

from minidl.autograd.grad_mode import no_grad
from minidl.backend.warn import warn
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.nn.utils.parametrizations import as_matrix, output_dim, power_iteration, random_directions
from minidl.ops.index import copy_
from minidl.ops.torch_names import norm_except_dim
from minidl.tensors.tensor import Tensor

M = TypeVar("M", bound=Module)


class NormHook:
    """Compute `module.name` before each call, from parameters of other names."""

    kind: str

    def __init__(self, name: str) -> None:
        self.name = name

    def install(self, module: Module) -> None:
        """Replace the parameter by its parts and the hook. Errors: RuntimeError if there is a hook already."""
        if _find(module, type(self), self.name) is not None:
            raise RuntimeError(f"Cannot register two {self.kind} hooks on the same parameter {self.name}")
        weight = getattr(module, self.name)
        del module._parameters[self.name]
        self.split(module, weight)
        setattr(module, self.name, weight.detach())     # until the first call
        self.handle = module.register_forward_pre_hook(self)

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.weight(module))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again, with its present value."""
        with no_grad():
            weight = self.weight(module)
        self.handle.remove()
        delattr(module, self.name)
        for name in self.parts():
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def parts(self) -> list[str]:
        """The names of what the module holds in place of the weight."""
        raise NotImplementedError

    def split(self, module: Module, weight: Any) -> None:
        """Compute the parts of a weight and register them."""
        raise NotImplementedError

    def weight(self, module: Any) -> Tensor:
        """Compute the weight from its parts."""
        raise NotImplementedError


def _find(module: Module, kind: type[NormHook], name: str) -> NormHook | None:
    for hook in module._hooks.forward_pre if module._hooks is not None else ():
        if isinstance(hook.function, kind) and hook.function.name == name:
            return hook.function
    return None


def _remove(module: M, kind: type[NormHook], name: str) -> M:
    hook = _find(module, kind, name)
    if hook is None:
        raise ValueError(f"{kind.kind} of '{name}' not found in {module}")
    hook.remove(module)
    return module


class WeightNorm(NormHook):
    kind = "weight_norm"

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = -1 if dim is None else dim

    def parts(self) -> list[str]:
        return [f"{self.name}_g", f"{self.name}_v"]

    def split(self, module: Module, weight: Any) -> None:
        module.register_parameter(f"{self.name}_g", Parameter(norm_except_dim(weight.detach(), dim=self.dim)))
        module.register_parameter(f"{self.name}_v", Parameter(weight.detach()))

    def weight(self, module: Any) -> Tensor:
        g, v = (getattr(module, name) for name in self.parts())
        return v * (g / norm_except_dim(v, dim=self.dim))


class SpectralNorm(NormHook):
    kind = "spectral_norm"

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__(name)
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps

    def parts(self) -> list[str]:
        return [f"{self.name}_orig", f"{self.name}_u", f"{self.name}_v"]

    def split(self, module: Module, weight: Any) -> None:
        module.register_parameter(f"{self.name}_orig", weight)
        for part, start in zip("uv", random_directions(as_matrix(weight, self.dim), self.eps)):
            module.register_buffer(f"{self.name}_{part}", start)

    def __call__(self, module: Module, args: Any) -> None:
        if module.training:
            original, u, v = (getattr(module, name) for name in self.parts())
            matrix = as_matrix(original.detach(), self.dim).T       # this form updates v first
            for buffer, new in zip((v, u), power_iteration(matrix, v, u, self.n_power_iterations, self.eps)):
                copy_(buffer, new)
        super().__call__(module, args)

    def weight(self, module: Any) -> Tensor:
        original, u, v = (getattr(module, name) for name in self.parts())
        return original / (u.clone() @ as_matrix(original, self.dim) @ v.clone())   # the next call writes u and v


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """The older form of `parametrizations.weight_norm`, with weight_g and weight_v.

    Errors: RuntimeError if the parameter has a weight norm already.
    """
    warn("`nn.utils.weight_norm` is deprecated in favor of `nn.utils.parametrizations.weight_norm`.",
         FutureWarning)
    WeightNorm(name, dim).install(module)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the weight a parameter again. Errors: ValueError if it has no weight norm."""
    return _remove(module, WeightNorm, name)


def spectral_norm(module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> M:
    """The older form of `parametrizations.spectral_norm`, with weight_orig.

    Each call of the layer in training mode updates the singular vectors.
    Errors: RuntimeError if the parameter has a spectral norm already, ValueError for no power iterations.
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    SpectralNorm(name, n_power_iterations, output_dim(module, dim), eps).install(module)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the weight a parameter again. Errors: ValueError if it has no spectral norm."""
    return _remove(module, SpectralNorm, name)
