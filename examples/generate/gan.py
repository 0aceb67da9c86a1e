"""A GAN: one network makes images of noise, another tells them from real ones, and each learns from the other.

Layers and recipe are DCGAN's (Radford, Metz, Chintala, 2015): convolutions of stride 2 and their transposes, batch
norms, Adam with a short memory. Images are made by the average of the generator's late parameters, which wander less
than the parameters themselves. A loss says little about the images, so a LeNet that was trained on real ones judges
them: is it sure of what it sees, are all classes made, and how far are their features from those of real images?

    python examples/generate/gan.py
    python examples/generate/gan.py --dataset mnist --data DIR --run runs/gan --plot plots
"""
import math
import time

from judge import add_judge, report, signed

import minidl
import minidl.nn.functional as F
from minidl import optim
from minidl.cli import arguments, classification, ending, images, training
from minidl.train import EMA, Averages, Progress, plots, recalibrate_batch_norm
from minidl.vision import models

DEFAULTS = {
    "digits": {"epochs": 25, "batch_size": 32, "lr": 5e-4},
    "mnist": {"epochs": 5, "batch_size": 32, "lr": 1.5e-3},
    "fashion": {"epochs": 10, "batch_size": 64, "lr": 5e-4},
    "cifar10": {"epochs": 20, "batch_size": 64, "lr": 2e-4},
    "tinyplaces": {"epochs": 60, "batch_size": 64, "lr": 2e-4},
}
WIDTHS = {"digits": (16, 16), "mnist": (64, 32), "fashion": (64, 32)}       # channels next to the image, of either net
REAL = 0.9              # what the discriminator shall say of real images: never quite sure (Salimans et al., 2016)


args = arguments.parse(__doc__, DEFAULTS, extra=add_judge)
NOISE = 32 if args.dataset == "mnist" else 100          # numbers that an image is made of
data = images.load(args).enlarged(28).framed(32)
kind, (ngf, ndf) = {"image_size": data.size, "nc": data.channels}, WIDTHS.get(args.dataset, (64, 64))
netG = models.dcgan_generator(NOISE, ngf, **kind).to(args.device)
netD = models.dcgan_discriminator(ndf=ndf, **kind).to(args.device)
fixed = minidl.randn(64, NOISE).to(args.device)       # always the same noise, to watch what becomes of it
print(f"{args.dataset}: {len(data.train.x):,} images of {data.size}x{data.size}; generator and discriminator have "
      f"{' and '.join(f'{sum(p.numel() for p in net.parameters()):,}' for net in (netG, netD))} parameters")
if args.weights:
    classification.load_weights(netG, args.weights, args.device)


def says(scores, real):
    """Binary cross-entropy of scores (N,) against the word that all images are real with this probability."""
    return F.binary_cross_entropy_with_logits(scores, minidl.full_like(scores, real))


def noise(count):
    return minidl.randn(count, NOISE).to(args.device)


ema = EMA(netG)
ready = [noise(64) for _ in range(16)]      # sets the statistics of the averaged generator's norms


def make(noise):
    """Images for noise, by the averaged generator."""
    with ema.applied():
        recalibrate_batch_norm(ready, netG)
        netG.eval()
        made = classification.in_batches(netG, noise)
        netG.train()
    return made.cpu()


def train():
    """Returns figures of each epoch, what was made of `fixed` after each, and whether Ctrl-C came."""
    optD, optG = (optim.Adam(net.parameters(), lr=args.lr, betas=(0.5, 0.999)) for net in (netD, netG))
    state = {"history": [], "samples": []}
    if args.run:
        parts = {"netD": netD, "netG": netG, "optD": optD, "optG": optG, "ema": ema}
        checkpoint = training.Resumed(args.run / "checkpoint.minidl", **parts)
        state = checkpoint.load() or state
    history, samples = state["history"], state["samples"]
    batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
    steps = 0
    with ending.CtrlC() as ctrl_c, Progress(args.epochs * len(batches), len(history) * len(batches)) as progress:
        for row in history:
            progress.row(**row)
        while len(history) < args.epochs:
            means, start = Averages(), time.perf_counter()
            for opt in (optD, optG):                                # the rate falls in the second half
                opt.param_groups[0]["lr"] = args.lr * min(1, 2 - 2 * len(history) / args.epochs)
            for real, _ in batches:
                made = netG(noise(len(real)))

                lossD = says(netD(real), REAL) + says(netD(made.detach()), 0.0)       # made: no gradient for netG
                optD.zero_grad()
                lossD.backward()
                optD.step()

                netD.requires_grad_(False)                          # it judges now, and does not learn
                lossG = says(netD(made), 1.0)                       # what netG wants to hear
                optG.zero_grad()
                lossG.backward()
                optG.step()
                ema.update()
                netD.requires_grad_(True)

                means.add(len(real), **{"D loss": lossD.item(), "G loss": lossG.item()})
                progress.step(**means.means())
                steps += 1
                if ctrl_c():
                    ending.tell_interrupted(len(history), args.epochs)
                if ctrl_c() or steps == args.max_steps:
                    return history, [*samples, make(fixed)], ctrl_c()
            samples.append(make(fixed))
            history.append({"epoch": len(history) + 1, **means.means(), "seconds": time.perf_counter() - start})
            progress.row(**history[-1])
            if args.run:
                checkpoint.save(**state)
    return history, samples, False


def walk(path):
    """From one image to the next in steps of the noise, along a sphere as noise lies there."""
    ends, steps = fixed[:7], minidl.linspace(0, 1, 10).to(args.device)[:, None, None]
    between = ends[:-1] * (steps * math.pi / 2).cos() + ends[1:] * (steps * math.pi / 2).sin()     # (10, 6, NOISE)
    plots.images(make(between.transpose(0, 1).flatten(0, 1)) / 2 + 0.5, path, columns=10,
                 caption="each row goes from one image to the next")


history, samples, interrupted = ([], [make(fixed)], False) if args.evaluate else train()
if args.save:
    with ema.applied():
        classification.save(netG, args.save)
rows = minidl.linspace(0, len(samples) - 1, min(len(samples), 10)).long().tolist()
grown = minidl.cat([samples[row][:10] for row in rows])
classification.finish(args, history, interrupted, lambda: report(args, data, lambda count: make(noise(count))), {
    "walk": walk, "samples": lambda path: plots.images(samples[-1] / 2 + 0.5, path, caption="made of noise"),
    "over_time": lambda path: plots.images(grown / 2 + 0.5, path, caption="the same noise over time", columns=10)})
