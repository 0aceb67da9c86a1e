"""What all ranks of a group do together with tensors: sum, share, collect, deal out. In place, as in PyTorch.

    minidl.distributed.all_reduce(x)        # x is now the sum of x over all ranks

Every rank of the group calls the same functions in the same order, with tensors of the same shape and dtype. A sum
over ranks is in the order of MPI's algorithm, the same bits on all ranks. With `async_op=True` the work is done at
once, too, and what comes back says so: overlap of sending and computing gains nothing where ranks are as many as cores.
"""
from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from minidl.autograd.inplace import mark_written
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, device_of, move, to_numpy
from minidl.distributed.engines import ANYBODY, MPI, Done, Single
from minidl.distributed.groups import TIMEOUT, ProcessGroup, _found, get_group_rank
from minidl.distributed.nccl import OPERATIONS, Nccl
from minidl.jit import Future


class ReduceOp:
    """How the tensors of all ranks are combined."""

    SUM, AVG, PRODUCT, MIN, MAX = "sum", "avg", "product", "min", "max"
    BAND, BOR, BXOR = "band", "bor", "bxor"


_OPERATIONS = {value for name, value in vars(ReduceOp).items() if name.isupper()}


class Work:
    """A request that may still be on its way. results: the tensors that it writes into."""

    def __init__(self, request: Any, finish: Any = None, results: Sequence[Any] = ()) -> None:
        self.request, self.finish, self.done, self.results = request, finish, False, list(results)

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Return when it is done; True."""
        if not self.done:
            self.request.wait()
            self._finish()
        return True

    def is_completed(self) -> bool:
        """Whether it is done."""
        if not self.done and self.request.test():
            self._finish()
        return self.done

    def is_success(self) -> bool:
        """Whether it is done; an error would have ended the program."""
        return self.is_completed()

    def result(self) -> list[Any]:
        """The tensors that it has written into."""
        self.wait()
        return self.results

    def get_future(self) -> Future:
        """As `result`, in a `Future`."""
        return Future(self.result())

    def source_rank(self) -> int:
        """Who sent what was received, by his number in the group."""
        return int(self.request.sender)

    def _finish(self) -> None:
        self.done = True
        if self.finish is not None:
            self.finish()


def _done(async_op: bool, *results: Any) -> Work | None:
    return Work(Done(), results=results) if async_op else None


def _engine(group: Any, who: str, *tensors: Any) -> Single | MPI:
    """The engine of a group for arrays of the host. Errors: as `get_rank`; TypeError where something is no tensor."""
    for x in tensors:
        if not isinstance(x, TensorBase):
            raise TypeError(f"{who}: expected a Tensor, got {type(x).__name__}")
    return _found(group).engine


def _engine_of(group: Any, who: str, *tensors: Any) -> Single | MPI | Nccl:
    """The engine of a group that takes the arrays of these tensors where they lie, if there is one."""
    engine = _engine(group, who, *tensors)
    if engine.devices is None or not all(engine.devices.takes(x.array) for x in tensors):
        return engine
    nccl: Nccl = engine.devices
    return nccl


class _on_host:
    """The numbers of a tensor as a contiguous array of the host, or of the GPU for `engine`, which is written back."""

    __slots__ = ("engine", "there", "who", "written", "x")

    def __init__(self, x: TensorBase, who: str, written: bool = True, engine: Any = None) -> None:
        self.x, self.who, self.written, self.engine = x, who, written, engine

    def __enter__(self) -> Array:
        array = self.x.array
        if isinstance(self.engine, Nccl):
            self.there = self.engine.cupy.ascontiguousarray(array)
        else:
            self.there = np.ascontiguousarray(to_numpy(array))
        return self.there

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.written:
            array = self.x.array
            if self.there is not array:
                array[...] = move(self.there, device_of(array))
            mark_written(self.x, self.who)


def _root(group: Any, who: str, rank: int | None, group_rank: int | None, other: str) -> int:
    """The number in the group of the rank that is named, by either of two arguments."""
    if (rank is None) == (group_rank is None):
        raise ValueError(f"{who}: expected one of {other} and group_{other}")
    found = _found(group)
    if group_rank is None:
        assert rank is not None
        return get_group_rank(found, rank)
    if not 0 <= group_rank < found.size():
        raise ValueError(f"{who}: group_{other} expects a rank from 0 to {found.size() - 1}, got {group_rank}")
    return group_rank


def _check_operation(who: str, op: str) -> str:
    if op not in _OPERATIONS:
        names = ", ".join(f"ReduceOp.{name.upper()}" for name in sorted(_OPERATIONS))
        raise ValueError(f"{who}: op expects one of {names}, got {op!r}")
    return "sum" if op == ReduceOp.AVG else op


def _average(x: Array, op: str, size: int) -> None:
    if op == ReduceOp.AVG:
        if x.dtype.kind not in "fc":
            raise RuntimeError("ReduceOp.AVG is not defined for integers; try ReduceOp.SUM and a division")
        x /= size


# ---------------------------------------------------------------------- sums

def all_reduce(tensor: Any, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace `tensor` by its sum over all ranks, or by another combination of them.

    Errors: ValueError for an unknown `op`, or before `init_process_group`.

        >>> import minidl, minidl.distributed as dist
        >>> dist.init_process_group()
        >>> x = minidl.ones(2)
        >>> dist.all_reduce(x)
        >>> x
        tensor([1., 1.])
        >>> dist.destroy_process_group()
    """
    engine, plain = _engine_of(group, "all_reduce", tensor), _check_operation("all_reduce", op)
    with _on_host(tensor, "all_reduce", engine=engine) as x:
        engine.all_reduce(x, plain)
        _average(x, op, engine.size)
    return _done(async_op, tensor)


