"""With the same weights, outputs, gradients and running statistics are torchvision's; so is the start."""
from __future__ import annotations

import re
from collections import OrderedDict

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import models
from tests.vision.models.published import ROWS, TORCHVISION, quickly
from tests.vision.reference import torchvision

NAMES = sorted(name for name, row in ROWS.items() if row.source == TORCHVISION and row.boxes is None)
PIXELS = {"alexnet": 64, "inception": 80, "lraspp": 64, "maxvit": 224, "vit": 224}
"""The side of the smallest image that a family takes, or nearly so; 40 if not given.

At 40 pixels PyTorch's float32 is 1.7e-5 off its own float64 in lraspp."""


def to_torch(state):
    """The tensors share memory; the versions of the modules' layouts go along."""
    torch = pytest.importorskip("torch")

    found = OrderedDict((key, torch.from_numpy(value.numpy())) for key, value in state.items())
    found._metadata = state._metadata
    return found


def compare(ours, theirs, shape, seed=0):
    """In float64: outputs in both modes; in training, gradients and buffers too. Parameters are not at their start."""
    torch = pytest.importorskip("torch")

    ours, theirs = ours.double(), theirs.double()
    generator = np.random.default_rng(seed)
    with minidl.no_grad():
        for p in ours.parameters():
            p += minidl.tensor(generator.standard_normal(p.shape)) * 0.01
    theirs.load_state_dict(to_torch(ours.state_dict()))
    x = generator.standard_normal(shape)

    def agree(here, there, what, cancelled=0.0):
        there = there.detach().numpy()
        np.testing.assert_allclose(here.detach().numpy(), there, rtol=1e-9, err_msg=what,
                                   atol=1e-9 * np.abs(there).max() + cancelled)

    def both():
        y, expected = ours(minidl.tensor(x)), theirs(torch.from_numpy(x))
        if isinstance(y, tuple):                # of several heads
            assert y._fields == expected._fields
            return minidl.cat(y), torch.cat(expected)
        if isinstance(y, dict):
            assert type(y) is type(expected) and list(y) == list(expected)
            return minidl.cat([*y.values()]), torch.cat([*expected.values()])
        return y, expected

    y, expected = both()
    agree(y, expected, "in training")
    weights = generator.standard_normal(y.shape)
    (y * minidl.tensor(weights)).sum().backward()
    (expected * torch.from_numpy(weights)).sum().backward()
    # a bias before a norm has no effect: what is left of its gradient is rounding
    cancelled = 1e-13 * max(float(q.grad.abs().max()) for q in theirs.parameters())
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        agree(p.grad, q.grad, name, cancelled)
    buffers = dict(theirs.named_buffers())
    for name, b in ours.named_buffers():
        agree(b, buffers[name], name)
    ours.eval(), theirs.eval()
    agree(*both(), "in evaluation")


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnets(name):
    there = torchvision("models")
    compare(models.get_model(name, num_classes=7), there.get_model(name, num_classes=7), (4, 3, 40, 40))


@pytest.mark.parametrize("arguments", [
    {"replace_stride_with_dilation": [False, True, True]},
    {"groups": 2, "width_per_group": 32},
    {"zero_init_residual": True},
])
def test_arguments_of_a_resnet(arguments):
    there = torchvision("models.resnet")
    compare(models.ResNet(models.resnet.Bottleneck, [1, 2, 1, 2], 5, **arguments),
            there.ResNet(there.Bottleneck, [1, 2, 1, 2], 5, **arguments), (4, 3, 40, 40))


def test_another_norm_in_a_resnet():
    torch = pytest.importorskip("torch")
    there = torchvision("models.resnet")

    compare(models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], 5, norm_layer=lambda c: minidl.nn.GroupNorm(8, c)),
            there.ResNet(there.BasicBlock, [1, 1, 1, 1], 5, norm_layer=lambda c: torch.nn.GroupNorm(8, c)),
            (2, 3, 64, 64))


VIT = {"image_size": 24, "patch_size": 8, "num_layers": 2, "num_heads": 4, "hidden_dim": 32, "mlp_dim": 48,
       "num_classes": 6}


@pytest.mark.parametrize("more", [{}, {"representation_size": 20}])
def test_vision_transformer(more):
    there = torchvision("models")
    compare(models.VisionTransformer(**VIT, **more), there.VisionTransformer(**VIT, **more), (3, 3, 24, 24))


