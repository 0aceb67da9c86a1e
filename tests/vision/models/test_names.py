"""What programs import from modules of torchvision's is in ours of the same name."""
from __future__ import annotations

import importlib
import inspect

import pytest

from minidl.vision.models.googlenet import _GoogLeNetOutputs
from minidl.vision.models.inception import _InceptionOutputs
from minidl.vision.models.resnet import conv1x1, conv3x3
from minidl.vision.models.shufflenetv2 import channel_shuffle
from minidl.vision.ops.misc import ConvNormActivation
from tests.vision.reference import torchvision

MODULES = [f"models.{name}" for name in (
    "_utils", "alexnet", "convnext", "densenet", "detection", "detection._utils", "detection.anchor_utils",
    "detection.backbone_utils", "detection.faster_rcnn", "detection.fcos", "detection.generalized_rcnn",
    "detection.image_list", "detection.keypoint_rcnn", "detection.mask_rcnn", "detection.retinanet",
    "detection.roi_heads", "detection.rpn", "detection.ssd", "detection.ssdlite", "detection.transform",
    "efficientnet", "googlenet", "inception", "maxvit",
    "mnasnet", "mobilenet", "mobilenetv2", "mobilenetv3", "regnet", "resnet", "segmentation", "segmentation._utils",
    "segmentation.deeplabv3", "segmentation.fcn", "segmentation.lraspp", "shufflenetv2", "squeezenet",
    "swin_transformer", "vgg", "video.mvit", "vision_transformer")]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_torchvision_s_classes_and_their_arguments(module):
    """In their order; what follows is ours. Classes of weights are apart, and so are arguments that are ignored."""
    there, here = torchvision(module), importlib.import_module(f"minidl.vision.{module}")
    found = {name: each for name, each in vars(there).items() if inspect.isclass(each)
             and (each.__module__ == there.__name__ or name in getattr(there, "__all__", ()))
             and not name.endswith("_Weights") and name != "_ModelURLs"}
    assert not [name for name in found if not hasattr(here, name)]
    for name, each in found.items():
        expected = [p for p in inspect.signature(each).parameters if p not in ("args", "kwargs")]
        assert [*inspect.signature(getattr(here, name)).parameters][:len(expected)] == expected, name


def test_the_functions_that_programs_import():
    assert conv3x3(in_planes=4, out_planes=8, stride=2, groups=2, dilation=3).weight.shape == (8, 2, 3, 3)
    assert conv1x1(in_planes=4, out_planes=8).weight.shape == (8, 4, 1, 1)
    assert _GoogLeNetOutputs._fields[0] == _InceptionOutputs._fields[0] == "logits"
    assert callable(channel_shuffle) and ConvNormActivation(3, 8, 3).out_channels == 8
