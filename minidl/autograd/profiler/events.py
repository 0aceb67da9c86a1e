"""What a profile has recorded, and the tables of it."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minidl.tables import html_table, size_of, table


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
    stack: list[str] = field(default_factory=list)      # lines of the program, innermost first, if they are recorded

    @property
    def key(self) -> str:
        """The name, as PyTorch's events call it."""
        return self.name

    @property
    def cpu_time_total(self) -> float:
        """Microseconds with the calls inside."""
        return self.duration / 1000

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds without the calls inside."""
        return (self.duration - self.in_children) / 1000


class Average:
    """All calls of one name. Times are in microseconds, as in PyTorch.

    The time of an op on a GPU is in the same figures, since the profile waits for it; PyTorch's attributes for the
    device alone are 0.
    """

    cuda_time = cuda_time_total = self_cuda_time_total = device_time = device_time_total = 0.0
    self_device_time_total = 0.0
    cuda_memory_usage = self_cuda_memory_usage = device_memory_usage = self_device_memory_usage = 0

    def __init__(self, key: str, events: list[Event]) -> None:
        self.key, self.count, self.events = key, len(events), events
        self.cpu_time_total = time_in(events)
        self.self_cpu_time_total = sum(e.duration - e.in_children for e in events) / 1000
        self.cpu_time = self.cpu_time_total / self.count
        self.cpu_memory_usage = self.self_cpu_memory_usage = sum(e.bytes for e in events)
        self.input_shapes, self.stack = events[0].shapes, events[0].stack

    def cells(self, whole: float) -> list[str]:
        share = f"{100 * self.self_cpu_time_total / whole:.1f} %" if whole else ""
        return [self.key, _time(self.self_cpu_time_total), share, _time(self.cpu_time_total), _time(self.cpu_time),
                str(self.count), size_of(self.cpu_memory_usage)]

    HEAD = ("Name", "Self time", "Self %", "Total time", "Mean time", "Calls", "New memory")


class ModuleAverage:
    """All calls of one module. Times are in microseconds; `backward_time` is that of the module's ops."""

    def __init__(self, key: str, calls: list[Event], gradients: list[Event], ops: list[Event]) -> None:
        self.key, self.count = key, len(calls)
        self.forward_time, self.backward_time = time_in(calls), time_in(gradients)
        self.total_time = self.forward_time + self.backward_time
        self.memory_usage = sum(e.bytes for e in ops)

    def cells(self, whole: float) -> list[str]:
        return [self.key, _time(self.forward_time), _time(self.backward_time), _time(self.total_time),
                str(self.count), size_of(self.memory_usage)]

    HEAD = ("Module", "Forward", "Backward", "Total", "Calls", "New memory")


class Averages(list[Any]):
    """A list that prints as a table."""

    @property
    def self_cpu_time_total(self) -> float:
        """The microseconds of all calls together."""
        return sum(row.self_cpu_time_total for row in self)

    def total_average(self) -> Average:
        """All calls as one row.

        Errors: ValueError if there are none.
        """
        if not self:
            raise ValueError("total_average: nothing was recorded")
        return Average("Total", [event for row in self for event in row.events])

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
              max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
              top_level_events_only: bool = False) -> str:
        """At most `row_limit` rows (-1: all), the largest first by an attribute such as "self_cpu_time_total".

        `header` stands above; names are cut to `max_name_column_width`. The widths of other columns, and
        `top_level_events_only`, are accepted as in PyTorch. Errors: ValueError for an attribute that the rows do not
        have.
        """
        if not self:
            return "(nothing was recorded)"
        head, rows = self._table(sort_by, row_limit)
        rows = [[row[0][:max_name_column_width] if max_name_column_width > 0 else row[0], *row[1:]] for row in rows]
        return table(head, rows) if header is None else f"{header}\n{table(head, rows)}"

    def _table(self, sort_by: str | None = None, row_limit: int = 100) -> tuple[list[str], list[list[str]]]:
        rows = list(self)
        if sort_by is not None:
            numbers = [name for name in dir(rows[0]) if isinstance(getattr(rows[0], name), (int, float))]
            if sort_by not in numbers:
                raise ValueError(f"table: expected sort_by to be one of {', '.join(numbers)}, but got {sort_by!r}")
            rows.sort(key=lambda row: -getattr(row, sort_by))
        whole = sum(getattr(row, "self_cpu_time_total", 0.0) for row in rows)
        return list(rows[0].HEAD), [row.cells(whole) for row in (rows if row_limit < 0 else rows[:row_limit])]

    __str__ = table     # type: ignore[assignment]

    def _repr_html_(self) -> str:
        return html_table(*self._table()) if self else "(nothing was recorded)"


def time_in(events: list[Event]) -> float:
    """The microseconds of all calls together; a call inside another one is counted once."""
    several = set(events)
    total = 0
    for event in events:
        around = event.inside
        while around is not None and around not in several:
            around = around.inside
        total += event.duration if around is None else 0
    return total / 1000


def _time(microseconds: float) -> str:
    return size_of(microseconds, ("us", "ms", "s"), 1000)
