"""Averages of a model's weights during training: stochastic weight averaging, exponential moving averages."""
from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import int64
from minidl.nn.module import Module
from minidl.nn.norm import _BatchNorm
from minidl.ops.index import copy_
from minidl.optim.lr_scheduler import LRScheduler
from minidl.optim.lr_scheduler.scheduler import within_step
from minidl.optim.optimizer import Optimizer
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
           "get_swa_multi_avg_fn", "update_bn"]

Average = Callable[[Tensor, Tensor, Tensor], Tensor]
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average: `f(averaged, current, n) = decay*averaged + (1 - decay)*current`.

    Errors: ValueError for a decay outside [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return lambda averaged, current, num_averaged: decay * averaged + (1 - decay) * current


def get_swa_avg_fn() -> Average:
    """The mean so far: `f(averaged, current, n) = averaged + (current - averaged) / (n + 1)`."""
    return lambda averaged, current, num_averaged: averaged + (current - averaged) / (num_averaged + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """`get_ema_avg_fn` for lists of tensors; it writes the first list. Errors: the same."""
    return _on_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> MultiAverage:
    """`get_swa_avg_fn` for lists of tensors; it writes the first list."""
    return _on_lists(get_swa_avg_fn())


def _on_lists(average: Average) -> MultiAverage:
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Tensor) -> None:
        with no_grad():
            for ours, theirs in zip(averaged, current):
                copy_(ours, average(ours, theirs, num_averaged))
    return update


class AveragedModel(Module):
    """A copy of a model with the averages of the model's weights during training.

    Call `update_parameters(model)` after an optimizer step, or an epoch; use the averaged model for predictions.

    Args:
        model: copied at once. The first update copies it again, so averages begin there.
        device: the device of the copy.
        avg_fn: `avg_fn(averaged, current, num_averaged)` gives the new average of a parameter; None is the mean.
        multi_avg_fn: the same for lists of parameters; it writes the first list.
        use_buffers: average buffers too; otherwise they are copied from the model.

    State: the buffer `n_averaged` counts the updates; all else is under `module.`, see `load_state_dict`.

    Errors: AssertionError if both functions are given.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.optim.swa_utils import AveragedModel, get_ema_avg_fn
        >>> model = nn.Linear(1, 1)
        >>> ema = AveragedModel(model, avg_fn=get_ema_avg_fn(0.75))
        >>> for value in (0.0, 4.0, 8.0):
        ...     _ = nn.init.constant_(model.weight, value)
        ...     ema.update_parameters(model)
        >>> ema.module.weight.item()            # 0, 0.75*0 + 0.25*4 = 1, 0.75*1 + 0.25*8
        2.75

    Sources: Averaging weights leads to wider optima and better generalization, arXiv:1803.05407; Polyak, Juditsky:
    Acceleration of stochastic approximation by averaging.
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Average | None = None,
                 multi_avg_fn: MultiAverage | None = None, use_buffers: bool = False) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", zeros((), dtype=int64, device=device))
        self.average = multi_avg_fn or _on_lists(avg_fn or get_swa_avg_fn())
        self.avg_fn, self.multi_avg_fn = avg_fn, multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Add the present weights of `model` to the averages.

        Errors: ValueError if it has other parameters or buffers than the averaged model.
        """
        shapes = [[tuple(member.shape) for member in chain(m.parameters(), m.buffers())] for m in (self.module, model)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"AveragedModel: expected a model whose parameters and buffers have the shapes {shapes[0]}"
                             f", as the averaged one has, but got {shapes[1]}")
        ours, theirs = self._averaged(self.module), self._averaged(model)
        theirs = [current.to(averaged.device) for averaged, current in zip(ours, theirs)]
        with no_grad():
            if self.n_averaged.item() == 0:
                for averaged, current in zip(ours, theirs):
                    copy_(averaged, current)
            elif ours:
                self.average(ours, theirs, self.n_averaged.to(ours[0].device))
            if not self.use_buffers:
                for averaged, current in zip(self.module.buffers(), model.buffers()):
                    copy_(averaged, current)
            self.n_averaged.add_(1)  # type: ignore[attr-defined]

    def _averaged(self, module: Module) -> list[Tensor]:
        members = chain(module.parameters(), module.buffers()) if self.use_buffers else module.parameters()
        return [member.detach() for member in members]


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norms again, for a model with averaged weights.

    It makes one pass over `loader`, whose batches are tensors, or lists or tuples that begin with a tensor. The
    statistics are the plain averages over the batches.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.optim.swa_utils import update_bn
        >>> model = nn.BatchNorm1d(1)
        >>> update_bn([minidl.tensor([[0.], [2.]]), minidl.tensor([[4.], [6.]])], model)
        >>> model.running_mean                  # of 1 and 5
        tensor([3.])
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta, training = [norm.momentum for norm in norms], model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None                    # all batches have the same weight
    model.train()
    try:
        with no_grad():
            for batch in loader:
                batch = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(batch if device is None else batch.to(device))
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """Move from the present rate to the constant `swa_lr` of stochastic weight averaging.

        lr = swa_lr*a + lr*(1 - a),    a from 0 to 1 in `anneal_epochs` epochs

    Another schedule may run at the same time; then `lr` is the rate of that schedule.

    Args:
        swa_lr: the final rate, one for all groups or a list with one for each.
        anneal_epochs: the number of epochs until then.
        anneal_strategy: "cos", along half a cosine, or "linear", along a line.

    Errors: ValueError for an unknown strategy, a negative number of epochs or a list of another length.

        >>> import minidl
        >>> from minidl import optim
        >>> optimizer = optim.SGD([minidl.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> rates = []
        >>> for epoch in range(4):
        ...     optimizer.step()
        ...     rates += scheduler.get_last_lr()
        ...     scheduler.step()
        >>> rates
        [1.0, 0.75, 0.5, 0.5]
    """

    def __init__(self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10,
                 anneal_strategy: str = "cos", last_epoch: int = -1) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.optimizer = optimizer
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        for group, lr in zip(optimizer.param_groups, self._per_group("swa_lr", swa_lr)):
            group["swa_lr"] = lr
        super().__init__(optimizer, last_epoch)

    @within_step
    def get_lr(self) -> Sequence[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._progress(step - 1), self._progress(step)
        rates = []
        for group in self.optimizer.param_groups:
            swa_lr = group["swa_lr"]
            start = swa_lr if before == 1 else (group["lr"] - before * swa_lr) / (1 - before)
            rates.append(swa_lr * now + start * (1 - now))
        return rates

    def _progress(self, step: int) -> float:
        """The share of the annealing that is done at a step."""
        share = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * share)) / 2 if self._anneal_strategy == "cos" else share
