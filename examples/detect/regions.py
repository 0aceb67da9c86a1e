"""What R-CNN and Fast R-CNN share: the boxes of selective search, and a class and a better box for each."""
import time

from canvases import Canvases

import minidl
from minidl import nn
from minidl.vision.models.detection.faster_rcnn import FastRCNNPredictor
from minidl.vision.models.detection.roi_heads import RoIHeads
from minidl.vision.ops import MultiScaleRoIAlign
from minidl.vision.proposals import selective_search


class Proposed(Canvases):
    """Canvases, each with the boxes that selective search finds on it."""

    def __init__(self, args, split):
        super().__init__(args, split)
        start = time.perf_counter()
        self.proposals = [proposals(image.cpu()).to(args.device) for image in self.x]
        self.seconds = (time.perf_counter() - start) / len(self.x)
        print(f"selective search: {sum(map(len, self.proposals)) / len(self.x):.0f} boxes a canvas, "
              f"{1000 * self.seconds:.0f} ms each")

    def image(self, i):
        return self.x[i], self.proposals[i]


def proposals(image):
    return selective_search(image, scales=(0.1,), sigma=0.5, min_size=8, most=200)


class RegionNet(nn.Module):
    """Computes `shared` of the whole image and `head` of each region of its map.

    size: pixels a side of the regions. width: of what the head makes of each.
    """

    def __init__(self, data, shared, size, head, width):
        super().__init__()
        self.mean, self.std = data.mean[0], data.std[0]
        self.shared = shared
        self.heads = RoIHeads(
            MultiScaleRoIAlign(["0"], size, sampling_ratio=2), head, FastRCNNPredictor(width, len(data.classes)),
            fg_iou_thresh=0.5, bg_iou_thresh=0.5, batch_size_per_image=16, positive_fraction=0.25,
            bbox_reg_weights=None, score_thresh=0.05, nms_thresh=0.5, detections_per_img=data.most)

    def forward(self, pairs, targets=None):
        """pairs: of an image and its boxes."""
        images, boxes = zip(*pairs)
        maps = self.shared((minidl.stack(images) - self.mean) / self.std)
        sizes = [tuple(image.shape[-2:]) for image in images]
        found, losses = self.heads({"0": maps}, list(boxes), sizes, targets)
        return losses if self.training else found
