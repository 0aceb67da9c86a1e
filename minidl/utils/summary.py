"""`summary`: the layers of a network with their shapes, parameters, multiply-adds and memory."""
from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from minidl.autograd.around import around_modules, around_ops
from minidl.autograd.errors import annotate
from minidl.autograd.grad_mode import no_grad
from minidl.autograd.profiler.memory import arrays_of
from minidl.backend.device import Device, as_device
from minidl.backend.dtype import get_default_dtype
from minidl.nn.module import Module
from minidl.ops.attention import Attention
from minidl.ops.conv import Conv2d, Conv2dInputGrad, Conv2dWeightGrad
from minidl.ops.linalg import Contract, Linear, MatMul
from minidl.ops.rnn import GRULayer, LSTMLayer, RNNLayer, RNNReluLayer
from minidl.random import default_generator
from minidl.tables import html_table, size_of, table
from minidl.tensors.creation import ones

Shape = tuple[int, ...]


def _contract(op: Contract, a: Any, b: Any, y: Any) -> int:
    """One product for every combination of labels, if a label is summed over."""
    sizes = {**dict(zip(op.a, a.shape)), **dict(zip(op.b, b.shape))}
    return math.prod(sizes.values()) if len(sizes) > len(op.out) else 0


def _recurrent(x: Any, others: Any) -> int:
    """The multiply-adds of a recurrent layer: each step of each sequence multiplies with each matrix.

    x has all steps, and `others` the matrices.
    """
    return len(x) * sum(math.prod(w.shape) for w in others if getattr(w, "ndim", 0) == 2)


MULTIPLY_ADDS: dict[type, Callable[..., int]] = {
    MatMul: lambda op, a, b, y: math.prod(y.shape) * a.shape[-1],
    Linear: lambda op, x, weight, bias, y: math.prod(y.shape) * x.shape[-1],
    Contract: _contract,
    Conv2d: lambda op, x, w, *by: math.prod(by[-1].shape) * math.prod(w.shape[1:]),
    Conv2dInputGrad: lambda op, g, w, y: math.prod(g.shape) * math.prod(w.shape[1:]),
    Conv2dWeightGrad: lambda op, x, g, y: math.prod(g.shape) * math.prod(y.shape[1:]),
    Attention: lambda op, q, k, v, *_: math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1]),
    RNNLayer: lambda op, x, h, *others: _recurrent(x, others),
    RNNReluLayer: lambda op, x, h, *others: _recurrent(x, others),
    GRULayer: lambda op, x, h, *others: _recurrent(x, others),
    LSTMLayer: lambda op, x, h, c, *others: _recurrent(x, others),
}
"""The number of multiply-adds of each op, as a function of the op, its inputs and its output.

All other layers consist of these ops. Biases, which are only added, do not count."""


@dataclass
class Row:
    """A module of the network, with all modules inside it."""

    name: str                       # its path, "" for the network itself
    depth: int
    type: str = ""
    params: int = 0                 # numbers in its parameters; shared parameters count once
    trainable_params: int = 0       # those of them that require grad
    leaf: bool = True               # whether no modules are inside
    calls: int = 0
    input_size: list[Shape] = field(default_factory=list)      # of the last call
    output_size: list[Shape] = field(default_factory=list)
    mult_adds: int = 0
    own_params: int = 0             # without those of the modules inside that are called
    own_mult_adds: int = 0
    output_bytes: int = 0
    settings: dict[str, Any] = field(default_factory=dict)     # the window and filters of a convolution or pooling


