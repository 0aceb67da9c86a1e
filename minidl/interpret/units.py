"""What single units of a layer respond to: places they see, patches that excite them, concepts they detect."""
from __future__ import annotations

import copy
from typing import NamedTuple

from minidl.autograd import no_grad
from minidl.backend.dtype import float16
from minidl.interpret.ascent import activations
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange, zeros
from minidl.tensors.tensor import Tensor


@no_grad()
def receptive_field(model: Module, layer: Module, shape: tuple[int, int, int]) -> Tensor:
    """The part of an image of `shape` (C, H, W) that each place of a layer's output depends on.

    Returns boxes (h, w, 4), x1, y1, x2, y2 in pixels, x2 and y2 beside the last one. They are found by trying: where a
    column or row of the image is no number, all that depends on it is no number.

    Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019.

        >>> from minidl import nn
        >>> from minidl.interpret import receptive_field
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 3))
        >>> receptive_field(net, net[2], (1, 14, 14))[0, 1]       # 3 + (2 - 1) + (3 - 1) 2 = 8 wide, in steps of 2
        tensor([ 2,  0, 10,  8])
    """
    # in float16, since a faster convolution in tiles would spread what is no number all over the tile
    empty = copy.deepcopy(model).eval().to(dtype=float16)
    for parameter in empty.parameters():
        parameter.zero_()
    for buffer in empty.buffers():
        if buffer.is_floating_point():
            buffer.fill_(1)
    names = {id(module): name for name, module in model.named_modules()}
    if id(layer) not in names:
        raise ValueError(f"receptive_field: expected a layer of the model, but got {layer}")
    twin = dict(empty.named_modules())[names[id(layer)]]
    device = next((p.device for p in model.parameters()), None)
    ends = []
    for axis in (2, 3):
        reached = []
        for numbers in arange(shape[axis - 1]).split(64):
            images = zeros(len(numbers), *shape, dtype=float16, device=device)
            for image, number in zip(images, numbers.tolist()):
                image.select(axis - 1, number).fill_(float("nan"))
            reached.append(activations(empty, [twin], images)[0].isnan().any(1).any(5 - axis - 1))
        touched = cat(reached).cpu().int()                      # (pixels, places)
        first, after = touched.argmax(0), len(touched) - touched.flip(0).argmax(0)
        ends.append((first, after))
    (top, bottom), (left, right) = ends
    h, w = len(top), len(left)
    return stack([left.expand(h, w), top[:, None].expand(h, w), right.expand(h, w), bottom[:, None].expand(h, w)], 2)


class Patches(NamedTuple):
    """values: the largest of each unit (K, count). images: their numbers. boxes: what the places see (K, count, 4)."""

    values: Tensor
    images: Tensor
    boxes: Tensor


@no_grad()
def top_patches(model: Module, layer: Module, images: Tensor, count: int = 8, batch_size: int = 128) -> Patches:
    """The patches of images (N, C, H, W) that excite each channel of a layer most, one of an image at most.

    Source: Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import top_patches
        >>> mean = nn.AvgPool2d(2)
        >>> x = minidl.zeros(3, 1, 4, 4)
        >>> x[1, 0, 2:, :2] = 1
        >>> found = top_patches(mean, mean, x, count=1)
        >>> found.values.item(), found.images.item(), found.boxes[0, 0]
        (1.0, 1, tensor([0, 2, 2, 4]))
    """
    best, places = [], []
    for some in images.split(batch_size):
        output = activations(model, [layer], some)[0].flatten(2)
        value, place = output.max(2)
        best.append(value)
        places.append(place)
    values, numbers = cat(best).T.topk(min(count, len(images)), dim=1)
    fields = receptive_field(model, layer, tuple(images.shape[1:])).flatten(0, 1)       # type: ignore[arg-type]
    return Patches(values, numbers, fields[cat(places).T.gather(1, numbers).cpu()])


class Dissection(NamedTuple):
    """iou: of each unit with each concept (C, K). thresholds: above which a unit is on (C,)."""

    iou: Tensor
    thresholds: Tensor

    def detectors(self, least: float = 0.04) -> list[tuple[int, int, float]]:
        """Units with a concept that they match better than `least`: unit, concept, IoU, the best first."""
        best, concepts = self.iou.max(1)
        found = [(unit, concept, value) for unit, (concept, value) in enumerate(zip(concepts.tolist(), best.tolist()))
                 if value > least]
        return sorted(found, key=lambda each: -each[2])


@no_grad()
def dissect(model: Module, layer: Module, images: Tensor, concepts: Tensor, quantile: float = 0.005,
            batch_size: int = 128) -> Dissection:
    """How well the places where a unit is on match the masks of concepts.

    A unit, a channel of the layer, is on where its output, enlarged to the image, is among the `quantile` largest over
    all images (N, C, H, W) and places. concepts: masks (N, K, H, W).

    Source: Bau et al., "Network Dissection: Quantifying Interpretability of Deep Visual Representations", 2017.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import dissect
        >>> x = (minidl.arange(36.0) >= 30).float().view(1, 1, 6, 6)      # the last row
        >>> same = nn.Identity()
        >>> dissect(same, same, x, minidl.cat([x, 1 - x], 1), quantile=0.2).detectors()
        [(0, 0, 1.0)]
    """
    found = cat([activations(model, [layer], some)[0] for some in images.split(batch_size)])
    thresholds = found.transpose(0, 1).flatten(1).quantile(1 - quantile, dim=1)
    both = zeros(found.shape[1], concepts.shape[1], device=found.device)
    units, masked = both[:, 0].clone(), both[0].clone()
    for some, masks in zip(found.split(batch_size), concepts.split(batch_size)):
        enlarged = F.interpolate(some, size=masks.shape[2:], mode="bilinear", align_corners=False)
        on = (enlarged > thresholds[:, None, None]).float().transpose(0, 1).flatten(1)
        shown = masks.to(on).transpose(0, 1).flatten(1)
        both += on @ shown.T
        units += on.sum(1)
        masked += shown.sum(1)
    return Dissection(both / (units[:, None] + masked - both).clamp(min=1), thresholds)
