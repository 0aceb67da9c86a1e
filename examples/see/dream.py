"""DeepDream: an image in which a layer sees more and more of what it knows.

Gradient ascent on the mean square of a layer's answers, from a small image to larger ones, so that patterns of all
sizes grow; the image is moved at random before each step (Mordvintsev, Olah and Tyka, "Inceptionism", 2015). A network
that knows shapes dreams of edges and corners; one that knows animals, of these.

    python examples/see/dream.py
    python examples/see/dream.py --layer features.relu2 features.relu4 --plot plots
    python examples/see/dream.py --model googlenet --weights googlenet.pth --layer model.inception4c \\
        --image photograph.jpg --plot plots
"""
from pathlib import Path

import nets
import scenes
import zoo

import minidl
from minidl import interpret
from minidl.cli import arguments, classification
from minidl.nn import functional as F
from minidl.train import plots


def add_options(parser):
    zoo.add_model(parser)
    parser.add_argument("--image", type=Path, metavar="FILE", help="to dream from; a scene of shapes by default")
    parser.add_argument("--pixels", type=arguments.whole_number(16), default=120, metavar="N",
                        help="a side of the image (default: 120)")
    parser.add_argument("--layer", nargs="+", metavar="NAME", default=["features.relu2", "features.relu3",
                                                                      "features.relu4"], help="one picture for each")
    parser.add_argument("--steps", type=arguments.whole_number(1), default=12, metavar="N",
                        help="at each size (default: 12)")
    parser.add_argument("--octaves", type=arguments.whole_number(1), default=4, metavar="N", help="sizes (default: 4)")


args = nets.parse(__doc__, add_options)
if args.image:
    image = zoo.read(args.image, args.pixels)
else:
    image = F.interpolate(scenes.draw(1, args.seed + 5, (3, 3)).x, size=(args.pixels, args.pixels), mode="bilinear")
image = image.to(args.device)
model = zoo.model_of(args, zoo.data_of(args), lambda model: zoo.check_layers(model, args.layer))
layers = dict(model.named_modules())
dreams = {}
print("layer             mean square of its answers: before       after")
for name in args.layer:
    dreams[name] = interpret.deepdream(model, [layers[name]], image, args.octaves, steps=args.steps, lr=0.01)
    with minidl.no_grad():
        before, after = (interpret.activations(model, [layers[name]], x)[0].square().mean().item()
                         for x in (image, dreams[name]))
    print(f"{name:<18}{before:>33.4f}{after:>12.4f}")


def pictures(path):
    plots.images(minidl.cat([image, *dreams.values()]), path, ["image", *dreams], columns=min(4, 1 + len(dreams)))


if args.plot:
    classification.draw(args.plot, {"images": pictures})
