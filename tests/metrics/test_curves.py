"""ROC, precision-recall, the areas below, and calibration: by hand, scikit-learn, torchmetrics and counted pairs."""
from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import metrics
from minidl.metrics import functional as M
from tests import strict_array
from tests.metrics.reference import torchmetrics
from tests.metrics.test_counts import data, ours, sizes

CLASSES = {"roc": metrics.ROC, "precision_recall_curve": metrics.PrecisionRecallCurve, "auroc": metrics.AUROC,
           "average_precision": metrics.AveragePrecision, "calibration_error": metrics.CalibrationError}
TASKS = ["binary", "multiclass", "multilabel"]


def theirs(name, preds, target, **arguments):
    torch = pytest.importorskip("torch")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torchmetrics("functional"), name)(torch.from_numpy(preds), torch.from_numpy(target), **arguments)


def same(here, there, **tolerance):
    """Numbers, curves, and lists of curves."""
    if isinstance(here, (tuple, list)):
        assert len(here) == len(there)
        for a, b in zip(here, there):
            same(a, b, **tolerance)
    else:
        np.testing.assert_allclose(np.asarray(here), np.asarray(there), **{"rtol": 1e-5, "atol": 1e-6, **tolerance})


# ---------------------------------------------------------------------- by hand

def test_a_worked_example():
    """Sorted: 0.9 yes, 0.8 no, 0.7 yes and no, 0.2 no."""
    scores, target = minidl.tensor([0.7, 0.9, 0.2, 0.7, 0.8]), minidl.tensor([1, 1, 0, 0, 0])
    fpr, tpr, thresholds = M.roc(scores, target)
    same(thresholds.tolist(), [1, 0.9, 0.8, 0.7, 0.2])
    same(tpr.tolist(), [0, 1 / 2, 1 / 2, 1, 1])
    same(fpr.tolist(), [0, 0, 1 / 3, 2 / 3, 1])
    assert M.auroc(scores, target).item() == pytest.approx((1 + 1 + 1 + 0 + 0.5 + 1) / 6)      # pairs, ties count half
    precision, recall, thresholds = M.precision_recall_curve(scores, target)
    same(thresholds.tolist(), [0.2, 0.7, 0.8, 0.9])
    same(precision.tolist(), [2 / 5, 2 / 4, 1 / 2, 1, 1])
    same(recall.tolist(), [1, 1, 1 / 2, 1 / 2, 0])
    assert M.average_precision(scores, target).item() == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 4)


def test_calibration_by_hand():
    """Two bins: of three that are 0.4 sure on average none is right, of two at 0.9 one is."""
    scores, target = minidl.tensor([0.4, 0.3, 0.5 - 1e-6, 0.9, 0.9]), minidl.tensor([0, 0, 0, 1, 0])
    arguments = {"task": "binary", "n_bins": 2}
    first, second = 1.2 / 3, 0.4
    assert M.calibration_error(scores, target,
                               **arguments).item() == pytest.approx(3 / 5 * first + 2 / 5 * second, rel=1e-4)
    assert M.calibration_error(scores, target, **arguments, norm="max").item() == pytest.approx(0.4, rel=1e-4)
    assert M.calibration_error(scores, target, **arguments, norm="l2").item() == pytest.approx(0.4, rel=1e-4)


# ---------------------------------------------------------------------- against torchmetrics

