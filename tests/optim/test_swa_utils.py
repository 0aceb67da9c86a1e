"""Averaged models, their batch norms and their schedule, against PyTorch and by hand."""
from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.optim import swa_utils
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
    from torch.optim import swa_utils as theirs
except ImportError:
    torch = theirs = None  # type: ignore[assignment]

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
AVERAGES = [
    lambda swa: {},
    lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.75)},
    lambda swa: {"avg_fn": swa.get_swa_avg_fn()},
    lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn()},
    lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
    lambda swa: {"avg_fn": lambda averaged, current, n: averaged + n * current},
]


def network(library: Any) -> Any:
    """The same weights in both libraries, in float64."""
    layers = library.nn
    model = layers.Sequential(layers.Linear(3, 4), layers.BatchNorm1d(4), layers.Linear(4, 2)).double()
    stream = np.random.default_rng(0)
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.tensor(stream.standard_normal(tuple(p.shape))))
    return model


def batches(library: Any, count: int = 5) -> list[Any]:
    stream = np.random.default_rng(1)
    return [library.tensor(stream.standard_normal((6, 3))) for _ in range(count)]


@pytest.fixture
def in_float64() -> Iterator[None]:
    """PyTorch divides by the count in the default dtype."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(default)


def train(library: Any, model: Any, averaged: Any) -> None:
    optimizer = library.optim.SGD(model.parameters(), lr=0.1)
    for x in batches(library):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
        averaged.update_parameters(model)


def assert_same_state(ours: Any, others: Any) -> None:
    ours, others = ours.state_dict(), others.state_dict()
    assert list(ours) == list(others)
    for name, value in ours.items():
        np.testing.assert_allclose(value.numpy(), others[name].numpy(), rtol=1e-10, atol=1e-12, err_msg=name)


@needs_torch
@pytest.mark.parametrize("make, use_buffers", list(itertools.product(AVERAGES, [False, True])))
def test_averages_equal_pytorchs(make: Any, use_buffers: bool, in_float64: None) -> None:
    if use_buffers and make is AVERAGES[4]:
        pytest.skip("PyTorch's function does not take the counter of batches, which is no float")
    pair = []
    for library, swa in ((minidl, swa_utils), (torch, theirs)):
        model = network(library)
        averaged = swa.AveragedModel(model, use_buffers=use_buffers, **make(swa))
        train(library, model, averaged)
        pair.append(averaged)
    assert_same_state(*pair)
    x = np.random.default_rng(2).standard_normal((4, 3))
    ours, others = (m.eval()(library.tensor(x)) for m, library in zip(pair, (minidl, torch)))
    np.testing.assert_allclose(ours.detach().numpy(), others.detach().numpy(), rtol=1e-10)
    assert repr(pair[0]) == repr(pair[1])


def test_the_mean_by_hand() -> None:
    model = nn.Linear(1, 1)
    averaged = swa_utils.AveragedModel(model)
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(model.weight, value)
        averaged.update_parameters(model)
    assert averaged.module.weight.item() == 3.0 and averaged.n_averaged.item() == 3
    assert averaged.module.weight.requires_grad and averaged.module.weight is not model.weight


def test_saved_and_loaded_midway() -> None:
    model = network(minidl)
    averaged, other = swa_utils.AveragedModel(model), swa_utils.AveragedModel(network(minidl))
    train(minidl, model, averaged)
    other.load_state_dict(averaged.state_dict())
    for m in (averaged, other):
        m.update_parameters(model)
    assert_same_state(averaged, other)
    assert other.n_averaged.item() == 6


@pytest.mark.parametrize("other",
                         [lambda: nn.Linear(1, 1), lambda: nn.Linear(2, 1, bias=False), lambda: nn.Sequential()])
def test_another_network_is_refused_and_nothing_is_averaged(other: Any) -> None:
    averaged = swa_utils.AveragedModel(nn.Linear(1, 1, bias=False))
    before = averaged.module.weight.item()
    with pytest.raises(ValueError, match=r"parameters and buffers have the shapes \[\(1, 1\)\]"):
        averaged.update_parameters(other())
    assert averaged.module.weight.item() == before and averaged.n_averaged.item() == 0


def test_a_network_without_parameters() -> None:
    averaged = swa_utils.AveragedModel(nn.ReLU())
    for _ in range(2):
        averaged.update_parameters(nn.ReLU())
    assert averaged.n_averaged.item() == 2


def test_update_bn_leaves_modes_and_momenta_as_they_were_after_an_error() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=0.3)).eval()
    with pytest.raises(RuntimeError):
        swa_utils.update_bn([minidl.ones(3, 2), minidl.ones(3, 5)], model)
    assert model[0].momentum == 0.3 and not model.training and not model[0].training


def test_on_another_device() -> None:
    model = network(minidl)
    averaged = swa_utils.AveragedModel(model, device="strict")
    for _ in range(2):
        averaged.update_parameters(model)
    assert {str(v.device) for v in averaged.state_dict().values()} == {"strict"}
    np.testing.assert_allclose(averaged.module[0].weight.detach().cpu().numpy(), model[0].weight.detach().numpy())


@pytest.mark.parametrize("make", [swa_utils.get_ema_avg_fn, swa_utils.get_ema_multi_avg_fn])
@pytest.mark.parametrize("decay", [-0.1, 1.1])
def test_decays_outside_are_refused(make: Any, decay: float) -> None:
    with pytest.raises(ValueError, match=f"Invalid decay value {decay} provided"):
        make(decay)


def test_two_functions_are_refused() -> None:
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn should be provided"):
        swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=swa_utils.get_swa_avg_fn(),
                                multi_avg_fn=swa_utils.get_swa_multi_avg_fn())


@needs_torch
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x, None), lambda x: [x]])
def test_update_bn_equals_pytorchs(wrap: Any) -> None:
    pair = []
    for library, swa in ((minidl, swa_utils), (torch, theirs)):
        model = network(library).eval()
        swa.update_bn([wrap(x) for x in batches(library)], model)
        assert not model.training and model[1].momentum == 0.1
        pair.append(model)
    assert_same_state(*pair)


def test_update_bn_moves_the_batches_and_needs_a_batch_norm() -> None:
    model = network(minidl).to("strict")
    swa_utils.update_bn(batches(minidl), model, device="strict")
    assert model[1].num_batches_tracked.item() == 5
    swa_utils.update_bn(iter(lambda: pytest.fail("nothing to measure"), None), nn.Linear(1, 1))


# ---------------------------------------------------------------------- SWALR

def swalr(library: Any, swa: Any, **options: Any) -> list[Any]:
    """The rates of two groups, with another schedule going on until epoch 4."""
    groups = [{"params": [library.ones(1, requires_grad=True)], "lr": lr} for lr in (1.0, 0.25)]
    optimizer = library.optim.SGD(groups)
    decay = library.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.7
    scheduler = swa.SWALR(optimizer, **options)
    rates = []
    for epoch in range(20):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if epoch < 4:
            decay.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    return rates


@needs_torch
@pytest.mark.parametrize("options", [
    {"swa_lr": swa_lr, "anneal_epochs": epochs, "anneal_strategy": strategy, "last_epoch": last}
    for swa_lr in (0.05, [0.05, 2.0]) for epochs in (0, 1, 7, 10) for strategy in ("cos", "linear") for last in (-1, 3)
], ids=str)
def test_swalr_equals_pytorchs(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = swalr(torch, theirs, **options)
    np.testing.assert_allclose(swalr(minidl, swa_utils, **options), expected, rtol=1e-10)


@pytest.mark.parametrize("options, text", [
    ({"anneal_strategy": "x"}, "anneal_strategy must be one of 'cos' or 'linear', instead got x"),
    ({"anneal_epochs": -1}, "anneal_epochs must be equal or greater than 0, got -1"),
    ({"anneal_epochs": 1.5}, "anneal_epochs must be equal or greater than 0, got 1.5"),
    ({"swa_lr": [1, 2]}, "swa_lr must have the same length as optimizer.param_groups"),
])
def test_swalr_refuses(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        swa_utils.SWALR(optim.SGD([minidl.ones(1, requires_grad=True)]), **{"swa_lr": 0.1, **options})
