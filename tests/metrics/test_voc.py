"""PASCAL VOC's mean average precision: by hand, and against a loop after its definition."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.metrics import functional as M
from tests.metrics.test_detection import as_tensors, scenes


def square(x, y=0.0, side=10.0):
    return [x, y, x + side, y + side]


def image(boxes, labels, scores=None, **more):
    found = {"boxes": minidl.tensor(boxes).reshape(-1, 4), "labels": minidl.tensor(labels).long()}
    return {**found, **({} if scores is None else {"scores": minidl.tensor(scores)}), **more}


def test_a_worked_example():
    """Four cats in two images, five detections: right, wrong (a double), right, wrong (too far), right.

    score               0.9   0.8   0.7   0.6   0.5
    recall              1/4   1/4   2/4   2/4   3/4
    precision           1     1/2   2/3   2/4   3/5
    best from there on  1     2/3   2/3   3/5   3/5
    """
    target = [image([square(0), square(20)], [1, 1]), image([square(0), square(20)], [1, 1])]
    preds = [image([square(0), square(1), square(20, 8)], [1, 1, 1], [0.9, 0.8, 0.6]),
             image([square(0, 1), square(20, 2)], [1, 1], [0.7, 0.5])]
    exact = 1 / 4 * 1 + 1 / 4 * 2 / 3 + 1 / 4 * 3 / 5
    at_eleven = (3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11         # recalls 0, .1, .2; .3, .4, .5; .6, .7; never .8
    assert M.voc_mean_average_precision(preds, target).item() == pytest.approx(exact)
    assert M.voc_mean_average_precision(preds, target, use_07_metric=True).item() == pytest.approx(at_eleven)
    # the last detection's overlap is 8 / 12
    assert M.voc_mean_average_precision(preds, target, 0.7).item() == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)


def test_a_detection_takes_only_the_target_it_overlaps_most():
    """In COCO's evaluation the second one would take what is free."""
    target = [image([square(0), square(2)], [0, 0])]
    preds = [image([square(0), square(0.5)], [0, 0], [0.9, 0.8])]
    assert M.voc_mean_average_precision(preds, target).item() == pytest.approx(1 / 2)


def test_difficult_targets_do_not_count():
    target = [image([square(0), square(20)], [0, 0], difficult=minidl.tensor([True, False]))]
    preds = [image([square(0), square(0), square(20)], [0, 0, 0], [0.9, 0.8, 0.7])]
    assert M.voc_mean_average_precision(preds, target).item() == 1
    assert M.voc_mean_average_precision(preds, [{**target[0], "difficult": minidl.tensor([0, 0])}]).item() < 1


def test_a_class_without_a_target_has_no_figure():
    target = [image([square(0)], [3]), image([square(0)], [5], difficult=minidl.tensor([1])), image([], [])]
    preds = [image([square(0)], [3], [0.5]), image([square(0)], [4], [0.5]), image([], [], [])]
    assert M.voc_mean_average_precision(preds, target, average="none").tolist() == [1, -1, -1]
    assert M.voc_mean_average_precision(preds, target).item() == 1
    assert M.voc_mean_average_precision(preds[1:], target[1:]).item() == -1
    assert M.voc_mean_average_precision([], []).item() == -1
    assert M.voc_mean_average_precision([image([], [], [])], target[:1]).item() == 0


def by_definition(preds, target, threshold, use_07_metric):
    """The development kit's loop."""
    values = []
    for label in sorted({int(c) for x in target for c in x["labels"]}):
        rows = sorted((-float(s), n, i) for n, x in enumerate(preds) for i, s in enumerate(x["scores"])
                      if x["labels"][i] == label)
        taken, hits = set(), []
        for _, n, i in rows:
            box, best, at = preds[n]["boxes"][i].astype(float), -1.0, None
            for j, other in enumerate(target[n]["boxes"].astype(float)):
                if target[n]["labels"][j] != label:
                    continue
                sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
                both = sides.prod() if (sides > 0).all() else 0.0
                iou = both / (np.prod(box[2:] - box[:2]) + np.prod(other[2:] - other[:2]) - both)
                if iou > best:
                    best, at = iou, (n, j)
            hits.append(best >= threshold and at not in taken)
            if hits[-1]:
                taken.add(at)
        wanted = sum(int((x["labels"] == label).sum()) for x in target)
        found = np.cumsum(hits)
        recall, precision = found / wanted, found / np.arange(1, len(found) + 1)
        if use_07_metric:
            values.append(np.mean([max(precision[recall >= t / 10], default=0.0) for t in range(11)]))
        else:
            values.append(sum(max(precision[recall >= r]) / wanted for r in np.arange(1, wanted + 1) / wanted
                              if (recall >= r).any()))
    return np.mean(values)


@pytest.mark.parametrize("use_07_metric", [False, True])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("ties", [False, True])
def test_it_is_the_loop_of_the_definition(ties, threshold, use_07_metric):
    preds, target = scenes(11, ties=ties)
    found = M.voc_mean_average_precision(as_tensors(preds), as_tensors(target), threshold, use_07_metric)
    assert found.item() == pytest.approx(by_definition(preds, target, threshold, use_07_metric), rel=1e-5) and found > 0


@pytest.mark.parametrize("wrong, text", [
    (lambda: M.voc_mean_average_precision([], [], 0), "iou_threshold above 0"),
    (lambda: M.voc_mean_average_precision([], [], average="micro"), "average"),
    (lambda: M.voc_mean_average_precision([], [{}]), "as many images"),
    (lambda: M.voc_mean_average_precision([image([], [], [])], [image([square(0)], [0], difficult=minidl.ones(2))]),
     "'difficult' of image 0 in target"),
])
def test_what_does_not_fit_is_refused(wrong, text):
    with pytest.raises(ValueError, match=f"voc_mean_average_precision: .*{text}"):
        wrong()


def test_points_of_the_curve():
    """Of five detections of two dogs in two images, best first: right, wrong, wrong, right, a second one of a dog."""
    dogs = [image([square(0)], [1]), image([square(20)], [1])]
    preds = [image([square(0), square(50), square(1)], [1, 1, 1], [0.9, 0.8, 0.3]),
             image([square(80), square(20)], [1, 1], [0.7, 0.6])]
    precision, recall, score = M.voc_precision_recall_curve(preds, dogs)[1]
    assert precision.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4, 2 / 5])
    assert recall.tolist() == [0.5, 0.5, 0.5, 1, 1]
    assert score.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.3])
    assert M.voc_mean_average_precision(preds, dogs).item() == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 4)
    nothing = M.voc_precision_recall_curve(preds, [image([], []), image([square(20)], [2])])
    assert nothing[1][0].tolist() == [0] * 5 and nothing[1][1].isnan().all() and nothing[2][0].shape == (0,)
    with pytest.raises(ValueError, match="voc_precision_recall_curve: .*iou_threshold above 0"):
        M.voc_precision_recall_curve([], [], 0)
