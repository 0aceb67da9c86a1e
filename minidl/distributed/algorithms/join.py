"""`Join`: ranks with fewer inputs than others take part in what those still do together.

    with Join([model]):                 # a DistributedDataParallel, a ZeroRedundancyOptimizer, or several of them
        for x in inputs:                # of another number on each rank
            model(x).sum().backward()
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.distributed.collectives import Work, _done, all_reduce
from minidl.distributed.groups import _found, get_rank, get_world_size
from minidl.tensors.creation import zeros


class JoinHook:
    """What a rank without inputs does instead of the others' steps."""

    def main_hook(self) -> None:
        """Take part in one step of the others; called as long as any rank has inputs."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Do what is left when no rank has inputs. is_last_joiner: whether this one had them to the end."""


class Joinable:
    """What `Join` knows how to shadow. It calls `Join.notify_join_context(self)` before it calls others of its rank."""

    join_context: Join | None = None
    require_backward_grad_sync = True

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What a rank without inputs does for it; `kwargs` are those of `Join`."""
        raise NotImplementedError

    @property
    def join_process_group(self) -> Any:
        """The ranks that it calls."""
        raise NotImplementedError


class Join:
    """Ranks leave its `with` block together: one that comes to the end early shadows the steps of the others.

    Args:
        joinables: what the ranks do together in a step, in order.
        enable: False where all have equally many inputs.
        throw_on_early_termination: all ranks raise a RuntimeError when one has no inputs left.
        kwargs: for the joinables.
    Errors: ValueError without joinables, or for those of different groups.

        >>> import minidl, minidl.distributed as dist
        >>> from minidl import nn
        >>> from minidl.distributed.algorithms.join import Join
        >>> dist.init_process_group()
        >>> model = nn.parallel.DistributedDataParallel(nn.Linear(3, 2))
        >>> with Join([model]):
        ...     for x in minidl.ones(2, 5, 3):
        ...         model(x).sum().backward()
        >>> dist.destroy_process_group()
    """

    def __init__(self, joinables: Sequence[Joinable], enable: bool = True, throw_on_early_termination: bool = False,
                 **kwargs: Any) -> None:
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        groups = [_found(joinable.join_process_group) for joinable in joinables]
        if any(other is not groups[0] for other in groups):
            raise ValueError("Using join context manager with multiple process groups")
        self.joinables, self.enable, self.throws = list(joinables), enable, throw_on_early_termination
        self.group, self.kwargs = groups[0], kwargs
        self.states = [2] * get_world_size(self.group)

    @property
    def active(self) -> list[int]:
        """The ranks of the group that have inputs."""
        return [rank for rank, state in enumerate(self.states) if state]

    @property
    def syncs(self) -> bool:
        """Whether gradients are averaged in this step: it is not inside `no_sync`."""
        return 2 in self.states

    def __enter__(self) -> Join:
        for joinable in self.joinables if self.enable else []:
            joinable.join_context = self
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self.enable:
            return
        hooks = [joinable.join_hook(**self.kwargs) for joinable in self.joinables]
        last = True
        try:
            while kind is None and self._look(0):
                last = False
                for hook in hooks:
                    hook.main_hook()
        finally:
            for joinable in self.joinables:
                joinable.join_context = None
        for hook in hooks if kind is None else []:
            hook.post_hook(last)

    def _look(self, state: int) -> bool:
        """Tell all ranks that this one has no inputs (0), has some (1), and averages gradients (2); whether any has."""
        states = zeros(len(self.states))
        states[get_rank(self.group)] = state
        all_reduce(states, group=self.group)
        self.states = [int(found) for found in states.tolist()]
        if self.throws and 0 < len(self.active) < len(self.states):
            raise RuntimeError("Detected at least one rank that exhausted inputs. Throwing across all ranks." if state
                               else f"Rank {get_rank(self.group)} exhausted all inputs.")
        return bool(self.active)

    @staticmethod
    def notify_join_context(joinable: Joinable) -> Work | None:
        """Say that this rank has inputs, where `joinable` is the first of its `Join`; None where it is not."""
        context = joinable.join_context
        if context is None or joinable is not context.joinables[0]:
            return None
        context._look(1 + joinable.require_backward_grad_sync)
        return _done(True)
