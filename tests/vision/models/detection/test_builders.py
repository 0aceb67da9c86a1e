"""The builders beside torchvision's: keys, layers with their settings, what is frozen, arguments and refusals."""
from __future__ import annotations

import inspect

import numpy as np
import pytest

import minidl
from minidl import hub, nn
from minidl.vision import models
from minidl.vision.models import detection
from minidl.vision.models.detection import backbone_utils
from minidl.vision.ops import FrozenBatchNorm2d
from tests.vision.models.detection.beside import theirs
from tests.vision.models.detection.counted import trained
from tests.vision.models.test_against_torchvision import awake, printed, to_torch
from tests.vision.reference import torchvision

BUILDERS = ["fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", "fasterrcnn_mobilenet_v3_large_fpn",
            "fasterrcnn_mobilenet_v3_large_320_fpn", "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2",
            "ssd300_vgg16", "ssdlite320_mobilenet_v3_large", "fcos_resnet50_fpn", "maskrcnn_resnet50_fpn",
            "maskrcnn_resnet50_fpn_v2", "keypointrcnn_resnet50_fpn"]


def test_every_builder_is_here():
    assert sorted(BUILDERS) == models.list_models(detection)


@pytest.fixture
def no_start(monkeypatch):
    """Weights stay as memory is found: nothing is drawn for forty million parameters."""
    for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_", "xavier_uniform_"):
        monkeypatch.setattr(nn.init, name, lambda x, *_, **__: x)


@pytest.mark.parametrize("with_weights", [False, True])
@pytest.mark.parametrize("name", BUILDERS)
def test_a_builder_is_torchvision_s(no_start, monkeypatch, name, with_weights):
    """Whole, with what depends on trained weights: norms, frozen layers, eps."""
    torch, there = pytest.importorskip("torch"), theirs()
    monkeypatch.setattr(torchvision("models._api").WeightsEnum, "get_state_dict", lambda *_, **__: {})
    monkeypatch.setattr(hub, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
    arguments = {"weights": "DEFAULT"} if with_weights else {"num_classes": 4, "weights_backbone": None}
    with torch.device("meta"):
        wanted = getattr(there, name)(**arguments)
    ours = models.get_model(name, **arguments)
    assert {key: tuple(value.shape) for key, value in ours.state_dict().items()} == \
        {key: tuple(value.shape) for key, value in wanted.state_dict().items()}
    assert list(ours.state_dict()) == list(wanted.state_dict())
    assert printed(ours) == printed(wanted)
    assert [(name, p.requires_grad) for name, p in ours.named_parameters()] == \
        [(name, p.requires_grad) for name, p in wanted.named_parameters()]


def test_arguments():
    for name in BUILDERS:
        found = inspect.signature(getattr(detection, name)).parameters
        assert [*found][:3] == ["weights", "progress", "num_classes"] and "_trained" not in found
        assert {"weights_backbone", "trainable_backbone_layers"} < {*found}


def frozen(model):
    return [name for name, p in model.backbone.named_parameters() if not p.requires_grad]


def test_what_is_trained(no_start):
    some = trained("fasterrcnn_mobilenet_v3_large_fpn", trainable_backbone_layers=2, num_classes=3)
    assert frozen(some) and not frozen(trained("fasterrcnn_mobilenet_v3_large_fpn", trainable_backbone_layers=6))
    assert any(isinstance(module, FrozenBatchNorm2d) for module in some.modules())
    with pytest.raises(ValueError, match=r"Trainable backbone layers should be in the range \[0,6\], got 7"):
        trained("fasterrcnn_mobilenet_v3_large_fpn", trainable_backbone_layers=7)
    with pytest.warns(UserWarning, match="falling back to trainable_backbone_layers=6 so that all layers are"):
        free = detection.fasterrcnn_mobilenet_v3_large_fpn(trainable_backbone_layers=1)
    assert not frozen(free) and not any(isinstance(module, FrozenBatchNorm2d) for module in free.modules())


def test_backbones(no_start):
    body = backbone_utils.resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=2,
                                              returned_layers=[2, 4])
    assert {name: tuple(y.shape[1:]) for name, y in body(minidl.rand(1, 3, 64, 64)).items()} == {
        "0": (256, 8, 8), "1": (256, 2, 2), "pool": (256, 1, 1)}
    assert {name.split(".")[1] for name, p in body.named_parameters() if not p.requires_grad} == {
        "conv1", "layer1", "layer2"}
    bare = backbone_utils.mobilenet_backbone(backbone_name="mobilenet_v2", weights=None, fpn=False)
    assert bare(minidl.rand(1, 3, 64, 64)).shape == (1, 256, 2, 2) and bare.out_channels == 256
    pyramid = backbone_utils.mobilenet_backbone(backbone_name="mobilenet_v3_small", weights=None, fpn=True)
    assert list(pyramid(minidl.rand(1, 3, 64, 64))) == ["0", "1", "pool"]


