"""DistributedSampler against PyTorch's."""
from __future__ import annotations

from typing import Any

import pytest

from minidl.utils.data import DistributedSampler

try:
    from torch.utils.data import DistributedSampler as Theirs
except ImportError:
    Theirs = None


@pytest.mark.parametrize("size", [1, 5, 6, 7])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("replicas", [1, 2, 3, 10])
def test_each_process_draws_its_part(size: int, drop_last: bool, replicas: int) -> None:
    def drawn(sampler: Any, **settings: Any) -> list[Any]:
        return [list(sampler(range(size), num_replicas=replicas, rank=rank, drop_last=drop_last, **settings))
                for rank in range(replicas)]

    ours = drawn(DistributedSampler, shuffle=False)
    if Theirs is not None and not (drop_last and size < replicas):      # PyTorch's ends in an assertion
        assert ours == drawn(Theirs, shuffle=False)
    assert len({len(part) for part in ours}) == 1
    assert [len(DistributedSampler(range(size), replicas, rank, drop_last=drop_last)) for rank in range(replicas)] == [
        len(part) for part in ours]
    shuffled = sorted(sum(drawn(DistributedSampler), []))
    assert len(shuffled) == len(sum(ours, [])) and (drop_last or set(shuffled) == set(range(size)))


def test_an_epoch_makes_another_shuffle_that_all_share() -> None:
    a, b = (DistributedSampler(range(20), 2, rank, seed=3) for rank in (0, 1))
    first = list(a)
    assert sorted(first + list(b)) == list(range(20)) and list(a) == first
    a.set_epoch(1)
    b.set_epoch(1)
    assert list(a) != first and sorted([*a, *b]) == list(range(20))


def test_what_is_refused() -> None:
    with pytest.raises(RuntimeError, match="how many processes there are is not known; call minidl.distributed.init"):
        DistributedSampler(range(3))
    with pytest.raises(ValueError, match="Invalid rank 2, rank should be in the interval .0, 1."):
        DistributedSampler(range(3), 2, 2)
