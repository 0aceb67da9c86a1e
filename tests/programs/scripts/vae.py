"""A variational auto-encoder of digits; what it makes is saved as pictures."""
import argparse
from pathlib import Path

import minidl as torch
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.utils.data import DataLoader
from minidl.vision import datasets, transforms
from minidl.vision.utils import make_grid, save_image


class AutoEncoder(nn.Module):
    def __init__(self, pixels=784, hidden=200, code=12):
        super(AutoEncoder, self).__init__()
        self.read = nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.ReLU())
        self.to_mean, self.to_log_variance = nn.Linear(hidden, code), nn.Linear(hidden, code)
        self.draw = nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, pixels), nn.Sigmoid(),
                                  nn.Unflatten(1, (1, 28, 28)))

    def forward(self, images):
        h = self.read(images)
        mean, log_variance = self.to_mean(h), self.to_log_variance(h)
        code = mean
        if self.training:
            code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return self.draw(code), mean, log_variance


def bound(drawn, images, mean, log_variance):
    """Minus the evidence lower bound, summed over a batch."""
    distance = F.binary_cross_entropy(drawn, images, reduction="sum")
    divergence = 0.5 * torch.sum(mean ** 2 + log_variance.exp() - log_variance - 1)
    return distance + divergence


arguments = argparse.ArgumentParser()
arguments.add_argument("--data", required=True)
arguments.add_argument("--out", type=Path, required=True)
arguments.add_argument("--epochs", type=int, default=10)
arguments = arguments.parse_args()
torch.manual_seed(1)
device = "cuda" if torch.cuda.is_available() else "cpu"
parts = {part: datasets.MNIST(arguments.data, train=part == "train", transform=transforms.ToTensor())
         for part in ("train", "test")}
loaders = {part: DataLoader(parts[part], batch_size=32, shuffle=part == "train") for part in parts}
model = AutoEncoder().to(device)
optimizer = optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(arguments.epochs):
    for part, loader in loaders.items():
        model.train(part == "train")
        total = 0.0
        with torch.set_grad_enabled(part == "train"):
            for images, _ in loader:
                images = images.to(device)
                drawn, mean, log_variance = model(images)
                loss = bound(drawn, images, mean, log_variance)
                if part == "train":
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                total += loss.item()
        print(f"epoch {epoch}: {part} bound {total / len(loader.dataset):.2f}")
    pairs = torch.cat([images[:8], drawn[:8]]).cpu()
    save_image(pairs, arguments.out / f"pairs_{epoch}.png", nrow=8)
with torch.no_grad():
    made = model.draw(torch.randn(16, 12, device=device))
save_image(make_grid(made, nrow=4), str(arguments.out / "made.png"))