def reduce(tensor: Any, dst: int | None = None, op: str = ReduceOp.SUM, group: Any = None, async_op: bool = False,
           group_dst: int | None = None) -> Work | None:
    """As `all_reduce`, for rank `dst` alone; the tensors of others keep their numbers."""
    engine, plain = _engine_of(group, "reduce", tensor), _check_operation("reduce", op)
    to = _root(group, "reduce", dst, group_dst, "dst")
    with _on_host(tensor, "reduce", engine.rank == to, engine) as x:
        engine.reduce(x, plain, to)
        if engine.rank == to:
            _average(x, op, engine.size)
    return _done(async_op)


def reduce_scatter_tensor(output: Any, input: Any, op: str = ReduceOp.SUM, group: Any = None,
                          async_op: bool = False) -> Work | None:
    """Write part i of the sum over all ranks of `input` into `output` of rank i.

    input: as many elements as all outputs together. Errors: RuntimeError for other sizes.
    """
    engine = _engine_of(group, "reduce_scatter_tensor", output, input)
    if input.numel() != engine.size * output.numel() or input.dtype != output.dtype:
        raise RuntimeError(f"reduce_scatter_tensor: input of shape {tuple(input.shape)} and {input.dtype} does not "
                           f"make {engine.size} outputs of shape {tuple(output.shape)} and {output.dtype}")
    if isinstance(engine, Nccl) and op in (*OPERATIONS, ReduceOp.AVG):
        with _on_host(input, "", False, engine) as parts, _on_host(output, "reduce_scatter_tensor", engine=engine) as x:
            engine.reduce_scatter(x, parts, _check_operation("reduce_scatter_tensor", op))
            _average(x, op, engine.size)
        return _done(async_op)
    whole = np.array(to_numpy(input.array))
    return _share_of_sum("reduce_scatter_tensor", _found(group).engine, output, whole, op, async_op)


def reduce_scatter(output: Any, input_list: Sequence[Any], op: str = ReduceOp.SUM, group: Any = None,
                   async_op: bool = False) -> Work | None:
    """Write the sum over all ranks of input_list[i] into `output` of rank i."""
    engine = _engine(group, "reduce_scatter", output, *input_list)
    _check_list("reduce_scatter", "input_list", input_list, engine.size, output)
    whole = np.stack([to_numpy(x.array) for x in input_list])
    return _share_of_sum("reduce_scatter", engine, output, whole, op, async_op)


def _share_of_sum(who: str, engine: Single | MPI, output: TensorBase, whole: Array, op: str,
                  async_op: bool) -> Work | None:
    """Write this rank's part of the sum over all ranks of `whole`, which is overwritten, into `output`."""
    engine.all_reduce(whole, _check_operation(who, op))
    _average(whole, op, engine.size)
    with _on_host(output, who) as x:
        x[...] = whole.reshape(engine.size, *x.shape)[engine.rank]
    return _done(async_op)


# ---------------------------------------------------------------------- copies

def broadcast(tensor: Any, src: int | None = None, group: Any = None, async_op: bool = False,
              group_src: int | None = None) -> Work | None:
    """Write `tensor` of rank `src` into that of all ranks."""
    engine = _engine_of(group, "broadcast", tensor)
    source = _root(group, "broadcast", src, group_src, "src")
    with _on_host(tensor, "broadcast", engine.rank != source, engine) as x:
        engine.broadcast(x, source)
    return _done(async_op)


def _check_list(who: str, name: str, tensors: Sequence[Any], size: int, like: Any) -> None:
    """Check that there are `size` tensors of the shape and dtype of another. Errors: ValueError."""
    wanted = tuple(like.shape), like.dtype
    if len(tensors) != size or any((tuple(x.shape), x.dtype) != wanted for x in tensors):
        raise ValueError(f"{who}: {name} expects {size} tensors of shape {wanted[0]} and {wanted[1]}, one for each "
                         f"rank, got {[(tuple(x.shape), str(x.dtype)) for x in tensors]}")


