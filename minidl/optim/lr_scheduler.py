"""Schedules that change an optimizer's learning rates while training.

Most schedules say how the present rate follows from the one before, so that several can work on one optimizer. They
are stepped after the optimizer: once an epoch, or where so noted once a batch.
"""
from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from minidl.optim.optimizer import Optimizer

__all__ = ["ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
           "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
           "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR"]


class LRScheduler:
    """Base class of the schedules; a new one defines `get_lr`.

    Args:
        optimizer: whose `param_groups` are to be changed. Each group's rate at the start is kept as `initial_lr`.
        last_epoch: where to continue; -1 is the beginning.

    Errors: TypeError if `optimizer` is none, KeyError when continuing with groups that have no `initial_lr`.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
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
        self._go_to(last_epoch + 1)

    def get_lr(self) -> Sequence[float]:
        """The rates of the groups at `self.last_epoch`. The groups still have those of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[float]:
        """The present rates of the groups."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch, or begin anew and go to `epoch`."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                          "schedule was never used. Call optimizer.step() first.", stacklevel=2)
        if epoch is None:
            self._go_to(self.last_epoch + 1)
        else:
            self._reset()
            for e in range(epoch + 1):
                self._go_to(e)

    def _go_to(self, epoch: int) -> None:
        """Set the rates of `epoch`, which follows the present one."""
        self._step_count += 1
        self.last_epoch = epoch
        for group, lr in zip(self.optimizer.param_groups, self.get_lr()):
            group["lr"] = lr
        self._note()

    def _note(self) -> None:
        self._last_lr: list[float] = self._present()

    def _reset(self) -> None:
        """Give the groups the rates that the schedule starts from."""
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = lr

    @property
    def _begins(self) -> bool:
        """At epoch 0, or where a schedule continues: the groups have their rates already."""
        return self.last_epoch == 0 or self._step_count == 1

    def _present(self) -> list[float]:
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
        """All that the schedule remembers, apart from the optimizer and plain functions."""
        return {name: value for name, value in vars(self).items() if name != "optimizer" and not callable(value)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the schedule stood that gave `state_dict`. The optimizer loads its own state."""
        vars(self).update(state_dict)


# ---------------------------------------------------------------------- a factor an epoch

class LambdaLR(LRScheduler):
    """The initial rate times a function of the epoch: `lr = initial_lr * lr_lambda(epoch)`.

    Args:
        lr_lambda: one function for all groups or a list with one for each. A callable object that is no plain
            function is saved in `state_dict` by its attributes.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=0.5)
        >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step(); scheduler.step(); scheduler.get_last_lr()
        [0.25]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        count = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise ValueError(f"Expected {count} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        return [base * function(self.last_epoch) for base, function in zip(self.base_lrs, self.lr_lambdas)]

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        state["lr_lambdas"] = [dict(vars(f)) if not hasattr(f, "__code__") and hasattr(f, "__dict__") else None
                               for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = dict(state_dict)
        for function, saved in zip(self.lr_lambdas, state.pop("lr_lambdas")):
            if saved is not None:
                vars(function).update(saved)
        super().load_state_dict(state)


class MultiplicativeLR(LambdaLR):
    """The rate before times a function of the epoch: `lr = lr * lr_lambda(epoch)` from epoch 1 on.

    Args:
        lr_lambda: as LambdaLR's.
    """

    def get_lr(self) -> Sequence[float]:
        if self._begins:
            return self._present()
        return [lr * function(self.last_epoch) for lr, function in zip(self._present(), self.lr_lambdas)]


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

    def get_lr(self) -> Sequence[float]:
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self._scaled(self.gamma) if due else self._present()


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each of the epochs `milestones`."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1,
                 last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        times = self.milestones[self.last_epoch]
        return self._scaled(self.gamma ** times) if times else self._present()


class ExponentialLR(LRScheduler):
    """The rate times `gamma` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        return self._present() if self._begins else self._scaled(self.gamma)


class ConstantLR(LRScheduler):
    """The rate times `factor` for the first `total_iters` epochs, then the rate itself."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5,
                 last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1. Got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch != self.total_iters:
            return self._present()
        return self._scaled(1 / self.factor) if self.factor else self.base_lrs


class LinearLR(LRScheduler):
    """The rate times a factor that goes from `start_factor` to `end_factor` in `total_iters` epochs.

    A warm-up, mostly; it may be stepped once a batch.

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

    def get_lr(self) -> Sequence[float]:
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._begins or self.last_epoch > self.total_iters:
            return self._present()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise    # factor before, times total
        return self._scaled(1 + rise / before)


