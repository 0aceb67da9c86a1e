"""With the same weights, outputs, gradients and running statistics are torchvision's; so is the start."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision import models
from tests.vision.reference import torchvision

RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
           "wide_resnet50_2", "wide_resnet101_2"]


def to_torch(state):
    torch = pytest.importorskip("torch")

    return {key: torch.from_numpy(value.numpy().copy()) for key, value in state.items()}


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

    def agree(here, there, what):
        there = there.detach().numpy()
        np.testing.assert_allclose(here.detach().numpy(), there, rtol=1e-9, atol=1e-9 * np.abs(there).max(),
                                   err_msg=what)

    y, expected = ours(minidl.tensor(x)), theirs(torch.from_numpy(x))
    agree(y, expected, "in training")
    weights = generator.standard_normal(y.shape)
    (y * minidl.tensor(weights)).sum().backward()
    (expected * torch.from_numpy(weights)).sum().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        agree(p.grad, q.grad, name)
    buffers = dict(theirs.named_buffers())
    for name, b in ours.named_buffers():
        agree(b, buffers[name], name)
    agree(ours.eval()(minidl.tensor(x)), theirs.eval()(torch.from_numpy(x)), "in evaluation")


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


@pytest.mark.parametrize("name", [*RESNETS, "vit_b_16", "vit_b_32"])
def test_keys_and_shapes(name):
    torch = pytest.importorskip("torch")
    there = torchvision("models")

    with torch.device("meta"):
        theirs = there.get_model(name).state_dict()
    ours = models.get_model(name).state_dict()
    assert {key: tuple(value.shape) for key, value in ours.items()} == \
        {key: tuple(value.shape) for key, value in theirs.items()}
    assert list(ours) == list(theirs)


@pytest.mark.parametrize("build", [
    lambda there: there.resnet50(), lambda there: there.resnet18(zero_init_residual=True),
    lambda there: there.VisionTransformer(**VIT, representation_size=20),
    lambda there: there.VisionTransformer(**VIT, conv_stem_configs=[
        there.vision_transformer.ConvStemConfig(64, 3, 8)])])
def test_parameters_start_as_theirs(build):
    """Mean and spread of each, as far as its size lets them be told."""
    theirs = build(torchvision("models")).state_dict()
    for key, x in build(models).state_dict().items():
        x, y = x.double().numpy(), theirs[key].double().numpy()
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
    shared = set(models.list_models()) & set(there.list_models())
    assert len(shared) == len(RESNETS) + 2
    for arguments in ({"include": "resnet*"}, {"include": ["vit*", "resnet1*"], "exclude": "*2"}, {"exclude": ["*5*"]}):
        assert [n for n in models.list_models(**arguments) if n in shared] == \
            [n for n in there.list_models(**arguments) if n in shared]
    assert models.list_models(models) == models.list_models()
    for registry in (models, there):
        with pytest.raises(ValueError, match="Unknown model resnet19"):
            registry.get_model("resnet19")
        assert registry.get_model_builder("ResNet18") is registry.resnet18
