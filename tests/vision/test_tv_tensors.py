"""Images, videos, masks, boxes and key points as tensors: what keeps the kind, and what does not."""
from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import tv_tensors
from minidl.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints
from tests.vision.reference import torchvision

MAKERS = {
    "Image": lambda: tv_tensors.Image(minidl.rand(3, 4, 5)), "Video": lambda: tv_tensors.Video(minidl.rand(2, 3, 4, 5)),
    "Mask": lambda: tv_tensors.Mask(minidl.rand(4, 5)),
    "BoundingBoxes": lambda: BoundingBoxes([[1., 2, 3, 4]], format="xywh", canvas_size=(4, 5), clamping_mode="hard"),
    "KeyPoints": lambda: KeyPoints([[1., 2]], canvas_size=(4, 5)),
}
kinds = pytest.mark.parametrize("kind", MAKERS)


def same(a, b):
    return type(a) is type(b) and vars_of(a) == vars_of(b) and a.tolist() == b.tolist()


def vars_of(x):
    return {name: getattr(x, name, None) for name in ("format", "canvas_size", "clamping_mode")}


@kinds
def test_what_keeps_the_kind(kind):
    x = MAKERS[kind]()
    assert isinstance(x, minidl.Tensor) and type(x).__name__ == kind
    for y in (x.clone(), x.detach(), x.to(minidl.float32), x.to("cpu"), x.pin_memory(), x.requires_grad_(False),
              copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x)), tv_tensors.wrap(x + 0, like=x)):
        assert same(x, y)
    assert x.to(minidl.float64).dtype == minidl.float64 and type(x.to(minidl.float64)) is type(x)
    assert type(minidl.zeros(1).to(x)) is minidl.Tensor
    assert repr(x).startswith(kind + "([")


@pytest.mark.parametrize("make", [
    lambda lib, m: m.BoundingBoxes([[1, 2, 3, 4], [5, 6, 7, 8]], format="XYXY", canvas_size=(9, 9)),
    lambda lib, m: m.KeyPoints([[1.5, 2], [3, 4]], canvas_size=(9, 9)),
    lambda lib, m: m.Image(lib.arange(60.0).reshape(1, 2, 30)),
], ids=["boxes", "points", "image"])
def test_rows_stand_below_each_other_as_torchvision_prints_them(make):
    theirs = make(pytest.importorskip("torch"), torchvision("tv_tensors"))
    assert repr(make(minidl, tv_tensors)) == repr(theirs).replace(", )", ")")


@kinds
def test_what_does_not(kind):
    x = MAKERS[kind]()
    y = x
    y += 1
    for result in (x + 1, x[..., 0], x.add_(1), x.cpu(), x.float(), x.contiguous(), x.sum(), minidl.cat([x, x]), y,
                   x.max(dim=-1)[0], x.as_subclass(minidl.Tensor), x.data):
        assert type(result) is minidl.Tensor
    assert type(x) is getattr(tv_tensors, kind)
    assert isinstance(x.numpy(), np.ndarray)


@kinds
def test_return_type(kind):
    x = MAKERS[kind]()
    with tv_tensors.set_return_type("TVTensor"):
        for y in (x + x, minidl.exp(x), x.isnan(), x.sum(), x.add_(1), *x.unbind(0), *x.chunk(1), 1 - x):
            assert type(y) is type(x) and vars_of(y) == vars_of(x)
        assert type(minidl.ones(2) + 1) is minidl.Tensor and type(x.as_subclass(minidl.Tensor)) is minidl.Tensor
        with tv_tensors.set_return_type("tensor"):
            assert type(x + x) is minidl.Tensor
        assert type(x + x) is type(x)
    assert type(x + x) is minidl.Tensor
    try:
        tv_tensors.set_return_type("TVTensor")
        assert type(x + x) is type(x)
    finally:
        tv_tensors.set_return_type("Tensor")
    with pytest.raises(ValueError, match="return_type must be 'TVTensor' or 'Tensor'"):
        tv_tensors.set_return_type("other")


