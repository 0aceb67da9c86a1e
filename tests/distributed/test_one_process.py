"""Without a launcher there is one process, with which every function works; and what is refused."""
from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import minidl
import minidl.distributed as dist
from minidl import nn
from minidl.distributed import run
from minidl.distributed.engines import wait_until_read
from minidl.nn.parallel import DistributedDataParallel


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    dist.init_process_group()
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


def test_what_was_printed_is_read_before_mpi_aborts(tmp_path: Path) -> None:
    out, into = os.pipe()
    try:
        os.write(into, b"the cause")
        reader = threading.Timer(0.1, os.read, (out, 100))
        reader.start()
        wait_until_read(into, seconds=60.0)
        assert not select.select([out], [], [], 0)[0]
        reader.join()
        os.write(into, b"nobody reads this")
        wait_until_read(into, seconds=0.01)
        assert os.read(out, 100) == b"nobody reads this"
    finally:
        os.close(out)
        os.close(into)
    with open(tmp_path / "log", "w") as file:
        file.write("no pipe")
        wait_until_read(file.fileno())
    wait_until_read(into)       # closed


def test_who_there_is() -> None:
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "single")
    assert not dist.is_available() and dist.is_initialized() and dist.get_process_group_ranks() == [0]
    assert dist.get_node_local_rank() == 0 and dist.group.WORLD.name() == "single"
    half = dist.new_group([0])
    assert dist.get_group_rank(half, 0) == dist.get_global_rank(half, 0) == dist.get_rank(half) == 0
    assert dist.get_rank(dist.GroupMember.NON_GROUP_MEMBER) == dist.get_world_size(
        dist.GroupMember.NON_GROUP_MEMBER) == -1


def test_what_one_does_with_himself() -> None:
    x, there = minidl.tensor([1.0, 2.0]), minidl.zeros(2)
    for op in ("SUM", "AVG", "PRODUCT", "MIN", "MAX"):
        assert dist.all_reduce(x, getattr(dist.ReduceOp, op)) is None
    dist.reduce(x, 0)
    dist.broadcast(x, 0)
    assert x.tolist() == [1.0, 2.0]
    for call in (lambda: dist.all_gather([there], x), lambda: dist.all_gather_into_tensor(there, x),
                 lambda: dist.gather(x, [there]), lambda: dist.scatter(there, [x]),
                 lambda: dist.reduce_scatter(there, [x]), lambda: dist.reduce_scatter_tensor(there, x),
                 lambda: dist.all_to_all([there], [x]), lambda: dist.all_to_all_single(there, x)):
        there.zero_()
        call()
        assert there.tolist() == [1.0, 2.0]
    work = dist.all_reduce(x, async_op=True)
    assert work.wait() and work.is_completed() and work.is_success()
    dist.barrier()
    dist.monitored_barrier()


def test_a_group_that_was_destroyed_is_none() -> None:
    half, other = dist.new_group([0]), dist.new_group([0])
    dist.destroy_process_group(half)
    with pytest.raises(ValueError, match="was destroyed; make another by new_group"):
        dist.barrier(half)
    dist.destroy_process_group()
    with pytest.raises(ValueError, match="was destroyed"):
        dist.all_reduce(minidl.ones(1), group=other)


def test_objects() -> None:
    places, told, dealt = [None], ["a"], [None]
    dist.all_gather_object(places, {1: 2})
    dist.broadcast_object_list(told, 0)
    dist.scatter_object_list(dealt, ["b"])
    gathered = [None]
    dist.gather_object("c", gathered)
    assert (places, told, dealt, gathered) == ([{1: 2}], ["a"], ["b"], ["c"])