def test_vision_transformer_with_a_convolutional_stem():
    there = torchvision("models.vision_transformer")
    stem = [(8, 3, 2), (16, 3, 4)]
    compare(models.VisionTransformer(
                **VIT, conv_stem_configs=[models.vision_transformer.ConvStemConfig(*c) for c in stem]),
            there.VisionTransformer(**VIT, conv_stem_configs=[there.ConvStemConfig(*c) for c in stem]), (4, 3, 24, 24))


def no_backbone(name):
    """torchvision downloads the weights of a backbone unless told not to."""
    return {"weights_backbone": None} if name in models.list_models(models.segmentation) else {}


def printed(model):
    """Each layer with its settings. Of ours none works in place."""
    return re.sub(r"(, )?inplace=(True|False)", "", str(model))


def awake(model):
    """Weights so large that the numbers neither grow nor vanish from layer to layer, and no parameter at its start."""
    with minidl.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.uniform_(module.weight, -1, 1)
                module.weight *= (6 / module.weight[0].numel()) ** 0.5
            elif isinstance(module, nn.BatchNorm2d):
                for x in (module.weight, module.running_var):
                    nn.init.uniform_(x, 0.5, 1.5)
                for x in (module.bias, module.running_mean):
                    nn.init.uniform_(x, -0.1, 0.1)
        for module in model.modules():
            kinds = (models.efficientnet.MBConv, models.efficientnet.FusedMBConv)
            if isinstance(module, kinds) and module.use_res_connect:
                module.block[-1][1].weight *= 0.2       # the sum of dozens of blocks would grow until rounding decides
            elif isinstance(module, models.regnet.ResBottleneckBlock):
                module.f.c[1].weight *= 0.2
            elif isinstance(module, models.maxvit.MBConv):
                module.layers.conv_c.weight *= 0.2
            elif isinstance(module, models.maxvit.PartitionAttentionLayer):
                module.attn_layer[1].merge.weight *= 0.2
                module.mlp_layer[3].weight *= 0.2
        for name, p in model.named_parameters():
            if "layer_scale" in name or "relative_position" in name:
                nn.init.uniform_(p, -1, 1)
    return model


@pytest.fixture
def regnets_on_meta(monkeypatch):
    """torchvision computes the widths of a RegNet with tensors, and looks at their values."""
    torch, there = pytest.importorskip("torch"), torchvision("models.regnet").BlockParams
    compute = there.from_init_params

    def on_cpu(*args, **kwargs):
        with torch.device("cpu"):
            return compute(*args, **kwargs)

    monkeypatch.setattr(there, "from_init_params", on_cpu)


@pytest.mark.parametrize("name", NAMES)
def test_is_torchvision_s(name, regnets_on_meta):
    """Keys, shapes, layers with their settings, and scores in evaluation to 1e-5 of the largest."""
    torch = pytest.importorskip("torch")
    there = torchvision("models")

    with torch.device("meta"):
        theirs = there.get_model(name, **quickly(name), **no_backbone(name)).eval()
    minidl.manual_seed(0)
    ours = awake(models.get_model(name, **quickly(name))).eval()
    state, expected = ours.state_dict(), theirs.state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == \
        {key: tuple(value.shape) for key, value in expected.items()}
    assert list(state) == list(expected)
    assert printed(ours) == printed(theirs)
    theirs.load_state_dict(to_torch(state), assign=True)
    side = next((side for family, side in PIXELS.items() if name.startswith(family)), 40)
    x = minidl.rand(2, 3, side, side)
    with minidl.no_grad(), torch.no_grad():
        y, expected = ours(x), theirs(torch.from_numpy(x.numpy()))
    if isinstance(y, dict):
        assert list(y) == list(expected) and len({head.shape for head in y.values()}) == 1
        y, expected = minidl.cat([*y.values()], 1), torch.cat([*expected.values()], 1)
    y, expected = y.numpy(), expected.numpy()
    largest = np.abs(expected).max()
    assert np.abs(expected[0] - expected[1]).max() > 1e-3 * largest     # scores depend on the image
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * largest)


