"""Keypoint R-CNN: each object's box, its class, and where its corners are.

He, Gkioxari, Dollár and Girshick, 2017. Faster R-CNN with a third head, which says of each pixel of a box how likely
it is each of the key points: one map a corner, a softmax over its pixels. As people do, shapes stand upright, more or
less: after a whole turn of a side nobody could tell which corner is the first. PCK@0.1 is the share of corners in
sight that are found within a tenth of the box's longer side; OKS, of all, falls smoothly with the distance.

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
UPRIGHT = (-2 / 3 * math.pi, -math.pi / 3)      # the first corner is above the middle, within 30 degrees


def prepare(target):
    return {name: target[name] for name in ("boxes", "labels", "keypoints")}


def figures(found, targets):
    """Of each object with corners, the best box of its class: how many corners are there."""
    preds, truth = [], []
    for one, target in zip(found, targets):
        target = {name: value.cpu() for name, value in target.items()}
        for box, label, points in zip(target["boxes"], target["labels"].tolist(), target["keypoints"]):
            overlaps = ops.box_iou(one["boxes"], box[None])[:, 0] * (one["labels"] == label)
            hit = len(overlaps) > 0 and overlaps.max() >= 0.5
            preds.append(one["keypoints"][overlaps.argmax()] if hit else points * 0 - math.inf)
            truth.append((points, (box[2:] - box[:2])))
    preds, points, sides = minidl.stack(preds), *(minidl.stack(each) for each in zip(*truth))
    similar = object_keypoint_similarity(preds, points, sides.prod(1), [0.1] * points.shape[1])
    longer = sides.amax(1)
    seen = minidl.cat([points[..., :2], (points[..., 2:] == 2).float()], 2)     # 1 is behind another shape
    return {"PCK@0.1": percentage_of_correct_keypoints(preds, seen, longer).item(),
            "with hidden ones": percentage_of_correct_keypoints(preds, points, longer).item(),
            "OKS": similar.nanmean().item()}


def picture(image, result):
    for box, label, points in zip(result["boxes"], result["labels"].tolist(), result["keypoints"]):
        image = draw_bounding_boxes(image, box[None] * 4, colors="yellow", width=2)
        if label in CORNERS:
            image = draw_keypoints(image, points[None, :CORNERS[label], :2] * 4, colors="red", radius=5)
    return image


args = objects.parse(__doc__, DEFAULTS, images=4000)
net = detection.KeypointRCNN(
    **objects.parts(), box_head=detection.faster_rcnn.TwoMLPHead(64 * 7 * 7, 128),
    box_predictor=detection.faster_rcnn.FastRCNNPredictor(128, len(objects.KINDS)),
    keypoint_roi_pool=objects.pool(14), keypoint_head=KeypointRCNNHeads(64, [64] * 5),
    keypoint_predictor=KeypointRCNNPredictor(64, max(CORNERS.values())))
objects.Run(args, net, prepare, figures, picture, angles=UPRIGHT).end()
