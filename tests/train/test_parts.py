"""Each part of `minidl.train` alone."""
from __future__ import annotations

import errno
import math
import os

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.train import (
    EMA,
    Best,
    Checkpoint,
    Classification,
    EarlyStopping,
    Log,
    Progress,
    evaluate,
    find_lr,
    plots,
    recalibrate_batch_norm,
    weight_decay_groups,
)

# ---------------------------------------------------------------------- Log

@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_a_log_is_continued(tmp_path, name):
    Log(tmp_path / "sub" / name).write(epoch=1, loss=0.5, note="a, \"b\"")
    log = Log(tmp_path / "sub" / name)
    log.write(epoch=2, loss=math.inf, note="c")
    assert log.rows() == [{"epoch": 1, "loss": 0.5, "note": "a, \"b\""}, {"epoch": 2, "loss": math.inf, "note": "c"}]


@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_a_row_that_was_cut_off_is_dropped(tmp_path, name):
    log = Log(tmp_path / name)
    log.write(epoch=1, loss=0.5)
    with open(tmp_path / name, "a") as file:
        file.write('{"epoch": 2, "lo' if name == "run.jsonl" else "2,0.")
    log = Log(tmp_path / name)
    log.write(epoch=2, loss=0.25)
    assert log.rows() == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]


@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_a_log_is_rewound(tmp_path, name):
    log = Log(tmp_path / name)
    for epoch in (1, 2, 3):
        log.write(epoch=epoch)
    log.rewind(2)
    assert log.rows() == [{"epoch": 1}, {"epoch": 2}]
    log.rewind(0)
    assert log.rows() == []
    log.write(other=1)
    assert log.rows() == [{"other": 1}]


def test_other_columns_and_other_files_are_refused(tmp_path):
    log = Log(tmp_path / "run.csv")
    log.write(epoch=1, loss=0.5)
    with pytest.raises(ValueError, match=r"expected the columns epoch, loss .* but got epoch, accuracy"):
        log.write(epoch=2, accuracy=0.5)
    (tmp_path / "other.jsonl").write_text("no log\n")
    with pytest.raises(ValueError, match="is no log of minidl"):
        Log(tmp_path / "other.jsonl").rows()


# ---------------------------------------------------------------------- EarlyStopping and Best

def test_patience_counts_epochs_without_an_improvement():
    stopping = EarlyStopping(patience=2, least=0.1)
    assert [stopping.update(x) for x in (0.5, 0.55, 0.7, 0.75, math.nan, 0.6)] == [False] * 5 + [True]
    assert stopping.best == 0.7


def test_a_first_figure_of_nan_is_no_best():
    stopping = EarlyStopping(patience=0, mode="min")
    assert stopping.update(math.nan) and stopping.best is None
    assert not stopping.update(1.0)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="mode is 'max' or 'min', but got 'least'"):
        EarlyStopping(mode="least")
    with pytest.raises(ValueError, match="patience and least of 0 or more"):
        EarlyStopping(patience=-1)
    with pytest.raises(ValueError, match="a decay from 0 to 1, but got 2"):
        EMA(nn.Linear(1, 1), decay=2)


def test_the_best_weights_are_kept(tmp_path):
    model, best = nn.Linear(1, 1, bias=False), Best(tmp_path / "best.minidl", mode="min")
    for weight, loss in ((1.0, 0.5), (2.0, 0.25), (3.0, 0.75)):
        nn.init.constant_(model.weight, weight)
        best.update(loss, model)
    assert minidl.load(tmp_path / "best.minidl")["weight"].item() == 2 and best.figure == 0.25


# ---------------------------------------------------------------------- EMA

