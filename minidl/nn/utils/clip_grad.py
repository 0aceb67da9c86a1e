"""Limit the size of gradients before the optimizer uses them.

`foreach` is PyTorch's speed hint and has no meaning here.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.warn import warn
from minidl.ops.index import copy_
from minidl.ops.shape import stack
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor

Tensors = Tensor | Iterable[Tensor]


def _as_list(tensors: Any) -> list[Any]:
    """One tensor or several, as a list."""
    if isinstance(tensors, TensorBase):
        return [tensors]
    if not isinstance(tensors, Iterable):
        raise TypeError(f"expected Tensors, but got {type(tensors).__name__}; try model.parameters()")
    return list(tensors)


def _gradients(parameters: Tensors) -> list[Tensor]:
    """The gradients of all parameters that have one. Errors: NotImplementedError for a sparse one."""
    found = [p.grad.detach() for p in _as_list(parameters) if p.grad is not None]
    if any(g.is_sparse for g in found):
        raise NotImplementedError("clip_grad: sparse gradients are not clipped, as in PyTorch; leave out these "
                                  "parameters, or write p.grad = p.grad.to_dense() first")
    return found


@no_grad()
def get_total_norm(tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """The norm of all tensors as one vector: a 0-d tensor.

    Errors: RuntimeError where the norm is nan or infinite, if `error_if_nonfinite`.
    """
    tensors = _as_list(tensors)
    if not tensors:
        return zeros(())
    norm_type = float(norm_type)            # "inf" is a number, too
    norms = [t.norm(norm_type) for t in tensors]
    total = stack([n.to(norms[0].device) for n in norms]).norm(norm_type)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            f"clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            f"`error_if_nonfinite=False`")
    return total


@no_grad()
def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Tensor,
                          foreach: bool | None = None) -> None:
    """Scale the gradients in place by max_norm / total_norm, if this is below 1."""
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for grad in _gradients(parameters):
        grad.mul_(factor.to(grad.device))


def clip_grad_norm_(parameters: Tensors, max_norm: float, norm_type: float = 2.0,
                    error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """Scale gradients in place so that their norm is at most `max_norm`.

    The norm is that of all gradients as one vector. Returns the norm before. parameters: one tensor or several; those
    without a gradient do not count. norm_type: the order of the norm, also inf.
    Errors: RuntimeError where the norm is nan or infinite, if `error_if_nonfinite`.
    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", 2013,
    https://arxiv.org/abs/1211.5063

        >>> import minidl
        >>> from minidl import nn
        >>> w = minidl.zeros(2, requires_grad=True)
        >>> (w * minidl.tensor([3., 4.])).sum().backward()
        >>> nn.utils.clip_grad_norm_(w, max_norm=1.0), w.grad
        (tensor(5.), tensor([0.6000, 0.8000]))
    """
    parameters = _as_list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                   foreach: bool | None = None) -> Tensor:
    """`clip_grad_norm_` under its older name."""
    warn("`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.", FutureWarning)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clip every element of the gradients to [-clip_value, clip_value], in place."""
    clip_value = float(clip_value)
    for grad in _gradients(parameters):
        copy_(grad, grad.clamp(-clip_value, clip_value))
