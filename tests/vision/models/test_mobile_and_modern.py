"""MobileNets and later networks with every argument, small, beside torchvision's."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from functools import partial

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.nn import functional as F
from minidl.vision import models
from tests import strict_array
from tests.vision.models.test_against_torchvision import compare, printed
from tests.vision.reference import torchvision

try:
    import torch
except ImportError:
    torch = None


def efficientnet(m, **arguments):
    """Both kinds of blocks, with and without a widening, and with what is not added to its input."""
    of = m.efficientnet
    return of.EfficientNet([of.FusedMBConvConfig(1, 3, 1, 8, 8, 2), of.FusedMBConvConfig(3, 3, 2, 8, 16, 2),
                            of.MBConvConfig(1, 5, 1, 16, 16, 1), of.MBConvConfig(4, 3, 2, 20, 24, 2, 0.8, 1.3)],
                           num_classes=5, **{"dropout": 0.0, "stochastic_depth_prob": 0.0, **arguments})


def convnext(m, **arguments):
    of = m.convnext
    return of.ConvNeXt([of.CNBlockConfig(8, 12, 1), of.CNBlockConfig(12, None, 2)], num_classes=5,
                       **{"layer_scale": 0.5, **arguments})


def swin(m, version=1, window=(3, 2), **arguments):
    of = m.swin_transformer
    v2 = {"block": of.SwinTransformerBlockV2, "downsample_layer": of.PatchMergingV2} if version == 2 else {}
    return of.SwinTransformer([4, 4], 8, [2, 2], [2, 4], list(window), num_classes=5,
                              **{"stochastic_depth_prob": 0.0, **v2, **arguments})


def regnet(m, se_ratio=None, **arguments):
    return m.RegNet(m.regnet.BlockParams([1, 2], [8, 24], [4, 6], [1.0, 0.5], [2, 2], se_ratio), num_classes=5,
                    stem_width=6, **arguments)


def maxvit(m, size, **arguments):
    return m.MaxVit(size, 6, 2, [8, 12], [2, 1], 4, **{"stochastic_depth_prob": 0.0, "num_classes": 5, **arguments})


def mobilenet_v3(m, name, **arguments):
    return m.get_model(name, **{"num_classes": 5, "width_mult": 0.25, "dropout": 0.0, **arguments})


NETS = {        # how to build it from either library's `models` and `nn`, and the images
    "mobilenet_v2": (lambda m, nn: m.mobilenet_v2(num_classes=5, width_mult=0.25, dropout=0.0), (4, 3, 40, 36)),
    "mobilenet_v2, settings": (lambda m, nn: m.mobilenet_v2(
        num_classes=5, inverted_residual_setting=[[1, 12, 2, 1], [3, 13, 2, 2]], round_nearest=5, width_mult=1.1,
        norm_layer=lambda c: nn.GroupNorm(1, c), dropout=0.0), (2, 3, 13, 9)),
    "mobilenet_v3_large": (lambda m, nn: mobilenet_v3(m, "mobilenet_v3_large"), (4, 3, 40, 36)),
    "mobilenet_v3_large, tail": (lambda m, nn: mobilenet_v3(
        m, "mobilenet_v3_large", reduced_tail=True, dilated=True, width_mult=0.35), (4, 3, 40, 36)),
    "mobilenet_v3_small": (lambda m, nn: mobilenet_v3(m, "mobilenet_v3_small"), (4, 3, 40, 36)),
    "mobilenet_v3_small, tail": (lambda m, nn: mobilenet_v3(
        m, "mobilenet_v3_small", reduced_tail=True, dilated=True, norm_layer=nn.BatchNorm2d), (4, 3, 40, 36)),
    "efficientnet": (lambda m, nn: efficientnet(m), (4, 3, 36, 28)),
    "efficientnet, settings": (lambda m, nn: efficientnet(
        m, last_channel=24, norm_layer=partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)), (4, 3, 17, 19)),
    "convnext": (lambda m, nn: convnext(m), (2, 3, 24, 20)),
    "convnext, norm": (lambda m, nn: convnext(m, norm_layer=nn.BatchNorm2d), (4, 3, 25, 21)),
    "regnet_x": (lambda m, nn: regnet(m), (4, 3, 25, 21)),
    "regnet_y": (lambda m, nn: regnet(m, 0.25, norm_layer=partial(nn.BatchNorm2d, eps=1e-3), activation=nn.SiLU),
                 (4, 3, 24, 20)),
    "maxvit": (lambda m, nn: maxvit(m, (32, 32)), (2, 3, 32, 32)),
    "maxvit, settings": (lambda m, nn: maxvit(
        m, (16, 16), norm_layer=nn.BatchNorm2d, activation_layer=nn.ReLU, squeeze_ratio=0.5, expansion_ratio=2,
        mlp_ratio=3), (3, 3, 16, 16)),
    "swin": (lambda m, nn: swin(m), (2, 3, 36, 28)),
    "swin with odd sides": (lambda m, nn: swin(m, mlp_ratio=2.5, norm_layer=partial(nn.LayerNorm, eps=1e-3)),
                            (2, 3, 29, 21)),
    "swin under one window": (lambda m, nn: swin(m, window=(8, 8)), (2, 3, 32, 28)),
    "swin shifted on one side": (lambda m, nn: swin(m, window=(4, 4)), (2, 3, 16, 32)),
    "swin_v2": (lambda m, nn: swin(m, 2), (2, 3, 36, 28)),
    "swin_v2 with odd sides": (lambda m, nn: swin(m, 2, window=(4, 3)), (2, 3, 45, 37)),
}


def exact(model):
    """In PyTorch the slope of hardsigmoid and of hardswish has float32's 1/6, in double precision too."""
    class HardSigmoid(torch.nn.Module):
        def forward(self, x):
            return F6(x + 3) / 6

    class HardSwish(torch.nn.Module):
        def forward(self, x):
            return x * (F6(x + 3) / 6)

    F6, exact = torch.nn.functional.relu6, {torch.nn.Hardsigmoid: HardSigmoid, torch.nn.Hardswish: HardSwish}
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) in exact:
                setattr(module, name, exact[type(child)]())
    return model


