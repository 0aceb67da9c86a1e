"""What the benchmark runs besides: steps of the examples that classify and detect, written once for both libraries.

Each function is as those of `workloads.py`; the networks are those of `examples/classify` and `examples/detect`.
"""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from generators import against
from workloads import Step, classify, momentum, resnet


def resnet20_augmented(lib: ModuleType) -> Step:
    """ResNet-20 as the examples train it: images of bytes are mirrored, moved and normalised in every step."""
    model = resnet(lib, stem=16, widths=[16, 32, 64], depth=3)

    class Augmented(lib.nn.Module):     # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Any) -> Any:
            return self.model(augmented(lib, x, 4) / 255 - 0.5)

    return classify(lib, Augmented(), lib.randint(0, 256, (128, 3, 32, 32)).to(lib.uint8), momentum(lib))


def speedrun(lib: ModuleType) -> Step:
    """The network of the speed run on CIFAR-10 (airbench93), batch 128, SGD with Nesterov's momentum."""
    return classify(lib, speed_net(lib), lib.randn(128, 3, 32, 32),
                    lambda p: lib.optim.SGD(p, lr=0.01, momentum=0.85, nesterov=True))


def cct(lib: ModuleType) -> Step:
    """A compact convolutional transformer (CCT-2/3x2) of width 128 and 2 heads, batch 128, AdamW."""
    nn, F = lib.nn, lib.nn.functional
    width, heads = 128, 2

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, width))

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(n, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1).transpose(1, 2).reshape(n, length, width)
            x = self.norm2(x + self.out(y))
            return x + self.mlp(x)

    class CCT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Sequential(
                nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                nn.Conv2d(64, width, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
            self.places = nn.Parameter(lib.randn(1, 64, width) * 0.02)
            self.blocks, self.norm = nn.Sequential(Block(), Block()), nn.LayerNorm(width)
            self.weight, self.head = nn.Linear(width, 1), nn.Linear(width, 10)

        def forward(self, x: Any) -> Any:
            x = self.norm(self.blocks(self.tokens(x).flatten(2).transpose(1, 2) + self.places))
            return self.head((self.weight(x).softmax(1).transpose(1, 2) @ x)[:, 0])

    return classify(lib, CCT(), lib.randn(128, 3, 32, 32), lib.optim.AdamW)


def detector(lib: ModuleType) -> Step:
    """A detector of one stage without anchors (FCOS), pyramid of two levels, on 96 x 96 images, batch 16, Adam."""
    nn, F = lib.nn, lib.nn.functional

    def layer(inputs: int, outputs: int, stride: int = 1) -> Any:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())

    class Detector(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(layer(3, 32, 2), layer(32, 64, 2), layer(64, 64))
            self.fine, self.coarse = nn.Sequential(layer(64, 96, 2), layer(96, 96)), layer(96, 128, 2)
            self.from_fine, self.from_coarse = nn.Conv2d(96, 64, 1), nn.Conv2d(128, 64, 1)
            self.tower, self.scores, self.sides = layer(64, 64), nn.Conv2d(64, 5, 3, padding=1), nn.Conv2d(64, 4, 1)

        def forward(self, images: Any) -> Any:
            fine = self.fine(self.body(images))
            coarse = self.from_coarse(self.coarse(fine))
            levels = [self.from_fine(fine) + F.interpolate(coarse, scale_factor=2.0, mode="nearest"), coarse]
            towers = [self.tower(level) for level in levels]
            scores, sides = (lib.cat([head(tower).flatten(2) for tower in towers], 2) for head in (
                self.scores, self.sides))
            p = scores.sigmoid()
            entropy = F.binary_cross_entropy_with_logits(scores, is_class, reduction="none")
            focal = (entropy * (is_class - p).square() * (0.25 * is_class + 0.75 * (1 - is_class))).sum()
            box, true = sides.exp().permute(0, 2, 1)[is_object], true_sides[is_object]
            common, both = lib.minimum(box, true), lib.maximum(box, true)
            area = (common[:, :2] + common[:, 2:]).prod(1)
            union = (box[:, :2] + box[:, 2:]).prod(1) + (true[:, :2] + true[:, 2:]).prod(1) - area
            hull = (both[:, :2] + both[:, 2:]).prod(1)
            overlap = area / union - (hull - union) / hull                      # generalized IoU
            return (focal + (1 - overlap).sum()) / len(box)

    places = 12 * 12 + 6 * 6
    is_object = lib.rand(16, places) < 0.1
    is_class = F.one_hot(lib.randint(0, 5, (16, places)), 5).permute(0, 2, 1) * is_object[:, None].float()
    true_sides = lib.rand(16, places, 4) + 0.5
    return against(lib, Detector(), lib.rand(16, 3, 96, 96))


RECIPES: dict[str, Callable[[ModuleType], Step]] = {
    f.__name__: f for f in (speedrun, cct, resnet20_augmented, detector)}


# ---------------------------------------------------------------------- also of `time_to_accuracy.py`

def augmented(lib: ModuleType, x: Any, most: int) -> Any:
    """Images (N, C, H, W) of bytes as floats, half of them mirrored, moved by up to `most` pixels over black."""
    n, channels, height, width = x.shape
    mirrored = lib.rand(n, 1) < 0.5
    columns = lib.arange(width)
    columns = lib.where(mirrored, width - 1 - columns, columns) + lib.randint(0, 2 * most + 1, (n, 1))
    rows = lib.arange(height) + lib.randint(0, 2 * most + 1, (n, 1))
    padded = lib.nn.functional.pad(x, (most, most, most, most))
    return padded[lib.arange(n)[:, None, None, None], lib.arange(channels)[:, None, None],
                  rows[:, None, :, None], columns[:, None, None, :]].float()


def speed_net(lib: ModuleType) -> Any:
    """airbench93 (`minidl.vision.models.airbench93`): convolutions begin as the identity, norms learn no scale."""
    nn = lib.nn

    class Group(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.conv1, self.conv2 = (nn.Conv2d(i, outputs, 3, padding=1, bias=False) for i in (inputs, outputs))
            self.norm1, self.norm2 = (nn.BatchNorm2d(outputs, eps=1e-12, momentum=0.4) for _ in range(2))
            self.pool, self.activation = nn.MaxPool2d(2), nn.GELU()
            for conv in (self.conv1, self.conv2):
                with lib.no_grad():
                    nn.init.dirac_(conv.weight[:conv.weight.shape[1]])
            for norm in (self.norm1, self.norm2):
                norm.weight.requires_grad = False

        def forward(self, x: Any) -> Any:
            x = self.activation(self.norm1(self.pool(self.conv1(x))))
            return self.activation(self.norm2(self.conv2(x)))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whiten, self.activation = nn.Conv2d(3, 24, 2), nn.GELU()
            self.whiten.weight.requires_grad = False
            self.groups = nn.Sequential(Group(24, 64), Group(64, 128), Group(128, 128))
            self.head = nn.Linear(128, 10, bias=False)

        def forward(self, x: Any) -> Any:
            return self.head(self.groups(self.activation(self.whiten(x))).amax((2, 3))) / 9

    return Net()