def _spread(who: str, parts: Array, tensors: Sequence[Any]) -> None:
    for part, tensor in zip(parts, tensors, strict=True):
        with _on_host(tensor, who) as x:
            x[...] = part


def all_gather(tensor_list: list[Any], tensor: Any, group: Any = None, async_op: bool = False) -> Work | None:
    """Write `tensor` of rank i into tensor_list[i] of all ranks."""
    engine = _engine(group, "all_gather", tensor, *tensor_list)
    _check_list("all_gather", "tensor_list", tensor_list, engine.size, tensor)
    with _on_host(tensor, "all_gather", written=False) as x:
        parts = np.empty((engine.size, *x.shape), x.dtype)
        engine.all_gather(x, parts)
    _spread("all_gather", parts, tensor_list)
    return _done(async_op)


def all_gather_into_tensor(output_tensor: Any, input_tensor: Any, group: Any = None,
                           async_op: bool = False) -> Work | None:
    """Write the inputs of all ranks into one tensor, one after the other, or along a new first dimension.

    Errors: RuntimeError for other sizes.
    """
    engine = _engine_of(group, "all_gather_into_tensor", output_tensor, input_tensor)
    if output_tensor.numel() != engine.size * input_tensor.numel() or output_tensor.dtype != input_tensor.dtype:
        raise RuntimeError(f"all_gather_into_tensor: {engine.size} inputs of shape {tuple(input_tensor.shape)} and "
                           f"{input_tensor.dtype} do not make an output of shape {tuple(output_tensor.shape)} and "
                           f"{output_tensor.dtype}")
    with _on_host(input_tensor, "", False, engine) as x, \
            _on_host(output_tensor, "all_gather_into_tensor", engine=engine) as y:
        engine.all_gather(x, y.reshape(engine.size, -1))
    return _done(async_op)


def gather(tensor: Any, gather_list: list[Any] | None = None, dst: int | None = None, group: Any = None,
           async_op: bool = False, group_dst: int | None = None) -> Work | None:
    """Write `tensor` of rank i into gather_list[i] of rank `dst` (0 by default); the others have no list."""
    engine = _engine(group, "gather", tensor, *(gather_list or []))
    dst = 0 if dst is None and group_dst is None else dst
    to = _root(group, "gather", dst, group_dst, "dst")
    if (gather_list is not None) != (engine.rank == to):
        raise ValueError(f"gather: gather_list is for rank {to} alone, which must have it")
    if gather_list is not None:
        _check_list("gather", "gather_list", gather_list, engine.size, tensor)
    with _on_host(tensor, "gather", written=False) as x:
        parts = None if gather_list is None else np.empty((engine.size, *x.shape), x.dtype)
        engine.gather(x, parts, to)
    if gather_list is not None and parts is not None:
        _spread("gather", parts, gather_list)
    return _done(async_op)


def scatter(tensor: Any, scatter_list: list[Any] | None = None, src: int | None = None, group: Any = None,
            async_op: bool = False, group_src: int | None = None) -> Work | None:
    """Write scatter_list[i] of rank `src` (0 by default) into `tensor` of rank i; the others have no list."""
    engine = _engine(group, "scatter", tensor, *(scatter_list or []))
    src = 0 if src is None and group_src is None else src
    source = _root(group, "scatter", src, group_src, "src")
    if bool(scatter_list) != (engine.rank == source):
        raise ValueError(f"scatter: scatter_list is for rank {source} alone, which must have it")
    if scatter_list:
        _check_list("scatter", "scatter_list", scatter_list, engine.size, tensor)
    parts = np.stack([to_numpy(x.array) for x in scatter_list]) if scatter_list else None
    with _on_host(tensor, "scatter") as x:
        engine.scatter(x, parts, source)
    return _done(async_op)


