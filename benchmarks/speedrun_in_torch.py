"""The recipe of `examples/classify/speedrun.py` in PyTorch, on the same images, for the time that it takes there.

    python benchmarks/speedrun_in_torch.py --dataset cifar10 --data DIR
    python benchmarks/speedrun_in_torch.py --dataset cifar10 --data DIR --max-steps 20       # seconds a step alone

Images are loaded and augmented by minidl in both; network, loss, gradients and updates are PyTorch's.
"""
from __future__ import annotations

import itertools
import time

import torch
import torch.nn.functional as F
from torch import nn

import minidl
from minidl.cli import arguments, images
from minidl.vision import models
from minidl.vision.transforms import batched

DEFAULTS = {"digits": {"epochs": 8, "batch_size": 128, "lr": 0.5},
            "cifar10": {"epochs": 11, "batch_size": 1024, "lr": 1.5}}
DECAY, WHITEN_EPOCHS = 0.0153 / 11.5, 3


def group(inputs: int, outputs: int) -> nn.Sequential:
    """Convolution, pooling, norm, GELU, convolution, norm, GELU; convolutions begin as the identity."""
    layers = []
    for before, pool in ((inputs, [nn.MaxPool2d(2)]), (outputs, [])):
        conv = nn.Conv2d(before, outputs, 3, padding="same", bias=False)
        nn.init.dirac_(conv.weight.data[:before])
        norm = nn.BatchNorm2d(outputs, eps=1e-12, momentum=0.4)
        norm.weight.requires_grad = False
        layers += [conv, *pool, norm, nn.GELU()]
    return nn.Sequential(*layers)


class Net(nn.Module):
    """airbench93 with the first layer of a minidl network."""

    def __init__(self, like: models.SpeedNet, classes: int) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(like.whiten.in_channels, like.whiten.out_channels, 2)
        self.whiten.weight = nn.Parameter(torch.from_numpy(like.whiten.weight.detach().numpy()), requires_grad=False)
        nn.init.zeros_(self.whiten.bias)
        self.groups = nn.Sequential(group(self.whiten.out_channels, 64), group(64, 128), group(128, 128))
        self.head = nn.Linear(128, classes, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.groups(F.gelu(self.whiten(x))).amax((2, 3))) / 9


@torch.no_grad()
def accuracy(model: nn.Module, data: images.ImageData) -> float:
    model.eval()
    right = sum(int((model(tensor(data.normalise(x))).argmax(1) == tensor(y)).sum())
                for x, y in zip(data.test.x.split(500), data.test.y.split(500)))
    model.train()
    return right / len(data.test.y)


def tensor(x: minidl.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.numpy())


def main() -> None:
    args = arguments.parse(str(__doc__), DEFAULTS)
    torch.manual_seed(args.seed)
    torch.set_num_threads(minidl.get_num_threads())
    data = images.load(args).enlarged(24)
    like = models.airbench93(len(data.classes), data.channels)
    like.whiten_(data.normalise(data.train.x[:5000]))
    model = Net(like, len(data.classes))

    flip, shift = batched.AlternatingFlip(args.seed), batched.RandomShift(2, "reflect")
    batches = images.Batches(data, args.batch_size,
                             lambda x, indices: shift(flip(x, indices=indices) if data.mirrored else x))
    total = args.epochs * len(batches)
    biases = [m.bias for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    others = [model.whiten.bias, *(m.weight for m in model.groups.modules() if isinstance(m, nn.Conv2d)),
              model.head.weight]
    optimizer = torch.optim.SGD([{"params": others, "lr": args.lr, "weight_decay": DECAY},
                                 {"params": biases, "lr": args.lr * 64, "weight_decay": DECAY / 64}],
                                lr=args.lr, momentum=0.85, nesterov=True)
    peak = int(0.23 * total)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: 0.2 + 0.8 * i / peak if i < peak else 1 - 0.93 * (i - peak) / (total - peak))
    state = [v for v in model.state_dict().values() if v.is_floating_point()]
    slow = [v.clone() for v in state]
    steps, start = itertools.count(1), time.perf_counter()
    for epoch in range(args.epochs):
        flip.epoch = epoch
        model.whiten.bias.requires_grad = epoch < WHITEN_EPOCHS
        for x, y in batches:
            loss = F.cross_entropy(model(tensor(x)), tensor(y), label_smoothing=0.2)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            step = next(steps)
            if step % 5 == 0 or step == total:
                with torch.no_grad():
                    for average, fast in zip(slow, state):
                        if step < total:
                            average.lerp_(fast, 1 - 0.95 ** 5 * (step / total) ** 3)
                        fast.copy_(average)
            if step == args.max_steps:
                print(f"{(time.perf_counter() - start) / step:.3f} s a step")
                return
        print(f"epoch {epoch + 1}: test accuracy {accuracy(model, data):.2%} after "
              f"{time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
