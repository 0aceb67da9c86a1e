"""Accuracy, precision, recall, F1, balanced accuracy and confusion matrices: by hand, scikit-learn and torchmetrics."""
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

FIGURES = ["accuracy", "precision", "recall", "f1_score"]
AVERAGES = ["micro", "macro", "weighted", "none"]
CLASSES = {"accuracy": metrics.Accuracy, "precision": metrics.Precision, "recall": metrics.Recall,
           "f1_score": metrics.F1Score, "confusion_matrix": metrics.ConfusionMatrix,
           "balanced_accuracy": metrics.BalancedAccuracy}


def data(task, labels=False, classes=4, n=60, extra=(), seed=0, ignored=None):
    """preds and target, with one class that is rare; floats unless `labels`."""
    generator = np.random.default_rng(seed)
    if task == "multiclass":
        target = np.minimum(generator.integers(0, classes + 2, (n, *extra)), classes - 1)
        preds = (generator.integers(0, classes - 1, (n, *extra)) if labels else
                 generator.standard_normal((n, classes, *extra)).astype(np.float32))
    else:
        shape = (n, 3, *extra) if task == "multilabel" else (n, *extra)
        target = generator.integers(0, 2, shape)
        preds = generator.integers(0, 2, shape) if labels else generator.random(shape).astype(np.float32)
    if ignored is not None:
        target = np.where(generator.random(target.shape) < 0.2, ignored, target)
    return preds, target


def ours(name, preds, target, **arguments):
    return getattr(M, name)(minidl.tensor(preds), minidl.tensor(target), **arguments).numpy()


def theirs(name, preds, target, **arguments):
    torch = pytest.importorskip("torch")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torchmetrics("functional"), name)(
            torch.from_numpy(preds), torch.from_numpy(target), **arguments).numpy()


def sizes(task):
    return {"multiclass": {"num_classes": 4}, "multilabel": {"num_labels": 3}, "binary": {}}[task]


# ---------------------------------------------------------------------- by hand

def test_a_worked_example():
    """Three classes: of 4 cats 3 are found, of 3 dogs 1, of 3 birds 3; one cat is a dog, two dogs are birds."""
    target = minidl.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    preds = minidl.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])
    kinds = {"task": "multiclass", "num_classes": 3}
    assert M.confusion_matrix(preds, target, **kinds).tolist() == [[3, 1, 0], [0, 1, 2], [0, 0, 3]]
    assert M.accuracy(preds, target, **kinds).item() == pytest.approx(7 / 10)
    np.testing.assert_allclose(M.recall(preds, target, **kinds, average="none").numpy(), [3 / 4, 1 / 3, 1], rtol=1e-6)
    np.testing.assert_allclose(M.precision(preds, target, **kinds, average=None).numpy(), [1, 1 / 2, 3 / 5], rtol=1e-6)
    np.testing.assert_allclose(M.f1_score(preds, target, **kinds, average="none").numpy(), [6 / 7, 2 / 5, 6 / 8],
                               rtol=1e-6)
    assert M.recall(preds, target, **kinds, average="macro").item() == pytest.approx((3 / 4 + 1 / 3 + 1) / 3)
    assert M.precision(preds, target, **kinds, average="weighted").item() == pytest.approx(
        (4 * 1 + 3 / 2 + 3 * 3 / 5) / 10)
    assert M.balanced_accuracy(preds, target, **kinds).item() == pytest.approx((3 / 4 + 1 / 3 + 1) / 3)
    np.testing.assert_allclose(M.confusion_matrix(preds, target, **kinds, normalize="true").numpy(),
                               [[0.75, 0.25, 0], [0, 1 / 3, 2 / 3], [0, 0, 1]], rtol=1e-6)


def test_top_k_by_hand():
    scores = minidl.tensor([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])
    target = minidl.tensor([1, 1, 0])           # second, second, third
    assert [M.accuracy(scores, target, top_k=k).item() for k in (1, 2, 3)] == pytest.approx([0, 2 / 3, 1])
    metric = metrics.Accuracy(top_k=2)
    for i in range(3):
        metric.update(scores[i:i + 1], target[i:i + 1])
    assert metric.compute().item() == pytest.approx(2 / 3)


# ---------------------------------------------------------------------- against torchmetrics

