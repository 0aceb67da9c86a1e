"""Keypoint R-CNN: each object's box, its class, and where its corners are.

He, Gkioxari, Dollár and Girshick, 2017. Faster R-CNN with a third head, which says of each pixel of a box how likely
it is each of the key points: one map a corner, a softmax over its pixels. Corners are counted clockwise from the
highest; where two are as high, which is the first is chance. PCK@0.1 is the share of corners that are found within a
tenth of the box's longer side; OKS falls smoothly with the distance.

    python examples/segment/keypoints.py --plot plots
    python examples/segment/keypoints.py --compiled --save corners.minidl
    python examples/segment/keypoints.py --weights corners.minidl --evaluate
"""
import math

import objects

import minidl
from minidl.metrics.functional import object_keypoint_similarity, percentage_of_correct_keypoints
from minidl.vision import ops
from minidl.vision.models import detection
from minidl.vision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor
from minidl.vision.utils import draw_bounding_boxes, draw_keypoints

DEFAULTS = {"shapes": {"epochs": 10, "batch_size": 8, "lr": 2e-3}}
CORNERS = {2: 4, 3: 3, 4: 5}        # of squares, triangles and stars; circles and rings have none


def prepare(target):
    """Boxes, labels, and corners in an order that can be seen."""
    ordered = [clockwise(points, CORNERS.get(label, 0))
               for points, label in zip(target["keypoints"], target["labels"].tolist())]
    return {"boxes": target["boxes"], "labels": target["labels"], "keypoints": minidl.stack(ordered)}


def clockwise(points, count):
    """The first `count` points, from the highest one on."""
    first = int(points[:count, 1].argmin()) if count else 0
    order = [(first + i) % count for i in range(count)]
    return points[[*order, *range(count, len(points))]]


def figures(found, targets):
    """Of each object with corners, the best box of its class: how many corners are there."""
    preds, ordered, fitting, sides = [], [], [], []
    for one, target in zip(found, targets):
        target = {name: value.cpu() for name, value in target.items()}
        for box, label, points in zip(target["boxes"], target["labels"].tolist(), target["keypoints"]):
            overlaps = ops.box_iou(one["boxes"], box[None])[:, 0] * (one["labels"] == label)
            hit = len(overlaps) > 0 and overlaps.max() >= 0.5
            preds.append(one["keypoints"][overlaps.argmax()] if hit else points * 0 - math.inf)
            sides.append(box[2:] - box[:2])
            ordered.append(points)
            turns = minidl.stack([turned(points, CORNERS.get(label, 1), i) for i in range(CORNERS.get(label, 1))])
            alike = similarity(preds[-1].expand(len(turns), -1, -1), turns, sides[-1].expand(len(turns), -1))
            fitting.append(turns[alike.nan_to_num().argmax()])
    preds, ordered, fitting, sides = map(minidl.stack, (preds, ordered, fitting, sides))
    longer = sides.amax(1)
    return {"PCK@0.1": percentage_of_correct_keypoints(preds, fitting, longer).item(),
            "OKS": similarity(preds, fitting, sides).nanmean().item(),
            "PCK@0.1 as ordered": percentage_of_correct_keypoints(preds, ordered, longer).item()}


def turned(points, count, by):
    """The first `count` points, counted from another one on."""
    return minidl.cat([points[:count].roll(by, 0), points[count:]])


def similarity(preds, points, sides):
    return object_keypoint_similarity(preds, points, sides.prod(1), [0.1] * points.shape[1])


def picture(image, result):
    for box, label, points in zip(result["boxes"], result["labels"].tolist(), result["keypoints"]):
        image = draw_bounding_boxes(image, box[None] * 4, colors="yellow", width=2)
        if label in CORNERS:
            image = draw_keypoints(image, points[None, :CORNERS[label], :2] * 4, colors="red", radius=5)
    return image


args = objects.parse(__doc__, DEFAULTS)
net = detection.KeypointRCNN(
    **objects.parts(), box_head=detection.faster_rcnn.TwoMLPHead(64 * 7 * 7, 128),
    box_predictor=detection.faster_rcnn.FastRCNNPredictor(128, len(objects.KINDS)),
    keypoint_roi_pool=objects.pool(14), keypoint_head=KeypointRCNNHeads(64, [64, 64]),
    keypoint_predictor=KeypointRCNNPredictor(64, max(CORNERS.values())))
objects.Run(args, net, prepare, figures, picture).end()
