"""What every model does: it trains, is saved, copied and moved; and what each file promises beyond."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.backends import numba
from minidl.nn import functional as F
from minidl.vision import models
from minidl.vision.models import mnasnet, shufflenetv2
from tests import strict_array
from tests.vision.models.published import ROWS

LARGE = {"resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2",
         "wide_resnet101_2", "resnext101_64x4d", "vit_lite_7_4", "cct_7_3x1", "densenet161", "densenet169",
         "densenet201", "inception_v3", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "mnasnet0_75", "mnasnet1_0",
         "mnasnet1_3", "nasnetalarge", *models.list_models(models.segmentation), *models.list_models(models.detection),
         *models.list_models(
             include=["vgg*", "efficientnet_*", "convnext_*", "swin_*", "vit_[blh]_*", "regnet_*", "maxvit_t"],
             exclude=["efficientnet_b0", "regnet_x_400mf"])}
"""Others of the same classes are tried in their place; of those that have no small ones, a small net of the class is
compared with torchvision's in training."""

FIGURES = sorted(set(models.list_models()) - LARGE - {"dcgan_generator"})


def sample(name, n=4):
    """Images and classes for a model."""
    size = list(ROWS[name].input_size)
    if size[-1] >= 224:
        size[-2:] = (64, 64) if name == "alexnet" else (40, 40)
    return minidl.rand(n, *size[1:]), minidl.arange(n) % 2


def loss_of(model, images, labels):
    scores = model(images)
    if isinstance(scores, tuple):           # of several heads
        return sum(F.cross_entropy(head, labels) for head in scores)
    return (F.cross_entropy(scores, labels) if scores.ndim == 2 else
            F.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype)))


@pytest.fixture
def compiled():
    if not numba.is_available():
        pytest.skip("Numba is not installed")
    before, numba.enabled = numba.enabled, True
    yield
    numba.enabled = before


