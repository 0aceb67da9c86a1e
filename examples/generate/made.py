"""MADE: an autoencoder whose weights are masked, so that each pixel is told from those before it alone.

Germain, Gregor, Murray and Larochelle, 2015. One pass gives the chance of every pixel to be white, given the earlier
ones; the product of these is the likelihood of the image, exactly. Drawing an image takes one pass for each pixel.

    python examples/generate/made.py
    python examples/generate/made.py --dataset mnist --data DIR --compiled --plot plots
"""
import math

import pixels

import minidl
import minidl.nn.functional as F
from minidl import generative, nn
from minidl.cli import arguments

DEFAULTS = {
    "digits": {"epochs": 60, "batch_size": 64, "lr": 5e-3},
    "mnist": {"epochs": 10, "batch_size": 100, "lr": 3e-3},
    "fashion": {"epochs": 10, "batch_size": 100, "lr": 3e-3},
}


def add_options(parser):
    pixels.add_half(parser)
    parser.add_argument("--hidden", type=arguments.whole_number(1), nargs="+", default=[500], metavar="N",
                        help="units of each hidden layer (default: 500)")


class Masked(nn.Module):
    """Logits (N, C, 2, H, W) of images (N, C, H, W) of 0 and 1, from their first rows or all of them."""

    def __init__(self, shape, hidden):
        super().__init__()
        self.shape = shape
        self.made = generative.MADE(math.prod(shape), hidden)

    def forward(self, x, labels=None):
        rows = x.shape[2]
        whole = F.pad(x.float(), (0, 0, 0, self.shape[1] - rows))       # what comes later does not matter
        white = self.made(whole.flatten(1)).unflatten(1, self.shape)[:, :, :rows]
        return minidl.stack([minidl.zeros_like(white), white], 2)


args = arguments.parse(__doc__, DEFAULTS, extra=add_options)
data = pixels.load(args)
pixels.learn(args, data, Masked(data.train.x.shape[1:], args.hidden).to(args.device))
