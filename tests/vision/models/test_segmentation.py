"""Networks that give each pixel a class: training beside torchvision's, refusals, and what a program does with them."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn, optim
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


# ---------------------------------------------------------------------- those that torchvision does not have

def small_nets():
    of = models.segmentation
    stages = [nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()), nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())]
    return {"unet": of.UNet(3, 3, width=4, depth=2), "fcn": of.SkipFCN(stages, [8, 16], 3, stride=2),
            "deconvnet": of.DeconvNet(3, sections=[(4, 4), (8, 8)], code=16, kernel=3)}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", ["unet", "fcn", "deconvnet"])
def test_small_ones_learn_and_are_saved(name, device, tmp_path):
    """Of images with odd numbers of rows; a class that never occurs, and pixels that do not count."""
    minidl.manual_seed(0)
    net = small_nets()[name].to(device)
    images = minidl.rand(2, 3, 5, 7).repeat_interleave(4, 2).repeat_interleave(3, 3)[:, :, 1:].to(device)
    target = (images.mean(1) > 0.5).long()
    target[:, 0] = 255
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        scores = net(images)["out"]
        assert scores.shape == (2, 3, *images.shape[2:])
        loss = F.cross_entropy(scores, target, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all() and losses[-1] < 0.8 * losses[0]
    assert all(bool(p.grad.any()) for name, p in net.named_parameters() if "bias" not in name)
    minidl.save(net.state_dict(), tmp_path / "weights.minidl")
    other = small_nets()[name].to(device).eval()
    other.load_state_dict(minidl.load(tmp_path / "weights.minidl", map_location=device))
    assert bool((other(images)["out"] == net.eval()(images)["out"]).all())


def torch_weights(net):
    torch = pytest.importorskip("torch")
    return torch, {key: torch.from_numpy(value.numpy()) for key, value in net.double().state_dict().items()}


@pytest.mark.parametrize("padding", [True, False])
def test_unet_by_its_parts(padding):
    minidl.manual_seed(0)
    net, pad = models.segmentation.UNet(3, 2, width=2, depth=2, padding=padding), int(padding)
    torch, p = torch_weights(net)
    f = torch.nn.functional

    def section(x, key):
        for i in (0, 3):
            x = f.conv2d(x, p[f"{key}.{i}.weight"], padding=pad)
            x = f.batch_norm(x, None, None, p[f"{key}.{i + 1}.weight"], p[f"{key}.{i + 1}.bias"], training=True).relu()
        return x

    def up(x, skip, key):
        x = f.conv_transpose2d(x, p[f"{key}.transposed.weight"], p[f"{key}.transposed.bias"], stride=2)
        if padding:                                     # the last row and column see no pixel
            x = torch.cat([x, p[f"{key}.transposed.bias"][None, :, None, None].expand(*x.shape[:3], 1)], 3)
        y, z = ((a - b) // 2 for a, b in zip(skip.shape[2:], x.shape[2:]))
        return section(torch.cat([skip[:, :, y:y + x.shape[2], z:z + x.shape[3]], x], 1), f"{key}.conv")

    images = minidl.rand(2, 2, 44, 47 if padding else 48, dtype=minidl.float64)     # 47: odd on both levels
    a = section(torch.from_numpy(images.numpy()), "down.0")
    b = section(f.max_pool2d(a, 2), "down.1")
    c = section(f.max_pool2d(b, 2), "down.2")
    expected = f.conv2d(up(up(c, b, "up.0"), a, "up.1"), p["head.weight"], p["head.bias"])
    np.testing.assert_allclose(net(images)["out"].detach().numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


def test_unet_of_the_paper_sees_a_margin():
    net = models.segmentation.unet(width=1, padding=False, batch_norm=False).eval()
    with minidl.no_grad():
        assert net(minidl.rand(1, 1, 572, 572))["out"].shape == (1, 2, 388, 388)


def test_fcn_starts_as_bilinear_interpolation_of_scores():
    head = models.segmentation.SkipHead([3, 4], num_classes=2, stride=4)
    maps = [minidl.rand(1, 3, 6, 8), minidl.rand(1, 4, 3, 4)]
    assert not head(maps, (24, 32)).any()                           # scores start at 0
    nn.init.normal_(head.scores[1].weight)
    expected = maps[1]
    for scale in (2, 4):
        expected = F.interpolate(expected, scale_factor=scale, mode="bilinear", align_corners=False)
    inner = slice(None), slice(None), slice(8, -8), slice(8, -8)    # the border of a map is 0, not its last pixel
    np.testing.assert_allclose(head(maps, (24, 32)).detach()[inner].numpy(),
                               head.scores[1](expected).detach()[inner].numpy(), rtol=1e-5, atol=1e-6)
    for size in ((25, 33), (27, 35)):                               # of an image whose last rows pooling left out
        assert head(maps, size).shape == (1, 2, *size)


def test_deconvolution_network_by_its_parts():
    minidl.manual_seed(0)
    net = models.segmentation.DeconvNet(3, 2, sections=[(4,), (5, 6)], code=7, kernel=3)
    torch, p = torch_weights(net)
    f = torch.nn.functional

    def convs(x, key, conv, count, padding=1, first=0):
        for i in range(first, first + 3 * count, 3):
            x = conv(x, p[f"{key}.{i}.weight"], p[f"{key}.{i}.bias"], padding=padding)
            x = f.batch_norm(x, None, None, p[f"{key}.{i + 1}.weight"], p[f"{key}.{i + 1}.bias"], training=True).relu()
        return x

    images = minidl.rand(2, 2, 13, 16, dtype=minidl.float64)
    a, first = f.max_pool2d(convs(torch.from_numpy(images.numpy()), "down.0", f.conv2d, 1), 2, return_indices=True)
    b, second = f.max_pool2d(convs(a, "down.1", f.conv2d, 2), 2, return_indices=True)
    code = convs(b, "code", f.conv2d, 2, 0)
    x = convs(code, "code", f.conv_transpose2d, 1, 0, first=6)
    x = convs(f.max_unpool2d(x, second, 2, output_size=a.shape[2:]), "up.0", f.conv_transpose2d, 2)
    x = convs(f.max_unpool2d(x, first, 2, output_size=(13, 16)), "up.1", f.conv_transpose2d, 1)
    expected = f.conv2d(x, p["head.weight"], p["head.bias"])
    np.testing.assert_allclose(net(images)["out"].detach().numpy(), expected.numpy(), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: models.segmentation.SkipFCN([nn.ReLU()], [3, 4], 2, 2), ValueError, "2 for 1 stages"),
    (lambda: models.segmentation.SkipHead([3], 2, 3), ValueError, "an even stride, but got 1 maps and a stride of 3"),
    (lambda: models.segmentation.DeconvNet(2, sections=[(4,)], code=4)(minidl.rand(1, 3, 20, 13)), ValueError,
     "expected images of 14 pixels or more a side"),
    (lambda: models.get_model("lraspp_mobilenet_v3_large", aux_loss=True), NotImplementedError,
     "does not use auxiliary loss"),
    (lambda: models.get_model("fcn_resnet50", classes=3), TypeError, "classes"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
