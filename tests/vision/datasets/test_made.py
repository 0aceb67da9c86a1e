"""SyntheticShapes and DigitCanvas: what they say of a scene is what is to be seen."""
from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from minidl.vision.datasets import DigitCanvas, Digits, SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.shapes import (
    COLORS,
    KINDS,
    Scene,
    Shape,
    caption,
    coverage,
    describe,
    render,
    tight_box,
)


@pytest.fixture(scope="module")
def shapes():
    return SyntheticShapes(size=40, image_size=64, noise=0)


def test_shapes_and_types(shapes):
    image, target = shapes[3]
    n = len(target["labels"])
    assert isinstance(image, Image.Image) and image.mode == "RGB" and image.size == (64, 64) and len(shapes) == 40
    for name, shape, dtype in (("boxes", (n, 4), "float32"), ("labels", (n,), "int64"), ("masks", (n, 64, 64), "uint8"),
                               ("keypoints", (n, 5, 3), "float32"),
                               ("area", (n,), "float32"),
                               ("iscrowd", (n,), "int64")):
        assert tuple(target[name].shape) == shape and target[name].dtype == np.dtype(dtype)
    assert target["image_id"] == 3 and isinstance(target["caption"], str)
    assert list(target["concepts"]) == [*KINDS, *COLORS, "background"]


def test_the_pixels_are_what_the_masks_say(shapes):
    for i in range(len(shapes)):
        scene, (image, target) = shapes.scene(i), shapes[i]
        pixels = np.asarray(image).astype(int)
        seen = np.zeros((64, 64), int)
        for shape, mask, box in zip(scene.shapes, target["masks"].numpy(), target["boxes"].numpy()):
            inside = mask.astype(bool)
            full = inside & (coverage(shape, 64) == 1)
            full &= ~np.any([coverage(other, 64) > 0 for other in scene.shapes[scene.shapes.index(shape) + 1:]]
                            or [full & False],
                            0)
            assert np.abs(pixels[full] - COLORS[shape.color]).max(initial=0) <= 1
            rows, columns = np.nonzero(inside)
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            seen += inside
        assert seen.max() <= 1                                      # each pixel belongs to one shape at most
        np.testing.assert_array_equal(target["concepts"]["background"].numpy(), 1 - seen)
        np.testing.assert_array_equal(target["area"].numpy(), target["masks"].numpy().sum((1, 2)))


def test_concepts_are_the_union_of_masks(shapes):
    for i in range(20):
        scene, target = shapes.scene(i), shapes[i][1]
        for name in (*KINDS, *COLORS):
            expected = np.zeros((64, 64), int)
            for shape, mask in zip(scene.shapes, target["masks"].numpy()):
                expected += mask * (name in (shape.kind, shape.color))
            np.testing.assert_array_equal(target["concepts"][name].numpy(), expected)
        assert [shapes.classes[label] for label in target["labels"].tolist()] == [shape.kind for shape in scene.shapes]


def test_what_lies_before_hides():
    scene = Scene(64, 80, 0, (Shape("square", "red", 30, 30, 16, np.pi / 4), Shape("circle", "blue", 41, 41, 10, 0)))
    target = describe(scene)
    masks = target["masks"].numpy()
    assert masks[0].sum() < 22 * 22 and not (masks[0] & masks[1]).any()
    assert abs(masks[1].sum() - np.pi * 100) < 12                   # the circle is whole
    # the square's corners, counted from the lower right one (y points down), which the circle hides
    visible = target["keypoints"].numpy()[0, :, 2].tolist()
    assert visible == [1, 2, 2, 2, 0]
    side = 16 / np.sqrt(2)
    np.testing.assert_allclose(target["keypoints"].numpy()[0, 0, :2], [30 + side, 30 + side], rtol=1e-5)
    assert target["keypoints"].numpy()[1].tolist() == [[0, 0, 0]] * 5       # a circle has none


def test_a_triangle_by_hand():
    triangle = Shape("triangle", "white", 32, 32, 20, -np.pi / 2)           # a tip at the top
    np.testing.assert_allclose(triangle.corners()[0], [32, 12], atol=1e-9)
    image = np.asarray(render(Scene(64, 0, 0, (triangle,))))
    assert image[40, 32].tolist() == [236] * 3 and image[14, 20].tolist() == [0] * 3
    assert abs((coverage(triangle, 64)).sum() - 3 * np.sqrt(3) / 4 * 400) < 15      # its area


@pytest.mark.parametrize(
    "second, words", [((50, 30), "left of"), ((10, 35), "right of"), ((32, 60), "above"), ((30, 5), "below")])
def test_captions(second, words):
    first = Shape("ring", "red", 30, 30, 8, 0)
    other = Shape("star", "blue", *second, 8, 0)
    assert caption(Scene(64, 0, 0, (first, other))) == f"a red ring {words} a blue star"
    assert caption(Scene(64, 0, 0, (first,))) == "a red ring"
    assert caption(Scene(64, 0, 0, (first, other, other, first))) == f"a red ring {words} a blue star and 2 more"


def test_scenes_repeat_and_differ():
    a, b, other = SyntheticShapes(seed=1), SyntheticShapes(seed=1), SyntheticShapes(seed=2)
    assert [a.scene(i) for i in (5, 0, 5)] == [b.scene(i) for i in (5, 0, 5)]
    assert a.scene(0) != a.scene(1) != other.scene(1)
    assert a[7][0].tobytes() == b[7][0].tobytes() != other[7][0].tobytes()
    counts = {len(SyntheticShapes(shapes=(1, 3)).scene(i).shapes) for i in range(40)}
    assert counts == {1, 2, 3}


