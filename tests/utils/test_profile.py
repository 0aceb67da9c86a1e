"""`profile`: every call is there, in its place, and nothing is changed by looking."""
from __future__ import annotations

import gzip
import itertools
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.autograd.around import around_functions, around_gradients, around_modules, around_ops
from minidl.nn import functional as F
from minidl.profiler import (
    ProfilerActivity,
    kineto_available,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)
from minidl.utils import profile
from tests.checking import torch


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(20, 30), nn.Linear(30, 4)])
        self.act = nn.Tanh()

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = self.act(layer(x))
        return F.softmax(x, -1)


def trained() -> tuple[Any, Any, Any]:
    minidl.manual_seed(0)
    net, x = Net(), minidl.randn(5, 20, requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as prof:
        (net(x) ** 2).sum().backward()
    return prof, net, x


def test_nothing_is_changed() -> None:
    _, net, x = trained()
    minidl.manual_seed(0)
    other, y = Net(), minidl.randn(5, 20, requires_grad=True)
    (other(y) ** 2).sum().backward()
    assert (x.grad == y.grad).all()
    assert all((p.grad == q.grad).all() for p, q in zip(net.parameters(), other.parameters()))


def test_nothing_stands_around_calls_when_none_is_open() -> None:
    def standing() -> list[int]:
        return [len(calls.functions) for calls in (around_ops, around_gradients, around_functions, around_modules)]
    with profile():
        assert standing() == [1, 1, 1, 1]
        with profile():
            assert standing() == [2, 2, 2, 2]
        assert standing() == [1, 1, 1, 1]
    assert standing() == [0, 0, 0, 0]
    with pytest.raises(ZeroDivisionError), profile():
        1 / 0
    assert standing() == [0, 0, 0, 0]


def test_every_call_is_there() -> None:
    prof, _, _ = trained()
    rows = {row.key: row.count for row in prof.key_averages()}
    for name, count in {"Linear": 2, "Linear (backward)": 2, "Tanh": 2, "Tanh (backward)": 2, "Softmax": 1,
                        "Softmax (backward)": 1, "Sum (backward)": 1}.items():
        assert rows[name] == count, name
    modules = {row.key: row.count for row in prof.module_averages()}
    assert modules == {"Net": 1, "Net.layers.0": 1, "Net.act": 2, "Net.layers.1": 1}


def test_calls_lie_inside_those_that_made_them() -> None:
    prof, _, _ = trained()
    for e in prof.events():
        assert e.duration >= e.in_children >= 0
        if e.inside is not None:
            assert e.inside.start <= e.start and e.start + e.duration <= e.inside.start + e.inside.duration
    for outer in prof.events():
        assert outer.in_children == sum(e.duration for e in prof.events() if e.inside is outer)
    forward = prof.module_averages()[0]
    assert forward.key == "Net" and forward.forward_time == prof.events()[0].duration / 1000
    of_the_loss = ("Sum (backward)", "Pow (backward)")
    gradients = [e.duration for e in prof.events() if e.kind == "gradient" and e.name not in of_the_loss]
    assert forward.backward_time == pytest.approx(sum(gradients) / 1000)


def test_gradients_belong_to_the_module_that_recorded_them() -> None:
    prof, _, _ = trained()
    where = [(e.name, e.module) for e in prof.events() if e.kind == "gradient"]
    assert [m for name, m in where if name == "Linear (backward)"] == ["Net.layers.1", "Net.layers.0"]
    assert dict(where)["Softmax (backward)"] == "Net" and dict(where)["Sum (backward)"] == ""
    rows = {row.key: row for row in prof.module_averages()}
    assert rows["Net"].backward_time > rows["Net.layers.0"].backward_time > 0
    assert rows["Net"].total_time == rows["Net"].forward_time + rows["Net"].backward_time


@pytest.mark.parametrize("inside", [True, False])
def test_with_autocast(inside: bool) -> None:
    net, x = Net(), minidl.randn(5, 20)
    contexts = [profile(), minidl.autocast("cpu")]
    first, second = reversed(contexts) if inside else contexts
    with first, second:
        net(x)
    counts = {row.key: row.count for row in contexts[0].key_averages()}
    assert counts["Linear"] == 2 and counts["Softmax"] == 1 and counts["Cast"] >= 2
    casts = {e.inside.name for e in contexts[0].events() if e.name == "Cast" and e.inside.kind == "op"}
    assert not inside or casts == {"Linear", "Softmax"}


def test_contexts_that_close_in_another_order() -> None:
    linear = minidl.ops.linalg.Linear
    prof, cast, net, x = profile(), minidl.autocast("cpu"), Net(), minidl.randn(5, 20)
    with cast:
        prof.__enter__()
        assert len(around_ops.of_class[linear]) == 2
    net(x)
    prof.__exit__(None, None, None)
    net(x)
    counts = {row.key: row.count for row in prof.key_averages()}
    assert counts["Linear"] == 2 and "Cast" not in counts       # the cast was over, the profile was not
    assert not around_ops.functions and not around_ops.of_class[linear]


def test_memory_by_hand() -> None:
    layer, x = nn.Linear(20, 30), minidl.randn(5, 20, requires_grad=True)
    with profile() as prof:
        y = layer(x).reshape(-1)
        y.sum().backward()
    size = {e.name: e.bytes
            for e in prof.events() if e.kind != "module" and (e.inside is None or e.inside.kind == "module")}
    assert size["Linear"] == 4 * 5 * 30 and size["Reshape"] == 0 and size["Sum"] == 4
    assert size["Linear (backward)"] == 4 * (5 * 20 + 30 * 20 + 30)
    assert prof.module_averages()[0].memory_usage == size["Linear"] + size["Linear (backward)"]
    assert prof.events()[0].shapes == [(5, 20)]


class Slow(minidl.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        time.sleep(0.02)
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        time.sleep(0.03)
        return g * 2


class Sleepy(nn.Module):
    def forward(self, x: Any) -> Any:
        return Slow.apply(x)


def test_the_time_is_where_it_was_spent() -> None:
    net = nn.Sequential(nn.Tanh(), Sleepy())
    with profile() as prof:
        net(minidl.ones(2, requires_grad=True)).sum().backward()
    rows = {row.key: row for row in prof.key_averages()}
    assert rows["Slow"].self_cpu_time_total >= 20_000 and rows["Slow (backward)"].self_cpu_time_total >= 30_000
    assert rows["Mul"].cpu_time_total < 20_000
    modules = {row.key: row for row in prof.module_averages()}
    assert modules["Sequential.1"].forward_time >= 20_000 and modules["Sequential.1"].backward_time >= 30_000
    assert prof.key_averages().table(sort_by="self_cpu_time_total").splitlines()[2].startswith("Slow (backward)")


def test_tables() -> None:
    prof, _, _ = trained()
    averages = prof.key_averages()
    lines = averages.table(sort_by="count", row_limit=3).splitlines()
    assert lines[0].split() == "Name Self time Self % Total time Mean time Calls New memory".split() and len(lines) == 6
    counts = [row.count for row in averages]
    assert int(lines[2].split()[-3]) == max(counts)
    assert str(averages) == averages.table() and "Net.layers.0" in str(prof.module_averages())
    with pytest.raises(ValueError, match="expected sort_by to be one of count, cpu_memory_usage.* but got 'speed'"):
        averages.table(sort_by="speed")
    prof.module_averages().table(sort_by="backward_time")
    with profile() as empty:
        pass
    assert empty.key_averages().table(sort_by="count") == "(nothing was recorded)"


def test_names_of_ones_own() -> None:
    @record_function("all of it")
    def run(x: Any, depth: int) -> Any:
        with record_function("a part"):
            return x.exp() if depth == 0 else run(x, depth - 1)
    assert run(minidl.ones(1), 0).shape == (1,)     # no profile: nothing happens
    with profile() as prof:
        run(minidl.ones(1), 2)
    rows = {row.key: row for row in prof.key_averages()}
    assert {name: row.count for name, row in rows.items()} == {"all of it": 3, "a part": 3, "Exp": 1}
    # a call of itself is no more time in all
    assert rows["all of it"].cpu_time_total == prof.events()[0].duration / 1000
    assert run.__name__ == "run"


def test_threads_have_stacks_of_their_own() -> None:
    net, x = Net(), minidl.randn(5, 20)
    with profile() as prof:
        threads = [threading.Thread(target=lambda: [net(x) for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {row.key: row.count for row in prof.module_averages()}["Net"] == 80
    assert len({e.thread for e in prof.events()}) >= 1
    assert all(e.inside is None or e.inside.thread == e.thread for e in prof.events())


def test_an_error_inside_leaves_the_stack_right() -> None:
    net = Net()
    with profile() as prof:
        with pytest.raises(RuntimeError):
            net(minidl.ones(5, 3))
        net(minidl.ones(5, 20))
    assert [e.inside for e in prof.events() if e.name == "Net"] == [None, None]
    assert {row.key: row.count for row in prof.module_averages()}["Net.layers.0"] == 2


def test_one_profile_is_not_opened_twice_at_a_time_but_again_later() -> None:
    prof = profile()
    with prof:
        with pytest.raises(RuntimeError, match="this one is open already"), prof:
            pass
        minidl.ones(2).exp()
    with prof:
        minidl.ones(2).exp()
    assert [e.name for e in prof.events()] == ["Exp", "Exp"]


def test_chrome_trace(tmp_path: Path) -> None:
    """The Trace Event Format: complete events, which lie inside one another or apart on each thread."""
    prof, _, _ = trained()
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert set(trace) == {"traceEvents", "displayTimeUnit"} and trace["displayTimeUnit"] in ("ms", "ns")
    complete = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    assert len(complete) == len(prof.events()) and {e["cat"] for e in complete} == {"op", "gradient", "module"}
    for e in trace["traceEvents"]:
        assert isinstance(e["name"], str) and isinstance(e["pid"], int) and isinstance(e["tid"], int)
        assert e["ph"] in ("X", "M") and isinstance(e["args"], dict)
    open_until: list[float] = []
    for e in sorted(complete, key=lambda e: (e["ts"], -e["dur"])):
        assert e["ts"] >= 0 and e["dur"] >= 0
        while open_until and open_until[-1] <= e["ts"]:
            open_until.pop()
        assert not open_until or e["ts"] + e["dur"] <= open_until[-1] + 1e-3
        open_until.append(e["ts"] + e["dur"])
    linear = next(e for e in complete if e["name"] == "Linear" and e["cat"] == "op")
    assert linear["args"] == {"module": "Net.layers.0", "input shapes": [[5, 20], [30, 20], [30]], "new bytes": 600}


# ---------------------------------------------------------------------- as programs for PyTorch use it

def test_a_schedule_records_some_steps_and_hands_each_cycle_out(tmp_path: Path) -> None:
    """The tutorial of PyTorch's profiler."""
    seen: list[tuple[int, list[str]]] = []

    def ready(prof: profile) -> None:
        seen.append((prof.step_num, [e.name for e in prof.events()]))
        tensorboard_trace_handler(tmp_path / "log", "me")(prof)

    x = minidl.ones(2)
    when = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(activities=[ProfilerActivity.CPU], schedule=when, on_trace_ready=ready, record_shapes=True,
                 profile_memory=True, with_stack=True) as prof:
        for step in range(12):
            with record_function(f"step {step}"):
                x.exp()
            prof.step()
    assert seen == [(5, ["step 3", "Exp", "step 4", "Exp"]), (9, ["step 7", "Exp", "step 8", "Exp"])]
    files = sorted((tmp_path / "log").iterdir())
    assert len(files) == 2 and all(re.fullmatch(r"me\.\d+\.pt\.trace\.json", path.name) for path in files)
    assert {row.key for row in prof.key_averages()} == {"step 7", "step 8", "Exp"} and not around_ops.functions


def test_a_block_that_ends_inside_a_cycle_hands_it_out() -> None:
    seen: list[int] = []
    with profile(schedule=schedule(wait=0, warmup=0, active=5), on_trace_ready=lambda p: seen.append(p.step_num)) as p:
        p.step()
    assert seen == [1] and not around_ops.functions


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
def test_schedules_are_pytorchs() -> None:
    for numbers in itertools.product((0, 2), (0, 1), (1, 3), (0, 2), (0, 3), (0, 1)):
        given = dict(zip(("wait", "warmup", "active", "repeat", "skip_first", "skip_first_wait"), numbers))
        ours, theirs = schedule(**given), torch.profiler.schedule(**given)
        assert [ours(i).name for i in range(25)] == [theirs(i).name for i in range(25)], given
    for wrong in ({"active": 0}, {"wait": -1}, {"repeat": -1}):
        with pytest.raises(AssertionError, match="Invalid profiler schedule"):
            schedule(**{"wait": 1, "warmup": 1, "active": 1, **wrong})


def test_rows_by_shape_and_by_line(tmp_path: Path) -> None:
    x, y = minidl.ones(2, 3), minidl.ones(4)
    with profile(with_stack=True) as prof:
        for z in (x, y, x):
            z.exp()
        x.exp()
    assert [row.count for row in prof.key_averages()] == [4]
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert [(row.input_shapes, row.count) for row in by_shape] == [([(2, 3)], 3), ([(4,)], 1)]
    assert [row.count for row in prof.key_averages(group_by_stack_n=1)] == [3, 1]
    stack = prof.events()[0].stack
    assert re.fullmatch(rf"{re.escape(__file__)}\(\d+\): test_rows_by_shape_and_by_line", stack[0])
    prof.export_stacks(tmp_path / "stacks.txt")
    lines = (tmp_path / "stacks.txt").read_text().splitlines()
    assert all(re.fullmatch(r".*;Exp \d+", line) for line in lines)
    with pytest.raises(ValueError, match="with_stack=True"):
        profile().export_stacks(tmp_path / "stacks.txt")


def test_files_that_are_compressed_and_notes(tmp_path: Path) -> None:
    with profile() as prof:
        minidl.ones(1).exp()
    prof.add_metadata("run", "first")
    prof.add_metadata_json("sizes", "[1, 2]")
    prof.export_chrome_trace(tmp_path / "trace.json.gz")
    with gzip.open(tmp_path / "trace.json.gz", "rt") as file:
        trace = json.load(file)
    assert trace["run"] == "first" and trace["sizes"] == [1, 2] and trace["traceEvents"]


def test_the_older_profiler() -> None:
    from_autograd = minidl.autograd.profiler
    with from_autograd.profile(use_cuda=False, profile_memory=True) as prof, from_autograd.record_function("part"):
        minidl.ones(3).exp()
    assert [e.key for e in prof.function_events] == ["part", "Exp"] and prof.self_cpu_time_total > 0
    assert prof.total_average().count == 2 and "part" in prof.table(sort_by="cuda_time_total") and "Exp" in str(prof)
    text = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=-1, header="what it took",
                                     max_name_column_width=2)
    assert text.startswith("what it took\n") and "pa " in text
    with from_autograd.profile(False) as off, from_autograd.profile(enabled=False):
        minidl.ones(3).exp()
    assert not off.events()
    with pytest.raises(TypeError, match=r"profile\(\) got an unexpected keyword argument 'speed'"):
        profile(speed=1)
    with pytest.warns(UserWarning, match="emit_nvtx marks nothing here"), from_autograd.emit_nvtx():
        pass
    with from_autograd.emit_itt(enabled=False):
        pass
    p = profile()
    p.start()
    minidl.ones(3).exp()
    p.stop()
    assert len(p.events()) == 1 and supported_activities() == {ProfilerActivity.CPU} and not kineto_available()