@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_torchmetrics_says_the_same(task, average, name):
    for labels, extra, ignored, how in itertools.product([False, True], [(), (2, 3)], [None, -1, 1],
                                                         ["global", "samplewise"]):
        if how == "samplewise" and not extra:
            continue
        preds, target = data(task, labels, extra=extra, ignored=ignored)
        if task != "multiclass" and ignored == 1:
            continue
        arguments = {"task": task, "average": average, "multidim_average": how, "ignore_index": ignored, **sizes(task)}
        np.testing.assert_allclose(ours(name, preds, target, **arguments), theirs(name, preds, target, **arguments),
                                   rtol=1e-5, atol=1e-6, err_msg=str(arguments))


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("ignored", [-1, 1])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_each_sample_by_itself_is_the_sample_alone(task, ignored, name):
    if task == "multilabel" and ignored == 1:
        ignored = -1
    preds, target = data(task, extra=(5,), ignored=ignored, n=12)
    for average in AVERAGES:
        arguments = {"task": task, "average": average, "ignore_index": ignored, **sizes(task)}
        found = ours(name, preds, target, multidim_average="samplewise", **arguments)
        alone = [ours(name, preds[i:i + 1], target[i:i + 1], **arguments) for i in range(12)]
        np.testing.assert_allclose(found, alone, rtol=1e-6)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("top_k", [2, 3])
@pytest.mark.parametrize("ignored", [None, 1])
def test_top_k_is_torchmetrics_s(name, average, top_k, ignored):
    preds, target = data("multiclass", ignored=ignored)
    arguments = {"task": "multiclass", "num_classes": 4, "average": average, "top_k": top_k, "ignore_index": ignored}
    np.testing.assert_allclose(ours(name, preds, target, **arguments), theirs(name, preds, target, **arguments),
                               rtol=1e-5)


