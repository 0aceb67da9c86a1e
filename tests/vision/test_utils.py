"""Grids, drawings and flows: every pixel as torchvision's, and small ones by hand."""
from __future__ import annotations

import errno
import io
import os

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import utils
from tests.vision.reference import torchvision

stream = np.random.default_rng(0)
IMAGES = stream.random((5, 3, 7, 9)).astype(np.float32)
BYTES = stream.integers(0, 256, (3, 40, 50), dtype=np.uint8)
FLOATS = stream.random((3, 40, 50)).astype(np.float32)
BOXES = np.array([[3.0, 4.0, 20.0, 30.0], [10.5, 8.2, 45.9, 35.0], [-5.0, -5.0, 80.0, 12.0], [7.0, 7.0, 7.0, 7.0]])
TURNED = np.array([[10, 5, 40, 15, 35, 30, 5, 20], [20, 20, 20, 35, 5, 35, 5, 20]])
MASKS = stream.random((3, 40, 50)) < 0.4
POINTS = stream.uniform(-3, 50, (2, 4, 2))


def both(name, *arrays, **settings):
    """What the function of this name gives here and in torchvision, arrays as tensors."""
    torch, theirs = pytest.importorskip("torch"), torchvision("utils")

    def call(function, make):
        def leaf(value):
            if isinstance(value, list) and isinstance(value[0], np.ndarray):
                return [make(v) for v in value]
            return make(value) if isinstance(value, np.ndarray) else value
        return function(*map(leaf, arrays), **{k: leaf(v) for k, v in settings.items()})
    return call(getattr(utils, name), minidl.tensor), call(getattr(theirs, name), torch.tensor)


def assert_same(ours, theirs):
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("images, settings", [
    (IMAGES, {}),
    (IMAGES, {"nrow": 3, "padding": 0}),
    (IMAGES, {"nrow": 2, "padding": 3, "pad_value": 0.5}),
    (IMAGES[:1], {}),
    (IMAGES[0], {}),
    (IMAGES[0, 0], {}),
    (IMAGES[:, :1], {"nrow": 4}),
    (IMAGES[:, :2], {}),
    (list(IMAGES), {"nrow": 1}),
    ((IMAGES * 255).astype(np.uint8), {"pad_value": 7}),
    (IMAGES * 4 - 2, {"normalize": True}),
    (IMAGES * 4 - 2, {"normalize": True, "scale_each": True}),
    (IMAGES * 4 - 2, {"normalize": True, "value_range": (-1, 1)}),
    (IMAGES * 4 - 2, {"normalize": True, "value_range": (-1.0, 1.0), "scale_each": True}),
    (IMAGES * 0 + 3, {"normalize": True}),
])
def test_grids_as_torchvision(images, settings):
    assert_same(*both("make_grid", images, **settings))


def test_a_grid_by_hand():
    images = minidl.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1)
    assert utils.make_grid(images, nrow=2, padding=1, pad_value=9)[0].tolist() == [
        [9, 9, 9, 9, 9], [9, 1, 9, 2, 9], [9, 9, 9, 9, 9], [9, 3, 9, 9, 9], [9, 9, 9, 9, 9]]


def test_grids_leave_images_alone():
    images = minidl.tensor(IMAGES, requires_grad=True)
    assert not utils.make_grid(images, normalize=True).requires_grad and images.tolist() == IMAGES.tolist()


