"""`export`: watch a model run, and write what it did as ONNX."""
from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import minidl.onnx.translations as translations
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.nn.module import Module
from minidl.onnx.graph import Call, Graph
from minidl.onnx.library import library, refusal
from minidl.onnx.sizes import Size, merged
from minidl.onnx.watch import Run, watch
from minidl.serialization.writing import atomic_writer
from minidl.utils._pytree import tree_leaves, tree_map

OPSET = 20
WHO = "onnx.export"
MOST_BYTES = 2**31 - 2**20          # of a protocol buffer, with room for what is not weights

_WITHOUT_EFFECT = {"export_params", "verbose", "do_constant_folding", "keep_initializers_as_inputs", "dynamo",
                   "external_data", "verify", "report", "optimize", "fallback", "artifacts_dir", "profile",
                   "dump_exported_program", "autograd_inlining"}
"""PyTorch's arguments that choose between its exporters, or say how they report."""

Axes = Mapping[str, Mapping[int, str] | Sequence[int]]


def export(model: Module | Callable[..., Any], args: Any, f: Any, kwargs: dict[str, Any] | None = None, *,
           input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
           dynamic_axes: Axes | None = None, opset_version: int | None = None, training: Any = None,
           **settings: Any) -> None:
    """Write a model as an ONNX file: what it computes, its parameters and the shapes of its inputs.

    The model is run, in evaluation mode, and each op becomes a few nodes ([ONNX](docs/onnx.md)). It runs again with
    other numbers, and with another size of every dynamic axis: what differs is computed by the file, or refused.
    Parameters and buffers keep their names. The file appears as a whole or not at all.

    Args:
        model: a module, or a function of Tensors. It is put back into its mode afterwards.
        args: a Tensor, or a tuple of what `model` is called with. kwargs: more of it, by name.
        f: the file: a path, or a stream that takes bytes.
        input_names, output_names: of the tensors, in order; else the names of `forward`'s arguments, and "output".
        dynamic_axes: which axes may have another size later, by the name of an input (or output, where it only gives a
            name): {"x": {0: "batch"}} or {"x": [0]}. Axes of one name have one size. All others are fixed.
        opset_version: 20, or None.
        training: only evaluation mode is exported. settings: others of PyTorch's arguments, such as `verbose` and
            `dynamo`, which have no effect.

    Errors: OnnxExporterError, a RuntimeError, for an op without a form in ONNX, for a model that looks at values or is
    random, and for training mode; ValueError for names that are not there; TypeError for unknown arguments;
    ModuleNotFoundError without onnx-ir.

        >>> import minidl
        >>> from minidl import nn
        >>> model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> minidl.onnx.export(model, minidl.ones(1, 3), "model.onnx",      # doctest: +SKIP
        ...                    input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    """
    ir = library(WHO)
    if training not in (None, False, 0) and "EVAL" not in str(training):
        raise refusal(f"training={training!r}, but only evaluation mode is exported: dropout is left "
                                f"out, and batch normalisation uses its running statistics")
    if opset_version not in (None, OPSET):
        raise refusal(f"opset_version must be {OPSET} or None, but got {opset_version}; onnx's "
                                f"version_converter changes a file's")
    if "dynamic_shapes" in settings and settings.pop("dynamic_shapes"):
        raise refusal("dynamic_shapes is not read; try dynamic_axes={'name of the input': {0: 'batch'}}")
    unknown = settings.keys() - _WITHOUT_EFFECT
    if unknown:
        raise TypeError(f"{WHO}() got an unexpected keyword argument {min(unknown)!r}")
    args, kwargs = _arguments(args, kwargs)
    given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, TensorBase)]
    if not given:
        raise refusal("expected Tensors among args, but got none; an ONNX graph needs an input")
    names = _input_names(model, args, kwargs, given, input_names)
    axes = _dynamic_axes(dynamic_axes or {}, names, given, output_names)
    modes = [(module, module.training) for module in model.modules()] if isinstance(model, Module) else []
    try:
        if isinstance(model, Module):
            model.eval()
        runs, symbols = _runs(model, args, kwargs, given, axes)
    finally:
        for module, mode in modes:
            module.training = mode
    graph = Graph(runs, translations.TRANSLATIONS, names, symbols)
    graph.translate()
    outputs = _outputs(graph, output_names)
    nodes, initializers = graph.needed_for(outputs)
    made = ir.Graph([x.value for x in graph.inputs], outputs, nodes=nodes, initializers=initializers,
                    opset_imports={"": OPSET}, name=type(model).__name__)
    _write(ir.Model(made, ir_version=10, producer_name="minidl"), f)


