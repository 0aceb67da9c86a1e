"""A whole training in PyTorch's style, written once and run in both libraries: the losses must be equal."""
from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
CLASSES, BATCHES, EPOCHS = 3, 4, 3


def network(lib: Any) -> Any:
    nn = lib.nn
    model = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3, padding=1)),
        nn.BatchNorm2d(4),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.utils.parametrizations.spectral_norm(nn.Linear(4 * 4 * 4, 16)),
        nn.LayerNorm(16),
        nn.SiLU(),
        nn.Linear(16, CLASSES),
    ).double()
    stream = np.random.default_rng(0)
    with lib.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.copy_(lib.tensor(stream.uniform(0.1, 0.5, tuple(value.shape))))
    return model


def batches(lib: Any) -> Any:
    stream = np.random.default_rng(1)
    for _ in range(BATCHES):
        labels = stream.integers(0, CLASSES, 12)
        images = stream.standard_normal((12, 1, 8, 8)) + labels[:, None, None, None]
        yield lib.tensor(images), lib.tensor(labels)


def groups(model: Any) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only, as is the custom."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0, "lr": 3e-3}]


def train(lib: Any, make_optimizer: Any, saved_midway: bool = False) -> list[float]:
    model = network(lib)
    optimizer = make_optimizer(lib.optim, groups(model))
    sched = lib.optim.lr_scheduler
    scheduler = sched.SequentialLR(optimizer, [
        sched.LinearLR(optimizer, 0.1, total_iters=3),
        sched.CosineAnnealingLR(optimizer, T_max=BATCHES * EPOCHS - 3, eta_min=1e-4),
    ], milestones=[3])
    swa = lib.optim.swa_utils
    ema = swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.8))
    loss_of = lib.nn.CrossEntropyLoss(label_smoothing=0.1)
    history = []
    for epoch in range(EPOCHS):
        model.train()
        for x, y in batches(lib):
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            norm = lib.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            scheduler.step()
            ema.update_parameters(model)
            history += [loss.item(), norm.item(), *scheduler.get_last_lr()]
        if saved_midway and epoch == 0:
            states = copy.deepcopy([part.state_dict() for part in (model, optimizer, scheduler, ema)])
            for part in (model, ema):
                for p in part.parameters():
                    p.detach().zero_()
            for part, state in zip((model, optimizer, scheduler, ema), states):
                part.load_state_dict(state)
        ema.eval()
        with lib.no_grad():
            history += [loss_of(ema(x), y).item() for x, y in batches(lib)]
    swa.update_bn(batches(lib), ema)
    ema.eval()
    with lib.no_grad():
        history += [loss_of(ema(x), y).item() for x, y in batches(lib)]
    return history


@needs_torch
@pytest.mark.parametrize("make_optimizer", [
    lambda optim, groups: optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True),
    lambda optim, groups: optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.98), amsgrad=True),
    lambda optim, groups: optim.RMSprop(groups, lr=1e-3, momentum=0.5, centered=True),
    lambda optim, groups: optim.NAdam(groups, lr=1e-2, decoupled_weight_decay=True),
], ids=["SGD", "AdamW", "RMSprop", "NAdam"])
def test_losses_equal_pytorchs(make_optimizer: Any) -> None:
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)      # some scalars of optimizers and averages have the default dtype
    try:
        expected = train(torch, make_optimizer)
    finally:
        torch.set_default_dtype(default)
    np.testing.assert_allclose(train(minidl, make_optimizer), expected, rtol=1e-9, atol=1e-9)


def test_it_learns_and_can_be_interrupted() -> None:
    def adam(optim: Any, groups: Any) -> Any:
        return optim.AdamW(groups, lr=0.3)

    history = train(minidl, adam)
    assert history == train(minidl, adam, saved_midway=True)
    assert np.mean(history[-BATCHES:]) < 0.7 * history[0]
