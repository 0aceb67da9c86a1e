"""What moves numbers between processes: MPI, or nothing where there is one process.

An engine works on contiguous NumPy arrays, in place, and knows no tensors. MPI numbers the ranks of a group from 0.
"""
from __future__ import annotations

import faulthandler
import functools
import importlib
import os
import stat
import sys
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from minidl.backend.device import Array
from minidl.distributed.watch import Watch, watched

PIECE = 1 << 22         # bytes of one sum over ranks: larger ones fall out of the processor's cache
ANYBODY = -1            # who may send
LATE = 32_001           # the tag of messages about who is late
OPERATIONS = {"sum": "SUM", "product": "PROD", "min": "MIN", "max": "MAX", "band": "BAND", "bor": "BOR", "bxor": "BXOR"}
LAUNCHED = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS")      # what MPI's launchers set


class Done:
    """A request that was fulfilled at once."""

    def wait(self) -> None:
        """Return."""

    def test(self) -> bool:
        """True."""
        return True


class Single:
    """One process, rank 0 of 1: every array is already what all ranks have."""

    name, rank, size = "single", 0, 1
    devices: Any = None         # what moves arrays of GPUs: NCCL, if it was asked for

    def barrier(self) -> None:
        """Return."""

    def all_reduce(self, x: Array, op: str) -> None:
        """Leave x as it is: it is the sum, the product and the extreme of itself."""

    def reduce(self, x: Array, op: str, to: int) -> None:
        """Leave x as it is."""

    def broadcast(self, x: Array, source: int) -> None:
        """Leave x as it is."""

    def all_gather(self, x: Array, parts: Array) -> None:
        """Write x into parts (1, *)."""
        parts[0] = x

    def gather(self, x: Array, parts: Array | None, to: int) -> None:
        """Write x into parts (1, *)."""
        assert parts is not None
        parts[0] = x

    def scatter(self, x: Array, parts: Array | None, source: int) -> None:
        """Write parts (1, *) into x."""
        assert parts is not None
        x[...] = parts[0]

    def all_to_all(self, received: Array, sent: Array, received_counts: Sequence[int],
                   sent_counts: Sequence[int]) -> None:
        """Write what is sent into what is received."""
        received[...] = sent

    def objects(self, value: Any) -> list[Any]:
        """The values of all ranks."""
        return [value]

    def object_from(self, value: Any, source: int) -> Any:
        """The value of rank `source`."""
        return value

    def send(self, x: Array, to: int, tag: int) -> Any:
        """Refuse: there is nobody else."""
        raise RuntimeError("send: one process has nobody to send to; start more of them by "
                           "python -m minidl.distributed.run --nproc-per-node 2 PROGRAM")

    receive = send

    def part(self, ranks: Sequence[int]) -> Single | None:
        """The group of these ranks."""
        return self if 0 in ranks else None


