"""`profile`: the time and the memory that each op and each module of a program takes.

While a profile is open, the calls of ops, of their gradients and of modules are wrapped in functions that read the
clock (`autograd/around.py`).
"""
from __future__ import annotations

import contextlib
import enum
import functools
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from minidl import cuda
from minidl.autograd.around import around_functions, around_gradients, around_modules, around_ops
from minidl.autograd.op import Op
from minidl.backend.device import device_of
from minidl.nn.module import Module
from minidl.tables import html_table, size_of, table
from minidl.utils.watch import arrays_of, new_bytes


class ProfilerActivity(enum.Enum):
    """The kinds of records in PyTorch's calls; here everything is always recorded."""

    CPU = 0
    CUDA = 1


@dataclass(eq=False)
class Event:
    """One call of an op, of its gradient ("... (backward)"), of a module or of a `record_function`."""

    name: str
    kind: str                   # "op", "gradient", "module" or "user"
    module: str                 # the path of the module that it belongs to
    thread: int
    inside: Event | None        # the call that this one was made in
    start: int                  # nanoseconds
    duration: int = 0
    in_children: int = 0        # nanoseconds of the duration in calls inside this one
    bytes: int = 0              # new memory of the results
    shapes: list[tuple[int, ...]] = field(default_factory=list)


class Average:
    """All calls of one name. Times are in microseconds, as in PyTorch."""

    def __init__(self, key: str, events: list[Event]) -> None:
        self.key, self.count = key, len(events)
        self.cpu_time_total = _time_in(events)
        self.self_cpu_time_total = sum(e.duration - e.in_children for e in events) / 1000
        self.cpu_time = self.cpu_time_total / self.count
        self.cpu_memory_usage = sum(e.bytes for e in events)

    def cells(self, whole: float) -> list[str]:
        share = f"{100 * self.self_cpu_time_total / whole:.1f} %" if whole else ""
        return [self.key, _time(self.self_cpu_time_total), share, _time(self.cpu_time_total), _time(self.cpu_time),
                str(self.count), size_of(self.cpu_memory_usage)]

    HEAD = ("Name", "Self time", "Self %", "Total time", "Mean time", "Calls", "New memory")


class ModuleAverage:
    """All calls of one module. Times are in microseconds; `backward_time` is that of the module's ops."""

    def __init__(self, key: str, calls: list[Event], gradients: list[Event], ops: list[Event]) -> None:
        self.key, self.count = key, len(calls)
        self.forward_time, self.backward_time = _time_in(calls), _time_in(gradients)
        self.total_time = self.forward_time + self.backward_time
        self.memory_usage = sum(e.bytes for e in ops)

    def cells(self, whole: float) -> list[str]:
        return [self.key, _time(self.forward_time), _time(self.backward_time), _time(self.total_time),
                str(self.count), size_of(self.memory_usage)]

    HEAD = ("Module", "Forward", "Backward", "Total", "Calls", "New memory")


class Averages(list[Any]):
    """A list that prints as a table."""

    def table(self, sort_by: str | None = None, row_limit: int = 100) -> str:
        """At most `row_limit` rows, the largest first by an attribute such as "self_cpu_time_total".

        Errors: ValueError for an attribute that the rows do not have.
        """
        return table(*self._table(sort_by, row_limit)) if self else "(nothing was recorded)"

    def _table(self, sort_by: str | None = None, row_limit: int = 100) -> tuple[list[str], list[list[str]]]:
        rows = list(self)
        if sort_by is not None:
            numbers = [name for name, value in vars(rows[0]).items() if isinstance(value, (int, float))]
            if sort_by not in numbers:
                raise ValueError(f"table: expected sort_by to be one of {', '.join(numbers)}, but got {sort_by!r}")
            rows.sort(key=lambda row: -getattr(row, sort_by))
        whole = sum(getattr(row, "self_cpu_time_total", 0.0) for row in rows)
        return list(rows[0].HEAD), [row.cells(whole) for row in rows[:row_limit]]

    __str__ = table     # type: ignore[assignment]

    def _repr_html_(self) -> str:
        return html_table(*self._table()) if self else "(nothing was recorded)"


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
        activities, record_shapes, profile_memory: accepted as in PyTorch; everything is always recorded.

    Errors: RuntimeError if it is open already.
    """

    def __init__(self, activities: Any = None, record_shapes: bool = False, profile_memory: bool = False) -> None:
        self._events: list[Event] = []
        self._thread_state = threading.local()
        self._made_in: weakref.WeakKeyDictionary[Op, str] = weakref.WeakKeyDictionary()

    def __enter__(self) -> profile:
        if self in _open_profiles:
            raise RuntimeError("profile: this one is open already; open another one inside it, with profile()")
        self._open = contextlib.ExitStack()
        for calls, function in ((around_ops, self._around_op), (around_functions, self._around_function),
                                (around_gradients, self._around_gradient), (around_modules, self._around_module)):
            self._open.enter_context(calls.added(function))
        _open_profiles.append(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _open_profiles.remove(self)
        self._open.close()

    # ------------------------------------------------------------------ recording

    @contextlib.contextmanager
    def _event(self, name: str, kind: str, module: str | None = None) -> Iterator[Event]:
        here = self._thread_state
        inside: Event | None = getattr(here, "event", None)
        if module is None:
            module = "" if inside is None else inside.module
        event = Event(name, kind, module, threading.get_ident(), inside, time.perf_counter_ns())
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

    def _around_module(self, call: Callable[..., Any], module: Module, /, *args: Any, **kwargs: Any) -> Any:
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

    def key_averages(self) -> Averages:
        """A row for each name: ops, gradients and the parts of `record_function`."""
        found: dict[str, list[Event]] = {}
        for event in self._events:
            if event.kind != "module":
                found.setdefault(event.name, []).append(event)
        return Averages(Average(name, events) for name, events in found.items())

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

    def export_chrome_trace(self, path: Any) -> None:
        """Write all events to a JSON file for https://ui.perfetto.dev or chrome://tracing."""
        begin = min((e.start for e in self._events), default=0)
        events: list[dict[str, Any]] = [
            {"name": "process_name", "ph": "M", "pid": os.getpid(), "tid": 0, "args": {"name": "minidl"}}]
        for e in self._events:
            events.append({"name": e.name, "cat": e.kind, "ph": "X", "ts": (e.start - begin) / 1000,
                           "dur": e.duration / 1000, "pid": os.getpid(), "tid": e.thread,
                           "args": {"module": e.module, "input shapes": e.shapes, "new bytes": e.bytes}})
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ms"}, file)


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

    def __init__(self, name: str) -> None:
        self.name = name
        self._entered: list[contextlib.ExitStack] = []

    def __enter__(self) -> record_function:
        stack = contextlib.ExitStack()
        for prof in _open_profiles:
            stack.enter_context(prof._event(self.name, "user"))
        self._entered.append(stack)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._entered.pop().close()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)
        return wrapper


def _time_in(events: list[Event]) -> float:
    """The microseconds of all calls together; a call inside another one is counted once."""
    several = set(events)
    total = 0
    for event in events:
        around = event.inside
        while around is not None and around not in several:
            around = around.inside
        total += event.duration if around is None else 0
    return total / 1000


def _wait(result: Any) -> None:
    """Wait until the GPU of the result has finished its work."""
    for array in arrays_of(result)[:1]:
        device = device_of(array)
        if device.type == "cuda":
            cuda.synchronize(device)


def _time(microseconds: float) -> str:
    return size_of(microseconds, ("us", "ms", "s"), 1000)
