"""Ranks with different numbers of inputs: their steps are those of one process that knows who is still there."""
import minidl
import minidl.distributed as dist
from minidl import nn, optim
from minidl.distributed.algorithms import Join
from minidl.distributed.algorithms.ddp_comm_hooks import default_hooks
from minidl.distributed.optim import ZeroRedundancyOptimizer
from minidl.nn.parallel import DistributedDataParallel

dist.init_process_group()
rank, size = dist.get_rank(), dist.get_world_size()
x = minidl.randn(size, size, 5, 3, generator=minidl.Generator().manual_seed(0))     # of a rank, in a step


def network():
    minidl.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def loss(model, part):
    return (model(part) ** 2).mean()


def expected(whole, kind, **settings):
    """Rank r has r + 1 inputs: parameters after all steps."""
    model = network()
    optimizer = kind(model.parameters(), **settings)
    for step in range(size):
        active = [r for r in range(size) if step <= r]
        optimizer.zero_grad()
        (sum(loss(model, x[r, step]) for r in active) / (size if whole else len(active))).backward()
        optimizer.step()
    return list(model.parameters())


for whole in (True, False):
    for unused in (True, False):
        model = DistributedDataParallel(network(), bucket_cap_mb=5e-5, find_unused_parameters=unused)
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        with model.join(divide_by_initial_world_size=whole):
            for step in range(rank + 1):
                optimizer.zero_grad()
                loss(model, x[rank, step]).backward()
                optimizer.step()
        for p, wanted in zip(model.parameters(), expected(whole, optim.SGD, lr=0.5)):
            assert minidl.allclose(p, wanted, rtol=0, atol=1e-6), (whole, unused)

model = DistributedDataParallel(network())
model.register_comm_hook(None, default_hooks.allreduce_hook)
optimizer = ZeroRedundancyOptimizer(model.parameters(), optim.Adam, lr=0.1)
with Join([model, optimizer]):
    for step in range(rank + 1):
        optimizer.zero_grad()
        loss(model, x[rank, step]).backward()
        optimizer.step()
for p, wanted in zip(model.parameters(), expected(True, optim.Adam, lr=0.1)):
    assert minidl.allclose(p, wanted, rtol=0, atol=1e-5)

model = DistributedDataParallel(nn.Linear(3, 1, bias=False))
model.register_comm_hook(None, default_hooks.fp16_compress_hook)
model(minidl.full((1, 3), rank * 2.0)).sum().backward()
assert model.module.weight.grad.tolist() == [[size - 1.0] * 3]

try:
    with model.join(throw_on_early_termination=True):
        for step in range(rank + 1):
            model(x[rank, step]).sum().backward()
    raise AssertionError
except RuntimeError as error:
    assert ("Rank 0 exhausted all inputs" if rank == 0 else "at least one rank that exhausted inputs") in str(error)

from minidl.metrics import Accuracy, RetrievalMAP  # noqa: E402

scores, right = minidl.randn(4 * size, 3, generator=minidl.Generator().manual_seed(2)), minidl.arange(4 * size) % 3
mine, alone = Accuracy(task="multiclass", num_classes=3), Accuracy(task="multiclass", num_classes=3)
if rank:                                                    # the first has seen nothing
    mine.update(scores[4 * rank:4 * rank + 4], right[4 * rank:4 * rank + 4])
mine.sync()
alone.update(scores[4:], right[4:])
assert mine.compute() == alone.compute() and mine.update_count == size - 1
found = RetrievalMAP()                                      # its states are lists
found.update(scores[:, 0][rank:rank + 2], minidl.tensor([True, False]), minidl.tensor([rank, rank]))
found.sync()
whole = RetrievalMAP()
for r in range(size):
    whole.update(scores[:, 0][r:r + 2], minidl.tensor([True, False]), minidl.tensor([r, r]))
assert found.compute() == whole.compute()
print("all is well")
