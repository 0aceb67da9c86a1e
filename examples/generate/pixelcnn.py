"""PixelCNN: convolutions that see only what is above and on the left draw an image pixel after pixel.

Van den Oord et al., 2016: two stacks of gated convolutions, so that no earlier pixel stays out of sight, led by the
class of the image. The network says how likely an image is for each class: the sum over the classes is its likelihood
without a label, and the class for which it is highest is a guess at the label, by a network that never learned to
classify.

    python examples/generate/pixelcnn.py
    python examples/generate/pixelcnn.py --dataset mnist --data DIR --compiled --plot plots
"""
import math

import pixels

import minidl
from minidl import generative
from minidl.cli import arguments, classification

DEFAULTS = {
    "digits": {"epochs": 15, "batch_size": 32, "lr": 1e-2},
    "mnist": {"epochs": 3, "batch_size": 50, "lr": 5e-3},
    "fashion": {"epochs": 3, "batch_size": 50, "lr": 5e-3},
}


def add_options(parser):
    pixels.add_half(parser)
    for name, default, told in (("width", 16, "channels of a layer"), ("layers", 6, "gated layers"),
                                ("kernel", 3, "pixels a side that a layer sees, an odd number")):
        parser.add_argument(f"--{name}", type=arguments.whole_number(1), default=default, metavar="N",
                            help=f"{told} (default: {default})")


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = pixels.load(args)
model = generative.PixelCNN(2, data.channels, args.width, args.layers, args.kernel, len(data.classes)).to(args.device)


def by_class(x):
    """log p(x | y) of images for each class, (N, classes)."""
    classes = minidl.arange(len(data.classes)).to(args.device)
    return minidl.stack([pixels.log_likelihood(model, x, label.expand(len(x))) for label in classes], 1)


def report(tested, labels):
    print("the same without labels, summed over the classes:")
    found = classification.in_batches(by_class, tested, 100)
    nats = -(found.logsumexp(1) - math.log(len(data.classes))).mean().item()        # each class is as likely
    print(f"-log p(x) {nats:.2f} nats; the likeliest class is right for "
          f"{classification.accuracy(found, labels):.2%} of them")


pixels.learn(args, data, model, report)
