"""Sums and copies of a GPU's arrays by NCCL, through CuPy: `init_process_group("nccl")`.

MPI starts the processes, tells all of them NCCL's unique id, and moves what lies in the host's memory. Calls are put
into the current stream and return at once, as kernels do.

No machine with two GPUs has run this yet; tests/distributed/test_nccl.py holds pointers, counts, dtypes and streams
against a stand-in. On such a machine this proves it:

    python -m minidl.distributed.run --nproc-per-node 2 tests/distributed/programs/collectives.py cuda
"""
from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend.device import Array, device_of, move, to_numpy

DTYPES = {"int8": "INT8", "uint8": "UINT8", "int32": "INT32", "int64": "INT64", "float16": "FLOAT16",
          "float32": "FLOAT32", "float64": "FLOAT64"}
OPERATIONS = {"sum": "SUM", "product": "PROD", "min": "MIN", "max": "MAX"}


def module() -> ModuleType | None:
    """CuPy's module of NCCL, where it is installed and there is a GPU."""
    try:
        found = importlib.import_module("cupy.cuda.nccl")
        there = getattr(found, "available", True) and importlib.import_module("cupy").cuda.runtime.getDeviceCount()
    except Exception:           # CuPy raises errors of its own where no driver is
        return None
    return found if there else None


class Nccl:
    """The ranks of an engine of MPI, for arrays of the GPU of this process: number LOCAL_RANK of its machine."""

    name = "nccl"

    def __init__(self, host: Any) -> None:
        found = module()
        assert found is not None
        self.nccl, self.host, self.rank, self.size = found, host, host.rank, host.size
        self.cupy = importlib.import_module("cupy")
        self.device = int(os.environ.get("LOCAL_RANK", host.rank)) % self.cupy.cuda.runtime.getDeviceCount()
        number = host.object_from(found.get_unique_id() if host.rank == 0 else None, 0)
        with self.cupy.cuda.Device(self.device):
            self.comm = found.NcclCommunicator(host.size, number, host.rank)

    def takes(self, x: Array) -> bool:
        """Whether an array lies on the GPU of this process, and NCCL knows its dtype; MPI moves others."""
        return isinstance(x, self.cupy.ndarray) and x.device.id == self.device and x.dtype.name in DTYPES

    def _words(self, x: Array) -> tuple[int, int]:
        """How many numbers an array has, and NCCL's number of their dtype."""
        return x.size, getattr(self.nccl, f"NCCL_{DTYPES[x.dtype.name]}")

    def _operation(self, op: str) -> int:
        return int(getattr(self.nccl, f"NCCL_{OPERATIONS[op]}"))

    def _stream(self) -> int:
        return int(self.cupy.cuda.get_current_stream().ptr)

    def all_reduce(self, x: Array, op: str) -> None:
        """x of all ranks, combined: 'sum', 'product', 'min' or 'max'; bits are combined by MPI."""
        if op not in OPERATIONS:
            there = to_numpy(x)
            self.host.all_reduce(there, op)
            x[...] = move(there, device_of(x))
            return
        self.comm.allReduce(x.data.ptr, x.data.ptr, *self._words(x), self._operation(op), self._stream())

    def reduce(self, x: Array, op: str, to: int) -> None:
        """As `all_reduce`, for rank `to` alone."""
        if op not in OPERATIONS:
            there = to_numpy(x)
            self.host.reduce(there, op, to)
            x[...] = move(there, device_of(x))
            return
        self.comm.reduce(x.data.ptr, x.data.ptr, *self._words(x), self._operation(op), to, self._stream())

    def reduce_scatter(self, x: Array, whole: Array, op: str) -> None:
        """Write this rank's part of the sum over all ranks of `whole` into x."""
        self.comm.reduceScatter(whole.data.ptr, x.data.ptr, *self._words(x), self._operation(op), self._stream())

    def broadcast(self, x: Array, source: int) -> None:
        """Write x of rank `source` into x of all."""
        self.comm.bcast(x.data.ptr, *self._words(x), source, self._stream())

    def all_gather(self, x: Array, parts: Array) -> None:
        """Write x of rank i into parts[i]."""
        self.comm.allGather(x.data.ptr, parts.data.ptr, *self._words(x), self._stream())

    def all_to_all(self, received: Array, sent: Array, received_counts: Sequence[int],
                   sent_counts: Sequence[int]) -> None:
        """Send the j-th part of `sent` to rank j; parts are counted in rows."""
        self.nccl.groupStart()
        for rank, (theirs, mine) in enumerate(zip(_parts(received, received_counts), _parts(sent, sent_counts))):
            if mine.size:
                self.comm.send(mine.data.ptr, *self._words(mine), rank, self._stream())
            if theirs.size:
                self.comm.recv(theirs.data.ptr, *self._words(theirs), rank, self._stream())
        self.nccl.groupEnd()


def _parts(x: Array, counts: Sequence[int]) -> list[Array]:
    ends = np.cumsum(counts).tolist()
    return [x[end - count:end] for end, count in zip(ends, counts)]
