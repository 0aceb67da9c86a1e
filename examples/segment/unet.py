"""U-Net: a class for each pixel, by a network that first says what is there, and then where.

Ronneberger, Fischer and Brox, 2015. The maps are halved until a pixel knows of the whole scene, then doubled again,
beside the maps of the way down, which know the edges. Rare classes count more in the loss. The figure is the mean IoU:
of the pixels that are of a class or are called so, the share that are both; the mean over the classes.

Streets are folded first: 2x2 pixels become one of 12 channels, and the scores are unfolded again. That is a quarter of
the work at full size.

    python examples/segment/unet.py --plot plots
    python examples/segment/unet.py --dataset camvid --data DIR --compiled --run runs/unet --save streets.minidl
    python examples/segment/unet.py --dataset camvid --weights streets.minidl --evaluate --data DIR --split test
"""
from collections import OrderedDict

import segmenter
from scenes import Scenes

from minidl import nn
from minidl.cli import arguments
from minidl.nn import functional as F
from minidl.vision.models import segmentation

DEFAULTS = {
    "shapes": {"epochs": 14, "batch_size": 8, "lr": 3e-3},
    "camvid": {"epochs": 100, "batch_size": 4, "lr": 3e-3},
}


def add_options(parser):
    parser.add_argument("--width", type=arguments.whole_number(1), default=12, metavar="N",
                        help="channels of the first section, twice as many in each below (default: %(default)s)")


class Folded(nn.Module):
    """A network on images whose squares of `side` x `side` pixels are one pixel with more channels."""

    def __init__(self, net, side):
        super().__init__()
        self.net, self.side = net, side

    def forward(self, x):
        scores = self.net(F.pixel_unshuffle(x, self.side))["out"]
        return OrderedDict(out=F.pixel_shuffle(scores, self.side))


args = segmenter.parse(__doc__, DEFAULTS, add_options)
test_data = Scenes(args, args.split)
side, depth = (2, 4) if args.dataset == "camvid" else (1, 3)
net = segmentation.unet(num_classes=len(test_data.classes) * side ** 2, in_channels=3 * side ** 2, width=args.width,
                        depth=depth)
segmenter.Run(args, Folded(net, side), test_data, ["U-Net"]).end()
