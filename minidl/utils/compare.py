"""`compare`: find the first layer in which a network and its PyTorch version differ.

Both run side by side on the same input.
PyTorch is not imported here. The PyTorch network comes from the user, and only methods of every PyTorch module are
called on it.
"""
from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minidl.autograd.grad_mode import no_grad
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Device, device_of, move, to_numpy
from minidl.nn.module import Module
from minidl.tables import html_table, table
from minidl.tensors.tensor import Tensor


@dataclass
class Layer:
    """One call of a module in both networks."""

    name: str                       # its path, "" for the network itself; "conv (call 2)" if it is called again
    type: str
    shape: tuple[int, ...]          # of the output, here and in PyTorch; of several outputs, the first that differs
    torch_shape: tuple[int, ...]
    max_abs: float                  # the largest difference
    max_rel: float                  # the largest difference, relative to the largest number in PyTorch's output
    equal: bool                     # whether all numbers are within the tolerances


@dataclass
class Comparison:
    """The result of `compare`: a table of layers, which is true if all is equal."""

    layers: list[Layer]                 # in the order in which they finished
    weights: dict[str, float]           # parameters and buffers that differed before the run -> largest difference
    only_here: list[str]                # calls here without a counterpart in PyTorch
    only_in_torch: list[str]

    @property
    def first_difference(self) -> Layer | None:
        """The first layer whose output differs. Layers inside a module come before the module."""
        return next((layer for layer in self.layers if not layer.equal), None)

    def __bool__(self) -> bool:
        return self.first_difference is None and not self.only_here and not self.only_in_torch

    def to_dict(self) -> dict[str, Any]:
        """All numbers in plain dicts and lists, which `json.dumps` takes."""
        return asdict(self)

    def _table(self) -> tuple[list[str], list[list[str]], list[str]]:
        """The head, the rows, and the lines below."""
        rows = [[layer.name or "(the network)", layer.type, str(layer.shape), f"{layer.max_abs:.3g}",
                 f"{layer.max_rel:.3g}", "" if layer.equal else "differs"] for layer in self.layers]
        text = [f"Weights differ before the run: {name}, by {size:.3g}" for name, size in self.weights.items()]
        text += [f"Called here only: {name}" for name in self.only_here]
        text += [f"Called in PyTorch only: {name}" for name in self.only_in_torch]
        first = self.first_difference
        if first is None:
            text.append("All outputs are equal." if self else "All outputs of what was called in both are equal.")
        elif first.shape != first.torch_shape:
            text.append(f"First difference: {first.name or 'the network'} ({first.type}) gives shape {first.shape}, "
                        f"and {first.torch_shape} in PyTorch")
        else:
            text.append(f"First difference: {first.name or 'the network'} ({first.type}), by {first.max_abs:.3g}, "
                        f"relative {first.max_rel:.3g}")
        return ["Layer", "Type", "Output shape", "Max abs", "Max rel", ""], rows, text

    def __str__(self) -> str:
        head, rows, text = self._table()
        return "\n".join([table(head, rows), *text])

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    __repr__ = __str__