def small(model):
    """Narrow linear layers in place of VGG's 100 million parameters."""
    kind = type(model.classifier[0])
    for i, inputs, outputs in ((0, 512 * 49, 16), (3, 16, 8), (6, 8, 7)):
        model.classifier[i] = kind(inputs, outputs)
    return model


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg(batch_norm):
    there = torchvision("models")
    arguments = {"init_weights": False, "dropout": 0.0}
    cfg = [8, "M", 16, 16, "M", 512, "M"]
    compare(small(models.VGG(models.vgg.make_layers(cfg, batch_norm), **arguments)),
            small(there.VGG(there.vgg.make_layers(cfg, batch_norm), **arguments)), (3, 3, 40, 33))


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
def test_squeezenet(name):
    there = torchvision("models")
    compare(models.get_model(name, num_classes=7, dropout=0.0), there.get_model(name, num_classes=7, dropout=0.0),
            (3, 3, 40, 33))


@pytest.mark.parametrize("arguments", [{}, {"aux_logits": False, "transform_input": True}])
def test_googlenet(arguments):
    there = torchvision("models")
    arguments = {"num_classes": 7, "init_weights": False, "dropout": 0.0, "dropout_aux": 0.0, **arguments}
    compare(models.GoogLeNet(**arguments), there.GoogLeNet(**arguments), (3, 3, 40, 33))


def test_inception():
    """Of images of few pixels, which the auxiliary head cannot take."""
    there = torchvision("models")
    arguments = {"num_classes": 7, "init_weights": False, "dropout": 0.0, "aux_logits": False, "transform_input": True}
    compare(models.Inception3(**arguments), there.Inception3(**arguments), (2, 3, 91, 80))


def test_the_auxiliary_head_of_inception():
    there = torchvision("models.inception")
    compare(models.inception.InceptionAux(16, 7), there.InceptionAux(16, 7), (3, 16, 17, 17))


def test_inception_has_the_scores_of_both_heads_in_training():
    net = models.Inception3(num_classes=7, init_weights=False, dropout=0.0)
    inner = []
    net.Mixed_6e.register_forward_hook(lambda module, inputs, output: inner.append(output))
    with minidl.no_grad():
        scores, aux = found = net(minidl.rand(2, 3, 299, 299))
        assert isinstance(found, models.inception.InceptionOutputs)
        assert scores.shape == aux.shape == (2, 7) and inner[0].shape == (2, 768, 17, 17)
        assert bool((net.AuxLogits(inner[0]) == aux).all())


def test_shufflenet():
    there = torchvision("models")
    arguments = [2, 3, 1], [8, 16, 24, 32, 40], 7
    compare(models.ShuffleNetV2(*arguments), there.ShuffleNetV2(*arguments), (3, 3, 70, 65))


def test_mnasnet():
    there = torchvision("models")
    compare(models.MNASNet(0.35, 7, dropout=0.0), there.MNASNet(0.35, 7, dropout=0.0), (3, 3, 70, 65))


@pytest.mark.parametrize("alpha", [0.05, 0.35, 0.6, 1.1, 2.0])
def test_channels_of_a_mnasnet(alpha):
    assert models.mnasnet._get_depths(alpha) == torchvision("models.mnasnet")._get_depths(alpha)


@pytest.mark.parametrize("arguments", [{}, {"memory_efficient": True}])
def test_densenet(arguments):
    there = torchvision("models")
    arguments = {"growth_rate": 8, "block_config": (2, 3, 2), "num_init_features": 12, "bn_size": 2, "num_classes": 7,
                 **arguments}
    compare(models.DenseNet(**arguments), there.DenseNet(**arguments), (3, 3, 40, 33))


