"""The running statistics of batch normalisation. Values and gradients: test_registry.py."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn

try:
    import torch
except ImportError:
    torch = None


def test_running_statistics_by_hand() -> None:
    m = nn.BatchNorm1d(1, momentum=0.1)
    x = minidl.tensor([[1.0], [3.0]])       # mean 2, unbiased variance 2
    m(x)
    np.testing.assert_allclose([m.running_mean.item(), m.running_var.item()], [0.2, 0.9 + 0.2], rtol=1e-6)
    assert m.num_batches_tracked.item() == 1 and m.num_batches_tracked.dtype == np.int64
    assert not m.running_mean.requires_grad
    m.eval()
    m(x)
    assert m.num_batches_tracked.item() == 1


def test_momentum_none_takes_the_average() -> None:
    m = nn.BatchNorm1d(1, momentum=None)
    for mean in (1.0, 2.0, 6.0):
        m(minidl.tensor([[mean - 1], [mean + 1]]))
    np.testing.assert_allclose([m.running_mean.item(), m.running_var.item()], [3.0, 2.0], rtol=1e-6)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("settings", [{}, {"momentum": None}, {"momentum": 0.7}, {"affine": False},
                                      {"track_running_stats": False}])
def test_several_batches_like_pytorch(settings: dict[str, Any]) -> None:
    ours, theirs = nn.BatchNorm2d(3, **settings).double(), torch.nn.BatchNorm2d(3, **settings).double()
    stream = np.random.default_rng(0)
    for training in (True, True, False, True, False):
        x = stream.normal(2, 3, size=(4, 3, 2, 2))
        y, z = ours.train(training)(minidl.tensor(x)), theirs.train(training)(torch.tensor(x))
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        for b, c in zip(ours.buffers(), theirs.buffers()):
            np.testing.assert_allclose(b.numpy(), c.numpy(), rtol=1e-9)


def test_no_statistics_in_evaluation_when_not_tracking() -> None:
    m = nn.BatchNorm1d(2, track_running_stats=False).eval()
    assert list(m.buffers()) == [] and list(m.state_dict()) == ["weight", "bias"]
    assert m(minidl.tensor([[1.0, 10.0], [3.0, 30.0]])).sum(0).abs().max().item() < 1e-4


def test_reset() -> None:
    m = nn.BatchNorm1d(2)
    m(minidl.randn(4, 2))
    nn.init.constant_(m.weight, 3.0)
    m.reset_parameters()
    assert m.weight.tolist() == m.running_var.tolist() == [1.0, 1.0] and m.running_mean.tolist() == [0.0, 0.0]
    assert m.num_batches_tracked.item() == 0


@pytest.mark.parametrize("module, shape, text", [
    (nn.BatchNorm1d(2), (1, 2), "Expected more than 1 value per channel when training, got input size (1, 2)"),
    (nn.BatchNorm2d(2), (1, 2, 1, 1), "Expected more than 1 value per channel when training"),
    (nn.BatchNorm1d(2), (2,), "expected 2D or 3D input (got 1D input)"),
    (nn.BatchNorm2d(2), (4, 2), "expected 4D input (got 2D input)"),
])
def test_errors(module: Any, shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        module(minidl.ones(shape))
    assert text in str(caught.value)


# ---------------------------------------------------------------------- its kin

def test_converting_to_synchronized() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, eps=0.1, momentum=0.3),
                        nn.Sequential(nn.BatchNorm1d(3, affine=False), nn.InstanceNorm1d(2))).eval()
    weight, mean = net[1].weight, net[1].running_mean
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert converted is net and [type(m).__name__ for m in (net[1], net[2][0], net[2][1])] == \
        ["SyncBatchNorm", "SyncBatchNorm", "InstanceNorm1d"]
    assert net[1].weight is weight and net[1].running_mean is mean and not net[1].training
    assert (net[1].eps, net[1].momentum, net[2][0].affine) == (0.1, 0.3, False)
    alone = nn.BatchNorm1d(2)
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(alone)) is nn.SyncBatchNorm


def test_running_statistics_of_instances_by_hand() -> None:
    m = nn.InstanceNorm1d(1, track_running_stats=True)
    x = minidl.tensor([[[1.0, 3.0]], [[5.0, 9.0]]])     # means 2 and 7, unbiased variances 2 and 8
    m(x)
    np.testing.assert_allclose([m.running_mean.item(), m.running_var.item()], [0.45, 0.9 + 0.5], rtol=1e-6)
    assert m.num_batches_tracked.item() == 0    # as in PyTorch
    y = m.eval()(x)
    np.testing.assert_allclose(y[0, 0, 0].item(), (1 - 0.45) / (1.4 + 1e-5) ** 0.5, rtol=1e-6)


@pytest.mark.parametrize("module, shape, text", [
    (nn.InstanceNorm1d(3), (3,), "expected 2D or 3D input (got 1D input)"),
    (nn.InstanceNorm2d(3, affine=True), (2, 4, 3, 3),
     "expected input's size at dim=1 to match num_features (3), but got: 4"),
    (nn.InstanceNorm2d(3, affine=True), (4, 3, 3),
     "expected input's size at dim=0 to match num_features (3), but got: 4"),
    (nn.InstanceNorm2d(3), (2, 3, 1, 1), "Expected more than 1 spatial element when training"),
    (nn.BatchNorm3d(3), (2, 3, 4, 4), "expected 5D input (got 4D input)"),
    (nn.SyncBatchNorm(3), (3,), "expected at least 2D input (got 1D input)"),
    (nn.SyncBatchNorm(0), (2, 0), "number of input channels should be non-zero"),
])
def test_errors_of_its_kin(module: Any, shape: tuple[int, ...], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        module(minidl.ones(shape))
    assert text in str(caught.value)


def test_a_number_of_channels_that_is_not_used() -> None:
    with pytest.warns(UserWarning, match="input's size at dim=1 does not match num_features"):
        assert nn.InstanceNorm2d(3)(minidl.ones(2, 4, 3, 3)).shape == (2, 4, 3, 3)


def test_one_value_is_enough_for_evaluation() -> None:
    assert nn.BatchNorm1d(2).eval()(minidl.ones(1, 2)).shape == (1, 2)
