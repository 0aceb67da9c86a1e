"""How good a map of importance is."""
from __future__ import annotations

import copy
from collections.abc import Iterator

from minidl.autograd import no_grad
from minidl.backend.dtype import finfo
from minidl.interpret.attribution import Forward, Target, chosen
from minidl.nn.module import Module
from minidl.ops.index import searchsorted
from minidl.ops.shape import stack
from minidl.tensors.creation import arange, as_tensor, linspace
from minidl.tensors.tensor import Tensor


def pointing_game(maps: Tensor, boxes: Tensor, tolerance: float = 0.0) -> float:
    """The share of maps (N, H, W) whose largest value lies in the box (N, 4) of its object.

    boxes: x1, y1, x2, y2 in pixels; a pixel belongs to a box if its middle does. tolerance: how far beside the box is
    still a hit; the paper has 15 pixels in photographs.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016.

        >>> import minidl
        >>> from minidl.interpret import pointing_game
        >>> maps = minidl.tensor([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
        >>> pointing_game(maps, minidl.tensor([[1, 0, 2, 1], [1, 0, 2, 1]]))
        0.5
    """
    place = maps.flatten(1).argmax(1)
    x, y = place % maps.shape[2] + 0.5, place // maps.shape[2] + 0.5
    (left, top), (right, bottom) = (boxes[:, :2] - tolerance).unbind(1), (boxes[:, 2:] + tolerance).unbind(1)
    inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    return inside.float().mean().item()


def energy_inside(maps: Tensor, boxes: Tensor) -> Tensor:
    """The share (N,) of each map (N, H, W), not negative, that lies in its box (N, 4).

    Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", 2020.

        >>> import minidl
        >>> from minidl.interpret import energy_inside
        >>> energy_inside(minidl.tensor([[[3.0, 1.0], [0.0, 0.0]]]), minidl.tensor([[0, 0, 1, 2]]))
        tensor([0.7500])
    """
    x, y = (arange(size, device=maps.device) + 0.5 for size in (maps.shape[2], maps.shape[1]))
    left, top, right, bottom = (boxes[:, i, None] for i in range(4))
    inside = ((y >= top) & (y <= bottom))[:, :, None] & ((x >= left) & (x <= right))[:, None]
    return (maps * inside).sum((1, 2)) / maps.sum((1, 2)).clamp(min=finfo(maps.dtype).tiny)


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Spearman's correlation (N,) of two maps (N, ...) each: 1 if they put the elements in the same order.

        >>> import minidl
        >>> from minidl.interpret import rank_correlation
        >>> rank_correlation(minidl.tensor([[1.0, 2.0, 9.0]]), minidl.tensor([[0.0, 5.0, 6.0]]))
        tensor([1.])
    """
    ranks = []
    for each in (maps.flatten(1), others.flatten(1)):
        order = each.sort(1).values
        rank = searchsorted(order, each) + searchsorted(order, each, right=True)      # equal ones share their ranks
        ranks.append(rank.float() - rank.float().mean(1, keepdim=True))
    first, second = ranks
    return (first * second).sum(1) / (first.square().sum(1) * second.square().sum(1)).sqrt().clamp(min=1)


def cascading_randomization(model: Module) -> Iterator[tuple[str, Module]]:
    """Copies of a model of which more and more layers, from the last on, have forgotten what they learned.

    Yields the name of the layer that was reset, and the copy, which is the same one every time. A map that says what
    the model has learned must change; one that stays only traces the edges of the image.

    Source: Adebayo et al., "Sanity Checks for Saliency Maps", 2018.

        >>> from minidl import nn
        >>> from minidl.interpret import cascading_randomization
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
        >>> [name for name, changed in cascading_randomization(net)]
        ['2', '0']
    """
    changed = copy.deepcopy(model)
    for name, module in reversed(list(changed.named_modules())):
        reset = getattr(module, "reset_parameters", None)
        if callable(reset) and any(True for _ in module.parameters(recurse=False)):
            reset()
            yield name, changed


def insertion_curve(forward: Forward, images: Tensor, maps: Tensor, target: Target, steps: int = 20,
                    baseline: float | Tensor = 0.0) -> Tensor:
    """The score (steps + 1, N) while more and more pixels appear, those first that a map says matter most.

    See `deletion_curve`: the faster the score rises, the better the map. baseline: what is there before, such as a
    blurred image.

        >>> import minidl
        >>> from minidl.interpret import insertion_curve
        >>> x = minidl.tensor([[[[3.0, 1.0]]]])
        >>> insertion_curve(lambda x: x.flatten(1).sum(1), x, x[:, 0], None, steps=2)[:, 0]
        tensor([0., 3., 4.])
    """
    nothing = as_tensor(baseline, dtype=images.dtype, device=images.device).expand_as(images)
    return deletion_curve(forward, nothing, maps, target, steps, images)


@no_grad()
def deletion_curve(forward: Forward, images: Tensor, maps: Tensor, target: Target, steps: int = 20,
                   baseline: float | Tensor = 0.0) -> Tensor:
    """The score (steps + 1, N) while more and more pixels are covered, those first that a map says matter most.

    images: (N, C, H, W); maps: (N, H, W). The faster the score falls, the better the map; the mean
    of the curve is the area under it.

    Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018.

        >>> import minidl
        >>> from minidl.interpret import deletion_curve
        >>> x = minidl.tensor([[[[3.0, 1.0]]]])
        >>> deletion_curve(lambda x: x.flatten(1).sum(1), x, x[:, 0], None, steps=2)[:, 0]
        tensor([4., 1., 0.])
    """
    order = maps.flatten(1).argsort(1, descending=True)
    rank = order.argsort(1).view(len(maps), 1, *maps.shape[1:])
    cover = as_tensor(baseline, dtype=images.dtype, device=images.device).expand_as(images)
    curve = []
    for share in linspace(0, 1, steps + 1).tolist():
        covered = rank < round(share * order.shape[1])
        curve.append(chosen(forward(cover.where(covered, images)), target))
    return stack(curve)