def compare(model: Module, torch_model: Any, input: Any, *, copy_weights: bool = False, rtol: float = 1e-4,
            atol: float = 1e-5) -> Comparison:
    """Run both networks on one input, and compare the outputs of all modules by path.

    Both run in the mode that they have, training or evaluation. In training mode their running statistics change, and
    dropout makes them differ.

    Args:
        torch_model: a `torch.nn.Module`, on the CPU.
        input: a Tensor, a NumPy array or a PyTorch tensor, or a tuple of them for several arguments.
        copy_weights: copy PyTorch's weights first. If False, the weights that differ are listed in the result.
        rtol, atol: two numbers are equal if their distance is at most atol + rtol * |PyTorch's number|.

    Errors: ValueError if one network is in training mode and the other is not; TypeError if an argument is no network
    or no input; RuntimeError if the weights cannot be copied, because names or shapes differ.

        comparison = compare(model, torch_model, torch.randn(2, 3, 32, 32))
        print(comparison)                           # a table of all layers
        comparison.first_difference.name            # "features.4", for instance
    """
    if not isinstance(model, Module):
        raise TypeError(f"compare: expected model to be a minidl.nn.Module, but got {type(model)}")
    if isinstance(torch_model, Module) or not hasattr(torch_model, "named_modules"):
        raise TypeError(f"compare: expected torch_model to be a torch.nn.Module, but got {type(torch_model)}")
    modes = {name: module.training for name, module in torch_model.named_modules()}
    for name, module in model.named_modules():
        if modes.get(name, module.training) != module.training:
            raise ValueError(f"compare: {name or 'the network'} is in {_mode(module.training)} mode here and in "
                             f"{_mode(modes[name])} mode in PyTorch; call .eval() or .train() on both")
    state = {name: as_numpy(value) for name, value in torch_model.state_dict().items()}
    if copy_weights:
        model.load_state_dict(state)
    mine = {name: as_numpy(value) for name, value in model.state_dict().items()}
    weights = {name: _distance(mine[name], value)[0] for name, value in state.items()
               if name in mine and not _equal(mine[name], value, rtol, atol)}
    inputs = [as_numpy(x) for x in (input if isinstance(input, (tuple, list)) else (input,))]
    for x in inputs:
        if x.dtype.kind not in "biufc":
            raise TypeError(f"compare: expected input to be a Tensor, an array, or a tuple of them, but got {input!r}")
    where = next((device_of(p.array) for p in model.parameters()), Device("cpu"))
    with no_grad(), _outputs_of(model) as here:
        model(*[wrap(move(x.copy(), where)) for x in inputs])
    torch = sys.modules["torch"]        # the user has imported it to make the network
    with torch.no_grad(), _outputs_of(torch_model) as there:
        torch_model(*[torch.from_numpy(x.copy()) for x in inputs])
    layers = [_layer(name, kind, outputs, there[name][1], rtol, atol)
              for name, (kind, outputs) in here.items() if name in there]
    return Comparison(layers, weights, [name for name in here if name not in there],
                      [name for name in there if name not in here])


def as_numpy(value: Any) -> np.ndarray:
    """A Tensor of either library, or an array, as a NumPy array."""
    if isinstance(value, Tensor):
        return to_numpy(value.array)
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _mode(training: bool) -> str:
    return "training" if training else "evaluation"


Outputs = dict[str, tuple[str, list[np.ndarray]]]
"""The calls of all modules, by path: the type, and copies of the outputs, since a later layer may overwrite them."""


@contextlib.contextmanager
def _outputs_of(model: Any) -> Iterator[Outputs]:
    """The outputs of all modules of a network, of either library, while the context is open."""
    found: Outputs = {}
    handles = []
    for path, module in model.named_modules():
        def hook(module: Any, args: Any, output: Any, path: str = path) -> None:
            name, calls = path, 1
            while name in found:
                calls += 1
                name = f"{path} (call {calls})"
            found[name] = type(module).__name__, [as_numpy(x).copy() for x in _tensors(output)]
        handles.append(module.register_forward_hook(hook))
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors of either library in nested tuples, lists and dicts, by sorted keys."""
    if isinstance(value, dict):
        value = tuple(value[key] for key in sorted(value, key=str))
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)
    elif hasattr(value, "detach"):
        yield value


def _layer(name: str, kind: str, ours: list[np.ndarray], theirs: list[np.ndarray], rtol: float, atol: float) -> Layer:
    """The comparison of all outputs of one call; the numbers are those of the largest difference."""
    shapes = [a.shape for a in ours], [b.shape for b in theirs]
    if shapes[0] != shapes[1]:
        i = next((i for i, (a, b) in enumerate(zip(*shapes)) if a != b), min(map(len, shapes)))
        one, other = (tuple(s[i]) if i < len(s) else () for s in shapes)
        return Layer(name, kind, one, other, np.inf, np.inf, False)
    distances = [_distance(a, b) for a, b in zip(ours, theirs)]
    equal = all(_equal(a, b, rtol, atol) for a, b in zip(ours, theirs))
    shape = tuple(ours[0].shape) if ours else ()
    return Layer(name, kind, shape, shape, max((d for d, _ in distances), default=0.0),
                 max((r for _, r in distances), default=0.0), equal)


def _equal(a: np.ndarray, b: np.ndarray, rtol: float, atol: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol, atol, equal_nan=True)


def _distance(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The largest difference, absolute and relative to the largest number of b. NaN equals NaN."""
    if a.shape != b.shape:
        return np.inf, np.inf
    a, b = (x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in (a, b))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    apart = np.where(same, 0.0, np.abs(a - b))
    largest = float(apart.max(initial=0.0))
    scale = float(np.abs(b[np.isfinite(b)]).max(initial=0.0))
    return largest, largest / scale if scale else (np.inf if largest else 0.0)
