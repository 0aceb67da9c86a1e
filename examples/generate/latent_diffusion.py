"""Latent diffusion: text to image. A small code of the image is made of noise, and read as an image at the end.

Rombach, Blattmann, Lorenz, Esser and Ommer, 2022. An autoencoder learns first: 32x32 pixels of three colours become 8x8
of four numbers, and come back. Then the codes are noised, and a U-Net learns to take the noise away; its pixels look at
the words of the caption by attention. Captions are hidden now and then, so that images can be led to theirs. Scenes are
drawn: "a red ring", "a blue star". A LeNet that reads kind and colour of real scenes says whether the made ones show
what was asked for, and the same U-Net on pixels is timed beside.

    python examples/generate/latent_diffusion.py
    python examples/generate/latent_diffusion.py --scenes 12000 --epochs 8 --judge-epochs 6 --width 24 --plot plots
"""
import time

from judge import add_judge, signed, tell, trained
from pairs import captioned

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import EMA, plots
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS

DEFAULTS = {"shapes": {"epochs": 20, "batch_size": 32, "lr": 2e-3}}
CODE, WORD, HIDDEN, FIRST = 4, 32, 0.1, 0.3     # channels, numbers of a word, share without caption, of the autoencoder


def add_options(parser):
    add_judge(parser)
    parser.add_argument("--scenes", type=arguments.whole_number(100), default=1500, metavar="N", help="to learn from")
    parser.add_argument("--width", type=arguments.whole_number(8), default=16, metavar="N",
                        help="channels of the U-Net's first level (default: 16)")
    parser.add_argument("--steps", type=arguments.whole_number(1, 1000), default=20, metavar="N",
                        help="in which an image is made (default: 20)")
    parser.add_argument("--guidance", type=arguments.number_between(0), default=1.0, metavar="W",
                        help="how strongly images are led to their caption (default: 1)")


class LatentDiffusion(nn.Module):
    def __init__(self, captions, width):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 24, 4, 2, 1), nn.SiLU(), nn.Conv2d(24, 48, 4, 2, 1), nn.SiLU(),
                                     nn.Conv2d(48, CODE, 3, padding=1), nn.BatchNorm2d(CODE, affine=False))
        self.decoder = nn.Sequential(nn.Conv2d(CODE, 48, 3, padding=1), nn.SiLU(), nn.ConvTranspose2d(48, 24, 4, 2, 1),
                                     nn.SiLU(), nn.ConvTranspose2d(24, 16, 4, 2, 1), nn.SiLU(),
                                     nn.Conv2d(16, 3, 3, padding=1), nn.Tanh())
        vocabulary = sorted({word for caption in captions for word in caption.split()})
        table = [[vocabulary.index(word) for word in caption.split()] for caption in captions]
        table.append([len(vocabulary)] * len(table[0]))             # of the hidden caption
        self.register_buffer("captions", minidl.tensor(table))
        self.words, self.places = nn.Embedding(len(vocabulary) + 1, WORD), nn.Embedding(len(table[0]), WORD)
        self.unet = generative.UNet(CODE, width, (1, 2), blocks=1, attention=(1,), tokens=WORD)
        self.register_buffer("step", minidl.zeros((), dtype=minidl.int64))

    def forward(self, x, t, labels):
        """The velocity of codes (N, CODE, 8, 8) at times t of scenes with captions number `labels` (N,)."""
        return self.unet(x, t, self.tokens(labels))

    def tokens(self, labels):
        """A vector for each word, which knows its place: (N, words, WORD)."""
        return self.words(self.captions[labels]) + self.places.weight


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = captioned(args)
hidden = len(data.classes)                      # the number of no caption
model = LatentDiffusion(data.classes, args.width).to(args.device)
schedule = generative.NoiseSchedule.cosine(1000).to(args.device)
fixed = minidl.randn(30, CODE, 8, 8).to(args.device)


