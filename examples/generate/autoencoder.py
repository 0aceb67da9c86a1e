"""Autoencoders: images pass through a few numbers and come back, and those numbers are what matters in them.

One autoencoder for each number of codes, with no weight in common, learns beside the others; principal components, the
best linear way (Baldi and Hornik, 1989), are what they have to beat. --kind linear shows it: there the two agree. With
--noise the input is disturbed and the clean image is to come back (Vincent et al., 2008). In the end, a few images with
labels tell what the codes are worth: each test image takes the label of the nearest one.

    python examples/generate/autoencoder.py
    python examples/generate/autoencoder.py --dataset mnist --data DIR --compiled --plot plots
    python examples/generate/autoencoder.py --kind linear --codes 4 16 --lr 0.03
"""
import math

import minidl
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.neighbors import KNeighborsClassifier
from minidl.train import plots

DEFAULTS = {
    "digits": {"epochs": 60, "batch_size": 32, "lr": 5e-3},
    "mnist": {"epochs": 5, "batch_size": 64, "lr": 5e-3},
    "fashion": {"epochs": 5, "batch_size": 64, "lr": 5e-3},
}
LABELLED = 10       # images of each class whose label is known


def add_options(parser):
    parser.add_argument("--kind", choices=["linear", "mlp", "conv"], default="conv", help="of networks (default: conv)")
    parser.add_argument("--codes", type=arguments.whole_number(1), nargs="+", default=[2, 8, 32], metavar="N",
                        help="numbers that an image passes through, for each autoencoder (default: 2 8 32)")
    parser.add_argument("--noise", type=arguments.number_between(0), default=0.0, metavar="STD",
                        help="standard deviation of what disturbs the images, whose values are 0 to 1 (default: 0)")


class Autoencoder(nn.Module):
    """Images (N, C, H, W) become codes (N, D), and codes images."""

    def __init__(self, kind, shape, codes):
        super().__init__()
        channels, height, width = shape
        flat = [nn.Flatten(), nn.Linear(math.prod(shape), codes)]
        back = [nn.Linear(codes, math.prod(shape)), nn.Unflatten(1, shape)]
        if kind == "mlp":
            flat[1:] = [nn.Linear(math.prod(shape), 256), nn.ReLU(), nn.Linear(256, codes)]
            back[:1] = [nn.Linear(codes, 256), nn.ReLU(), nn.Linear(256, math.prod(shape))]
        elif kind == "conv":
            small = (32, height // 4, width // 4)
            flat = [nn.Conv2d(channels, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(),
                    nn.Linear(math.prod(small), codes)]
            back = [nn.Linear(codes, math.prod(small)), nn.ReLU(), nn.Unflatten(1, small),
                    nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, channels, 4, 2, 1)]
        self.encode, self.decode = nn.Sequential(*flat), nn.Sequential(*back)

    def forward(self, x):
        return self.decode(self.encode(x))


class Components:
    """The same by the first principal components of images (N, C, H, W)."""

    def __init__(self, x, codes):
        self.mean, self.shape = x.mean(0), x.shape[1:]
        self.directions = minidl.linalg.eigh(minidl.cov(x.flatten(1).T)).eigenvectors[:, -codes:]

    def encode(self, x):
        return (x - self.mean).flatten(1) @ self.directions

    def __call__(self, x):
        return (self.encode(x) @ self.directions.T).unflatten(1, self.shape) + self.mean


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args)
model = nn.ModuleList([Autoencoder(args.kind, data.train.x.shape[1:], codes) for codes in args.codes]).to(args.device)
real, tested = (part.x.float() / 255 for part in (data.train, data.test))
disturbed = (tested + args.noise * minidl.randn_like(tested)).to(args.device)


def objective(model, x, labels):
    seen = x + args.noise * minidl.randn_like(x) if args.noise else x
    errors = [F.mse_loss(net(seen), x) for net in model]
    return sum(errors), {f"{codes} codes": error.item() for codes, error in zip(args.codes, errors)}


def comes_back(net):
    return classification.in_batches(net, disturbed).cpu()


def test():
    """The mean squared errors of the pixels of test images."""
    return {f"test {codes}": F.mse_loss(comes_back(net), tested).item() for codes, net in zip(args.codes, model)}


def from_few_labels(encode):
    """How many test images are read by the nearest of a few labelled ones; the mean of ten choices of these."""
    def found():
        order = minidl.randperm(len(data.train.y))
        known = minidl.cat([order[data.train.y[order] == label][:LABELLED] for label in range(len(data.classes))])
        nearest = KNeighborsClassifier(1).fit(encode(real[known].to(args.device)).cpu().numpy(),
                                              data.train.y[known].numpy())
        return nearest.score(codes, data.test.y.numpy())
    codes = classification.in_batches(encode, tested.to(args.device)).cpu().numpy()
    with minidl.no_grad():
        return sum(found() for _ in range(10)) / 10


def say():
    print(f"mean squared error of {len(tested):,} test images, and how many of them {LABELLED} labels a class read:")
    print(f"codes  {args.kind:<15}  principal components")
    for codes, net in zip(args.codes, model):
        linear = Components(real[:10_000].to(args.device), codes)
        cells = [f"{F.mse_loss(comes_back(way), tested).item():.4f} {from_few_labels(way.encode):8.2%}"
                 for way in (net, linear)]
        print(f"{codes:5}  {cells[0]:15}  {cells[1]}")
    print(f"pixels         {from_few_labels(lambda x: x.flatten(1)):8.2%}")


def back(path):
    """Ten test images as the networks see them, and what comes back through more and more codes."""
    rows = minidl.cat([disturbed[:10].cpu(), *(comes_back(net)[:10] for net in model)]).clamp(0, 1)
    codes = ", ".join(map(str, args.codes))
    plots.images(rows, path, caption=f"test images, and what comes back through {codes} codes", columns=10)


run = generation.Run(args, data, model, lambda: model[-1](disturbed[:64]).clamp(0, 1).cpu(), of="test images")
batches = images.Batches(data, args.batch_size, prepare=lambda x: x.to(args.device).float() / 255)
optimizer = optim.Adam(model.parameters(), lr=args.lr)
one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
run.train(batches, objective, optimizer, schedule=one_cycle, evaluate=test)
run.end(say, {"back": back})