@pytest.mark.parametrize("name", NETS)
def test_against_torchvision(name):
    make, shape = NETS[name]
    compare(make(models, nn), exact(make(torchvision("models"), torch.nn)), shape)


@pytest.mark.parametrize("name", NETS)
def test_trains_on_another_device(name):
    assert strict_array.__doc__
    minidl.manual_seed(0)
    make, shape = NETS[name]
    model = make(models, nn).to("strict")
    images, labels = minidl.rand(shape).to("strict"), (minidl.arange(shape[0]) % 2).to("strict")
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.device.type == "strict" for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all() and min(losses[1:]) < losses[0]
    assert {b.device.type for b in model.buffers()} <= {"strict"}


# ---------------------------------------------------------------------- what the state dict does not say

@pytest.mark.parametrize("name, arguments", [
    ("efficientnet_b0", {"dropout": 0.7, "stochastic_depth_prob": 0.5, "num_classes": 3}),
    ("convnext_tiny", {"stochastic_depth_prob": 0.7, "layer_scale": 0.1, "num_classes": 3}),
    ("mobilenet_v3_small", {"dropout": 0.7, "num_classes": 3}),
])
def test_arguments_replace_those_of_a_variant(name, arguments):
    ours, theirs = (m.get_model(name, **arguments) for m in (models, torchvision("models")))
    assert printed(ours) == printed(theirs)
    x = minidl.rand(2, 3, 40, 40)
    assert ours(x).shape == (2, 3)
    if "layer_scale" in arguments:
        assert ours.features[1][0].layer_scale[0].item() == pytest.approx(0.1)


def test_a_variant_takes_what_torchvision_sets_for_itself():
    norm = partial(nn.BatchNorm2d, eps=0.5)
    net = models.efficientnet_v2_s(norm_layer=norm, last_channel=64, num_classes=2)
    assert net.features[0][1].eps == 0.5 and net.classifier[1].in_features == 64
    assert models.swin_t(window_size=[4, 4]).features[1][0].attn.window_size == [4, 4]


@pytest.mark.parametrize("seed", range(40))
def test_the_stages_of_a_regnet_follow_from_its_numbers(seed):
    draw = np.random.default_rng(seed)
    settings = {"depth": int(draw.integers(1, 30)), "w_0": 8 * int(draw.integers(1, 60)), "w_a": draw.uniform(0, 160),
                "w_m": draw.uniform(1.5, 3), "group_width": 8 * int(draw.integers(1, 34)),
                "bottleneck_multiplier": float(draw.choice([0.5, 1.0, 2.0]))}
    ours, theirs = (m.BlockParams.from_init_params(**settings, num_classes=3)
                    for m in (models.regnet, torchvision("models.regnet")))
    assert vars(ours) == vars(theirs)


def test_what_detection_and_segmentation_ask_a_backbone_for():
    there = torchvision("models")
    for name in ("mobilenet_v2", "mobilenet_v3_large"):
        ours, theirs = (m.get_model(name, width_mult=0.25).features for m in (models, there))
        for attribute in ("_is_cn", "out_channels", "use_res_connect"):
            assert [getattr(block, attribute, None) for block in ours] == \
                [getattr(block, attribute, None) for block in theirs]


def test_a_shift_joins_neighbours_and_nobody_else():
    """One pixel changes its moved window, and not the rows that came round from the other end."""
    attention = models.swin_transformer.ShiftedWindowAttention(4, [4, 4], [2, 2], 2)
    x = minidl.randn(1, 8, 8, 4)
    y = x.clone()
    y[0, 0, 0] += 1
    changed = ((attention(x) - attention(y)).abs().sum(dim=3)[0] > 1e-6).tolist()
    assert [[i, j] for i in range(8) for j in range(8) if changed[i][j]] == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_keys_have_no_bias_in_v2():
    attention = models.swin_transformer.ShiftedWindowAttentionV2(4, [2, 2], [0, 0], 2)
    assert attention.qkv.bias[4:8].tolist() == [0.0] * 4 and attention.qkv.bias[:4].abs().min() > 0
    with minidl.no_grad():
        attention.qkv.bias[4:8] = 3.0
    x = minidl.randn(1, 4, 4, 4)
    before = attention(x)
    with minidl.no_grad():
        attention.qkv.bias[4:8] = 0.0
    assert bool((attention(x) == before).all())
    assert attention.__class__(4, [2, 2], [0, 0], 2, qkv_bias=False)(x).shape == x.shape