def test_saved_images(tmp_path):
    torch, theirs = pytest.importorskip("torch"), torchvision("utils")
    utils.save_image(minidl.tensor(IMAGES * 1.2 - 0.1), tmp_path / "a.png", nrow=2)
    theirs.save_image(torch.tensor(IMAGES * 1.2 - 0.1), tmp_path / "b.png", nrow=2)
    ours, expected = [np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png")]
    np.testing.assert_array_equal(ours, expected)
    file = io.BytesIO()
    utils.save_image(minidl.tensor([[[0.0, 0.5, 1.0]]] * 3), file, format="png")
    assert np.asarray(Image.open(file))[0, :, 0].tolist() == [0, 128, 255]


def test_an_image_that_cannot_be_saved_leaves_the_old_file(tmp_path, monkeypatch):
    path, image = tmp_path / "a.png", minidl.rand(3, 4, 4)
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="no format has the ending '.xyz'"):
        utils.save_image(image, tmp_path / "a.xyz")
    with pytest.raises(FileNotFoundError, match="save_image: there is no folder"):
        utils.save_image(image, tmp_path / "nowhere" / "a.png")

    def full_disk(handle):
        raise OSError(errno.ENOSPC, "no space")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        utils.save_image(image, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    utils.save_image(image, path, format="jpeg")        # whatever the ending says
    assert Image.open(path).format == "JPEG"


@pytest.mark.parametrize("image", [BYTES, FLOATS, FLOATS.astype(np.float64), BYTES[:1]])
@pytest.mark.parametrize("boxes, settings", [
    (BOXES, {}),
    (BOXES, {"colors": "red", "width": 3}),
    (BOXES, {"colors": ["red", "#00FF80", (1, 2, 3), "blue", "white"], "fill": True}),
    (BOXES, {"labels": ["one", "two", None, "four"], "colors": (9, 99, 199)}),
    (BOXES, {"labels": ["one", "two", "three", "four"], "fill_labels": True}),
    (BOXES, {"labels": ["one"] * 4, "label_colors": "green", "label_background_colors": "yellow",
             "fill_labels": True, "fill": True}),
    (BOXES.astype(np.int64), {}),
    (TURNED, {"width": 2}),
    (TURNED, {"fill": True, "colors": "lime", "labels": ["a", "b"]}),
])
def test_boxes_as_torchvision(image, boxes, settings):
    assert_same(*both("draw_bounding_boxes", image, boxes, **settings))


@pytest.mark.parametrize("image", [BYTES, FLOATS, FLOATS.astype(np.float64)])
@pytest.mark.parametrize("masks, settings", [
    (MASKS, {}),
    (MASKS[0], {"alpha": 0.3, "colors": "orange"}),
    (MASKS, {"alpha": 1.0, "colors": [(255, 0, 3), "blue", "#123456"]}),
    (np.zeros_like(MASKS), {"alpha": 0.5}),
])
def test_masks_as_torchvision(image, masks, settings):
    ours, theirs = both("draw_segmentation_masks", image, masks, **settings)
    if image.dtype == np.float64 and "colors" not in settings:      # torchvision's palette is one of float32
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-7)
    else:
        assert_same(ours, theirs)


@pytest.mark.parametrize("image", [BYTES, FLOATS])
@pytest.mark.parametrize("settings", [
    {},
    {"colors": "red", "radius": 4},
    {"connectivity": [(0, 1), (1, 2), (3, 0)], "colors": (1, 200, 3), "width": 1},
    {"connectivity": [(0, 1), (2, 3)], "visibility": np.array([[1, 1, 0, 1], [0, 1, 1, 1]])},
    {"visibility": np.array([[True, False, True, True], [False] * 4])[..., None]},
])
def test_keypoints_as_torchvision(image, settings):
    assert_same(*both("draw_keypoints", image, POINTS, **settings))


@pytest.mark.parametrize("shape", [(2, 20, 30), (3, 2, 20, 30), (2, 1, 1)])
def test_flows_as_torchvision(shape):
    """One last bit of an arc tangent may decide what is rounded down to."""
    ours, theirs = both("flow_to_image", stream.standard_normal(shape).astype(np.float32) * 9)
    assert ours.dtype == minidl.uint8 and ours.shape == tuple(theirs.shape)
    difference = np.abs(ours.numpy().astype(int) - theirs.numpy())
    assert difference.max() <= 1 and (difference > 0).mean() < 0.001


def test_no_flow_is_white():
    assert bool((utils.flow_to_image(minidl.zeros(2, 3, 4)) == 255).all())


