"""A training with all that is random in it, to be killed: `python killed.py FOLDER`."""
import random
import sys
from pathlib import Path

import numpy as np

import minidl
from minidl import nn, optim
from minidl.train import EMA, Best, Checkpoint, Classification, EarlyStopping, Log, evaluate, fit
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision.datasets import Digits

folder = Path(sys.argv[1])
minidl.manual_seed(0)
random.seed(0)
np.random.seed(0)
digits = Digits(train=True)
x, y = digits.data[:320].float().flatten(1) / 16, digits.targets[:320]


def objective(model, images, labels):
    """With noise of three sources, besides the dropout of the model and the order of the batches."""
    images = images + 0.1 * minidl.randn(images.shape) + 0.01 * random.random() + 0.01 * np.random.rand()
    return Classification(label_smoothing=0.1)(model, images, labels)


model = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))
optimizer = optim.Adam(model.parameters(), lr=3e-3)
batches = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=8 * len(batches) // 2)
ema, best, stopping = EMA(model), Best(folder / "best.minidl"), EarlyStopping(patience=100)
checkpoint = Checkpoint(folder / "run.minidl", seconds=0.02, model=model, optimizer=optimizer, schedule=schedule,
                        ema=ema, best=best, stopping=stopping)
print("ready", flush=True)
fit(model, batches, objective, optimizer, epochs=8, schedule=schedule, accumulate=2, clip_norm=5.0, ema=ema,
    evaluate=lambda: evaluate(model, DataLoader(TensorDataset(x, y), batch_size=80), Classification()), best=best,
    stopping=stopping, checkpoint=checkpoint, log=Log(folder / "log.csv"), show=False)
minidl.save({"model": model.state_dict(), "ema": ema.averages}, folder / "done.minidl")
