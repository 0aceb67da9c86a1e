"""Many small tensors that travel as few larger ones: what a message costs before its first byte is paid once."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend.device import Array, to_numpy
from minidl.distributed.collectives import (
    ReduceOp,
    Work,
    _average,
    _check_operation,
    _done,
    _engine_of,
    _on_host,
    _root,
)
from minidl.distributed.engines import PIECE
from minidl.distributed.nccl import Nccl


def all_reduce_coalesced(tensors: Sequence[Any], op: str = ReduceOp.SUM, group: Any = None,
                         async_op: bool = False) -> Work | None:
    """As `all_reduce` of each tensor, in few messages. Errors: as `all_reduce`.

        >>> import minidl, minidl.distributed as dist
        >>> dist.init_process_group()
        >>> dist.all_reduce_coalesced([minidl.ones(2), minidl.ones(3)])
        >>> dist.destroy_process_group()
    """
    engine, plain = _engine_of(group, "all_reduce_coalesced", *tensors), _check_operation("all_reduce_coalesced", op)

    def sum_up(x: Array) -> None:
        engine.all_reduce(x, plain)
        _average(x, op, engine.size)
    _together(tensors, "all_reduce_coalesced", sum_up, engine)
    return _done(async_op)


def broadcast_coalesced(tensors: Sequence[Any], src: int | None = None, group: Any = None,
                        group_src: int | None = None) -> None:
    """As `broadcast` of each tensor, in few messages. Errors: as `broadcast`."""
    engine = _engine_of(group, "broadcast_coalesced", *tensors)
    source = _root(group, "broadcast_coalesced", src, group_src, "src")
    _together(tensors, "broadcast_coalesced", lambda x: engine.broadcast(x, source), engine,
              engine.rank != source)


def _together(tensors: Sequence[Any], who: str, work: Callable[[Array], None], engine: Any,
              written: bool = True) -> None:
    """`work` on arrays that hold the numbers of the tensors, which are written back."""
    for bucket in _buckets(tensors):
        if len(bucket) == 1:
            with _on_host(bucket[0], who, written, engine) as x:
                work(x)
            continue
        library = engine.cupy if isinstance(engine, Nccl) else np
        flat = library.concatenate([(x.array if library is not np else to_numpy(x.array)).reshape(-1) for x in bucket])
        work(flat)
        parts = library.split(flat, np.cumsum([x.numel() for x in bucket])[:-1].tolist())
        for tensor, part in zip(bucket, parts if written else []):
            with _on_host(tensor, who, engine=engine) as x:
                x[...] = part.reshape(x.shape)


def _buckets(tensors: Sequence[Any]) -> Iterator[list[Any]]:
    """The tensors, in order, as many as fit into what travels at once; each with those of its dtype."""
    for dtype in dict.fromkeys(x.dtype for x in tensors):
        bucket, size = list[Any](), 0
        for x in tensors:
            if x.dtype is not dtype and x.dtype != dtype:
                continue
            if bucket and size + x.nbytes > PIECE:
                yield bucket
                bucket, size = [], 0
            bucket.append(x)
            size += x.nbytes
        yield bucket
