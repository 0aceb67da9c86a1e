"""`fit`: what it does with its parts."""
from __future__ import annotations

import math

import pytest

import minidl
from minidl import nn, optim
from minidl.train import EMA, Best, Checkpoint, Classification, EarlyStopping, Log, evaluate, fit


def problem(batch=8):
    """Two classes that a line divides, in batches; a model; an optimizer."""
    minidl.manual_seed(0)
    x = minidl.randn(32, 2)
    y = (x[:, 0] > 0).long()
    model = nn.Linear(2, 2)
    return list(zip(x.split(batch), y.split(batch))), model, optim.SGD(model.parameters(), lr=0.5)


def test_the_loop_written_out():
    batches, model, optimizer = problem()
    for _ in range(3):
        for x, y in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    by_hand = model.weight.detach().clone()

    batches, model, optimizer = problem()
    history = fit(model, batches, Classification(), optimizer, epochs=3, show=False)
    assert minidl.equal(model.weight, by_hand)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert set(history[0]) == {"epoch", "train loss", "train accuracy", "seconds"}


def test_batches_that_accumulate_make_one_step_of_a_large_one():
    batches, model, optimizer = problem(batch=32)
    fit(model, batches, Classification(), optimizer, epochs=2, show=False)
    large = model.weight.detach().clone()
    batches, model, optimizer = problem(batch=8)
    fit(model, batches, Classification(), optimizer, epochs=2, accumulate=4, show=False)
    assert (model.weight - large).abs().max() < 1e-6


def test_a_gradient_is_clipped():
    batches, model, optimizer = problem(batch=32)
    before = minidl.cat([p.detach().flatten() for p in model.parameters()])
    fit(model, batches, Classification(), optimizer, epochs=1, clip_norm=1e-3, show=False)
    after = minidl.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm().item() == pytest.approx(0.5 * 1e-3, rel=1e-3)


def test_the_schedule_follows_the_steps():
    batches, model, optimizer = problem()
    schedule = optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)
    fit(model, batches, Classification(), optimizer, epochs=2, schedule=schedule, show=False)
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_mixed_precision_trains():
    batches, model, optimizer = problem()
    scaler = minidl.GradScaler("cpu", init_scale=8.0)
    history = fit(model, batches, Classification(), optimizer, epochs=5, scaler=scaler, show=False)
    assert history[-1]["train accuracy"] > 0.9


def test_averages_are_evaluated_and_kept(tmp_path):
    batches, model, optimizer = problem()
    ema, seen = EMA(model, decay=0.5, warm_up=False), []

    def figures():
        seen.append(model.weight.detach().clone())
        assert not model.training and not minidl.is_grad_enabled()
        return {"accuracy": 0.5}
    best = Best(tmp_path / "best.minidl")
    fit(model, batches, Classification(), optimizer, epochs=1, ema=ema, evaluate=figures, best=best, show=False)
    assert minidl.equal(seen[0], ema.averages["weight"]) and not minidl.equal(seen[0], model.weight)
    assert minidl.equal(minidl.load(best.path)["weight"], seen[0])
    assert model.training


def test_early_stopping_ends_a_resumed_run_too(tmp_path):
    def run():
        batches, model, optimizer = problem()
        stopping = EarlyStopping(patience=1)
        checkpoint = Checkpoint(tmp_path / "run.minidl", model=model, optimizer=optimizer, stopping=stopping)
        return fit(model, batches, Classification(), optimizer, epochs=9, evaluate=lambda: {"accuracy": 0.5},
                   stopping=stopping, checkpoint=checkpoint, show=False)
    assert len(run()) == 3 and len(run()) == 3


def test_a_finished_run_is_told_again(tmp_path, capsys):
    def run(epochs):
        batches, model, optimizer = problem()
        checkpoint = Checkpoint(tmp_path / "run.minidl", model=model, optimizer=optimizer)
        history = fit(model, batches, Classification(), optimizer, epochs, checkpoint=checkpoint,
                      log=Log(tmp_path / "log.jsonl"))
        return history, model.weight.detach().clone(), capsys.readouterr().out
    first, again = run(2), run(2)
    assert first[0] == again[0] == Log(tmp_path / "log.jsonl").rows()
    assert minidl.equal(first[1], again[1]) and first[2] == again[2]
    assert len(run(3)[0]) == 3, "a finished run may be prolonged"


def test_a_loss_of_nan_ends_the_run():
    batches, model, optimizer = problem()
    with pytest.raises(FloatingPointError, match="the loss of batch 1 of epoch 1 is nan; try a smaller learning rate"):
        fit(model, batches, lambda model, x, y: (model(x).sum() * math.nan, {}), optimizer, epochs=1, show=False)


def test_a_figure_that_is_not_there():
    batches, model, optimizer = problem()
    with pytest.raises(KeyError, match="no figure is named 'accuracy'.*there are epoch, train loss, train accuracy"):
        fit(model, batches, Classification(), optimizer, epochs=1, stopping=EarlyStopping(), show=False)


def test_what_is_printed(capsys):
    batches, model, optimizer = problem()
    fit(model, batches, Classification(), optimizer, epochs=2,
        evaluate=lambda: evaluate(model, batches, Classification()))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == "epoch  train loss  train accuracy    loss  accuracy  seconds"
    assert len(rows) == 2


def test_it_stops_when_it_is_told_and_goes_on_later(tmp_path):
    """Asked after each step; what was done so far is in the checkpoint."""
    def run(stop=None, path=None):
        batches, model, optimizer = problem()
        checkpoint = Checkpoint(path, model=model, optimizer=optimizer) if path else None
        history = fit(model, batches, Classification(), optimizer, epochs=3, checkpoint=checkpoint, stop=stop,
                      show=False)
        return len(history), model.weight.detach().clone()
    asked = iter([False] * 5 + [True])
    epochs, stopped = run(lambda: next(asked), tmp_path / "run")
    assert epochs == 1 and next(asked, None) is None
    epochs, resumed = run(path=tmp_path / "run")
    assert epochs == 3
    assert minidl.equal(resumed, run()[1]) and not minidl.equal(stopped, resumed)
