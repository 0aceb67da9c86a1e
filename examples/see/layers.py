"""What the first layer is made of, and what every layer makes of an image.

The weights of the first layer can be drawn as small images, since they look at colours: edges and blobs, in AlexNet 64
or 96 of them (Krizhevsky, Sutskever and Hinton, 2012). Those of later layers look at features, and only what they
answer can be drawn: a map for each unit.

    python examples/see/layers.py
    python examples/see/layers.py --dataset tinyplaces --data DIR --compiled --plot plots
    python examples/see/layers.py --model alexnet --weights alexnet.pth --image photograph.jpg --plot plots
"""
from pathlib import Path

import nets
import zoo

import minidl
from minidl import interpret
from minidl.cli import classification, ending
from minidl.nn import functional as F
from minidl.train import plots


def add_options(parser):
    zoo.add_model(parser)
    parser.add_argument("--image", type=Path, metavar="FILE", help="to look at; one of the test set by default")


args = nets.parse(__doc__, add_options)
if args.model != "net" and not args.image:
    ending.stop(f"--model {args.model} needs --image FILE, a picture to look at")
data = zoo.data_of(args)
image = zoo.read(args.image, data.size if data else 224) if args.image else data.test.x[:1]
model = zoo.model_of(args, data)
convolutions = {name: each for name, each in model.named_modules() if isinstance(each, minidl.nn.Conv2d)}
with minidl.no_grad():
    maps = interpret.activations(model, convolutions.values(), image.to(args.device))
first = next(iter(convolutions.values())).weight.detach().cpu()
print("layer                    weights              maps")
for (name, layer), found in zip(convolutions.items(), maps):
    print(f"{name:<24} {tuple(layer.weight.shape)!s:<20} {tuple(found.shape[1:])}")
size = first.flatten(1).norm(dim=1)
print(f"the first layer's weights: the largest filter is {size.max() / size.min():.1f} times the smallest")


def filters(path):
    """Each filter from its least to its largest weight, the strongest first."""
    shown = first[size.argsort(descending=True)]
    shown = shown if shown.shape[1] == 3 else shown.mean(1, keepdim=True)
    bound = shown.abs().flatten(1).amax(1)[:, None, None, None]
    caption = f"{len(shown)} filters of the first layer, the strongest first"
    plots.images(0.5 + shown / (2 * bound), path, caption=caption, columns=8 if len(shown) <= 32 else 12)


def features(path):
    """The image, and of some layers the twelve units that answer most."""
    rows, titles = [], []
    chosen = list(zip(convolutions, maps))
    for name, found in chosen[::max(1, -(-len(chosen) // 5))]:
        strongest = found[0].amax((1, 2)).topk(min(11, found.shape[1])).indices
        answers = F.relu(found[0, strongest])
        answers = answers / answers.amax((1, 2), keepdim=True).clamp(min=1e-9)
        answers = F.interpolate(answers[:, None], size=image.shape[2:], mode="nearest").cpu().expand(-1, 3, -1, -1)
        rows += [image.expand(1, 3, -1, -1).cpu(), answers]
        units = [str(unit) for unit in strongest.tolist()]
        titles += ["image", f"{name.rpartition('.')[2]}: {units[0]}", *units[1:]]
    plots.images(minidl.cat(rows), path, titles, "what the units of each layer answer that answer most",
                 columns=1 + len(rows[1]))


if args.plot:
    classification.draw(args.plot, {"filters": filters, "maps": features})
