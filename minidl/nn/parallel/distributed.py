"""`DistributedDataParallel`: each process computes gradients of its part of a batch, and all step alike.

Gradients are averaged over the ranks while the backward pass still runs: as soon as those of a bucket of parameters are
complete, the bucket is summed over all ranks. The `.grad` of each parameter is a view of its bucket.

Source: Li et al., "PyTorch distributed: experiences on accelerating data parallel training", 2020
"""
from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import minidl.distributed as dist
from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.grad_mode import no_grad, switches
from minidl.autograd.tensorbase import tensors_in
from minidl.backend.dtype import uint8
from minidl.distributed.algorithms.join import Join, Joinable, JoinHook
from minidl.distributed.coalesced import broadcast_coalesced
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.tensors.creation import tensor, zeros
from minidl.tensors.tensor import Tensor

BUCKET_MB = 4.0         # larger sums fall out of the processor's cache


class DistributedDataParallel(Module, Joinable):
    """A module whose gradients are the mean over all ranks, each of which computes its part of the batch.

    All ranks begin with the parameters and buffers of rank 0. When `backward()` is done, the `.grad` of each parameter
    is the mean of those of all ranks: where the loss is a mean over a batch, two ranks with half of it each step as one
    with the whole.

    Args:
        module: the same on all ranks; its keys begin with "module.".
        device_ids, output_device: None, or the one device that the module is on.
        broadcast_buffers: buffers, such as running statistics, are those of rank 0 before each step.
        process_group: the ranks that train together; all by default.
        bucket_cap_mb: MB of gradients that are summed at once; 4 by default.
        find_unused_parameters: some parameters take no part in some steps. Their gradient is zero on ranks that do not
            use them, and left as it is where no rank does.
        gradient_as_bucket_view, static_graph, check_reduction, init_sync, dim: as in PyTorch; gradients always are
            views.
    Errors: RuntimeError where ranks have other parameters, none of them requires a gradient, or a step before did not
    use all of them; ValueError before `init_process_group`, or for several devices.

        >>> import minidl, minidl.distributed as dist
        >>> from minidl import nn
        >>> dist.init_process_group()
        >>> model = nn.parallel.DistributedDataParallel(nn.Linear(3, 2))
        >>> model(minidl.ones(5, 3)).sum().backward()
        >>> model.module.bias.grad
        tensor([5., 5.])
        >>> dist.destroy_process_group()
    """

    def __init__(self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                 dim: int = 0, broadcast_buffers: bool = True, init_sync: bool = True, process_group: Any = None,
                 bucket_cap_mb: float | None = None, find_unused_parameters: bool = False,
                 check_reduction: bool = False, gradient_as_bucket_view: bool = False,
                 static_graph: bool = False) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError(f"device_ids can only be None or contain a single element, got {list(device_ids)}")
        self.module, self.process_group = module, process_group
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self.size = dist.get_world_size(process_group)
        self.names = [name for name, p in module.named_parameters() if p.requires_grad]
        trained = [p for p in module.parameters() if p.requires_grad]
        if not trained:
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameter that "
                               "requires a gradient.")
        self._check_alike()
        if init_sync:
            self._broadcast([*module.parameters(), *module.buffers()], 0)
        self.buckets = Buckets(trained, (bucket_cap_mb or BUCKET_MB) * 2**20, process_group)
        for number, parameter in enumerate(trained):
            parameter.register_post_accumulate_grad_hook(self._hook(number))

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module gives. Errors: RuntimeError where the step before did not use all parameters."""
        source = 0
        if switches.enabled and self.join_context is not None:
            Join.notify_join_context(self)
            source = self._shared_with(self.join_context)
        if switches.enabled and self.require_backward_grad_sync:
            self._begin()
        if self.broadcast_buffers and self.training and self.require_backward_grad_sync:
            self._broadcast(list(self.module.buffers()), source)
        y = self.module(*inputs, **kwargs)
        if switches.enabled and self.require_backward_grad_sync and self.find_unused_parameters:
            self.buckets.expect(used_by(y))
        return y

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients of steps inside are added up on each rank, and averaged by the first step outside."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(self, divide_by_initial_world_size: bool = True, enable: bool = True,
             throw_on_early_termination: bool = False) -> Join:
        """A `with` block in which ranks may have different numbers of inputs; see `distributed.algorithms.Join`.

        divide_by_initial_world_size: gradients are divided by the number of all ranks, or, if False, of those that
        still have inputs. In the end all have the parameters of one that had inputs to the end.
        """
        return Join([self], enable, throw_on_early_termination,
                    divide_by_initial_world_size=divide_by_initial_world_size)

    def join_hook(self, divide_by_initial_world_size: bool = True, **_: Any) -> JoinHook:
        """What a rank without inputs does: it sends zeros."""
        return _Shadow(self)

    @property
    def join_process_group(self) -> Any:
        """The ranks that train together."""
        return self.process_group

    def _shared_with(self, join: Join) -> int:
        """Divide by the ranks that `join` says; returns the first that has inputs."""
        whole = join.kwargs.get("divide_by_initial_world_size", True)
        self.buckets.divisor = self.size if whole else len(join.active)
        return join.active[0]

    def register_comm_hook(self, state: Any, hook: Callable[[Any, GradBucket], Any]) -> None:
        """Let `hook(state, bucket)` make the mean over ranks of the gradients in a bucket.

        It returns a tensor of the shape of `bucket.buffer()`, or something with `wait()` that gives it;
        `distributed.algorithms.ddp_comm_hooks.default_hooks` has some. Errors: TypeError for what cannot be called;
        RuntimeError for a second hook.

            >>> import minidl, minidl.distributed as dist
            >>> from minidl import nn
            >>> dist.init_process_group()
            >>> model = nn.parallel.DistributedDataParallel(nn.Linear(3, 2))
            >>> model.register_comm_hook(None, lambda state, bucket: bucket.buffer() * 2)
            >>> model(minidl.ones(5, 3)).sum().backward()
            >>> model.module.bias.grad
            tensor([10., 10.])
            >>> dist.destroy_process_group()
        """
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self.buckets.hook is not None:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        self.buckets.hook = functools.partial(hook, state)

    def _begin(self) -> None:
        missing = self.buckets.missing()
        if missing:
            names = ", ".join(self.names[number] for number in missing)
            raise RuntimeError(f"DistributedDataParallel: expected to have finished reduction in the prior iteration "
                               f"before starting a new one, but these parameters had no part in its loss: {names}; try "
                               f"find_unused_parameters=True")
        self.buckets.begin()

    def _hook(self, number: int) -> Callable[[Tensor], None]:
        """What a parameter calls when its gradient has come. It does not keep this module alive."""
        whole = weakref.ref(self)

        def arrived(_: Tensor) -> None:
            found = whole()
            if found is not None and found.require_backward_grad_sync:
                found.buckets.arrived(number)
        return arrived

    def _broadcast(self, tensors: list[Tensor], source: int) -> None:
        with no_grad():
            broadcast_coalesced(tensors, group=self.process_group, group_src=source)

    def _check_alike(self) -> None:
        """Check that all ranks train parameters of the same names, shapes and dtypes."""
        mine = [(name, tuple(p.shape), str(p.dtype), p.requires_grad) for name, p in self.module.named_parameters()]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, mine, self.process_group)
        for rank, theirs in enumerate(found):
            if theirs != found[0]:
                a, b = next(((a, b) for a, b in zip(found[0], theirs) if a != b), (len(found[0]), len(theirs)))
                raise RuntimeError(f"DistributedDataParallel expects same model across all ranks, but rank 0 has {a}, "
                                   f"and rank {rank} {b}")


class _Shadow(JoinHook):
    """The steps of a rank that has no inputs left: zeros for its gradients, everything else from the others."""

    def __init__(self, whole: DistributedDataParallel) -> None:
        self.whole = whole

    def main_hook(self) -> None:
        whole, join = self.whole, self.whole.join_context
        assert join is not None
        source = whole._shared_with(join)
        if join.syncs:
            if whole.broadcast_buffers and whole.training:
                whole._broadcast(list(whole.module.buffers()), source)
            whole.buckets.begin()
            if whole.find_unused_parameters:
                whole.buckets.expect(set())
            whole.buckets.shadow()

    def post_hook(self, is_last_joiner: bool) -> None:
        whole = self.whole
        whole.buckets.divisor = whole.size
        ranks = tensor([dist.get_rank(whole.process_group) if is_last_joiner else -1])
        dist.all_reduce(ranks, dist.ReduceOp.MAX, whole.process_group)
        whole._broadcast([*whole.module.parameters(), *whole.module.buffers()], int(ranks.item()))


class GradBucket:
    """The gradients of a bucket, one after the other in a flat tensor, as a communication hook sees them."""

    def __init__(self, number: int, buckets: Buckets) -> None:
        self._number, self._buckets = number, buckets

    def index(self) -> int:
        """Its number, in the order in which they are sent."""
        return self._number

    def is_last(self) -> bool:
        """Whether it is the last of a step."""
        return self._number == len(self._buckets.flat) - 1

    def buffer(self) -> Tensor:
        """All gradients in a flat tensor."""
        return self._buckets.flat[self._number]

    def set_buffer(self, buffer: Tensor) -> None:
        """Replace the gradients."""
        self.buffer().copy_(buffer)

    def parameters(self) -> list[Parameter]:
        """Whose gradients they are."""
        return [self._buckets.parameters[n] for n in self._buckets.members[self._number]]

    def gradients(self) -> list[Tensor]:
        """The gradient of each parameter."""
        return [self._buckets.views[n] for n in self._buckets.members[self._number]]


class Buckets:
    """Gradients in flat tensors, which are averaged over the ranks one after the other, in the same order on all.

    The parameters that are used last come first, since the backward pass begins with their gradients.
    """

    def __init__(self, parameters: list[Parameter], most: float, group: Any) -> None:
        self.parameters, self.group, self.divisor = parameters, group, dist.get_world_size(group)
        self.hook: Callable[[GradBucket], Any] | None = None
        self.bucket_of, self.views = [0] * len(parameters), list[Tensor](parameters)
        self.flat: list[Tensor] = []
        members: list[list[int]] = []
        size = 0
        for number in reversed(range(len(parameters))):
            p = parameters[number]
            first = parameters[members[-1][0]] if members else None
            if first is None or size and size + p.numel() * p.dtype.itemsize > most or \
                    (first.dtype, first.device) != (p.dtype, p.device):
                members.append([])
                size = 0
            members[-1].append(number)
            size += p.numel() * p.dtype.itemsize
        for bucket, numbers in enumerate(members):
            first, start = parameters[numbers[0]], 0
            self.flat.append(zeros(sum(parameters[n].numel() for n in numbers), dtype=first.dtype, device=first.device))
            for number in numbers:
                p = parameters[number]
                self.views[number] = self.flat[-1][start:start + p.numel()].view(p.shape)
                self.bucket_of[number] = bucket
                start += p.numel()
        self.waiting: list[set[int]] = [set() for _ in members]
        self.members, self.next, self.begun = members, len(members), False
        self.unused: dict[int, bool] = {}       # here, and whether another rank uses them

    def begin(self) -> None:
        """Wait for the gradients of all parameters."""
        self.waiting = [set(numbers) for numbers in self.members]
        self.next, self.begun, self.unused = 0, False, {}

    def expect(self, used: set[int]) -> None:
        """Wait no more for parameters that are not used here (`used` holds their ids), and ask who uses them."""
        mine = [id(p) in used for p in self.parameters]
        anywhere = tensor(mine, dtype=uint8)
        dist.all_reduce(anywhere, dist.ReduceOp.MAX, self.group)
        self.unused = {n: bool(found) for n, found in enumerate(anywhere.tolist()) if not mine[n]}
        for n in self.unused:
            self.waiting[self.bucket_of[n]].discard(n)

    def missing(self) -> list[int]:
        """The numbers of the parameters whose gradients did not come, where those of others did."""
        return sorted(set().union(*self.waiting)) if self.begun and self.next < len(self.flat) else []

    def arrived(self, number: int) -> None:
        """Put the gradient of a parameter into its place; average the buckets that are complete."""
        self.begun = True
        with no_grad():
            self._put(number)
            self.waiting[self.bucket_of[number]].discard(number)
            while self.next < len(self.flat) and not self.waiting[self.next]:
                self._average(self.next)
                self.next += 1

    def _put(self, number: int) -> None:
        p, view = self.parameters[number], self.views[number]
        if p.grad is None:
            view.zero_()
        elif p.grad is not view:
            view.copy_(p.grad)

    def _average(self, bucket: int) -> None:
        left = [n for n in self.members[bucket] if n in self.unused]
        for n in left:
            self._put(n)
        if self.hook is not None:
            found = self.hook(GradBucket(bucket, self))
            self.flat[bucket].copy_(found.wait() if hasattr(found, "wait") else found)
        else:
            dist.all_reduce(self.flat[bucket], group=self.group)
            self.flat[bucket].div_(self.divisor)
        for n in self.members[bucket]:
            if self.unused.get(n, True):        # nobody has used the others: their gradient stays what it was
                self.parameters[n].grad = self.views[n]


    def shadow(self) -> None:
        """Average with others where this rank has no gradients."""
        with no_grad():
            for n in self.unused:
                self.parameters[n].grad = None
            for bucket, flat in enumerate(self.flat):
                flat.zero_()
                self._average(bucket)
        self.next = len(self.flat)


def used_by(outputs: Any) -> set[int]:
    """The ids of all leaves from which the tensors in `outputs` were computed."""
    found, seen = set[int](), set[int]()
    waiting = [x.edge[0] for x in tensors_in(outputs) if x.edge is not None]
    while waiting:
        op = waiting.pop()
        if id(op) in seen:
            continue
        seen.add(id(op))
        if isinstance(op, AccumulateGrad):
            found.add(id(op.variable))
        waiting += [before for before, _ in op.next_functions if before is not None]
    return found
