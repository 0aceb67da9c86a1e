"""Schedules that go up and down."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from minidl.optim.lr_scheduler.scheduler import LRScheduler, attributes_of, set_entry, within_step
from minidl.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate down to `eta_min` in `T_max` epochs, then up again.

        lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * epoch/T_max)) / 2

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
        >>> rates = []
        >>> for epoch in range(5):
        ...     optimizer.step()
        ...     rates.append(round(scheduler.get_last_lr()[0], 3))
        ...     scheduler.step()
        >>> rates
        [1.0, 0.854, 0.5, 0.146, 0.0]

    Source: Loshchilov, Hutter: SGDR, arXiv:1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        epoch, T, low = self.last_epoch, self.T_max, self.eta_min
        if self._is_initial:
            return self._current_lrs()
        if self._step_count == 1:                   # going on from another schedule
            return self._get_closed_form_lr()
        now, before = 1 + math.cos(math.pi * epoch / T), 1 + math.cos(math.pi * (epoch - 1) / T)
        if (epoch - 1 - T) % (2 * T) == 0:          # the rate before was the lowest: no factor leads to the next
            return [lr + (base - low) * (1 - math.cos(math.pi / T)) / 2
                    for lr, base in zip(self._current_lrs(), self.base_lrs)]
        return [low + (lr - low) * now / before for lr in self._current_lrs()]

    def _get_closed_form_lr(self) -> Sequence[float]:
        wave = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min` in `T_0` epochs, then restarts, each `T_mult` times as long.

    `step(epoch)` also takes a fraction: `scheduler.step(epoch + batch / batches)` after every batch.

    Source: Loshchilov, Hutter: SGDR, arXiv:1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0                      # epochs from the last restart to the next
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch      # epochs since the last restart
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        wave = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:  # type: ignore[override]
        """Go to the next epoch, or to `epoch`, which may be a fraction."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
            self.last_epoch += 1
        else:
            self.T_cur, self.T_i = epoch, self.T_0
            if self.T_mult == 1:
                self.T_cur %= self.T_0
            while self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
            self.last_epoch = math.floor(epoch)
        self._set_rates(self.get_lr)


