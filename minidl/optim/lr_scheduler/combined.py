"""Schedules of schedules: several at once, or one after another."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

from minidl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minidl.optim.lr_scheduler.scheduler import LRScheduler
from minidl.optim.optimizer import Optimizer


class ChainedScheduler(LRScheduler):
    """Several schedules at once; each starts from the rates of the schedule before it.

    Args:
        schedulers: schedules of one optimizer.
        optimizer: this optimizer, which may be left out.

    Errors: ValueError if there is no schedule, or one is of another optimizer.
    """

    _required: ClassVar[set[str]] = {"_schedulers"}

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._schedulers = list(schedulers)
        self.optimizer = _common_optimizer(self, self._schedulers, optimizer)
        self.base_lrs = self._schedulers[0].base_lrs
        self.last_epoch = self._schedulers[0].last_epoch
        self._step_count = 1
        self._store_last_lr()

    def _set_epoch(self, epoch: int) -> None:
        self._step_count += 1
        self.last_epoch = epoch
        for scheduler in self._schedulers:
            scheduler._set_epoch(epoch)
        self._store_last_lr()

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
        super()._load({"last_epoch": self._schedulers[0].last_epoch, **saved})     # PyTorch does not save it


class SequentialLR(ChainedScheduler):
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
        self._schedulers = list(schedulers)
        self.optimizer = _common_optimizer(self, self._schedulers, optimizer)
        for i, scheduler in enumerate(self._schedulers):
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"SequentialLR does not support `ReduceLROnPlateau` scheduler: its step() needs a "
                                 f"metric; got one at index {i}")
        if len(milestones) != len(self._schedulers) - 1:
            raise ValueError(f"Sequential Schedulers expects number of schedulers provided to be one more than the "
                             f"number of milestone points, but got number of schedulers {len(self._schedulers)} and "
                             f"the number of milestones to be equal to {len(milestones)}")
        self._milestones = list(milestones)
        self.base_lrs = self._schedulers[0].base_lrs
        self._step_count = 0
        for scheduler in self._schedulers:          # each set its first rates when it was made: undo this
            scheduler._step_count, scheduler.last_epoch = 0, -1
        self._reset()
        self._set_epoch(last_epoch + 1)

    def _set_epoch(self, epoch: int) -> None:
        self._step_count += 1
        self.last_epoch = epoch
        turn = bisect_right(self._milestones, epoch)
        scheduler = self._schedulers[turn]
        local = epoch - self._milestones[turn - 1] if turn else epoch
        if local == 0:
            scheduler._reset()
        scheduler._set_epoch(local)
        self._store_last_lr()


def _common_optimizer(who: LRScheduler, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
    name = type(who).__name__
    if not schedulers:
        raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
    optimizer = optimizer or schedulers[0].optimizer
    for i, scheduler in enumerate(schedulers):
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                             f"{type(scheduler).__name__} at index {i} with another {type(optimizer).__name__}.")
    return optimizer