def test_no_shape_is_hidden(shapes):
    for i in range(len(shapes)):
        for shape, mask in zip(shapes.scene(i).shapes, shapes[i][1]["masks"].numpy()):
            assert mask.sum() >= 0.4 * (coverage(shape, 64) >= 0.5).sum()      # each of three others may hide a fifth


def test_as_classification():
    data = SyntheticShapes(300, image_size=32, shapes=(1, 1), target_type="class", transform=np.asarray)
    image, label = data[0]
    assert image.shape == (32, 32, 3) and type(label) is int
    assert sorted({data[i][1] for i in range(60)}) == [0, 1, 2, 3, 4]


def test_upright_shapes():
    """Their first corner lies above the middle, within 0.1 radians; nothing else is drawn differently."""
    turned, upright = SyntheticShapes(20), SyntheticShapes(20, angles=(-math.pi / 2 - 0.1, -math.pi / 2 + 0.1))
    for i in range(20):
        for shape in upright.scene(i).shapes:
            for x, y in shape.corners()[:1]:
                assert y < shape.y and abs(x - shape.x) <= shape.radius * math.sin(0.1) + 1e-9
        first, other = turned.scene(i).shapes[0], upright.scene(i).shapes[0]
        assert first._replace(angle=0.0) == other._replace(angle=0.0)


@pytest.mark.parametrize("arguments",
                         [{"shapes": (0, 2)}, {"shapes": (3, 2)}, {"radius": (0.3, 0.2)}, {"radius": (0.1, 0.6)},
                          {"image_size": 8}, {"target_type": "box"}, {"max_overlap": 1.5}, {"angles": (1.0, 0.0)}])
def test_shapes_refuse(arguments):
    with pytest.raises(ValueError, match=f"SyntheticShapes: expected {next(iter(arguments))}"):
        SyntheticShapes(**arguments)


def test_beyond_the_end(shapes):
    for data in (shapes, DigitCanvas(Digits(), size=40)):
        with pytest.raises(IndexError, match="out of range for 40"):
            data[40]
        assert len(list(zip(range(50), data))) == 40        # a loop ends


def test_tight_box():
    mask = np.zeros((5, 6), bool)
    mask[1, 2] = mask[3, 4] = True
    assert tight_box(mask) == (2, 1, 5, 4)


# ---------------------------------------------------------------- digits

def test_canvas_boxes_are_tight_around_ink():
    data = DigitCanvas(Digits(), size=20, canvas=48, count=(1, 3), scale=(1, 2))
    for i in range(20):
        image, target = data[i]
        pixels = np.asarray(image)
        assert image.mode == "L" and image.size == (48, 48)
        n = len(target["labels"])
        assert 1 <= n <= 3 and target["masks"].shape == (n, 48, 48) and target["boxes"].dtype == np.dtype("float32")
        for box, mask in zip(target["boxes"].numpy(), target["masks"].numpy()):
            assert tuple(box) == tight_box(mask.astype(bool)) and (pixels[mask.astype(bool)] >= 64).all()
        ink = target["masks"].numpy().any(0)
        assert (pixels[~ink] < 64).all()
        assert 1 <= target["labels"].min().item() and target["labels"].max().item() <= 10


def test_a_digit_is_where_it_is_said_to_be():
    digits = Digits()
    data = DigitCanvas(digits, size=30, canvas=32, count=(1, 1), scale=(1, 1))
    known = {np.asarray(image).tobytes(): label for image, label in digits}
    for i in range(30):
        image, target = data[i]
        pixels = np.asarray(image)
        found = [known.get(np.ascontiguousarray(pixels[y:y + 8, x:x + 8]).tobytes())
                 for y in range(25)
                 for x in range(25)]
        assert target["labels"].item() - 1 in found
        assert data.classes[target["labels"].item()] == str(target["labels"].item() - 1)


def test_canvases_repeat_and_differ():
    a, b, other = (DigitCanvas(Digits(), canvas=64, seed=seed, scale=(1, 3)) for seed in (0, 0, 1))
    assert a[4][0].tobytes() == b[4][0].tobytes() != other[4][0].tobytes() and a[3][0].tobytes() != a[4][0].tobytes()


def test_boxes_overlap_little():
    data = DigitCanvas(Digits(), size=20, canvas=64, count=(4, 4), scale=(1.5, 2.5), max_overlap=0)
    for i in range(20):
        boxes = data[i][1]["boxes"].tolist()
        for k, (x1, y1, x2, y2) in enumerate(boxes):
            assert all(x2 <= a or c <= x1 or y2 <= b or d <= y1 for a, b, c, d in boxes[k + 1:])


@pytest.mark.parametrize("arguments, text", [
    ({"count": (0, 1)}, "count"), ({"scale": (2, 1)}, "scale"), ({"max_overlap": -1}, "max_overlap"),
    ({"canvas": 12, "scale": (2, 3)}, "do not fit on 12")])
def test_canvas_refuses(arguments, text):
    with pytest.raises(ValueError, match=f"DigitCanvas: .*{text}"):
        DigitCanvas(Digits(), **arguments)
    with pytest.raises(ValueError, match="PIL image, int.*without a transform"):
        DigitCanvas(Digits(transform=np.asarray))
