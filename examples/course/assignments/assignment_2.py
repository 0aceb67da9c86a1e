"""Assignment 2: a convolution by loops, a residual network by hand, ways to fine-tune it, and what it looks at.

What is asked: convolve with margins, strides and many channels by loops, and compare with the layer; write a residual
network and compare; bring a trained one to new classes by a linear layer on frozen features, by training all of it at
one rate or at a tenth of it below the last layer, or with its first stages frozen; draw class activation maps (Zhou et
al., "Learning deep features for discriminative localization", 2016).

    python examples/course/assignments/assignment_2.py
    python examples/course/assignments/assignment_2.py --dataset tinyplaces --data DIR --compiled --plot plots
"""
import copy

import minidl
from minidl import nn, optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.nn import functional as F
from minidl.train import Classification, fit, plots
from minidl.vision import models

DEFAULTS = {"digits": {"epochs": 5, "batch_size": 32}, "tinyplaces": {"epochs": 12, "batch_size": 64}}


def add_options(parser):
    lesson.whole(parser, "shots", 10, "images of each new class")
    lesson.whole(parser, "steps", 60, "of each way to fine-tune")


def convolve(x, weight, bias, padding=0, stride=1):
    """x (N, C, H, W), weight (O, C, K, L), bias (O,): one product after the other."""
    x, K, L = F.pad(x, [padding] * 4), *weight.shape[2:]
    rows, columns = (range(0, size - side + 1, stride) for size, side in zip(x.shape[2:], (K, L)))
    return minidl.stack([minidl.stack([minidl.stack([
        minidl.stack([(image[:, i:i + K, j:j + L] * filter).sum() for j in columns]) for i in rows]) + b
        for filter, b in zip(weight, bias)]) for image in x])


class Block(nn.Module):
    """relu(x + f(x)), f being two convolutions with norms; x is subsampled where f halves the image."""

    def __init__(self, inputs, outputs):
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        self.new = outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.new // 2, self.new // 2)) if self.new else x)).relu()


class ResNet20(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Block(first, width), Block(width, width), Block(width, width))
            for first, width in ((16, 16), (16, 32), (32, 64)))
        self.fc = nn.Linear(64, classes)

    def maps(self, x):
        return self.layer3(self.layer2(self.layer1(self.bn1(self.conv1(x)).relu())))

    def forward(self, x):
        return self.fc(self.maps(x).mean((2, 3)))


def check():
    given = minidl.rand(2, 2, 10, 10), minidl.rand(2, 2, 3, 3), minidl.rand(2)
    apart = max((convolve(*given, padding, stride) - F.conv2d(*given, stride, padding)).abs().max().item()
                for padding in (0, 1, 3) for stride in (1, 2, 4))
    print(f"convolution by loops and the layer, nine margins and strides: at most {apart:.0e} apart")
    own, other = ResNet20(10, 3).eval(), models.resnet20().eval()
    own.load_state_dict(other.state_dict())
    apart = (own(minidl.ones(1, 3, 32, 32)) - other(minidl.ones(1, 3, 32, 32))).abs().max().item()
    print(f"the residual network and the zoo's, same weights: {apart:.0e} apart")


def learn(model, part, data, args, epochs, groups):
    """Train by SGD with momentum; groups: of parameters, with their rates."""
    optimizer = optim.SGD(groups, lr=0.05, momentum=0.9, weight_decay=5e-4)
    batches = images.Batches(data._replace(train=part), args.batch_size)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(batches))
    fit(model, batches, Classification(), optimizer, epochs, schedule=schedule, show=False)
    return model.eval()


def chosen(part, classes, shots=None):
    """Some images of some classes, which are counted from 0."""
    numbers = [(part.y == number).nonzero().flatten() for number in classes]
    numbers = minidl.cat([found[minidl.randperm(len(found))][:shots] for found in numbers])
    return images.Images(part.x[numbers], part.y[numbers] - classes[0], [part.classes[number] for number in classes])


def main():
    args = lesson.parse(__doc__, add_options, DEFAULTS)
    check()
    data = images.load(args).enlarged(16)
    half = len(data.classes) // 2
    model = ResNet20(half, data.channels)
    source = chosen(data.train, range(half))
    learn(model, source, data, args, args.epochs, model.parameters())
    part, test = chosen(data.train, range(half, 2 * half), args.shots), chosen(data.test, range(half, 2 * half))
    print(f"it learns {', '.join(source.classes)}; then {len(part.x)} images of {', '.join(part.classes)}")
    ways = {"from scratch": None, "a linear layer on frozen features": (0, 0, 0.05), "all at one rate": (0.05,) * 3,
            "all, at a tenth below the last layer": (0.005, 0.005, 0.05), "first two stages frozen": (0, 0.005, 0.05)}
    for name, rates in ways.items():
        minidl.manual_seed(args.seed)
        tuned = copy.deepcopy(model) if rates else ResNet20(half, data.channels)
        tuned.fc = nn.Linear(64, half)
        early = [tuned.conv1, tuned.bn1, tuned.layer1, tuned.layer2]
        groups = [{"params": [p for module in modules for p in module.parameters()], "lr": rate}
                  for modules, rate in zip((early, [tuned.layer3], [tuned.fc]), rates or (0.05,) * 3)]
        learn(tuned, part, data, args, -(-args.steps // max(1, len(part.x) // args.batch_size)), groups)
        scores = in_batches(lambda x, tuned=tuned: tuned(data.normalise(x)), test.x)
        print(f"{accuracy(scores, test.y):7.2%}  {name}")

    @minidl.no_grad()
    def cam(path):
        """Each image, and where it speaks for its class: the last weights times the last maps."""
        x = test.x[:: max(1, len(test.x) // 12)][:12]
        maps = tuned.maps(data.normalise(x))
        said = (maps.mean((2, 3)) @ tuned.fc.weight.T + tuned.fc.bias).argmax(1)
        heat = (maps * tuned.fc.weight[said][:, :, None, None]).sum(1, keepdim=True)
        heat = F.interpolate(heat, size=x.shape[2:], mode="bilinear")
        low, high = heat.amin((1, 2, 3), keepdim=True), heat.amax((1, 2, 3), keepdim=True)
        lit = x.float() / 255 * (0.25 + 0.75 * (heat - low) / (high - low))
        titles = [part.classes[label] for label in said.tolist()]
        plots.images(minidl.cat([x.float() / 255, lit]), path, titles * 2, "images, and what speaks for the class", 12)
    if args.plot:
        draw(args.plot, {"cam": cam})


if __name__ == "__main__":
    main()