def trains(name, device="cpu"):
    minidl.manual_seed(0)
    model = models.get_model(name).to(device)
    images, labels = (x.to(device) for x in sample(name))
    if isinstance(model, models.SpeedNet):
        model.whiten_(images)
    fixed = [p for p in model.parameters() if not p.requires_grad]
    optimizer = optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    losses = []
    for _ in range(3):
        loss = loss_of(model, images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.isfinite(losses).all() and min(losses[1:]) < losses[0]
    for key, p in model.named_parameters():
        assert bool((p.detach() != before[key]).any()) == p.requires_grad, key
    assert len(fixed) == (7 if name.startswith("airbench") else 0)
    return model


@pytest.mark.parametrize("name", FIGURES)
def test_trains(name):
    trains(name)


@pytest.mark.parametrize("name", ["resnet20", "airbench93", "cct_2_3x2", "vit_mnist", "lenet5"])
def test_trains_on_compiled_kernels(name, compiled):
    trains(name)


@pytest.mark.parametrize("name", ["resnet20", "airbench93", "cct_2_3x2", "vit_mnist", "lenet5", "lenet_caffe",
                                  "dcgan_discriminator"])
def test_trains_on_another_device(name):
    assert strict_array.__doc__
    model = trains(name, "strict")
    assert {p.device.type for p in [*model.parameters(), *model.buffers()]} == {"strict"}


def test_a_pair_of_gan_trains_on_another_device():
    generator = models.dcgan_generator(nz=8, ngf=4, nc=1, image_size=28).to("strict")
    discriminator = models.dcgan_discriminator(nc=1, ndf=4, image_size=28).to("strict")
    fake = generator(minidl.randn(3, 8, device="strict"))
    scores = discriminator(fake)
    F.binary_cross_entropy_with_logits(scores, minidl.ones_like(scores)).backward()
    assert all(p.grad is not None and p.device.type == "strict" for p in generator.parameters())


@pytest.mark.parametrize("name", [*FIGURES, "dcgan_generator"])
def test_state_dict_and_copy_are_the_same_net(name, tmp_path):
    model = models.get_model(name).eval()
    x = minidl.randn(2, *ROWS[name].input_size[1:]) if name == "dcgan_generator" else sample(name, 2)[0]
    other = models.get_model(name).eval()
    minidl.save(model.state_dict(), tmp_path / "weights.mdl")
    other.load_state_dict(minidl.load(tmp_path / "weights.mdl"))
    for same in (other, copy.deepcopy(model)):
        assert bool((same(x) == model(x)).all())
        assert all(p is not q for p, q in zip(same.parameters(), model.parameters()))
        assert [p.requires_grad for p in same.parameters()] == [p.requires_grad for p in model.parameters()]


# ---------------------------------------------------------------------- shapes and refusals

@pytest.mark.parametrize("name, size", [
    ("lenet5", 28), ("lenet5", 32), ("lenet5", 8), ("lenet5", 64), ("lenet_caffe", 28), ("lenet_caffe", 8),
    ("lenet_caffe", 32), ("lenet_caffe", 64), ("cct_2_3x2", 28), ("cct_2_3x2", 64), ("cct_2_3x2", 8),
    ("vit_lite_2_4", 64), ("vit_mnist", 8)])
def test_images_of_other_sizes_and_channels(name, size):
    model = models.get_model(name, num_classes=20, in_channels=3, image_size=size)
    assert model(minidl.rand(2, 3, size, size)).shape == (2, 20)


@pytest.mark.parametrize("name", ["resnet20", "airbench93"])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_images_of_any_size(name, size):
    assert models.get_model(name, num_classes=20, in_channels=1)(minidl.rand(2, 1, size, size)).shape == (2, 20)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_gan_of_each_size(size):
    images = models.dcgan_generator(image_size=size, nz=5, ngf=4, nc=2)(minidl.randn(3, 5))
    assert images.shape == (3, 2, size, size) and bool((images.abs() <= 1).all())
    assert models.dcgan_discriminator(image_size=size, ndf=4, nc=2)(images).shape == (3,)


@pytest.mark.parametrize("wrong, text", [
    (lambda: models.get_model("resnet21"), "Unknown model resnet21: did you mean .*resnet20"),
    (lambda: models.get_model("q"), "Unknown model q: list_models"),
    (lambda: models.register_model("resnet20")(models.resnet20), "'resnet20' is registered already"),
    (lambda: models.resnet50(replace_stride_with_dilation=[True]), "3-element tuple"),
    (lambda: models.resnet18(width_per_group=128), "only supports groups=1 and base_width=64"),
    (lambda: models.SqueezeNet("1_2"), "Unsupported SqueezeNet version 1_2: 1_0 or 1_1 expected"),
    (lambda: models.GoogLeNet(blocks=[nn.Conv2d]), "blocks length should be 3 instead of 1"),
    (lambda: models.Inception3(inception_blocks=[nn.Conv2d]), "inception_blocks should be 7 instead of 1"),
    (lambda: models.ShuffleNetV2([1, 2], [8, 8, 8, 8, 8]), "list of 3 positive ints"),
    (lambda: models.ShuffleNetV2([1, 2, 1], [8, 8]), "list of 5 positive ints"),
    (lambda: shufflenetv2.InvertedResidual(8, 8, 4), "illegal stride value: expected 1, 2 or 3, but got 4"),
    (lambda: shufflenetv2.InvertedResidual(8, 16, 1), "Invalid combination of stride 1, inp 8 and oup 16"),
    (lambda: models.MNASNet(0.0), "alpha should be greater than 0.0 instead of 0.0"),
    (lambda: mnasnet._InvertedResidual(8, 8, 3, 3, 2), "stride should be 1 or 2 instead of 3"),
    (lambda: mnasnet._InvertedResidual(8, 8, 4, 1, 2), "kernel_size should be 3 or 5 instead of 4"),
    (lambda: mnasnet._stack(8, 8, 3, 1, 2, 0, 0.1), "repeats should be >= 1, instead got 0"),
    (lambda: models.CifarResNet(21), r"expected a depth of 6n \+ 2 .*, but got 21"),
    (lambda: models.CifarResNet(2), r"expected a depth of 6n \+ 2"),
    (lambda: models.resnet20(shortcut="C"), "shortcut 'A' .* or 'B' .*'C'"),
    (lambda: models.lenet5(image_size=3), "at least 4 pixels"),
    (lambda: models.dcgan_generator(image_size=30), "DCGANGenerator: expected image_size 28, 32 or 64, but got 30"),
    (lambda: models.dcgan_discriminator(image_size=30), "DCGANDiscriminator: expected image_size"),
    (lambda: models.vit_mnist(image_size=30), "multiple of patch_size, but got 30 and 4"),
    (lambda: models.vit_mnist()(minidl.rand(1, 1, 32, 32)), r"\(N, C, 28, 28\), but got \(1, 1, 32, 32\)"),
    (lambda: models.airbench93().whiten_(minidl.rand(4, 1, 8, 8)), r"images \(N, 3, H, W\), but got \(4, 1, 8, 8\)"),
    (lambda: models.cct_2_3x2()(minidl.rand(1, 3, 28, 28)), r"CCT: expected .*32, 32\), but got \(1, 3, 28, 28\)"),
])
def test_what_cannot_be_built_or_called(wrong, text):
    with pytest.raises(ValueError, match=text):
        wrong()


def test_dilation_needs_bottlenecks():
    with pytest.raises(NotImplementedError, match="Dilation > 1 not supported in BasicBlock"):
        models.resnet18(replace_stride_with_dilation=[False, False, True])


# ---------------------------------------------------------------------- one by one

def test_option_b_has_a_convolution_where_a_has_zeros():
    a, b = models.resnet20(), models.resnet20(shortcut="B")
    added = {key for key in b.state_dict() if key not in a.state_dict()}
    assert {key.split(".num")[0].rpartition(".")[0] for key in added} >= {
        "layer2.0.downsample.0",
        "layer3.0.downsample.0",
    }
    assert sum(p.numel() for p in b.parameters()) - sum(p.numel() for p in a.parameters()) == \
        16 * 32 + 64 + 32 * 64 + 128
    assert b(minidl.rand(2, 3, 32, 32)).shape == (2, 10)


def test_whitening_makes_patches_of_the_data_white():
    """Each kernel's outputs have variance 1 and no correlation, as far as eps lets them; the last 12 are negatives."""
    minidl.manual_seed(0)
    images = F.avg_pool2d(minidl.randn(200, 3, 34, 34), 3, stride=1)       # smooth, as photographs are
    images = images * minidl.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1) + 0.5
    net = models.airbench93()
    net.whiten_(images, eps=0.0)
    outputs = net.whiten(images).transpose(0, 1).flatten(1).detach().double()
    covariance = minidl.cov(outputs[:12])
    np.testing.assert_allclose(covariance.numpy(), np.eye(12), atol=1e-3)
    np.testing.assert_allclose(net.whiten.weight[12:].numpy(), -net.whiten.weight[:12].numpy())
    # by NumPy, the largest direction first
    windows = np.lib.stride_tricks.sliding_window_view(images.double().numpy(), (2, 2), axis=(2, 3))
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    net.whiten_(images)
    for i in range(12):
        expected = vectors[:, -1 - i] / np.sqrt(values[-1 - i] + 5e-4)
        found = net.whiten.weight[i].flatten().numpy()
        np.testing.assert_allclose(found * np.sign(found @ expected), expected, rtol=1e-4, atol=1e-5)
    assert not net.whiten.weight.requires_grad and net.whiten.bias.requires_grad


