"""The Jaccard index and Dice's: by hand, and against torchmetrics."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

import minidl
from minidl import metrics
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics
from tests.metrics.test_counts import data, ours, sizes, theirs

AVERAGES = ["micro", "macro", "weighted", "none"]


def test_a_worked_example():
    """Three classes of pixels: intersections 1, 1, 1; unions 2, 2, 1."""
    preds, target = minidl.tensor([[2, 1], [0, 1]]), minidl.tensor([[2, 1], [0, 0]])
    kinds = {"task": "multiclass", "num_classes": 3}
    assert M.jaccard_index(preds, target, **kinds, average="none").tolist() == [0.5, 0.5, 1]
    assert M.jaccard_index(preds, target, **kinds).item() == pytest.approx(2 / 3)
    assert M.jaccard_index(preds, target, **kinds, average="micro").item() == pytest.approx(3 / 5)
    assert M.jaccard_index(preds, target, **kinds, average="weighted").item() == pytest.approx((2 * .5 + .5 + 1) / 4)
    assert M.dice(preds, target).item() == pytest.approx(6 / 8)
    assert M.dice(preds, target, average="none", num_classes=3).tolist() == pytest.approx([2 / 3, 2 / 3, 1])


@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_jaccard_is_torchmetrics_s(task, average):
    for labels, extra, ignored in itertools.product([False, True], [(), (2, 3)], [None, -1, 1]):
        if task != "multiclass" and ignored == 1:
            continue
        preds, target = data(task, labels, extra=extra, ignored=ignored)
        arguments = {"task": task, "average": average, "ignore_index": ignored, **sizes(task)}
        np.testing.assert_allclose(ours("jaccard_index", preds, target, **arguments),
                                   theirs("jaccard_index", preds, target, **arguments), rtol=1e-5,
                                   err_msg=str(arguments))


@pytest.mark.parametrize("zero_division", [0.0, 1.0])
def test_classes_that_occur_nowhere(zero_division):
    preds, target = np.array([0, 0, 1, 3]), np.array([0, 2, 1, 1])
    for average in AVERAGES:
        arguments = {"task": "multiclass", "num_classes": 5, "average": average, "zero_division": zero_division}
        np.testing.assert_allclose(ours("jaccard_index", preds, target, **arguments),
                                   theirs("jaccard_index", preds, target, **arguments), rtol=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("zero_division", [0.0, 1.0])
def test_jaccard_of_nothing_is_torchmetrics_s(task, average, zero_division):
    """Where all is ignored, and where no target is a yes."""
    arguments = {"task": task, "average": average, "zero_division": zero_division, **sizes(task)}
    for wrong, right, ignored in ((0, 1, 1), (1, 0, 1), (1, 1, 1)):
        preds, target = np.full((4, 3), wrong), np.full((4, 3), right)
        np.testing.assert_array_equal(ours("jaccard_index", preds, target, ignore_index=ignored, **arguments),
                                      theirs("jaccard_index", preds, target, ignore_index=ignored, **arguments))


def test_jaccard_batch_by_batch():
    preds, target = data("multiclass", ignored=1)
    arguments = {"task": "multiclass", "num_classes": 4, "ignore_index": 1}
    here, there = metrics.JaccardIndex(**arguments), metrics.JaccardIndex(**arguments)
    here.update(minidl.tensor(preds[:20]), minidl.tensor(target[:20]))
    there.update(minidl.tensor(preds[20:]), minidl.tensor(target[20:]))
    here.merge_state(there)
    assert here.compute().item() == pytest.approx(ours("jaccard_index", preds, target, **arguments), rel=1e-6)


@pytest.mark.parametrize("average", AVERAGES)
def test_dice_is_f1(average):
    preds, target = data("multiclass", labels=True)
    found = M.dice(minidl.tensor(preds), minidl.tensor(target), average=average, num_classes=4)
    np.testing.assert_allclose(found.numpy(), ours("f1_score", preds, target, task="multiclass", num_classes=4,
                                                   average=average), rtol=1e-6)


def test_dice_of_masks_of_probabilities():
    """Two of three pixels found, and one too many: 4 / 6."""
    preds, target = minidl.tensor([[[0.9, 0.8], [0.7, 0.2]]]), minidl.tensor([[[1, 1], [0, 1]]])
    assert M.dice(preds, target).item() == pytest.approx(4 / 6)
    assert M.dice(preds, target, mdmc_average="samplewise").tolist() == pytest.approx([4 / 6])


# ---------------------------------------------------------------------- dice_score

def images(kind, seed=0, n=3, classes=4):
    generator = np.random.default_rng(seed)
    numbers = np.minimum(generator.integers(0, classes + 1, (n, 5, 6)), classes - 2)      # the last never occurs
    if kind == "index":
        return numbers
    return (np.moveaxis(np.eye(classes, dtype=np.int64)[numbers], -1, 1) if kind == "masks" else
            generator.random((n, classes, 5, 6)).astype(np.float32))


INPUTS = [("one-hot", "masks", "masks"), ("one-hot", "scores", "masks"), ("index", "index", "index"),
          ("mixed", "masks", "index"), ("mixed", "index", "masks"), ("mixed", "scores", "index")]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("level", ["samplewise", "global"])
def test_dice_score_is_torchmetrics_s(level, background, average):
    torch = pytest.importorskip("torch")
    for input_format, left, right in INPUTS:
        preds, target = images(left, 1), images(right, 2)
        arguments = {"num_classes": 4, "include_background": background, "average": average,
                     "input_format": input_format, "aggregation_level": level}
        expected = torchmetrics("functional.segmentation").dice_score(
            torch.from_numpy(preds), torch.from_numpy(target), **arguments)
        found = M.dice_score(minidl.tensor(preds), minidl.tensor(target), **arguments)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, err_msg=str(arguments))
        whole = torchmetrics("segmentation").DiceScore(**arguments)
        whole.update(torch.from_numpy(preds), torch.from_numpy(target))
        here, there = metrics.DiceScore(**arguments), metrics.DiceScore(**arguments)
        here.update(minidl.tensor(preds[:1]), minidl.tensor(target[:1]))
        there.update(minidl.tensor(preds[1:]), minidl.tensor(target[1:]))
        here.merge_state(there.metric_state)
        np.testing.assert_allclose(here.compute().numpy(), whole.compute().numpy(), rtol=1e-5, err_msg=str(arguments))


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.dice_score(minidl.zeros(2, 3, 4, 4), minidl.zeros(2, 3, 4, 5), 3), ValueError, "expected images"),
    (lambda: M.dice_score(minidl.zeros(2, 3, 4), minidl.zeros(2, 3, 4), 4), ValueError, r"\(N, 4, ...\)"),
    (lambda: M.dice_score(minidl.zeros(2, 3, 4), minidl.zeros(2, 3, 4), 3, input_format="index"), ValueError,
     "class numbers"),
    (lambda: M.dice_score(minidl.tensor([[[3]]]), minidl.tensor([[[0]]]), 3, input_format="index"), RuntimeError,
     "0 to 2, but found 3"),
    (lambda: M.dice_score([0], minidl.zeros(1), 3), TypeError, "preds"),
    (lambda: M.dice_score(minidl.zeros(1), minidl.zeros(1), 0), ValueError, "num_classes"),
    (lambda: metrics.DiceScore(3, include_background=1), ValueError, "include_background"),
    (lambda: metrics.DiceScore(3, average="mean"), ValueError, "average"),
    (lambda: metrics.DiceScore(3, input_format="onehot"), ValueError, "input_format"),
    (lambda: metrics.DiceScore(3, aggregation_level="all"), ValueError, "aggregation_level"),
    (lambda: M.jaccard_index(minidl.tensor([0, 3]), minidl.tensor([0, 0]), num_classes=3), RuntimeError, "found 3"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


def test_on_another_device():
    assert strict_array.__doc__
    preds, target = minidl.tensor(images("masks", 1)), minidl.tensor(images("index", 2))
    metric = metrics.DiceScore(4, input_format="mixed")
    metric.update(preds.to("strict"), target.to("strict"))
    assert metric.compute().device.type == "strict"
    expected = M.dice_score(preds, target, 4, input_format="mixed").mean()
    assert metric.compute().item() == pytest.approx(expected.item(), rel=1e-6)
