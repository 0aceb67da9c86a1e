"""A Siamese network: do two images show the same digit? The first layers of a ResNet, and a Dataset of pairs."""
import argparse
import random

import minidl as torch
import minidl.optim as optim
import minidl.vision as torchvision
from minidl import nn
from minidl.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, root, train):
        digits = torchvision.datasets.MNIST(root, train=train)
        self.images = digits.data[:, None].float().div(255)
        self.places = [torch.where(digits.targets == digit)[0] for digit in range(10)]

    def __len__(self):
        return len(self.images) // 2

    def __getitem__(self, number):
        same = number % 2
        first, second = (random.randrange(10),) * 2 if same else random.sample(range(10), 2)
        one, other = (self.images[random.choice(self.places[digit])] for digit in (first, second))
        return one, other, torch.tensor(same, dtype=torch.float)


class Twins(nn.Module):
    def __init__(self):
        super().__init__()
        trunk = torchvision.models.resnet18(weights=None)
        trunk.conv1 = nn.Conv2d(1, trunk.conv1.out_channels, kernel_size=5, stride=2, padding=2, bias=False)
        self.trunk = nn.Sequential(*list(trunk.children())[:5], nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.judge = nn.Sequential(nn.Linear(2 * 256, 64), nn.ReLU(inplace=True), nn.Linear(64, 1))
        self.judge.apply(self.initialise)

    @staticmethod
    def initialise(layer):
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            layer.bias.data.fill_(0.01)

    def forward(self, one, other):
        a, b = self.trunk(one), self.trunk(other)
        return torch.sigmoid(self.judge(torch.cat((a * b, (a - b).abs()), 1))).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("data")
options = parser.parse_args()
torch.manual_seed(0)
random.seed(0)
net, criterion = Twins(), nn.BCELoss()
optimizer = optim.AdamW(net.parameters(), lr=2e-3)
scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7)
pairs, test_pairs = (DataLoader(Pairs(options.data, train), batch_size=16, shuffle=train) for train in (True, False))
for epoch in range(4):
    net.train()
    for one, other, same in pairs:
        loss = criterion(net(one, other), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
net.eval()
with torch.no_grad():
    right = [torch.where(net(one, other) > 0.5, 1, 0).eq(same) for one, other, same in test_pairs]
print("{:.0f} % of {} pairs".format(100 * torch.cat(right).float().mean().item(), len(test_pairs.dataset)))