def objective(model, x, labels):
    """At first the error of what comes back, then that of the velocity of codes; the autoencoder then stands still."""
    model.step += 1
    if model.step.item() <= FIRST * args.epochs * len(batches):
        return F.mse_loss(model.decoder(model.encoder(x)), x), {}
    model.encoder.eval()
    with minidl.no_grad():
        codes = model.encoder(x)
    labels = labels.masked_fill(minidl.rand(len(labels)).to(labels.device) < HIDDEN, hidden)
    return schedule.velocity_loss(lambda x_t, t: model(x_t, t, labels), codes), {}


@minidl.no_grad()
def make(noise=fixed, weight=args.guidance):
    """Images from -1 to 1 of one caption after the other, led to it with a weight."""
    labels = minidl.arange(len(noise)).remainder(hidden).to(args.device)
    codes = [generative.ddim(schedule.denoiser(generative.guided(model, y, hidden, weight)), schedule, x, args.steps,
                             clip=4.0) for x, y in zip(noise.split(100), labels.split(100))]
    return classification.in_batches(model.decoder, minidl.cat(codes), 100).cpu()


def look():
    x = signed(data.test.x[:30])
    back = model.decoder(model.encoder(x.to(args.device))).cpu()
    return {"back": F.mse_loss(back, x).item(), "variety": generation.variety(make(), x)}


@minidl.no_grad()
def seconds(count=32):
    """Of the processor, for an image: by the U-Net on codes, decoding included, and by its like on pixels."""
    pixels = generative.UNet(3, args.width, (1, 2), blocks=1, attention=(1,), tokens=WORD).to(args.device)
    labels, times = minidl.zeros(count, dtype=minidl.int64).to(args.device), []
    for net, size, end in ((model.unet, (CODE, 8, 8), model.decoder), (pixels, (3, 32, 32), nn.Identity())):
        start = time.process_time()
        end(generative.ddim(lambda x, t, net=net: net(x, t, model.tokens(labels)), schedule,
                            minidl.randn(count, *size).to(args.device), args.steps)).sum().item()
        times.append((time.process_time() - start) / count)
    return times


def say():
    judge, count = trained(args, data, epochs=12)
    noise, x = minidl.randn(count, *fixed.shape[1:]).to(args.device), signed(data.test.x)
    back = classification.in_batches(lambda part: model.decoder(model.encoder(part)), x.to(args.device)).cpu()
    asked = minidl.arange(count).remainder(hidden)
    looked_at = {"test images": (x, data.test.y), "what comes back of their codes": (back, data.test.y),
                 **{f"made, led with weight {w:g}": (make(noise, w), asked) for w in sorted({0.0, args.guidance})}}
    for what, (shown, labels) in looked_at.items():
        said = judge.look(shown)[0].argmax(1)
        right = [(part(said) == part(labels)).float().mean().item()
                 for part in (lambda y: y, lambda y: y % len(COLORS), lambda y: y // len(COLORS))]
        print(f"{what}: {right[0]:.1%} show what the caption says, {right[1]:.1%} its colour, {right[2]:.1%} its shape")
    tell(args, judge, shown)
    codes, pixels = seconds()
    print(f"an image in {args.steps} steps takes {1000 * codes:.1f} ms on codes and {1000 * pixels:.1f} ms on pixels, "
          f"{pixels / codes:.1f} times as long")


def captions(path):
    """Made images below what was asked for."""
    plots.images(make() / 2 + 0.5, path, data.classes, "made of noise and a caption", columns=6)


run = generation.Run(args, data, model, lambda: make() / 2 + 0.5, of="noise and captions")
batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
optimizer = optim.Adam(model.parameters(), lr=args.lr)
one_cycle = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches), pct_start=0.1)
run.train(batches, objective, optimizer, schedule=one_cycle, ema=EMA(model, 0.995), clip_norm=1.0, evaluate=look)
run.end(say, {"captions": captions})
