"""What the benchmark runs: twelve small programs, written once for minidl and PyTorch alike.

Each function is given a library (`lib`), makes its data and its model, and returns one step: a function without
arguments. The code of a step is the same for both: that is the point of the comparison, and of minidl.
"""
from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

Step = Callable[[], Any]


def softmax(lib: ModuleType) -> Step:
    """Softmax regression on 28 x 28 images, batch 256, SGD."""
    nn = lib.nn
    return classify(lib, nn.Linear(784, 10), lib.randn(256, 784), lambda p: lib.optim.SGD(p, lr=0.1))


def mlp(lib: ModuleType) -> Step:
    """A perceptron 784-512-256-10, batch 128, Adam."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    return classify(lib, model, lib.randn(128, 784), lib.optim.Adam)


def lenet(lib: ModuleType) -> Step:
    """LeNet with 20 and 50 maps, batch 128, Adam."""
    return classify(lib, lenet_layers(lib), lib.randn(128, 1, 28, 28), lib.optim.Adam)


def resnet20(lib: ModuleType) -> Step:
    """ResNet-20 of the CIFAR-10 experiments (He et al. 2015, section 4.2), batch 128, SGD with momentum."""
    model = resnet(lib, stem=16, widths=[16, 32, 64], depth=3)
    return classify(lib, model, lib.randn(128, 3, 32, 32), momentum(lib))


def resnet18(lib: ModuleType) -> Step:
    """ResNet-18 with a 3 x 3 stem for 32 x 32 images, batch 32, SGD with momentum."""
    model = resnet(lib, stem=64, widths=[64, 128, 256, 512], depth=2)
    return classify(lib, model, lib.randn(32, 3, 32, 32), momentum(lib))


def resnet18_inference(lib: ModuleType) -> Step:
    """The same network in evaluation mode, batch 32, without gradients."""
    return inference(lib, resnet(lib, stem=64, widths=[64, 128, 256, 512], depth=2), lib.randn(32, 3, 32, 32))


def vit(lib: ModuleType) -> Step:
    """A vision transformer of width 192, depth 6, 3 heads on 32 x 32 images in 4 x 4 patches, batch 64, AdamW."""
    nn, F = lib.nn, lib.nn.functional
    width, heads, depth = 192, 3, 6

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            qkv = self.qkv(self.norm1(x)).reshape(n, length, 3, heads, width // heads)
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
            attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, width)
            x = x + self.out(attended)
            return x + self.mlp(self.norm2(x))

    class ViT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, width, 4, stride=4)
            self.token = nn.Parameter(lib.zeros(1, 1, width))
            self.position = nn.Parameter(lib.randn(1, 65, width) * 0.02)
            self.blocks = nn.Sequential(*[Block() for _ in range(depth)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

        def forward(self, x: Any) -> Any:
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = lib.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
            return self.head(self.norm(self.blocks(x))[:, 0])

    return classify(lib, ViT(), lib.randn(64, 3, 32, 32), lib.optim.AdamW)


def lstm(lib: ModuleType) -> Step:
    """An LSTM of width 128 that reads an image row by row: 28 steps of 28 pixels, batch 128, Adam."""
    nn = lib.nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return classify(lib, Reader(), lib.randn(128, 28, 28), lib.optim.Adam)


def dcgan(lib: ModuleType) -> Step:
    """One discriminator and one generator step of a DCGAN on 28 x 28 images, batch 64, Adam."""
    nn = lib.nn
    generator = nn.Sequential(
        nn.Linear(96, 1024), nn.BatchNorm1d(1024), nn.ReLU(),
        nn.Linear(1024, 128 * 7 * 7), nn.BatchNorm1d(128 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, stride=2, padding=1), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 5), nn.LeakyReLU(0.01), nn.MaxPool2d(2), nn.Conv2d(32, 64, 5), nn.LeakyReLU(0.01),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 1024), nn.LeakyReLU(0.01), nn.Linear(1024, 1))
    of_generator = lib.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    of_discriminator = lib.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    loss_function = nn.BCEWithLogitsLoss()
    images, real, fake = lib.rand(64, 1, 28, 28) * 2 - 1, lib.ones(64, 1), lib.zeros(64, 1)

    def step() -> Any:
        made = generator(lib.randn(64, 96))
        of_discriminator.zero_grad()
        loss = loss_function(discriminator(images), real) + loss_function(discriminator(made.detach()), fake)
        loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        loss = loss_function(discriminator(made), real)
        loss.backward()
        of_generator.step()
        return loss.item()

    return step


def unet(lib: ModuleType) -> Step:
    """A U-Net of two levels (32, 64, 128 maps) on 64 x 64 images, batch 8, Adam."""
    nn = lib.nn

    def double(inputs: int, outputs: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.bottom = double(3, 32), double(32, 64), double(64, 128)
            self.grow2, self.up2 = nn.ConvTranspose2d(128, 64, 2, stride=2), double(128, 64)
            self.grow1, self.up1 = nn.ConvTranspose2d(64, 32, 2, stride=2), double(64, 32)
            self.pool, self.head = nn.MaxPool2d(2), nn.Conv2d(32, 4, 1)

        def forward(self, x: Any) -> Any:
            fine = self.down1(x)
            coarse = self.down2(self.pool(fine))
            x = self.bottom(self.pool(coarse))
            x = self.up2(lib.cat([self.grow2(x), coarse], dim=1))
            x = self.up1(lib.cat([self.grow1(x), fine], dim=1))
            return self.head(x)

    return classify(lib, UNet(), lib.randn(8, 3, 64, 64), lib.optim.Adam, lib.randint(0, 4, (8, 64, 64)))


def chain(lib: ModuleType) -> Step:
    """400 ops on 4 numbers, forward and backward: what remains is dispatch."""
    x = lib.randn(4, requires_grad=True)

    def step() -> None:
        x.grad = None
        y = x
        for _ in range(100):
            y = (y * 0.5 + 1.0).tanh() - x
        y.sum().backward()

    return step


def knn(lib: ModuleType) -> Step:
    """The labels of the 5 nearest, by L2, of 500 queries among 10,000 points of 3,072 numbers."""
    points, queries, labels = lib.randn(10_000, 3072), lib.randn(500, 3072), lib.randint(0, 10, (10_000,))

    def step() -> Any:
        nearest = lib.cdist(queries, points).topk(5, largest=False).indices
        return labels[nearest].mode(dim=1).values

    return step


def resnet50(lib: ModuleType) -> Step:
    """torchvision's ResNet-50 and ours, on 224 x 224 images, batch 8, SGD with momentum."""
    return classify(lib, vision_models(lib).resnet50(num_classes=10), lib.randn(8, 3, 224, 224), momentum(lib))


