"""The convolutional networks from 1989 to 2020, small and in lazy layers, each trained on the same digits."""
import argparse

import minidl as torch
import minidl.nn.functional as F
from minidl import nn
from minidl.utils import data
from minidl.vision import datasets, transforms


def lenet():
    return nn.Sequential(
        nn.LazyConv2d(6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.LazyConv2d(16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2, stride=2), nn.Flatten(), nn.LazyLinear(120), nn.Sigmoid(), nn.LazyLinear(84), nn.Sigmoid(),
        nn.LazyLinear(10))


def alexnet():
    return nn.Sequential(
        nn.LazyConv2d(16, kernel_size=5, stride=2), nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2),
        nn.LazyConv2d(32, kernel_size=3, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        *(layer for _ in range(2) for layer in (nn.LazyLinear(64), nn.ReLU(), nn.Dropout(0.5))), nn.LazyLinear(10))


def vgg(*blocks):
    layers = []
    for depth, channels in blocks or ((1, 8), (1, 16), (2, 32)):
        for _ in range(depth):
            layers += [nn.LazyConv2d(channels, 3, padding=1), nn.ReLU()]
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(64), nn.ReLU(), nn.Dropout(0.2), nn.LazyLinear(10))


def network_in_network():
    def block(channels, *window):
        ones = [layer for _ in range(2) for layer in (nn.LazyConv2d(channels, 1), nn.ReLU())]
        return nn.Sequential(nn.LazyConv2d(channels, *window), nn.ReLU(), *ones)
    return nn.Sequential(block(16, 5, 2), nn.MaxPool2d(3, 2), block(32, 3, 1, 1), nn.Dropout(0.1), block(10, 3, 1, 1),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Inception(nn.Module):
    """Four paths side by side: 1 x 1, 3 x 3, 5 x 5, and the largest of a neighbourhood."""
    def __init__(self, one, three, five, pooled):
        super(Inception, self).__init__()
        self.paths = nn.ModuleDict({
            "one": nn.LazyConv2d(one, 1),
            "three": nn.Sequential(nn.LazyConv2d(three // 2, 1), nn.ReLU(), nn.LazyConv2d(three, 3, padding=1)),
            "five": nn.Sequential(nn.LazyConv2d(five // 2, 1), nn.ReLU(), nn.LazyConv2d(five, 5, padding=2)),
            "pooled": nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.LazyConv2d(pooled, 1))})

    def forward(self, x):
        return torch.cat([F.relu(path(x)) for path in self.paths.values()], dim=1)


def googlenet():
    return nn.Sequential(nn.LazyConv2d(16, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Inception(8, 12, 8, 8),
                         nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), Inception(16, 24, 8, 8),
                         nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1), nn.LazyLinear(10))


class Normalise(nn.Module):
    """Batch normalisation by hand, with buffers for what is used later."""
    def __init__(self, channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.momentum, self.eps = momentum, eps

    def forward(self, x):
        mean, variance = self.mean, self.variance
        if self.training:
            dims = [d for d in range(x.dim()) if d != 1]
            variance, mean = torch.var_mean(x, dim=dims, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.variance.mul_(1 - self.momentum).add_(variance, alpha=self.momentum)
        view = (1, -1) + (1,) * (x.dim() - 2)
        x = (x - mean.view(view)) * torch.rsqrt(variance + self.eps).view(view)
        return torch.addcmul(self.shift.view(view), self.scale.view(view), x)


def normalised():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), Normalise(6), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), Normalise(16),
        nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(84), Normalise(84), nn.Sigmoid(), nn.LazyLinear(10))


class Residual(nn.Module):
    """What a block adds; `groups` and a width between make it ResNeXt's."""
    def __init__(self, channels, stride=1, width=None, groups=1):
        super().__init__()
        width = width or channels
        self.added = nn.Sequential(
            nn.LazyConv2d(width, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU(inplace=True),
            nn.LazyConv2d(width, 3, stride, 1, groups=groups, bias=False), nn.LazyBatchNorm2d(), nn.ReLU(inplace=True),
            nn.LazyConv2d(channels, 1, bias=False), nn.LazyBatchNorm2d())
        self.kept = nn.Identity() if stride == 1 else nn.LazyConv2d(channels, 1, stride=stride)

    def forward(self, x):
        y = self.added(x)
        y += self.kept(x)
        return y.relu_()


def stages(stem, *depths_and_channels, **block):
    net = nn.Sequential()
    net.add_module("stem", nn.Sequential(nn.LazyConv2d(stem, 3, 2, 1), nn.LazyBatchNorm2d(), nn.ReLU()))
    for number, (depth, channels) in enumerate(depths_and_channels, 1):
        blocks = [Residual(channels, stride=1 + (k == 0), **block) for k in range(depth)]
        net.add_module(f"stage{number}", nn.Sequential(*blocks))
    net.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10)))
    return net


class Dense(nn.Module):
    """Every layer sees what all before it made."""
    def __init__(self, growth, depth):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(growth, 3, padding=1))
                                    for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat((x, layer(x)), 1)
        return x


def densenet():
    between = nn.Sequential(nn.LazyBatchNorm2d(), nn.ReLU(), nn.LazyConv2d(16, 1), nn.AvgPool2d(2))
    return nn.Sequential(nn.LazyConv2d(16, 5, 2, 2), nn.LazyBatchNorm2d(), nn.ReLU(), nn.MaxPool2d(2), Dense(8, 2),
                         between, Dense(8, 2), nn.LazyBatchNorm2d(), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
                         nn.LazyLinear(10))


BUILDERS = {"lenet": lenet, "alexnet": alexnet, "vgg": vgg, "nin": network_in_network, "googlenet": googlenet,
            "normalised": normalised, "densenet": densenet, "resnet": lambda: stages(16, (1, 16), (1, 32)),
            "anynet": lambda: stages(16, (1, 16), (2, 32), width=16, groups=4)}


def initialise(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(layer.weight)


def share_right(net, batches):
    net.eval()
    with torch.no_grad():
        right = [(net(x).argmax(axis=1).type(y.dtype) == y) for x, y in batches]
    return float(torch.cat(right).float().mean())


parser = argparse.ArgumentParser()
parser.add_argument("name", choices=BUILDERS)
parser.add_argument("data")
parser.add_argument("--lr", type=float, default=0.005)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--batch-size", type=int, default=32)
args = parser.parse_args()
torch.manual_seed(0)
transform = transforms.Compose([transforms.Resize((28, 28)), transforms.ToTensor()])
digits = [datasets.MNIST(args.data, train=part, transform=transform) for part in (True, False)]
train, test = data.DataLoader(digits[0], args.batch_size, shuffle=True), data.DataLoader(digits[1], args.batch_size)
net = BUILDERS[args.name]()
x = torch.randn(2, 1, 28, 28)
for name, layer in net.named_children():
    x = layer(x)
    print(f"{name:>8} {layer.__class__.__name__:<20} {tuple(x.shape)}")
net.apply(initialise)
optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
loss = nn.CrossEntropyLoss()
for epoch in range(args.epochs):
    net.train()
    for x, y in train:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
print(f"training {share_right(net, train):.3f}, test {share_right(net, test):.3f}")
