"""`ZeroRedundancyOptimizer`: each rank keeps the state of its share of the parameters alone.

Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", 2020
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minidl.distributed as dist
from minidl.autograd.grad_mode import no_grad
from minidl.distributed.algorithms.join import Join, Joinable, JoinHook
from minidl.distributed.coalesced import broadcast_coalesced
from minidl.optim.optimizer import Optimizer


class ZeroRedundancyOptimizer(Optimizer, Joinable):
    """An optimizer whose state is shared out among the ranks, which step as one with all of it.

    After `DistributedDataParallel` has averaged the gradients, each rank updates its share of the parameters by
    `optimizer_class(share, **defaults)` and sends them to the others. A rank so keeps 1/N of the moments of Adam.

    Args:
        params: parameters or groups of them, the same on all ranks.
        optimizer_class: such as `optim.Adam`; defaults: its settings.
        process_group: the ranks that share; all by default.
        parameters_as_bucket_view, overlap_with_ddp: as in PyTorch; without effect.
    Errors: ValueError before `init_process_group`.

        >>> import minidl, minidl.distributed as dist
        >>> from minidl.distributed.optim import ZeroRedundancyOptimizer
        >>> dist.init_process_group()
        >>> w = minidl.nn.Parameter(minidl.ones(2))
        >>> optimizer = ZeroRedundancyOptimizer([w], minidl.optim.SGD, lr=0.5)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w.tolist()
        [0.5, 0.5]
        >>> dist.destroy_process_group()
    """

    def __init__(self, params: Any, optimizer_class: type[Optimizer], process_group: Any = None,
                 parameters_as_bucket_view: bool = False, overlap_with_ddp: bool = False, **defaults: Any) -> None:
        self.process_group = process_group
        self.ranks = dist.get_process_group_ranks(process_group)
        self.rank = dist.get_rank(process_group)
        super().__init__(params, defaults)
        self.owner = self._share_out()
        self.whole: dict[str, Any] | None = None
        self.optim = optimizer_class(self._mine(), **defaults)
        for group, inner in zip(self.param_groups, self.optim.param_groups):
            group.update({key: value for key, value in inner.items() if key not in group})

    def _share_out(self) -> dict[int, int]:
        """Whose each parameter is (by id): the largest first, each to the rank with the least."""
        sizes, owner = [0] * len(self.ranks), {}
        for p in sorted((p for group in self.param_groups for p in group["params"]), key=lambda p: -p.numel()):
            rank = sizes.index(min(sizes))
            owner[id(p)] = rank
            sizes[rank] += p.numel()
        return owner

    def _mine(self) -> list[dict[str, Any]]:
        return [{**group, "params": [p for p in group["params"] if self.owner[id(p)] == self.rank]}
                for group in self.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update this rank's share, and exchange the shares; returns the loss of `closure`."""
        Join.notify_join_context(self)
        for group, inner in zip(self.param_groups, self.optim.param_groups):    # a schedule may have changed them
            inner.update({key: value for key, value in group.items() if key != "params"})
        loss = self.optim.step(closure)
        everything = [p for group in self.param_groups for p in group["params"]]
        with no_grad():
            for rank in range(len(self.ranks)):
                share = [p for p in everything if self.owner[id(p)] == rank]
                broadcast_coalesced(share, group=self.process_group, group_src=rank)
        return loss

    def join_hook(self, **_: Any) -> JoinHook:
        """What a rank without inputs does: it updates its share by the gradients of the others."""
        return _Step(self)

    @property
    def join_process_group(self) -> Any:
        """The ranks that share the state."""
        return self.process_group

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train more parameters. Errors: as `Optimizer.add_param_group`."""
        super().add_param_group(param_group)
        if hasattr(self, "optim"):
            self.owner = {**self._share_out(), **self.owner}
            self.optim.add_param_group(self._mine()[-1])

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Collect the state of all ranks on rank `to`, where `state_dict` then gives it; all ranks call it."""
        shares: list[Any] = [None] * len(self.ranks)
        dist.all_gather_object(shares, self._share_of_state(), self.process_group)
        self.whole = None
        if self.ranks[self.rank] == to:
            state = {number: value for share in shares for number, value in share.items()}
            self.whole = {**super().state_dict(), "state": dict(sorted(state.items()))}

    def _share_of_state(self) -> dict[int, Any]:
        """The state of this rank's parameters, by their numbers among all."""
        numbers = {id(p): n for n, p in enumerate(p for group in self.param_groups for p in group["params"])}
        mine = [p for group in self.optim.param_groups for p in group["params"]]
        return {numbers[id(mine[n])]: value for n, value in self.optim.state_dict()["state"].items()}

    def state_dict(self) -> dict[str, Any]:
        """The state of all ranks, as that of `optimizer_class` with all parameters.

        Errors: RuntimeError unless `consolidate_state_dict` was called on all ranks before, with this one as `to`.
        """
        if self.whole is None:
            raise RuntimeError("Optimizer state has not been consolidated on this rank. Please call "
                               "`consolidate_state_dict(to=...)` on all ranks beforehand if you meant to save the "
                               "global state.")
        return self.whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take this rank's share of a whole state, which may come from another number of ranks."""
        numbers = [n for n, p in enumerate(p for group in self.param_groups for p in group["params"])
                   if self.owner[id(p)] == self.rank]
        groups: list[dict[str, Any]] = []
        for group, inner, saved in zip(self.param_groups, self.optim.param_groups, state_dict["param_groups"]):
            settings = {key: value for key, value in saved.items() if key != "params"}
            group.update(settings)
            start = sum([len(g["params"]) for g in groups])
            groups.append({**settings, "params": list(range(start, start + len(inner["params"])))})
        state = {place: state_dict["state"][n] for place, n in enumerate(numbers) if n in state_dict["state"]}
        self.optim.load_state_dict({"state": state, "param_groups": groups})


class _Step(JoinHook):
    """The steps of a rank that has no inputs left."""

    def __init__(self, optimizer: ZeroRedundancyOptimizer) -> None:
        self.optimizer = optimizer

    def main_hook(self) -> None:
        self.optimizer.join_context = None      # it has no inputs to tell of
        self.optimizer.step()
