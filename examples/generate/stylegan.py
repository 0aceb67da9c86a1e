"""StyleGAN: the code enters every layer as a style, and noise makes the detail that no code should carry.

Karras, Laine and Aila, 2019. Codes first become styles; each layer sets the mean and the deviation of its channels by
them. Early layers so decide on the shape, late ones on the stroke: half of the images are learned with two styles, so
that layers do not rely on each other. The discriminator is kept flat at real images (R1), and a step in the style is to
change the image equally everywhere (path length, Karras et al., 2020); both need the gradient of a gradient.

    python examples/generate/stylegan.py
    python examples/generate/stylegan.py --dataset mnist --data DIR --compiled --run runs/stylegan --plot plots
"""
from judge import add_judge, report, signed

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import EMA, plots

DEFAULTS = {
    "digits": {"epochs": 25, "batch_size": 32, "lr": 1e-3},
    "mnist": {"epochs": 5, "batch_size": 64, "lr": 1e-3},
    "fashion": {"epochs": 10, "batch_size": 64, "lr": 1e-3},
}
CODES, STYLE, WIDTHS = 64, 64, (64, 64, 32, 16)     # channels at 4, 8, 16 and 32 pixels
GAMMA, R1_EVERY, PATH, PATH_EVERY = 1.0, 8, 1.0, 8


def add_options(parser):
    add_judge(parser)
    parser.add_argument("--truncation", type=arguments.number_between(0, 1), default=1.0, metavar="SHARE",
                        help="of the way from the average style, for the images that are judged (default: 1)")


class Block(nn.Module):
    """Twice as large, a convolution, noise, and a style."""

    def __init__(self, inner, outer):
        super().__init__()
        self.conv, self.noise = nn.Conv2d(inner, outer, 3, padding=1), generative.NoiseInjection(outer)
        self.style = generative.AdaptiveInstanceNorm(outer, STYLE)

    def forward(self, x, style):
        x = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.style(F.leaky_relu(self.noise(x), 0.2), style)


class StyleGAN(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.mapping = generative.MappingNetwork(CODES, STYLE)
        self.constant = nn.Parameter(minidl.randn(1, WIDTHS[0], 4, 4))
        self.first = generative.AdaptiveInstanceNorm(WIDTHS[0], STYLE)
        self.blocks = nn.ModuleList([Block(*sizes) for sizes in zip(WIDTHS, WIDTHS[1:])])
        self.last = nn.Conv2d(WIDTHS[-1], channels, 3, padding=1)
        self.register_buffer("step", minidl.zeros((), dtype=minidl.int64))      # penalties come every few steps

    def forward(self, styles):
        """Images from -1 to 1 for styles (N, 4, STYLE), one for each layer."""
        x = self.first(self.constant.expand(len(styles), -1, -1, -1), styles[:, 0])
        for block, style in zip(self.blocks, styles.unbind(1)[1:]):
            x = block(x, style)
        return self.last(x).tanh()

    def styles(self, codes, share=1.0):
        return self.mapping.truncated(self.mapping(codes), share)[:, None].expand(-1, len(WIDTHS), -1)


def critic(channels):
    """Scores (N,) for images of 32x32; without norms, as R1 asks for the slope of each image alone."""
    return nn.Sequential(nn.Conv2d(channels, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1),
                         nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(),
                         nn.Linear(128 * 16, 1), nn.Flatten(0))


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = images.load(args).enlarged(28).framed(32)
model, netD = StyleGAN(data.channels).to(args.device), critic(data.channels).to(args.device)
opponent = generation.Opponent(netD, optim.Adam(netD.parameters(), lr=args.lr, betas=(0.0, 0.99)))
path_length = generative.PathLength().to(args.device)
fixed = minidl.randn(64, CODES).to(args.device)       # always the same codes, to watch what becomes of them
game = generative.non_saturating


def mixed(count):
    """Styles of new codes; those of every other image change to another code's at some layer."""
    one, other = (model.styles(minidl.randn(count, CODES).to(args.device)) for _ in range(2))
    crossing = minidl.randint(1, len(WIDTHS), (count, 1, 1)) * minidl.tensor([1, 9]).repeat(count)[:count, None, None]
    return minidl.where(minidl.arange(len(WIDTHS))[:, None].to(args.device) < crossing.to(args.device), one, other)


def objective(model, real, labels):
    now, styles = int(model.step.item()), mixed(len(real))
    model.step += 1
    made = model(styles)

    def judgement():
        loss = game.discriminator(netD(real), netD(made.detach()))
        if now % R1_EVERY == 0:
            loss = loss + GAMMA / 2 * R1_EVERY * generative.r1_penalty(netD, real)
        return loss
    figures = {"D loss": opponent.learn(judgement)}
    loss = game.generator(netD(made))
    if now % PATH_EVERY == PATH_EVERY // 2:
        some = styles[:len(real) // 2]
        loss = loss + PATH * PATH_EVERY * path_length(model(some), some)
    return loss, figures


def make(codes=fixed, share=args.truncation):
    return classification.in_batches(lambda part: model(model.styles(part, share)), codes).cpu()


def look():
    return {"variety": generation.variety(make(), signed(data.test.x[:64]))}


def truncation(path):
    """The same codes, from the average style outwards."""
    rows = minidl.cat([make(fixed[:10], share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)])
    plots.images(rows / 2 + 0.5, path, caption="0, 1/4, 1/2, 3/4 and all of the way from the average style", columns=10)


def mixing(path):
    """Coarse layers from the code of the row, fine ones from that of the column, which alone stand above."""
    styles = model.styles(fixed[:10])
    rows = [model(styles)]
    for row in styles[:5]:
        rows.append(model(minidl.cat([row[None, :2].expand(10, -1, -1), styles[:, 2:]], 1)))
    plots.images(minidl.cat(rows).detach().cpu() / 2 + 0.5, path, columns=10,
                 caption="above: ten images; below, row r has the two coarse styles of image r, the fine ones of above")


run = generation.Run(args, data, model, lambda: make() / 2 + 0.5)
batches = images.Batches(data, args.batch_size, prepare=lambda x: signed(x.to(args.device)))
slow = {"params": list(model.mapping.parameters()), "lr": args.lr / 10}       # a small step here moves every layer
others = [p for name, p in model.named_parameters() if not name.startswith("mapping")]
run.train(batches, objective, optim.Adam([{"params": others}, slow], lr=args.lr, betas=(0.0, 0.99)),
          ema=EMA(model, 0.995), evaluate=look, parts={"opponent": opponent, "path length": path_length})
run.end(lambda: report(args, data, lambda count: make(minidl.randn(count, CODES).to(args.device))),
        {"truncation": truncation, "mixing": mixing})
