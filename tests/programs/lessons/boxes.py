"""Boxes by hand: anchors around every place of a map, which object each is for, and how offsets encode that."""
import minidl as torch


def anchors_of(rows, columns, sizes, ratios, device=None):
    """Boxes (rows * columns * A, 4) as corners between 0 and 1: all ratios of the first size, and the other sizes."""
    shapes = [(sizes[0], ratio) for ratio in ratios] + [(size, ratios[0]) for size in sizes[1:]]
    size, ratio = torch.tensor(shapes, device=device).unbind(dim=1)
    half = torch.stack([size * ratio.sqrt() * rows / columns, size / ratio.sqrt()], dim=-1) / 2
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
    middle = torch.stack((x, y), dim=-1).to(device).reshape(-1, 1, 2)
    return torch.cat([middle - half, middle + half], dim=-1).flatten(0, 1)


def overlap(one, other):
    """Intersection over union of boxes (N, 4) and (M, 4)."""
    sides = torch.min(one[:, None, 2:], other[:, 2:]) - torch.max(one[:, None, :2], other[:, :2])
    shared = sides.clamp(min=0).prod(dim=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (one, other)]
    return shared / (areas[0][:, None] + areas[1] - shared)


def matched(anchors, objects, least=0.5):
    """For each anchor the number of its object, or -1. Each object gets its best anchor, the others what fits."""
    iou = overlap(anchors, objects)
    best, number = iou.max(dim=1)
    number[best < least] = -1
    for _ in range(len(objects)):
        place = iou.argmax()
        row, column = torch.div(place, len(objects), rounding_mode="floor"), place % len(objects)
        number[row] = column
        iou[row, :], iou[:, column] = -1, -1
    return number


def centred(boxes):
    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1)


def encoded(anchors, boxes):
    a, b = centred(anchors), centred(boxes)
    return torch.cat([(b[:, :2] - a[:, :2]) / a[:, 2:] / 0.1, torch.log(b[:, 2:] / a[:, 2:]) / 0.2], 1)


def decoded(anchors, offsets):
    a = centred(anchors)
    middle, half = a[:, :2] + 0.1 * offsets[:, :2] * a[:, 2:], (0.2 * offsets[:, 2:]).exp() * a[:, 2:] / 2
    return torch.cat([middle - half, middle + half], 1)


def thinned(boxes, scores, most):
    """The numbers of the boxes that no better one overlaps by more than this."""
    order, kept = scores.argsort(descending=True), []
    while order.numel():
        kept.append(order[0].item())
        others = order[1:]
        order = others[overlap(boxes[order[:1]], boxes[others]).squeeze(0) <= most]
    return torch.tensor(kept, dtype=torch.long)


if __name__ == "__main__":
    from minidl.vision import ops

    torch.set_printoptions(precision=2)
    torch.manual_seed(0)
    anchors = anchors_of(4, 6, sizes=[0.5, 0.25], ratios=[1, 2, 0.5])
    print(anchors.shape, anchors.reshape(4, 6, 4, 4)[1, 2])
    worst = (overlap(anchors, anchors.flip(0)) - ops.box_iou(anchors, anchors.flip(0))).abs().max()
    assert torch.allclose(centred(anchors), ops.box_convert(anchors, "xyxy", "cxcywh"), atol=1e-6)
    objects = torch.tensor([[0.1, 0.1, 0.5, 0.6], [0.6, 0.3, 0.95, 0.9]])
    number = matched(anchors, objects)
    assert set(number.tolist()) == {-1, 0, 1}
    chosen = number >= 0
    there = encoded(anchors[chosen], objects[number[chosen]])
    worst = max(worst, (decoded(anchors[chosen], there) - objects[number[chosen]]).abs().max())
    scores = torch.rand(len(anchors))
    kept = thinned(anchors, scores, 0.4)
    among = overlap(anchors[kept], anchors[kept]) - torch.eye(len(kept))
    assert (among <= 0.4).all() and kept[0] == scores.argmax()
    print(f"{len(kept)} of {len(anchors)} anchors stay; the largest error {float(worst):.1e}")
