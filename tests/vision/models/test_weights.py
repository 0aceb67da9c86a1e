"""Trained weights: the table is torchvision's, and builders take, refuse and load them as torchvision's do."""
from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import http.server
import importlib
import inspect
import math
import pickle
import threading
import typing
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl import hub, nn
from minidl.vision import models
from minidl.vision.models import _api, registry
from minidl.vision.transforms import InterpolationMode, _presets
from tests.vision.models.published import ROWS, TORCHVISION
from tests.vision.reference import torchvision

ALL = [weights for enum in _api.ENUMS.values() for weights in enum]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_chosen", [str(tmp_path)])
    return tmp_path / "checkpoints"


@pytest.fixture
def keep(folder):
    """Put a state where the download of these weights would be."""
    def keep(weights, state):
        folder.mkdir(exist_ok=True)
        minidl.save(state, folder / weights.url.rpartition("/")[2])
    return keep


# ---------------------------------------------------------------------- the table

def test_every_model_of_torchvision_has_weights():
    named = {name for name, row in ROWS.items() if row.source == TORCHVISION}
    assert named == {name for name in models.list_models() if "weights" in
                     inspect.signature(models.get_model_builder(name)).parameters}
    assert {models.get_model_weights(name) for name in named} == set(_api.ENUMS.values())


@pytest.mark.parametrize("weights", ALL, ids=repr)
def test_a_row(weights):
    """Parameters and multiply-adds are those of the test of published figures; the preset makes images for the net."""
    name = next(name for name in models.list_models() if ROWS[name].source == TORCHVISION
                and models.get_model_weights(name) is type(weights))
    row, meta, preset = ROWS[name], weights.meta, weights.transforms()
    larger = (getattr(preset, "crop_size", None) or [0])[0] > row.input_size[-1]    # a RegNet also takes 384 pixels
    older = row.boxes is not None and weights.name != type(weights).DEFAULT.name    # they proposed other boxes
    if meta["num_params"] == int(row.params.replace(",", "")) and not larger and not older:
        assert meta["_ops"] == pytest.approx(float(row.mult_adds[:-1]), abs=1e-3)
    assert getattr(preset, "std", [1])[0] > 0 and hub.HASH.search(weights.url) and meta["_file_size"] > 1
    if isinstance(preset, _presets.ImageClassification):
        assert preset.resize_size[0] >= preset.crop_size[0] >= meta["min_size"][0] or meta["min_size"][0] > 1
        assert meta["categories"] is None or len(meta["categories"]) == 1000
    assert all(math.isnan(value) or (50 if row.boxes is None else 20) < value < 100
               for value in next(iter(meta["_metrics"].values())).values())


@pytest.mark.parametrize("name", _api.ENUMS)
def test_is_torchvision_s(name):
    there, ours = torchvision("models"), _api.ENUMS[name]
    theirs = next(getattr(space, name) for space in (there, there.segmentation, there.detection)
                  if hasattr(space, name))
    assert list(ours.__members__) == list(theirs.__members__) and ours.DEFAULT.name == theirs.DEFAULT.name
    for weights, expected in zip(ours, theirs):
        assert weights.url == expected.url and repr(weights) == repr(expected) and str(weights) == str(expected)
        without_text = [{key: value for key, value in w.meta.items() if key != "_docs"} for w in (weights, expected)]
        np.testing.assert_equal(*without_text)
        preset, wanted = weights.transforms(), expected.transforms()
        assert repr(preset) == repr(wanted) and getattr(preset, "antialias", None) == getattr(wanted, "antialias", None)
        assert preset.describe().replace("image ``Tensor``", "image ``torch.Tensor``") == wanted.describe()


def test_names():
    weights = models.ResNet50_Weights.IMAGENET1K_V2
    assert models.get_weight("ResNet50_Weights.DEFAULT") is weights is models.ResNet50_Weights["DEFAULT"]
    assert models.get_model_weights("ResNet50") is models.get_model_weights(models.resnet50) is models.ResNet50_Weights
    assert models.resnet.ResNet50_Weights is models.ResNet50_Weights
    assert models.vgg16.__name__ == "vgg16" and list(inspect.signature(models.vgg16).parameters) == \
        ["weights", "progress", "kwargs"]
    assert pickle.loads(pickle.dumps(weights)) is weights and copy.deepcopy(weights) is weights
    assert copy.deepcopy(weights.value) == weights.value != models.ResNet50_Weights.IMAGENET1K_V1.value
    assert weights.value != 1 and models.ResNet50_Weights.verify(None) is None
    assert models.ResNet50_Weights.verify("ResNet50_Weights.DEFAULT") is models.ResNet50_Weights.verify("DEFAULT")


