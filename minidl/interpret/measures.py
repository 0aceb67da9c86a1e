"""How good a map of importance is."""
from __future__ import annotations

from minidl.autograd import no_grad
from minidl.interpret.attribution import Forward, Target, chosen
from minidl.ops.shape import stack
from minidl.tensors.creation import as_tensor, linspace
from minidl.tensors.tensor import Tensor


def pointing_game(maps: Tensor, boxes: Tensor) -> float:
    """The share of maps (N, H, W) whose largest value lies in the box (N, 4) of its object.

    boxes: x1, y1, x2, y2 in pixels; a pixel belongs to a box if its middle does.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016.

        >>> import minidl
        >>> from minidl.interpret import pointing_game
        >>> maps = minidl.tensor([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
        >>> pointing_game(maps, minidl.tensor([[1, 0, 2, 1], [1, 0, 2, 1]]))
        0.5
    """
    place = maps.flatten(1).argmax(1)
    x, y = place % maps.shape[2] + 0.5, place // maps.shape[2] + 0.5
    inside = (x >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y >= boxes[:, 1]) & (y <= boxes[:, 3])
    return inside.float().mean().item()


@no_grad()
def deletion_curve(forward: Forward, images: Tensor, maps: Tensor, target: Target, steps: int = 20,
                   baseline: float | Tensor = 0.0) -> Tensor:
    """The score (steps + 1, N) while more and more pixels are covered, those first that a map says matter most.

    images: (N, C, H, W); maps: (N, H, W). The faster the score falls, the better the map. With images and baseline
    exchanged it is the insertion curve, which should rise fast; its mean is the area under it.

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
