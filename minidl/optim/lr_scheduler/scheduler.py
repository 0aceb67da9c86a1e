"""The LRScheduler: the steps from epoch to epoch, which all schedules share."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from minidl.backend.warn import warn
from minidl.optim.optimizer import Optimizer

_PER_GROUP = {"base_lrs", "lr_lambdas", "min_lrs", "max_lrs", "base_momentums", "max_momentums"}
"""The attributes of a schedule that are lists with an entry for every group."""


class LRScheduler:
    """Base class of the schedules; a new one defines `get_lr`.

    Args:
        optimizer: the optimizer whose `param_groups` are changed. The first rate of a group is kept as `initial_lr`.
        last_epoch: where to continue; -1 is the beginning.

    Errors: TypeError if `optimizer` is no Optimizer, KeyError when continuing with groups without `initial_lr`.
    """

    _required: ClassVar[set[str]] = {"last_epoch"}
    """The entries that a saved state must have."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer; try "
                            f"{type(self).__name__}(optimizer, ...)")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler "
                               f"with last_epoch >= 0; load the optimizer's state first, or leave last_epoch at -1")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._set_epoch(last_epoch + 1)

    def get_lr(self) -> Sequence[float]:
        """The rates of the groups at `self.last_epoch`. The groups still have the rates of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[float]:
        """The present rates of the groups."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or restart and go to `epoch`."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                 "schedule was never used. Call optimizer.step() first.")
        if epoch is None:
            self._set_epoch(self.last_epoch + 1)
        else:
            self._reset()
            for e in range(epoch + 1):
                self._set_epoch(e)

    def _set_epoch(self, epoch: int) -> None:
        """Set the rates of `epoch`, the one after the present epoch."""
        self._step_count += 1
        self.last_epoch = epoch
        for group, lr in zip(self.optimizer.param_groups, self.get_lr()):
            group["lr"] = lr
        self._store_last_lr()

    def _store_last_lr(self) -> None:
        self._last_lr: list[float] = self._current_lrs()

    def _reset(self) -> None:
        """Set the rates of the groups to the initial rates."""
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = lr

    @property
    def _is_initial(self) -> bool:
        """Whether the groups have the right rates already: at epoch 0, or where a schedule continues."""
        return self.last_epoch == 0 or self._step_count == 1

    def _current_lrs(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _per_group(self, name: str, value: Any) -> list[Any]:
        """`value` for each group. Errors: ValueError if it is a list of another length."""
        count = len(self.optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [value] * count
        if len(value) != count:
            raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
                             f"values, param_groups has {count}.")
        return list(value)

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


def attributes_of(function: Any) -> dict[str, Any] | None:
    """The attributes of a callable object, which are saved; None for a plain function."""
    return dict(vars(function)) if not hasattr(function, "__code__") and hasattr(function, "__dict__") else None
