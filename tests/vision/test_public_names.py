"""The page of torchvision's names: complete, up to date, and each name is checked or left out for a reason."""
from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import models, transforms, tv_tensors
from minidl.vision.transforms import functional as F
from minidl.vision.transforms import v2
from minidl.vision.transforms.v2 import functional as F2
from tests.vision import public_names
from tests.vision.reference import torchvision


def test_every_name_is_here_or_left_out_for_a_reason():
    assert public_names.missing() == [], "write it, or give the reason in tests/vision/public_names.py"


def test_every_name_is_checked():
    assert public_names.unchecked() == [], "no test of vision mentions them"


def test_every_reason_leaves_something_out():
    absent = [f"{space}.{name}" for space, found in public_names.names().items() for name in found
              if not public_names.has(space, name)]
    for patterns in public_names.LEFT_OUT.values():
        for pattern in patterns.split():
            assert any(public_names.fnmatchcase(name, pattern) for name in absent), f"{pattern} leaves nothing out"


def test_the_page_is_up_to_date():
    assert public_names.PAGE.read_text(encoding="utf-8") == public_names.page(), "python -m tests.vision.public_names"


@pytest.mark.parametrize("space", public_names.names())
def test_the_table_is_torchvision_s(space):
    assert public_names.names()[space] == public_names.names_of(space)


# ---------------------------------------------------------------------- names too small for a file of their own

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
IMAGE = Image.fromarray(PIXELS)


@pytest.mark.parametrize("outputs", [1, 3])
def test_to_grayscale(outputs):
    for ours, space in ((F, "transforms.functional"), (F2, "transforms.v2.functional")):
        there = torchvision(space).to_grayscale(IMAGE, outputs)
        here = ours.to_grayscale(IMAGE, outputs)
        assert here.mode == there.mode
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_convert_image_dtype(dtype):
    torch = pytest.importorskip("torch")
    there = torchvision("transforms")
    ours, theirs = minidl.tensor(PIXELS), torch.from_numpy(PIXELS)
    expected = there.ConvertImageDtype(getattr(torch, dtype))(theirs).numpy()
    for convert in (transforms.ConvertImageDtype(getattr(minidl, dtype)),
                    lambda x: F2.convert_image_dtype(x, getattr(minidl, dtype))):
        np.testing.assert_allclose(convert(ours).numpy(), expected, rtol=1e-6)


def test_images_become_tensors():
    pytest.importorskip("torch")
    for name in ("PILToTensor", "ToTensor"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # both say that v2.ToTensor is deprecated
            ours, theirs = (getattr(space, name)()(IMAGE) for space in (v2, torchvision("transforms.v2")))
        assert str(theirs.dtype).endswith(str(ours.dtype).removeprefix("minidl."))
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_elastic_transform_is_elastic():
    torch = pytest.importorskip("torch")
    moved = np.random.default_rng(1).uniform(-0.3, 0.3, (1, 9, 12, 2)).astype(np.float32)
    x = np.ascontiguousarray(PIXELS.transpose(2, 0, 1)).astype(np.float32) / 255
    expected = torchvision("transforms.functional").elastic_transform(torch.from_numpy(x), torch.from_numpy(moved))
    for move in (F.elastic_transform, F2.elastic, F2.elastic_transform):
        y = move(minidl.tensor(x), minidl.tensor(moved))
        np.testing.assert_allclose(y.numpy(), expected.numpy(), atol=1e-5)


def test_older_names_for_sizes_and_kinds():
    for x in (IMAGE, minidl.tensor(PIXELS.transpose(2, 0, 1).copy())):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # it is deprecated: get_size gives [9, 12]
            assert F2.get_image_size(x) == F.get_image_size(x) == [12, 9]
        assert F2.get_image_num_channels(x) == F.get_image_num_channels(x) == 3
    x = minidl.ones(3, 4, 4)
    assert F2.is_pure_tensor(x) and not F2.is_pure_tensor(tv_tensors.Image(x)) and not F2.is_pure_tensor(IMAGE)


def test_what_networks_with_more_heads_return():
    there = torchvision("models")
    for name in ("GoogLeNetOutputs", "InceptionOutputs"):
        assert getattr(models, name)._fields == getattr(there, name)._fields
    assert models.GoogLeNetOutputs(1, 2, 3).logits == models.InceptionOutputs(1, 2).logits == 1