def test_the_older_interface_of_a_backbone(no_start, monkeypatch):
    loaded = []
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda weights, **_: loaded.append(weights) or {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
    for build, name, more, expected in (
            (backbone_utils.resnet_fpn_backbone, "resnet18", {}, models.ResNet18_Weights.IMAGENET1K_V1),
            (backbone_utils.mobilenet_backbone, "mobilenet_v2", {"fpn": False},
             models.MobileNet_V2_Weights.IMAGENET1K_V1)):
        with pytest.warns(UserWarning, match="'pretrained' is deprecated since 0.13"):
            build(backbone_name=name, pretrained=True, **more)
        with pytest.warns(UserWarning, match="Using 'backbone_name' and 'weights' as positional parameter"):
            build(name, False, **more)
        assert loaded.pop() is expected and not loaded
        with pytest.raises(TypeError, match="weights"):
            build(backbone_name=name, **more)


@pytest.mark.parametrize("arguments, text", [
    ({"trainable_layers": 6}, r"Trainable layers should be in the range \[0,5\], got 6"),
    ({"returned_layers": [0, 1]}, r"Each returned layer should be in the range \[1,4\]. Got \[0, 1\]"),
])
def test_refusals_of_a_pyramid(no_start, arguments, text):
    with pytest.raises(ValueError, match=text):
        backbone_utils.resnet_fpn_backbone(backbone_name="resnet18", weights=None, **arguments)
    with pytest.raises(ValueError, match="in the range"):
        backbone_utils.mobilenet_backbone(backbone_name="mobilenet_v2", weights=None, fpn=True, returned_layers=[9])
    with pytest.raises(ValueError, match="in the range"):
        backbone_utils.mobilenet_backbone(backbone_name="mobilenet_v2", weights=None, fpn=True, trainable_layers=9)


def lively(model):
    """Weights so large that results depend on the image, and so small that boxes stay in it."""
    with minidl.no_grad():
        for name, module in awake(model).named_modules():
            if isinstance(module, models.mobilenetv3.InvertedResidual) and module.use_res_connect:
                module.block[-1][1].weight *= 0.2
            if isinstance(module, (nn.Conv2d, nn.Linear)) and ("bbox_pred" in name or "regression_head" in name):
                module.weight *= 0.1
    return model.eval()


@pytest.mark.parametrize("name, arguments", [
    ("ssdlite320_mobilenet_v3_large", {"score_thresh": 0.05, "detections_per_img": 10}),
    ("fasterrcnn_mobilenet_v3_large_320_fpn", {"min_size": 96, "rpn_score_thresh": 0.0, "box_detections_per_img": 10}),
])
def test_the_whole_finds_the_same(name, arguments):
    torch = pytest.importorskip("torch")
    arguments = {"num_classes": 4, "weights_backbone": None, **arguments}
    minidl.manual_seed(1)
    ours = lively(models.get_model(name, **arguments))
    wanted = getattr(theirs(), name)(**arguments).eval()
    wanted.load_state_dict(to_torch(ours.state_dict()))
    image = minidl.rand(3, 90, 120)
    with minidl.no_grad(), torch.no_grad():
        found, expected = ours([image])[0], wanted([torch.from_numpy(image.numpy())])[0]
    assert len(expected["boxes"]) == 10
    for key, value in expected.items():
        np.testing.assert_allclose(found[key].numpy(), value.numpy(), rtol=1e-3, atol=1e-3, err_msg=key)
