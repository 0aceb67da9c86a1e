"""Hinton's forward-forward algorithm: each layer learns by itself to tell right labels from wrong ones."""
import argparse

import minidl as torch
from minidl import nn
from minidl.optim import Adam
from minidl.utils.data import DataLoader
from minidl.vision.datasets import MNIST
from minidl.vision.transforms import Compose, Lambda, ToTensor


def labelled(x, labels):
    """The first ten pixels say the label."""
    x = x.clone()
    x[:, :10] = 0.0
    x[range(len(x)), labels] = x.max()
    return x


class Local(nn.Linear):
    """A linear layer with an optimizer of its own."""
    def __init__(self, *sizes, threshold=2.0, **kwargs):
        super().__init__(*sizes, **kwargs)
        self.threshold = threshold
        self.optimizer = Adam(self.parameters(), lr=0.05)

    def forward(self, x):
        return torch.relu(super().forward(x / (x.norm(p=2, dim=1, keepdim=True) + 1e-4)))

    def goodness(self, x):
        return self(x).square().mean(1)

    def learn(self, right, wrong, steps):
        for _ in range(steps):
            margins = torch.cat([self.threshold - self.goodness(right), self.goodness(wrong) - self.threshold])
            loss = nn.functional.softplus(margins).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return self(right).detach(), self(wrong).detach(), loss.item()


def classify(layers, x):
    scores = []
    for label in range(10):
        h, total = labelled(x, label), 0
        for layer in layers:
            h = layer(h)
            total = total + h.pow(2).mean(1)
        scores.append(total)
    return torch.stack(scores, 1).argmax(1)


parser = argparse.ArgumentParser()
parser.add_argument("data")
options = parser.parse_args()
torch.manual_seed(0)
flat = Compose([ToTensor(), Lambda(lambda x: x.view(-1))])
(x, y), (test_x, test_y) = (next(iter(DataLoader(MNIST(options.data, train=train, transform=flat), batch_size=400,
                                                 shuffle=True))) for train in (True, False))
layers = nn.ModuleList([Local(784, 100), Local(100, 100)])
shift = torch.randint(1, 10, y.shape)
right, wrong = labelled(x, y), labelled(x, (y + shift) % 10)
for number, layer in enumerate(layers):
    right, wrong, loss = layer.learn(right, wrong, steps=300)
    print(f"layer {number}: loss {loss:.3f}")
with torch.no_grad():
    error = 1 - classify(layers, test_x).eq(test_y).float().mean().item()
print(f"test error {error:.3f}")
