"""Networks that give each pixel a class: training beside torchvision's, refusals, and what a program does with them."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import optim
from minidl.nn import functional as F
from minidl.vision import models
from tests.vision.models.test_against_torchvision import compare
from tests.vision.models.test_mobile_and_modern import exact
from tests.vision.reference import torchvision


def without_dropout(model):
    """Both libraries draw their own masks."""
    for module in model.modules():
        if type(module).__name__ == "Dropout":
            module.p = 0.0
    return model


def on_a_small_resnet(m, net, aux):
    """One block a stage, the last two dilated."""
    of = m.segmentation
    layers = {"layer4": "out", **({"layer3": "aux"} if aux else {})}
    backbone = m._utils.IntermediateLayerGetter(
        m.ResNet(m.resnet.Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True]), layers)
    head = of.fcn.FCNHead(2048, 5) if net == "FCN" else of.deeplabv3.DeepLabHead(2048, 5, (2, 3))
    return without_dropout(getattr(of, net)(backbone, head, of.fcn.FCNHead(1024, 5) if aux else None))


@pytest.mark.parametrize("net, aux", [("FCN", True), ("FCN", False), ("DeepLabV3", True)])
def test_trains_as_theirs_on_a_resnet(net, aux):
    ours, theirs = (on_a_small_resnet(m, net, aux) for m in (models, torchvision("models")))
    compare(ours, theirs, (2, 3, 33, 25))


@pytest.mark.parametrize("net", ["deeplabv3", "lraspp"])
def test_trains_as_theirs_on_a_small_mobilenet(net):
    def build(m):
        backbone, of = m.mobilenet_v3_large(dilated=True, width_mult=0.25), getattr(m.segmentation, net)
        return without_dropout(of._deeplabv3_mobilenetv3(backbone, 5, True) if net == "deeplabv3" else
                               of._lraspp_mobilenetv3(backbone, 5))

    compare(build(models), exact(build(torchvision("models"))), (2, 3, 40, 33))


@pytest.mark.parametrize("aux_loss", [None, False, True])
@pytest.mark.parametrize("num_classes", [None, 3])
def test_arguments(num_classes, aux_loss):
    net = models.get_model("deeplabv3_mobilenet_v3_large", num_classes=num_classes, aux_loss=aux_loss).eval()
    assert (net.aux_classifier is not None) == bool(aux_loss)
    with minidl.no_grad():
        result = net(minidl.rand(1, 3, 20, 17))
    assert {name: tuple(y.shape) for name, y in result.items()} == dict.fromkeys(
        ["out", "aux"] if aux_loss else ["out"], (1, num_classes or 21, 20, 17))


def test_learns_which_pixels_are_bright():
    """A second loss on "aux", weighed as in torchvision's recipe, and pixels that do not count."""
    minidl.manual_seed(0)
    net = on_a_small_resnet(models, "FCN", aux=True)
    images = minidl.rand(2, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    target = (images.mean(1) > 0.5).long()
    target[:, 0] = 255
    optimizer = optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        scores = net(images)
        loss = sum(weight * F.cross_entropy(scores[name], target, ignore_index=255)
                   for name, weight in (("out", 1.0), ("aux", 0.5)))
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in net.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all() and losses[-1] < 0.5 * losses[0]


def test_on_another_device():
    net = on_a_small_resnet(models, "DeepLabV3", aux=True).to("strict")
    scores = net(minidl.rand(2, 3, 17, 16).to("strict"))
    (scores["out"].sum() + scores["aux"].sum()).backward()
    assert all(p.grad is not None and p.device.type == "strict" for p in net.parameters())


@pytest.mark.parametrize("call, kind, text", [
    (lambda: models.get_model("lraspp_mobilenet_v3_large", aux_loss=True), NotImplementedError,
     "does not use auxiliary loss"),
    (lambda: models.get_model("fcn_resnet50", classes=3), TypeError, "classes"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
