"""The look before a training: what is in order passes, and each fault that is planted is found by its check."""
from __future__ import annotations

import math

import pytest

import minidl
from minidl import nn
from minidl.train import Classification, preflight
from minidl.utils.data import DataLoader, TensorDataset


@pytest.fixture
def points():
    minidl.manual_seed(0)
    x = minidl.randn(64, 4)
    return x, (x[:, 0] > 0).long()


def batches(x, y, shuffle=True):
    return DataLoader(TensorDataset(x, y), batch_size=16, shuffle=shuffle)


def mlp():
    minidl.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))


def faults(model, data):
    return [finding.check for finding in preflight(model, data, Classification()).findings if not finding.ok]


def test_what_is_in_order(points):
    found = preflight(mlp(), batches(*points), Classification())
    assert found.ok, str(found)
    assert [finding.check for finding in found.findings] == [
        "inputs", "order", "labels", "first loss", "gradients", "samples", "one batch", "time"]
    assert f"log of 2 classes is {math.log(2):.3f}" in found["first loss"].seen
    assert "226 parameters" in found["time"].seen       # 4 * 32 + 32 + 32 * 2 + 2
    assert str(found).splitlines()[0].startswith("ok    inputs      (16, 4) float32, from ")


def test_faults_of_the_data(points):
    x, y = points
    assert "inputs" in faults(mlp(), batches(100 * x + 50, y))
    assert faults(mlp(), batches(x, y, shuffle=False)) == ["order"]
    assert faults(mlp(), batches(x, minidl.zeros(64, dtype=minidl.int64))) == ["labels"]
    assert "not finite" in preflight(mlp(), batches(minidl.where(x > 2, math.nan, x), y), Classification(),
                                     steps=1)["inputs"].seen


class Unused(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.inside, self.spare = inside, nn.Linear(4, 4)

    def forward(self, x):
        return self.inside(x)


class Mixing(nn.Sequential):
    """Centres over the samples of the batch, also in evaluation."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


def test_faults_of_the_model(points):
    data = batches(*points)
    large = mlp()
    with minidl.no_grad():
        large[2].weight *= 100
    assert "first loss" in faults(large, data)
    found = preflight(Unused(mlp()), data, Classification())
    assert found["gradients"].seen == "none for: spare.weight, spare.bias"
    dead = mlp()
    with minidl.no_grad():
        dead[0].bias -= 100
    assert preflight(dead, data, Classification())["gradients"].seen == "all zero: 0.weight, 0.bias, 2.weight"
    assert faults(Mixing(*mlp()), data) == ["samples"]
    narrow = nn.Sequential(nn.Linear(4, 1), nn.ReLU(), nn.Linear(1, 2))
    assert faults(narrow, batches(points[0], minidl.randint(2, (64,)))) == ["one batch"]


def test_nothing_is_changed(points):
    model, data = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2)), batches(*points)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = minidl.get_rng_state()
    preflight(model.eval(), data, Classification(), steps=3)
    assert all(bool((value == before[name]).all()) for name, value in model.state_dict().items())
    assert bool((minidl.get_rng_state() == state).all()) and not model.training
    assert all(p.grad is None for p in model.parameters())


def test_other_objectives_and_no_data(points):
    def squares(model, x, y):
        return (model(x)[:, 0] - y).square().mean(), {}
    x, y = points
    found = preflight(mlp(), batches(x, y.float()), squares)
    assert [finding.check for finding in found.findings] == ["inputs", "order", "gradients", "samples", "one batch",
                                                            "time"]
    with pytest.raises(ValueError, match="batches is empty"):
        preflight(mlp(), [], Classification())