def test_averages_of_parameters_only():
    """The formula, written out; buffers stay the model's own."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    ema, naive = EMA(model, decay=0.9), model[0].weight.detach().numpy().copy()
    for n in range(30):
        with minidl.no_grad():
            model[0].weight.add_(1.0)
        model[1].running_mean.add_(1.0)
        ema.update()
        decay = min(0.9, (1 + n) / (10 + n))
        naive = decay * naive + (1 - decay) * model[0].weight.detach().numpy()
    weight, mean = model[0].weight.detach().clone(), model[1].running_mean.clone()
    with ema.applied():
        np.testing.assert_allclose(model[0].weight.detach().numpy(), naive, rtol=1e-5)
        assert minidl.equal(model[1].running_mean, mean)
    assert minidl.equal(model[0].weight, weight)


def test_the_model_has_its_parameters_again_after_an_error():
    model = nn.Linear(1, 1)
    ema, weight = EMA(model, decay=0.5), model.weight.detach().clone()
    with minidl.no_grad():
        model.weight.add_(1.0)
    with pytest.raises(ZeroDivisionError), ema.applied():
        assert minidl.equal(model.weight, weight)
        1 / 0  # noqa: B018
    assert minidl.equal(model.weight, weight + 1)


def test_averages_are_saved_and_loaded():
    a, b = nn.Linear(1, 1), nn.Linear(1, 1)
    ema, other = EMA(a), EMA(b)
    ema.update()
    other.load_state_dict(ema.state_dict())
    assert other.updates == 1 and minidl.equal(other.averages["weight"], a.weight)
    with pytest.raises(RuntimeError, match="expected averages of weight, bias, but got weight"):
        other.load_state_dict({"updates": 1, "averages": {"weight": a.weight}})


# ---------------------------------------------------------------------- Checkpoint

def test_other_files_and_other_parts_are_refused(tmp_path):
    model = nn.Linear(1, 1)
    Checkpoint(tmp_path / "run.minidl", model=model).save()
    with pytest.raises(RuntimeError, match="holds model, but this training has model, optimizer; resume with"):
        Checkpoint(tmp_path / "run.minidl", model=model, optimizer=optim.SGD(model.parameters(), lr=1.0)).load()
    minidl.save(model.state_dict(), tmp_path / "weights.minidl")
    with pytest.raises(RuntimeError, match="is no checkpoint of a training"):
        Checkpoint(tmp_path / "weights.minidl", model=model).load()


def test_a_checkpoint_is_due_after_some_seconds(tmp_path):
    assert not Checkpoint(tmp_path / "run.minidl", seconds=1000).due()
    assert Checkpoint(tmp_path / "run.minidl", seconds=0).due()


def test_all_random_numbers_go_on(tmp_path):
    import random
    checkpoint = Checkpoint(tmp_path / "run.minidl")
    checkpoint.save()

    def drawn():
        return minidl.rand(2).tolist(), np.random.rand(2).tolist(), random.random()
    first = drawn()
    checkpoint.load()
    assert drawn() == first


# ---------------------------------------------------------------------- Progress, evaluate, find_lr, batch norm

def test_rows_are_aligned_and_named_again_when_they_change(capsys):
    with Progress(3) as progress:
        progress.row(epoch=1, loss=0.5, accuracy=0.25)
        progress.row(epoch=2, loss=0.25, seconds=12345.0)
    assert capsys.readouterr().out.splitlines() == [
        "epoch    loss  accuracy", "    1  0.5000    25.00%", "epoch    loss  seconds", "    2  0.2500  12345.0"]


def test_evaluation_leaves_the_mode_and_records_nothing():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    x = minidl.ones(6, 2)
    figures = evaluate(model, [(x[:4], minidl.zeros(4).long()), (x[4:], minidl.ones(2).long())], Classification())
    with minidl.no_grad():
        scores = model.eval()(x)
    labels = minidl.tensor([0] * 4 + [1] * 2)
    assert figures["loss"] == pytest.approx(nn.functional.cross_entropy(scores, labels).item(), rel=1e-5)
    assert figures["accuracy"] in (pytest.approx(4 / 6), pytest.approx(2 / 6))
    assert model.train().training


def test_accuracy_of_probabilities():
    scores, mixed = minidl.tensor([[2.0, 0.0], [0.0, 2.0]]), minidl.tensor([[0.7, 0.3], [0.6, 0.4]])
    assert Classification()(lambda x: x, scores, mixed)[1] == {"accuracy": 0.5}


def problem():
    minidl.manual_seed(0)
    x = minidl.randn(64, 2)
    return x, (x[:, 0] > 0).long(), nn.Linear(2, 2)


def test_the_rate_finder_leaves_everything_as_it_was():
    x, y, model = problem()
    optimizer = optim.SGD(model.parameters(), lr=0.123, momentum=0.9)
    before, state = model.weight.detach().clone(), minidl.get_rng_state()
    curve = find_lr(model, [(x, y)], Classification(), optimizer, smoothing=0.0)
    assert minidl.equal(model.weight, before) and minidl.equal(minidl.get_rng_state(), state)
    assert optimizer.param_groups[0]["lr"] == 0.123 and not optimizer.state_dict()["state"]
    assert model.weight.grad is None
    assert curve.rates == sorted(curve.rates) and len(curve.rates) == len(curve.losses)
    assert curve.suggestion in curve.rates


def test_the_rate_finder_says_when_nothing_falls():
    x, y, model = problem()
    with pytest.raises(ValueError, match="does not fall at any rate"):
        find_lr(model, [(x, y)], lambda model, x, y: (1 - 0 * model(x).sum(), {}),
                optim.SGD(model.parameters(), lr=1.0))
    with pytest.raises(ValueError, match="expected 0 < lowest < highest"):
        find_lr(model, [(x, y)], Classification(), optim.SGD(model.parameters(), lr=1.0), lowest=1.0, highest=0.1)


def test_batch_norm_is_measured_anew():
    norm = nn.BatchNorm1d(1)
    recalibrate_batch_norm([(minidl.tensor([[0.0], [2.0]]), None), (minidl.tensor([[4.0], [6.0]]), None)], norm)
    assert norm.running_mean.item() == 3


# ---------------------------------------------------------------------- pictures

def test_pictures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    x, y, model = problem()
    plots.curves([{"epoch": 1, "train loss": 2.0, "accuracy": 0.5, "seconds": 1.0},
                  {"epoch": 2, "train loss": 1.0, "accuracy": 0.75, "seconds": 1.0}], tmp_path / "curves.png")
    plots.rate_curve(find_lr(model, [(x, y)], Classification(), optim.SGD(model.parameters(), lr=1.0)),
                     tmp_path / "rates.png")
    plots.confusion_matrix(minidl.tensor([[5, 1], [0, 7]]), ["cat", "dog"], tmp_path / "confusion.png")
    plots.images(minidl.rand(10, 3, 8, 8), tmp_path / "colours.png", [str(i) for i in range(10)], "ten")
    plots.images(minidl.rand(3, 1, 8, 8), tmp_path / "grey.png")
    for path in tmp_path.iterdir():
        assert path.stat().st_size > 2000


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would have been saved."""
    pytest.importorskip("matplotlib")
    figures = []
    monkeypatch.setattr(plots, "save", lambda picture, path: figures.append(picture))
    return figures