@pytest.mark.parametrize("name", ["precision", "recall", "f1_score"])
@pytest.mark.parametrize("zero_division", [0, 1])
def test_zero_division_is_torchmetrics_s(name, zero_division):
    preds, target = np.array([0, 0, 1, 3]), np.array([0, 2, 1, 1])
    for average in AVERAGES:
        arguments = {"task": "multiclass", "num_classes": 5, "average": average, "zero_division": zero_division}
        np.testing.assert_allclose(ours(name, preds, target, **arguments), theirs(name, preds, target, **arguments),
                                   rtol=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("normalize", [None, "none", "true", "pred", "all"])
@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("ignored", [None, -1])
@pytest.mark.filterwarnings("ignore:confusion_matrix")
def test_confusion_matrix_is_torchmetrics_s(task, normalize, labels, ignored):
    preds, target = data(task, labels, extra=(3,), ignored=ignored)
    arguments = {"task": task, "normalize": normalize, "ignore_index": ignored, **sizes(task)}
    np.testing.assert_allclose(ours("confusion_matrix", preds, target, **arguments),
                               theirs("confusion_matrix", preds, target, **arguments), rtol=1e-6)


def test_logits_and_thresholds_are_read_as_in_torchmetrics():
    for scale, threshold in itertools.product([1, 6], [0.0, 0.3, 0.5, 0.9, 1.0]):
        for task in ("binary", "multilabel"):
            preds, target = data(task, n=200)
            preds = (preds - 0.5) * scale if scale > 1 else preds
            arguments = {"task": task, "threshold": threshold, **sizes(task)}
            for name in FIGURES:
                np.testing.assert_allclose(ours(name, preds, target, **arguments),
                                           theirs(name, preds, target, **arguments), rtol=1e-5)


# ---------------------------------------------------------------------- against scikit-learn

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@settings(max_examples=60)
@given(LABELS)
def test_scikit_learn_says_the_same(pairs):
    sk = pytest.importorskip("sklearn.metrics")
    target, preds = (np.array(x) for x in zip(*pairs))
    arguments = {"task": "multiclass", "num_classes": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours("accuracy", preds, target, **arguments) == pytest.approx(sk.accuracy_score(target, preds))
        assert ours("balanced_accuracy", preds, target, **arguments) == pytest.approx(
            sk.balanced_accuracy_score(target, preds))
        if len(set(target)) > 1:
            assert ours("balanced_accuracy", preds, target, **arguments, adjusted=True) == pytest.approx(
                sk.balanced_accuracy_score(target, preds, adjusted=True), abs=1e-6)
        np.testing.assert_array_equal(ours("confusion_matrix", preds, target, **arguments),
                                      sk.confusion_matrix(target, preds, labels=range(4)))
        there = sorted(set(target) | set(preds))        # classes that are nowhere count in no mean
        for name, function in (("precision", sk.precision_score), ("recall", sk.recall_score),
                               ("f1_score", sk.f1_score)):
            for average in ("micro", "macro", "weighted"):
                assert ours(name, preds, target, **arguments, average=average) == pytest.approx(
                    function(target, preds, average=average, labels=there, zero_division=0), abs=1e-6)
            np.testing.assert_allclose(ours(name, preds, target, **arguments, average="none"),
                                       function(target, preds, average=None, labels=range(4), zero_division=0),
                                       atol=1e-6)


def test_binary_balanced_accuracy_is_scikit_learn_s():
    sk = pytest.importorskip("sklearn.metrics")
    preds, target = data("binary", labels=True)
    target[target.argmax():target.argmax() + 30] = 0
    for adjusted in (False, True):
        assert ours("balanced_accuracy", preds, target, task="binary", adjusted=adjusted) == pytest.approx(
            sk.balanced_accuracy_score(target, preds, adjusted=adjusted))


# ---------------------------------------------------------------------- what the shapes tell

def test_the_task_is_found_where_it_is_evident():
    scores, target = (minidl.tensor(x) for x in data("multiclass"))
    assert M.accuracy(scores, target).item() == M.accuracy(scores, target, task="multiclass", num_classes=4).item()
    assert M.accuracy(scores.argmax(1), target, num_classes=4).item() == M.accuracy(scores, target).item()
    probabilities, answers = (minidl.tensor(x) for x in data("binary"))
    assert M.f1_score(probabilities, answers).item() == M.f1_score(probabilities, answers, task="binary").item()
    probabilities, answers = (minidl.tensor(x) for x in data("multilabel"))
    assert M.recall(probabilities, answers, num_labels=3, average="none").shape == (3,)


def test_bools_and_other_integers_are_classes():
    target = minidl.tensor([True, False, True])
    assert M.accuracy(minidl.tensor([True, True, True]), target, task="binary").item() == pytest.approx(2 / 3)
    assert M.accuracy(minidl.tensor([0, 1, 2]).to(minidl.uint8), minidl.tensor([0, 1, 1]).to(minidl.int32),
                      num_classes=3).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("wrong, error, text", [
    (lambda: M.accuracy([1], minidl.tensor([1])), TypeError, "argument 'preds' must be Tensor, not list"),
    (lambda: M.accuracy(minidl.tensor([1, 0]), minidl.tensor([1, 0])), ValueError, "do not say what the task is; give"),
    (lambda: M.accuracy(minidl.tensor([1, 0]), minidl.tensor([1, 0]), task="classes"), ValueError,
     "accuracy: expected task to be one of binary, multiclass, multilabel, but got 'classes'"),
    (lambda: M.accuracy(minidl.tensor([1, 0]), minidl.tensor([1, 0]), task="multiclass"), ValueError,
     "num_classes must be given"),
    (lambda: M.recall(minidl.rand(4, 3), minidl.tensor([0, 1, 2, 3])), RuntimeError,
     "recall: expected target to hold classes from 0 to 2, but found 3, and 1 wrong of 4"),
    (lambda: M.recall(minidl.tensor([0, 5]), minidl.tensor([0, 1]), num_classes=3), RuntimeError,
     "expected preds to hold classes from 0 to 2, but found 5"),
    (lambda: M.recall(minidl.rand(4, 3), minidl.tensor([0, -1, 2, -100]), ignore_index=-100), RuntimeError,
     "from 0 to 2, or ignore_index = -100, but found -1"),
    (lambda: M.recall(minidl.rand(4, 3), minidl.tensor([0, 1])), ValueError,
     r"preds \(N, C, ...\) and target .* \(4, 3\) and \(2,\)"),
    (lambda: M.recall(minidl.rand(4, 3), minidl.zeros(4).long(), num_classes=5), ValueError, "num_classes = 5"),
    (lambda: M.recall(minidl.rand(4, 3), minidl.rand(4)), ValueError, "integers or bools, but got .*float32"),
    (lambda: M.recall(minidl.rand(4), minidl.zeros(4).long(), num_classes=3), ValueError,
     r"class numbers, integers, or scores .*try preds.long\(\), or task='binary'"),
    (lambda: M.recall(minidl.zeros(4, 3).long(), minidl.zeros(4).long()), ValueError, "expected scores"),
    (lambda: M.recall(minidl.rand(4), minidl.zeros(5).long(), task="binary"), ValueError, "of the same shape"),
    (lambda: M.recall(minidl.rand(4, 2), minidl.zeros(4, 2).long(), num_labels=3), ValueError, "num_labels = 3"),
    (lambda: M.recall(minidl.rand(4), minidl.tensor(1), task="binary"), ValueError, "single number"),
    (lambda: M.accuracy(minidl.rand(4, 3), minidl.zeros(4).long(), average="mean"), ValueError,
     "average to be one of 'micro', .*'mean'"),
    (lambda: M.accuracy(minidl.rand(4, 3), minidl.zeros(4).long(), top_k=4), ValueError, "at most the 3 classes"),
    (lambda: M.accuracy(minidl.rand(4, 3), minidl.zeros(4).long(), top_k=0), ValueError, "top_k .* at least 1"),
    (lambda: M.accuracy(minidl.tensor([1]), minidl.tensor([1]), num_classes=3, top_k=2), ValueError, "needs scores"),
    (lambda: M.accuracy(minidl.rand(4), minidl.zeros(4).long(), threshold=2), ValueError, "threshold from 0 to 1"),
    (lambda: M.accuracy(minidl.rand(4), minidl.zeros(4).long(), multidim_average="all"), ValueError, "samplewise"),
    (lambda: M.accuracy(minidl.tensor([0.5, float("nan")]), minidl.tensor([0, 1])), ValueError, "NaN .1 of 2 numbers"),
    (lambda: M.confusion_matrix(minidl.rand(4), minidl.zeros(4).long(), normalize="rows"), ValueError, "normalize"),
    (lambda: M.balanced_accuracy(minidl.rand(4, 2), minidl.zeros(4, 2).long(), task="multilabel"), ValueError,
     "task to be one of 'binary', 'multiclass'"),
    (lambda: metrics.Accuracy(task="classes"), ValueError, "Accuracy: expected task"),
    (lambda: metrics.Accuracy(average="mean"), ValueError, "Accuracy: expected average"),
])
def test_what_does_not_fit_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        wrong()


# ---------------------------------------------------------------------- batch by batch

@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_batches_merge_to_the_whole(name, task):
    if name == "balanced_accuracy" and task == "multilabel":
        return
    preds, target = (minidl.tensor(x) for x in data(task, n=50))
    more = {"average": "macro"} if name in FIGURES else {}
    arguments = {"task": task, **sizes(task), **more}
    whole = getattr(M, name)(preds, target, **arguments)
    metric, elsewhere = CLASSES[name](**arguments), CLASSES[name](**arguments)
    batch = metric(preds[:7], target[:7])
    assert bool((batch == getattr(M, name)(preds[:7], target[:7], **arguments)).all())
    metric.update(preds[7:20], target[7:20])
    elsewhere.update(preds[20:], target[20:])
    metric.merge_state(elsewhere)
    assert bool((metric.compute() == whole).all()) and metric.compute().dtype == whole.dtype
    assert metric.update_count == 3
    metric.reset()
    metric.update(preds, target)
    assert bool((metric.compute() == whole).all())
    from_states = CLASSES[name](**arguments)
    from_states.merge_state(metric.metric_state)
    assert bool((from_states.compute() == whole).all())


def test_samplewise_batches():
    preds, target = (minidl.tensor(x) for x in data("multiclass", extra=(4,), n=10))
    arguments = {"task": "multiclass", "num_classes": 4, "multidim_average": "samplewise"}
    metric, elsewhere = metrics.Accuracy(**arguments), metrics.Accuracy(**arguments)
    metric.update(preds[:4], target[:4])
    elsewhere.update(preds[4:], target[4:])
    metric.merge_state(elsewhere)
    assert metric.compute().tolist() == M.accuracy(preds, target, **arguments).tolist()


def test_the_first_batch_settles_the_task():
    metric = metrics.Accuracy()
    metric.update(minidl.rand(5, 3), minidl.tensor([0, 1, 2, 1, 0]))
    assert (metric.task, metric.num_classes) == ("multiclass", 3)
    with pytest.raises(ValueError, match="num_classes = 3"):
        metric.update(minidl.rand(5, 4), minidl.tensor([0, 1, 2, 1, 0]))
    other = metrics.Accuracy()
    other.merge_state(metric)
    assert other.task == "multiclass" and other.compute().item() == metric.compute().item()
    binary = metrics.Accuracy(task="binary")
    with pytest.raises(ValueError, match="with task='binary', but got 'multiclass'"):
        binary.merge_state(metric)


def test_merging_refuses_others():
    metric = metrics.Accuracy(task="binary")
    with pytest.raises(ValueError, match="expected Accuracy, but got Recall"):
        metric.merge_state(metrics.Recall(task="binary"))
    with pytest.raises(ValueError, match="the states tp, fp, tn, fn, but got tp"):
        metric.merge_state({"tp": minidl.tensor(1)})
    with pytest.raises(ValueError, match="a dict of states or Accuracy, but got int"):
        metric.merge_state(3)


def test_compute_before_update_warns():
    with pytest.warns(UserWarning, match="Accuracy.compute was called before update"):
        assert metrics.Accuracy(task="binary").compute().item() == 0


def test_states_are_declared_well():
    metric = metrics.Metric()
    with pytest.raises(ValueError, match="dist_reduce_fx to be one of sum, max, min, cat, but got 'mean'"):
        metric.add_state("x", minidl.tensor(0), "mean")
    with pytest.raises(ValueError, match="a tensor or an empty list for 'x', but got 3"):
        metric.add_state("x", 3, "sum")
    for how, expected in (("max", 5), ("min", 2)):
        a, b = metrics.Metric(), metrics.Metric()
        a.add_state("x", minidl.tensor(2), how)
        b.add_state("x", minidl.tensor(5), how)
        a.merge_state(b)
        assert a.metric_state["x"].item() == expected


@settings(max_examples=40)
@given(LABELS, st.integers(1, 29))
def test_any_split_gives_the_same(pairs, cut):
    target, preds = (minidl.tensor(x) for x in zip(*pairs))
    whole, first, second = (metrics.F1Score(task="multiclass", num_classes=4, average="macro") for _ in range(3))
    whole.update(preds, target)
    for metric, part in ((first, slice(None, cut)), (second, slice(cut, None))):
        if len(target[part]):
            metric.update(preds[part], target[part])
    second.merge_state(first)
    assert second.compute().item() == whole.compute().item()


@pytest.mark.parametrize("name", CLASSES)
def test_on_another_device(name):
    assert strict_array.__doc__
    preds, target = (minidl.tensor(x) for x in data("multiclass", extra=(2,)))
    here = getattr(M, name)(preds, target)
    metric = CLASSES[name]()
    metric.update(preds.to("strict"), target.to("strict"))
    there = metric.compute()
    assert there.device.type == "strict" and there.cpu().tolist() == here.tolist()
    assert getattr(M, name)(preds.to("strict"), target).device.type == "strict"    # targets follow


def test_nothing_is_recorded():
    scores = minidl.rand(5, 3, requires_grad=True)
    metric = metrics.Accuracy()
    metric.update(scores, minidl.tensor([0, 1, 2, 1, 0]))
    assert not metric.compute().requires_grad and not any(s.requires_grad for s in metric.metric_state.values())


def test_large_counts_stay_exact():
    """float32 cannot count above 2**24."""
    metric = metrics.Accuracy(task="binary")
    state = {"tp": 2 ** 30 + 1, "fp": 0, "tn": 0, "fn": 2 ** 30 - 1}
    metric.merge_state({key: minidl.tensor([value]) for key, value in state.items()})
    metric.merge_state({key: minidl.tensor([int(key == "tp")]) for key in state})
    assert metric.tp.item() == 2 ** 30 + 2


def test_a_clone_goes_on_by_itself():
    class Total(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.add_state("total", minidl.tensor(0), "sum")
            self.add_state("seen", [], "cat")

        def update(self, x):
            self.total += x.sum()       # in place
            self.seen.append(x)

        def compute(self):
            return self.total, len(self.seen)

    metric = Total()
    metric.update(minidl.tensor([1, 2]))
    other = metric.clone()
    other.update(minidl.tensor([4]))
    assert metric(minidl.tensor([10])) == (10, 1)
    assert (metric.compute(), other.compute()) == ((13, 2), (7, 2))
    metric.reset()
    assert metric.update_count == 0 and metric.total.item() == 0 and metric.seen == [] and other.compute() == (7, 2)


@pytest.mark.parametrize("extra", [(), (2,), (2, 3)])
def test_of_nothing_all_figures_are_0(extra):
    scores, target = minidl.rand(0, 3, *extra), minidl.zeros(0, *extra).long()
    for name in FIGURES:
        assert getattr(M, name)(scores, target).item() == 0
    assert M.confusion_matrix(scores, target).tolist() == [[0] * 3] * 3
