"""Schedules that multiply the rate by a factor, epoch by epoch."""
from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from minidl.optim.lr_scheduler.scheduler import LRScheduler, attributes_of, within_step
from minidl.optim.optimizer import Optimizer


class _OfFunctions(LRScheduler):
    """Base class of LambdaLR and MultiplicativeLR: a function of the epoch for each group."""

    _required: ClassVar[set[str]] = {"last_epoch", "lr_lambdas"}

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise ValueError(f"Expected {count} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["lr_lambdas"] = [attributes_of(f) for f in self.lr_lambdas]
        return state

    def _load(self, saved: dict[str, Any]) -> None:
        for function, attributes in zip(self.lr_lambdas, saved.pop("lr_lambdas")):
            if attributes is not None:
                vars(function).update(attributes)
        super()._load(saved)


class LambdaLR(_OfFunctions):
    """The initial rate times a function of the epoch: `lr = initial_lr * lr_lambda(epoch)`.

    Args:
        lr_lambda: one function for all groups or a list with one for each. The attributes of a callable object that is
            no plain function are saved in `state_dict`.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=0.5)
        >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
        [0.25]
    """

    @within_step
    def get_lr(self) -> Sequence[float]:
        return [base * function(self.last_epoch) for base, function in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(_OfFunctions):
    """The previous rate times a function of the epoch: `lr = lr * lr_lambda(epoch)` from epoch 1 on.

    Args:
        lr_lambda: as LambdaLR's.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        for function in lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda]:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, lr_lambda, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        if self._is_initial:
            return self._current_lrs()
        return [lr * function(self.last_epoch) for lr, function in zip(self._current_lrs(), self.lr_lambdas)]


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        >>> rates = []
        >>> for epoch in range(5):
        ...     optimizer.step()
        ...     rates += scheduler.get_last_lr()
        ...     scheduler.step()
        >>> rates
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma) if due else self._current_lrs()

    def _get_closed_form_lr(self) -> Sequence[float]:
        return self._of_base(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each epoch in `milestones`."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        times = self.milestones[self.last_epoch]
        return self._scaled(self.gamma ** times) if times else self._current_lrs()

    def _get_closed_form_lr(self) -> Sequence[float]:
        return self._of_base(self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch))


class ExponentialLR(LRScheduler):
    """The rate times `gamma` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        return self._current_lrs() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> Sequence[float]:
        return self._of_base(self.gamma ** self.last_epoch)


class ConstantLR(LRScheduler):
    """The rate times `factor` for the first `total_iters` epochs, then the rate itself."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5,
                 last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1. Got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch != self.total_iters:
            return self._current_lrs()
        return self._scaled(1 / self.factor) if self.factor else self.base_lrs

    def _get_closed_form_lr(self) -> Sequence[float]:
        return self._of_base(self.factor if self.last_epoch < self.total_iters else 1)


class LinearLR(LRScheduler):
    """The rate times a factor that goes from `start_factor` to `end_factor` in `total_iters` epochs.

    It is mostly used as a warm-up, and may be stepped once a batch.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> rates = []
        >>> for epoch in range(4):
        ...     optimizer.step()
        ...     rates += scheduler.get_last_lr()
        ...     scheduler.step()
        >>> rates
        [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
                 total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"Starting multiplicative factor expected to be greater than 0 and less or equal to 1. "
                             f"Got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1. Got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise    # previous factor, times total
        return self._scaled(1 + rise / before)

    def _get_closed_form_lr(self) -> Sequence[float]:
        share = min(self.total_iters, self.last_epoch) / self.total_iters
        return self._of_base(self.start_factor + (self.end_factor - self.start_factor) * share)


class PolynomialLR(LRScheduler):
    """The initial rate times `(1 - epoch/total_iters)^power`, then 0."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._current_lrs()
        left = self.total_iters - self.last_epoch
        return self._scaled((left / (left + 1)) ** self.power)

    def _get_closed_form_lr(self) -> Sequence[float]:
        return self._of_base((1 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power)
