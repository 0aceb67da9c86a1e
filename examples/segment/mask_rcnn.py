"""Mask R-CNN: each object's box, its class, and which of its pixels are the object.

He, Gkioxari, Dollár and Girshick, 2017. Faster R-CNN with a third head. It looks at 14x14 points of a box, aligned to
fractions of a pixel, and says for each class and each of 28x28 cells whether it is the object. The figures are the
average precisions at an overlap of 0.5, of boxes and of masks.

    python examples/segment/mask_rcnn.py --plot plots
    python examples/segment/mask_rcnn.py --compiled --save masks.minidl
    python examples/segment/mask_rcnn.py --weights masks.minidl --evaluate --seed 5
"""
import objects

from minidl.metrics import MeanAveragePrecision
from minidl.vision.models import detection
from minidl.vision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from minidl.vision.utils import draw_bounding_boxes, draw_segmentation_masks

DEFAULTS = {"shapes": {"epochs": 10, "batch_size": 8, "lr": 2e-3}}
COLORS = ["gold", "crimson", "deepskyblue", "limegreen", "orchid"]


def prepare(target):
    return {name: target[name] for name in ("boxes", "labels", "masks")}


def figures(found, targets):
    """Average precision at an overlap of 0.5, of boxes and masks."""
    metric = MeanAveragePrecision(iou_type=("bbox", "segm"))
    metric.update([{**one, "masks": one["masks"][:, 0] >= 0.5} for one in found],
                  [{name: value.cpu() for name, value in target.items()} for target in targets])
    result = metric.compute()
    return {"box AP@.5": result["bbox_map_50"].item(), "mask AP@.5": result["segm_map_50"].item()}


def picture(image, result):
    masks = (result["masks"][:, 0] >= 0.5).repeat_interleave(4, 1).repeat_interleave(4, 2)
    if len(masks):
        colors = COLORS * (1 + len(masks) // len(COLORS))
        image = draw_segmentation_masks(image, masks, alpha=0.6, colors=colors[:len(masks)])
        image = draw_bounding_boxes(image, result["boxes"] * 4, colors=colors[:len(masks)], width=2)
    return image


args = objects.parse(__doc__, DEFAULTS)
net = detection.MaskRCNN(
    **objects.parts(), box_head=detection.faster_rcnn.TwoMLPHead(64 * 7 * 7, 128),
    box_predictor=detection.faster_rcnn.FastRCNNPredictor(128, len(objects.KINDS)),
    mask_roi_pool=objects.pool(14), mask_head=MaskRCNNHeads(64, [32, 32], 1),
    mask_predictor=MaskRCNNPredictor(32, 32, len(objects.KINDS)))
objects.Run(args, net, prepare, figures, picture).end()