def resnet50_inference(lib: ModuleType) -> Step:
    """The same network in evaluation mode, batch 8, without gradients."""
    return inference(lib, vision_models(lib).resnet50(), lib.randn(8, 3, 224, 224))


WORKLOADS: dict[str, Callable[[ModuleType], Step]] = {
    f.__name__: f for f in (
        softmax, mlp, lenet, resnet20, resnet18, resnet18_inference, vit, lstm, dcgan, unet, chain, knn)}

# not small: they run only where they are named
LARGE: dict[str, Callable[[ModuleType], Step]] = {"resnet50": resnet50, "resnet50_inference": resnet50_inference}


# ---------------------------------------------------------------------- what they share

def classify(lib: ModuleType, model: Any, x: Any, optimizer: Callable[..., Any], y: Any = None) -> Step:
    """A training step on one batch with cross-entropy."""
    y = lib.randint(0, 10, (len(x),)) if y is None else y
    loss_function, update = lib.nn.CrossEntropyLoss(), optimizer(model.parameters())

    def step() -> float:
        update.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        update.step()
        return loss.item()

    return step


def inference(lib: ModuleType, model: Any, x: Any) -> Step:
    """The model in evaluation mode on one batch, without gradients."""
    model.eval()

    def step() -> Any:
        with lib.no_grad():
            return model(x)

    return step


def lenet_layers(lib: ModuleType) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def vision_models(lib: ModuleType) -> Any:
    return importlib.import_module("torchvision.models" if lib.__name__ == "torch" else "minidl.vision.models")


def momentum(lib: ModuleType) -> Callable[..., Any]:
    return lambda parameters: lib.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4)


def resnet(lib: ModuleType, stem: int, widths: list[int], depth: int) -> Any:
    """A residual network of basic blocks for 32 x 32 images; the first block of every later stage halves the size."""
    nn = lib.nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.bn1, self.bn2, self.relu = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs), nn.ReLU()
            self.shortcut = nn.Sequential() if stride == 1 and inputs == outputs else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    layers: list[Any] = [nn.Conv2d(3, stem, 3, padding=1, bias=False), nn.BatchNorm2d(stem), nn.ReLU()]
    inputs = stem
    for stage, width in enumerate(widths):
        for i in range(depth):
            layers.append(Block(inputs, width, stride=2 if stage and i == 0 else 1))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))