@dataclass
class Summary:
    """The result of `summary`: it prints as a table, and has the numbers."""

    rows: list[Row]
    total_params: int
    trainable_params: int
    total_mult_adds: int
    total_param_bytes: int
    total_input_bytes: int
    total_output_bytes: int         # of the layers without modules inside
    depth: int | None

    def to_dict(self) -> dict[str, Any]:
        """All numbers in plain dicts and lists, which `json.dumps` takes."""
        return asdict(self)

    def by_layer(self) -> str:
        """The table of a lecture: what goes into each layer, what comes out, what that holds and costs.

        A row for each convolution, pooling, linear layer and other one with products of its own, and where a map is
        flattened. Sizes are channels and pixels; K, S and P are kernel, stride and padding. The output's memory is in
        KB of 1024 bytes, parameters are in thousands, multiply-adds in millions; pooling counts K^2 for each output.

            >>> from minidl import nn
            >>> from minidl.utils import summary
            >>> net = nn.Sequential(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2))
            >>> print(summary(net, (1, 3, 227, 227)).by_layer())
            Layer                  In  Filters   K  S  P        Out  Memory KB  Params K  Mult-adds M
            -----------------------------------------------------------------------------------------
            0 (Conv2d)     3, 227x227       64  11  4  2  64, 56x56        784      23.3         72.9
            2 (MaxPool2d)   64, 56x56            3  2  0  64, 27x27        182         0         0.42
            -----------------------------------------------------------------------------------------
            Sum                                                            966      23.3         73.3
        """
        lines: list[list[str]] = []
        sums = [0.0, 0.0, 0.0]
        last: Shape = ()                            # the output of the row above
        for row in self.rows:
            pools = row.leaf and "Pool" in row.type and row.calls > 0
            if not pools and not row.own_mult_adds:
                continue
            before, after = (sizes[0] if sizes else () for sizes in (row.input_size, row.output_size))
            window = row.settings.get("kernel_size", _pooled(before, after) if pools else "")
            sides = (window,) * len(after[2:]) if isinstance(window, int) else window
            if pools and max(sides) == 1:       # it leaves its input as it is
                continue
            costs = [row.output_bytes / 1024, row.own_params / 1e3, row.own_mult_adds / 1e6]
            if pools:
                costs[2] = math.prod(after) * math.prod(sides) / 1e6
            if len(before) == 2 < len(last) and math.prod(before) == math.prod(last) and last[2:] != (1, 1):
                lines.append(["flatten", _size(last), "", "", "", "", _size(before), lines[-1][7], "0", "0"])
            cells = [row.settings.get("out_channels", ""), window, row.settings.get("stride") or window,
                     row.settings.get("padding", "")]
            lines.append([f"{row.name or 'net'} ({row.type})", _size(before), *map(_side, cells), _size(after),
                          *map(_short, costs)])
            sums, last = [a + b for a, b in zip(sums, costs)], after
        head = ["Layer", "In", "Filters", "K", "S", "P", "Out", "Memory KB", "Params K", "Mult-adds M"]
        return table(head, lines, ["Sum", *[""] * 6, *map(_short, sums)])

    def _table(self) -> tuple[list[str], list[list[str]], list[str]]:
        """The head, the rows, and the lines below."""
        rows = []
        for row in self.rows:
            if self.depth is None or row.depth <= self.depth:
                name = row.name.rpartition(".")[2]
                label = "  " * row.depth + (f"{name} ({row.type})" if name else row.type)
                shapes = ", ".join(map(str, row.output_size)) if row.calls else "not called"
                rows.append([label, shapes + (f" x {row.calls}" if row.calls > 1 else ""), f"{row.params:,}",
                             f"{row.trainable_params:,}", f"{row.mult_adds:,}", size_of(row.output_bytes)])
        frozen = self.total_params - self.trainable_params
        return ["Layer", "Output shape", "Params", "Trainable", "Mult-adds", "Output memory"], rows, [
            f"Params: {self.total_params:,} ({self.trainable_params:,} trainable, {frozen:,} frozen)",
            f"Mult-adds: {self.total_mult_adds:,} ({size_of(self.total_mult_adds, ('', 'k', 'M', 'G', 'T'), 1000)})",
            f"Memory: parameters {size_of(self.total_param_bytes)}, input {size_of(self.total_input_bytes)}, "
            f"outputs of all layers {size_of(self.total_output_bytes)}",
        ]

    def __str__(self) -> str:
        head, rows, text = self._table()
        return "\n".join([table(head, rows), *text])

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    __repr__ = __str__


