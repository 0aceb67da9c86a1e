"""What the programs on training claim, checked on small numbers; and the parts of the assignments against minidl's."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.nn import functional as F
from minidl.vision import models

FOLDER = Path(__file__).parents[2] / "examples" / "course"


def program(name, monkeypatch):
    """The functions of a program, which is not run."""
    path = FOLDER / f"{name}.py"
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    before = set(sys.modules)
    found = runpy.run_path(str(path), run_name="read")
    for module in set(sys.modules) - before:
        if Path(getattr(sys.modules[module], "__file__", None) or "").is_relative_to(FOLDER):
            del sys.modules[module]
    return found


def test_whitened_points_are_round(monkeypatch):
    minidl.manual_seed(0)
    points = minidl.randn(200, 3).double() @ minidl.rand(3, 3).double() + 5
    clouds = program("training/preprocessing", monkeypatch)["prepared"](points)
    for name, x in clouds.items():
        covariance = (x.T @ x / len(x)).numpy()
        round_or_turned = name in ("centred, turned", "whitened")
        assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-5) == round_or_turned
    np.testing.assert_allclose((clouds["whitened"].T @ clouds["whitened"] / 200).numpy(), np.eye(3), atol=1e-3)
    np.testing.assert_allclose(clouds["and scaled"].std(0, correction=0).numpy(), 1)


def test_a_round_cloud_needs_few_steps(monkeypatch):
    descent = program("training/preprocessing", monkeypatch)["descent"]
    minidl.manual_seed(0)
    x = minidl.randn(100, 2).double()
    y = x @ minidl.tensor([1.0, -2.0]).double()
    assert descent(x, y)[1] < descent(x * minidl.tensor([10.0, 1.0]).double(), y)[1]


def test_deviations_through_depth(monkeypatch):
    minidl.manual_seed(0)
    found = program("training/initial_weights", monkeypatch)["activations"](256, 64)
    last = {name: layers[-1].std().item() for name, layers in found.items()}
    assert last["tanh, 0.01"] < 1e-4 < 0.2 < last["tanh, Xavier"]
    assert last["ReLU, Kaiming"] == pytest.approx(8 * last["ReLU, Xavier"])     # sqrt(2) in each of six layers


def test_three_falls(monkeypatch):
    rates = program("training/schedules", monkeypatch)["rates"]("three falls", 0.5, 100)
    assert [rates[step] for step in (29, 30, 59, 60, 89, 90)] == pytest.approx([0.5, 0.05, 0.05, 5e-3, 5e-3, 5e-4])


def test_nine_points(monkeypatch):
    points = program("training/nine_points", monkeypatch)
    grid = points["grid"](3)
    assert grid.shape == (9, 2) and len(np.unique(grid[:, 0])) == 3
    assert points["best_of"](grid, (0.5, 0.0), 0.0) == 1.0 > points["best_of"](grid, (1 / 3, 0.0), 0.0)


def test_the_augmenting_generator(monkeypatch):
    Generator = program("training/augmenting_generator", monkeypatch)["Generator"]
    minidl.manual_seed(0)
    x, y = minidl.rand(40, 1, 6, 6), minidl.arange(40)
    plain = Generator(validation_split=0.25).fit(x)
    np.testing.assert_allclose(plain.changed(x).numpy(), x.numpy(), atol=1e-6)
    seen = [next(batches) for batches in (plain.flow(x, y, 100), plain.flow(x, y, 100, "validation"))]
    assert sorted(seen[0][1].tolist()) == list(range(30)) and seen[1][1].tolist() == list(range(30, 40))
    mirrored = Generator(horizontal_flip=True).fit(x).changed(x)
    same, flipped = ((mirrored - other).abs().amax((1, 2, 3)) < 1e-5 for other in (x, x.flip(3)))
    assert bool((same ^ flipped).all()) and bool(same.any()) and bool(flipped.any())
    white = Generator(featurewise_center=True, zca_whitening=True).fit(x[:, :, :2, :2])
    flat = white.standardised(x[:, :, :2, :2]).flatten(1)
    np.testing.assert_allclose((flat.T @ flat / len(flat)).numpy(), np.eye(4), atol=1e-3)


def test_own_losses_and_optimizers(monkeypatch):
    own = program("assignments/from_tensors", monkeypatch)
    minidl.manual_seed(0)
    scores, y = 5 * minidl.randn(8, 3), minidl.randint(3, (8,))
    assert own["cross_entropy"](scores, y).item() == pytest.approx(F.cross_entropy(scores, y).item(), rel=1e-5)
    binary = F.binary_cross_entropy_with_logits(scores, F.one_hot(y, 3).float(), reduction="none").sum(1).mean()
    assert own["binary_cross_entropies"](scores, y).item() == pytest.approx(binary.item(), rel=1e-5)
    for mine, theirs in ((lambda p: own["SGD"](p, 0.1, 0.9), lambda p: optim.SGD(p, 0.1, 0.9)),
                         (lambda p: own["Adam"](p, 0.1), lambda p: optim.Adam(p, 0.1))):
        ends = []
        for make in (mine, theirs):
            p = minidl.tensor([3.0, -2.0], requires_grad=True)
            optimizer = make([p])
            for _ in range(5):
                p.grad = None
                (p ** 2).sum().backward()
                optimizer.step()
            ends.append(p.tolist())
        assert ends[0] == pytest.approx(ends[1], rel=1e-5)


def test_own_convolution_and_residual_network(monkeypatch):
    found = program("assignments/assignment_2", monkeypatch)
    x, weight = minidl.arange(16.0).view(1, 1, 4, 4), minidl.tensor([[[[0.0, 1], [2, 3]]]])
    bias = minidl.tensor([1.0])
    assert found["convolve"](x, weight, bias, 0, 2)[0, 0].tolist() == [[25, 37], [73, 85]]      # 0+1+8+15 + 1, ...
    own, zoo = found["ResNet20"](10, 3).eval(), models.resnet20().eval()
    own.load_state_dict(zoo.state_dict())
    x = minidl.rand(1, 3, 16, 16)
    np.testing.assert_allclose(own(x).detach().numpy(), zoo(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_own_transformer(monkeypatch):
    parts = program("assignments/transformer", monkeypatch)
    x = minidl.arange(32.0).view(1, 2, 4, 4)
    assert parts["tokens"](x, 2)[0, 1].tolist() == [2, 18, 3, 19, 6, 22, 7, 23]         # the second square, row by row
    own, layer, z = parts["Attention"](8, 2), nn.MultiheadAttention(8, 2, batch_first=True), minidl.randn(3, 5, 8)
    with minidl.no_grad():
        for mine, theirs in ((own.qkv.weight, layer.in_proj_weight), (own.qkv.bias, layer.in_proj_bias),
                             (own.out.weight, layer.out_proj.weight), (own.out.bias, layer.out_proj.bias)):
            mine.copy_(theirs)
    np.testing.assert_allclose(own(z).detach().numpy(), layer(z, z, z)[0].detach().numpy(), rtol=1e-4, atol=1e-6)
    shapes = [parts["ViT"](4, 2, 2, 7, pool)(x).shape for pool in ("cls", "mean", "none")]
    assert shapes == [(1, 7), (1, 7), (1, 4, 7)]
