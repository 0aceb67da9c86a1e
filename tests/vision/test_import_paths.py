"""What programs import from a module of torchvision's is in ours of the same path."""
from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import io, ops, transforms
from minidl.vision.datasets import mnist
from minidl.vision.models import swin_transformer, vision_transformer, vit_mnist
from minidl.vision.models.swin_transformer import shifted_window_attention
from minidl.vision.models.vision_transformer import interpolate_embeddings
from minidl.vision.ops._utils import (
    check_roi_boxes_shape,
    convert_boxes_to_roi_format,
    split_normalization_params,
)
from minidl.vision.ops.poolers import LevelMapper, initLevelMapper
from tests.vision.public_names import path_left_out, reason
from tests.vision.reference import torchvision

PATHS = {
    "ops.ciou_loss": "complete_box_iou_loss", "ops.diou_loss": "distance_box_iou_loss",
    "ops.giou_loss": "generalized_box_iou_loss", "ops.ps_roi_align": "ps_roi_align PSRoIAlign",
    "ops.ps_roi_pool": "ps_roi_pool PSRoIPool", "ops.roi_align": "roi_align RoIAlign",
    "ops.roi_pool": "roi_pool RoIPool", "io.image": "read_image ImageReadMode decode_jpeg write_png",
    "transforms.transforms": "Compose ToTensor RandomResizedCrop ColorJitter ElasticTransform InterpolationMode",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_has_what_its_package_has(path):
    package = importlib.import_module(f"minidl.vision.{path.partition('.')[0]}")
    module = importlib.import_module(f"minidl.vision.{path}")
    for name in PATHS[path].split():
        assert getattr(module, name) is getattr(package, name)


def test_a_function_is_not_hidden_by_its_module():
    """`ops.roi_align` is the function, in whichever order the modules are imported."""
    program = ("import minidl.vision.ops.ps_roi_pool, minidl.vision.ops.roi_align\n"
               "from minidl.vision import ops\n"
               "assert all(map(callable, (ops.roi_align, ops.ps_roi_align, ops.roi_pool, ops.ps_roi_pool)))")
    subprocess.run([sys.executable, "-c", program], check=True)
    assert inspect.isfunction(ops.ps_roi_pool) and inspect.ismodule(transforms.transforms)


def own_names(module):
    """Public classes and functions that a module of torchvision's defines."""
    return [name for name, value in vars(module).items() if not name.startswith("_") and callable(value)
            and getattr(value, "__module__", None) == module.__name__ and not name.isupper()]


def test_every_public_path_of_torchvision_has_its_names_or_a_reason():
    package = torchvision("ops").__name__.partition(".")[0]
    missing = []
    for info in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        path = info.name.removeprefix(f"{package}.")
        if any(part.startswith("_") for part in path.split(".")) or path == "version":
            continue
        if path_left_out(path):
            continue
        try:
            names = own_names(torchvision(path))
        except (ImportError, OSError):      # a decoder of its own that does not load
            continue
        try:
            here = importlib.import_module(f"minidl.vision.{path}")
        except ModuleNotFoundError:
            here = None
        missing += [f"{path}.{name}" for name in names
                    if not hasattr(here, name) and reason(path, name) is None and not path_left_out(f"{path}.{name}")]
    assert missing == []


def test_programs_that_keep_torchvision_s_name_find_each_data_set_by_its_file():
    program = ("import minidl\nminidl.as_torch()\n"
               "from torchvision.datasets.food101 import Food101\n"
               "from torchvision.datasets.gtsrb import GTSRB\n"
               "from torchvision.datasets.places365 import Places365\n"
               "from torchvision.transforms.transforms import Compose\n"
               "from torchvision import datasets, transforms\n"
               "assert datasets.Food101 is Food101 and datasets.GTSRB is GTSRB and transforms.Compose is Compose")
    subprocess.run([sys.executable, "-c", program], check=True)


# ---------------------------------------------------------------------- what came by its path only

@pytest.mark.parametrize("shift, size", [((0, 0), (6, 6)), ((1, 1), (7, 5)), ((1, 2), (6, 4)), ((2, 1), (3, 9))])
@pytest.mark.parametrize("scaled, biased", [(False, True), (True, True), (True, False), (False, False)])
def test_shifted_window_attention(shift, size, scaled, biased):
    torch = pytest.importorskip("torch")
    stream = np.random.default_rng(0)
    x, qkv, proj, bias = (stream.standard_normal(shape) for shape in ((2, *size, 8), (24, 8), (8, 8), (1, 4, 12, 12)))
    more = {"qkv_bias": stream.standard_normal(24), "proj_bias": stream.standard_normal(8)} if biased else {}
    if scaled:
        more["logit_scale"] = stream.uniform(0, 6, (4, 1, 1))
    expected = torchvision("models.swin_transformer").shifted_window_attention(
        *map(torch.from_numpy, (x, qkv, proj, bias)), [3, 4], 4, list(shift), training=False,
        **{name: torch.from_numpy(value) for name, value in more.items()})
    got = shifted_window_attention(*map(minidl.tensor, (x, qkv, proj, bias)), [3, 4], 4, list(shift), training=False,
                                   **{name: minidl.tensor(value) for name, value in more.items()})
    np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=1e-10)