def test_memory_and_gradients_are_those_of_the_data():
    plain = minidl.rand(3, 4, 5, requires_grad=True)
    image = tv_tensors.Image(plain)
    assert image.data_ptr() == plain.data_ptr() and image.requires_grad
    (image * 2).sum().backward()
    assert (plain.grad == 2).all()
    leaf = tv_tensors.Image(minidl.rand(3, 4, 5)).requires_grad_()
    (leaf * leaf).sum().backward()
    assert type(leaf) is tv_tensors.Image and leaf.grad.shape == (3, 4, 5)
    assert tv_tensors.Image(minidl.rand(3, 2, 2), requires_grad=True).requires_grad
    assert not copy.deepcopy(image).requires_grad_(False).requires_grad
    memory = minidl.zeros(1, 2, 2)
    tv_tensors.Image(memory).add_(1)
    assert memory.sum() == 4


def test_data():
    assert tv_tensors.Image(Image.new("RGB", (5, 4))).shape == (3, 4, 5)
    assert tv_tensors.Image([[1, 2], [3, 4]]).shape == (1, 2, 2)
    assert tv_tensors.Image([[1, 2]], dtype=minidl.uint8).dtype == minidl.uint8
    assert tv_tensors.Mask(Image.new("L", (5, 4))).shape == (1, 4, 5)
    assert BoundingBoxes([1, 2, 3, 4], format=BoundingBoxFormat.XYXY, canvas_size=(9, 9)).shape == (1, 4)
    assert KeyPoints([1, 2], canvas_size=(9, 9)).shape == (1, 2)
    assert KeyPoints(np.zeros((3, 4, 2)), canvas_size=(9, 9)).shape == (3, 4, 2)
    assert tv_tensors.TVTensor([1., 2.]).tolist() == [1, 2]


@pytest.mark.parametrize("make, error, message", [
    (lambda: tv_tensors.Image([1]), ValueError, "must be 2D or higher"),
    (lambda: tv_tensors.Video(minidl.ones(2, 3, 4)), ValueError, "must be 4D or higher"),
    (lambda: BoundingBoxes([[[1, 2, 3, 4]]], format="XYXY", canvas_size=(9, 9)), ValueError, "1D or 2D tensor, got 3D"),
    (lambda: BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(9, 9), clamping_mode="no"), ValueError,
     "clamping_mode must be"),
    (lambda: BoundingBoxes([[1, 2, 3, 4]], format="WHXY", canvas_size=(9, 9)), KeyError, "WHXY"),
    (lambda: BoundingBoxes([[1, 2, 3, 4, 5]], format="XYWHR", canvas_size=(9, 9)), ValueError, "floating point"),
    (lambda: KeyPoints([[1, 2, 3]], canvas_size=(9, 9)), ValueError, r"shape \(\.\.\., 2\)"),
    (lambda: BoundingBoxes([[1, 2, 3, 4]], format="XYXY"), TypeError, "canvas_size"),
    (lambda: tv_tensors.is_rotated_bounding_format(3), ValueError, "str or BoundingBoxFormat")])
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


class Depth(tv_tensors.TVTensor):
    """A kind of one's own, with an attribute."""

    @classmethod
    def wrap(cls, tensor, like, **kwargs):
        result = tensor.as_subclass(cls)
        result.unit = kwargs.get("unit", like.unit)
        return result


def test_a_kind_of_ones_own():
    x = Depth([1., 2.])
    x.unit = "m"
    assert x.clone().unit == "m" and tv_tensors.wrap(x * 2, like=x, unit="cm").unit == "cm"
    assert tv_tensors.wrap(minidl.ones(2), like=x).unit == "m"
    assert type(x * 2) is minidl.Tensor


def test_as_subclass_refuses_other_classes():
    with pytest.raises(TypeError, match="must be a subclass of Tensor"):
        minidl.ones(2).as_subclass(int)


def test_names_of_torchvision():
    theirs = torchvision("tv_tensors")
    assert not [name for name in vars(theirs) if name[0] != "_" and name not in ("torch", "annotations")
                and not hasattr(tv_tensors, name)]
    assert [format.value for format in BoundingBoxFormat] == [format.value for format in theirs.BoundingBoxFormat]
