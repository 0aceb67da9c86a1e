"""Layers that draw random numbers: dropout, RReLU, fractional pooling; without them they are in test_registry.py."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
def test_elements(p: float) -> None:
    minidl.manual_seed(0)
    x = minidl.ones(200, 100, requires_grad=True)
    y = nn.Dropout(p)(x)
    kept = y != 0
    assert abs(kept.float().mean().item() - (1 - p)) < 0.02
    assert (y[kept] == minidl.tensor(1 / (1 - p) if p < 1 else 0.0)).all().item()
    y.sum().backward()
    assert x.grad.equal(y.detach())     # of ones: what was multiplied with


def test_channels() -> None:
    minidl.manual_seed(0)
    y = nn.Dropout2d(0.5)(minidl.ones(20, 50, 3, 3))
    sums = y.sum((2, 3))
    assert set(sums.reshape(-1).tolist()) == {0.0, 18.0}
    assert abs((sums == 0).float().mean().item() - 0.5) < 0.1


@pytest.mark.parametrize("layer, shape", [
    (nn.Dropout1d(0.5), (20, 50, 9)), (nn.Dropout1d(0.5), (1000, 9)),
    (nn.Dropout3d(0.5), (20, 50, 1, 3, 3)), (nn.Dropout3d(0.5), (1000, 3, 3, 1)),
])
def test_channels_of_signals_and_volumes(layer: nn.Module, shape: tuple[int, ...]) -> None:
    minidl.manual_seed(0)
    sums = layer(minidl.ones(shape)).reshape(1000, 9).sum(1)
    assert set(sums.tolist()) == {0.0, 18.0} and abs((sums == 0).float().mean().item() - 0.5) < 0.1


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    minidl.manual_seed(0)
    x = minidl.randn(300, 300)
    y = nn.AlphaDropout(p)(x)
    assert abs(y.mean().item()) < 0.02 and abs(y.var().item() - 1) < 0.02
    values, counts = y.flatten().unique(return_counts=True)
    assert abs(counts.max().item() / x.numel() - p) < 0.01     # the dropped ones have one value


def test_feature_alpha_dropout_drops_channels() -> None:
    minidl.manual_seed(0)
    y = nn.FeatureAlphaDropout(0.3)(minidl.randn(20, 100, 3, 3))
    dropped = (y == y[:, :, :1, :1]).all(3).all(2)
    assert abs(dropped.float().mean().item() - 0.3) < 0.05


def test_slopes_of_rrelu() -> None:
    minidl.manual_seed(0)
    x = minidl.full((10000,), -1.0, requires_grad=True)
    y = nn.RReLU(0.2, 0.6)(x)
    y.sum().backward()
    assert -0.6 <= y.min().item() < -0.59 and -0.21 < y.max().item() <= -0.2
    assert abs(y.mean().item() + 0.4) < 0.01 and x.grad.equal(-y.detach())
    assert nn.RReLU()(minidl.tensor([0.0, 2.0])).tolist() == [0.0, 2.0]


def test_windows_of_fractional_pooling_vary() -> None:
    minidl.manual_seed(0)
    layer, x = nn.FractionalMaxPool2d(1, output_size=5, return_indices=True), minidl.randn(1, 500, 10, 10)
    for training in (True, False):
        y, indices = layer.train(training)(x)
        assert len(set(indices[0, :, 1, 1].tolist())) == 4     # two rows, two columns
        assert y.equal(x.reshape(1, 500, 100).gather(2, indices.reshape(1, 500, 25)).reshape(1, 500, 5, 5))


@pytest.mark.parametrize("layer, shape", [
    (nn.Dropout(), (100,)),
    (nn.Dropout1d(), (100, 2)),
    (nn.Dropout2d(), (1, 100, 2, 2)),
    (nn.Dropout3d(), (100, 2, 2, 2)),
    (nn.AlphaDropout(), (100,)), (nn.FeatureAlphaDropout(), (1, 100, 2)), (nn.RReLU(), (100,)),
    (nn.FractionalMaxPool2d(2, 3), (1, 100, 7, 7)), (nn.FractionalMaxPool3d(2, 3), (1, 100, 7, 7, 7)),
], ids=repr)
def test_draws_anew_each_time_and_by_the_seed(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = minidl.randn(shape)
    minidl.manual_seed(3)
    first, second = layer(x), layer(x)
    minidl.manual_seed(3)
    assert layer(x).equal(first) and not first.equal(second)


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
                                  nn.FeatureAlphaDropout])
def test_in_place(kind: type[nn.Module]) -> None:
    minidl.manual_seed(0)
    shape = {"Dropout2d": (10, 10, 2, 2), "Dropout3d": (10, 10, 2, 2, 2)}.get(kind.__name__, (10, 10, 2))
    x = minidl.ones(shape)
    y = minidl.ones(shape)
    assert kind(0.5, inplace=True)(x) is x and len(x.unique()) == 2 and kind(0.5)(y) is not y


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_errors(p: float) -> None:
    for kind in (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout):
        with pytest.raises(ValueError, match=f"dropout probability has to be between 0 and 1, but got {p}"):
            kind(p)
