"""A conditional GAN: the class is given to both networks, so that images of a wanted class can be made.

Mirza and Osindero, 2014. The generator gets the class as ten more numbers beside the noise; the discriminator gets it
as ten more channels, and so learns not only whether an image looks real, but whether it is one of its class. Layers are
DCGAN's. The figure is how often a LeNet that was trained on real images reads the class that was asked for.

    python examples/generate/conditional_gan.py
    python examples/generate/conditional_gan.py --dataset mnist --data DIR --run runs/conditional --plot plots
"""
from judge import add_judge, signed, tell, trained

import minidl
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import EMA, plots, recalibrate_batch_norm
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 25, "batch_size": 32, "lr": 5e-4},
    "mnist": {"epochs": 5, "batch_size": 64, "lr": 5e-4},
    "fashion": {"epochs": 10, "batch_size": 64, "lr": 5e-4},
    "cifar10": {"epochs": 20, "batch_size": 64, "lr": 2e-4},
    "tinyplaces": {"epochs": 60, "batch_size": 64, "lr": 2e-4},
}
NOISE = 60
WIDTH = {"digits": 16, "mnist": 48, "fashion": 48}      # channels of the layers next to the image; otherwise 64

args = arguments.parse(__doc__, DEFAULTS, extra=add_judge)
data = images.load(args).enlarged(28).framed(32)
classes, width = len(data.classes), WIDTH.get(args.dataset, 64)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = models.dcgan_discriminator(data.channels + classes, width, data.size)

    def forward(self, x, labels):
        """Scores (N,): high for real images of their class."""
        maps = one_hot(labels)[:, :, None, None].expand(-1, -1, data.size, data.size)
        return self.net(minidl.cat([x, maps], 1))


def one_hot(labels):
    return nn.functional.one_hot(labels, classes).float()


def codes(labels):
    """Noise, and the class: (N, NOISE + classes)."""
    return minidl.cat([minidl.randn(len(labels), NOISE).to(args.device), one_hot(labels)], 1)


model = models.dcgan_generator(NOISE + classes, width, data.channels, data.size).to(args.device)
netD = Discriminator().to(args.device)
game = generative.non_saturating


def falling(optimizer):
    """The rate falls in the second half."""
    steps = args.epochs * len(batches)
    return optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, 2 - 2 * step / steps))


def adam(net):
    return optim.Adam(net.parameters(), lr=args.lr, betas=(0.5, 0.999))


def of_each(count):
    """Labels of one class after the other."""
    return minidl.arange(count).remainder(classes).to(args.device)


def objective(model, real, labels):
    made = model(codes(labels))
    d_loss = opponent.learn(lambda: game.discriminator(netD(real, labels), netD(made.detach(), labels)))
    return game.generator(netD(made, labels)), {"D loss": d_loss}


fixed = codes(of_each(8 * classes))
ready = [codes(of_each(64)) for _ in range(16)]     # sets the statistics of the averaged generator's norms


def make(codes=fixed):
    """Images from -1 to 1; those of `fixed` are of one class after the other."""
    recalibrate_batch_norm(ready, model)
    return classification.in_batches(model, codes).cpu()


def look():
    return {"variety": generation.variety(make(), signed(data.test.x[:100]))}


def say():
    judge, count = trained(args, data)
    labels = of_each(count)
    made = make(codes(labels))
    said = judge.look(made)[0].argmax(1)
    right = [(said[labels.cpu() == label] == label).float().mean().item() for label in range(classes)]
    tell(args, judge, made)
    print(f"{sum(right) / classes:.2%} of the made images are read as the class that was asked for; worst is "
          f"{data.classes[right.index(min(right))]} with {min(right):.2%}")


def between(path):
    """The same noise, on the way from one class to the next."""
    share = minidl.linspace(0, 1, 10).to(args.device)[:, None]
    first, second = one_hot(of_each(6)), one_hot(of_each(7)[1:])
    ways = [minidl.cat([noise.expand(10, -1), here + share * (there - here)], 1)
            for noise, here, there in zip(fixed[:, :NOISE], first, second)]
    plots.images(make(minidl.cat(ways)) / 2 + 0.5, path, caption="the same noise, from class to class", columns=10)


run = generation.Run(args, data, model, lambda: make() / 2 + 0.5)
batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
optimizer, optimizerD = adam(model), adam(netD)
opponent = generation.Opponent(netD, optimizerD, falling(optimizerD))
run.train(batches, objective, optimizer, schedule=falling(optimizer), ema=EMA(model), evaluate=look,
          parts={"opponent": opponent})
run.end(say, {"between": between})
