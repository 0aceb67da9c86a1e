"""`load`: an ONNX file as a module that runs, trains, and is exported again."""
from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.dtype import supported
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.onnx.library import library
from minidl.onnx.operators import OPERATORS, Node
from minidl.serialization.files import LoadError
from minidl.tensors.tensor import Tensor

WHO = "onnx.load"
DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ml."}
_STATISTICS = {"BatchNormalization": (3, 4)}
"""Inputs that are no parameters, but buffers."""


class OnnxModule(Module):
    """A network from an ONNX file: what `load` returns.

    The file's floating initializers with axes are Parameters, under their names, and running statistics are buffers.
    It is called with the tensors that the file names as inputs, by position or by name, and returns its output, or a
    tuple of them. `input_names` and `output_names` are theirs. It begins in evaluation mode; after `train()`, dropout
    and batch normalisation do what those of `nn` do.
    """

    def __init__(self, graph: Any, opset: int, arrays: Any) -> None:
        super().__init__()
        self.constants: dict[str, Any] = {}
        self.paths: dict[str, tuple[Module, str]] = {}
        statistics = {node.inputs[i].name for node in graph for i in _STATISTICS.get(node.op_type, ())
                      if i < len(node.inputs)}
        for name, value in graph.initializers.items():
            array = arrays(value.const_value, name)
            if array.dtype.kind != "f" or not array.ndim:
                self.constants[name] = wrap(array)
            else:
                self._hold(name, Tensor(array) if name in statistics else Parameter(Tensor(array)))
        self.input_names = [value.name for value in graph.inputs if value.name not in graph.initializers]
        self.input_shapes = [_shape_of(value) for value in graph.inputs if value.name not in graph.initializers]
        self.output_names = [value.name for value in graph.outputs]
        self.nodes = [Node(node, opset, arrays) for node in graph]
        known = {"", *self.constants, *self.paths, *self.input_names}
        for node in self.nodes:
            missing = set(node.inputs) - known
            if missing:
                raise ValueError(f"{node.name} takes {min(missing)!r}, which nothing makes")
            known |= set(node.outputs)
        if not known.issuperset(self.output_names):
            raise ValueError(f"nothing makes the output {min(set(self.output_names) - known)!r}")
        last = {name: number for number, node in enumerate(self.nodes) for name in node.inputs}
        self.done = [[name for name in set(node.inputs) if last[name] == number and name not in self.output_names]
                     for number, node in enumerate(self.nodes)]
        self.eval()

    def _hold(self, name: str, tensor: Any) -> None:
        """Keep a tensor under its name, whose parts between points are modules."""
        *scopes, last = name.split(".")
        module: Module = self
        for part in scopes:
            inner = module._modules.get(part or "_")
            if inner is None:
                inner = Module()
                module.add_module(_free(module, part or "_"), inner)
            module = inner
        last = _free(module, last or "_")
        if isinstance(tensor, Parameter):
            module.register_parameter(last, tensor)
        else:
            module.register_buffer(last, tensor)
        self.paths[name] = module, last

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph. Errors: TypeError for other inputs than the file's, RuntimeError for other shapes."""
        values = {**self.constants, **self._given(args, kwargs)}
        values |= {name: getattr(*path) for name, path in self.paths.items()}
        for node, done in zip(self.nodes, self.done):
            made = node.run([values[name] if name else None for name in node.inputs], self.training)
            values.update(zip(node.outputs, made))
            for name in done:
                values.pop(name, None)
        outputs = [values[name] for name in self.output_names]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _given(self, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        names = self.input_names
        given = {**dict(zip(names, args)), **kwargs}
        if len(args) > len(names) or set(given) != set(names) or len(given) < len(args) + len(kwargs):
            raise TypeError(f"this ONNX network takes the inputs {names}, but got {len(args)} by position and "
                            f"{sorted(kwargs)} by name")
        for name, shape in zip(names, self.input_shapes):
            x = given[name]
            if not isinstance(x, TensorBase):
                raise TypeError(f"input {name!r} must be a Tensor, but got {type(x).__name__}")
            if shape is not None and (len(shape) != x.array.ndim or any(
                    isinstance(n, int) and n != m for n, m in zip(shape, x.array.shape))):
                raise RuntimeError(f"input {name!r} has shape {tuple(x.array.shape)}, but the ONNX file fixes "
                                   f"({', '.join(map(str, shape))}); export it with dynamic axes for other sizes")
        return given

    def extra_repr(self) -> str:
        """Inputs, outputs, and the number of nodes."""
        return f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}, {len(self.nodes)} nodes"


