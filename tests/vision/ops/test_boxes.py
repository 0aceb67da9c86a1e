"""Boxes, and the losses of boxes: against the published formulas, one box after the other."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.vision import ops
from tests.checking import Case, S, check_case
from tests.vision.reference import torchvision

stream = np.random.default_rng(0)


def random_boxes(n):
    corner = stream.uniform(0, 3, (n, 2))
    return np.concatenate([corner, corner + stream.uniform(0.5, 3, (n, 2))], axis=1)


A, B, C = random_boxes(5), random_boxes(4), random_boxes(5)
FAR = np.array([[0.1, 0.2, 1.0, 1.1], [5.0, 5.1, 7.0, 6.0]]), np.array([[3.0, 0.0, 4.0, 1.0], [0.0, 0.1, 0.5, 2.0]])


# ---------------------------------------------------------------------- oracles, of two boxes in plain numbers

def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(a, b):
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def around(a, b):
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


def iou(a, b, eps=0.0):
    return overlap(a, b) / (area(a) + area(b) - overlap(a, b) + eps)


def giou(a, b, eps=0.0):
    hull, union = area(around(a, b)), area(a) + area(b) - overlap(a, b)
    return iou(a, b, eps) - (hull - union) / (hull + eps)


def diou(a, b, eps=1e-7, eps_of_iou=0.0):
    x1, y1, x2, y2 = around(a, b)
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (a, b)]
    return iou(a, b, eps_of_iou) - math.dist(*centres) ** 2 / ((x2 - x1) ** 2 + (y2 - y1) ** 2 + eps)


def ciou(a, b, eps=1e-7, eps_of_iou=0.0):
    angles = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
    v = 4 / math.pi ** 2 * (angles[1] - angles[0]) ** 2
    return diou(a, b, eps, eps_of_iou) - v * v / (1 - iou(a, b, eps_of_iou) + v + eps)


def every_pair(function):
    def pairs(boxes1, boxes2, **kwargs):
        values = [[function(a, b, **kwargs) for b in boxes2] for a in boxes1]
        return np.array(values).reshape(len(boxes1), len(boxes2))
    return pairs


def loss_of(function, **settings):
    def losses(boxes1, boxes2, reduction="none"):
        pairs = zip(boxes1.reshape(-1, 4), boxes2.reshape(-1, 4))
        values = np.array([1 - function(a, b, **settings) for a, b in pairs]).reshape(boxes1.shape[:-1])
        return {"none": values, "mean": values.mean() if values.size else 0.0, "sum": values.sum()}[reduction]
    return losses


def greedy(boxes, scores, iou_threshold):
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if all(iou(boxes[i], boxes[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return np.array(kept, dtype=np.int64)


def greedy_of_classes(boxes, scores, classes, iou_threshold):
    kept = [i for c in np.unique(classes) for i in np.nonzero(classes == c)[0][
        greedy(boxes[classes == c], scores[classes == c], iou_threshold)]]
    return np.array(sorted(kept, key=lambda i: (-scores[i], i)), np.int64)


def box_of_mask(mask):
    rows, columns = mask.nonzero()
    return [columns.min(), rows.min(), columns.max(), rows.max()] if len(rows) else [0] * 4


def as_corners(boxes, fmt):
    x, y, w, h = boxes.T
    return {
        "xyxy": boxes,
        "xywh": np.stack([x, y, x + w, y + h], 1),
        "cxcywh": np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1),
    }[fmt]


PAIRS = [S(A, B), S(*FAR), S(np.zeros((0, 4)), B)]     # where coordinates are equal, there are kinks
LOSSES = [
    S(A, C),
    S(A, C, reduction="mean"),
    S(A, C, reduction="sum"),
    S(*FAR),
    S(A[0], C[0]),
    S(np.zeros((0, 4)), np.zeros((0, 4)), reduction="mean"),
]
MANY, SCORES = random_boxes(40), stream.permutation(40) / 40
CLASSES = stream.integers(0, 4, 40)
MASKS = np.stack([stream.random((5, 6)) < share for share in (0.0, 0.05, 0.1, 0.5, 1.0)])
CASES = [
    Case(ops.box_area, [S(A), S(A[0]), S(np.zeros((0, 4)))],
         oracle=lambda boxes: np.array([area(b) for b in boxes.reshape(-1, 4)]).reshape(boxes.shape[:-1])),
    Case(ops.box_iou, PAIRS, oracle=every_pair(iou)),
    Case(ops.generalized_box_iou, PAIRS, oracle=every_pair(giou)),
    Case(ops.distance_box_iou, [*PAIRS, S(A, B, eps=0.1)], oracle=every_pair(diou)),
    Case(ops.complete_box_iou, PAIRS, oracle=every_pair(ciou), grad=False),     # alpha counts as a constant: see below
    *[Case(function, [S(A, A)], oracle=every_pair(oracle), grad=False, name=f"{function.__name__} of equal boxes")
      for function, oracle in ((ops.box_iou, iou), (ops.generalized_box_iou, giou), (ops.distance_box_iou, diou),
                               (ops.complete_box_iou, ciou))],
    Case(ops.generalized_box_iou_loss, LOSSES, oracle=loss_of(giou, eps=1e-7)),
    Case(ops.distance_box_iou_loss, LOSSES, oracle=loss_of(diou, eps_of_iou=1e-7)),
    Case(ops.complete_box_iou_loss, LOSSES, oracle=loss_of(ciou, eps_of_iou=1e-7), grad=False),
    *[Case(lambda boxes, a=a, b=b: ops.box_convert(ops.box_convert(boxes, a, b), b, "xyxy"), [S(A)],
           name=f"box_convert {a} {b}", oracle=lambda boxes, a=a: as_corners(boxes, a))
      for a in ("xyxy", "xywh", "cxcywh")
      for b in ("xyxy", "xywh", "cxcywh")],
    Case(ops.clip_boxes_to_image, [S(A, S.raw((2, 4))), S(A[0], S.raw((2, 4)))],
         oracle=lambda boxes, size: np.stack([boxes[..., i].clip(0, size[1 - i % 2]) for i in range(4)], -1)),
    Case(ops.remove_small_boxes, [S(A, 1.0), S(np.zeros((0, 4)), 1)], grad=False,
         oracle=lambda boxes, least: np.array(
             [i for i, b in enumerate(boxes) if min(b[2] - b[0], b[3] - b[1]) >= least], int)),
    Case(ops.nms, [
        S(MANY, SCORES, 0.5),
        S(MANY, SCORES, 0.1),
        S(MANY, SCORES, 1.0),
        S(MANY, np.round(SCORES, 1), 0.3),
        S(np.zeros((0, 4)), np.zeros(0), 0.5),
    ], oracle=greedy, grad=False),
    Case(ops.batched_nms, [
        S(MANY, SCORES, CLASSES, 0.3),
        S(MANY - 50, SCORES, CLASSES, 0.3),
        S(MANY, np.round(SCORES, 1), CLASSES.astype(float), 0.1),
        S(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int), 0.5),
    ], oracle=greedy_of_classes, grad=False),
    Case(ops.masks_to_boxes, [S(MASKS), S(MASKS.astype(np.uint8) * 255), S(MASKS * -0.5), S(MASKS[:, :1]),
                              S(MASKS[:, :, :1])],
         oracle=lambda masks: np.array([box_of_mask(mask) for mask in masks]), grad=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_battery(case):
    check_case(case)


def test_worked_by_hand():
    """Boxes of area 4 that share an area of 2: 2/6. The box around both has area 6, all of it covered.

    The centres are 1 apart, the diagonal is sqrt(13).
    """
    a, b = minidl.tensor([[0.0, 0.0, 2.0, 2.0]]), minidl.tensor([[1.0, 0.0, 3.0, 2.0]])
    assert ops.box_iou(a, b).item() == pytest.approx(2 / 6)
    assert ops.generalized_box_iou(a, b).item() == pytest.approx(2 / 6)
    assert ops.distance_box_iou(a, b).item() == ops.complete_box_iou(a, b).item() == pytest.approx(2 / 6 - 1 / 13)


def test_boxes_that_do_not_meet_are_drawn_together():
    for loss in (ops.generalized_box_iou_loss, ops.distance_box_iou_loss, ops.complete_box_iou_loss):
        box = minidl.tensor([[0.0, 0.0, 1.0, 1.0]], requires_grad=True)
        loss(box, minidl.tensor([[3.0, 0.0, 4.0, 1.0]])).sum().backward()
        assert box.grad[0, 0] + box.grad[0, 2] < 0      # to the right


def test_alpha_counts_as_a_constant():
    """The gradient of the complete IoU loss is that of the distance loss, and alpha times that of v."""
    boxes, right = minidl.tensor(A, requires_grad=True), minidl.tensor(C)
    gradient, = minidl.autograd.grad(ops.complete_box_iou_loss(boxes, right, "sum"), boxes)
    angles = [((x[:, 2] - x[:, 0]) / (x[:, 3] - x[:, 1])).atan() for x in (boxes, right)]
    v = (angles[0] - angles[1]) ** 2 * 4 / math.pi ** 2
    overlaps = minidl.tensor([iou(a, c) for a, c in zip(A, C)], dtype=minidl.float64)
    alpha = (v / (1 - overlaps + v)).detach()
    expected, = minidl.autograd.grad((ops.distance_box_iou_loss(boxes, right) + alpha * v).sum(), boxes)
    np.testing.assert_allclose(gradient.numpy(), expected.numpy(), rtol=1e-6)
    a, b = minidl.tensor(A, requires_grad=True), minidl.tensor(C)
    pairs, = minidl.autograd.grad(ops.complete_box_iou(a, b).diagonal().sum(), a)
    np.testing.assert_allclose(pairs.numpy(), -gradient.numpy(), rtol=1e-5)


def test_whole_numbers():
    boxes = minidl.tensor([[0, 0, 4, 2], [1, 1, 3, 5]])
    assert ops.box_area(boxes).tolist() == [8, 8]
    assert ops.box_iou(boxes, boxes)[0, 1].item() == pytest.approx(2 / 14)
    assert ops.box_convert(boxes, "xyxy", "xywh").tolist() == [[0, 0, 4, 2], [1, 1, 2, 4]]
    assert ops.clip_boxes_to_image(boxes, (4, 3)).tolist() == [[0, 0, 3, 2], [1, 1, 3, 4]]


@pytest.mark.parametrize("dtype, size", [("uint8", 200), ("int16", 300), ("float16", 300)])
def test_areas_do_not_overflow(dtype, size):
    """A box, and its left half."""
    boxes = minidl.tensor([[0, 0, size, size], [0, 0, size // 2, size]], dtype=dtype)
    assert ops.box_area(boxes).tolist() == [size ** 2, size ** 2 / 2]
    for function, value in ((ops.box_iou, 0.5), (ops.generalized_box_iou, 0.5), (ops.distance_box_iou, 0.5 - 1 / 32)):
        assert function(boxes, boxes)[0, 1].item() == pytest.approx(value)
        assert function(boxes, boxes).dtype == minidl.float32
    assert ops.nms(boxes, minidl.tensor([0.9, 0.8]), 0.4).tolist() == [0]
    if dtype == "float16":
        assert ops.generalized_box_iou_loss(boxes[:1], boxes[1:]).item() == pytest.approx(0.5)
        assert ops.distance_box_iou_loss(boxes[:1], boxes[1:]).item() == pytest.approx(0.5 + 1 / 32)


def test_boxes_of_several_images():
    a, b = minidl.tensor(MANY.reshape(8, 5, 4)), minidl.tensor(MANY[:32].reshape(8, 4, 4))
    for function in (ops.box_iou, ops.generalized_box_iou, ops.distance_box_iou, ops.complete_box_iou):
        assert function(a, b).tolist() == [function(x, y).tolist() for x, y in zip(a, b)]


def test_no_masks():
    for shape in ((0, 5, 6), (2, 0, 3)):
        assert ops.masks_to_boxes(minidl.zeros(shape)).shape == (0, 4)
    assert ops.masks_to_boxes(minidl.zeros(0, 5, 6)).dtype == ops.masks_to_boxes(minidl.ones(1, 2, 2)).dtype


def test_boxes_of_masks_as_torchvision():
    torch = pytest.importorskip("torch")
    theirs = torchvision("ops").masks_to_boxes(torch.tensor(MASKS))
    ours = ops.masks_to_boxes(minidl.tensor(MASKS))
    assert ours.tolist() == theirs.tolist() and str(theirs.dtype) == f"torch.{ours.dtype}"


@pytest.mark.parametrize("fmt", ["xyxy", "xywh", "cxcywh"])
@pytest.mark.parametrize("kind", ["float64", "float16", "uint8"])
def test_boxes_in_other_formats(fmt, kind):
    corners = minidl.tensor([[0, 2, 200, 240], [10, 20, 30, 80]])
    boxes = ops.box_convert(corners, "xyxy", fmt).to(kind)
    assert ops.box_area(boxes, fmt=fmt).tolist() == [200 * 238, 20 * 60]
    overlaps = ops.box_iou(boxes, boxes[:1], fmt=fmt)
    np.testing.assert_allclose(overlaps.numpy(), [[1], [1200 / 47600]], rtol=1e-6)


BOXES = minidl.ones(2, 4)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.box_area(minidl.ones(4, 2)), RuntimeError, "box_area: expected boxes (*, 4)"),
    (lambda: ops.box_area([[0, 0, 1, 1]]), TypeError, "box_area(): argument 'boxes' must be Tensor, not list"),
    (lambda: ops.box_area(BOXES, "xyhw"), ValueError, "Unsupported Bounding Box area for given format xyhw"),
    (lambda: ops.box_iou(BOXES, BOXES, "xyhw"), ValueError, "Unsupported format 'xyhw'"),
    (lambda: ops.box_iou(BOXES, minidl.ones(())), RuntimeError, "box_iou: expected boxes2 (*, 4)"),
    (lambda: ops.box_iou(BOXES, BOXES[0]), RuntimeError,
     "expected boxes1 (N, 4) and boxes2 (M, 4), but got (2, 4) and (4,)"),
    (lambda: ops.remove_small_boxes(BOXES[None], 1), RuntimeError,
     "remove_small_boxes: expected boxes (N, 4), but got (1, 2, 4)"),
    (lambda: ops.nms(BOXES, [0.1, 0.2], 0.5), TypeError, "nms(): argument 'scores' must be Tensor, not list"),
    (lambda: ops.box_convert(BOXES, "xyxy", "xyhw"), ValueError,
     "Unsupported Bounding Box Conversions for given in_fmt xyxy and out_fmt xyhw"),
    (lambda: ops.nms(BOXES, minidl.ones(3), 0.5), RuntimeError,
     "boxes and scores should have same number of elements in dimension 0"),
    (lambda: ops.nms(BOXES[0], minidl.ones(3), 0.5), RuntimeError, "but got (4,) and (3,)"),
    (lambda: ops.batched_nms(BOXES, minidl.ones(2), minidl.ones(3), 0.5), RuntimeError,
     "batched_nms: boxes and idxs should have same number of elements in dimension 0"),
    (lambda: ops.masks_to_boxes(minidl.ones(2, 3)), RuntimeError, "expected masks (N, H, W), but got (2, 3)"),
    (lambda: ops.generalized_box_iou_loss(BOXES, BOXES[:1]), RuntimeError, "boxes belong together in pairs"),
    (lambda: ops.distance_box_iou_loss(BOXES, BOXES, "avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: ops.complete_box_iou_loss(BOXES.long(), BOXES), RuntimeError, "boxes1 must be floating-point"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


# ---------------------------------------------------------------------- rotated boxes

TURNED = np.concatenate([stream.uniform(0, 9, (12, 2)), stream.uniform(1, 9, (12, 2)),
                         stream.uniform(-200, 200, (12, 1))], axis=1)


def test_rotated_formats_by_hand():
    box = minidl.tensor([[4., 3., 4., 2., 90.]])           # upright, 2 wide and 4 high
    np.testing.assert_allclose(ops.box_convert(box, "cxcywhr", "xyxyxyxy").numpy(), [[3, 5, 3, 1, 5, 1, 5, 5]],
                               atol=1e-5)
    np.testing.assert_allclose(ops.box_convert(box, "cxcywhr", "xywhr").numpy(), [[3, 5, 4, 2, 90]], atol=1e-5)
    whole = minidl.tensor([[4, 3, 4, 2, 90]])
    assert ops.box_convert(whole, "cxcywhr", "xyxyxyxy").tolist() == [[3, 5, 3, 1, 5, 1, 5, 5]]


@pytest.mark.parametrize("start", ["xywhr", "cxcywhr", "xyxyxyxy"])
@pytest.mark.parametrize("end", ["xywhr", "cxcywhr", "xyxyxyxy"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_rotated_formats_as_torchvision(start, end, kind):
    torch = pytest.importorskip("torch")
    boxes = ops.box_convert(minidl.tensor(TURNED), "cxcywhr", start).numpy().astype(kind)
    expected = torchvision("ops.boxes").box_convert(torch.from_numpy(boxes), start, end)
    found = ops.box_convert(minidl.from_numpy(boxes), start, end)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-4)
    assert found.dtype.name == kind


def test_rotated_iou_by_hand():
    square = [0., 0., 2., 2., 0.]
    others = [[0., 0., 2., 2., 45.], [0., 0., 2., 2., 90.], [9., 9., 2., 2., 10.], [1., 0., 2., 2., 0.],
              [0., 0., 1., 1., 30.], [0., 0., 0., 0., 0.]]
    octagon = 8 * (math.sqrt(2) - 1)            # what two squares share that are turned by an eighth
    expected = [octagon / (8 - octagon), 1, 0, 1 / 3, 1 / 4, 0]
    found = ops.box_iou(minidl.tensor([square]), minidl.tensor(others), "cxcywhr")
    np.testing.assert_allclose(found.numpy(), [expected], atol=1e-6)


@pytest.mark.parametrize("fmt", ["xywhr", "cxcywhr", "xyxyxyxy"])
def test_rotated_iou_by_counting_points(fmt):
    x, y = (axis.reshape(-1) for axis in np.meshgrid(*[np.linspace(-8, 20, 500)] * 2))

    def inside(box):
        turn = np.deg2rad(box[4])
        along = (x - box[0]) * np.cos(turn) - (y - box[1]) * np.sin(turn)
        across = (x - box[0]) * np.sin(turn) + (y - box[1]) * np.cos(turn)
        return (abs(along) < box[2] / 2) & (abs(across) < box[3] / 2)

    masks = [inside(box) for box in TURNED]
    expected = [[(a & b).sum() / (a | b).sum() for b in masks] for a in masks]
    boxes = ops.box_convert(minidl.tensor(TURNED), "cxcywhr", fmt)
    np.testing.assert_allclose(ops.box_iou(boxes, boxes, fmt).numpy(), expected, atol=0.02)
    assert ops.box_iou(boxes[:0], boxes, fmt).shape == (0, 12)


def test_rotated_boxes_without_an_angle_are_boxes():
    upright = np.concatenate([TURNED[:, :4], np.zeros((12, 1))], axis=1)
    found = ops.box_iou(minidl.tensor(upright), minidl.tensor(upright), "cxcywhr")
    expected = ops.box_iou(minidl.tensor(upright[:, :4]), minidl.tensor(upright[:, :4]), "cxcywh")
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-9)


def test_what_rotated_boxes_refuse():
    with pytest.raises(NotImplementedError, match="only one of them is of rotated boxes"):
        ops.box_convert(minidl.ones(1, 5), "xywhr", "xyxy")
    with pytest.raises(RuntimeError, match=r"expected boxes \(\*, 5\)"):
        ops.box_convert(minidl.ones(1, 4), "xywhr", "cxcywhr")
    with pytest.raises(ValueError, match="Supported rotated formats"):
        ops.box_iou(minidl.ones(1, 4), minidl.ones(1, 4), "no")