class PolynomialLR(LRScheduler):
    """The initial rate times `(1 - epoch/total_iters)^power`, then 0."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        if self._begins or self.last_epoch > self.total_iters:
            return self._present()
        left = self.total_iters - self.last_epoch
        return self._scaled((left / (left + 1)) ** self.power)


# ---------------------------------------------------------------------- waves

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

    def get_lr(self) -> Sequence[float]:
        epoch, T, low = self.last_epoch, self.T_max, self.eta_min
        if self._begins:
            return self._present()
        now, before = 1 + math.cos(math.pi * epoch / T), 1 + math.cos(math.pi * (epoch - 1) / T)
        if (epoch - 1 - T) % (2 * T) == 0:          # before, the rate was lowest: there is no factor to the next
            return [lr + (base - low) * (1 - math.cos(math.pi / T)) / 2
                    for lr, base in zip(self._present(), self.base_lrs)]
        return [low + (lr - low) * now / before for lr in self._present()]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min` in `T_0` epochs, and again from the top, each time `T_mult` times as slowly.

    `step(epoch)` also takes a fraction, as `scheduler.step(epoch + batch / batches)` after every batch.

    Source: Loshchilov, Hutter: SGDR, arXiv:1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
                 last_epoch: int = -1) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        self.T_0 = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        wave = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * wave for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:  # type: ignore[override]
        """Go to the next epoch, or to `epoch`, which may be a fraction."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        self._go_to(self.last_epoch + 1 if epoch is None else epoch)

    def _go_to(self, epoch: float) -> None:
        self.T_cur, self.T_i = epoch, self.T_0      # epochs since the last restart, and until the next
        if self.T_mult == 1:
            self.T_cur %= self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        super()._go_to(math.floor(epoch))


class _MomentumCycle(LRScheduler):
    """A schedule that moves the momentum, or Adam's beta1, against the rate."""

    cycle_momentum: bool

    def _check_momentum(self) -> None:
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")

    def _set_momentums(self, momentums: Sequence[float]) -> None:
        for group, momentum in zip(self.optimizer.param_groups, momentums):
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class CyclicLR(_MomentumCycle):
    """Rates that go up and down between two bounds; to be stepped once a batch.

    Args:
        base_lr, max_lr: the bounds, of all groups or a list with one for each.
        step_size_up: batches of the way up.
        step_size_down: batches of the way down; None is as many as up.
        mode: "triangular" keeps the height, "triangular2" halves it every cycle, "exp_range" multiplies it by
            `gamma` every batch.
        gamma: for "exp_range".
        scale_fn: a function in place of `mode`: its value times the height.
        scale_mode: whether `scale_fn` takes the number of the "cycle", from 1, or of the batch ("iterations").
        cycle_momentum: move the momentum from `max_momentum` down to `base_momentum` and back.

    Source: Smith: Cyclical learning rates for training neural networks, arXiv:1506.01186.
    """

    def __init__(self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float],
                 step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular",
                 gamma: float = 1.0, scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: float | list[float] = 0.8,
                 max_momentum: float | list[float] = 0.9, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError("mode is invalid and scale_fn is None")
        starts = self._per_group("base_lr", base_lr)
        self.max_lrs = self._per_group("max_lr", max_lr)
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self.scale_fn = scale_fn
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._check_momentum()
            self.base_momentums = self._per_group("base_momentum", base_momentum)
            self.max_momentums = self._per_group("max_momentum", max_momentum)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, starts):
                group["lr"] = group["initial_lr"] = lr
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle                       # 0 to 1 in a cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self._scale(cycle)
        if self.cycle_momentum:
            self._set_momentums([high - (high - low) * height
                                 for low, high in zip(self.base_momentums, self.max_momentums)])
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]

    def _scale(self, cycle: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        return {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1)}.get(self.mode, self.gamma ** self.last_epoch)


