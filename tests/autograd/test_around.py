"""The place where what watches or casts stands around calls."""
from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.autograd.around import around_functions, around_gradients, around_modules, around_ops
from minidl.autograd.op import Op
from minidl.nn import functional as F
from minidl.ops.elementwise import Add, Exp, Mul, Pow
from minidl.utils import profile, summary


def noting(notes: list[str], word: str) -> Callable[..., Any]:
    def function(call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        notes.append(f"{word} {op.name()}")
        return call(op, *inputs)
    return function


def test_the_last_one_is_outermost_and_each_is_called_once() -> None:
    notes: list[str] = []
    x = minidl.ones(3)
    with around_ops.added(noting(notes, "first")), around_ops.added(noting(notes, "second")):
        y = x + x       # Add has a `__call__` of its own
        y = y.exp()
    assert notes == ["second Add", "first Add", "second Exp", "first Exp"]
    x + x
    assert len(notes) == 4 and not around_ops.functions


def test_what_an_op_calls_is_watched_too() -> None:
    notes: list[str] = []
    with around_ops.added(noting(notes, "-")):
        minidl.ones(2, 3) + minidl.ones(3, requires_grad=True)
    assert notes == ["- Add", "- Expand"]


def test_gradients_on_arrays_and_as_a_graph() -> None:
    notes: list[str] = []
    x = minidl.ones(3, requires_grad=True)
    y = (x * x).exp().sum()
    with around_gradients.added(lambda call, op, *args: notes.append(op.name()) or call(op, *args)):
        g, = minidl.autograd.grad(y, x, create_graph=True)
        g.sum().backward()
    assert notes[:3] == ["Sum", "Exp", "Mul"] and len(notes) > 6
    assert not around_gradients.functions


def test_only_the_classes_that_are_named_and_those_made_of_them() -> None:
    class Mine(Exp):
        pass

    notes: list[str] = []
    with around_ops.added(noting(notes, "-"), (Exp, Mul)):
        class Later(Exp):
            pass
        x = minidl.ones(2)
        for y in (x + x, x * x, x.exp(), Mine()(x), Later()(x), x ** 3.5):
            assert y.shape == (2,)
        assert around_ops.of_class[Mul] and not around_ops.of_class[Add]
    assert notes == ["- Mul", "- Exp", "- Mine", "- Later"]


def test_inputs_and_results_may_be_replaced() -> None:
    """Before an op makes its operands equal: 2.1 is no number of float16."""
    def doubled(call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        return call(op, *[x.double() if isinstance(x, minidl.Tensor) else x for x in inputs])
    x = minidl.ones(2, dtype=minidl.float16)
    with around_ops.added(doubled, (Pow,)):
        y = 2.1 ** x
    assert y.dtype == minidl.float64 and y[0].item() == 2.1


def test_errors_pass_and_leave_it_in_order() -> None:
    class Broken(Op):
        def forward(self, x: Any) -> Any:
            raise ArithmeticError("broken")

    notes: list[str] = []
    x = minidl.ones(2)
    with around_ops.added(noting(notes, "-")):
        with pytest.raises(ArithmeticError, match="broken"):
            Broken()(x)
        x + 1
    assert notes == ["- Broken", "- Add"] and not around_ops.functions


def test_every_thread_is_watched_and_has_its_own_place() -> None:
    notes: list[str] = []
    x = minidl.ones(1000)
    with around_ops.added(noting(notes, "-")):
        threads = [threading.Thread(target=lambda: [x + x for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert notes == ["- Add"] * 200


def test_functions_and_modules_whatever_their_arguments_are_called() -> None:
    class Scale(minidl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, first: Any, *, inner: Any, cls: Any) -> Any:
            return first * inner * cls

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Layer(nn.Module):
        def forward(self, *, module: Any, first: Any, inner: Any, call: Any) -> Any:
            return module + first + inner + call

    def passing(notes: list[Any]) -> Callable[..., Any]:
        def function(call: Callable[..., Any], what: Any, /, *args: Any, **kwargs: Any) -> Any:
            notes.append(what)
            return call(what, *args, **kwargs)
        return function

    seen: list[Any] = []
    layer, x = Layer(), minidl.ones(2)
    given = {"module": x, "first": x, "inner": x, "call": x}
    with around_functions.added(passing(seen)), around_modules.added(passing(seen)), profile():
        assert Scale.apply(x, inner=2, cls=3).tolist() == [6.0, 6.0]
        assert layer(**given).tolist() == [4.0, 4.0]
        layer.register_forward_hook(lambda module, args, output: output * 2)
        assert layer(**given).tolist() == [8.0, 8.0]
    assert seen == [Scale, layer, layer]


@pytest.mark.parametrize("opened", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("closed", list(itertools.permutations(range(3))), ids=str)
def test_a_profile_an_autocast_and_a_watch_in_any_order(opened: Any, closed: Any) -> None:
    notes: list[str] = []
    prof = profile()
    contexts = [prof, minidl.autocast("cpu"), around_ops.added(noting(notes, "-"))]
    x, w = minidl.ones(2, 3), minidl.ones(4, 3)
    for i in opened:
        contexts[i].__enter__()
    y = F.linear(x, w)
    assert y.dtype == minidl.float16 and y.tolist() == [[3.0] * 4] * 2
    assert [e.name for e in prof.events()].count("Linear") == notes.count("- Linear") == 1
    casting, profiling, watching = True, True, True
    linears = [1, 1]
    for i in closed:
        contexts[i].__exit__(None, None, None)
        profiling, casting, watching = profiling and i != 0, casting and i != 1, watching and i != 2
        y = F.linear(x, w)
        linears = [linears[0] + profiling, linears[1] + watching]
        assert y.dtype == (minidl.float16 if casting else minidl.float32)
        assert [e.name for e in prof.events()].count("Linear") == linears[0] and notes.count("- Linear") == linears[1]
    assert not around_ops.functions


def test_a_summary_inside_all_of_them() -> None:
    net = nn.Linear(3, 4)
    with profile() as prof, minidl.autocast("cpu"), profile():
        assert summary(net, (2, 3)).total_mult_adds == 24
    assert [e.name for e in prof.events()].count("Linear") == 2      # the module and the op
    assert not around_ops.functions and not around_modules.functions


def test_ops_with_a_call_of_their_own_are_watched_once() -> None:
    def all_ops(cls: type) -> set[type]:
        return {cls}.union(*map(all_ops, cls.__subclasses__()))

    own = {cls.__name__ for cls in all_ops(Op) if cls.__module__.startswith("minidl.") and "__call__" in vars(cls)}
    assert own == {"Op", "Binary", "Ternary", "Xlogy", "SpecialBinary"}     # a new one: call it below
    a, b = minidl.full((2,), 0.5), minidl.full((2,), 0.25)
    for name, function, *args in (
            ("Exp", minidl.exp, a),
            ("Add", minidl.add, a, b),
            ("Add", minidl.add, a, 2.0),
            ("Addcmul", minidl.addcmul, a, a, b),
            ("Xlogy", minidl.xlogy, a, 2.0), ("Zeta", minidl.special.zeta, a + 2, 2.0)):
        notes: list[str] = []
        with around_ops.added(noting(notes, "-")):
            function(*args)
        assert notes.count(f"- {name}") == 1, (name, notes)