def all_to_all_single(output: Any, input: Any, output_split_sizes: Sequence[int] | None = None,
                      input_split_sizes: Sequence[int] | None = None, group: Any = None,
                      async_op: bool = False) -> Work | None:
    """Send part j of `input` to rank j, and put what rank i sends into part i of `output`.

    The parts have equally many rows, or as many as the sizes say. Errors: RuntimeError where they do not add up.
    """
    engine = _engine_of(group, "all_to_all_single", output, input)
    counts = []
    for name, x, sizes in (("output", output, output_split_sizes), ("input", input, input_split_sizes)):
        rows = len(x)
        sizes = list(sizes) if sizes else [rows // engine.size] * engine.size
        if len(sizes) != engine.size or sum(sizes) != rows:
            raise RuntimeError(f"all_to_all_single: {name} has {rows} rows, which are not {engine.size} parts of sizes "
                               f"{sizes}")
        counts.append(sizes)
    with _on_host(input, "", False, engine) as x, _on_host(output, "all_to_all_single", engine=engine) as y:
        engine.all_to_all(y, x, *counts)
    return _done(async_op)


def all_to_all(output_tensor_list: list[Any], input_tensor_list: list[Any], group: Any = None,
               async_op: bool = False) -> Work | None:
    """Send input_tensor_list[j] to rank j, and receive output_tensor_list[i] from rank i. Shapes may differ."""
    engine = _engine(group, "all_to_all", *output_tensor_list, *input_tensor_list)
    for name, tensors in (("output", output_tensor_list), ("input", input_tensor_list)):
        if len(tensors) != engine.size:
            raise ValueError(f"all_to_all: {name}_tensor_list expects {engine.size} tensors, got {len(tensors)}")
    sent = np.concatenate([to_numpy(x.array).reshape(-1) for x in input_tensor_list])
    sizes = [x.numel() for x in output_tensor_list]
    received = np.empty(sum(sizes), sent.dtype)
    engine.all_to_all(received, sent, sizes, [x.numel() for x in input_tensor_list])
    for tensor, part in zip(output_tensor_list, np.split(received, np.cumsum(sizes)[:-1])):
        with _on_host(tensor, "all_to_all") as x:
            x[...] = part.reshape(x.shape)
    return _done(async_op)


# ---------------------------------------------------------------------- from one to another

def isend(tensor: Any, dst: int | None = None, group: Any = None, tag: int = 0, group_dst: int | None = None) -> Work:
    """Begin to send a tensor to rank `dst`; leave it as it is until `wait()` has returned."""
    engine = _engine(group, "isend", tensor)
    with _on_host(tensor, "isend", written=False) as x:
        return Work(engine.send(x, _root(group, "isend", dst, group_dst, "dst"), tag))


def irecv(tensor: Any, src: int | None = None, group: Any = None, tag: int = 0, group_src: int | None = None) -> Work:
    """Begin to receive into a tensor from rank `src`, or from anybody; it has come when `wait()` has returned."""
    engine = _engine(group, "irecv", tensor)
    source = ANYBODY if src is None and group_src is None else _root(group, "irecv", src, group_src, "src")
    x = np.ascontiguousarray(to_numpy(tensor.array))

    def finish() -> None:
        if x is not tensor.array:
            tensor.array[...] = move(x, device_of(tensor.array))
        mark_written(tensor, "irecv")
    return Work(engine.receive(x, source, tag), finish)


def send(tensor: Any, dst: int | None = None, group: Any = None, tag: int = 0, group_dst: int | None = None) -> None:
    """Send a tensor to rank `dst`."""
    isend(tensor, dst, group, tag, group_dst).wait()


def recv(tensor: Any, src: int | None = None, group: Any = None, tag: int = 0, group_src: int | None = None) -> int:
    """Receive into a tensor from rank `src`, or from anybody; returns who it was, by his rank among all."""
    work = irecv(tensor, src, group, tag, group_src)
    work.wait()
    return _found(group).ranks[work.source_rank()]


class P2POp:
    """One of the messages of `batch_isend_irecv`: `op` is `isend` or `irecv`."""

    def __init__(self, op: Any, tensor: Any, peer: int | None = None, group: Any = None, tag: int = 0,
                 group_peer: int | None = None) -> None:
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``minidl.distributed.isend`` or "
                             "``minidl.distributed.irecv``.")
        self.op, self.tensor, self.group, self.tag = op, tensor, group, tag
        self.peer, self.group_peer = peer, group_peer


def batch_isend_irecv(p2p_op_list: Sequence[P2POp]) -> list[Work]:
    """Begin all messages of a list."""
    return [p.op(p.tensor, p.peer, p.group, p.tag, p.group_peer) for p in p2p_op_list]


# ---------------------------------------------------------------------- waiting for each other

def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Return when all ranks have come here."""
    _found(group).engine.barrier()
    return _done(async_op)


def monitored_barrier(group: ProcessGroup | None = None, timeout: timedelta | None = None,
                      wait_all_ranks: bool = False) -> None:
    """As `barrier`, with an end to patience (30 minutes by default).

    Errors: RuntimeError that names the ranks which did not come in time, or the first of them.
    """
    engine = _found(group).engine
    if isinstance(engine, MPI):
        late = engine.late((timeout or TIMEOUT).total_seconds())
        if late:
            raise RuntimeError(f"monitored_barrier: ranks {', '.join(map(str, late if wait_all_ranks else late[:1]))} "
                               f"did not come within {(timeout or TIMEOUT).total_seconds():g} s")
