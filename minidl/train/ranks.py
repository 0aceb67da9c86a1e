"""Several ranks that train as one: each computes its share of every batch."""
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

import minidl.distributed as dist
from minidl.autograd import no_grad
from minidl.backend.device import as_device
from minidl.distributed.coalesced import broadcast_coalesced
from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.optim.optimizer import Optimizer
from minidl.random import default_generator
from minidl.tensors.creation import randint, tensor, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.train.checkpoint import devices, random_state, set_random_state
from minidl.train.objective import Objective

Value = TypeVar("Value")


class Ranks:
    """The ranks of `minidl.distributed` as one trainer: `fit(..., ranks=Ranks())`.

    All ranks draw the same batches, and each computes the objective of its share: two ranks take 32 of 64 samples
    each. Gradients and figures are means over the whole batch, so all steps are those that one process would take,
    with the same batch size and learning rate, up to rounding. Two things differ: batch normalisation takes the
    statistics of the share, and random numbers that the objective draws, for dropout for instance, are others on each
    rank. A batch of fewer samples than ranks is computed whole by each.

    The loss must be a mean over samples. Every rank loads the checkpoint; rank 0 alone shows, logs and saves. Errors:
    ValueError before `init_process_group`.

        >>> import minidl, minidl.distributed as dist
        >>> from minidl.train import Ranks
        >>> dist.init_process_group()
        >>> Ranks().share(minidl.arange(3))
        tensor([0, 1, 2])
        >>> dist.destroy_process_group()
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    @staticmethod
    def found() -> Ranks | None:
        """Those of this run, where there are several."""
        return Ranks() if dist.is_initialized() and dist.get_world_size() > 1 else None

    def share(self, x: Any) -> Any:
        """This rank's part of the samples x (N, *); all of them where they are fewer than the ranks."""
        return x if len(x) < self.size else x[len(x) * self.rank // self.size:len(x) * (self.rank + 1) // self.size]

    def begin(self, model: Module) -> None:
        """Let all ranks begin with the model of rank 0."""
        with no_grad():
            broadcast_coalesced([*model.parameters(), *model.buffers()], 0)

    def shared(self, objective: Objective) -> Objective:
        """The objective of whole batches, of which this rank computes its share: the loss has the gradient of that."""
        def of_share(model: Module, *batch: Any) -> tuple[Tensor, dict[str, float]]:
            whole = len(batch[0])
            mine = [self.share(x) if hasattr(x, "__len__") and len(x) == whole else x for x in batch]
            common = random_state()
            self._seed()
            loss, figures = objective(model, *mine)
            set_random_state(common)
            weight = 1 / self.size if whole < self.size else len(mine[0]) / whole
            sums = tensor([loss.item(), *figures.values()], dtype="float64") * weight
            dist.all_reduce(sums)
            loss = loss * (weight * self.size)
            mean = sums[0].to(loss)
            return loss + (mean - loss.detach()), dict(zip(figures, sums[1:].tolist()))
        return of_share

    def _seed(self) -> None:
        """Begin a stream of random numbers that is this rank's alone, and depends on where all stand."""
        seed = int(randint(2**62, (1,)).item()) + self.rank
        for name in devices():
            default_generator(as_device(name)).manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)

    @no_grad()
    def average(self, optimizer: Optimizer) -> None:
        """Make the gradients the means over all ranks; one that a rank has not is zero there."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        used = tensor([p.grad is not None for p in parameters], dtype="uint8")
        dist.all_reduce(used, dist.ReduceOp.MAX)
        used_here_or_there = [p for p, found in zip(parameters, used.tolist()) if found]
        for p in used_here_or_there:
            p.grad = zeros_like(p) if p.grad is None else p.grad
        dist.all_reduce_coalesced([p.grad for p in used_here_or_there], dist.ReduceOp.AVG)

    def align(self, model: Module) -> None:
        """Give all ranks the buffers of rank 0, such as running statistics."""
        with no_grad():
            broadcast_coalesced(list(model.buffers()), 0)

    def of_first(self, value: Value) -> Value:
        """What rank 0 has for value."""
        box = [value]
        dist.broadcast_object_list(box, 0)
        return box[0]

    def any(self, said: bool) -> bool:
        """Whether any rank says so."""
        found = tensor([said], dtype="uint8")
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found.item())

    def over(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """`function` of all samples x (N, *), of which each rank computes its share."""
        if len(x) < self.size:
            return function(x)
        parts: list[Any] = [None] * self.size
        dist.all_gather_object(parts, function(self.share(x)))
        return cat(parts)
