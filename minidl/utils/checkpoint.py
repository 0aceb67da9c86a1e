"""Checkpointing: keep fewer values for backward, and compute them again when they are needed.

The values that a network keeps for backward take most of the memory of training. Under `checkpoint` a part of the
network keeps only its arguments. When a gradient first asks for another value, the part runs a second time, and the
values kept in this run are given to the steps recorded in the first run. They are the same steps with the same values,
so gradients of every order are exact.

Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, https://arxiv.org/abs/1604.06174
"""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl.amp import autocast
from minidl.autograd.accumulate import AccumulateGrad
from minidl.autograd.grad_mode import Switch, enable_grad, switches
from minidl.autograd.gradients import edge_of
from minidl.autograd.op import Op, next_sequence
from minidl.autograd.tensorbase import tensors_in, version_of
from minidl.backend.device import Device, device_of
from minidl.random import default_generator

Versions = list[tuple[Any, int]]
"""Version counters of pieces of memory, each with the number that it should still show."""

Signature = tuple[type[Op], dict[str, Any]]
"""The type of a step, and the shape and dtype of each value that it keeps."""


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
               preserve_rng_state: bool = True, determinism_check: str = "default", debug: bool = False,
               early_stop: bool = True, **kwargs: Any) -> Any:
    """`function(*args, **kwargs)`, keeping only the arguments: the function runs again in backward.

    The function must do the same in both runs. It may use random numbers: the second run draws the same ones, unless
    `preserve_rng_state` is False. Its side effects happen twice: batch norm updates its running statistics in both
    runs, as in PyTorch. `use_reentrant`, `determinism_check`, `debug` and `early_stop` are accepted without effect.

    Errors: in backward, RuntimeError if an argument or a parameter was written in place, by the function or since, or
    if the second run did not record the same steps.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.utils.checkpoint import checkpoint
        >>> block = nn.Sequential(nn.Linear(4, 100), nn.ReLU(), nn.Dropout(0.5), nn.Linear(100, 4))
        >>> x = minidl.ones(2, 4)
        >>> checkpoint(block, x).sum().backward()
        >>> block[0].weight.grad.shape
        (100, 4)
    """
    if not switches.enabled:
        return function(*args, **kwargs)
    recomputation = Recomputation(function, args, kwargs, preserve_rng_state)
    start = next_sequence()
    with recomputation.precision():
        output = function(*args, **kwargs)
    recomputation.drop_kept(recorded_since(start, output))
    return output


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          preserve_rng_state: bool = True) -> Any:
    """A chain of modules or functions, cut into `segments` parts; all but the last use `checkpoint`.

    Backward begins with the last part, so a checkpoint there would save nothing. With n modules, sqrt(n) parts take the
    least memory.

    Errors: ValueError unless there are as many modules as parts.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.utils.checkpoint import checkpoint_sequential
        >>> net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(9)])
        >>> checkpoint_sequential(net, 3, minidl.ones(1, 3)).shape
        (1, 3)
    """
    functions = list(functions)
    if not 1 <= segments <= len(functions):
        raise ValueError(f"checkpoint_sequential: expected from 1 to {len(functions)} segments, as many as there are "
                         f"functions, but got {segments}")

    def run(part: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
        def forward(x: Any) -> Any:
            for function in part:
                x = function(x)
            return x
        return forward
    size = len(functions) // segments
    for i in range(segments - 1):
        input = checkpoint(run(functions[i * size:(i + 1) * size]), input, preserve_rng_state=preserve_rng_state)
    return run(functions[(segments - 1) * size:])(input)


# ---------------------------------------------------------------------- the steps of a run

def recorded_since(start: int, output: Any) -> list[Op]:
    """The steps behind an output that are newer than number `start`, oldest first, without leaves."""
    to_see = [edge_of(t)[0] for t in tensors_in(output) if t.requires_grad]  # type: ignore[attr-defined]
    seen: set[Op] = set()
    while to_see:
        op = to_see.pop()
        if op not in seen and op.sequence > start and not isinstance(op, AccumulateGrad):
            seen.add(op)
            to_see += [edge[0] for edge in op.edges if edge is not None]
    return sorted(seen, key=lambda op: op.sequence)


class RecomputedValues(dict[str, Any]):
    """The kept values of a step: empty at first, then those of the same step in the second run."""

    def __init__(self, recomputation: Recomputation, index: int) -> None:
        self.recomputation: Recomputation | None = recomputation
        self.index = index

    def __bool__(self) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        self._recompute()
        return dict.__getitem__(self, name)

    def __iter__(self) -> Iterator[str]:
        self._recompute()
        return super().__iter__()

    def _recompute(self) -> None:
        if self.recomputation is not None:
            kept = self.recomputation.kept_of(self.index)
            self.recomputation = None       # with the last reference, the second run is freed
            self.update({name: kept[name] for name in kept})


class Recomputation:
    """A function that may run a second time.

    First it has all that this run needs, and afterwards the values that the steps of the run kept. The steps of the
    first run hold this object. It holds none of them, so no reference cycle keeps a graph alive.
    """

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, preserve_rng_state: bool) -> None:
        self.call = function, args, kwargs
        self.versions: Versions = [(version_of(t), version_of(t)[0]) for t in tensors_in((args, kwargs))]
        self.generators: list[tuple[Any, Any]] = []
        if preserve_rng_state:
            devices = {Device("cpu"), *(device_of(t.array) for t in tensors_in((args, kwargs)))}
            self.generators = [(g, g.get_state()) for g in map(default_generator, devices)]
        self.autocast, self.caches_casts = switches.autocast, switches.autocast_casts is not None
        self.signatures: list[Signature] = []
        self.kept: list[Any] | None = None

    @contextlib.contextmanager
    def precision(self) -> Iterator[None]:
        """Use the autocast of the first run.

        Both runs cast weights again, so that they record the same steps.
        """
        with contextlib.ExitStack() as stack:
            if self.autocast or switches.autocast:
                stack.enter_context(Switch(autocast=frozenset(), autocast_casts=None))
            for device in self.autocast:
                stack.enter_context(autocast(device, cache_enabled=self.caches_casts))
            yield

    def drop_kept(self, ops: list[Op]) -> None:
        """Replace the kept values of the first run's steps by `RecomputedValues`."""
        for op in ops:
            self.versions += _versions_from_outside(op, ops[0].sequence)
        self.signatures = [_signature(op) for op in ops]
        for i, op in enumerate(ops):
            if op.kept:
                op.kept = RecomputedValues(self, i)

    def kept_of(self, index: int) -> Any:
        """The kept values of a step of the second run; the first call starts this run."""
        if self.kept is None:
            self._run()
        assert self.kept is not None
        kept, self.kept[index] = self.kept[index], None
        return kept

    def _run(self) -> None:
        for version, number in self.versions:
            if version[0] != number:
                raise RuntimeError(f"checkpoint: a tensor that the function works on has been modified by an inplace "
                                   f"operation (last written by {version[1]}), and the function cannot run again in "
                                   f"backward as it did in forward; write a new tensor instead, or clone() first")
        function, args, kwargs = self.call
        now = [(generator, generator.get_state()) for generator, _ in self.generators]
        for generator, state in self.generators:
            generator.set_state(state)
        try:
            with enable_grad(), self.precision():
                start = next_sequence()
                ops = recorded_since(start, function(*args, **kwargs))
        finally:
            for generator, state in now:
                generator.set_state(state)
        if [_signature(op) for op in ops] != self.signatures:
            raise RuntimeError(f"checkpoint: the function recorded {len(self.signatures)} steps in forward, and "
                               f"{len(ops)} when it ran again in backward, or others, or of other shapes; it must do "
                               f"the same each time")
        self.kept = [op.kept for op in ops]
        del self.call


def _signature(op: Op) -> Signature:
    """The properties of a step that both runs share.

    Steps of an inner checkpoint show no kept values.
    """
    kept = {} if op.kept is None or isinstance(op.kept, RecomputedValues) else op.kept
    return type(op), {name: (getattr(value, "shape", None), getattr(value, "dtype", None))
                      for name, (value, _, _) in kept.items()}


def _versions_from_outside(op: Op, first: int) -> Versions:
    """The versions of a step's inputs that were made before step number `first`: parameters, constants."""
    versions: Versions = []
    for name, edge in zip(op.input_names, op.edges):
        if edge is not None and isinstance(edge[0], AccumulateGrad) and edge[0].variable is not None:
            version = version_of(edge[0].variable)
            versions.append((version, version[0]))
        elif (edge is None or edge[0].sequence < first) and name in (op.kept or ()):
            _, kept_version, number = op.kept[name]  # type: ignore[index]
            if kept_version is not None:
                versions.append((kept_version, number))
    return versions