@pytest.mark.parametrize("call, kind, text", [
    (lambda: models.get_weight("ResNet50_Weights"), ValueError, "Invalid weight name provided: 'ResNet50_Weights'"),
    (lambda: models.get_weight("a.b.c"), ValueError, "Invalid weight name provided"),
    (lambda: models.get_weight("ResNet51_Weights.DEFAULT"), ValueError, "'ResNet51_Weights' for the specific method"),
    (lambda: models.get_weight("ResNet50_Weights.V3"), KeyError, "no weights 'V3', but IMAGENET1K_V1, IMAGENET1K_V2"),
    (lambda: models.get_model_weights("resnet51"), ValueError, "Unknown model resnet51"),
    (lambda: models.get_model_weights("lenet5"), ValueError, "missing the 'weights' argument"),
    (lambda: models.get_model_weights(lambda weights: None), ValueError, "couldn't be retrieved"),
    (lambda: models.resnet18(weights="V3"), KeyError, "ResNet18_Weights has no weights 'V3'"),
    (lambda: models.resnet18(weights=models.ResNet34_Weights.DEFAULT), TypeError,
     "Invalid Weight class provided; expected ResNet18_Weights but received ResNet34_Weights."),
    (lambda: models.resnet18(weights="DEFAULT", num_classes=10), ValueError,
     "The parameter 'num_classes' expected value 1000 but got 10 instead."),
    (lambda: models.vit_b_16(weights="IMAGENET1K_SWAG_E2E_V1", image_size=224), ValueError,
     "The parameter 'image_size' expected value 384 but got 224 instead."),
    (lambda: models.googlenet(weights="DEFAULT", aux_logits=False), ValueError, "'aux_logits' expected value True"),
    (lambda: models.inception_v3(weights="DEFAULT", init_weights=True), ValueError, "'init_weights' expected value F"),
    (lambda: models.segmentation.fcn_resnet50(weights="DEFAULT", num_classes=2), ValueError,
     "The parameter 'num_classes' expected value 21 but got 2 instead."),
    (lambda: models.segmentation.deeplabv3_resnet50(weights="DEFAULT", aux_loss=False), ValueError,
     "The parameter 'aux_loss' expected value True but got False instead."),
    (lambda: models.segmentation.fcn_resnet50(weights_backbone=models.ResNet18_Weights.DEFAULT), TypeError,
     "expected ResNet50_Weights but received ResNet18_Weights"),
    (lambda: models.resnet18(None, True, 10), TypeError, "resnet18: expected its arguments by name, but got 3 by pos"),
    (lambda: models.resnet18(None, weights=None), TypeError, "and weights twice"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


# ---------------------------------------------------------------------- presets

PIXELS = np.random.default_rng(0).integers(0, 256, (45, 60, 3), dtype=np.uint8)
SMALL = {"crop_size": 24, "resize_size": 32}
PRESETS = [("ImageClassification", SMALL), ("ImageClassification", {**SMALL, "mean": (0.5,) * 3, "std": (0.5,) * 3}),
           ("ImageClassification", {**SMALL, "antialias": False}), ("ImageClassification", {"crop_size": 60}),
           ("SemanticSegmentation", {"resize_size": 52}), ("SemanticSegmentation", {"resize_size": None})]


@pytest.mark.parametrize("name, settings", PRESETS)
@pytest.mark.parametrize("mode", ["BILINEAR", "BICUBIC", "NEAREST"])
@pytest.mark.parametrize("kind", ["image", "bytes", "floats", "batch"])
def test_a_preset_is_torchvision_s(name, settings, mode, kind):
    torch = pytest.importorskip("torch")
    theirs = getattr(torchvision("transforms._presets"), name)(
        interpolation=torchvision("transforms").InterpolationMode[mode], **settings)
    ours = getattr(_presets, name)(interpolation=InterpolationMode[mode], **settings)
    assert repr(ours) == repr(theirs)
    chw = np.ascontiguousarray(PIXELS.transpose(2, 0, 1))
    x = {"image": Image.fromarray(PIXELS), "bytes": chw, "floats": chw.astype(np.float32) / 255,
         "batch": np.stack([chw, chw[:, ::-1]])}[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # antialias=False has no effect on images of Pillow
        y, expected = (preset(x if isinstance(x, Image.Image) else make(x)) for preset, make in
                       ((ours, minidl.tensor), (theirs, torch.from_numpy)))
    off = np.abs(y.numpy() - expected.numpy()) * np.reshape(ours.std, (-1, 1, 1))   # in pixels from 0 to 1
    # a byte is rounded: half-way between two, the last bit of a float32 decides
    assert off.max() < (1.01 / 255 if kind in ("bytes", "batch") else 1e-5)
    assert float(np.mean(off > 1e-5)) < 0.01


# ---------------------------------------------------------------------- loading

@pytest.mark.parametrize("weights", ["DEFAULT", models.SqueezeNet1_1_Weights.IMAGENET1K_V1,
                                     "SqueezeNet1_1_Weights.IMAGENET1K_V1"])
def test_weights_are_loaded(keep, weights):
    source = models.squeezenet1_1()
    keep(models.SqueezeNet1_1_Weights.DEFAULT, source.state_dict())
    net = models.get_model("squeezenet1_1", weights=weights, progress=False, num_classes=1000)
    for key, value in source.state_dict().items():
        assert bool((net.state_dict()[key] == value).all()), key


def test_a_file_as_old_as_torchvision_s(folder, monkeypatch):
    """Not an archive, with Parameters, without what later versions added."""
    torch = pytest.importorskip("torch")
    theirs = torchvision("models").mobilenet_v2(num_classes=1000).state_dict()
    old = OrderedDict((key, torch.nn.Parameter(value)) for key, value in theirs.items() if "num_batches" not in key)
    folder.mkdir()
    torch.save(old, folder / models.MobileNet_V2_Weights.IMAGENET1K_V1.url.rpartition("/")[2],
               _use_new_zipfile_serialization=False)
    net = models.mobilenet_v2(weights="IMAGENET1K_V1")
    for key, value in old.items():
        np.testing.assert_array_equal(net.state_dict()[key].numpy(), value.detach().numpy())


def test_the_older_keys_of_densenet(keep):
    source = models.densenet121()
    old = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2.") if "denselayer" in key else key: value
           for key, value in source.state_dict().items()}
    assert any(".norm.1." in key for key in old)
    keep(models.DenseNet121_Weights.DEFAULT, old)
    net = models.densenet121(weights="DEFAULT")
    key = "features.denseblock2.denselayer3.norm1.weight"
    assert bool((net.state_dict()[key] == source.state_dict()[key]).all())


@pytest.mark.parametrize("arguments, heads, transforms", [
    ({}, False, True), ({"transform_input": False}, False, False), ({"aux_logits": True}, True, True),
])
def test_googlenet_s_heads(keep, arguments, heads, transforms):
    keep(models.GoogLeNet_Weights.DEFAULT, models.googlenet(init_weights=False).state_dict())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = models.googlenet(weights="DEFAULT", **arguments)
    assert (net.aux_logits, net.aux1 is not None, net.aux2 is not None) == (heads,) * 3
    assert net.transform_input is transforms
    assert [str(w.message) for w in caught] == \
        ["auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them"] * heads


def test_segmentation_with_weights_of_the_whole_or_of_the_backbone(keep):
    enums = models.segmentation.LRASPP_MobileNet_V3_Large_Weights, models.MobileNet_V3_Large_Weights
    whole, backbone = models.get_model("lraspp_mobilenet_v3_large"), models.mobilenet_v3_large()
    for weights, source in ((enums[0].DEFAULT, whole), (enums[1].IMAGENET1K_V1, backbone)):
        keep(weights, source.state_dict())
    key = "0.0.weight"
    for arguments, expected in (({"weights": "DEFAULT", "weights_backbone": "IMAGENET1K_V1"}, whole.backbone),
                                ({"weights_backbone": "IMAGENET1K_V1", "num_classes": 3}, backbone.features)):
        net = models.get_model("lraspp_mobilenet_v3_large", **arguments)
        assert bool((net.backbone.state_dict()[key] == expected.state_dict()[key]).all())
    with pytest.warns(UserWarning, match="'pretrained_backbone' is deprecated.*use 'weights_backbone' instead"):
        net = models.get_model("lraspp_mobilenet_v3_large", pretrained_backbone=True)
    assert bool((net.backbone.state_dict()[key] == backbone.features.state_dict()[key]).all())


def test_a_detector_with_weights(keep):
    """Its norms are frozen, and the first stages; those of the backbone alone leave the heads untrained."""
    of = models.detection
    small = {"num_classes": None, "trainable_backbone_layers": 2}
    source = inspect.unwrap(of.fasterrcnn_mobilenet_v3_large_320_fpn)(_trained=True)
    keep(of.FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1, source.state_dict())
    net = models.get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights="DEFAULT", **small)
    for key, value in source.state_dict().items():
        assert bool((net.state_dict()[key] == value).all()), key
    assert {p.requires_grad for p in net.backbone.parameters()} == {False, True}
    with pytest.raises(ValueError, match="'num_classes' expected value 91 but got 3 instead"):
        models.get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights="DEFAULT", num_classes=3)
    body = models.mobilenet_v3_large()
    keep(models.MobileNet_V3_Large_Weights.IMAGENET1K_V1, body.state_dict())
    net = of.fasterrcnn_mobilenet_v3_large_fpn(weights_backbone="IMAGENET1K_V1", num_classes=3)
    assert bool((net.backbone.body["0"][0].weight == body.features[0][0].weight).all())
    assert not net.backbone.body["0"][0].weight.requires_grad and "Frozen" in repr(net.backbone.body["0"])


def asked_for(monkeypatch, builder, arguments):
    """The name of the first weights whose file a builder wants."""
    names = []

    def remember(weights, *args, **kwargs):
        names.append(weights.name)
        raise InterruptedError

    enum = next(kind for kind in typing.get_args(typing.get_type_hints(builder)["weights"]) if kind is not type(None))
    monkeypatch.setattr(enum.__mro__[1], "get_state_dict", remember)
    with warnings.catch_warnings(), contextlib.suppress(InterruptedError):
        warnings.simplefilter("ignore")
        builder(**arguments)
    return names[0]


@pytest.mark.parametrize("name, arguments, expected", [
    ("keypointrcnn_resnet50_fpn", {"pretrained": "legacy", "weights_backbone": None}, "COCO_LEGACY"),
    ("keypointrcnn_resnet50_fpn", {"pretrained": True, "weights_backbone": None}, "COCO_V1"),
    ("fasterrcnn_resnet50_fpn", {"weights": True, "weights_backbone": None}, "COCO_V1"),
    ("ssd300_vgg16", {"pretrained_backbone": True}, "IMAGENET1K_FEATURES"),
    ("fcos_resnet50_fpn", {"pretrained_backbone": True, "pretrained": False}, "IMAGENET1K_V1"),
])
def test_which_weights_a_detector_takes(monkeypatch, name, arguments, expected):
    """By the older interface."""
    torch, there = pytest.importorskip("torch"), torchvision("models.detection")
    assert asked_for(monkeypatch, getattr(models.detection, name), arguments) == expected
    with torch.device("meta"):
        assert asked_for(monkeypatch, getattr(there, name), arguments) == expected


def test_a_vision_transformer_for_larger_images(monkeypatch):
    made = []
    monkeypatch.setattr(models.vision_transformer, "VisionTransformer",
                        lambda image_size, *args, **kwargs: made.append((image_size, kwargs)) or nn.Identity())
    monkeypatch.setattr(hub, "load_state_dict_from_url", lambda url, progress, check_hash: {})
    models.vit_b_16(weights="IMAGENET1K_SWAG_E2E_V1")
    assert made == [(384, {"num_classes": 1000})]


def test_features_without_classes(keep):
    """The file of vgg16's features says nothing of classes; the classifier in it is not a number."""
    assert models.VGG16_Weights.IMAGENET1K_FEATURES.meta["categories"] is None
    made, bare = [], inspect.unwrap(models.vgg16)
    builder = _api.takes_weights(models.VGG16_Weights, defaults={"init_weights": False})(
        functools.wraps(bare)(lambda **kwargs: made.append(kwargs) or nn.Identity()))
    keep(models.VGG16_Weights.IMAGENET1K_FEATURES, {})
    builder(weights="IMAGENET1K_FEATURES", num_classes=7)
    builder(weights=None, num_classes=7)
    assert made == [{"init_weights": False, "num_classes": 7}, {"num_classes": 7}]


def test_weights_of_one_s_own_from_a_server(tmp_path, folder):
    """Downloaded with a check of the hash in the name; and a file that was changed on its way is refused."""
    served = tmp_path / "served"
    served.mkdir()
    source = nn.Linear(3, 2)
    minidl.save(source.state_dict(), served / "a.pth")
    digits = hashlib.sha256((served / "a.pth").read_bytes()).hexdigest()[:8]
    (served / "a.pth").rename(served / f"mine-{digits}.pth")
    minidl.save(nn.Linear(3, 2).state_dict(), served / "other-00000000.pth")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=served)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"

        class Mine_Weights(models.WeightsEnum):  # noqa: N801
            GOOD = models.Weights(f"{address}/mine-{digits}.pth", nn.Identity, {"categories": ["cat", "dog"]})
            BAD = models.Weights(f"{address}/other-00000000.pth", nn.Identity, {"categories": ["cat", "dog"]})
            DEFAULT = GOOD

        @models.register_model()
        @_api.takes_weights(Mine_Weights)
        def mine(num_classes: int = 5) -> nn.Linear:
            return nn.Linear(3, num_classes)

        try:
            assert models.get_model_weights("mine") is Mine_Weights
            net = models.get_model("mine", weights="DEFAULT", progress=False)
            assert bool((net.weight == source.weight).all())
            assert [path.name for path in folder.iterdir()] == [f"mine-{digits}.pth"]
            with pytest.raises(RuntimeError, match="expected sha256 00000000"):
                mine(weights=Mine_Weights.BAD, progress=False)
            assert models.get_model("mine").weight.shape == (5, 3)
        finally:
            del registry.BUILDERS["mine"]
            server.shutdown()


