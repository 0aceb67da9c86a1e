"""compile, jit, fx, overrides, library: a program keeps its meaning. PyTorch is the oracle where it is installed."""
# ruff: noqa: UP006, UP007, UP035, UP045  (the types that programs for PyTorch hand over)
from __future__ import annotations

import pickle
from typing import Any, Dict, List, Optional, Tuple, Union, get_args

import pytest

import minidl
from minidl import nn
from minidl.jit import TracerWarning
from minidl.torch_names.inside import Operators

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def net() -> Any:
    minidl.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))


# ---------------------------------------------------------------------- compile

def test_compile_returns_its_argument() -> None:
    model = net()
    settings: dict[str, Any] = {"fullgraph": True, "dynamic": False, "backend": "eager", "disable": True}
    assert minidl.compile(model) is model and minidl.compile(model, **settings) is model
    assert minidl.compile(model, mode="max-autotune") is model and minidl.compile(len, options={"x": 1}) is len

    @minidl.compile
    def once(x: Any) -> Any:
        return x + 1

    @minidl.compile(dynamic=True)
    def twice(x: Any) -> Any:
        return once(once(x))

    assert twice(minidl.zeros(2)).tolist() == [2.0, 2.0] and twice.__name__ == "twice"
    model.compile(mode="default")
    assert model(minidl.ones(1, 3)).shape == (1, 2)


def test_compile_refuses_what_pytorch_refuses() -> None:
    with pytest.raises(RuntimeError, match="Either mode or options can be specified"):
        minidl.compile(len, mode="default", options={})
    with pytest.raises(RuntimeError, match="Unrecognized mode=fast, should be one of: default, reduce-overhead"):
        minidl.compile(len, mode="fast")
    with pytest.raises(RuntimeError, match="expected a function or a module, got int"):
        minidl.compile(3)
    with pytest.raises(TypeError):
        minidl.compile(len, True)    # type: ignore[misc]


@pytest.mark.parametrize("decorate", [
    minidl.compiler.disable, minidl.compiler.disable(recursive=False), minidl.compiler.allow_in_graph,
    minidl.compiler.assume_constant_result, minidl.compiler.set_stance("eager_on_recompile"), minidl.jit.script,
    minidl.jit.ignore, minidl.jit.ignore(drop=True), minidl.jit.unused, minidl.jit.export, minidl.jit.script_method,
    minidl.jit.script_if_tracing, minidl.jit.interface, minidl.jit.freeze, minidl.jit.optimize_for_inference,
    minidl.fx.wrap, minidl.overrides.wrap_torch_function(len)])
def test_decorators_return_the_function(decorate: Any) -> None:
    assert decorate(test_compile_returns_its_argument) is test_compile_returns_its_argument


def test_nothing_is_compiling() -> None:
    assert not (minidl.compiler.is_compiling() or minidl.compiler.is_exporting() or minidl.jit.is_scripting()
                or minidl.jit.is_tracing() or minidl.compiler.list_backends())
    with minidl.compiler.set_stance("force_eager"), minidl.jit.optimized_execution(True):
        assert minidl.compiler.reset() is None    # type: ignore[func-returns-value]


# ---------------------------------------------------------------------- jit

@pytest.mark.parametrize("value, kind, expected", [
    ([1, 2], List[int], True), ([1, "a"], List[int], False), ([], List[int], True),
    ([[1]], List[List[int]], True), ([["a"]], List[List[int]], False),
    ((1, "a"), Tuple[int, str], True), ((1, 2), Tuple[int, str], False), ((1,), Tuple[int, str], False),
    ((1, 2, 3), Tuple[int, ...], True), ({"a": 1}, Dict[str, int], True), ({1: 1}, Dict[str, int], False),
    (None, Optional[int], True), (3, Optional[int], True), ("a", Optional[int], False), ("a", Union[int, str], True),
    (1, int, True), (1, (str, int), True)])
def test_isinstance_looks_inside(value: Any, kind: Any, expected: bool) -> None:
    assert minidl.jit.isinstance(value, kind) is expected
    if torch is not None and value != [] and Ellipsis not in get_args(kind):     # PyTorch takes ... for a type
        assert torch.jit.isinstance(value, kind) is expected


