"""The LRScheduler: the steps from epoch to epoch, which all schedules share."""
from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from minidl.backend.warn import warn
from minidl.optim.optimizer import Optimizer
from minidl.tensors.tensor import Tensor

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. If epoch is different from None, the closed form is used instead of the "
    "new chainable form, where available.")

_PER_GROUP = {"base_lrs", "lr_lambdas", "min_lrs", "max_lrs", "base_momentums", "max_momentums"}
"""The attributes of a schedule that are lists with an entry for every group."""


class LRScheduler:
    """Base class of the schedules; a new one defines `get_lr`, and perhaps `_get_closed_form_lr`.

    Args:
        optimizer: the optimizer whose `param_groups` are changed. The first rate of a group is kept as `initial_lr`.
        last_epoch: where to continue; -1 is the beginning.

    Errors: TypeError if `optimizer` is no Optimizer, KeyError when continuing with groups without `initial_lr`.
    """

    _required: ClassVar[set[str]] = {"last_epoch"}
    """The entries that a saved state must have."""

    _is_initial = False
    """Whether the step is the first, which the schedule makes itself: the groups have their rates already."""

    _get_lr_called_within_step = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = self._checked(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copy_of(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler "
                               f"with last_epoch >= 0; load the optimizer's state first, or leave last_epoch at -1")
        self.base_lrs: list[float] = [copy_of(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _checked(self, optimizer: Any) -> Optimizer:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer; try "
                            f"{type(self).__name__}(optimizer, ...)")
        return optimizer

    def _begin(self) -> None:
        """Set the first rates once more, from the present ones."""
        self.last_epoch = -1
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the first rates."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> Sequence[float]:
        """The rates of the groups at `self.last_epoch`. The groups still have the rates of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[float]:
        """The present rates of the groups."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or to `epoch`: at once where the rate is a function of the epoch alone."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                 "schedule was never used. Call optimizer.step() first.")
        self._step_count += 1
        if epoch is not None:
            warn(EPOCH_DEPRECATION_WARNING)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the rates of the next epoch, or of `epoch`."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        chainable: Callable[[], Sequence[float]] = self.get_lr
        self._set_rates(chainable if epoch is None else getattr(self, "_get_closed_form_lr", chainable))

    def _set_rates(self, rates: Callable[[], Sequence[float]]) -> None:
        self._get_lr_called_within_step = True
        try:
            values = rates()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, values):
            set_entry(group, "lr", lr)
        self._store_last_lr()

    def _store_last_lr(self) -> None:
        self._last_lr: list[float] = self._current_lrs()

    def _current_lrs(self) -> list[float]:
        return [copy_of(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _of_base(self, factor: float) -> list[float]:
        return [lr * factor for lr in self.base_lrs]

    def _per_group(self, name: str, value: Any) -> list[Any]:
        """`value` for each group. Errors: ValueError if it is a list of another length."""
        count = len(self.optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [copy_of(value) for _ in range(count)]
        if len(value) != count:
            raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
                             f"values, param_groups has {count}.")
        return list(map(copy_of, value))

    def state_dict(self) -> dict[str, Any]:
        """The attributes of the schedule, without the optimizer and plain functions."""
        return {name: value for name, value in vars(self).items() if name != "optimizer" and not callable(value)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the `state_dict()` of such a schedule, to continue from there. The optimizer loads its own state.

        Errors: TypeError if it is no dict, KeyError if it is no state dict of such a schedule, ValueError if it has
        rates for another number of groups. After an error nothing is loaded.
        """
        self._check_saved(state_dict)
        self._load(dict(state_dict))

    def _check_saved(self, saved: Any) -> None:
        who = type(self).__name__
        if not isinstance(saved, Mapping):
            raise TypeError(f"{who}: Expected state_dict to be dict-like, got {type(saved)}")
        if not self._required <= saved.keys():
            raise KeyError(f"{who}: expected the state dict of such a schedule, with {sorted(self._required)}, but got "
                           f"the keys {list(saved)}")
        for name in _PER_GROUP & saved.keys() & vars(self).keys():
            if len(saved[name]) != len(getattr(self, name)):
                raise ValueError(f"{who}: the loaded {name} has {len(saved[name])} values, expected "
                                 f"{len(getattr(self, name))}, one for each of the optimizer's parameter groups")

    def _load(self, saved: dict[str, Any]) -> None:
        vars(self).update(saved)


def within_step(get_lr: Callable[[Any], Sequence[float]]) -> Callable[[Any], Sequence[float]]:
    """`get_lr` with a warning if it is called from outside, where it computes the rate after the present one."""
    @functools.wraps(get_lr)
    def wrapper(self: LRScheduler) -> Sequence[float]:
        if not self._get_lr_called_within_step:
            warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.")
        return get_lr(self)
    return wrapper


def copy_of(value: Any) -> Any:
    """A rate, which is copied if it is a Tensor."""
    return value.clone() if isinstance(value, Tensor) else value


def set_entry(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an entry of a group; a Tensor is written in place."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value.squeeze() if isinstance(value, Tensor) else value)
    else:
        group[name] = value


def attributes_of(function: Any) -> dict[str, Any] | None:
    """The attributes of a callable object, which are saved; None for a plain function."""
    return dict(vars(function)) if not hasattr(function, "__code__") and hasattr(function, "__dict__") else None
