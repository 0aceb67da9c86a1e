"""Fast R-CNN: the trunk looks at the image once, and the boxes are cut out of its map.

Girshick, 2015. R-CNN in another order. What is left for each box is a small head, so that an image takes a fraction of
the time, and most of that is selective search: see speeds.py.

    python examples/detect/fast_rcnn.py
    python examples/detect/fast_rcnn.py --dataset mnist --data DIR --compiled --run runs/fast_rcnn --plot plots
"""
import detector
import regions

from minidl.vision.models.detection.faster_rcnn import TwoMLPHead

DEFAULTS = {
    "digits": {"epochs": 20, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
}


def build(data):
    trunk = detector.trunk(data, halvings=2)    # a digit has more cells of the map than with three
    return regions.RegionNet(data, trunk, 5, TwoMLPHead(trunk.out_channels * 5 * 5, 128), 128)


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS), regions.Proposed)
    run.end(build(run.data))