class OneCycleLR(_MomentumCycle):
    """One rise to a high rate and a long fall far below the start; to be stepped once a batch.

    Args:
        max_lr: the top, of all groups or a list with one for each.
        total_steps: batches in all; or give `epochs` and `steps_per_epoch`.
        pct_start: the part of them that rises.
        anneal_strategy: along half a cosine, "cos", or a line, "linear".
        cycle_momentum: move the momentum from `max_momentum` down to `base_momentum` and back.
        div_factor: the start is max_lr / div_factor.
        final_div_factor: the end is the start / final_div_factor.
        three_phase: fall to the start as fast as it rose, and then to the end.

    Errors: ValueError where the number of steps is not given, or is exceeded by `step`.

    Source: Smith, Topin: Super-convergence, arXiv:1708.07120.
    """

    def __init__(self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
                 epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
                 anneal_strategy: str = "cos", cycle_momentum: bool = True,
                 base_momentum: float | list[float] = 0.85, max_momentum: float | list[float] = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
            _check_count("epochs", epochs)
            _check_count("steps_per_epoch", steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        _check_count("total_steps", total_steps)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.final_div_factor = final_div_factor
        self.max_lrs = self._per_group("max_lr", max_lr)
        if cycle_momentum:
            self._check_momentum()
            self.base_momentums = self._per_group("base_momentum", base_momentum)
            self.max_momentums = self._per_group("max_momentum", max_momentum)
        top = pct_start * total_steps - 1
        # the batches at which the phases end, and which levels they join
        self.ends = [top, 2 * top, total_steps - 1] if three_phase else [top, total_steps - 1]
        self.levels = ["start", "top", "start", "end"] if three_phase else ["start", "top", "end"]
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, self.max_lrs):
                group["initial_lr"] = high / div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Sequence[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        phase = min(bisect_right(self.ends, step - 1e-9), len(self.ends) - 1)   # a phase's end belongs to it
        begin = self.ends[phase - 1] if phase else 0.0
        share = (step - begin) / (self.ends[phase] - begin)
        here, there = self.levels[phase], self.levels[phase + 1]
        if self.cycle_momentum:
            self._set_momentums([self._between(high if here != "top" else low, high if there != "top" else low, share)
                                 for low, high in zip(self.base_momentums, self.max_momentums)])
        rates = [{"start": base, "top": high, "end": base / self.final_div_factor}
                 for base, high in zip(self.base_lrs, self.max_lrs)]
        return [self._between(rate[here], rate[there], share) for rate in rates]

    def _between(self, start: float, end: float, share: float) -> float:
        if self.anneal_strategy == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        return start + (end - start) * share


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")


# ---------------------------------------------------------------------- schedules of schedules

class ChainedScheduler(LRScheduler):
    """Several schedules at once, each on top of what the one before it has made of the rates.

    Args:
        schedulers: schedules of one optimizer.
        optimizer: that optimizer; it need not be given.

    Errors: ValueError if there is no schedule, or one is of another optimizer.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._schedulers = list(schedulers)
        self.optimizer = _common_optimizer(self, self._schedulers, optimizer)
        self.base_lrs = self._schedulers[0].base_lrs
        self.last_epoch = self._schedulers[0].last_epoch
        self._step_count = 1
        self._note()

    def _go_to(self, epoch: int) -> None:
        self._step_count += 1
        self.last_epoch = epoch
        for scheduler in self._schedulers:
            scheduler._go_to(epoch)
        self._note()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = dict(state_dict)
        for scheduler, saved in zip(self._schedulers, state.pop("_schedulers")):
            scheduler.load_state_dict(saved)
        super().load_state_dict(state)


class SequentialLR(ChainedScheduler):
    """Several schedules after another; each begins from the initial rates when its turn comes.

    Args:
        schedulers: schedules of one optimizer.
        milestones: the epochs at which the second, the third, ... take over.

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
        for scheduler in self._schedulers:          # each has set its first rates when it was made: undo that
            scheduler._step_count, scheduler.last_epoch = 0, -1
        self._reset()
        self._go_to(last_epoch + 1)

    def _go_to(self, epoch: int) -> None:
        self._step_count += 1
        self.last_epoch = epoch
        turn = bisect_right(self._milestones, epoch)
        scheduler = self._schedulers[turn]
        local = epoch - self._milestones[turn - 1] if turn else epoch
        if local == 0:
            scheduler._reset()
        scheduler._go_to(local)
        self._note()


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


# ---------------------------------------------------------------------- by measurement

class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a measured value has stopped improving.

    Args:
        mode: "min" if lower is better, "max" if higher.
        factor: below 1.
        patience: so many epochs without improvement are let pass.
        threshold: what counts as improvement, as a share of the best value ("rel") or a difference ("abs").
        threshold_mode: "rel" or "abs".
        cooldown: so many epochs after a reduction are not counted.
        min_lr: the lowest rate, of all groups or a list with one for each.
        eps: smaller changes of the rate are not made.

    Errors: ValueError for an unknown mode, or a factor of 1 or more.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> rates = []
        >>> for loss in [3.0, 2.0, 2.0, 2.0, 1.0]:
        ...     optimizer.step()
        ...     scheduler.step(loss)
        ...     rates += scheduler.get_last_lr()
        >>> rates
        [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
                 threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
                 min_lr: float | list[float] = 0, eps: float = 1e-8) -> None:
        if factor >= 1.0:
            raise ValueError("Factor should be < 1.0.")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! Try 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! Try 'rel' or 'abs'")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = self._per_group("min_lr", min_lr)
        self.eps = eps
        self.last_epoch = 0
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self._note()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Note the value of this epoch, a number or a Tensor with one element."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._note()

    @property
    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def is_better(self, value: float, best: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        margin = self.threshold if self.threshold_mode == "abs" else self.threshold * best * sign
        return sign * value < sign * best - margin if math.isfinite(best) else sign * value < sign * best

    def _reduce(self) -> None:
        for group, low in zip(self.optimizer.param_groups, self.min_lrs):
            lr = max(group["lr"] * self.factor, low)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr
