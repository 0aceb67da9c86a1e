"""A training in which one rank meets the end that is asked for: dying.py FOLDER WHAT WHERE RANK STEP.

The rank writes the moment into FOLDER/moment; rank 0 saves a checkpoint after each step.
"""
import os
import signal
import sys
import threading
import time
from pathlib import Path

folder, what, where, victim, at = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])


def die():
    """Meet the end."""
    (folder / "moment").write_text(repr(time.time()))
    if what == "raise":
        raise ValueError("the cause")
    if what == "import":
        import a_module_that_is_not_there  # noqa: F401
    if what == "exit":
        sys.exit(3)
    if what == "_exit":
        os._exit(3)
    if what in ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT"):
        os.kill(os.getpid(), getattr(signal, what))
        time.sleep(60)


if where == "start" and int(os.environ["PMI_RANK"]) == victim:
    die()

import minidl  # noqa: E402
import minidl.distributed as dist  # noqa: E402
from minidl import nn, optim  # noqa: E402
from minidl.distributed.optim import ZeroRedundancyOptimizer  # noqa: E402
from minidl.train import Checkpoint  # noqa: E402

dist.init_process_group()
rank = dist.get_rank()
(folder / f"pid{rank}").write_text(str(os.getpid()))
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
parallel = nn.parallel.DistributedDataParallel(model, bucket_cap_mb=0.005)
optimizer = ZeroRedundancyOptimizer(parallel.parameters(), optim.Adam, lr=1e-3)
checkpoint = Checkpoint(folder / "run.minidl", model=model) if rank == 0 else None
now = False         # whether the moment has come


def at_place(place):
    """What a hook calls at its place."""
    if now and where == place:
        die()


model[1].register_forward_hook(lambda *_: at_place("forward"))
model[0].weight.register_hook(lambda g: at_place("backward"))
sync = os.fsync
os.fsync = lambda file: (at_place("saving"), sync(file))[1]     # the file is written, but not yet in its place
x, y = minidl.randn(8, 64), minidl.arange(8)
for step in range(10**9):
    now = rank == victim and step == at
    if now and what == "leave":
        (folder / "moment").write_text(repr(time.time()))
        break
    at_place("step")
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(parallel(x), y)
    loss.backward()
    optimizer.step()
    mean = loss.detach().clone()
    if now and what in ("skip", "shape", "call"):
        (folder / "moment").write_text(repr(time.time()))
        if what == "shape":
            mean = minidl.zeros(3)
        if what == "call":
            dist.barrier()
    if not (now and what in ("skip", "call")):
        dist.all_reduce(mean)
    if now and where == "collective":
        threading.Timer(0.01, die).start()
        while True:
            dist.all_reduce(minidl.ones(10**6))
    elif step == at and where == "collective":
        while True:
            dist.all_reduce(minidl.ones(10**6))
    if checkpoint:
        checkpoint.save(step=step)
