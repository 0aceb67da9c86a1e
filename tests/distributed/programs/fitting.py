"""A training by `fit` that ends after so many steps: fitting.py FOLDER STEPS. It goes on with what is in the folder."""
import itertools
import sys
from pathlib import Path

import minidl
import minidl.distributed as dist
from minidl import nn, optim
from minidl.train import Best, Checkpoint, Classification, Log, Ranks, fit
from minidl.utils.data import DataLoader, TensorDataset

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
dist.init_process_group()
minidl.manual_seed(0)
x, y = minidl.randn(50, 8), minidl.arange(50) % 4
batches = DataLoader(TensorDataset(x, y), batch_size=15, shuffle=True)       # shares of 7 and 8; the last of 2 and 3
minidl.manual_seed(1)
model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))
if dist.get_rank():
    nn.init.zeros_(model[0].weight)         # all begin with rank 0's
optimizer, best = optim.Adam(model.parameters(), lr=0.01), Best(folder / "best.minidl")
count = itertools.count(1)
history = fit(model, batches, Classification(), optimizer, 4, clip_norm=0.5, accumulate=2, best=best, show=False,
              evaluate=lambda: {"accuracy": float(minidl.rand(1)) + dist.get_rank()}, ranks=Ranks.found(),
              checkpoint=Checkpoint(folder / "run.minidl", model=model, optimizer=optimizer, best=best),
              log=Log(folder / "log.csv"), stop=lambda: next(count) == steps)
assert all(row["accuracy"] <= 1 for row in history), history        # the figures of rank 0
if dist.get_rank() == 0:
    losses = [row["train loss"] for row in history]
    minidl.save({"weights": model.state_dict(), "losses": losses}, folder / "end.minidl")
print("all is well")