def test_a_densenet_loads_the_keys_of_torchvision_s_files():
    net, other = (models.DenseNet(8, (2, 3), 12, num_classes=7) for _ in range(2))
    keys = {key: re.sub(r"(denselayer\d+\.(?:norm|conv))", r"\1.", key) for key in net.state_dict()}
    assert keys["features.denseblock1.denselayer2.norm1.weight"] == "features.denseblock1.denselayer2.norm.1.weight"
    for prefix, module in (("", other), ("0.", nn.Sequential(other))):
        with minidl.no_grad():
            for p in other.parameters():
                p.zero_()
        module.load_state_dict({prefix + keys[key]: value for key, value in net.state_dict().items()})
        assert all(bool((p == q).all()) for p, q in zip(net.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("build", [
    lambda there: there.alexnet(), lambda there: there.squeezenet1_0(), lambda there: there.densenet121(),
    lambda there: there.VGG(there.vgg.make_layers([16, "M", 512], batch_norm=True), num_classes=20),
    lambda there: there.googlenet(init_weights=True), lambda there: there.inception_v3(init_weights=True),
    lambda there: there.shufflenet_v2_x0_5(), lambda there: there.mnasnet0_5(),
    lambda there: there.resnet50(), lambda there: there.resnet18(zero_init_residual=True),
    lambda there: there.VisionTransformer(**VIT, representation_size=20),
    lambda there: there.VisionTransformer(**VIT, conv_stem_configs=[
        there.vision_transformer.ConvStemConfig(64, 3, 8)]),
    lambda there: there.mobilenet_v2(), lambda there: there.mobilenet_v3_small(), lambda there: there.efficientnet_b0(),
    lambda there: there.RegNet(there.regnet.BlockParams([1, 2], [32, 64], [8, 16], [1.0, 1.0], [2, 2], 0.25)),
    lambda there: there.MaxVit((32, 32), 16, 4, [32, 64], [1, 1], 16, 0.2),
    lambda there: there.ConvNeXt([there.convnext.CNBlockConfig(32, 64, 1), there.convnext.CNBlockConfig(64, None, 1)]),
    lambda there: there.SwinTransformer([4, 4], 32, [1, 1], [2, 4], [5, 4]),
    lambda there: there.SwinTransformer([4, 4], 32, [1, 1], [2, 4], [5, 4],
                                        block=there.swin_transformer.SwinTransformerBlockV2),
    lambda there: there.swin_transformer.SwinTransformerBlockV2(64, 4, [5, 4], [2, 2])])
def test_parameters_start_as_theirs(build):
    """Mean and spread of each, as far as its size lets them be told."""
    theirs = build(torchvision("models")).state_dict()
    for key, x in build(models).state_dict().items():
        x, y = (t.flatten()[:4_000_000].double().numpy() for t in (x, theirs[key]))     # enough of VGG's 100 million
        error = 8 * y.std() / y.size ** 0.5 + 1e-12
        assert abs(x.mean() - y.mean()) <= error, key
        assert abs(x.std() - y.std()) <= error, key


def test_a_resnet20_is_torchvision_s_blocks_with_a_padded_shortcut():
    torch = pytest.importorskip("torch")
    there = torchvision("models.resnet")

    class Padded(torch.nn.Module):
        def forward(self, x):
            n, c, h, w = x.shape
            y = torch.zeros(n, 2 * c, h // 2, w // 2, dtype=x.dtype)
            y[:, c // 2:c // 2 + c] = x[:, :, ::2, ::2]
            return y

    def stage(inputs, outputs):
        first = there.BasicBlock(inputs, outputs, 1 if inputs == outputs else 2,
                                 None if inputs == outputs else Padded())
        return torch.nn.Sequential(first, there.BasicBlock(outputs, outputs), there.BasicBlock(outputs, outputs))

    theirs = torch.nn.Sequential()
    for name, module in {
        "conv1": torch.nn.Conv2d(3, 16, 3, padding=1, bias=False), "bn1": torch.nn.BatchNorm2d(16),
        "relu": torch.nn.ReLU(), "layer1": stage(16, 16), "layer2": stage(16, 32), "layer3": stage(32, 64),
        "avgpool": torch.nn.AdaptiveAvgPool2d(1), "flatten": torch.nn.Flatten(), "fc": torch.nn.Linear(64, 10),
    }.items():
        theirs.add_module(name, module)
    compare(models.resnet20(), theirs, (4, 3, 32, 32))


def test_the_registry_answers_as_theirs():
    there = torchvision("models")
    detectors = set(models.list_models(models.detection))      # tests/vision/models/detection
    shared = set(models.list_models()) & set(there.list_models()) - detectors
    assert shared == set(NAMES)
    for arguments in ({"include": "resnet*"}, {"include": ["vit*", "resnet1*"], "exclude": "*2"}, {"exclude": ["*5*"]}):
        assert [n for n in models.list_models(**arguments) if n in shared] == \
            [n for n in there.list_models(**arguments) if n in shared]
    theirs = there.list_models(there.segmentation)
    assert [n for n in models.list_models(models.segmentation) if n in shared] == theirs
    parts = [models, models.segmentation, models.detection, models.small]
    assert sorted(name for part in parts for name in models.list_models(part)) == models.list_models()
    assert shared & set(models.list_models(models)) == shared & set(there.list_models(there))
    for registry in (models, there):
        with pytest.raises(ValueError, match="Unknown model resnet19"):
            registry.get_model("resnet19")
        assert registry.get_model_builder("ResNet18") is registry.resnet18
