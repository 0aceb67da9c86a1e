"""`profile`: the time and the memory that each op and each module of a program takes.

While a profile is open, the calls of ops, of their gradients and of modules are wrapped in functions that read the
clock (`autograd/around.py`). A closed one costs nothing.
"""
from __future__ import annotations

import contextlib
import enum
import functools
import gzip
import json
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minidl.autograd.around import around_functions, around_gradients, around_modules, around_ops
from minidl.autograd.op import Op
from minidl.autograd.profiler.events import Average, Averages, Event, ModuleAverage
from minidl.autograd.profiler.memory import arrays_of, new_bytes
from minidl.autograd.profiler.schedules import ProfilerAction
from minidl.backend.device import array_module, device_of
from minidl.tables import html_table


class ProfilerActivity(enum.Enum):
    """The kinds of records in PyTorch's calls; here everything is always recorded."""

    CPU = 0
    CUDA = 1


class profile:
    """Record what runs inside, on every thread: forward and backward, ops and modules.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.utils import profile
        >>> net = nn.Sequential(nn.Linear(20, 30), nn.ReLU())
        >>> with profile() as prof:
        ...     net(minidl.ones(5, 20)).sum().backward()
        >>> [row.key for row in prof.key_averages()][:5]
        ['Linear', 'Relu', 'Sum', 'Sum (backward)', 'Expand']
        >>> [row.key for row in prof.module_averages()]
        ['Sequential', 'Sequential.0', 'Sequential.1']

    `print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))` shows which ops take the time. The
    total time of an op includes the ops that it calls; its self time does not. On a GPU the profile waits for every op,
    so that each gets its own time; the program then takes longer than without a profile.

    Args:
        activities, record_shapes, profile_memory, with_flops, with_modules, acc_events: accepted as in PyTorch; shapes,
            memory and modules are always recorded, flops never.
        with_stack: record the lines of the program that called each op, for `export_stacks`.
        schedule: a function of the step that says what is recorded; see `schedule`. The program calls `step()`.
        on_trace_ready: is called with the profile at the end of each cycle of the schedule, and at the end of the
            block. Events are those of the last cycle.
        enabled: False records nothing.
        more: PyTorch's other switches (`use_cuda`, `use_kineto`, `experimental_config`), which choose what is always on
            here, or not there.

    Errors: RuntimeError if it is open already.
    """

    def __init__(self, activities: Any = None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, *,
                 schedule: Callable[[int], ProfilerAction] | None = None,
                 on_trace_ready: Callable[[profile], Any] | None = None, enabled: bool = True,
                 acc_events: bool = False, **more: Any) -> None:
        if unknown := sorted(set(more) - OTHER_SWITCHES):
            raise TypeError(f"profile() got an unexpected keyword argument {unknown[0]!r}")
        self.activities, self.with_stack, self.on_trace_ready = activities, with_stack, on_trace_ready
        self.enabled = enabled and activities is not False      # `autograd.profiler.profile(False)`
        self.schedule = schedule if schedule is not None else lambda step: ProfilerAction.RECORD
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self.metadata: dict[str, Any] = {}
        self._events: list[Event] = []
        self._thread_state = threading.local()
        self._made_in: weakref.WeakKeyDictionary[Op, str] = weakref.WeakKeyDictionary()

    def __enter__(self) -> profile:
        if self in _open_profiles:
            raise RuntimeError("profile: this one is open already; open another one inside it, with profile()")
        _open_profiles.append(self)
        self._watching = contextlib.ExitStack()
        self._act(self.schedule(self.step_num))
        return self

    def __exit__(self, *exc_info: object) -> None:
        _open_profiles.remove(self)
        recorded = self.current_action in RECORDING
        self._act(ProfilerAction.NONE)
        if recorded and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def start(self) -> None:
        """Begin, without `with`."""
        self.__enter__()

    def stop(self) -> None:
        """End, without `with`."""
        self.__exit__(None, None, None)

    def step(self) -> None:
        """Say that a step of the program is over: the schedule decides what happens in the next one."""
        before = self.current_action
        self.step_num += 1
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._act(ProfilerAction.NONE)
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self._act(self.schedule(self.step_num))

    def _act(self, action: ProfilerAction) -> None:
        """Begin or end to look on, as the action says."""
        before, self.current_action = self.current_action in RECORDING, action
        if action in RECORDING and not before and self.enabled:
            if self.step_num:
                self._events = []       # a new cycle
            for calls, function in ((around_ops, self._around_op), (around_functions, self._around_function),
                                    (around_gradients, self._around_gradient), (around_modules, self._around_module)):
                self._watching.enter_context(calls.added(function))
        elif action not in RECORDING and before:
            self._watching.close()

    @property
    def records(self) -> bool:
        """Whether it looks on at this moment."""
        return self.enabled and self.current_action in RECORDING

    # ------------------------------------------------------------------ recording

    @contextlib.contextmanager
    def _event(self, name: str, kind: str, module: str | None = None) -> Iterator[Event]:
        here = self._thread_state
        inside: Event | None = getattr(here, "event", None)
        if module is None:
            module = "" if inside is None else inside.module
        event = Event(name, kind, module, threading.get_ident(), inside, time.perf_counter_ns())
        if self.with_stack:
            event.stack = lines_of_the_program()
        here.event = event
        self._events.append(event)
        try:
            yield event
        finally:
            event.duration = time.perf_counter_ns() - event.start
            here.event = inside
            if inside is not None:
                inside.in_children += event.duration

    def _around_op(self, call: Callable[..., Any], op: Op, *inputs: Any) -> Any:
        with self._event(op.name(), "op") as event:
            result = call(op, *inputs)
            _wait(result)
        if op.edges:
            self._made_in[op] = event.module
        return self._recorded(event, result, inputs)

    def _around_function(self, call: Callable[..., Any], cls: type, /, *args: Any, **kwargs: Any) -> Any:
        with self._event(cls.__name__, "op") as event:
            result = call(cls, *args, **kwargs)
            _wait(result)
        for output in result if isinstance(result, tuple) else (result,):
            if getattr(output, "edge", None) is not None:
                self._made_in[output.edge[0]] = event.module
        return self._recorded(event, result, args)

    def _around_gradient(self, call: Callable[..., Any], op: Op, g: Any, graph: bool, wanted: Any) -> Any:
        name = f"{op.name().removesuffix('Backward')} (backward)"
        with self._event(name, "gradient", self._made_in.get(op, "")) as event:
            result = call(op, g, graph, wanted)
            _wait(result)
        return self._recorded(event, result, g)

    def _around_module(self, call: Callable[..., Any], module: Any, /, *args: Any, **kwargs: Any) -> Any:
        here = self._thread_state
        outermost = not getattr(here, "paths", None)
        if outermost:
            root = type(module).__name__
            here.paths = {m: f"{root}.{name}" if name else root for name, m in module.named_modules()}
        path = here.paths.get(module, type(module).__name__)
        try:
            with self._event(type(module).__name__, "module", path) as event:
                result = call(module, *args, **kwargs)
                _wait(result)
            return self._recorded(event, result, (args, kwargs))
        finally:
            if outermost:
                here.paths = None

    @staticmethod
    def _recorded(event: Event, result: Any, inputs: Any) -> Any:
        """The result, after its memory and the shapes of the inputs are stored in the event."""
        event.bytes = new_bytes(result, inputs)
        event.shapes = [tuple(array.shape) for array in arrays_of(inputs)]
        return result

    # ------------------------------------------------------------------ reading the results

    def events(self) -> list[Event]:
        """All calls, in the order of their start."""
        return list(self._events)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """A row for each name: ops, gradients and the parts of `record_function`.

        Calls with inputs of other shapes, or from other places of the program (of `group_by_stack_n` lines), have a row
        of their own if asked for.
        """
        found: dict[Any, list[Event]] = {}
        for event in self._events:
            if event.kind != "module":
                shapes = str(event.shapes) if group_by_input_shape else ""
                found.setdefault((event.name, shapes, *event.stack[:group_by_stack_n]), []).append(event)
        return Averages(Average(key[0], events) for key, events in found.items())

    def total_average(self) -> Average:
        """All calls as one row. Errors: ValueError if nothing was recorded."""
        return self.key_averages().total_average()

    def table(self, sort_by: str | None = None, row_limit: int = 100, **more: Any) -> str:
        """`key_averages().table(...)`."""
        return self.key_averages().table(sort_by, row_limit, **more)

    __str__ = table     # type: ignore[assignment]

    @property
    def self_cpu_time_total(self) -> float:
        """The microseconds of all calls together."""
        return self.key_averages().self_cpu_time_total

    @property
    def function_events(self) -> list[Event]:
        """`events()`, under the name of PyTorch's older profiler."""
        return self.events()

    def module_averages(self) -> Averages:
        """The modules, by their path in the outermost module that was called."""
        calls: dict[str, list[Event]] = {}
        for event in self._events:
            if event.kind == "module":
                calls.setdefault(event.module, []).append(event)
        top = [e for e in self._events if e.kind in ("op", "gradient") and (e.inside is None or e.inside.kind in
                                                                          ("module", "user"))]
        rows = Averages()
        for path, events in calls.items():
            own = [e for e in top if e.module == path or e.module.startswith(f"{path}.")]
            rows.append(ModuleAverage(path, events, [e for e in own if e.kind == "gradient"], own))
        return rows

    def _repr_html_(self) -> str:
        """For a notebook: the ops that took the longest, and the modules."""
        ops, modules = self.key_averages(), self.module_averages()
        tables = [html_table(*ops._table("self_cpu_time_total", 20))] if ops else ["(nothing was recorded)"]
        return "\n".join([*tables, *([html_table(*modules._table())] if modules else [])])

    def add_metadata(self, key: str, value: str) -> None:
        """Store a text in the trace that is exported."""
        self.metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Store what a text of JSON says in the trace that is exported."""
        self.metadata[key] = json.loads(value)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """Write the microseconds that were spent at each place of the program, for pictures of flames.

        Errors: ValueError unless the profile was opened with `with_stack=True`.
        """
        if not self.with_stack:
            raise ValueError("export_stacks: the lines of the program are not known; try profile(with_stack=True)")
        times: dict[str, float] = {}
        for event in self._events:
            if event.stack:
                place = ";".join(line.replace(" ", "_") for line in [*reversed(event.stack), event.name])
                times[place] = times.get(place, 0.0) + getattr(event, metric.replace("cuda", "cpu"))
        lines = [f"{place} {int(value)}" for place, value in times.items() if int(value)]
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def export_chrome_trace(self, path: Any) -> None:
        """Write all events to a JSON file for https://ui.perfetto.dev or chrome://tracing.

        A file whose name ends in .gz is compressed.
        """
        begin = min((e.start for e in self._events), default=0)
        events: list[dict[str, Any]] = [
            {"name": "process_name", "ph": "M", "pid": os.getpid(), "tid": 0, "args": {"name": "minidl"}}]
        for e in self._events:
            events.append({"name": e.name, "cat": e.kind, "ph": "X", "ts": (e.start - begin) / 1000,
                           "dur": e.duration / 1000, "pid": os.getpid(), "tid": e.thread,
                           "args": {"module": e.module, "input shapes": e.shapes, "new bytes": e.bytes}})
        trace = {"traceEvents": events, "displayTimeUnit": "ms", **self.metadata}
        opened = gzip.open if os.fspath(path).endswith(".gz") else open
        with opened(path, "wt", encoding="utf-8") as file:
            json.dump(trace, file)


OTHER_SWITCHES = set("""use_cuda use_cpu use_device use_kineto use_mtia experimental_config execution_trace_observer
    custom_trace_id_callback post_processing_timeout_s""".split())
RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)

_open_profiles: list[profile] = []


class record_function:
    """Name a part of the program in open profiles; a context manager or a decorator.

        >>> from minidl.utils import profile
        >>> from minidl.utils.profile import record_function
        >>> with profile() as prof:
        ...     with record_function("load a batch"):
        ...         pass
        >>> prof.key_averages()[0].key
        'load a batch'
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._entered: list[contextlib.ExitStack] = []

    def __enter__(self) -> record_function:
        stack = contextlib.ExitStack()
        for prof in [prof for prof in _open_profiles if prof.records]:
            stack.enter_context(prof._event(self.name, "user"))
        self._entered.append(stack)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._entered.pop().close()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)
        return wrapper


def _wait(result: Any) -> None:
    """Wait until the GPU of the result has finished its work."""
    for array in arrays_of(result)[:1]:
        device = device_of(array)
        if device.type == "cuda":
            array_module(array).cuda.Device(device.index).synchronize()


def lines_of_the_program() -> list[str]:
    """Where the program calls the library from, as "file(line): function", innermost first."""
    lines, frame = [], sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith("minidl.") and module != "contextlib":
            code = frame.f_code
            lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back    # type: ignore[assignment]
    return lines
