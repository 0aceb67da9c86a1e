"""SimCLR: an image is its own label; two views of it shall have nearly the same features, and no other image's.

A view is a random crop, mirrored, with other colours. What both share is what the image shows, and so the features
learn what no such change can hide. The loss looks at the output of a small network behind the features, which forgets
what the views do not share and is thrown away. Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for
Contrastive Learning of Visual Representations", 2020.

    python examples/free_labels/simclr.py
    python examples/free_labels/simclr.py --dataset cifar10 --data DIR --compiled --run runs/simclr --plot plots
"""
import probe
from encoder import Encoder

import minidl
from minidl import nn
from minidl.cli import arguments, images
from minidl.cli.classification import in_batches
from minidl.self_supervised import nt_xent
from minidl.train import plots
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 128, "lr": 3e-3},
    "mnist": {"epochs": 3, "batch_size": 256, "lr": 3e-3},
    "fashion": {"epochs": 3, "batch_size": 256, "lr": 3e-3},
    "cifar10": {"epochs": 20, "batch_size": 256, "lr": 3e-3},
    "tinyplaces": {"epochs": 30, "batch_size": 256, "lr": 3e-3},
}


def add_options(parser):
    parser.add_argument("--width", type=arguments.whole_number(1), default=24, metavar="N",
                        help="channels of the encoder's first layer (default: 24)")
    parser.add_argument("--temperature", type=arguments.positive_number, default=0.2, metavar="T",
                        help="of the loss (default: 0.2)")


class SimCLR(nn.Module):
    """Encoder, and the layers behind it that only the loss sees."""

    def __init__(self, data, width):
        super().__init__()
        self.encoder = Encoder(data.channels, data.size, width)
        size = self.encoder.width
        self.projector = nn.Sequential(nn.Linear(size, size, bias=False), nn.BatchNorm1d(size), nn.ReLU(),
                                       nn.Linear(size, 64))

    def forward(self, x):
        return self.projector(self.encoder(x))


class Views:
    """Batches of two views of each image."""

    def __init__(self, data, batch_size, change):
        self.data, self.batch_size, self.change = data, min(batch_size, len(data.train.x)), change

    def __len__(self):
        return len(self.data.train.x) // self.batch_size

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.train.x)).split(self.batch_size)[:len(self)]:
            x = self.data.train.x[numbers]
            yield [self.data.normalise(self.change(x)) for _ in range(2)]


def changes(data):
    """What makes a view. Crops keep the scale of things: of 32 pixels there remain 24, of a third less work."""
    if data.channels == 1:          # a digit in a mirror, or half of one, is another
        return batched.RandomResizedCrop(data.size, scale=(0.4, 1.0))
    return batched.Compose([
        batched.RandomResizedCrop(data.size * 3 // 4, scale=(0.15, 1.0)), batched.RandomHorizontalFlip(),
        batched.ColorJitter(0.4, 0.4, 0.4), batched.RandomGrayscale(0.2)])


def objective(model, first, second):
    z = model(minidl.cat([first, second]))
    a, b = z.chunk(2)
    with minidl.no_grad():
        z = nn.functional.normalize(z)
        found = (z[:len(a)] @ z[len(a):].T).argmax(1) == minidl.arange(len(a)).to(z.device)
    return nt_xent(a, b, args.temperature), {"found": found.float().mean().item()}


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args)
change = changes(data)
model = SimCLR(data, args.width).to(args.device)


def views(path):
    """Eight images, and five views of each below it."""
    shown = data.test.x[:8]
    size = change(shown).shape[-1]
    originals = nn.functional.interpolate(shown.float(), size=size).byte()
    rows = minidl.cat([originals, *(change(shown) for _ in range(5))]).float() / 255
    plots.images(rows, path, caption="images, and views of them that shall have the same features", columns=8)


def nearest(path):
    """Eight test images, and the five training images whose features are nearest."""
    bank = probe.features(model.encoder, data, data.train.x[:20_000])
    queries = probe.features(model.encoder, data, data.test.x[:8])
    found = in_batches(lambda part: (part @ bank.T).topk(5).indices, queries).cpu()
    rows = minidl.cat([data.test.x[:8], *(data.train.x[found[:, i]] for i in range(5))]).float() / 255
    plots.images(rows, path, caption="test images, and below each the training images with the nearest features",
                 columns=8)


probe.learn(args, data, model, Views(data, args.batch_size, change), objective,
            {"views": views, "nearest": nearest})