def test_a_trace_does_what_the_module_does() -> None:
    model = net().eval()
    x = minidl.rand(5, 3)
    traced = minidl.jit.trace(model, minidl.rand(1, 3))
    assert (traced(x) == model(x)).all() and isinstance(traced, (minidl.jit.ScriptModule, nn.Module))
    assert list(traced.state_dict()) == list(model.state_dict())
    assert list(traced.parameters())[0] is model[0].weight and traced[0] is model[0] and len(traced) == 3
    traced(x).sum().backward()
    assert model[0].weight.grad is not None
    traced.train()
    assert model.training and model[1].training and traced.eval() is traced and not model[1].training


def test_a_trace_checks_its_inputs() -> None:
    traced = minidl.jit.trace(net().eval(), (minidl.rand(1, 3),))
    for inputs in [(minidl.rand(3),), (minidl.rand(1, 3), 1), (minidl.rand(1, 3).double(),), ()]:
        with pytest.raises(RuntimeError, match="expected inputs like the example's, .'float32, 2 axes'"):
            traced(*inputs)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied|size"):
        traced(minidl.rand(1, 4))


def test_a_traced_function_takes_the_branches_of_its_own_inputs() -> None:
    def clip(x: Any, *, high: Any) -> Any:
        return x * 0 if x.sum() > high else x

    traced = minidl.jit.trace(clip, example_kwarg_inputs={"x": minidl.ones(2), "high": minidl.tensor(5.0)})
    assert traced(x=minidl.ones(2) * 9, high=minidl.tensor(5.0)).tolist() == [0.0, 0.0]
    assert minidl.jit.trace(traced, minidl.ones(2)) is traced and "original_name=clip" in repr(traced)
    with pytest.raises(RuntimeError, match="Only one of example_inputs"):
        minidl.jit.trace(clip, minidl.ones(1), example_kwarg_inputs={})
    assert minidl.jit.trace_module(net().eval(), {"forward": minidl.ones(1, 3)})(minidl.ones(1, 3)).shape == (1, 2)


def test_a_trace_of_something_random_warns() -> None:
    with pytest.warns(TracerWarning, match="Sequential gives two results for the same inputs"):
        minidl.jit.trace(net().train(), minidl.ones(9, 3))
    minidl.jit.trace(net().train(), minidl.ones(9, 3), check_trace=False)


def test_there_is_no_graph_and_no_file(tmp_path: Any) -> None:
    traced = minidl.jit.trace(net().eval(), minidl.ones(1, 3))
    for name in ("graph", "code", "save"):
        with pytest.raises(AttributeError, match=f"no '{name}': minidl records no graph"):
            getattr(traced, name)
    for call in (lambda: minidl.jit.save(traced, "x.pt"), lambda: minidl.jit.load("x.pt")):
        with pytest.raises(NotImplementedError, match="state_dict"):
            call()


def test_a_fork_is_a_call() -> None:
    future = minidl.jit.fork(pow, 2, 5)
    assert future.done() and minidl.jit.wait(future) == future.value() == 32
    assert minidl.jit.annotate(List[int], [1]) == [1] and minidl.jit.Attribute(3, int).value == 3


# ---------------------------------------------------------------------- fx

def test_symbolic_trace_runs_the_module() -> None:
    model = net().eval()
    traced = minidl.fx.symbolic_trace(model)
    assert isinstance(traced, minidl.fx.GraphModule) and (traced(minidl.ones(1, 3)) == model(minidl.ones(1, 3))).all()
    assert list(traced.state_dict()) == list(model.state_dict()) and traced.get_submodule("0") is model[0]
    traced.train()
    traced.recompile()
    assert model[1].training
    assert minidl.fx.symbolic_trace(lambda x: x + 1)(minidl.zeros(1)).item() == 1
    for name in ("graph", "code"):
        with pytest.raises(AttributeError, match="minidl records no graph"):
            getattr(traced, name)
    for call in (minidl.fx.Graph, minidl.fx.Proxy, minidl.fx.Tracer().trace, minidl.fx.Interpreter):
        with pytest.raises(NotImplementedError, match="minidl records no graph"):
            call(model)
    with pytest.raises(TypeError, match="expected a module or a function, got int"):
        minidl.fx.symbolic_trace(3)
    with pytest.raises(RuntimeError, match="Unsupported type for global function"):
        minidl.fx.wrap(3)