def _write(made: Any, f: Any) -> None:
    """Check the model, and write it."""
    size = sum(value.const_value.nbytes for value in made.graph.initializers.values())
    if size > MOST_BYTES:
        raise refusal(f"the parameters take {size / 2**30:.1f} GiB, but a file of one piece holds 2; model.half() "
                      f"takes half of it")
    written = library(WHO).to_proto(made)
    library(WHO, "onnx.checker").check_model(written)
    with atomic_writer(f, WHO) as stream:
        stream.write(written.SerializeToString())


# ---------------------------------------------------------------------- the arguments

def _arguments(args: Any, kwargs: dict[str, Any] | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    if args and isinstance(args[-1], dict) and not kwargs:
        args, kwargs = args[:-1], args[-1]
    return args, dict(kwargs or {})


def _input_names(model: Any, args: Any, kwargs: Any, given: list[Any], names: Sequence[str] | None) -> list[str]:
    """The names asked for; then those of the arguments."""
    names = list(names or ())
    if len(names) > len(given):
        raise ValueError(f"{WHO}: {len(names)} input_names for {len(given)} tensors")
    if len(set(names)) < len(names):
        raise ValueError(f"{WHO}: input_names must differ, but are {names}")
    try:
        bound = inspect.signature(getattr(model, "forward", model)).bind(*args, **kwargs).arguments
        own = [name if len(tensors) == 1 else f"{name}_{i}" for name, value in bound.items()
               for tensors in [[x for x in tree_leaves(value) if isinstance(x, TensorBase)]]
               for i in range(len(tensors))]
    except (TypeError, ValueError):
        own = []
    for i in range(len(names), len(given)):
        name = own[i] if len(own) == len(given) else f"input_{i}"
        names.append(name if name not in names else f"{name}_{i}")
    return names


def _dynamic_axes(dynamic: Axes, names: list[str], given: list[Any],
                  outputs: Sequence[str] | None) -> dict[str, list[tuple[int, int]]]:
    """For each symbol its axes: (the number of the input, the axis)."""
    axes: dict[str, list[tuple[int, int]]] = {}
    for name, which in dynamic.items():
        if name not in names:
            if outputs is not None and name in outputs:
                continue
            raise ValueError(f"{WHO}: dynamic_axes names {name!r}, but the inputs are {names} and the outputs "
                             f"{list(outputs or ['output'])}")
        number = names.index(name)
        x = given[number]
        for axis, symbol in (which.items() if isinstance(which, Mapping) else
                             [(axis, f"{name}_dynamic_axes_{i + 1}") for i, axis in enumerate(which)]):
            if not -x.ndim <= axis < x.ndim:
                raise ValueError(f"{WHO}: dynamic_axes names axis {axis} of {name!r}, which has {x.ndim}")
            axes.setdefault(str(symbol), []).append((number, axis % x.ndim))
    for symbol, places in axes.items():
        sizes = {given[number].shape[axis] for number, axis in places}
        if len(sizes) > 1:
            raise ValueError(f"{WHO}: the axes {symbol!r} have several sizes, {sorted(sizes)}; give them several names")
    return axes


# ---------------------------------------------------------------------- the runs

def _runs(model: Any, args: Any, kwargs: Any, given: list[Any],
          axes: dict[str, list[tuple[int, int]]]) -> tuple[list[Run], dict[Size, str]]:
    """The run with the inputs, and those with other values and sizes; the sizes of each symbol in them."""
    def run(sizes: dict[tuple[int, int], int], values: bool = True) -> Run:
        others = [_other(x, {axis: n for (i, axis), n in sizes.items() if i == number}, values)
                  for number, x in enumerate(given)]
        new = {id(x): other for x, other in zip(given, others)}
        changed_args, changed_kwargs = tree_map(lambda x: new.get(id(x), x), (args, kwargs))
        return watch(model, changed_args, changed_kwargs, lambda cls: cls in translations.TRANSLATIONS)

    base = {symbol: given[places[0][0]].shape[places[0][1]] for symbol, places in axes.items()}
    start, base = _first(run, axes, base)
    runs, sizes = [start], [dict.fromkeys(axes, 0)]
    if not axes:
        runs.append(run({}))
        sizes.append({})
    waiting = list(axes)
    while waiting:
        symbol = waiting.pop(0)
        group, error = [symbol], None
        for group in ([symbol], [other for other in axes if base[other] == base[symbol]]):
            more, error = _larger(run, axes, base, group)
            if more:
                break
        if not more:
            raise refusal(f"the model takes no other size of the dynamic axis {symbol!r} than "
                                    f"{base[symbol]}, which was given: {type(error).__name__}: {error}") from error
        waiting = [other for other in waiting if other not in group]
        for extra, found in more:
            runs.append(found)
            sizes.append({one: extra if one in group else 0 for one in axes})
    symbols: dict[Size, str] = {}
    for symbol in axes:
        symbols.setdefault(Size(tuple(base[symbol] + size.get(symbol, 0) for size in sizes)), symbol)
    return runs, symbols


def _first(run: Any, axes: dict[str, list[tuple[int, int]]], given: dict[str, int]) -> tuple[Run, dict[str, int]]:
    """The first run, and the sizes in it: 2 in place of 1, since an axis of 1 is expanded without an op."""
    base = {symbol: max(size, 2) for symbol, size in given.items()}
    if base != given:
        with contextlib.suppress(Exception):
            return run({place: base[symbol] for symbol, places in axes.items() for place in places}, values=False), base
    return run({}, values=False), given


def _larger(run: Any, axes: dict[str, list[tuple[int, int]]], base: dict[str, int],
            group: list[str]) -> tuple[list[tuple[int, Run]], Any]:
    """Runs with larger sizes of a group of symbols: one for a batch, two for other axes. Else the first error."""
    error = None
    for extra in (1, 2, 4, 8, 16, 32, base[group[0]]):
        def with_more(extra: int) -> Run:
            return run({place: base[symbol] + (extra if symbol in group else 0)
                        for symbol, places in axes.items() for place in places})
        try:
            found = [(extra, with_more(extra))]
            if any(axis for symbol in group for _, axis in axes[symbol]):
                found.append((3 * extra, with_more(3 * extra)))
            return found, None
        except Exception as problem:
            error = error or problem
    return [], error


def _other(x: Any, sizes: dict[int, int], values: bool) -> Any:
    """A tensor like x, with other sizes along some axes, and other values."""
    array = x.array
    for axis, n in sizes.items():
        array = array.take(np.arange(n) % array.shape[axis], axis=axis)
    if values:      # of the same range, so that they mean as much: tokens, probabilities
        array = np.flip(array)
        if array.dtype.kind == "f":
            array = array * array.dtype.type(-0.75 if array.size and array.min() < 0 else 0.75)
    return wrap(array.copy())


def _outputs(graph: Graph, names: Sequence[str] | None) -> list[Any]:
    runs = graph.runs
    first = runs[0]
    if any(len(run.outputs) != len(first.outputs) for run in runs):
        raise refusal("the model returns another number of tensors from run to run")
    if not first.outputs:
        raise refusal("the model returns no Tensor")
    names = list(names or ())
    if len(names) > len(first.outputs):
        raise ValueError(f"{WHO}: {len(names)} output_names, but the model returns {len(first.outputs)} tensors")
    default = ["output"] if len(first.outputs) == 1 else [f"output_{i}" for i in range(len(first.outputs))]
    names += default[len(names):]
    outputs = []
    graph.who = "output"
    for i, name in enumerate(names):
        call: Any = Call.__new__(Call)
        call.who, call.inputs, call.graph = f"the output {name!r}", [], graph
        shape = merged([run.outputs_are[i][0] for run in runs], call.who)
        source = merged([run.outputs[i] for run in runs], call.who)
        outputs.append(graph.output(source, shape, first.outputs_are[i][1], graph.new_name(name), call))
    return outputs