def load(f: Any) -> OnnxModule:
    """Read a network from an ONNX file: a module that runs, trains, and is exported again.

    Nothing in the file is executed: its graph is run by minidl's own ops, one for each of ONNX's operators. All
    operators are looked up first, so an unknown one is an error here and not in the middle of a run. Weights in files
    beside it are read only from its folder. See `OnnxModule` for what becomes of its parts.

    Args:
        f: a path, or a stream of bytes.

    Errors: LoadError, which names what is wrong: a damaged file, unknown operators, number types that NumPy has not,
    weights outside of the folder; ModuleNotFoundError without onnx-ir.

        >>> import minidl
        >>> model = minidl.onnx.load("model.onnx")      # doctest: +SKIP
        >>> scores = model(minidl.rand(1, 1, 28, 28))   # doctest: +SKIP
    """
    ir = library(WHO)
    name = os.fspath(f) if isinstance(f, (str, os.PathLike)) else ""
    try:
        if name:
            with open(name, "rb") as stream:
                data = stream.read()
        else:
            data = f.read()
        model = ir.from_proto(library(WHO, "onnx").load_from_string(data)) if data else None
        if model is not None and model.functions:
            library(WHO, "onnx_ir.passes.common").InlinePass()(model)
    except (OSError, MemoryError, io.UnsupportedOperation):
        raise
    except Exception as error:
        raise LoadError(f"{WHO}: {name or 'the stream'} is no ONNX file, or is damaged: {error}") from error
    if model is None or not model.graph.outputs:
        raise LoadError(f"{WHO}: {name or 'the stream'} holds no graph with an output")
    arrays = _Arrays(ir, os.path.dirname(os.path.realpath(name)) if name else None, name)
    try:
        _check_operators(model.graph, name)
        return OnnxModule(model.graph, model.opset_imports.get("", 1), arrays)
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"{WHO}: {arrays.name} is damaged: {type(error).__name__}: {error}") from error


def _check_operators(graph: Any, name: str) -> None:
    unknown = sorted({f"{node.domain}::{node.op_type}".removeprefix("::") for node in graph
                      if DOMAINS.get(node.domain, "?") + node.op_type not in OPERATORS})
    if unknown:
        raise LoadError(f"{WHO}: {name or 'the stream'} uses operators that minidl does not have: {', '.join(unknown)}")


class _Arrays:
    """Tensors of the file as arrays; those in other files only from `folder`."""

    def __init__(self, ir: Any, folder: str | None, name: str) -> None:
        self.ir, self.folder, self.name = ir, folder, name or "the stream"

    def __call__(self, tensor: Any, name: str) -> np.ndarray:
        try:
            array = self.outside(tensor, name) if isinstance(tensor, self.ir.ExternalTensor) else tensor.numpy()
        except LoadError:
            raise
        except Exception as error:
            raise LoadError(f"{WHO}: {self.name}: the tensor {name!r} is damaged: {error}") from error
        if array.dtype.name == "bfloat16" or array.dtype.name.startswith("float8"):
            array = array.astype(np.float32)
        if array.dtype not in supported:
            raise LoadError(f"{WHO}: {self.name}: the tensor {name!r} has the dtype {array.dtype}, which is none of "
                            f"minidl's")
        return np.array(array)

    def outside(self, tensor: Any, name: str) -> np.ndarray:
        """The numbers of a tensor in another file. Errors: LoadError if that file is not in the folder."""
        location = os.fspath(tensor.location)
        if self.folder is None:
            raise LoadError(f"{WHO}: the tensor {name!r} lies in the file {location!r}, but a stream has no folder; "
                            f"load it by its path")
        path = os.path.realpath(os.path.join(self.folder, location))
        if os.path.isabs(location) or os.path.commonpath([path, self.folder]) != self.folder:
            raise LoadError(f"{WHO}: {self.name}: the tensor {name!r} is said to lie in {location!r}, outside of the "
                            f"file's folder; it is not read")
        if not os.path.isfile(path):
            raise LoadError(f"{WHO}: {self.name}: the tensor {name!r} lies in {location!r}, which is not there")
        dtype, shape = tensor.dtype.numpy(), tuple(tensor.shape.numpy())
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        offset, length = int(tensor.offset or 0), int(tensor.length if tensor.length is not None else size)
        if length != size or offset < 0 or offset + size > os.path.getsize(path):
            raise LoadError(f"{WHO}: {self.name}: the tensor {name!r} of {size} bytes is said to lie in {length} "
                            f"bytes from {offset} on in {location!r}, which has {os.path.getsize(path)}")
        with open(path, "rb") as stream:
            stream.seek(offset)
            return np.frombuffer(stream.read(size), dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _free(module: Module, name: str) -> str:
    """The name, with underscores after it until nothing of the module has it."""
    while hasattr(module, name):
        name += "_"
    return name


def _shape_of(value: Any) -> tuple[Any, ...] | None:
    """ints, and names for axes of any size; None if the file gives no shape."""
    if value.shape is None:
        return None
    return tuple(n if isinstance(n, int) else str(n.value or "?") for n in value.shape)