# ---------------------------------------------------------------------- overrides

def test_no_function_is_replaced() -> None:
    class Other:
        def __torch_function__(self, *args: Any) -> None: ...

    from_overrides = minidl.overrides
    assert not from_overrides.has_torch_function([Other()]) and not from_overrides.has_torch_function_unary(Other())
    assert from_overrides.is_tensor_like(Other()) and not from_overrides.is_tensor_like(3)
    assert from_overrides.is_tensor_method_or_property(minidl.Tensor.add) and from_overrides.resolve_name(minidl.add)
    with pytest.raises(TypeError, match="no implementation found for 'add'"):
        from_overrides.handle_torch_function(minidl.add, [Other()])
    with pytest.raises(NotImplementedError, match="TorchFunctionMode"), from_overrides.TorchFunctionMode():
        pass


# ---------------------------------------------------------------------- library

def program(lib: Any) -> list[Any]:
    """A custom op with a gradient, in either library."""
    @lib.library.custom_op("mine::scale", mutates_args=())
    def scale(x: lib.Tensor, factor: float = 2.0) -> lib.Tensor:
        return x * factor

    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.factor = inputs[1]

    scale.register_autograd(lambda ctx, g: (g * ctx.factor * 10, None), setup_context=setup)    # ten times: it is ours
    scale.register_fake(lambda x, factor=2.0: lib.empty_like(x))
    x = lib.ones(2, requires_grad=True)
    y = scale(x, factor=3.0) + scale(x)
    y.sum().backward()
    return [y.tolist(), x.grad.tolist()]


def test_a_custom_op_has_its_gradient() -> None:
    assert program(minidl) == [[5.0, 5.0], [50.0, 50.0]]
    if torch is not None:
        # PyTorch reads the types of the arguments from annotations, which are text in this file
        program.__globals__["lib"] = torch
        try:
            assert program(torch) == [[5.0, 5.0], [50.0, 50.0]]
        finally:
            del program.__globals__["lib"]


def test_kernels_of_devices_and_what_is_not_there() -> None:
    op = minidl.library.custom_op("mine::f", lambda x: x, mutates_args=())
    assert op(minidl.ones(1)).item() == 1 and repr(op) == "<CustomOp(mine::f)>"
    minidl.library.register_kernel(op, "cpu")(lambda x: x + 1)
    assert op(minidl.ones(1)).item() == 2 and minidl.library.register_fake("mine::f", len) is len
    with pytest.raises(ValueError, match="a name like 'namespace::name'"):
        minidl.library.custom_op("f", len, mutates_args=())
    with pytest.raises(NotImplementedError, match="no registry of operators"):
        minidl.library.Library("mine", "DEF")
    with pytest.raises(NotImplementedError, match="expected an operator of custom_op"):
        minidl.library.register_kernel("mine::unknown", "cpu", len)


def test_an_operator_is_found_by_its_name() -> None:
    minidl.library.custom_op("mine::triple", lambda x: 3 * x, mutates_args=())
    minidl.library.register_autograd("mine::triple", lambda ctx, g: 30 * g)     # ten times: it is ours
    op = Operators().mine.triple
    x = minidl.ones(2, requires_grad=True)
    op.default(x).sum().backward()
    assert op(x).tolist() == [3.0, 3.0] and x.grad.tolist() == [30.0, 30.0]
    with pytest.raises(AttributeError, match="no registry of PyTorch's operators"):
        Operators().nothing


def test_formats_and_layouts_are_pickled_by_name() -> None:
    for value in (minidl.channels_last, minidl.contiguous_format, minidl.strided):
        assert pickle.loads(pickle.dumps(value)) is value and repr(value).startswith("minidl.")