class MPI:
    """The processes that `mpiexec` has started, through mpi4py.

    float16 and bool, which MPI does not add, are added as float32 and uint8; what is only moved is moved as bytes.
    """

    name = "mpi"
    devices: Any = None
    groups = 0          # how many there are; each group has a number, the same on all ranks

    def __init__(self, communicator: Any, watch: Watch, ranks: Sequence[int], number: int = 0) -> None:
        self.comm, self.watch, self.ranks, self.number = communicator, watch, tuple(ranks), number
        self.mpi = importlib.import_module("mpi4py.MPI")
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        self.operations = {name: getattr(self.mpi, mpi) for name, mpi in OPERATIONS.items()}

    @watched(same=False)
    def barrier(self) -> None:
        """Return when all ranks have come here."""
        self.comm.Barrier()

    @watched(same=True)
    def all_reduce(self, x: Array, op: str) -> None:
        """x of all ranks, combined: 'sum', 'product', 'min', 'max', 'band', 'bor' or 'bxor'."""
        wide, operation = _addable(x), self.operations[op]
        if wide.nbytes <= PIECE:
            self.comm.Allreduce(self.mpi.IN_PLACE, wide, operation)
        else:
            flat, length = wide.reshape(-1), PIECE // wide.itemsize
            for start in range(0, flat.size, length):
                self.comm.Allreduce(self.mpi.IN_PLACE, flat[start:start + length], operation)
        if wide is not x:
            x[...] = wide

    @watched(same=True)
    def reduce(self, x: Array, op: str, to: int) -> None:
        """As `all_reduce`, for rank `to` alone."""
        wide = _addable(x)
        if self.rank == to:
            self.comm.Reduce(self.mpi.IN_PLACE, wide, self.operations[op], to)
            if wide is not x:
                x[...] = wide
        else:
            self.comm.Reduce(wide, None, self.operations[op], to)

    @watched(same=True)
    def broadcast(self, x: Array, source: int) -> None:
        """Write x of rank `source` into x of all."""
        self.comm.Bcast(_bytes(x), source)

    @watched(same=True)
    def all_gather(self, x: Array, parts: Array) -> None:
        """Write x of rank i into parts[i]."""
        self.comm.Allgather(_bytes(x), _bytes(parts))

    @watched(same=False)
    def gather(self, x: Array, parts: Array | None, to: int) -> None:
        """As `all_gather`, for rank `to` alone; the others have no parts."""
        self.comm.Gather(_bytes(x), None if parts is None else _bytes(parts), to)

    @watched(same=False)
    def scatter(self, x: Array, parts: Array | None, source: int) -> None:
        """Write parts[i] of rank `source` into x of rank i."""
        self.comm.Scatter(None if parts is None else _bytes(parts), _bytes(x), source)

    @watched(same=False)
    def all_to_all(self, received: Array, sent: Array, received_counts: Sequence[int],
                   sent_counts: Sequence[int]) -> None:
        """Send the j-th part of `sent` to rank j; parts are counted in rows."""
        rows = [x.nbytes // len(x) if len(x) else 0 for x in (received, sent)]
        counts = [[count * row for count in found] for found, row in zip((received_counts, sent_counts), rows)]
        starts = [np.cumsum([0, *found[:-1]]).tolist() for found in counts]
        self.comm.Alltoallv([_bytes(sent), counts[1], starts[1], self.mpi.BYTE],
                            [_bytes(received), counts[0], starts[0], self.mpi.BYTE])

    @watched(same=False)
    def objects(self, value: Any) -> list[Any]:
        """The values of all ranks, pickled on the way."""
        found: list[Any] = self.comm.allgather(value)
        return found

    @watched(same=False)
    def object_from(self, value: Any, source: int) -> Any:
        """The value of rank `source`, pickled on the way."""
        return self.comm.bcast(value, source)

    def send(self, x: Array, to: int, tag: int) -> Any:
        """A request to send x."""
        return Request(self.comm.Isend(_bytes(x), to, tag))

    def receive(self, x: Array, source: int, tag: int) -> Any:
        """A request to receive into x, from rank `source` or from ANYBODY."""
        return Request(self.comm.Irecv(_bytes(x), self.mpi.ANY_SOURCE if source == ANYBODY else source, tag))

    def part(self, ranks: Sequence[int]) -> MPI | None:
        """The group of these ranks, which only they ask for; None for others."""
        MPI.groups += 1
        if self.rank not in ranks:
            return None
        return MPI(self.comm.Create_group(self.comm.group.Incl(list(ranks))), self.watch, ranks, MPI.groups)

    def late(self, seconds: float) -> list[int]:
        """The ranks that do not come here within so many seconds, as rank 0 sees it; the others wait for its word.

        All go on when nobody is late. The ranks that are not late learn who is.
        """
        if self.rank:
            self.comm.send(None, 0, tag=LATE)
            found: list[int] = self.comm.recv(source=0, tag=LATE + 1)
            return found
        requests = {rank: self.comm.irecv(source=rank, tag=LATE) for rank in range(1, self.size)}
        end = time.monotonic() + seconds
        while requests and time.monotonic() < end:
            requests = {rank: request for rank, request in requests.items() if not request.test()[0]}
            time.sleep(0.001)
        for rank in set(range(1, self.size)) - set(requests):
            self.comm.send(sorted(requests), rank, tag=LATE + 1)
        return sorted(requests)


class Request:
    """A message on its way. It holds the memory until the message has left or come."""

    def __init__(self, request: Any) -> None:
        self.request, self.status, self.sender = request, importlib.import_module("mpi4py.MPI").Status(), None

    def wait(self) -> None:
        """Return when the message has left, or come."""
        self.request.Wait(self.status)
        self.sender = self.status.Get_source()

    def test(self) -> bool:
        """Whether it has."""
        return bool(self.request.Test(self.status))


def _addable(x: Array) -> Array:
    """x, or a copy in a dtype that MPI can add."""
    code = x.dtype.char         # quicker to compare than dtypes
    return x.astype(np.float32) if code == "e" else x.astype(np.uint8) if code == "?" else x


def _bytes(x: Array) -> Array:
    return x.reshape(-1).view(np.uint8)


# ---------------------------------------------------------------------- the processes of this run

def is_launched() -> bool:
    """Whether a launcher of MPI has started this process, perhaps beside others."""
    return any(name in os.environ for name in LAUNCHED)


def wait_until_read(descriptor: int, seconds: float = 1.0) -> None:
    """Wait until the launcher has read what was written to a pipe: MPI's abort may overtake it, and then it is lost."""
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return
    except OSError:     # it is closed
        return
    fcntl, termios = map(importlib.import_module, ("fcntl", "termios"))     # which Windows has not
    end = time.monotonic() + seconds
    while any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))) and time.monotonic() < end:
        time.sleep(1e-3)