def test_shifted_window_attention_drops_in_training_and_is_the_layers():
    minidl.manual_seed(0)
    for kind in (swin_transformer.ShiftedWindowAttention, swin_transformer.ShiftedWindowAttentionV2):
        layer = kind(8, [2, 2], [1, 1], 2)
        x = minidl.randn(1, 4, 4, 8)
        weights = (layer.qkv.weight, layer.proj.weight, layer.get_relative_position_bias(), [2, 2], 2, [1, 1])
        given = {"qkv_bias": layer.qkv.bias, "proj_bias": layer.proj.bias,
                 "logit_scale": getattr(layer, "logit_scale", None)}
        assert minidl.equal(layer(x), shifted_window_attention(x, *weights, **given))
        assert float((shifted_window_attention(x, *weights, dropout=0.5, **given) == 0).float().mean()) > 0.2
        dropped = shifted_window_attention(x, *weights, attention_dropout=0.5, **given)
        assert not minidl.equal(dropped, layer(x))


@pytest.mark.parametrize("size, mode, reset", [(12, "bicubic", False), (32, "bicubic", True), (16, "bilinear", True),
                                               (24, "bilinear", True)])
def test_interpolate_embeddings(size, mode, reset):
    torch = pytest.importorskip("torch")
    stream = np.random.default_rng(0)
    state = {"encoder.pos_embedding": stream.standard_normal((1, 17, 5)), "heads.head.bias": np.zeros(3),
             "class_token": np.ones(1)}
    there = torchvision("models.vision_transformer").interpolate_embeddings(
        size, 4, {key: torch.from_numpy(value) for key, value in state.items()}, mode, reset)
    here = interpolate_embeddings(size, 4, {key: minidl.tensor(value) for key, value in state.items()}, mode, reset)
    assert list(here) == list(there)
    for key, value in here.items():
        np.testing.assert_allclose(value.numpy(), there[key].numpy(), atol=1e-10)


def test_interpolate_embeddings_refuses_what_is_no_square():
    for shape, text in (((2, 17, 5), "Unexpected position embedding shape"), ((1, 16, 5), "not a perfect square")):
        with pytest.raises(ValueError, match=text):
            interpolate_embeddings(24, 4, {"encoder.pos_embedding": minidl.zeros(shape)})
    state = vit_mnist().state_dict()
    assert interpolate_embeddings(28, 4, state, reset_heads=True) is state      # it fits as it is
    assert vision_transformer.interpolate_embeddings is interpolate_embeddings


def test_regions_of_lists_and_levels():
    torch = pytest.importorskip("torch")
    boxes = [np.random.default_rng(i).uniform(0, 400, (3, 2)).astype(np.float32) for i in (1, 2)]
    boxes = [np.concatenate([each, each + 200 * (i + 1)], 1) for i, each in enumerate(boxes)]
    ours, theirs = [minidl.tensor(each) for each in boxes], [torch.from_numpy(each) for each in boxes]
    np.testing.assert_array_equal(convert_boxes_to_roi_format(ours).numpy(),
                                  torchvision("ops._utils").convert_boxes_to_roi_format(theirs).numpy())
    for arguments in ((2, 5), (3, 4, 100), (2, 6, 224, 3, 0.0)):
        expected = torchvision("ops.poolers").LevelMapper(*arguments)(theirs)
        assert LevelMapper(*arguments)(ours).tolist() == initLevelMapper(*arguments)(ours).tolist() == expected.tolist()


def test_shapes_of_regions_are_checked():
    check_roi_boxes_shape(minidl.zeros(3, 5))
    check_roi_boxes_shape([minidl.zeros(3, 4)])
    for wrong in (minidl.zeros(3, 4), [minidl.zeros(3, 5)], 3):
        with pytest.raises(AssertionError):
            check_roi_boxes_shape(wrong)


def test_parameters_of_norms_are_split_from_the_others():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.GroupNorm(2, 4), nn.Linear(2, 2)))
    net[0].bias.requires_grad_(False)
    norms, others = split_normalization_params(net)
    assert [tuple(p.shape) for p in norms] == [(4,)] * 4
    assert [tuple(p.shape) for p in others] == [(4, 3, 1, 1), (2, 2), (2,)]
    assert len(split_normalization_params(net, [nn.Linear])[0]) == 2
    with pytest.raises(ValueError, match="not a subclass of nn.Module"):
        split_normalization_params(net, [int])


def test_files_of_mnist_by_themselves(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4]))
    assert mnist.read_image_file(path).tolist() == [[[1, 2]], [[3, 4]]]
    with pytest.raises(ValueError, match="x should have 1 dimension instead of 3"):
        mnist.read_label_file(path)
    labels = tmp_path / "labels"
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 250]))
    assert mnist.read_label_file(labels).tolist() == [7, 250] and mnist.read_label_file(labels).dtype is minidl.int64
    shorts = tmp_path / "shorts"
    shorts.write_bytes(bytes([0, 0, 11, 1, 0, 0, 0, 1, 1, 0]))
    assert mnist.read_sn3_pascalvincent_tensor(shorts).tolist() == [256] == [mnist.get_int(b"\1\0")]
    with pytest.raises(TypeError, match="x should be of dtype uint8 instead of int16"):
        mnist.read_label_file(shorts)
    assert io.image.read_file(str(labels)).shape == (10,)
