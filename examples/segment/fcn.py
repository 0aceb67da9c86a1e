"""FCN-32s, -16s and -8s: the last map of a classifier knows what is there, earlier ones know where.

Long, Shelhamer and Darrell, 2014. A pixel of the last map stands for 32x32 of the image; enlarged, its scores show no
outlines. Added to the scores of a map of twice the size, and of one of four times the size, they do. Here the three are
trained side by side on the same maps, and the figure is the mean IoU of each.

    python examples/segment/fcn.py --plot plots
    python examples/segment/fcn.py --compiled --save fcn.minidl
    python examples/segment/fcn.py --weights fcn.minidl --evaluate --plot plots
"""
from collections import OrderedDict

import segmenter
from scenes import Scenes

from minidl import nn
from minidl.vision.models.segmentation import SkipHead

DEFAULTS = {
    "shapes": {"epochs": 10, "batch_size": 8, "lr": 3e-3},
    "camvid": {"epochs": 60, "batch_size": 4, "lr": 3e-3},
}
WIDTHS = (16, 32, 64, 96, 128)      # channels of five stages, each with half the rows and columns of the one before


class FCNs(nn.Module):
    """Three heads on the last one, two and three maps of the same stages."""

    def __init__(self, num_classes):
        super().__init__()
        self.stages = nn.ModuleList([stage(*widths) for widths in zip((3, *WIDTHS), WIDTHS)])
        self.heads = nn.ModuleDict({f"FCN-{64 >> maps}s": SkipHead(WIDTHS[-maps:], num_classes, 64 >> maps)
                                    for maps in (1, 2, 3)})

    def forward(self, x):
        maps, size = [], x.shape[-2:]
        for each in self.stages:
            x = each(x)
            maps.append(x)
        return OrderedDict((name, head(maps[-len(head.scores):], size)) for name, head in self.heads.items())


def stage(inputs, outputs):
    """Two convolutions and a pooling."""
    layers = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


args = segmenter.parse(__doc__, DEFAULTS)
test_data = Scenes(args, args.split)
net = FCNs(len(test_data.classes))
segmenter.Run(args, net, test_data, list(net.heads)).end()
