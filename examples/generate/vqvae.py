"""VQ-VAE: an image becomes a small map of codes out of a book, and a PixelCNN draws such maps.

Van den Oord, Vinyals and Kavukcuoglu, 2017. The decoder sees nothing but the codes, so that it is never asked to
average over images, and its pictures are sharper than a variational autoencoder's. Here the PixelCNN learns beside the
autoencoder, from the codes of the moment, where the authors train it afterwards: one run, and codes that hardly change
any more in its last epochs.

    python examples/generate/vqvae.py
    python examples/generate/vqvae.py --dataset mnist --data DIR --compiled --plot plots
"""
from judge import add_judge, report

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import Progress, plots

DEFAULTS = {
    "digits": {"epochs": 40, "batch_size": 32, "lr": 3e-3},
    "mnist": {"epochs": 8, "batch_size": 64, "lr": 3e-3},
    "fashion": {"epochs": 8, "batch_size": 64, "lr": 3e-3},
}


def add_options(parser):
    add_judge(parser)
    parser.add_argument("--book", type=arguments.whole_number(2), default=64, metavar="N", help="codes (default: 64)")
    parser.add_argument("--dim", type=arguments.whole_number(1), default=16, metavar="N",
                        help="numbers that stand for a code (default: 16)")


class VQVAE(nn.Module):
    """An autoencoder through a map of codes (N, H, W), and a prior that gives each map a likelihood."""

    def __init__(self, channels, size, book, dim, classes):
        super().__init__()
        deep = size >= 16           # smaller images are halved once
        self.side = size // (4 if deep else 2)
        halve, double = nn.Conv2d(16, 32, 4, 2, 1), nn.ConvTranspose2d(32, 16, 4, 2, 1)
        last = 32 if deep else 16
        self.encoder = nn.Sequential(nn.Conv2d(channels, 16, 4, 2, 1), nn.ReLU(), *([halve, nn.ReLU()] if deep else []),
                                     nn.Conv2d(last, dim, 3, padding=1))
        self.quantizer = generative.VectorQuantizer(book, dim)
        self.decoder = nn.Sequential(nn.Conv2d(dim, last, 3, padding=1), nn.ReLU(),
                                     *([double, nn.ReLU()] if deep else []), nn.ConvTranspose2d(16, channels, 4, 2, 1))
        self.prior = generative.PixelCNN(book, 1, 24, 4, 3, classes, ordered=False)

    def draw(self, labels, progress=None):
        """Images (N, C, H, W), from 0 to 1, of codes that the prior draws for labels (N,); progress: called by row."""
        codes = self.prior.sample(len(labels), self.side, self.side, labels, progress)[:, 0]
        return self.decoder(self.quantizer.vectors(codes)).clamp(0, 1)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args)
classes = len(data.classes)
model = VQVAE(data.channels, data.size, args.book, args.dim, classes).to(args.device)
tested, labels = (data.test.x.float() / 255).to(args.device), data.test.y.to(args.device)
numbers = minidl.arange(len(tested)).to(args.device)


def objective(model, x, labels):
    found = model.quantizer(model.encoder(x))
    error = F.mse_loss(model.decoder(found.vectors), x)
    nats = -model.prior.log_likelihood(found.codes[:, None], labels).mean()
    # the codes are whole numbers: no gradient goes from the prior to the encoder
    loss = 10 * error + found.loss + nats / model.side ** 2
    return loss, {"error": error.item(), "perplexity": found.perplexity.item(), "nats": nats.item()}


def back(x):
    """What comes back of images, from 0 to 1."""
    return classification.in_batches(lambda part: model.decoder(model.quantizer(model.encoder(part)).vectors),
                                     x).clamp(0, 1)


def codes_of(x):
    return classification.in_batches(lambda part: model.quantizer(model.encoder(part)).codes, x)


def test():
    """The mean squared error of test images, the perplexity of all their codes, and how unlikely the maps are."""
    codes = codes_of(tested)
    shares = codes.flatten().bincount(minlength=args.book) / codes.numel()
    likely = classification.in_batches(lambda n: model.prior.log_likelihood(codes[n][:, None], labels[n]), numbers)
    return {"test error": F.mse_loss(back(tested), tested).item(),
            "test perplexity": (-shares.xlogy(shares).sum()).exp().item(), "test nats": -likely.mean().item()}


@minidl.no_grad()
def make(count=60, show=False):
    """Images from 0 to 1, of one class after the other."""
    parts = minidl.arange(count).remainder(classes).to(args.device).split(500)
    with Progress(len(parts) * model.side, show=show) as progress:
        return minidl.cat([model.draw(part, lambda row: progress.step()) for part in parts]).cpu()


def say():
    found = test()
    used = len(codes_of(tested).unique())
    print(f"mean squared error of {len(tested):,} test images: {found['test error']:.4f}")
    print(f"{used} of {args.book} codes are used, as if {found['test perplexity']:.1f} were used equally; a map of "
          f"{model.side}x{model.side} takes {found['test nats']:.1f} nats")
    if used < args.book / 2:
        print("dead codes: less than half of the book is used; try a smaller --book or --lr")
    report(args, data, lambda count: make(count, show=True) * 2 - 1)


def pairs(path):
    """Ten test images, and what comes back of them."""
    plots.images(minidl.cat([tested[:10], back(tested[:10])]).cpu(), path, columns=10,
                 caption="test images, and what comes back of their codes")


run = generation.Run(args, data, model, make, of="codes")
batches = images.Batches(data, args.batch_size, prepare=lambda x: x.to(args.device).float() / 255)
optimizer = optim.Adam(model.parameters(), lr=args.lr)
one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
run.train(batches, objective, optimizer, schedule=one_cycle, evaluate=test)
run.end(say, {"back": pairs})
