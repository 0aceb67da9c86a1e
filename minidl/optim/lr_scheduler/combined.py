"""Schedules of schedules: several at once, or one after another."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

from minidl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minidl.optim.lr_scheduler.scheduler import LRScheduler, set_entry
from minidl.optim.optimizer import Optimizer


class _Combined(LRScheduler):
    """A schedule that steps others; it has no rates of its own."""

    _required: ClassVar[set[str]] = {"_schedulers"}
    _schedulers: Sequence[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def _check_saved(self, saved: Any) -> None:
        super()._check_saved(saved)
        parts = saved["_schedulers"]
        if len(parts) != len(self._schedulers):
            raise ValueError(f"{type(self).__name__}: the loaded state has {len(parts)} schedulers, expected "
                             f"{len(self._schedulers)}")
        for scheduler, part in zip(self._schedulers, parts):
            scheduler._check_saved(part)

    def _load(self, saved: dict[str, Any]) -> None:
        for scheduler, part in zip(self._schedulers, saved.pop("_schedulers")):
            scheduler.load_state_dict(part)
        super()._load(saved)


class ChainedScheduler(_Combined):
    """Several schedules at once; each starts from the rates of the schedule before it.

    Args:
        schedulers: schedules of one optimizer.
        optimizer: this optimizer, which may be left out.

    Errors: ValueError if there is no schedule, or one is of another optimizer or a ReduceLROnPlateau.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = _common_optimizer(self, schedulers, optimizer)
        self._schedulers = schedulers
        self._store_last_lr()

    def step(self) -> None:  # type: ignore[override]
        for scheduler in self._schedulers:
            scheduler.step()
        self._store_last_lr()

    # as a part of another schedule:

    def _begin(self) -> None:
        for scheduler in self._schedulers:
            scheduler._begin()
        self._store_last_lr()

    _initial_step = _begin

    def _update_lr(self, epoch: int | None = None) -> None:     # in a SequentialLR, when its turn has come
        for group in self.optimizer.param_groups:
            set_entry(group, "lr", group["initial_lr"])
        self._begin()


class SequentialLR(_Combined):
    """Several schedules one after the other; each begins from the initial rates.

    Args:
        schedulers: schedules of one optimizer.
        milestones: the epochs at which the second, the third, ... begin.

    Errors: ValueError if there is no schedule, one is of another optimizer or a ReduceLROnPlateau, or the milestones
    are not one fewer than the schedules.

        >>> import minidl
        >>> from minidl import optim
        >>> from minidl.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> warm_up = LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> scheduler = SequentialLR(optimizer, [warm_up, ExponentialLR(optimizer, 0.5)], milestones=[2])
        >>> rates = []
        >>> for epoch in range(5):
        ...     optimizer.step()
        ...     rates += scheduler.get_last_lr()
        ...     scheduler.step()
        >>> rates
        [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
                 last_epoch: int = -1) -> None:
        self.optimizer = _common_optimizer(self, schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"Sequential Schedulers expects number of schedulers provided to be one more than the "
                             f"number of milestone points, but got number of schedulers {len(schedulers)} and "
                             f"the number of milestones to be equal to {len(milestones)}")
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            set_entry(group, "lr", group["initial_lr"])
        self.recursive_undo()                           # each schedule has set its first rates when it was made
        self._initial_step()

    def recursive_undo(self, sched: LRScheduler | None = None) -> None:
        """Take all schedules, or those of `sched`, back by one epoch."""
        sched = sched or self
        if isinstance(sched, _Combined):
            for scheduler in sched._schedulers:
                self.recursive_undo(scheduler)
        else:
            sched.last_epoch -= 1

    def _initial_step(self) -> None:
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _begin(self) -> None:                                   # in another schedule
        self.last_epoch = 0
        self._initial_step()

    def _update_lr(self, epoch: int | None = None) -> None:     # in a SequentialLR, when its turn has come
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._update_lr(0)
        self._last_lr = first.get_last_lr()


def _common_optimizer(who: LRScheduler, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
    name = type(who).__name__
    if not schedulers:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    optimizer = optimizer or schedulers[0].optimizer
    for i, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{name} does not support `ReduceLROnPlateau` scheduler: its step() needs a metric; got "
                             f"one at index {i}")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                             f"{type(scheduler).__name__} at index {i} with another {type(optimizer).__name__}.")
    return optimizer
