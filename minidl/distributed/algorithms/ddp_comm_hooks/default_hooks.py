"""Hooks for `DistributedDataParallel.register_comm_hook`: the mean, and the mean of numbers of half the bytes."""
from __future__ import annotations

from typing import Any

import minidl.distributed.collectives as dist
from minidl.backend.dtype import float16
from minidl.distributed.groups import get_world_size


def allreduce_hook(process_group: Any, bucket: Any) -> dist.Future:
    """The mean of the gradients in a bucket over all ranks of the group, as without a hook."""
    work = dist.all_reduce(bucket.buffer().div_(get_world_size(process_group)), group=process_group, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


def fp16_compress_hook(process_group: Any, bucket: Any) -> dist.Future:
    """As `allreduce_hook`, rounded to float16 before. MPI adds them as float32, so nothing gets faster."""
    halved = bucket.buffer().to(float16).div_(get_world_size(process_group))
    work = dist.all_reduce(halved, group=process_group, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: bucket.buffer().copy_(future.value()[0]))
