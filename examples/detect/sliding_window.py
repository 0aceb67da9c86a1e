"""A sliding window: a classifier looks at every place, at several sizes; what it is sure of is an object.

Crop by crop, each pixel is looked at dozens of times. The same network, as all its layers are convolutions, looks at
the whole image at once and gives the same scores (Sermanet and others, OverFeat, 2013). A window says no box: each
class has the mean shape of its digits.

    python examples/detect/sliding_window.py
    python examples/detect/sliding_window.py --dataset mnist --data DIR --compiled --plot plots
"""
import time

import detector

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.vision.ops import batched_nms, box_convert, clip_boxes_to_image, roi_align

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 16, "lr": 3e-3},
    "mnist": {"epochs": 6, "batch_size": 32, "lr": 3e-3},
}
WINDOW, STRIDE = 24, 4          # pixels
FILLED = 0.75                   # the longer side of a digit, as a share of the window
SCALES = (0.65, 0.8, 1.0, 1.2)  # of the image


class SlidingWindow(nn.Module):
    """A LeNet without borders: an image (1, 1, H, W) -> scores (1, classes, rows, columns), one for each window."""

    def __init__(self, data):
        super().__init__()
        self.scores = nn.Sequential(
            nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(64, len(data.classes), 1))
        self.register_buffer("shapes", mean_shapes(data))

    def forward(self, images, targets=None):
        if not self.training:
            return [self.found(image) for image in images]
        windows = [drawn(target, image.shape[1:]) for image, target in zip(images, targets)]
        crops = roi_align(minidl.stack(list(images)), [boxes for boxes, _ in windows], WINDOW, aligned=True)
        return {"classes": F.cross_entropy(self.scores(crops)[:, :, 0, 0], minidl.cat([each for _, each in windows]))}

    def found(self, image):
        """Boxes, labels and scores of an image (1, H, W)."""
        parts = []
        for scale, level in pyramid(image):
            rated = self.scores(level)[0].softmax(0)                                # (classes, rows, columns)
            best, label = rated[1:].max(0)
            row, column = (best > 0.1).nonzero().unbind(1)
            label, best = label[row, column] + 1, best[row, column]
            middle = minidl.stack([column, row], 1) * STRIDE / scale
            half = self.shapes[label] * FILLED * WINDOW / scale / 2
            parts.append((minidl.cat([middle - half, middle + half], 1), label, best))
        boxes, labels, scores = map(minidl.cat, zip(*parts))
        boxes = clip_boxes_to_image(boxes, tuple(image.shape[1:]))
        keep = batched_nms(boxes, scores, minidl.zeros_like(labels), 0.3)[:20]      # whatever their class
        return {"boxes": boxes[keep], "labels": labels[keep], "scores": scores[keep]}


def mean_shapes(data):
    """The mean width and height of each class, as shares of the longer side: (classes, 2)."""
    boxes = minidl.cat([target["boxes"] for target in data.targets])
    labels = minidl.cat([target["labels"] for target in data.targets])
    shares = (boxes[:, 2:] - boxes[:, :2]) / (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True)
    of_classes = F.one_hot(labels, len(data.classes)).float()
    return (of_classes.T @ shares + 1e-6) / (of_classes.sum(0)[:, None] + 1e-6)


def drawn(target, size):
    """Windows around the digits, nearly, and others that hold none or hold it badly, as boxes; and their labels."""
    boxes = box_convert(target["boxes"], "xyxy", "cxcywh").repeat(6, 1)
    middle, side = boxes[:, :2], boxes[:, 2:].amax(1, keepdim=True) / FILLED
    many = len(middle) // 3                         # a third is near
    shift = minidl.empty_like(middle).uniform_(-0.1, 0.1) * side
    anywhere = minidl.rand(len(middle), 2, device=middle.device) * minidl.tensor(size[::-1], device=middle.device)
    near = (minidl.arange(len(middle), device=middle.device) < many)[:, None]
    middles = minidl.where(near, middle + shift, anywhere)
    factor = minidl.empty_like(side)
    sides = side * minidl.where(near, factor.uniform_(0.87, 1.15), minidl.empty_like(side).uniform_(0.5, 2.0))
    off = (middles[:, None] - middle).abs().amax(2) / side.T
    holds = ((off < 0.2) & ((sides / side.T).log().abs() < 0.3)).any(1)
    keep = (near[:, 0] | ~holds).nonzero()[:, 0]
    labels = minidl.where(near[:, 0], target["labels"].repeat(6), 0)
    return minidl.cat([middles - sides / 2, middles + sides / 2], 1)[keep], labels[keep]


def pyramid(image):
    """Each scale, and the image (1, 1, H, W) in that size with a border of half a window."""
    for scale in SCALES:
        size = [round(side * scale) for side in image.shape[1:]]
        yield scale, F.pad(F.interpolate(image[None], size, mode="bilinear", antialias=True), (WINDOW // 2,) * 4)


def crop_by_crop(net, level):
    """What `net.scores(level)` gives, of one window after the other."""
    windows = level.unfold(2, WINDOW, STRIDE).unfold(3, WINDOW, STRIDE)             # (1, 1, rows, columns, 24, 24)
    rows, columns = windows.shape[2:4]
    return minidl.cat([net.scores(windows[:, :, i // columns, i % columns]) for i in range(rows * columns)],
                      2).reshape(1, -1, rows, columns)


@minidl.no_grad()
def compare(net, data, count=1):
    """Say how long both ways take, and how far their scores are apart."""
    net.eval()
    levels = [level for image in data.x[:count] for _, level in pyramid(image)]
    times, results = [], []
    for scores_of in (crop_by_crop, lambda net, level: net.scores(level)):
        start = time.perf_counter()
        results.append([scores_of(net, level) for level in levels])
        times.append((time.perf_counter() - start) / count * 1000)
    apart = max((one - other).abs().max().item() for one, other in zip(*results))
    windows = sum(each[0, 0].numel() for each in results[0]) // count
    print(f"{windows} windows an image: crop by crop {times[0]:.1f} ms, at once {times[1]:.1f} ms, "
          f"{times[0] / times[1]:.0f} times faster; scores are at most {apart:.1e} apart")


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS))
    net = SlidingWindow(run.data).to(run.args.device)
    compare(net, run.data)
    run.end(net)
