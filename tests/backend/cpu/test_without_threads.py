"""Where no thread, no process and no library of C can be started, as in a browser (Pyodide), minidl still trains."""
from __future__ import annotations

import os
import subprocess
import sys

NOTHING_STARTS = """
import ctypes, multiprocessing.process, os, platform, socket, threading

def refuse(*args, **kwargs):
    raise RuntimeError("can't start new thread")

def missing(*args, **kwargs):
    raise OSError("not here")

threading.Thread.start = refuse
multiprocessing.process.BaseProcess.start = missing
ctypes.CDLL = socket.socketpair = os.fork = missing
platform.libc_ver = lambda *args: ("", "")
"""

TRAIN = NOTHING_STARTS + """
import io
import minidl
from minidl import nn, optim
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision.datasets import Digits

minidl.manual_seed(0)
minidl.set_num_threads(2)       # what is asked for, and cannot be
digits = Digits(train=True)
images = digits.data.float().unsqueeze(1) / 16
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))
optimizer = optim.Adam(model.parameters(), lr=1e-2)
for x, y in DataLoader(TensorDataset(images, digits.targets), batch_size=64, shuffle=True):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
file = io.BytesIO()
minidl.save(model.state_dict(), file)
file.seek(0)
model.load_state_dict(minidl.load(file))
right = (model(images).argmax(1) == digits.targets).float().mean().item()
mean = minidl.rand(4_000_000).exp().mean().item()       # large enough for two threads
print(right > 0.8, round(mean, 1), minidl.get_num_threads())
"""


def test_it_trains_saves_and_loads() -> None:
    told = subprocess.run([sys.executable, "-W", "error", "-c", TRAIN], capture_output=True, text=True,
                          env={**os.environ, "MINIDL_NUM_THREADS": "1", "MINIDL_NUMBA": "0"})
    assert told.stdout == "True 1.7 1\n", told.stdout + told.stderr
