"""pix2pix: from a plan to a picture. A U-Net draws it, and a discriminator sees plan and picture together.

Isola, Zhu, Zhou and Efros, 2017. Where a plan leaves things open (a colour, a texture) the mean absolute error is
smallest for a mixture of all pictures that are possible: grey and blurred. The discriminator refuses what is no
picture; it looks at patches, since the error of the pixels already cares for the whole. A twin with the error alone is
trained beside it. By that error the twin is better; how pictures look is measured by the sliced Wasserstein distance
(Rabin et al., 2011) between patches of made and of real pictures: colours and textures that are never made count there.

    python examples/generate/pix2pix.py
    python examples/generate/pix2pix.py --dataset camvid --data DIR --compiled --run runs/streets --plot plots
    python examples/generate/pix2pix.py --dataset tinyplaces --data DIR --compiled --plot plots
"""
from pairs import load

import minidl
import minidl.nn.functional as F
from minidl import generative, nn, optim
from minidl.cli import arguments, classification, generation
from minidl.train import plots

DEFAULTS = {
    "shapes": {"epochs": 10, "batch_size": 16, "lr": 1e-3},         # masks of the kinds of shapes to scenes
    "camvid": {"epochs": 40, "batch_size": 8, "lr": 5e-4},          # classes of the pixels to streets
    "tinyplaces": {"epochs": 10, "batch_size": 16, "lr": 5e-4},     # grey photographs to coloured ones
}
WEIGHT = 5      # of the mean absolute error, beside the discriminator's score


def down(inner, outer):
    return nn.Sequential(nn.Conv2d(inner, outer, 4, 2, 1), nn.InstanceNorm2d(outer, affine=True), nn.LeakyReLU(0.2))


def up(inner, outer):
    return nn.Sequential(nn.ConvTranspose2d(inner, outer, 4, 2, 1), nn.InstanceNorm2d(outer, affine=True), nn.ReLU())


class Painter(nn.Module):
    """A U-Net: halved three times, enlarged three times, with a short cut on each level."""

    def __init__(self, inner, outer, width=12):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inner, width, 3, padding=1), nn.LeakyReLU(0.2))
        self.down = nn.ModuleList([down(width, 2 * width), down(2 * width, 4 * width), down(4 * width, 8 * width)])
        self.up = nn.ModuleList([up(8 * width, 4 * width), up(8 * width, 2 * width), up(4 * width, width)])
        self.last = nn.Conv2d(2 * width, outer, 3, padding=1)

    def forward(self, x):
        levels = [self.first(x)]
        for layer in self.down:
            levels.append(layer(levels[-1]))
        x = levels.pop()
        for layer in self.up:
            x = minidl.cat([layer(x), levels.pop()], 1)
        return self.last(x).tanh()


class Twins(nn.Module):
    """Two painters that begin alike; the second learns from the error alone."""

    def __init__(self, inner, outer):
        super().__init__()
        self.painter, self.twin = Painter(inner, outer), Painter(inner, outer)
        self.twin.load_state_dict(self.painter.state_dict())

    def forward(self, plans):
        return self.painter(plans), self.twin(plans)


args = arguments.parse(__doc__, DEFAULTS)
data = load(args)
inner, outer = data.plans.shape[1], data.pictures.shape[1]
model = Twins(inner, outer).to(args.device)
patches = nn.Sequential(nn.Conv2d(inner + outer, 32, 4, 2, 1), nn.LeakyReLU(0.2), down(32, 64),
                        nn.Conv2d(64, 1, 3, padding=1)).to(args.device)     # a score for each patch of 18 x 18
opponent = generation.Opponent(patches, optim.Adam(patches.parameters(), lr=args.lr, betas=(0.5, 0.999)))
game = generative.least_squares


def objective(model, plans, pictures):
    made, plain = model(plans)
    real, false = (minidl.cat([plans, picture], 1) for picture in (pictures, made))
    d_loss = opponent.learn(lambda: game.discriminator(patches(real), patches(false.detach())))
    error, plain_error = F.l1_loss(made, pictures), F.l1_loss(plain, pictures)
    figures = {"D loss": d_loss, "error": error.item(), "twin's error": plain_error.item()}
    return game.generator(patches(false)) + WEIGHT * (error + plain_error), figures


def paint(plans):
    """Pictures of both, (N, 2, C, H, W), from -1 to 1."""
    return classification.in_batches(lambda part: minidl.stack(model(part.to(args.device)), 1), plans, 50).cpu()


def sliced_distance(x, y, size=5, directions=64, count=20_000):
    """Sliced Wasserstein distance between patches of `size` x `size` pixels of two sets of pictures.

    Seen from one direction, patches are numbers; sorted, they are compared one by one. The mean over directions.
    """
    generator = minidl.Generator().manual_seed(0)
    axes = minidl.randn(directions, x.shape[1] * size * size, generator=generator)
    axes = axes / axes.norm(dim=1, keepdim=True)
    kernels = axes.view(directions, x.shape[1], size, size)
    seen = [F.conv2d(images, kernels, stride=2).transpose(0, 1).flatten(1) for images in (x, y)]
    chosen = minidl.randint(seen[0].shape[1], (count,), generator=generator)
    a, b = (values[:, chosen].sort(1).values for values in seen)
    return (a - b).abs().mean().item()


def look():
    made, _ = paint(data.test_plans[:100]).unbind(1)
    return {"variety": generation.variety(made, data.test_pictures[:100])}


def say():
    made, plain = paint(data.test_plans).unbind(1)
    real, half = data.test_pictures, len(data.test_pictures) // 2
    print("                 mean error  distance of patches")
    for name, pictures in (("pix2pix", made), ("the error alone", plain)):
        print(f"{name:15}  {F.l1_loss(pictures, real).item():10.4f}  {sliced_distance(pictures, real):19.4f}")
    print(f"{'real pictures':15}  {0:10.4f}  {sliced_distance(real[:half], real[half:2 * half]):19.4f}")


def compared(path):
    """The plans, what the error alone makes, what pix2pix makes, and the real pictures."""
    some = data.test_plans[:8]
    made, plain = paint(some).unbind(1)
    rows = minidl.cat([data.drawn(some), plain, made, data.test_pictures[:8]])
    plots.images(rows / 2 + 0.5, path, caption="plans, the error alone, pix2pix, real pictures", columns=8)


run = generation.Run(args, f"{len(data.plans):,} pairs", model, lambda: paint(data.test_plans[:16])[:, 0] / 2 + 0.5,
                     of="plans")
run.train(data, objective, optim.Adam(model.parameters(), lr=args.lr, betas=(0.5, 0.999)), evaluate=look,
          parts={"opponent": opponent})
run.end(say, {"compared": compared})