@functools.cache
def world() -> Single | MPI:
    """The engine of all processes. Errors: ImportError where MPI's launcher was used, and mpi4py is not installed."""
    if not is_launched():
        return Single()
    try:
        mpi = importlib.import_module("mpi4py.MPI")
    except ImportError as error:
        raise ImportError("minidl.distributed: this process was started by mpiexec, but mpi4py is not there; "
                          "pip install 'minidl[mpi]'") from error
    communicator = mpi.COMM_WORLD
    if communicator.Get_size() > 1:
        end_all_with_the_first(communicator)
    return MPI(communicator, Watch(communicator), range(communicator.Get_size()))


def end_all_with_the_first(communicator: Any) -> None:
    """Let an exception, or an exit with another status than 0, end all ranks: they would wait for this one for ever."""
    process, leave, leave_now = os.getpid(), sys.exit, os._exit
    who = f"rank {communicator.Get_rank()} of {communicator.Get_size()}"
    faulthandler.enable(all_threads=False)      # where a broken address, or the like, was used

    def abort(status: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        wait_until_read(1)
        wait_until_read(2)
        communicator.Abort(status)
        leave_now(status)           # MPI may return, and end this process with the others

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        print(f"{who} ends all:", file=sys.stderr)
        traceback.print_exception(kind, error, trace)
        abort(130 if issubclass(kind, KeyboardInterrupt) else 1)

    def exit_all(status: Any = None) -> None:
        if status and os.getpid() == process:           # forked workers have no part in it
            if not isinstance(status, int):
                print(status, file=sys.stderr)
            print(f"{who} leaves and ends all", file=sys.stderr)
            abort(status if isinstance(status, int) else 1)
        leave(status)

    def exit_all_now(status: int) -> None:
        if status and os.getpid() == process:
            print(f"{who} leaves at once and ends all", file=sys.stderr, flush=True)
            wait_until_read(2)
            communicator.Abort(status)
        leave_now(status)

    sys.excepthook, sys.exit, os._exit = report, exit_all, exit_all_now  # type: ignore[assignment]