def _size(shape: Shape) -> str:
    """Channels and pixels of a map, or the numbers of another axis; without the batch."""
    if len(shape) > 3:
        return f"{shape[1]}, {'x'.join(map(str, shape[2:]))}"
    return ", ".join(map(str, shape[1:]))


def _side(window: Any) -> str:
    """A side of a window; all of them, if they differ."""
    sides = [window] if isinstance(window, (int, str)) else list(window)
    return str(sides[0]) if len(set(sides)) == 1 else "x".join(map(str, sides))


def _pooled(before: Shape, after: Shape) -> tuple[int, ...]:
    """The window of adaptive pooling, where all of its windows are of about one size."""
    return tuple(-(-a // b) for a, b in zip(before[2:], after[2:]))


def _short(x: float) -> str:
    """Three digits, or all those before the point."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def summary(model: Module, input_size: Any = None, input_data: Any = None, *, dtypes: Sequence[Any] | None = None,
            device: Any = None, depth: int | None = None) -> Summary:
    """A table of the layers of a network: shapes, parameters, multiply-adds, memory of the outputs.

    The network runs once, in evaluation mode, and is not changed. Multiply-adds are counted in the ops: convolutions,
    matrix products and attention, called by a layer or by a function.

    Args:
        input_size: the shape of the input with its batch axis, (1, 3, 224, 224); a list of shapes for several inputs.
        input_data: the inputs themselves, instead of their sizes: one, a tuple of several, or a dict by name.
        dtypes: the dtype of each input of `input_size`; by default that of the parameters. Inputs are ones, or zeros
            if they are integers, which are usually indices.
        device: the device of these inputs; by default that of the parameters.
        depth: the depth of modules inside modules in the table; the numbers are always complete.

    Errors: ValueError unless either `input_size` or `input_data` is given; TypeError if it is no Module or no shape.

        >>> from minidl import nn
        >>> from minidl.utils import summary
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
        >>> summary(net, (1, 1, 8, 8))
        Layer          Output shape  Params  Trainable  Mult-adds  Output memory
        ------------------------------------------------------------------------
        Sequential          (1, 10)   1,490      1,490      2,736           40 B
          0 (Conv2d)   (1, 4, 6, 6)      40         40      1,296          576 B
          1 (ReLU)     (1, 4, 6, 6)       0          0          0          576 B
          2 (Flatten)      (1, 144)       0          0          0          576 B
          3 (Linear)        (1, 10)   1,450      1,450      1,440           40 B
        ------------------------------------------------------------------------
        Params: 1,490 (1,490 trainable, 0 frozen)
        Mult-adds: 2,736 (2.736 k)
        Memory: parameters 5.82 KiB, input 256 B, outputs of all layers 1.727 KiB
    """
    if (input_size is None) == (input_data is None):
        raise ValueError("summary: give either input_size, the shape of the input with its batch axis, or input_data")
    if not isinstance(model, Module):
        raise TypeError(f"summary: expected model to be a Module, but got {model!r} ({type(model).__name__})")
    args, kwargs = _inputs(model, input_size, input_data, dtypes, device)
    rows = {module: Row(name, name.count(".") + 1 if name else 0) for name, module in model.named_modules()}
    with _evaluating(model), no_grad(), _recording(rows):
        try:
            model(*args, **kwargs)
        except Exception as error:
            annotate(error, f"in summary, with inputs of shapes {[a.shape for a in arrays_of((args, kwargs))]}")
            raise
    for module, row in rows.items():
        _describe(module, row)
    _take_apart({row.name: row for row in rows.values() if row.calls})
    whole = rows[model]
    return Summary(
        list(rows.values()), whole.params, whole.trainable_params, whole.mult_adds,
        total_param_bytes=sum(p.nbytes for p in model.parameters()),
        total_input_bytes=sum(array.nbytes for array in arrays_of((args, kwargs))),
        total_output_bytes=sum(row.output_bytes for row in rows.values() if row.leaf), depth=depth)


def _inputs(model: Module, input_size: Any, input_data: Any, dtypes: Any, device: Any) -> tuple[Any, dict[str, Any]]:
    """The arguments for the call of the model."""
    if isinstance(input_data, dict):
        return (), input_data
    if input_data is not None:
        return tuple(input_data) if isinstance(input_data, (tuple, list)) else (input_data,), {}
    one = _is_shape(input_size)
    if not one and not (isinstance(input_size, (tuple, list)) and all(map(_is_shape, input_size))):
        raise TypeError(f"summary: expected input_size to be a shape such as (1, 3, 32, 32), or a list of shapes, but "
                        f"got {input_size!r}")
    sizes = [input_size] if one else list(input_size)
    first = next(model.parameters(), None)
    if dtypes is None:
        dtypes = [get_default_dtype() if first is None else first.dtype] * len(sizes)
    if len(dtypes) != len(sizes):
        raise ValueError(f"summary: expected a dtype for each of {len(sizes)} inputs, but got {len(dtypes)}")
    where = first.device if device is None and first is not None else as_device(device)
    inputs = [ones(*size, dtype=dtype, device=where) for size, dtype in zip(sizes, dtypes)]
    return tuple(x if x.dtype.kind in "fc" else x - x for x in inputs), {}


def _is_shape(size: Any) -> bool:
    return isinstance(size, (tuple, list)) and all(isinstance(n, (int, np.integer)) for n in size)


def _describe(module: Module, row: Row) -> None:
    """Fill the row of a module after its call, when lazy modules have their parameters."""
    row.type, row.leaf = type(module).__name__, next(module.children(), None) is None
    for p in module.parameters():
        row.params += p.numel()
        row.trainable_params += p.numel() if p.requires_grad else 0
    if row.leaf:
        row.settings = {name: getattr(module, name) for name in ("out_channels", "kernel_size", "stride", "padding")
                        if hasattr(module, name)}


def _take_apart(rows: dict[str, Row]) -> None:
    """Find what is a module's own: all but that of the modules inside, of which the nearest that are called count."""
    for row in rows.values():
        row.own_params, row.own_mult_adds = row.params, row.mult_adds
    for row in rows.values():
        outer = row.name
        while outer:
            outer = outer.rpartition(".")[0]
            if outer in rows:
                rows[outer].own_params -= row.params
                rows[outer].own_mult_adds -= row.mult_adds
                break


@contextlib.contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode inside the block; afterwards the modes and random numbers are as before."""
    modes = [(module, module.training) for module in model.modules()]
    generator = default_generator(Device("cpu"))
    state = generator.get_state()
    model.eval()
    try:
        yield
    finally:
        generator.set_state(state)
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def _recording(rows: dict[Module, Row]) -> Iterator[None]:
    """Fill the rows while the network runs."""
    inside: list[Row] = []      # the rows of the modules that are running, the innermost last
    counting = False            # whether an op that is counted is running

    def around_module(call: Callable[..., Any], module: Module, /, *args: Any, **kwargs: Any) -> Any:
        row = rows.get(module)
        if row is None:
            return call(module, *args, **kwargs)
        inside.append(row)
        try:
            output = call(module, *args, **kwargs)
        finally:
            inside.pop()
        row.calls += 1
        row.input_size = [tuple(array.shape) for array in arrays_of((args, kwargs))]
        row.output_size = [tuple(array.shape) for array in arrays_of(output)]
        row.output_bytes += sum(array.nbytes for array in arrays_of(output))
        return output

    def around_op(call: Callable[..., Any], op: Any, *inputs: Any) -> Any:
        nonlocal counting
        count = MULTIPLY_ADDS.get(type(op))
        if count is None or counting:
            return call(op, *inputs)
        counting = True
        try:
            output = call(op, *inputs)
        finally:
            counting = False
        number = count(op, *inputs, output)
        for row in {id(row): row for row in inside}.values():
            row.mult_adds += number
        return output

    with around_modules.added(around_module), around_ops.added(around_op, tuple(MULTIPLY_ADDS)):
        yield
