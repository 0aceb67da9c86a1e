"""Fast style transfer: a network learns to paint, judged by features of a VGG; then paints a picture of a file."""
import argparse
import os
from collections import namedtuple

import numpy as np
from PIL import Image

import minidl as torch
from minidl import nn
from minidl.utils.data import DataLoader
from minidl.vision import datasets, models, transforms

Features = namedtuple("Features", ["edges", "textures"])
to_255 = transforms.Compose([transforms.ToTensor(), transforms.Lambda(lambda x: x.mul(255))])


class Judge(nn.Module):
    """Two slices of a VGG that do not learn."""
    def __init__(self):
        super(Judge, self).__init__()
        layers = models.vgg16(weights=None).features
        self.lower, self.upper = nn.Sequential(), nn.Sequential()
        for number in range(9):
            (self.lower if number < 4 else self.upper).add_module(str(number), layers[number])
        for parameter in self.parameters():
            parameter.requires_grad = False

    def forward(self, images):
        mean = images.new_tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
        spread = images.new_tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
        edges = self.lower((images.div(255.0) - mean) / spread)
        return Features(edges, self.upper(edges))


def padded(before, after, size, stride=1):
    return nn.Sequential(nn.ReflectionPad2d(size // 2), nn.Conv2d(before, after, size, stride),
                         nn.InstanceNorm2d(after, affine=True))


class Painter(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down = nn.Sequential(padded(3, width, 9), nn.ReLU(), padded(width, 2 * width, 3, stride=2), nn.ReLU())
        self.middle = nn.Sequential(padded(2 * width, 2 * width, 3), nn.ReLU(), padded(2 * width, 2 * width, 3))
        self.up = padded(2 * width, width, 3)
        self.out = nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(width, 3, 9))

    def forward(self, images):
        h = self.down(images)
        h = h + self.middle(h)
        h = nn.functional.interpolate(h, scale_factor=2, mode="nearest")
        return self.out(torch.relu(self.up(h)))


def gram(features):
    n, channels, height, width = features.size()
    rows = features.view(n, channels, height * width)
    return rows.bmm(rows.transpose(1, 2)) / (channels * height * width)


def learn(options):
    torch.manual_seed(0)
    np.random.seed(0)
    transform = transforms.Compose([transforms.Resize(options.size), transforms.CenterCrop(options.size), to_255])
    loader = DataLoader(datasets.ImageFolder(options.images, transform), batch_size=4, shuffle=True)
    painter, judge, mse = Painter(), Judge(), nn.MSELoss()
    style = Image.open(options.style).convert("RGB").resize((options.size, options.size), Image.Resampling.LANCZOS)
    wanted = [gram(level) for level in judge(to_255(style).repeat(4, 1, 1, 1))]
    optimizer = torch.optim.Adam(painter.parameters(), lr=1e-2)
    totals = []
    for epoch in range(10):
        total = 0.
        for images, _ in loader:
            optimizer.zero_grad()
            painted, seen = judge(painter(images)), judge(images)
            content = mse(painted.textures, seen.textures)
            styles = 0.
            for level, target in zip(painted, wanted):
                styles += mse(gram(level), target[:len(images)])
            loss = 100 * content + 1e5 * styles
            loss.backward()
            optimizer.step()
            total += loss.item()
        totals.append(total)
    print(f"loss {totals[-1] / totals[0]:.3f} of the first")
    torch.save(painter.cpu().state_dict(), os.path.join(options.out, "painter.pth"))


def paint(options):
    painter = Painter()
    painter.load_state_dict(torch.load(options.weights, map_location="cpu"))
    painter.eval()
    with torch.no_grad():
        painted = painter(to_255(Image.open(options.picture).convert("RGB")).unsqueeze(0))[0]
    pixels = painted.clone().clamp(0, 255).numpy().transpose(1, 2, 0).astype("uint8")
    Image.fromarray(pixels).save(os.path.join(options.out, "painted.jpg"), quality=90)


parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command", required=True)
for name, names, run in (("learn", ("images", "style"), learn), ("paint", ("weights", "picture"), paint)):
    command = commands.add_parser(name)
    for argument in names:
        command.add_argument(argument)
    command.add_argument("--out", required=True)
    command.add_argument("--size", type=int, default=16)
    command.set_defaults(run=run)
options = parser.parse_args()
options.run(options)