def test_a_speed_net_starts_as_the_identity():
    group = models.airbench94().group2      # 64 -> 256
    x = minidl.rand(1, 64, 8, 8)
    np.testing.assert_allclose(group.conv1(x)[:, :64].detach().numpy(), x.numpy(), rtol=1e-6)
    rest = group.conv1.weight[64:].detach()
    assert 0 < rest.abs().max().item() <= (1 / (64 * 9)) ** 0.5         # as PyTorch's convolutions start
    assert [p.requires_grad for p in group.norm1.parameters()] == [False, True]


def test_a_speed_net_by_its_parts():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    minidl.manual_seed(0)
    net = models.airbench93().double()
    x = minidl.randn(4, 3, 32, 32, dtype=minidl.float64)
    net.whiten_(x)
    p = {key: torch.from_numpy(value.numpy()) for key, value in net.state_dict().items()}

    def norm(y, key):
        return f.gelu(f.batch_norm(y, None, None, p[f"{key}.weight"], p[f"{key}.bias"], training=True, eps=1e-12))

    y = f.gelu(f.conv2d(torch.from_numpy(x.numpy()), p["whiten.weight"], p["whiten.bias"]))
    for group in ("group1", "group2", "group3"):
        y = norm(f.max_pool2d(f.conv2d(y, p[f"{group}.conv1.weight"], padding=1), 2), f"{group}.norm1")
        y = norm(f.conv2d(y, p[f"{group}.conv2.weight"], padding=1), f"{group}.norm2")
    expected = f.max_pool2d(y, 3).flatten(1) @ p["head.weight"].T / 9
    np.testing.assert_allclose(net(x).detach().numpy(), expected.numpy(), rtol=1e-9)


