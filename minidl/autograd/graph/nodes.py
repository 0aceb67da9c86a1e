"""The nodes of the graph under PyTorch's names: a node is the op that was recorded."""
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from minidl.autograd.op import Op
from minidl.autograd.tensorbase import INFERENCE, TensorBase, version_of
from minidl.autograd.views import current_edge

Node = Op


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor flows to: an op, and which of its outputs the tensor is."""

    node: Op
    output_nr: int


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The op that made a tensor, and which of its outputs the tensor is; a leaf has an op that collects its gradient.

    Errors: RuntimeError unless the tensor requires grad.

        >>> import minidl
        >>> x = minidl.ones(2, requires_grad=True)
        >>> get_gradient_edge(x.exp()).node.name()
        'Exp'
    """
    edge = current_edge(tensor)
    if edge is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*edge)


def increment_version(tensor: TensorBase | Iterable[TensorBase]) -> None:
    """Say that a tensor's memory was written by something that the tape does not see, such as NumPy.

    Backward then refuses where it needs the old values. Errors: RuntimeError for an inference tensor.

        >>> import minidl
        >>> x = minidl.ones(2)
        >>> x.numpy()[0] = 5.0
        >>> increment_version(x)
    """
    for one in (tensor,) if isinstance(tensor, TensorBase) else tuple(tensor):
        version = version_of(one)
        if version is INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter, so there is none to increment")
        version[:] = version[0] + 1, "increment_version"
