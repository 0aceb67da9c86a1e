"""A data set, an optimizer and a schedule of one's own, hooks, mixed precision, files: the seams a user extends."""
from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import minidl
from minidl import nn
from minidl.optim import Optimizer
from minidl.optim.lr_scheduler import LambdaLR, LRScheduler
from minidl.utils.data import DataLoader, Dataset, random_split
from minidl.vision.datasets import Digits
from minidl.vision.ops import box_iou


class Waves(Dataset):
    """Sines of different frequencies, and which one it is."""

    def __init__(self, count: int) -> None:
        self.frequencies = minidl.randint(1, 4, (count,))

    def __len__(self) -> int:
        return len(self.frequencies)

    def __getitem__(self, index: int) -> tuple[minidl.Tensor, minidl.Tensor]:
        steps = minidl.linspace(0, 2 * minidl.pi, 32)
        return minidl.sin(steps * self.frequencies[index]), self.frequencies[index] - 1


class SignDescent(Optimizer):
    """p -= lr * sign(g)"""

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr})

    @minidl.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad.sign(), alpha=-group["lr"])


def main() -> None:
    minidl.manual_seed(0)
    train, test = random_split(Waves(60), [50, 10], generator=minidl.Generator().manual_seed(1))
    model = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 3))
    seen: list[tuple[int, ...]] = []
    handle = model[1].register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
    optimizer = SignDescent(model.parameters(), lr=0.01)
    scheduler: LRScheduler = LambdaLR(optimizer, lambda epoch: 0.9 ** epoch)
    scaler = minidl.amp.GradScaler("cpu", enabled=False)
    for x, y in DataLoader(train, batch_size=10, shuffle=True, drop_last=True):
        with minidl.autocast("cpu", dtype=minidl.float16, enabled=False):
            loss = nn.CrossEntropyLoss()(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    scheduler.step()
    handle.remove()
    with tempfile.TemporaryDirectory() as folder:
        minidl.save({"model": model.state_dict(), "epoch": 1}, Path(folder) / "waves.minidl")
        model.load_state_dict(minidl.load(Path(folder) / "waves.minidl")["model"])
    boxes = minidl.tensor([[0.0, 0.0, 2.0, 2.0]])
    print(seen, len(test), len(Digits(train=False)), box_iou(boxes, boxes).tolist())


if __name__ == "__main__":
    main()
