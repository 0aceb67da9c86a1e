"""`DistributedSampler`: each of several processes draws its own part of a dataset."""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sized

import minidl.distributed as dist
from minidl.random import Generator
from minidl.utils.data.sampler import Sampler, cpu_stream

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """The sample numbers of process `rank` among `num_replicas`: every `num_replicas`-th.

    All processes draw equally many: some numbers come twice, or with `drop_last`, the last are left out. `set_epoch`
    before each epoch makes another shuffle, which all processes draw from `seed` alike. Errors: RuntimeError without
    `num_replicas` and `rank` before `distributed.init_process_group`, which says them otherwise; ValueError for a rank
    outside.

        >>> import minidl
        >>> from minidl.utils.data import DistributedSampler
        >>> list(DistributedSampler("abcde", num_replicas=2, rank=1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:
        if (num_replicas is None or rank is None) and not dist.is_initialized():
            raise RuntimeError("DistributedSampler: how many processes there are is not known; call "
                               "minidl.distributed.init_process_group() first, or give num_replicas and rank")
        num_replicas = dist.get_world_size() if num_replicas is None else num_replicas
        rank = dist.get_rank() if rank is None else rank
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0
        size = len(dataset)
        extra = size % num_replicas
        self.num_samples = math.ceil((size - num_replicas if extra else size) / num_replicas) if drop_last \
            else math.ceil(size / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)
        order = range(size)
        if self.shuffle:
            order = cpu_stream(Generator().manual_seed(self.seed + self.epoch)).permutation(size).tolist()
        return itertools.islice(itertools.cycle(order), self.rank, self.total_size, self.num_replicas)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Make another shuffle: call it before each epoch, with its number."""
        self.epoch = epoch