def test_an_axis_is_named_by_the_word_that_its_names_share(drawn):
    plots.curves([{"epoch": 1, "train loss": 2.0, "train accuracy": 0.5, "test accuracy": 0.4}], "a.png")
    plots.curves([{"epoch": 1, "loss": 2.0, "image to text": 0.5, "text to image": 0.4}], "b.png")
    plots.curves([{"members": 1, "vote accuracy": 0.5}], "c.png", x="members")
    assert [[axes.get_ylabel() for axes in figure.axes] for figure in drawn] == [
        ["loss", "accuracy"], ["loss", "solid lines"], ["accuracy"]]
    assert drawn[0].axes[0].get_xticks().tolist() == [1]


@pytest.mark.parametrize("names, rows", [
    (["train loss", "FCN-32s mean IoU", "FCN-16s mean IoU", "FCN-8s mean IoU", "FCN-8s accuracy"], 2),
    (["train loss", "test loss", "train accuracy", "test accuracy"], 1),
    (["train loss", "OneFrame accuracy", "MeanOfFrames accuracy", "TwoStreams accuracy", "SpaceTime accuracy"], 2),
    (["loss"], 1)])
def test_a_legend_stays_within_the_picture_in_few_rows(drawn, names, rows):
    plots.curves([{"epoch": 1, **dict.fromkeys(names, 0.5)}], "a.png")
    picture, = drawn
    picture.canvas.draw()
    shown = picture.legends[0].get_window_extent()
    assert 0 < shown.x0 and shown.x1 < picture.bbox.x1
    letters = 10 / 72 * picture.dpi
    assert rows == round(shown.height / (1.6 * letters)), shown.height / letters