def test_a_write_is_seen() -> None:
    """A graph that has kept the old numbers must not use the new ones."""
    x = minidl.ones(2, requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    with minidl.no_grad():
        dist.all_reduce(y)
    with pytest.raises(RuntimeError, match="all_reduce"):
        z.backward()


def test_gradients_are_those_of_the_module() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    parallel = DistributedDataParallel(model, bucket_cap_mb=1e-5)
    x = minidl.randn(5, 3)
    parallel(x).sum().backward()
    found = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(x).sum().backward()
    assert all(minidl.equal(a, p.grad) for a, p in zip(found, model.parameters()))
    assert list(parallel.state_dict()) == [f"module.{key}" for key in model.state_dict()]
    with minidl.no_grad():
        assert parallel(x).shape == (5, 2)


@pytest.mark.parametrize("call, error, text", [
    (lambda: dist.init_process_group(), RuntimeError, "twice"),
    (lambda: dist.all_reduce([1.0]), TypeError, "expected a Tensor, got list"),
    (lambda: dist.all_reduce(minidl.ones(1), "mean"), ValueError, "op expects one of ReduceOp.AVG, .*got 'mean'"),
    (lambda: dist.all_reduce(minidl.ones(1).long(), dist.ReduceOp.AVG), RuntimeError, "not defined for integers"),
    (lambda: dist.broadcast(minidl.ones(1), 1), ValueError, "Global rank 1 is not part of group"),
    (lambda: dist.broadcast(minidl.ones(1)), ValueError, "expected one of src and group_src"),
    (lambda: dist.broadcast(minidl.ones(1), group_src=2), ValueError, "group_src expects a rank from 0 to 0, got 2"),
    (lambda: dist.all_gather([minidl.ones(2)], minidl.ones(1)), ValueError, r"expects 1 tensors of shape \(1,\)"),
    (lambda: dist.gather(minidl.ones(1)), ValueError, "gather_list is for rank 0 alone"),
    (lambda: dist.scatter(minidl.ones(1)), ValueError, "scatter_list is for rank 0 alone"),
    (lambda: dist.all_gather_into_tensor(minidl.ones(3), minidl.ones(1)), RuntimeError, "do not make an output"),
    (lambda: dist.reduce_scatter_tensor(minidl.ones(3), minidl.ones(1)), RuntimeError, "does not make 1 outputs"),
    (lambda: dist.all_to_all_single(minidl.ones(2), minidl.ones(2), [1]), RuntimeError, "not 1 parts of sizes"),
    (lambda: dist.all_to_all([], []), ValueError, "expects 1 tensors, got 0"),
    (lambda: dist.all_gather_object([], 1), ValueError, "expects 1 places, got 0"),
    (lambda: dist.scatter_object_list([None], []), ValueError, "expects 1 objects, got 0"),
    (lambda: dist.send(minidl.ones(1), 0), RuntimeError, "nobody to send to"),
    (lambda: dist.P2POp(dist.send, minidl.ones(1), 0), ValueError, "Invalid ``op``"),
    (lambda: dist.new_group([0, 1]), ValueError, "expected different ranks from 0 to 0"),
    (lambda: dist.new_subgroups(2), ValueError, "a divisor of 1, got 2"),
    (lambda: dist.new_subgroups_by_enumeration([[0], [0]]), ValueError, "lists of different ranks"),
    (lambda: dist.algorithms.Join([]), ValueError, "at least one joinable"),
    (lambda: DistributedDataParallel(nn.Linear(1, 1)).register_comm_hook(None, 1), TypeError, "must be callable"),
    (lambda: dist.get_global_rank(dist.group.WORLD, 1), ValueError, "expected a rank from 0 to 0, got 1"),
    (lambda: dist.all_reduce(minidl.ones(1), group=dist.GroupMember.NON_GROUP_MEMBER), RuntimeError,
     "does not belong to the group"),
    (lambda: DistributedDataParallel(nn.ReLU()), RuntimeError, "doesn't have any parameter that requires a gradient"),
    (lambda: DistributedDataParallel(nn.Linear(1, 1), device_ids=[0, 1]), ValueError, "a single element"),
])
def test_what_is_refused(call: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("settings, error, text", [
    ({"backend": "ucc"}, ValueError, "backend expects one of mpi, gloo"),
    ({"world_size": 2}, ValueError, "world_size is 1 in this run, but got 2; start as many"),
    ({"rank": 1}, ValueError, "rank is 0 in this run, but got 1"),
])
def test_what_no_run_can_be(settings: dict[str, object], error: type[Exception], text: str) -> None:
    dist.destroy_process_group()
    with pytest.raises(error, match=text):
        dist.init_process_group(**settings)
    assert not dist.is_initialized()
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()


def test_another_launcher_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    dist.destroy_process_group()
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(RuntimeError, match="python -m minidl.distributed.run --nproc-per-node 4 PROGRAM"):
        dist.init_process_group()


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["--nproc-per-node", "0", "x.py"])
    assert "expects at least 1, got 0" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"is not installed; try pip install 'minidl\[mpi\]'"):
        run.launcher()
    assert run.cores() >= 1 and sys.executable
