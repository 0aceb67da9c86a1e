"""Ranks with a part of each batch train as one with the whole: losses, parameters, statistics, states."""
import sys

import minidl
import minidl.distributed as dist
from minidl import nn, optim
from minidl.distributed.optim import ZeroRedundancyOptimizer
from minidl.nn.parallel import DistributedDataParallel
from minidl.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group()
rank, size = dist.get_rank(), dist.get_world_size()
if "differ" in sys.argv:
    DistributedDataParallel(nn.Linear(2, 2 + rank))
x, y = minidl.randn(24, 1, 8, 8, generator=minidl.Generator().manual_seed(0)), minidl.arange(24) % 10


def network():
    minidl.manual_seed(1 + rank)        # ranks begin differently, and go on as rank 0
    return nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def train(model, optimizer, images, labels, steps=20):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        mean = loss.detach().clone()
        if isinstance(model, DistributedDataParallel):
            dist.all_reduce(mean, dist.ReduceOp.AVG)
        losses.append(mean.item())
    return losses


part = slice(rank * 24 // size, (rank + 1) * 24 // size)
for name, settings in {"SGD": {"lr": 0.05, "momentum": 0.9}, "Adam": {"lr": 0.01}}.items():
    for shared in (False, True):
        kind = getattr(optim, name)
        model = DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(network()),
                                        bucket_cap_mb=0.002)        # three buckets
        alone = network()
        alone.load_state_dict(model.module.state_dict())
        update = ZeroRedundancyOptimizer(model.parameters(), kind, **settings) if shared else \
            kind(model.parameters(), **settings)
        losses = train(model, update, x[part], y[part])
        reference = kind(alone.parameters(), **settings)
        for ours, expected in zip(losses, train(alone, reference, x, y), strict=True):
            assert abs(ours - expected) < 1e-6, (name, shared, ours, expected)
        for key, expected in alone.state_dict().items():
            assert minidl.allclose(model.module.state_dict()[key].double(), expected.double(), rtol=0, atol=1e-5), key
        if shared:
            update.consolidate_state_dict()
            if rank == 0:
                for number, state in update.state_dict()["state"].items():
                    for key, value in state.items():
                        wanted = reference.state_dict()["state"][number][key]
                        assert minidl.allclose(value, wanted, rtol=0, atol=1e-5), (number, key)
            else:
                try:
                    update.state_dict()
                    raise AssertionError
                except RuntimeError as error:
                    assert "has not been consolidated on this rank" in str(error)
            box = [update.state_dict() if rank == 0 else reference.state_dict()]
            dist.broadcast_object_list(box)
            fresh = ZeroRedundancyOptimizer(model.parameters(), kind, **settings)
            fresh.load_state_dict(box[0])
            assert all(abs(a - b) < 1e-5 for a, b in zip(train(model, fresh, x[part], y[part], 3),
                                                         train(alone, reference, x, y, 3)))


class Branches(nn.Module):
    """`b` is used by rank 0 alone, `c` by nobody."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Linear(2, 1) for _ in range(3))

    def forward(self, x):
        return {"scores": [self.a(x) + (self.b(x) if rank == 0 else 0)]}


model = DistributedDataParallel(Branches(), find_unused_parameters=True)
for _ in range(2):
    model.zero_grad()
    model(minidl.ones(1, 2))["scores"][0].sum().backward()
    assert model.module.a.bias.grad.item() == 1 and abs(model.module.b.bias.grad.item() - 1 / size) < 1e-6
    assert model.module.c.bias.grad is None
model = DistributedDataParallel(Branches())
model(minidl.ones(1, 2))["scores"][0].sum().backward()
try:
    model(minidl.ones(1, 2))
    raise AssertionError
except RuntimeError as error:
    assert ("b.weight, b.bias, c.weight" if rank else "loss: c.weight, c.bias") in str(error), error

model = DistributedDataParallel(nn.Linear(2, 1))            # the mean over ranks of 2 * rank
with model.no_sync():
    (model(minidl.ones(1, 2)) * rank).sum().backward()
(model(minidl.ones(1, 2)) * rank).sum().backward()
assert model.module.weight.grad.tolist() == [[size - 1.0] * 2]

batches = DataLoader(TensorDataset(minidl.arange(12)), sampler=DistributedSampler(range(12)), batch_size=1)
everything = [None] * size
dist.all_gather_object(everything, [i.item() for (i,) in batches])
assert sorted(sum(everything, [])) == list(range(12))

print("all is well")
