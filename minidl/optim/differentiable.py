"""Steps that autograd records: the arithmetic of an algorithm, which is written for arrays, on Tensors.

An algorithm writes into arrays by NumPy's functions. NumPy hands a function over to an argument that has
`__array_ufunc__`. So with `differentiable=True` an algorithm is given `Recorded` objects for arrays, and each of its
calls is the op of the same name. There is no second copy of a formula.

    >>> import minidl
    >>> from minidl import optim
    >>> lr = minidl.tensor(0.25, requires_grad=True)
    >>> w = minidl.tensor([1.0], requires_grad=True).clone()           # a leaf could not be written into
    >>> (w.grad,) = minidl.autograd.grad((w.clone() ** 2).sum(), w, create_graph=True)
    >>> optim.SGD([w], lr=lr, differentiable=True).step()               # w is 1 - 2 lr
    >>> minidl.autograd.grad((w ** 2).sum(), lr)                        # -4 (1 - 2 lr)
    (tensor(-2.),)
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import tensors_in, wrap
from minidl.ops.elementwise import where
from minidl.optim.checks import plain_numbers
from minidl.optim.complex_pairs import ComplexAdapter
from minidl.tensors.creation import zeros_like
from minidl.tensors.tensor import Tensor

if TYPE_CHECKING:
    from minidl.optim.optimizer import Optimizer


class Recorded(np.lib.mixins.NDArrayOperatorsMixin):
    """A Tensor that takes an array's place: writing into it replaces the Tensor by a new one, which is recorded."""

    size, dtype = 1, np.dtype(object)       # what faster bodies of a kernel look at, and decline

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: tuple[Any, ...] = ()) -> Any:
        result = ufunc(*[x.tensor if isinstance(x, Recorded) else x for x in inputs])
        if not out:
            return Recorded(result)
        out[0].tensor = result
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function in (np.empty_like, np.zeros_like):
            return Recorded(zeros_like(self.tensor))
        if function is not np.copyto:
            return NotImplemented
        target, source = args
        target.tensor = where(kwargs["where"].tensor, getattr(source, "tensor", source), target.tensor)
        return None

    def __setitem__(self, key: Any, value: Recorded) -> None:
        assert key is ..., "an update writes into whole arrays"
        self.tensor = value.tensor


class Recorder:
    """An algorithm adapted to Tensors, `p` and `g`: its update is recorded, and written into `p` at the end."""

    def __init__(self, algorithm: Optimizer) -> None:
        self.algorithm = algorithm

    def initial_state(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return self.algorithm.initial_state(p, group)

    def update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        weights = Recorded(p.clone())       # ops may keep it, and `p` is written
        held = {name: wrap(Recorded(value)) if isinstance(value, Tensor) and name not in self.algorithm.number_state
                else value for name, value in state.items()}
        self.algorithm.update(weights, Recorded(g), held, group)    # type: ignore[arg-type]
        p.copy_(weights.tensor)
        state.update({name: getattr(getattr(value, "array", None), "tensor", value) for name, value in held.items()})


def record_update(optimizer: Optimizer, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
    """Update `p` by ops, so that it depends on its former value, on `gradient`, and on options that are Tensors.

    Errors: RuntimeError for a leaf that requires grad, which nobody may write into while gradients are on, for a sparse
    gradient, and for an option that requires grad and is not among `optimizer.recorded_options`.
    """
    who = f"{type(optimizer).__name__}(differentiable=True)"
    if gradient.is_sparse:
        raise RuntimeError(f"{who} does not support sparse gradients")
    options = {name: value for name, value in group.items() if name != "params"
               and any(tensor.requires_grad for tensor in tensors_in(value))}      # type: ignore[attr-defined]
    for name in options:
        if name not in optimizer.recorded_options:
            raise RuntimeError(f"{who}: {name} requires grad, but a step reads it as a number; gradients reach "
                               f"{', '.join(optimizer.recorded_options) or 'no option'}. Try {name}.detach()")
    numbers, state, recorder = plain_numbers(group), optimizer.state[p], Recorder(optimizer)
    algorithm = ComplexAdapter(recorder) if p.is_complex() else recorder
    if not state:
        state.update(algorithm.initial_state(p.array, numbers))
    algorithm.update(p, gradient, state, {**numbers, **{name: _scalar(value) for name, value in options.items()}})


def _scalar(value: Any) -> Any:
    """A Tensor of one element without axes, also in a tuple."""
    return tuple(map(_scalar, value)) if isinstance(value, tuple) else value.reshape(())
