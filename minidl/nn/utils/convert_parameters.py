"""Parameters as one long vector, and back."""
from __future__ import annotations

from collections.abc import Iterable

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import TensorBase
from minidl.nn.parameter import type_name
from minidl.ops.index import copy_
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters in one vector.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).shape
        (8,)
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector into the parameters, in order.

    Errors: TypeError unless `vec` is a Tensor; RuntimeError unless it has as many elements as the parameters.
    """
    if not isinstance(vec, TensorBase):
        raise TypeError(f"expected Tensor, but got: {type_name(vec)}")
    parameters = list(parameters)
    total = sum(p.numel() for p in parameters)
    if vec.ndim != 1 or vec.numel() != total:
        raise RuntimeError(f"vector_to_parameters: expected a vector of {total} elements, one for each element of "
                           f"the parameters, but got shape {tuple(vec.shape)}")
    start = 0
    with no_grad():
        for p in parameters:
            copy_(p, vec[start:start + p.numel()].reshape(p.shape))
            start += p.numel()
