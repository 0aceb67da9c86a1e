"""Complex parameters: an algorithm updates them as pairs of real numbers, as in PyTorch."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backend.device import Array
from minidl.ops.elementwise import view_as_complex, view_as_real
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.optim.differentiable import Recorder
    from minidl.optim.optimizer import Optimizer


class ComplexAdapter:
    """An algorithm adapted to complex parameters.

    State in the shape of the parameter is complex. The algorithm receives views (*) -> (*, 2) of the same memory.
    """

    def __init__(self, algorithm: Optimizer | Recorder) -> None:
        self.algorithm = algorithm

    def initial_state(self, p: Array, group: dict[str, Any]) -> dict[str, Any]:
        pairs = view_as_real(p)
        return _as_complex_state(self.algorithm.initial_state(pairs, group), pairs.shape)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        pairs = view_as_real(p)
        split = {name: view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value
                 for name, value in state.items()}
        self.algorithm.update(pairs, view_as_real(g), split, group)
        state.update(_as_complex_state(split, pairs.shape))


def _as_complex_state(state: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The state with complex Tensors instead of Tensors in the shape of the pairs."""
    return {name: view_as_complex(value) if isinstance(value, Tensor) and value.shape == shape else value
            for name, value in state.items()}