def test_cct_by_its_parts():
    """The formulas of the authors' code, head by head."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    minidl.manual_seed(0)
    net = models.cct_2_3x2().double().eval()
    x = minidl.randn(2, 3, 32, 32, dtype=minidl.float64)
    p = {key: torch.from_numpy(value.numpy()) for key, value in net.state_dict().items()}

    def norm(y, key):
        return f.layer_norm(y, y.shape[-1:], p[f"{key}.weight"], p[f"{key}.bias"])

    def linear(y, key):
        return f.linear(y, p[f"{key}.weight"], p.get(f"{key}.bias"))

    y = torch.from_numpy(x.numpy())
    for i in (0, 1):
        y = f.max_pool2d(f.relu(f.conv2d(y, p[f"tokenizer.conv_layers.{i}.0.weight"], padding=1)), 3, 2, 1)
    y = y.flatten(2).transpose(1, 2) + p["classifier.positional_emb"]
    for i in (0, 1):
        block = f"classifier.blocks.{i}"
        q, k, v = linear(norm(y, f"{block}.pre_norm"), f"{block}.self_attn.qkv").split(128, dim=-1)
        heads = [torch.softmax(q[..., h] @ k[..., h].mT / 8, dim=-1) @ v[..., h]
                 for h in (slice(0, 64), slice(64, 128))]
        y = norm(y + linear(torch.cat(heads, dim=-1), f"{block}.self_attn.proj"), f"{block}.norm1")
        y = y + linear(f.gelu(linear(y, f"{block}.linear1")), f"{block}.linear2")
    y = norm(y, "classifier.norm")
    weights = torch.softmax(linear(y, "classifier.attention_pool"), dim=1)
    expected = linear((weights * y).sum(dim=1), "classifier.fc")
    np.testing.assert_allclose(net(x).detach().numpy(), expected.numpy(), rtol=1e-9)


def test_cct_leaves_out_later_blocks_more_often():
    blocks = models.CCT(5, 2, 16, 1, 2, stochastic_depth=0.2).classifier.blocks
    np.testing.assert_allclose([block.drop_path.p for block in blocks], [0, 0.05, 0.1, 0.15, 0.2])
    net = models.CCT(2, 2, 16, 1, 2, dropout=0.5)
    x = minidl.rand(2, 3, 32, 32)
    assert bool((net.eval()(x) == net(x)).all()) and bool((net.train()(x) != net(x)).any())


@pytest.mark.parametrize("size", [28, 32, 64])
def test_gan_is_that_of_pytorch_s_tutorial(size):
    """The layers as the tutorial writes them, with our weights under its keys."""
    t = pytest.importorskip("torch").nn
    torch = pytest.importorskip("torch")
    first, steps = {28: (7, 1), 32: (4, 2), 64: (4, 3)}[size]
    up = [t.ConvTranspose2d(6, 4 << steps, first, 1, 0, bias=False), t.BatchNorm2d(4 << steps), t.ReLU(True)]
    down = [t.Conv2d(2, 4, 4, 2, 1, bias=False), t.LeakyReLU(0.2, inplace=True)]
    for i in range(steps):
        wide = 4 << (steps - i)
        up += [t.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), t.BatchNorm2d(wide // 2), t.ReLU(True)]
        down += [t.Conv2d(4 << i, 8 << i, 4, 2, 1, bias=False), t.BatchNorm2d(8 << i), t.LeakyReLU(0.2, inplace=True)]
    up += [t.ConvTranspose2d(4, 2, 4, 2, 1, bias=False), t.Tanh()]
    down += [t.Conv2d(4 << steps, 1, first, 1, 0, bias=False), t.Sigmoid()]
    noise = minidl.randn(5, 6, 1, 1, dtype=minidl.float64)
    pairs = [(models.dcgan_generator(6, 4, 2, size), up, noise, lambda y: y),
             (models.dcgan_discriminator(2, 4, size), down, minidl.rand(5, 2, size, size, dtype=minidl.float64),
              minidl.sigmoid)]
    for ours, layers, x, end in pairs:
        theirs = t.Module()
        theirs.main = t.Sequential(*layers)
        theirs.double().load_state_dict(
            {key: torch.from_numpy(value.numpy()) for key, value in ours.double().state_dict().items()})
        for mode in (True, False):
            y = end(ours.train(mode)(x)).detach().numpy()
            expected = theirs.train(mode).main(torch.from_numpy(x.numpy())).detach().numpy()
            np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=1e-7)


def test_gan_starts_small():
    net = models.dcgan_generator()
    assert net.main[3].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert net.main[4].weight.mean().item() == pytest.approx(1, abs=0.01) and net.main[4].weight.std().item() < 0.03
    assert bool((net.main[4].bias == 0).all())


def test_lenet_by_its_parts():
    net = models.lenet5()
    kinds = [type(layer) for layer in [*net.features, *net.fc]]
    assert kinds == [nn.Conv2d, nn.Tanh, nn.AvgPool2d] * 2 + [nn.Linear, nn.Tanh] * 2 + [nn.Linear]
    x = minidl.rand(2, 1, 28, 28)
    framed = models.lenet5(image_size=32)
    framed.load_state_dict(net.state_dict())
    np.testing.assert_allclose(net(x).detach().numpy(), framed(F.pad(x, (2, 2, 2, 2))).detach().numpy(), rtol=1e-5,
                               atol=1e-6)


def test_patches_come_row_by_row():
    """A token that has seen nothing but its patch and its place: with attention and MLPs set to 0."""
    net = models.vit_mnist()
    with minidl.no_grad():
        for name, p in net.named_parameters():
            if "out_proj" in name or "mlp.3" in name or "pos_embedding" in name:
                p.zero_()
    x = minidl.zeros(1, 1, 28, 28)
    x[0, 0, 4:8, 24:28] = 1                 # the last patch of the second row
    changed = (net.tokens(x) - net.tokens(x * 0)).abs().sum(dim=2)[0]
    assert changed.nonzero().flatten().tolist() == [1 + 7 + 6]
