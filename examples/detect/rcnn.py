"""R-CNN: each box that selective search proposes is cut out of the image, and a network says what it shows.

Girshick, Donahue, Darrell and Malik, 2014. The whole network runs for each of dozens of boxes, enlarged to the size of
the image; they overlap, so that it looks at most pixels many times. Scores come from a softmax; the paper trains a
support vector machine behind the network.

    python examples/detect/rcnn.py
    python examples/detect/rcnn.py --dataset mnist --data DIR --compiled --run runs/rcnn --plot plots
"""
import detector
import regions

from minidl import nn
from minidl.vision.models.detection.faster_rcnn import TwoMLPHead

DEFAULTS = {
    "digits": {"epochs": 6, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 4, "batch_size": 16, "lr": 2e-3},
}


def build(data):
    trunk = detector.trunk(data)
    head = nn.Sequential(trunk, TwoMLPHead(trunk.out_channels * 8 * 8, 128))
    return regions.RegionNet(data, nn.Identity(), 64, head, 128)


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS), regions.Proposed)
    run.end(build(run.data))
