"""CycleGAN: two alphabets are translated into each other, although no letter is known in both.

Zhu, Park, Isola and Efros, 2017. One generator draws the outline of a digit, the other fills an outline, and each is
held by a discriminator to what looks real there. Neither need keep the digit, though. What makes them is that an image
must come back: back(there(x)) = x and there(back(y)) = y. Discriminators also see earlier images, out of a pool. The
digits of one alphabet are never those of the other, so there are no pairs to learn from; the test has them, and a LeNet
for each alphabet says how often a translated digit is still read as itself.

    python examples/generate/cyclegan.py
    python examples/generate/cyclegan.py --dataset mnist --data DIR --compiled --run runs/cyclegan --plot plots
"""
from judge import Judge, add_judge, signed

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation, images
from minidl.train import plots

DEFAULTS = {
    "digits": {"epochs": 15, "batch_size": 16, "lr": 1e-3},
    "mnist": {"epochs": 3, "batch_size": 32, "lr": 1e-3},
    "fashion": {"epochs": 5, "batch_size": 32, "lr": 1e-3},
}
CYCLE, WIDTH = 10, 16       # weight of what must come back; channels of the first layer


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.InstanceNorm2d(width), nn.ReLU(),
                                    nn.Conv2d(width, width, 3, padding=1), nn.InstanceNorm2d(width))

    def forward(self, x):
        return x + self.layers(x)


class Translator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(            # half as large, two residual blocks, as large as before
            nn.Conv2d(channels, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, 2 * WIDTH, 3, 2, 1),
            nn.InstanceNorm2d(2 * WIDTH), nn.ReLU(), Residual(2 * WIDTH), Residual(2 * WIDTH),
            nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1), nn.InstanceNorm2d(WIDTH), nn.ReLU(),
            nn.Conv2d(WIDTH, channels, 3, padding=1))

    def forward(self, x):
        return (2 * x + self.layers(x)).tanh()          # at first, next to no change


def patches(channels):
    """A score for each patch of an image."""
    return nn.Sequential(nn.Conv2d(channels, WIDTH, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1),
                         nn.InstanceNorm2d(2 * WIDTH), nn.LeakyReLU(0.2), nn.Conv2d(2 * WIDTH, 1, 3, padding=1))


class CycleGAN(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.there, self.back = Translator(channels), Translator(channels)


class Unpaired:
    """Batches of digits, and of outlines of other digits."""

    def __init__(self):
        half = len(data.train.x) // 2
        self.sides = [images.Batches(alphabet, args.batch_size, numbers=minidl.arange(first, first + half),
                                     prepare=lambda x: signed(x.to(args.device)))
                      for alphabet, first in ((data, 0), (outlines, half))]

    def __len__(self):
        return len(self.sides[0])

    def __iter__(self):
        for (x, _), (y, _) in zip(*self.sides):
            yield x, y


def outlined(part):
    """Where an image is brighter than its darkest pixel nearby: the inside becomes black, the edge stays."""
    x = part.x.float()
    return part._replace(x=(x + F.max_pool2d(-x, 3, 1, 1)).byte())


args = arguments.parse(__doc__, DEFAULTS, extra=add_judge)
data = images.load(args)
data = data.enlarged(16) if args.dataset == "digits" else data
outlines = data._replace(train=outlined(data.train), test=outlined(data.test))
model = CycleGAN(data.channels).to(args.device)
critics = nn.ModuleList([patches(data.channels), patches(data.channels)]).to(args.device)     # of digits, of outlines
opponent = generation.Opponent(critics, optim.Adam(critics.parameters(), lr=args.lr / 2, betas=(0.5, 0.999)))
pools = {"digits": generative.ImagePool(), "outlines": generative.ImagePool()}
game, some = generative.least_squares, data.test._replace(x=data.test.x[:64])


def objective(model, x, y):
    made_x, made_y = model.back(y), model.there(x)
    older_x, older_y = pools["digits"](made_x), pools["outlines"](made_y)
    d_loss = opponent.learn(lambda: game.discriminator(critics[0](x), critics[0](older_x))
                            + game.discriminator(critics[1](y), critics[1](older_y)))
    cycle = F.l1_loss(model.back(made_y), x) + F.l1_loss(model.there(made_x), y)      # as `cycle_consistency` has it
    loss = game.generator(critics[0](made_x)) + game.generator(critics[1](made_y)) + CYCLE * cycle
    return loss, {"D loss": d_loss, "cycle": cycle.item()}


def translated(net, part):
    return classification.in_batches(lambda x: net(signed(x.to(args.device))), part.x).cpu()


def look():
    return {"variety": generation.variety(translated(model.there, some), signed(outlines.test.x[:64]))}


def say():
    for name, alphabet, source, net in (("outline", outlines, data, model.there), ("fill", data, outlines, model.back)):
        print(f"a LeNet learns real images of the alphabet that digits are translated to, to read them: {name}")
        judge = Judge(alphabet, args.judge_epochs or (8 if args.dataset == "digits" else 2), args.device)
        made = translated(net, source.test)
        kept = classification.accuracy(judge.look(made)[0], data.test.y)
        unmoved = classification.accuracy(judge.look(signed(source.test.x))[0], data.test.y)
        print(f"{name}: {kept:.2%} of {len(made):,} digits are still read as themselves; of real ones "
              f"{judge.accuracy:.2%}, without the translation {unmoved:.2%}. From the true translation: "
              f"{F.l1_loss(made, signed(alphabet.test.x)).item():.3f}, without any "
              f"{F.l1_loss(signed(source.test.x), signed(alphabet.test.x)).item():.3f}")


def both_ways(path):
    """Digits, their outlines and back; outlines, filled and back."""
    x, y = (signed(part.test.x[:10]).to(args.device) for part in (data, outlines))
    there, back = model.there(x), model.back(y)
    rows = minidl.cat([x, there, model.back(there), y, back, model.there(back)]).detach().cpu()
    plots.images(rows / 2 + 0.5, path, caption="digits, outlined, and back; outlines, filled, and back", columns=10)


run = generation.Run(args, data, model, lambda: translated(model.there, some) / 2 + 0.5, of="digits")
run.train(Unpaired(), objective, optim.Adam(model.parameters(), lr=args.lr, betas=(0.5, 0.999)), evaluate=look,
          parts={"opponent": opponent, **pools})
run.end(say, {"both_ways": both_ways})
