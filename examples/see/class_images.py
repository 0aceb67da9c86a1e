"""Images that a network makes: of its classes, and of what its layers have kept of an image.

Gradient ascent from grey noise gives an image of which the network is sure, with a prior that keeps it smooth
(Simonyan, Vedaldi and Zisserman, 2014); several starts show several facets (Nguyen, Yosinski and Clune, 2016).
Inversion asks for an image from which a layer computes what it computes from a given one (Mahendran and Vedaldi, 2015):
early layers keep nearly all, late ones forget where and which shade.

    python examples/see/class_images.py
    python examples/see/class_images.py --dataset cifar10 --data DIR --compiled --plot plots
"""
import nets

import minidl
from minidl import interpret, nn
from minidl.cli import arguments, classification
from minidl.nn import functional as F
from minidl.train import plots

FACETS = 4


def add_options(parser):
    parser.add_argument("--steps", type=arguments.whole_number(1), default=120, metavar="N",
                        help="of each ascent (default: 120)")
    parser.add_argument("--smooth", type=arguments.number_between(0), default=2.0, metavar="W",
                        help="weight of the total variation (default: 2)")


args = nets.parse(__doc__, add_options)
data = nets.load(args)
model = nets.learned(args, data)
count = len(data.classes)
labels = minidl.arange(count).repeat_interleave(FACETS).to(args.device)
start = 0.5 + 0.05 * minidl.randn(len(labels), data.channels, data.size // 2, data.size // 2).to(args.device)


def enlarged(x):
    """Images of twice the size: what is made is never finer than two pixels."""
    return F.interpolate(x, size=(data.size, data.size), mode="bilinear")


def score(x):
    """The logarithm of the probability of each image's own class."""
    return model(enlarged(x)).log_softmax(1).gather(1, labels[:, None])[:, 0]


made = enlarged(interpret.gradient_ascent(score, start.clamp(0, 1), args.steps, smooth=args.smooth, jitter=1))
sure = nets.scores(model, made, args.device).softmax(1).gather(1, labels[:, None].cpu())[:, 0]
print("class images: probability of the class, the least and the mean of", FACETS)
for name, each in zip(data.classes, sure.split(FACETS)):
    print(f"{name:<14}{each.amin().item():>8.4f}{each.mean().item():>8.4f}")

x = data.test.x[:6].to(args.device)
layers = [(name, module) for name, module in model.named_modules()
          if isinstance(module, nn.ReLU)] + [("scores", model.fc)]
inverted = {}
print("inversion     error of the layer   error of the pixels")
for name, layer in layers:
    grey = (0.5 + 0.02 * minidl.randn_like(x)).clamp(0, 1)
    inverted[name] = interpret.invert(model, layer, x, grey, args.steps, smooth=0.2)
    with minidl.no_grad():
        wanted, reached = (interpret.activations(model, [layer], each)[0] for each in (x, inverted[name]))
    error = ((reached - wanted).square().sum() / wanted.square().sum()).item()
    print(f"{name:<14}{error:>18.4f}{(inverted[name] - x).square().mean().sqrt().item():>22.3f}")


def classes(path):
    titles = [f"{data.classes[label]} {share:.1%}" for label, share in zip(labels.tolist(), sure.tolist())]
    plots.images(made, path, titles, "images made for each class, and how sure the network is of it",
                 columns=FACETS if count <= 6 else 2 * FACETS)


def inversion(path):
    titles = [title for name in ("image", *inverted)
              for title in (name.removeprefix("features."), *[""] * (len(x) - 1))]
    plots.images(minidl.cat([x, *inverted.values()]), path, titles, "what layers have kept of images", columns=len(x))


if args.plot:
    classification.draw(args.plot, {"classes": classes, "inversion": inversion})
