"""Ranks that wait for each other for ever are found, named and ended.

It happens where ranks call other functions, call them in another order, or one ends while others count on it. MPI then
waits without end. So a thread of each rank looks twice a second where the rank is, and those that wait tell rank 0.
"""
from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
SECONDS = 0.5           # from look to look
LOOKS = 3               # that must find the same: what is still under way has then moved on


class Call(NamedTuple):
    """Where a rank waits: call `number` of a group of such members; NOBODY where the rank has ended."""

    group: int
    number: int
    members: tuple[int, ...]
    said: str


NOBODY = -1             # the group of a rank that has ended
ENDED = Call(NOBODY, 0, (), "has ended")


class Watch:
    """The thread of one rank, and what it knows: `counts` of calls by group, and the call that is `now` running."""

    def __init__(self, communicator: Any) -> None:
        self.comm = communicator.Dup()
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.counts: dict[int, int] = {}
        self.now: tuple[int, tuple[int, ...], str, Any] | None = None
        self.ended, self.stop = False, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        self.process = os.getpid()
        atexit.register(self.end)

    def end(self) -> None:
        """Wait until all ranks have come to their end, or one of them waits for this one in vain."""
        if os.getpid() == self.process:             # no forked worker
            self.ended = True
            request = self.comm.Ibarrier()
            while not request.Test():
                time.sleep(0.005)
            self.stop.set()
            self.thread.join()

    def _where(self) -> Call | None:
        """Where this rank waits, if it does."""
        now = self.now
        if now is None:
            return ENDED if self.ended else None
        group, members, name, x = now
        return Call(group, self.counts[group], members, f"is in {described(name, x)}")

    def _look(self) -> None:
        found, before, times = dict[int, Any](), dict[int, Any](), 0
        last, request = None, None
        while not self.stop.wait(SECONDS):
            call = self._where()
            if call is not None and call == last:
                if self.rank == 0:
                    found[0] = call, dict(self.counts)
                elif request is None or request.test()[0]:
                    request = self.comm.isend((self.rank, (call, dict(self.counts))), 0)
            last = call
            while self.rank == 0 and self.comm.iprobe():
                found.update([self.comm.recv()])
            if len(found) == self.size:
                times = times + 1 if found == before and none_goes_on(found) else 0
                before, found = found, {}
                if times == LOOKS:
                    self._end_all({rank: call for rank, (call, _) in before.items()})

    def _end_all(self, calls: Mapping[int, Call]) -> None:
        print("minidl.distributed: ranks wait for each other for ever; all must call the same functions in the same "
              "order, with tensors of the same shape and dtype:", file=sys.stderr)
        for rank, call in sorted(calls.items()):
            where = "" if call.group == NOBODY else f", call {call.number} of ranks {list(call.members)}"
            print(f"  rank {rank} of {self.size} {call.said}{where}", file=sys.stderr)
        sys.stderr.flush()
        self.comm.Abort(1)


def none_goes_on(found: Mapping[int, tuple[Call, Mapping[int, int]]]) -> bool:
    """Whether no rank's call can come to an end. `found`: where each rank waits, and its counts of calls by group.

    A call can, if all its members have come to it, or were there before, and none is in another with the same number.
    """
    def goes_on(call: Call) -> bool:
        there = [found[rank] for rank in call.members]
        return all(counts.get(call.group, 0) >= call.number for _, counts in there) and all(
            other.said == call.said for other, _ in there if other[:2] == call[:2])
    waiting = [call for call, _ in found.values() if call.group != NOBODY]
    return bool(waiting) and not any(map(goes_on, waiting))


def described(name: str, x: Any) -> str:
    """A call in words."""
    return name if x is None else f"{name} of {x.size} x {x.dtype}"


def watched(same: bool) -> Callable[[Function], Function]:
    """Make a method of an engine known to its watch while it runs.

    same: the first argument is an array that all ranks must have alike. With TORCH_DISTRIBUTED_DEBUG=DETAIL in the
    environment, ranks tell each other what they call, before they do. Errors: RuntimeError then, where they differ.
    """
    def wrap(method: Function) -> Function:
        name = method.__name__

        @functools.wraps(method)
        def call(self: Any, *args: Any) -> Any:
            watch, group, x = self.watch, self.number, args[0] if same else None
            watch.counts[group] = watch.counts.get(group, 0) + 1
            watch.now = group, self.ranks, name, x
            try:
                if DETAIL:
                    check_alike(self, described(name, x))
                return method(self, *args)
            finally:
                watch.now = None
        return call  # type: ignore[return-value]
    return wrap


DETAIL = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "").upper() == "DETAIL"


def check_alike(engine: Any, said: str) -> None:
    """Check that all ranks of a group call the same. Errors: RuntimeError that names the first that does not."""
    everybody = engine.comm.allgather(said)
    for rank, other in zip(engine.ranks, everybody):
        if other != everybody[0]:
            raise RuntimeError(f"ranks call different collectives: rank {engine.ranks[0]} {everybody[0]}, rank {rank} "
                               f"{other}; all must call the same in the same order, with tensors of the same shape "
                               f"and dtype")