@pytest.mark.parametrize("call, kind, text", [
    (lambda: models.MobileNetV2(inverted_residual_setting=[]), ValueError,
     "inverted_residual_setting should be non-empty or a 4-element list, got []"),
    (lambda: models.MobileNetV2(inverted_residual_setting=[[1, 2, 3]]), ValueError, "4-element list"),
    (lambda: models.mobilenetv2.InvertedResidual(8, 8, 3, 1), ValueError, "stride should be 1 or 2 instead of 3"),
    (lambda: models.regnet.BlockParams.from_init_params(4, 8, 1.0, 1.0, 8), ValueError, "Invalid RegNet settings"),
    (lambda: models.regnet_y_8gf(depth=3), TypeError, "depth"),
    (lambda: models.maxvit_t(input_size=(200, 224)), ValueError, "is not divisible by partition size 7"),
    (lambda: models.maxvit.RelativePositionalMultiHeadAttention(6, 4, 4), ValueError, "feat_dim: 6 must be divisible"),
    (lambda: models.maxvit.MaxVitBlock(4, 4, 0.25, 4, nn.BatchNorm2d, nn.GELU, 4, 4, 0.0, 0.0, 2, (8, 8), 2, [0.1]),
     ValueError, "p_stochastic must have length n_layers=2"),
    (lambda: models.maxvit.PartitionAttentionLayer(4, 4, 2, "row", (4, 4), 4, nn.GELU, nn.LayerNorm, 0.0, 0.0, 0.0),
     ValueError, "partition_type must be either 'grid' or 'window', but got 'row'"),
    (lambda: models.MobileNetV3([], 8), ValueError, "The inverted_residual_setting should not be empty"),
    (lambda: models.MobileNetV3([(1, 2)], 8), TypeError,
     "The inverted_residual_setting should be List[InvertedResidualConfig], but got tuple"),
    (lambda: models.mobilenet_v3_small(classes=3), TypeError, "classes"),
    (lambda: models.EfficientNet([], 0.1), ValueError, "The inverted_residual_setting should not be empty"),
    (lambda: models.EfficientNet(models.efficientnet.MBConvConfig(1, 3, 1, 8, 8, 1), 0.1), TypeError,
     "but got MBConvConfig"),
    (lambda: models.EfficientNet([models.efficientnet.MBConvConfig(1, 3, 4, 8, 8, 1)], 0.1), ValueError,
     "illegal stride value: MBConv expects 1 or 2, but got 4"),
    (lambda: models.ConvNeXt([]), ValueError, "The block_setting should not be empty"),
    (lambda: models.ConvNeXt([(8, None, 1)]), TypeError,
     "The block_setting should be List[CNBlockConfig], but got tuple"),
    (lambda: models.swin_transformer.ShiftedWindowAttention(8, [2], [0, 0], 2), ValueError,
     "window_size and shift_size must be of length 2"),
])
def test_refusals(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


# ---------------------------------------------------------------------- files of an earlier version

@pytest.mark.parametrize("alpha", [0.5, 1.3, 1.0])
def test_a_file_of_mnasnet_s_first_version_loads(alpha, tmp_path):
    """Its stem had one width for all."""
    pytest.importorskip("torch")
    there = torchvision("models").MNASNet(alpha, num_classes=5, dropout=0.0)
    nothing = OrderedDict()
    nothing._metadata = {"": {"version": 1}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        there.load_state_dict(nothing, strict=False)            # torchvision's net is one of version 1 from here on
    torch.save(there.state_dict(), tmp_path / "first.pth")
    here = models.MNASNet(alpha, num_classes=5, dropout=0.0).double().eval()
    state = minidl.load(tmp_path / "first.pth")
    if alpha == 1.0:
        here.load_state_dict(state)
    else:
        with pytest.warns(UserWarning, match="Your checkpoint was saved using the previous version"):
            here.load_state_dict(state)
        assert here.layers[0].weight.shape == (32, 3, 3, 3) and here.layers[0].weight.dtype is minidl.float64
        assert not here.layers[0].training and here.state_dict()._metadata[""]["version"] == 1
        assert models.MNASNet(alpha).state_dict()._metadata[""]["version"] == 2
    x = np.random.default_rng(0).random((2, 3, 48, 40))
    expected = there.double().eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(here(minidl.tensor(x)).detach().numpy(), expected, atol=1e-10)


def test_mnasnet_refuses_another_version():
    net = models.MNASNet(0.5, num_classes=2)
    state = net.state_dict()
    state._metadata[""]["version"] = 3
    with pytest.raises(ValueError, match="version should be set to 1 or 2 instead of 3"):
        net.load_state_dict(state)
    net.load_state_dict(dict(net.state_dict()))     # one that has lost its version is of the present one