@pytest.mark.parametrize("name, what, none", [
    ("draw_bounding_boxes", "boxes doesn't contain any box. No box was drawn", np.zeros((0, 4))),
    ("draw_segmentation_masks", "masks doesn't contain any mask. No mask was drawn", np.zeros((0, 40, 50), bool)),
])
def test_nothing_to_draw(name, what, none):
    with pytest.warns(UserWarning, match=what):
        assert getattr(utils, name)(minidl.tensor(BYTES), minidl.tensor(none)).tolist() == BYTES.tolist()
    with pytest.warns(UserWarning, match="'font_size' will be ignored since 'font' is not set"):
        utils.draw_bounding_boxes(minidl.tensor(BYTES), minidl.tensor(BOXES), font_size=20)


IMAGE, BOX = minidl.tensor(BYTES), minidl.tensor([[0, 0, 1, 1]])
MASK, POINT = minidl.tensor(MASKS), minidl.tensor(POINTS)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: utils.make_grid("images"), TypeError, "tensor or list of tensors expected, got <class 'str'>"),
    (lambda: utils.make_grid([IMAGE, 1]), TypeError, "got a list containing <class 'int'>"),
    (lambda: utils.make_grid(IMAGE.float(), normalize=True, value_range=[0, 1]), TypeError,
     "value_range has to be a tuple (min, max)"),
    (lambda: utils.draw_bounding_boxes(BYTES, BOX), TypeError, "Tensor expected, got <class 'numpy.ndarray'>"),
    (lambda: utils.draw_bounding_boxes(IMAGE.long(), BOX), ValueError, "must be uint8 or float, got int64"),
    (lambda: utils.draw_bounding_boxes(IMAGE[None], BOX), ValueError, "Pass individual images, not batches"),
    (lambda: utils.draw_bounding_boxes(IMAGE[:2], BOX), ValueError, "Only grayscale and RGB images are supported"),
    (lambda: utils.draw_bounding_boxes(IMAGE, BOX.flip(1)), ValueError, "Boxes need to be in (xmin, ymin, xmax, ymax)"),
    (lambda: utils.draw_bounding_boxes(IMAGE, BOX, ["a", "b"]), ValueError,
     "Number of boxes (1) and labels (2) mismatch"),
    (lambda: utils.draw_bounding_boxes(IMAGE, BOX, colors=[]), ValueError, "but got 0 < 1"),
    (lambda: utils.draw_bounding_boxes(IMAGE, BOX, colors=(1, 2)), ValueError, "should be an RGB triplet"),
    (lambda: utils.draw_bounding_boxes(IMAGE, BOX, colors=7), ValueError, "must be a tuple or a string"),
    (lambda: utils.draw_segmentation_masks(BYTES, MASK), TypeError, "The image must be a tensor"),
    (lambda: utils.draw_segmentation_masks(IMAGE[:1], MASK), ValueError, "Pass an RGB image"),
    (lambda: utils.draw_segmentation_masks(IMAGE, MASK.int()), ValueError,
     "The masks must be of dtype bool. Got int32"),
    (lambda: utils.draw_segmentation_masks(IMAGE, MASK[:, 1:]), ValueError, "must have the same height and width"),
    (lambda: utils.draw_segmentation_masks(IMAGE, MASK[None]), ValueError, "masks must be of shape (H, W)"),
    (lambda: utils.draw_keypoints(BYTES, POINT), TypeError, "The image must be a tensor"),
    (lambda: utils.draw_keypoints(IMAGE, POINT[0]), ValueError, "keypoints must be of shape (num_instances, K, 2)"),
    (lambda: utils.draw_keypoints(IMAGE, POINT, visibility=minidl.ones(2)), ValueError, "Got ndim=1"),
    (lambda: utils.draw_keypoints(IMAGE, POINT, visibility=minidl.ones(2, 3)), ValueError,
     "must have the same dimensionality for num_instances and K"),
    (lambda: utils.flow_to_image(minidl.ones(2, 3, 3).double()), ValueError, "Flow should be of dtype float32"),
    (lambda: utils.flow_to_image(minidl.ones(3, 3, 3)), ValueError, "got (3, 3, 3)"),
    (lambda: utils.flow_to_image(minidl.full((2, 1, 3), float("nan"))), ValueError, "finite"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
