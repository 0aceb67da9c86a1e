"""Super resolution: images of files as a Dataset, shrunk and cropped; sub-pixel convolution; orthogonal weights."""
import argparse
import math
import os

from PIL import Image

import minidl as torch
import minidl.nn as nn
from minidl.utils import data
from minidl.vision.transforms import CenterCrop, Compose, InterpolationMode, Resize, ToTensor


class Luminance(data.Dataset):
    """Pairs of a small image and the large one, the first channel of YCbCr."""
    def __init__(self, folder, size, factor):
        super(Luminance, self).__init__()
        self.paths = sorted(entry.path for entry in os.scandir(folder) if entry.name.endswith((".png", ".jpg")))
        self.large = Compose([CenterCrop(size // factor * factor), ToTensor()])
        self.small = Compose([CenterCrop(size // factor * factor),
                              Resize(size // factor, interpolation=InterpolationMode.BICUBIC), ToTensor()])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        light = Image.open(self.paths[index]).convert("YCbCr").split()[0]
        return self.small(light), self.large(light)


class Enlarger(nn.Module):
    def __init__(self, factor):
        super(Enlarger, self).__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, (5, 5), padding=(2, 2)), nn.ReLU(),
            nn.Conv2d(32, 16, (3, 3), (1, 1), (1, 1)), nn.ReLU(),
            nn.Conv2d(16, factor ** 2, (3, 3), (1, 1), (1, 1)), nn.PixelShuffle(factor))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, nn.init.calculate_gain("relu"))

    def forward(self, x):
        return self.layers(x)


parser = argparse.ArgumentParser()
parser.add_argument("images")
parser.add_argument("--factor", type=int, default=2)
parser.add_argument("--out", required=True)
options = parser.parse_args()
torch.manual_seed(0)
train, test = (data.DataLoader(Luminance(os.path.join(options.images, part), 48, options.factor), batch_size=4,
                               shuffle=part == "train") for part in ("train", "test"))
net, criterion = Enlarger(options.factor), nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(15):
    total = 0
    for small, large in train:
        optimizer.zero_grad()
        loss = criterion(net(small), large)
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        ratios = [-10 * math.log10(criterion(net(small), large).item()) for small, large in test]
    print(f"loss {total / len(train):.4f}, PSNR {sum(ratios) / len(ratios):.2f} dB")
torch.save({"epoch": epoch, "net": net.state_dict(), "optimizer": optimizer.state_dict()}, options.out)
assert torch.load(options.out)["epoch"] == 14