# ---------------------------------------------------------------------- the older interface

@pytest.mark.parametrize("args, kwargs", [
    ((), {"pretrained": False}), ((False,), {}), ((None, False), {}), ((), {"weights": False}),
    ((), {"pretrained": True}), ((True,), {}), ((), {"weights": True}), ((), {"weights": "legacy"}),
    ((), {"weights": None}), ((), {"pretrained": True, "num_classes": 1000}), ((True, False), {}),
])
def test_pretrained_is_what_it_is_in_torchvision(keep, monkeypatch, args, kwargs):
    torch = pytest.importorskip("torch")
    there = torchvision("models")
    source = models.squeezenet1_1()
    keep(models.SqueezeNet1_1_Weights.DEFAULT, source.state_dict())
    loaded = []
    monkeypatch.setattr(there._api.WeightsEnum, "get_state_dict", lambda weights, **how: loaded.append(how) or {
        key: torch.from_numpy(value.numpy()) for key, value in source.state_dict().items()})
    said = []
    for build in (there.squeezenet1_1, models.squeezenet1_1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net = build(*args, **kwargs)
        said.append([(w.category, str(w.message)) for w in caught])
    assert said[1] == said[0]
    same = bool((net.classifier[1].weight == source.classifier[1].weight).all())
    assert same == bool(loaded)


# ---------------------------------------------------------------------- builders of one's own

def builder_of(library):
    """A builder in torchvision's manner, from either library."""
    utils, kind = library("models._utils"), library("models").ResNet18_Weights

    @utils.handle_legacy_interface(
        weights=("pretrained", kind.IMAGENET1K_V1),
        weights_backbone=("pretrained_backbone", lambda given: kind.DEFAULT if given.get("deep") else None))
    def net(*, weights=None, progress=True, weights_backbone=None, **kwargs):
        return [str(weights), progress, str(weights_backbone), kwargs]
    return net


CALLS = [((), {}), ((True,), {}), ((False, False), {}), ((), {"pretrained": True}), ((), {"pretrained": False}),
         ((), {"weights": True}), ((), {"weights": None, "width": 3}), ((), {"weights": "IMAGENET1K_V1"}),
         ((), {"pretrained_backbone": True, "deep": 1}), ((), {"pretrained_backbone": True}),
         ((True,), {"pretrained_backbone": False})]


@pytest.mark.parametrize("args, kwargs", CALLS)
def test_the_older_interface_of_a_builder_is_torchvision_s(args, kwargs):
    results = []
    for library in (torchvision, lambda path: importlib.import_module(f"minidl.vision.{path}")):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = builder_of(library)(*args, **kwargs)
            except ValueError as error:
                found = str(error)
        results.append((found, [str(each.message) for each in caught]))
    assert results[1] == results[0]


def test_arguments_that_weights_demand():
    for there in (torchvision("models._utils"), importlib.import_module("minidl.vision.models._utils")):
        given = {"width": 3}
        there._ovewrite_named_param(given, "width", 3)
        there._ovewrite_named_param(given, "classes", 10)
        assert given == {"width": 3, "classes": 10} and there._ovewrite_value_param("width", None, 4) == 4
        with pytest.raises(ValueError, match="The parameter 'width' expected value 5 but got 3 instead"):
            there._ovewrite_named_param(given, "width", 5)
        with pytest.raises(ValueError, match="The parameter 'width' expected value 5 but got 3 instead"):
            there._ovewrite_value_param("width", 3, 5)
        with pytest.raises(TypeError, match="Found no keyword-only parameter on function 'f'"):
            def f(x): pass
            there.kwonly_to_pos_or_kw(f)
