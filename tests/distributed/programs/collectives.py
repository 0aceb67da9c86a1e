"""All that ranks do together, with numbers that are known. Runs on any number of ranks from 2 on.

With the word "cuda", tensors lie on GPUs, one for each rank, and NCCL moves them.
"""
import sys
from datetime import timedelta

import minidl
import minidl.distributed as dist

cuda = "cuda" in sys.argv
dist.init_process_group(backend="nccl" if cuda else "gloo", world_size=-1)
if cuda:
    minidl.cuda.set_device(dist.get_node_local_rank())
    minidl.set_default_device("cuda")
    assert dist.get_backend() == "nccl"
rank, size = dist.get_rank(), dist.get_world_size()
everyone = list(range(size))
assert dist.is_available() and dist.is_initialized()


def mine(*shape, dtype=minidl.float32):
    """A tensor of this rank's number."""
    return minidl.full(shape, rank, dtype=dtype)


# sums
for dtype in (minidl.float32, minidl.float64, minidl.float16, minidl.int64, minidl.uint8, minidl.complex64):
    x = mine(3, dtype=dtype)
    assert dist.all_reduce(x) is None and x.tolist() == [sum(everyone)] * 3, x
for op, expected in [("MAX", size - 1), ("MIN", 0), ("PRODUCT", 0), ("AVG", (size - 1) / 2)]:
    x = mine(2)
    dist.all_reduce(x, getattr(dist.ReduceOp, op))
    assert x.tolist() == [expected] * 2
x = minidl.tensor([rank == 0, False])
dist.all_reduce(x, dist.ReduceOp.MAX)
assert x.tolist() == [True, False]
x = mine(2_500_000)                                     # in pieces
assert dist.all_reduce(x, async_op=True).wait() and x.min() == x.max() == sum(everyone)
x = minidl.zeros(2, 4)
x[:, 1] = rank + 1
column = x[:, 1]                                        # a view, whose memory is not in one piece
dist.all_reduce(column)
assert x.sum() == 2 * sum(everyone) + 2 * size
several = [mine(2), mine(2, 3, dtype=minidl.int64), mine(1).expand(3).clone(), mine(2_000_000)]
dist.all_reduce_coalesced(several)
assert all((x == sum(everyone)).all() for x in several)
x = mine(2)
dist.reduce(x, dst=1)
assert x.tolist() == [sum(everyone) if rank == 1 else rank] * 2
x = minidl.zeros(2)
dist.reduce_scatter_tensor(x, minidl.arange(2.0 * size))
assert x.tolist() == [size * 2 * rank, size * (2 * rank + 1)]
dist.reduce_scatter(x, [minidl.full((2,), i) for i in map(float, everyone)])
assert x.tolist() == [size * rank] * 2

# copies
x = mine(2, 3).t()
dist.broadcast(x, src=size - 1)
assert (x == size - 1).all()
found = [minidl.empty(2) for _ in everyone]
dist.all_gather(found, mine(2))
assert [x.tolist() for x in found] == [[i, i] for i in everyone]
whole = minidl.empty(size, 2)
dist.all_gather_into_tensor(whole, mine(2))
assert whole.tolist() == [[i, i] for i in everyone]
found = [minidl.empty(1) for _ in everyone] if rank == 0 else None
dist.gather(mine(1), found)
assert found is None or [x.item() for x in found] == everyone
x = minidl.empty(1)
dist.scatter(x, [minidl.full((1,), i * i) for i in map(float, everyone)] if rank == 0 else None)
assert x.item() == rank * rank
x = minidl.empty(size)
dist.all_to_all_single(x, minidl.arange(float(size)) + 10 * rank)
assert x.tolist() == [10 * i + rank for i in everyone]
sizes = [i + 1 for i in everyone]                       # rank i gets i + 1 numbers from each
found = [minidl.empty(rank + 1) for _ in everyone]
dist.all_to_all(found, [minidl.full((i + 1,), float(rank)) for i in everyone])
assert [x.tolist() for x in found] == [[i] * (rank + 1) for i in everyone]

# objects
names = [None] * size
dist.all_gather_object(names, f"rank {rank}")
assert names == [f"rank {i}" for i in everyone]
told = [names if rank == 1 else None]
dist.broadcast_object_list(told, src=1)
assert told == [names]
dealt = [None]
dist.scatter_object_list(dealt, names if rank == 0 else None)
assert dealt == [f"rank {rank}"]

if rank == 0:
    dist.send_object_list([{"a": 1}, "b"], 1)
elif rank == 1:
    two = [None, None]
    assert dist.recv_object_list(two) == 0 and two == [{"a": 1}, "b"]
own, groups = dist.new_subgroups(1)
assert dist.get_process_group_ranks(own) == [rank] and groups == [own]
own, groups = dist.new_subgroups_by_enumeration([[1, 0]])
assert (own is None) == (rank > 1)

# messages around the ring, and a group of two
left, right = (rank - 1) % size, (rank + 1) % size
x = minidl.empty(1)
works = dist.batch_isend_irecv([dist.P2POp(dist.isend, mine(1), right), dist.P2POp(dist.irecv, x, left)])
assert all(work.wait() for work in works) and x.item() == left and works[1].source_rank() == left
if rank == 0:
    dist.send(minidl.ones(2, 2), 1, tag=7)
elif rank == 1:
    x = minidl.zeros(2, 2)
    assert dist.recv(x, tag=7) == 0 and x.sum() == 4
last = dist.new_group([size - 2, size - 1])
if rank >= size - 2:
    x = mine(1)
    dist.all_reduce(x, group=last)
    assert x.item() == 2 * size - 3 and dist.get_world_size(last) == 2
    assert dist.get_rank(last) == rank - size + 2 and dist.get_global_rank(last, 1) == size - 1
else:
    assert last is dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(last) == -1

# gradients pass through a sum over ranks, twice
x = minidl.full((2,), float(rank + 1), dtype=minidl.float64, requires_grad=True)
y = (dist.functional.all_reduce(x) ** 2).sum()
(g,) = minidl.autograd.grad(y, x, create_graph=True)    # 2 sum(x), on each of the ranks
assert g.tolist() == [2 * size * sum(i + 1 for i in everyone)] * 2
(h,) = minidl.autograd.grad(g.sum(), x)
assert h.tolist() == [2 * size * size] * 2

dist.monitored_barrier(timeout=timedelta(seconds=60))
dist.barrier()
print("all is well")