@pytest.mark.parametrize("name", ["roc", "precision_recall_curve", "auroc", "average_precision"])
@pytest.mark.parametrize("task", TASKS)
def test_torchmetrics_says_the_same(name, task):
    torch = pytest.importorskip("torch")

    for thresholds, extra, ignored, scale in itertools.product(
            [None, 7, [0.9, 0.1, 0.5]], [(), (3,)], [None, -1], [1, 5]):
        preds, target = data(task, extra=extra, ignored=ignored)
        preds = np.round(preds * scale, 1)
        arguments = {"task": task, "thresholds": thresholds, "ignore_index": ignored, **sizes(task)}
        averages = [{}]
        if name in ("auroc", "average_precision") and task != "binary":
            averages = [{"average": a} for a in ("macro", "weighted", "none")]
        for average in averages:
            same(getattr(M, name)(minidl.tensor(preds), minidl.tensor(target), **arguments, **average),
                 theirs(name, preds, target, **arguments, **average))
        if thresholds is not None:
            as_tensor = M.roc(minidl.tensor(preds), minidl.tensor(target), **{
                **arguments, "thresholds": minidl.tensor([0.2, 0.4])})
            same(as_tensor, theirs("roc", preds, target, **{**arguments, "thresholds": torch.tensor([0.2, 0.4])}))


@pytest.mark.parametrize("thresholds", [None, 9])
def test_micro_averages_are_torchmetrics_s(thresholds):
    classification = torchmetrics("functional.classification")
    torch = pytest.importorskip("torch")

    preds, target = data("multilabel", ignored=-1)
    there = torch.from_numpy(preds), torch.from_numpy(target)
    arguments = {"num_labels": 3, "average": "micro", "ignore_index": -1, "thresholds": thresholds}
    for name in ("auroc", "average_precision"):
        same(ours(name, preds, target, task="multilabel", **arguments),
             getattr(classification, f"multilabel_{name}")(*there, **arguments))
    preds, target = data("multiclass")
    same(M.roc(minidl.tensor(preds), minidl.tensor(target), average="micro", thresholds=thresholds),
         classification.multiclass_roc(torch.from_numpy(preds), torch.from_numpy(target), num_classes=4,
                                       average="micro", thresholds=thresholds))


@pytest.mark.parametrize("max_fpr", [0.1, 0.35, 0.5, 1.0])
def test_partial_areas_are_torchmetrics_s(max_fpr):
    for seed in range(4):
        preds, target = data("binary", seed=seed)
        same(ours("auroc", preds, target, task="binary", max_fpr=max_fpr),
             theirs("auroc", preds, target, task="binary", max_fpr=max_fpr))


@pytest.mark.parametrize("name", ["auroc", "average_precision"])
@pytest.mark.filterwarnings("ignore:roc|average_precision|precision_recall")
def test_a_class_that_does_not_occur(name):
    preds, target = data("multiclass")
    target = np.where(target == 2, 1, target)
    for average, thresholds in itertools.product(["macro", "weighted", "none"], [None, 6]):
        arguments = {"task": "multiclass", "num_classes": 4, "average": average, "thresholds": thresholds}
        same(ours(name, preds, target, **arguments), theirs(name, preds, target, **arguments))
    preds, target = data("multilabel")
    target[:, 1] = 0
    arguments = {"task": "multilabel", "num_labels": 3, "average": "none"}
    same(ours(name, preds, target, **arguments), theirs(name, preds, target, **arguments))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_calibration_is_torchmetrics_s(task, norm):
    for n_bins, ignored, scale, extra in itertools.product([1, 2, 10, 15], [None, -1], [1, 4], [(), (2,)]):
        preds, target = data(task, extra=extra, ignored=ignored, n=200)
        preds = preds * scale
        if task == "binary":
            preds.flat[:3] = scale      # exactly 1, where they are probabilities
        arguments = {"task": task, "n_bins": n_bins, "norm": norm, "ignore_index": ignored, **sizes(task)}
        same(ours("calibration_error", preds, target, **arguments),
             theirs("calibration_error", preds, target, **arguments), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------- against scikit-learn, and by counting

RANKED = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({p for _, p in pairs}) == 2)


