"""What NCCL is told: pointers, counts, dtypes, streams. A stand-in takes the place of CuPy; no GPU is needed."""
from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.distributed as dist
from minidl.distributed.engines import Single
from minidl.distributed.nccl import Nccl, module

STREAM, CONSTANTS = 77, {name: number for number, name in enumerate(
    "INT8 UINT8 INT32 INT64 FLOAT16 FLOAT32 FLOAT64 SUM PROD MIN MAX".split())}


class DeviceArray(np.ndarray):
    """An array with CuPy's `device` and `data.ptr`."""

    device = SimpleNamespace(id=1)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)


class Communicator:
    """Keeps what it is told."""

    def __init__(self, size: int, number: tuple[int, ...], rank: int) -> None:
        self.made, self.calls = (size, number, rank), list[tuple[Any, ...]]()

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, *args))


class Two(Single):
    """Rank 1 of two, alone."""

    rank, size = 1, 2

    def object_from(self, value: Any, source: int) -> Any:
        assert value is None and source == 0        # rank 0 alone asks NCCL for a number
        return (5,)


class Context:
    def __init__(self, number: int) -> None:
        assert number == 1

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Nccl:
    """NCCL for rank 1 of two, in the group of all."""
    cupy, nccl = ModuleType("cupy"), ModuleType("cupy.cuda.nccl")
    vars(nccl).update({f"NCCL_{name}": number for name, number in CONSTANTS.items()}, available=True,
                      NcclCommunicator=Communicator, groupStart=lambda: None, groupEnd=lambda: None)
    cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=lambda: 2), Device=Context,
                           get_current_stream=lambda: SimpleNamespace(ptr=STREAM))
    vars(cupy).update(ndarray=DeviceArray, ascontiguousarray=lambda x: x if x.flags.c_contiguous else x.copy(),
                      concatenate=lambda parts: np.concatenate(parts).view(DeviceArray), split=np.split, cuda=cuda)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", nccl)
    monkeypatch.setenv("LOCAL_RANK", "1")
    host = Two()
    host.devices = Nccl(host)
    monkeypatch.setattr(dist.GroupMember, "WORLD", dist.ProcessGroup(host, [0, 1]))
    return host.devices


def on_device(*shape: int, dtype: Any = minidl.float32) -> tuple[minidl.Tensor, int]:
    """A tensor whose array is taken for one of the GPU, and where it lies."""
    x = minidl.ones(*shape, dtype=dtype)
    x.array = x.array.view(DeviceArray)
    return x, x.array.ctypes.data


def test_who_speaks_to_whom(engine: Nccl) -> None:
    assert engine.comm.made == (2, (5,), 1) and engine.device == 1
    assert dist.get_backend() == "nccl" and dist.is_nccl_available()
    assert not engine.takes(np.ones(2, np.float32)) and not engine.takes(np.ones(2, bool).view(DeviceArray))


@pytest.mark.parametrize("dtype, name", [(minidl.float32, "FLOAT32"), (minidl.float16, "FLOAT16"),
                                         (minidl.int64, "INT64")])
def test_sums_in_place(engine: Nccl, dtype: Any, name: str) -> None:
    x, there = on_device(3, 4, dtype=dtype)
    dist.all_reduce(x)
    dist.all_reduce(x, dist.ReduceOp.MAX)
    dist.reduce(x, 1)
    dist.broadcast(x, 0)
    kind = CONSTANTS[name]
    assert engine.comm.calls == [
        ("allReduce", there, there, 12, kind, CONSTANTS["SUM"], STREAM),
        ("allReduce", there, there, 12, kind, CONSTANTS["MAX"], STREAM),
        ("reduce", there, there, 12, kind, CONSTANTS["SUM"], 1, STREAM), ("bcast", there, 12, kind, 0, STREAM)]


def test_parts(engine: Nccl) -> None:
    (whole, all_of_it), (part, there) = on_device(4, 2), on_device(2, 2)
    dist.reduce_scatter_tensor(part, whole, dist.ReduceOp.AVG)
    assert part.tolist() == [[0.5, 0.5]] * 2
    dist.all_gather_into_tensor(whole, part)
    dist.all_to_all_single(part, whole, [1, 1], [1, 3])
    row, kind = 8, CONSTANTS["FLOAT32"]
    assert engine.comm.calls == [
        ("reduceScatter", all_of_it, there, 4, kind, CONSTANTS["SUM"], STREAM),
        ("allGather", there, all_of_it, 4, kind, STREAM),
        ("send", all_of_it, 2, kind, 0, STREAM), ("recv", there, 2, kind, 0, STREAM),
        ("send", all_of_it + row, 6, kind, 1, STREAM), ("recv", there + row, 2, kind, 1, STREAM)]


def test_small_ones_travel_together_and_a_mean_is_divided(engine: Nccl) -> None:
    (a, _), (b, _) = on_device(3), on_device(2, 2)
    dist.all_reduce_coalesced([a, b], dist.ReduceOp.AVG)
    assert a.tolist() == [0.5] * 3 and b.tolist() == [[0.5] * 2] * 2
    assert [call[0] for call in engine.comm.calls] == ["allReduce"] and engine.comm.calls[0][3] == 7


def test_bits_and_arrays_of_the_host_go_by_mpi(engine: Nccl) -> None:
    x, _ = on_device(2, dtype=minidl.int64)
    dist.all_reduce(x, dist.ReduceOp.BXOR)
    dist.all_reduce(minidl.ones(2))
    assert engine.comm.calls == [] and x.tolist() == [1, 1]


def test_there_is_none_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy.cuda.nccl", None)
    assert module() is None and not dist.is_nccl_available()