class _MomentumCycle(LRScheduler):
    """A schedule that lowers the momentum, or Adam's beta1, when it raises the rate, and conversely."""

    cycle_momentum: bool

    def _set_bounds(self, base_momentum: float | list[float], max_momentum: float | list[float],
                    begins: bool) -> tuple[list[float], list[float]]:
        """The bounds for each group, which has them from the beginning."""
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in defaults
        lows = self._per_group("base_momentum", base_momentum)
        highs = self._per_group("max_momentum", max_momentum)
        if begins:
            self._set_momentums(highs)
            for group, low, high in zip(self.optimizer.param_groups, lows, highs):
                group.update(base_momentum=low, max_momentum=high)
        return lows, highs

    def _set_momentums(self, momentums: Sequence[float]) -> None:
        for group, momentum in zip(self.optimizer.param_groups, momentums):
            if self.use_beta1:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class CyclicLR(_MomentumCycle):
    """Rates that go up and down between two bounds; step it once a batch.

    Args:
        base_lr, max_lr: the bounds, one for all groups or a list with one for each.
        step_size_up: the number of batches on the way up.
        step_size_down: the number of batches on the way down; None is `step_size_up`.
        mode: "triangular" keeps the height, "triangular2" halves it every cycle, "exp_range" multiplies it by
            `gamma` every batch.
        gamma: for "exp_range".
        scale_fn: a function instead of `mode`: the height is multiplied by its value.
        scale_mode: whether `scale_fn` takes the number of the "cycle", from 1, or of the batch ("iterations").
        cycle_momentum: move the momentum from `max_momentum` down to `base_momentum` and back.

    Source: Smith: Cyclical learning rates for training neural networks, arXiv:1506.01186.
    """

    _required: ClassVar[set[str]] = {"last_epoch", "_scale_fn_custom"}

    def __init__(self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
                 step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
                 gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: float | list[float] = 0.8,
                 max_momentum: float | list[float] = 0.9, last_epoch: int = -1) -> None:
        self.optimizer = self._checked(optimizer)
        starts = self._per_group("base_lr", base_lr)
        if scale_fn is None:
            if mode not in ("triangular", "triangular2", "exp_range"):
                raise ValueError("mode is invalid and scale_fn is None")
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.max_lrs = self._per_group("max_lr", max_lr)
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, starts):
                set_entry(group, "lr", lr)
                group["initial_lr"] = lr
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._set_bounds(base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = starts

    @within_step
    def get_lr(self) -> Sequence[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle                       # 0 to 1 in a cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            self._set_momentums([high - (high - low) * height
                                 for low, high in zip(self.base_momentums, self.max_momentums)])
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def scale_fn(self, x: float) -> float:
        """The factor of the height, at the number of the cycle or of the batch."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return float(self.gamma ** x)
        return float(0.5 ** (x - 1)) if self.mode == "triangular2" else 1.0

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_scale_fn_custom": attributes_of(self._scale_fn_custom)}

    def _load(self, saved: dict[str, Any]) -> None:
        attributes = saved.pop("_scale_fn_custom")
        if attributes is not None:
            vars(self._scale_fn_custom).update(attributes)
        super()._load(saved)


class OneCycleLR(_MomentumCycle):
    """One rise to a high rate and a long fall far below the start; step it once a batch.

    Args:
        max_lr: the highest rate, one for all groups or a list with one for each.
        total_steps: the number of all batches; or give `epochs` and `steps_per_epoch`.
        pct_start: the share of the batches during which the rate rises.
        anneal_strategy: "cos", along half a cosine, or "linear", along a line.
        cycle_momentum: move the momentum from `max_momentum` down to `base_momentum` and back.
        div_factor: the start is max_lr / div_factor.
        final_div_factor: the end is the start / final_div_factor.
        three_phase: fall to the start as fast as it rose, and then to the end.

    Errors: ValueError if the number of steps is not given, or if `step` exceeds it.

    Source: Smith, Topin: Super-convergence, arXiv:1708.07120.
    """

    def __init__(self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True,
                 base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1) -> None:
        self.optimizer = self._checked(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
            _check_count("epochs", epochs)
            _check_count("steps_per_epoch", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        _check_count("total_steps", total_steps)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self.total_steps = total_steps
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        top = float(pct_start * total_steps) - 1
        ends = [top, 2 * top, total_steps - 1] if three_phase else [top, total_steps - 1]
        rates = ["initial_lr", "max_lr", *(["initial_lr"] if three_phase else []), "min_lr"]
        momentums = ["base_momentum" if rate == "max_lr" else "max_momentum" for rate in rates]  # low where it is high
        # the batch at which each phase ends, and the entries of a group between which it interpolates
        self._schedule_phases: list[dict[str, Any]] = [
            {"end_step": end, "start_lr": rates[i], "end_lr": rates[i + 1], "start_momentum": momentums[i],
             "end_momentum": momentums[i + 1]} for i, end in enumerate(ends)]
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, self._per_group("max_lr", max_lr)):
                low = high / div_factor
                group.update(initial_lr=low, max_lr=high, min_lr=low / final_div_factor)
        if cycle_momentum:
            self._set_bounds(base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        step, groups = self.last_epoch, self.optimizer.param_groups
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        begin, phases = 0.0, self._schedule_phases
        for phase in phases:
            end = phase["end_step"]
            if step <= end or phase is phases[-1]:
                break
            begin = end
        share = (step - begin) / (end - begin)
        if self.cycle_momentum:
            before, after = phase["start_momentum"], phase["end_momentum"]
            self._set_momentums([self._interpolate(group[before], group[after], share) for group in groups])
        before, after = phase["start_lr"], phase["end_lr"]
        return [self._interpolate(group[before], group[after], share) for group in groups]

    def _interpolate(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        return start + (end - start) * share


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
