"""Style transfer: the objects of one image with the texture of another.

Style is how often two channels of a layer fire together, whatever the place (the Gram matrix); content is where they
fire. Gradient ascent finds an image with the style of one and the content of the other (Gatys, Ecker and Bethge, 2016).
Without weights of ImageNet the layers are random filters of several sizes: these know textures well, but no objects
(Ustyuzhaninov et al., "What Does It Take to Generate Natural Textures?", 2017).

    python examples/see/style.py
    python examples/see/style.py --content photograph.jpg --style painting.jpg --pixels 128 --plot plots
    python examples/see/style.py --weights vgg16.pth --content photograph.jpg --style painting.jpg --plot plots
"""
import argparse
import math
from pathlib import Path

import scenes
import zoo

import minidl
from minidl import interpret, nn
from minidl.cli import arguments, classification, ending
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision import models

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--content", type=Path, metavar="FILE", help="a scene of shapes by default")
parser.add_argument("--style", type=Path, metavar="FILE", help="waves by default")
parser.add_argument("--weights", type=Path, metavar="FILE", help="of a VGG-16, whose layers are used then")
parser.add_argument("--pixels", type=arguments.whole_number(16), default=80, metavar="N", help="a side (default: 80)")
parser.add_argument("--steps", type=arguments.whole_number(1), default=60, metavar="N", help="(default: 60)")
parser.add_argument("--strength", type=arguments.number_between(0), nargs="+", default=[1, 10, 100], metavar="W",
                    help="of the style, one image for each (default: 1 10 100)")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--device", default="cpu")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
args = arguments.prepared(parser.parse_args())


class Filters(nn.Module):
    """Random filters of several sizes, side by side, with ReLU."""

    def __init__(self, sizes=(3, 5, 7, 11), count=24):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, count, size, padding=size // 2, padding_mode="reflect", bias=False)
                                   for size in sizes)
        self.relu = nn.ReLU()
        for conv in self.convs:         # filters that answer to differences only, all equally strong
            conv.weight.data -= conv.weight.data.mean((1, 2, 3), keepdim=True)
            conv.weight.data /= conv.weight.data.flatten(1).norm(dim=1)[:, None, None, None]
        self.colours = nn.Conv2d(3, 24, 1)
        self.colours.weight.data.normal_()

    def forward(self, x):
        found = [self.relu(self.colours(x)), *(conv(x) for conv in self.convs)]
        return self.relu(minidl.cat(found, 1))


def waves(size):
    """A generated painting: bands of three colours that bend around two centres."""
    y, x = minidl.meshgrid(minidl.linspace(0, 1, size), minidl.linspace(0, 1, size), indexing="ij")
    bands = 1.2 * (6 * x + 4 * y).sin()
    for a, b in ((0.3, 0.3), (0.9, 0.8)):
        bands += 9 * ((x - a) ** 2 + (y - b) ** 2).sqrt()
    shares = minidl.stack([(0.5 + 0.5 * (2 * math.pi * (bands + shift)).cos()) for shift in (0, 1 / 3, 2 / 3)])
    colours = minidl.tensor([[0.1, 0.2, 0.5], [0.95, 0.8, 0.3], [0.35, 0.6, 0.75]])
    return minidl.einsum("khw,kc->chw", shares ** 2 / (shares ** 2).sum(0), colours)[None]


if args.weights:
    vgg = models.vgg16()
    classification.load_weights(vgg, args.weights, args.device)
    model = zoo.Normalised(vgg.features)
    relus = [each for each in vgg.features if isinstance(each, nn.ReLU)]
    content_layers, style_layers = [relus[8]], [relus[0], relus[2], relus[4], relus[7], relus[10]]
else:
    model = Filters()
    content_layers = style_layers = [model]
model = model.to(args.device).eval()
content = zoo.read(args.content, args.pixels) if args.content else F.interpolate(
    scenes.draw(1, args.seed + 5, (3, 3)).x, size=(args.pixels, args.pixels), mode="bilinear")
style = zoo.read(args.style, args.pixels) if args.style else waves(args.pixels)
content, style = content.to(args.device), style.to(args.device)
noise = minidl.rand(1, 3, args.pixels, args.pixels).to(args.device)
made = {f"style x {weight:g}": interpret.style_transfer(model, content, style, content_layers, style_layers, weight,
                                                        steps=args.steps) for weight in args.strength}
made["texture alone"] = interpret.style_transfer(model, content, style, [], style_layers, start=noise,
                                                 steps=2 * args.steps)


@minidl.no_grad()
def apart(x, other, layers, what):
    return sum(((what(a) - what(b)).square().sum() / what(b).square().sum()).item()
               for a, b in zip(*(interpret.activations(model, layers, each) for each in (x, other)))) / len(layers)


print("image            far from the content   far from the style")
for name, x in {"content": content, **made}.items():
    print(f"{name:<17}{apart(x, content, content_layers, lambda f: f):>20.3f}"
          f"{apart(x, style, style_layers, interpret.gram_matrix):>21.3f}")


def pictures(path):
    plots.images(minidl.cat([content, style, *made.values()]), path, ["content", "style", *made], columns=3)


if args.plot:
    classification.draw(args.plot, {"images": pictures})