def test_a_loss_and_a_figure_of_one_epoch_are_both_seen(drawn):
    plots.curves([{"epoch": 1, "loss": 2.0, "accuracy": 0.5}], "a.png")
    loss, accuracy = (axes.lines[0] for axes in drawn[0].axes)
    assert (loss.get_fillstyle(), accuracy.get_fillstyle()) == ("none", "full")


def test_colours_of_lines_are_told_apart_with_any_eyes():
    """As red and green are seen by those who lack one of the cones (Viénot, Brettel and Mollon, 1999)."""
    colours = [[int(colour[at:at + 2], 16) for at in (1, 3, 5)] for colour in plots.COLOURS]
    linear = (minidl.tensor(colours) / 255) ** 2.2
    for kind in ([[0.1121, 0.8853, -0.0005], [0.1127, 0.8897, -0.0001], [0.0045, 0.0, 1.0019]],
                 [[0.2920, 0.7054, -0.0003], [0.2934, 0.7089, 0.0], [-0.0210, 0.0256, 0.9921]]):
        seen = (linear @ minidl.tensor(kind).T).clamp(0, 1) ** (1 / 2.2)
        apart = minidl.cdist(seen, seen) + minidl.eye(len(seen))
        assert apart[:4, :4].min() > 0.25 and apart.min() > 0.12


def test_a_dim_image_is_drawn_dim(drawn):
    plots.images(minidl.full((1, 1, 4, 4), 0.2), "a.png")
    plots.images(minidl.full((1, 1, 4, 4), 0.2), "b.png", vmin=-1)
    assert [figure.axes[0].images[0].get_clim() for figure in drawn] == [(0, 1), (-1, 1)]


def test_a_run_that_ended_within_its_first_epoch_is_drawn_without_a_warning(tmp_path, recwarn):
    pytest.importorskip("matplotlib")
    plots.curves([], tmp_path / "curves.png")
    assert not recwarn.list and (tmp_path / "curves.png").stat().st_size > 2000


def test_pictures_replace_a_file_as_a_whole(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    path, pixels = tmp_path / "a.png", minidl.rand(3, 1, 8, 8)
    path.write_bytes(b"old")

    def full_disk(handle):
        raise OSError(errno.ENOSPC, "no space")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        plots.images(pixels, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    plots.images(pixels, tmp_path / "b")                # as matplotlib, png where the name has no ending
    plots.images(pixels, tmp_path / "c.svg")
    assert (tmp_path / "b.png").read_bytes()[:4] == b"\x89PNG" and b"<svg" in (tmp_path / "c.svg").read_bytes()


def test_weight_decay_groups():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    model[0].bias.requires_grad_(False)
    decaying, others = weight_decay_groups(model, 0.1)
    assert [p.shape for p in decaying["params"]] == [(2, 1, 3, 3), (2, 2)] and decaying["weight_decay"] == 0.1
    assert [p.shape for p in others["params"]] == [(2,), (2,), (2,)] and others["weight_decay"] == 0.0
