"""YOLO: Redmon et al., "You Only Look Once", 2015. https://arxiv.org/abs/1506.02640

The image is a grid. The cell that holds the middle of an object says where the object is and what it is, by one
convolution: detection is regression, and nothing is proposed, matched or refined.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import nn
from minidl.autograd.grad_mode import no_grad
from minidl.ops.shape import cat, meshgrid, stack
from minidl.tensors.creation import arange, as_tensor, full, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection._utils import as_maps, out_channels_of
from minidl.vision.models.detection.targets import Target, check_labels, check_targets, sizes_of
from minidl.vision.models.detection.transform import IMAGENET_MEAN, IMAGENET_STD, GeneralizedRCNNTransform
from minidl.vision.ops import boxes as box_ops


class YOLO(nn.Module):
    """A detector of one stage that divides the image into a grid of cells.

    It is called as `FasterRCNN`; its losses are "box", "objectness", "emptiness" and "classification". 0 is the
    background; labels are from 1 to num_classes - 1.

    Of each cell a convolution 1x1 says B times x, y, w, h, c and then a score p for each class. A box has its middle at
    (x, y), counted in cells from the cell's corner, the width w^2 and the height h^2 as shares of the image, and the
    score c p. The loss of an image is the sum of squares of the paper's equation 3:

        lambda_coord sum over objects of (x - x')^2 + (y - y')^2 + (w - w')^2 + (h - h')^2
        + sum over objects of (c - IoU)^2 + lambda_noobj sum over all other boxes of c^2
        + sum over cells with an object and over classes of (p - p')^2

    where of the B boxes of a cell the one that overlaps most with the object answers for it. A cell answers for one
    object: of several with their middles in it, the last one.

    Args:
        backbone: makes one map of `backbone.out_channels` channels; its pixels are the cells.
        size: (width, height) that all images are resized to.
        num_classes: with the background.
        image_mean, image_std: of `GeneralizedRCNNTransform`; ImageNet's colours if not given.
        boxes_per_cell: B.
        lambda_coord, lambda_noobj: how much boxes, and those without an object, count.
        score_thresh: results below it are dropped.
        nms_thresh: the overlap with a better result of the same class that drops one.
        detections_per_img: how many results of an image are kept.
        kwargs: other arguments of `GeneralizedRCNNTransform`.

    Errors: ValueError for a backbone without out_channels, and for one that makes several maps; when called, as
    `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> net = detection.YOLO(backbone, (64, 64), num_classes=3)
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2])}
        >>> sorted(net([minidl.rand(3, 80, 90)], [target]))
        ['box', 'classification', 'emptiness', 'objectness']
    """

    def __init__(self, backbone: nn.Module, size: tuple[int, int], num_classes: int,
                 image_mean: Sequence[float] | None = None, image_std: Sequence[float] | None = None,
                 boxes_per_cell: int = 2, lambda_coord: float = 5.0, lambda_noobj: float = 0.5,
                 score_thresh: float = 0.01, nms_thresh: float = 0.5, detections_per_img: int = 100,
                 **kwargs: Any) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(
            min(size), max(size), IMAGENET_MEAN if image_mean is None else image_mean,
            IMAGENET_STD if image_std is None else image_std, size_divisible=1, fixed_size=size, **kwargs)
        self.backbone = backbone
        self.head = nn.Conv2d(out_channels_of(backbone), 5 * boxes_per_cell + num_classes - 1, 1)
        self.num_classes = num_classes
        self.boxes_per_cell = boxes_per_cell
        self.lambda_coord = lambda_coord
        self.lambda_noobj = lambda_noobj
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img

    def forward(self, images: Sequence[Tensor],
                targets: Sequence[Target] | None = None) -> dict[str, Tensor] | list[Target]:
        sizes = sizes_of(images)
        check_targets(targets, sizes, self.training)
        batch, targets = self.transform(images, targets)
        boxes, scores = self.said(batch.tensors)
        if self.training:
            assert targets is not None
            check_labels(targets, 1, self.num_classes)
            return self.losses(targets, boxes, scores, batch.tensors.shape[-2:])
        return self.transform.postprocess(self.detections(boxes, scores, batch.tensors.shape[-2:]),
                                          batch.image_sizes, sizes)

    def said(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What each cell says: x, y, w, h, c of its boxes (N, H, W, B, 5), and scores of classes (N, H, W, C)."""
        maps = list(as_maps(self.backbone(images)).values())
        if len(maps) != 1:
            raise ValueError(f"YOLO: expected a backbone that makes one map, but got {len(maps)}")
        y = self.head(maps[0]).permute(0, 2, 3, 1)
        boxes, scores = y.split([5 * self.boxes_per_cell, self.num_classes - 1], -1)
        return boxes.reshape(*boxes.shape[:3], self.boxes_per_cell, 5), scores

    def losses(self, targets: Sequence[Target], boxes: Tensor, scores: Tensor,
               size: tuple[int, int]) -> dict[str, Tensor]:
        """The four parts of the loss by name, means over images. Boxes of targets are in pixels of (height, width)."""
        count, rows, columns = boxes.shape[:3]
        cells = as_tensor([columns / size[1], rows / size[0]], device=boxes.device)
        corners = cat([target["boxes"] for target in targets])
        labels = cat([target["labels"] for target in targets])
        image = cat([full((len(target["boxes"]),), i, device=boxes.device) for i, target in enumerate(targets)])
        middle = (corners[:, :2] + corners[:, 2:]) / 2 * cells              # in cells
        column, row = (middle[:, i].long().clamp(0, most - 1) for i, most in enumerate((columns, rows)))
        owner = full((count, rows, columns), -1, device=boxes.device)
        owner[image, row, column] = arange(len(corners), device=boxes.device)
        image, row, column = owner.ge(0).nonzero().unbind(1)
        object = owner[image, row, column]

        here = boxes[image, row, column]                                    # (objects, B, 5)
        overlap, best = self.overlaps(here, corners[object], row, column, rows, columns, size).max(1)
        mine = here[arange(len(best), device=boxes.device), best]
        sides = (corners[object, 2:] - corners[object, :2]) / as_tensor(size[::-1], device=boxes.device)
        wanted = cat([middle[object] - stack([column, row], 1), sides.sqrt()], 1)
        classes = nn.functional.one_hot(labels[object] - 1, self.num_classes - 1)
        empty = boxes[..., 4].square()
        answering = zeros_like(empty)
        answering[image, row, column, best] = 1.0
        return {"box": self.lambda_coord * (mine[:, :4] - wanted).square().sum() / count,
                "objectness": (mine[:, 4] - overlap).square().sum() / count,
                "emptiness": self.lambda_noobj * (empty * (1 - answering)).sum() / count,
                "classification": (scores[image, row, column] - classes).square().sum() / count}

    @no_grad()
    def overlaps(self, here: Tensor, corners: Tensor, row: Tensor, column: Tensor, rows: int, columns: int,
                 size: tuple[int, int]) -> Tensor:
        """The IoU of each object with the boxes of its cell: (objects, B)."""
        found = self.corners(here, row[:, None], column[:, None], rows, columns, size)
        least, most = found[..., :2].maximum(corners[:, None, :2]), found[..., 2:].minimum(corners[:, None, 2:])
        shared = (most - least).clamp(min=0).prod(-1)
        areas = (found[..., 2:] - found[..., :2]).prod(-1) + (corners[:, 2:] - corners[:, :2]).prod(-1)[:, None]
        return shared / (areas - shared)

    def corners(self, boxes: Tensor, row: Tensor, column: Tensor, rows: int, columns: int,
                size: tuple[int, int]) -> Tensor:
        """Boxes x1, y1, x2, y2 in pixels, of what cells say."""
        middle = stack([(column + boxes[..., 0]) / columns, (row + boxes[..., 1]) / rows], -1)
        half = boxes[..., 2:4].square() / 2
        return cat([middle - half, middle + half], -1) * as_tensor([size[1], size[0]] * 2, device=boxes.device)

    def detections(self, boxes: Tensor, scores: Tensor, size: tuple[int, int]) -> list[Target]:
        """The results of each image, best first, of which none covers another one of its class."""
        rows, columns = boxes.shape[1:3]
        row, column = meshgrid(arange(rows, device=boxes.device), arange(columns, device=boxes.device), indexing="ij")
        corners = box_ops.clip_boxes_to_image(
            self.corners(boxes, row[..., None], column[..., None], rows, columns, size), size)
        found = []
        for of_image, rated in zip(corners, boxes[..., 4:] * scores[..., None, :]):
            row, column, which, label = (rated > self.score_thresh).nonzero().unbind(1)
            some, best = of_image[row, column, which], rated[row, column, which, label]
            keep = box_ops.batched_nms(some, best, label, self.nms_thresh)[:self.detections_per_img]
            found.append({"boxes": some[keep], "scores": best[keep], "labels": label[keep] + 1})
        return found
