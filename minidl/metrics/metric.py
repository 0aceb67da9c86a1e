"""Metric: the base class of values computed batch by batch over a data set."""
from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import minidl.distributed as dist
from minidl.autograd.grad_mode import no_grad
from minidl.backend.warn import warn
from minidl.ops.elementwise import maximum, minimum
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor

M = TypeVar("M", bound="Metric")
State: TypeAlias = Tensor | list[Tensor]

MERGE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": lambda a, b: a + b,
    "max": maximum,
    "min": minimum,
    "cat": lambda a, b: cat([a, b]),
}


class Metric:
    """Base class of all metrics.

    Call `update` with each batch, `compute` at the end, and `reset` before the next epoch. Calling a metric updates it,
    and returns the value of this batch alone. `merge_state` joins two metrics that have seen parts of a data set, and
    `sync` those of all ranks of `minidl.distributed`.

    A metric of your own declares its states in `__init__` by `add_state`, and defines `update` and `compute`:

        >>> import minidl
        >>> from minidl.metrics import Metric
        >>> class MeanError(Metric):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.add_state("total", minidl.tensor(0.0), "sum")
        ...         self.add_state("count", minidl.tensor(0), "sum")
        ...     def update(self, preds, target):
        ...         self.total += (preds - target).abs().sum()
        ...         self.count += target.numel()
        ...     def compute(self):
        ...         return self.total / self.count
        >>> metric, elsewhere = MeanError(), MeanError()
        >>> metric(minidl.tensor([1., 2.]), minidl.tensor([1., 4.]))
        tensor(1.)
        >>> elsewhere.update(minidl.tensor([3.]), minidl.tensor([7.]))
        >>> metric.merge_state(elsewhere)
        >>> metric.compute()
        tensor(2.)
    """

    higher_is_better: bool | None = None
    update_count: int       # since the last reset

    def __init__(self) -> None:
        self._defaults: dict[str, State] = {}
        self._merges: dict[str, str] = {}
        self.update_count = 0

    def __init_subclass__(cls) -> None:
        if "update" in cls.__dict__:
            cls.update = _count_updates(cls.__dict__["update"])             # type: ignore[method-assign]
        if "compute" in cls.__dict__:
            cls.compute = _warn_before_update(cls.__dict__["compute"])       # type: ignore[method-assign]

    def add_state(self, name: str, default: State, dist_reduce_fx: str) -> None:
        """Declare the attribute `name`, which `reset` sets to `default`.

        dist_reduce_fx: how `merge_state` joins the states of two metrics: "sum", "max", "min", or "cat". A state that
        is an empty list takes tensors by `append`; the lists are joined.
        Errors: ValueError for another dist_reduce_fx, and for a list that is not empty.
        """
        if dist_reduce_fx not in MERGE:
            raise ValueError(f"add_state: expected dist_reduce_fx to be one of {', '.join(MERGE)}, but got "
                             f"{dist_reduce_fx!r}")
        if not isinstance(default, Tensor) and default != []:
            raise ValueError(f"add_state: expected a tensor or an empty list for {name!r}, but got {default!r}")
        self._defaults[name], self._merges[name] = default, dist_reduce_fx
        setattr(self, name, copy.copy(default) if isinstance(default, list) else default.clone())

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError

    def compute(self) -> Any:
        """The value over all batches since the last reset."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget all batches."""
        for name, default in self._defaults.items():
            setattr(self, name, copy.copy(default) if isinstance(default, list) else default.clone())
        self.update_count = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch, and return the value of this batch alone."""
        batch = self.clone()
        batch.reset()
        batch.update(*args, **kwargs)
        self._learn_from(batch)
        self._merge(batch.metric_state)
        self.update_count += 1
        return batch.compute()

    def clone(self: M) -> M:
        """An independent copy that has seen the same batches."""
        other = copy.copy(self)
        for name, state in self.metric_state.items():
            setattr(other, name, list(state) if isinstance(state, list) else state.clone())
        return other

    @property
    def metric_state(self) -> dict[str, State]:
        """All states by name."""
        return {name: getattr(self, name) for name in self._defaults}

    def merge_state(self, incoming_state: Mapping[str, State] | Metric) -> None:
        """Take in what another metric of this kind has seen.

        incoming_state: that metric, or its `metric_state`.
        Errors: ValueError for a metric of another kind, and for other states.
        """
        if isinstance(incoming_state, Metric):
            if type(incoming_state) is not type(self):
                raise ValueError(f"merge_state: expected {type(self).__name__}, but got "
                                 f"{type(incoming_state).__name__}")
            self._learn_from(incoming_state)
            self._merge(incoming_state.metric_state)
            self.update_count += incoming_state.update_count
            return
        if not isinstance(incoming_state, Mapping):
            raise ValueError(f"merge_state: expected a dict of states or {type(self).__name__}, but got "
                             f"{type(incoming_state).__name__}")
        if set(incoming_state) != set(self._defaults):
            raise ValueError(f"merge_state: expected the states {', '.join(self._defaults)}, but got "
                             f"{', '.join(map(str, incoming_state))}")
        self._merge(incoming_state)
        self.update_count += 1

    def sync(self, process_group: Any = None) -> None:
        """Take in what the metrics of all ranks have seen; then all ranks compute the value of the whole data set.

        All ranks of the group call it once, after their last batch. Errors: ValueError before
        `distributed.init_process_group`.
        """
        mine = {name: value for name, value in vars(self).items()
                if name in self._defaults or value is None or isinstance(value, (bool, int, float, str))}
        found: list[Any] = [None] * dist.get_world_size(process_group)
        dist.all_gather_object(found, mine, process_group)
        self.reset()
        for theirs in found:
            other = copy.copy(self)
            vars(other).update(theirs)
            self.merge_state(other)

    def _learn_from(self, other: Metric) -> None:
        """Copy what another metric found out about the data, apart from states."""

    @no_grad()
    def _merge(self, states: Mapping[str, State]) -> None:
        for name, theirs in states.items():
            ours = getattr(self, name)
            if isinstance(ours, list):
                merged: State = ours + (list(theirs) if isinstance(theirs, list) else [theirs])
            elif isinstance(theirs, list):
                raise ValueError(f"merge_state: expected {name!r} to be a tensor, but got a list")
            else:
                merged = MERGE[self._merges[name]](ours.to(theirs.device), theirs)
            setattr(self, name, merged)

    def add(self, **numbers: Tensor) -> None:
        """Add to the states of these names, for `update`. They move to the numbers' device."""
        for name, number in numbers.items():
            setattr(self, name, getattr(self, name).to(number.device) + number)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _count_updates(update: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(update)
    def counted(self: Metric, *args: Any, **kwargs: Any) -> None:
        with no_grad():
            update(self, *args, **kwargs)
        self.update_count += 1
    return counted


def _warn_before_update(compute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compute)
    def computed(self: Metric) -> Any:
        if not self.update_count:
            warn(f"{type(self).__name__}.compute was called before update; there is nothing to compute from")
        with no_grad():
            return compute(self)
    return computed