@settings(max_examples=80)
@given(RANKED)
def test_areas_by_pairs_and_scikit_learn(pairs):
    sk = pytest.importorskip("sklearn.metrics")
    scores = np.array([s / 8 for s, _ in pairs])
    target = np.array([int(p) for _, p in pairs])
    yes, no = scores[target == 1], scores[target == 0]
    wins = (yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2
    assert ours("auroc", scores, target) == pytest.approx(wins, abs=1e-6)
    assert ours("auroc", scores, target) == pytest.approx(sk.roc_auc_score(target, scores), abs=1e-6)
    assert ours("average_precision", scores, target) == pytest.approx(
        sk.average_precision_score(target, scores), abs=1e-6)
    assert ours("auroc", scores, target, max_fpr=0.4) == pytest.approx(
        sk.roc_auc_score(target, scores, max_fpr=0.4), abs=1e-6)
    fpr, tpr, _ = M.roc(minidl.tensor(scores), minidl.tensor(target))
    same((fpr, tpr), sk.roc_curve(target, scores, drop_intermediate=False)[:2])
    same(M.precision_recall_curve(minidl.tensor(scores), minidl.tensor(target)),
         sk.precision_recall_curve(target, scores))


def test_multiclass_areas_are_scikit_learn_s():
    sk = pytest.importorskip("sklearn.metrics")
    preds, target = data("multiclass")
    shares = minidl.tensor(preds).softmax(1).double().numpy()
    shares = shares / shares.sum(1, keepdims=True)
    for average in ("macro", "weighted"):
        assert ours("auroc", preds, target, average=average) == pytest.approx(
            sk.roc_auc_score(target, shares, multi_class="ovr", average=average), abs=1e-6)
        assert ours("average_precision", preds, target, average=average) == pytest.approx(
            sk.average_precision_score(np.eye(4)[target], shares, average=average), abs=1e-6)


# ---------------------------------------------------------------------- batch by batch

@pytest.mark.filterwarnings("ignore:roc|average_precision")
@pytest.mark.parametrize("thresholds", [None, 11])
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("task", TASKS)
def test_batches_merge_to_the_whole(name, task, thresholds):
    if name == "calibration_error" and (task == "multilabel" or thresholds):
        return
    preds, target = data(task, n=50, extra=(2,), ignored=-1)
    preds, target = minidl.tensor(preds), minidl.tensor(target)
    arguments = {"task": task, "ignore_index": -1, **sizes(task)}
    if name != "calibration_error":
        arguments["thresholds"] = thresholds
    if name == "calibration_error":
        arguments.pop("num_labels", None)
    if name in ("auroc", "average_precision") and task == "multilabel":
        arguments["average"] = "micro"
    whole = getattr(M, name)(preds, target, **arguments)
    metric, elsewhere = CLASSES[name](**arguments), CLASSES[name](**arguments)
    same(metric(preds[:7], target[:7]), getattr(M, name)(preds[:7], target[:7], **arguments), rtol=0, atol=0)
    metric.update(preds[7:20], target[7:20])
    elsewhere.update(preds[20:], target[20:])
    metric.merge_state(elsewhere)
    same(metric.compute(), whole, rtol=1e-6)
    metric.reset()
    metric.update(preds, target)
    same(metric.compute(), whole, rtol=0, atol=0)


@pytest.mark.parametrize("name", CLASSES)
def test_on_another_device(name):
    assert strict_array.__doc__
    preds, target = (minidl.tensor(x) for x in data("binary"))
    here = getattr(M, name)(preds, target, task="binary")
    metric = CLASSES[name](task="binary")
    metric.update(preds.to("strict"), target.to("strict"))
    there = metric.compute()
    there = there if isinstance(there, tuple) else (there,)
    assert all(x.device.type == "strict" for x in there)
    same(tuple(x.cpu() for x in there), here if isinstance(here, tuple) else (here,), rtol=0, atol=0)


def test_given_thresholds_need_no_memory():
    metric = metrics.AUROC(task="binary", thresholds=5)
    for seed in range(3):
        metric.update(*(minidl.tensor(x) for x in data("binary", seed=seed)))
    assert sum(state.numel() for state in metric.metric_state.values()) == 5 + 5 + 1 + 1


# ---------------------------------------------------------------------- awkward points

def test_warnings_where_a_rate_has_no_meaning():
    scores = minidl.tensor([0.2, 0.7])
    with pytest.warns(UserWarning, match="no negative samples in target; the false positive rate is set to 0"):
        assert M.roc(scores, minidl.tensor([1, 1]))[0].tolist() == [0, 0, 0]
    with pytest.warns(UserWarning, match="no positive samples in target; the true positive rate is set to 0"):
        assert M.auroc(scores, minidl.tensor([0, 0])).item() == 0
    with pytest.warns(UserWarning, match="no positive samples in target; recall is set to 1"):
        assert M.average_precision(scores, minidl.tensor([0, 0])).item() == 0
    with pytest.warns(UserWarning, match="1 classes have no positive samples, and are left out"):
        M.average_precision(minidl.rand(4, 3), minidl.tensor([0, 1, 1, 0]))


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.roc(minidl.tensor([0, 1]), minidl.tensor([0, 1]), task="binary"), ValueError, "probabilities or logits"),
    (lambda: M.auroc(minidl.tensor([0, 1]), minidl.tensor([0, 1]), num_classes=2), ValueError, "not the argmax"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 2])), RuntimeError, "classes from 0 to 1, but found 2"),
    (lambda: M.auroc(minidl.tensor([0.1, float("nan")]), minidl.tensor([0, 1])), ValueError, "preds contains NaN"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 1]), thresholds=1), ValueError, "at least 2 thresholds"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 1]), thresholds=[0.1, 2.0]), ValueError, "from 0 to 1"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 1]), thresholds=minidl.rand(2, 2)), ValueError, r"\(T,\)"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 1]), max_fpr=0.0), ValueError, "max_fpr above 0"),
    (lambda: M.auroc(minidl.rand(3), minidl.tensor([0, 1, 1]), average="mean"), ValueError, "average to be one of"),
    (lambda: M.roc(minidl.rand(3, 2), minidl.tensor([0, 1, 1]), average="weighted"), ValueError, "average to be one"),
    (lambda: M.auroc(minidl.rand(0), minidl.zeros(0).long()), ValueError, "at least one entry"),
    (lambda: M.auroc(minidl.rand(2), minidl.tensor([5, 5]), task="binary", ignore_index=5), ValueError, "at least one"),
    (lambda: M.calibration_error(minidl.rand(3), minidl.tensor([0, 1, 1]), n_bins=0), ValueError, "n_bins .* least 1"),
    (lambda: M.calibration_error(minidl.rand(3), minidl.tensor([0, 1, 1]), norm="l3"), ValueError, "norm to be one of"),
    (lambda: M.calibration_error(minidl.rand(3, 2), minidl.zeros(3, 2).long(), num_classes=2, task="multilabel"),
     ValueError, "task to be one of|num_labels"),
    (lambda: metrics.AUROC(max_fpr=2.0), ValueError, "AUROC: expected max_fpr"),
    (lambda: metrics.ROC(thresholds=1), ValueError, "ROC: expected at least 2"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


@pytest.mark.filterwarnings("ignore:AUROC.compute was called before update")
@pytest.mark.parametrize("kind", [metrics.AUROC, metrics.ROC, metrics.AveragePrecision, metrics.PrecisionRecallCurve])
@pytest.mark.parametrize("thresholds", [None, 5])
def test_batches_of_which_nothing_counts(kind, thresholds):
    metric = kind(task="binary", ignore_index=1, thresholds=thresholds)
    metric.update(minidl.tensor([0.5, 0.6]), minidl.tensor([1, 1]))
    with pytest.raises(ValueError, match="nothing to compute from|at least one entry that counts"):
        metric.compute()


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_calibration_of_nothing_is_torchmetrics_s(norm):
    preds, target = np.array([0.2, 0.7], np.float32), np.array([1, 1])
    arguments = {"task": "binary", "norm": norm, "ignore_index": 1}
    np.testing.assert_array_equal(ours("calibration_error", preds, target, **arguments),
                                  theirs("calibration_error", preds, target, **arguments))


def test_nothing_to_rank():
    with pytest.raises(ValueError, match="call update first"):
        metrics.AUROC(task="binary").compute()
