"""Complex parameters: an algorithm updates the pairs of real numbers that they are made of, as PyTorch's do."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backend.device import Array
from minidl.ops.elementwise import view_as_complex, view_as_real
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.optim.optimizer import Optimizer


class OnPairs:
    """An algorithm, as a complex parameter sees it.

    Its state is complex where it has the shape of the parameter. The algorithm is handed views, (*) -> (*, 2), of the
    same memory.
    """

    def __init__(self, algorithm: Optimizer) -> None:
        self.algorithm = algorithm

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        pairs = view_as_real(p)
        return _joined(self.algorithm.initial_state(pairs, group), pairs.shape)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        pairs = view_as_real(p)
        split = {name: view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value
                 for name, value in state.items()}
        self.algorithm.update(pairs, view_as_real(g), split, group)
        state.update(_joined(split, pairs.shape))


def _joined(state: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """State of pairs, with complex Tensors in place of those that have their shape."""
    return {name: view_as_complex(value) if isinstance(value, Tensor) and value.shape == shape else value
            for name, value in state.items()}
