"""iGAN: which noise makes an image that is given? Then it can be changed as only images of its kind change.

Zhu, Kraehenbuehl, Shechtman and Efros, 2016. Three ways, compared on ten test images: optimisation walks from random
noise against the error of the pixels, and may stop in a bad place; an encoder, trained beside the generator, answers at
once, but roughly; and optimisation that begins where the encoder points. Errors are root mean squares of pixels from 0
to 1, as the paper's table has one for each image.

    python examples/generate/igan.py
    python examples/generate/igan.py --dataset mnist --data DIR --compiled --run runs/igan --plot plots
"""
from judge import signed

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import EMA, plots, recalibrate_batch_norm
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 32, "lr": 5e-4},
    "mnist": {"epochs": 4, "batch_size": 64, "lr": 5e-4},
    "fashion": {"epochs": 8, "batch_size": 64, "lr": 5e-4},
}
NOISE = 32
WIDTH = {"digits": 16}          # channels of the layers next to the image; otherwise 32
PRIOR = 0.01                    # weight of the length of the noise, which is that of a normal distribution


class Pair(nn.Module):
    """A generator, and an encoder that says which noise (N, NOISE) makes images (N, C, 32, 32)."""

    def __init__(self, channels, width):
        super().__init__()
        self.generator = models.dcgan_generator(NOISE, width, channels, 32)
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.BatchNorm2d(2 * width), nn.ReLU(), nn.Conv2d(2 * width, 4 * width, 4, 2, 1), nn.BatchNorm2d(4 * width),
            nn.ReLU(), nn.Flatten(), nn.Linear(4 * width * 16, NOISE))

    def forward(self, noise):
        return self.encoder(self.generator(noise))


def add_options(parser):
    parser.add_argument("--walk", type=arguments.whole_number(1), default=100, metavar="N",
                        help="steps of optimisation for an image (default: 100)")


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args).enlarged(28).framed(32)
width = WIDTH.get(args.dataset, 32)
model = Pair(data.channels, width).to(args.device)
netD = models.dcgan_discriminator(data.channels, width, 32).to(args.device)
opponent = generation.Opponent(netD, optim.Adam(netD.parameters(), lr=args.lr, betas=(0.5, 0.999)))
game = generative.non_saturating


def noise(count):
    return minidl.randn(count, NOISE).to(args.device)


def objective(model, real, labels):
    """The generator's loss, and the encoder's: real images should come back, and so should the noise of made ones."""
    z = noise(len(real))
    made = model.generator(z)
    d_loss = opponent.learn(lambda: game.discriminator(netD(real), netD(made.detach())))
    model.generator.requires_grad_(False)           # it does not learn what makes the encoder's task easy
    back = F.mse_loss(model.generator(model.encoder(real)), real) + 0.1 * F.mse_loss(model.encoder(made.detach()), z)
    model.generator.requires_grad_(True)
    return game.generator(netD(made)) + back, {"D loss": d_loss, "encoder": back.item()}


fixed, ready = noise(64), [noise(64) for _ in range(16)]     # the latter set the statistics of norms


def make(z=fixed):
    recalibrate_batch_norm(ready, model)
    return classification.in_batches(model.generator, z).cpu()


def look():
    return {"variety": generation.variety(make(), signed(data.test.x[:64]))}


def walked(start, target):
    """The noise (N, NOISE) after `--walk` steps of Adam from a start, against the error of target images."""
    z = start.detach().clone().requires_grad_()
    optimizer = optim.Adam([z], lr=0.1)
    for _ in range(args.walk):
        error = (model.generator(z) - target).square().mean((1, 2, 3)) + PRIOR * z.square().mean(1)
        optimizer.zero_grad()
        error.sum().backward()
        optimizer.step()
    return z.detach()


def projected(target):
    recalibrate_batch_norm(ready, model)
    by_chance, by_network = noise(len(target)), model.encoder(target)
    return {"chance": by_chance, "optimisation": walked(by_chance, target), "network": by_network,
            "both": walked(by_network, target)}


def say():
    target = signed(data.test.x[:200]).to(args.device)
    found = {way: ((model.generator(z) - target) / 2).square().mean((1, 2, 3)).sqrt()
             for way, z in projected(target).items()}
    print(f"errors of the first ten test images, their mean, and the mean of {len(target)}")
    for way, error in found.items():
        ten = error[:10].tolist()
        print(f"{way:12}  {' '.join(f'{e:.3f}' for e in ten)}   {sum(ten) / 10:.3f}   {error.mean().item():.3f}")
    if found["both"].mean() > min(found["network"].mean(), found["optimisation"].mean()):
        print("off: both together should be better than either; train longer, or with another --seed")


def projections(path):
    """Test images, where optimisation begins, and what is found in the three ways."""
    target = signed(data.test.x[:10]).to(args.device)
    rows = minidl.cat([target, *(model.generator(z) for z in projected(target).values())]).cpu()
    plots.images(rows / 2 + 0.5, path, caption="test images; by chance, optimisation, a network, both", columns=10)


def arithmetic(path):
    """An image, less the mean noise of its class, plus that of each other class."""
    z = classification.in_batches(model.encoder, signed(data.train.x[:2000]).to(args.device))
    y = data.train.y[:2000].to(args.device)
    means = minidl.stack([z[y == label].mean(0) for label in range(10)])
    target = signed(data.test.x[:6]).to(args.device)
    start = walked(model.encoder(target), target) - means[data.test.y[:6].to(args.device)]
    plots.images(make((start[:, None] + means).flatten(0, 1)) / 2 + 0.5, path, columns=10,
                 caption="six test images, moved by the difference of two classes' mean noise")


run = generation.Run(args, data, model, lambda: make() / 2 + 0.5)
batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
run.train(batches, objective, optim.Adam(model.parameters(), lr=args.lr, betas=(0.5, 0.999)), ema=EMA(model),
          evaluate=look, parts={"opponent": opponent})
model.requires_grad_(False)         # from here on, only noise is changed
run.end(say, {"projections": projections, "arithmetic": arithmetic})
