"""What detectors share: boxes as numbers to learn, matching them to objects, and a balanced sample of them."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from minidl import nn
from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import uint8
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, as_tensor, randperm, zeros, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.ciou_loss import complete_box_iou_loss
from minidl.vision.ops.diou_loss import distance_box_iou_loss
from minidl.vision.ops.giou_loss import generalized_box_iou_loss
from minidl.vision.ops.misc import FrozenBatchNorm2d

# ---------------------------------------------------------------------- boxes as numbers to learn


def encode_boxes(reference_boxes: Tensor, proposals: Tensor, weights: Tensor) -> Tensor:
    """Where reference boxes lie, seen from proposals: (N, 4), (N, 4), weights (4,) -> (N, 4).

        (w_x (x - x_p) / width_p, w_y (y - y_p) / height_p, w_w log(width / width_p), w_h log(height / height_p))

    with the centres (x, y) and (x_p, y_p).
    Source: Girshick et al., "Rich feature hierarchies", 2013, appendix C, https://arxiv.org/abs/1311.2524
    """
    size_p, size = (boxes[:, 2:] - boxes[:, :2] for boxes in (proposals, reference_boxes))
    center_p, center = proposals[:, :2] + 0.5 * size_p, reference_boxes[:, :2] + 0.5 * size
    return cat([weights[:2] * (center - center_p) / size_p, weights[2:] * (size / size_p).log()], 1)


class BoxCoder:
    """Boxes as four numbers that a network learns, relative to other boxes, and back.

    Args:
        weights: what the differences in x, y, width and height are multiplied by.
        bbox_xform_clip: the largest logarithm of a change in width or height that is decoded.

        >>> import minidl
        >>> from minidl.vision.models.detection._utils import BoxCoder
        >>> coder, anchors = BoxCoder((1., 1., 1., 1.)), minidl.tensor([[0., 0., 10., 10.]])
        >>> codes = coder.encode_single(minidl.tensor([[2., 0., 12., 20.]]), anchors)
        >>> codes
        tensor([[0.2000, 0.5000, 0.0000, 0.6931]])
        >>> coder.decode_single(codes, anchors)
        tensor([[ 2.,  0., 12., 20.]])
    """

    def __init__(self, weights: tuple[float, float, float, float],
                 bbox_xform_clip: float = math.log(1000.0 / 16)) -> None:
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip

    def encode(self, reference_boxes: Sequence[Tensor], proposals: Sequence[Tensor]) -> list[Tensor]:
        """`encode_single` for each image."""
        lengths = [len(boxes) for boxes in reference_boxes]
        return list(self.encode_single(cat(list(reference_boxes)), cat(list(proposals))).split(lengths, 0))

    def encode_single(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        """Each reference box as seen from its proposal: (N, 4), (N, 4) -> (N, 4)."""
        weights = as_tensor(self.weights, dtype=reference_boxes.dtype, device=reference_boxes.device)
        return encode_boxes(reference_boxes, proposals, weights)

    def decode(self, rel_codes: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """Codes of C classes (N, 4 C), and the N boxes of all images -> (N, C, 4).

        Errors: AssertionError unless boxes are a list of tensors.
        """
        if not isinstance(boxes, (list, tuple)):
            raise AssertionError(f"This function expects boxes of type list or tuple, but got {type(boxes).__name__}")
        if not isinstance(rel_codes, Tensor):
            raise AssertionError(f"This function expects rel_codes of type Tensor, but got {type(rel_codes).__name__}")
        of_all = cat(list(boxes))
        codes = rel_codes.reshape(len(of_all), -1) if len(of_all) else rel_codes
        return self.decode_single(codes, of_all).reshape(len(of_all), codes.shape[1] // 4, 4)

    def decode_single(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """Codes of C classes (N, 4 C), and boxes (N, 4) -> (N, 4 C)."""
        boxes = boxes.to(rel_codes.dtype)[:, None]
        size = boxes[..., 2:] - boxes[..., :2]
        center = boxes[..., :2] + 0.5 * size
        codes = rel_codes.reshape(len(rel_codes), rel_codes.shape[1] // 4, 4)
        codes = codes / as_tensor(self.weights, dtype=codes.dtype, device=codes.device)
        center = codes[..., :2] * size + center
        half = 0.5 * (codes[..., 2:].clamp(max=self.bbox_xform_clip).exp() * size)
        return cat([center - half, center + half], -1).flatten(1)


class BoxLinearCoder:
    """The distances from the centre of a box to the four sides of another one, and back; as FCOS has them.

    normalize_by_size: divide the distances by the width and height of the box they start from.

        >>> import minidl
        >>> from minidl.vision.models.detection._utils import BoxLinearCoder
        >>> BoxLinearCoder().encode(minidl.tensor([[0., 0., 10., 10.]]), minidl.tensor([[2., 0., 12., 20.]]))
        tensor([[0.3000, 0.5000, 0.7000, 1.5000]])
    """

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    def encode(self, reference_boxes: Tensor, proposals: Tensor) -> Tensor:
        """Distances from the centres of reference boxes to the sides of proposals: (*, 4), (*, 4) -> (*, 4)."""
        center = 0.5 * (reference_boxes[..., :2] + reference_boxes[..., 2:])
        codes = cat([center - proposals[..., :2], proposals[..., 2:] - center], -1)
        return codes / _sizes(reference_boxes) if self.normalize_by_size else codes

    def decode(self, rel_codes: Tensor, boxes: Tensor) -> Tensor:
        """The boxes that have these distances from the centres of `boxes`: (*, 4), (*, 4) -> (*, 4)."""
        boxes = boxes.to(rel_codes.dtype)
        center = 0.5 * (boxes[..., :2] + boxes[..., 2:])
        codes = rel_codes * _sizes(boxes) if self.normalize_by_size else rel_codes
        return cat([center - codes[..., :2], center + codes[..., 2:]], -1)


def _sizes(boxes: Tensor) -> Tensor:
    """(width, height, width, height)"""
    size = boxes[..., 2:] - boxes[..., :2]
    return cat([size, size], -1)


def _box_loss(type: str, box_coder: BoxCoder, anchors_per_image: Tensor, matched_gt_boxes_per_image: Tensor,
              bbox_regression_per_image: Tensor, cnf: Mapping[str, float] | None = None) -> Tensor:
    """The sum of a loss between codes, "l1" or "smooth_l1", or between boxes, "ciou", "diou" or "giou".

    cnf: `beta` of smooth_l1, `eps` of the losses between boxes. Errors: AssertionError for another type.
    """
    between = {"ciou": complete_box_iou_loss, "diou": distance_box_iou_loss, "giou": generalized_box_iou_loss}
    if type in between:
        boxes = box_coder.decode_single(bbox_regression_per_image, anchors_per_image)
        return between[type](boxes, matched_gt_boxes_per_image, reduction="sum", eps=(cnf or {}).get("eps", 1e-7))
    if type not in ("l1", "smooth_l1"):
        raise AssertionError(f"Unsupported loss: {type}; expected one of l1, smooth_l1, {', '.join(between)}")
    codes = box_coder.encode_single(matched_gt_boxes_per_image, anchors_per_image)
    if type == "l1":
        return F.l1_loss(bbox_regression_per_image, codes, reduction="sum")
    return F.smooth_l1_loss(bbox_regression_per_image, codes, reduction="sum", beta=(cnf or {}).get("beta", 1.0))


# ---------------------------------------------------------------------- boxes and objects

class Matcher:
    """The object that each of N predicted boxes belongs to.

    Called with their overlaps (M objects, N boxes), it returns (N,): the number of the object, -1 where the overlap is
    below low_threshold, -2 between the thresholds.

    Args:
        high_threshold, low_threshold: of the overlap with the object that a box fits best.
        allow_low_quality_matches: the box that overlaps most with an object belongs to its own best object, whatever
            the thresholds; several boxes do, where they overlap as much.

    Errors: AssertionError for a low_threshold above the high one; ValueError without objects, or without boxes.

        >>> import minidl
        >>> from minidl.vision.models.detection._utils import Matcher
        >>> overlaps = minidl.tensor([[0.8, 0.1, 0.4, 0.0], [0.0, 0.3, 0.2, 0.1]])
        >>> Matcher(0.7, 0.3)(overlaps), Matcher(0.7, 0.35, allow_low_quality_matches=True)(overlaps)
        (tensor([ 0, -2, -2, -1]), tensor([ 0,  1, -2, -1]))
    """

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2

    def __init__(self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False) -> None:
        if low_threshold > high_threshold:
            raise AssertionError(f"low_threshold should be <= high_threshold, but got {low_threshold} and "
                                 f"{high_threshold}")
        self.high_threshold = high_threshold
        self.low_threshold = low_threshold
        self.allow_low_quality_matches = allow_low_quality_matches

    def __call__(self, match_quality_matrix: Tensor) -> Tensor:
        if not match_quality_matrix.numel():
            what = "proposal" if match_quality_matrix.shape[0] else "ground-truth"
            raise ValueError(f"No {what} boxes available for one of the images during training")
        values, best = match_quality_matrix.max(dim=0)
        matches = where(values < self.low_threshold, self.BELOW_LOW_THRESHOLD,
                        where(values < self.high_threshold, self.BETWEEN_THRESHOLDS, best))
        if self.allow_low_quality_matches:
            highest = match_quality_matrix.max(dim=1, keepdim=True).values
            matches = where((match_quality_matrix == highest).any(0), best, matches)
        return matches


class SSDMatcher(Matcher):
    """A `Matcher` with one threshold, where each object has the box that overlaps most with it."""

    def __init__(self, threshold: float) -> None:
        super().__init__(threshold, threshold, allow_low_quality_matches=False)

    def __call__(self, match_quality_matrix: Tensor) -> Tensor:
        matches = super().__call__(match_quality_matrix)
        matches[match_quality_matrix.argmax(1)] = arange(len(match_quality_matrix), device=matches.device)
        return matches


class BalancedPositiveNegativeSampler:
    """A random sample of boxes with a fixed share of those that match an object.

    Called with a tensor of each image's boxes, where 1 and above are positive, 0 is negative, and -1 ignored, it
    returns two lists of masks (uint8) of that length: of the positive, and of the negative ones that were drawn. If
    there are too few positive ones, negative ones take their place.

    Args:
        batch_size_per_image: how many are drawn of an image.
        positive_fraction: the largest share of positive ones.

        >>> import minidl
        >>> from minidl.vision.models.detection._utils import BalancedPositiveNegativeSampler
        >>> positive, negative = BalancedPositiveNegativeSampler(4, 0.5)([minidl.tensor([1, 0, -1, 0, 0, 0])])
        >>> positive[0].tolist(), negative[0].sum().item()
        ([1, 0, 0, 0, 0, 0], 3)
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    def __call__(self, matched_idxs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        masks: tuple[list[Tensor], list[Tensor]] = ([], [])
        for matched in matched_idxs:
            positive, negative = (matched >= 1).nonzero()[:, 0], (matched == 0).nonzero()[:, 0]
            drawn = min(len(positive), int(self.batch_size_per_image * self.positive_fraction))
            for found, some, number in zip(masks, (positive, negative), (drawn, self.batch_size_per_image - drawn)):
                mask = zeros_like(matched, dtype=uint8)
                mask[some[randperm(len(some), device=some.device)[:number]]] = 1
                found.append(mask)
        return masks


# ---------------------------------------------------------------------- networks

def overwrite_eps(model: Module, eps: float) -> None:
    """Give each `FrozenBatchNorm2d` of a model this eps: the first trained weights were made with 0."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = eps


def retrieve_out_channels(model: Module, size: tuple[int, int]) -> list[int]:
    """The channels of each map that a model returns, seen by running it on an image of zeros.

    size: (width, height) of the image.

        >>> from minidl import nn
        >>> from minidl.vision.models.detection._utils import retrieve_out_channels
        >>> retrieve_out_channels(nn.Conv2d(3, 8, 3), (32, 32))
        [8]
    """
    training = model.training
    model.eval()
    with no_grad():
        maps = as_maps(model(zeros(1, 3, size[1], size[0], device=next(model.parameters()).device)))
    model.train(training)
    return [each.shape[1] for each in maps.values()]


def as_maps(features: Tensor | Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """What a backbone returns as a dict: a single map is called "0"."""
    return {"0": features} if isinstance(features, Tensor) else features


def _topk_min(input: Tensor, orig_kval: int, axis: int) -> int:
    """The k of a topk, not above what there is."""
    return min(orig_kval, input.shape[axis])


def permute_and_flatten(layer: Tensor, N: int, A: int, C: int, H: int, W: int) -> Tensor:
    """What convolutions say of A anchors a pixel, anchor by anchor: (N, A C, H, W) -> (N, H W A, C)."""
    return layer.reshape(N, A, C, H, W).permute(0, 3, 4, 1, 2).reshape(N, -1, C)


def by_anchor(maps: Sequence[Tensor], columns: int) -> Tensor:
    """Maps (N, A columns, H_i, W_i) of all levels, anchor by anchor: (N, sum of H_i W_i A, columns)."""
    return cat([permute_and_flatten(each, len(each), each.shape[1] // columns, columns, *each.shape[2:])
                for each in maps], 1)


def start_normal(module: nn.Module, std: float = 0.01) -> None:
    """Each convolution normal with this deviation, and biases of 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def start_kaiming(module: nn.Module) -> None:
    """Each convolution Kaiming-normal by fan-out, and biases of 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


# ---------------------------------------------------------------------- arguments

def out_channels_of(backbone: nn.Module) -> int:
    """The channels of each of a backbone's maps. Errors: ValueError without out_channels."""
    if not hasattr(backbone, "out_channels"):
        raise ValueError("backbone should contain an attribute out_channels specifying the number of output channels "
                         "(assumed to be the same for all the levels)")
    return backbone.out_channels


def check_kind(name: str, value: object, kind: type) -> None:
    """Errors: TypeError unless value is of this kind, or None."""
    if not isinstance(value, (kind, type(None))):
        raise TypeError(f"{name} should be of type {kind.__name__} or None instead of {type(value)}")


def classes_of(num_classes: int | None) -> int:
    """COCO's, with the background and numbers that stand for nothing, if not given."""
    return 91 if num_classes is None else num_classes
