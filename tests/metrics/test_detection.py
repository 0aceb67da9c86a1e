"""Mean average precision against pycocotools, where it is installed, and by hand."""
from __future__ import annotations

import contextlib
import copy
import io
import warnings

import numpy as np
import pytest

import minidl
from minidl.metrics import MeanAveragePrecision
from tests import strict_array
from tests.metrics.reference import torchmetrics

BOX_NAMES = ["map", "map_50", "map_75", "map_small", "map_medium", "map_large", "mar_1", "mar_10", "mar_100",
             "mar_small", "mar_medium", "mar_large"]
KEYPOINT_NAMES = ["map", "map_50", "map_75", "map_medium", "map_large", "mar", "mar_50", "mar_75", "mar_medium",
                  "mar_large"]


# ---------------------------------------------------------------------- the oracle

def pycocotools_says(preds, target, iou_type="bbox"):
    """The twelve (or ten) values of pycocotools, and its arrays of precision, recall and scores."""
    pytest.importorskip("pycocotools")
    from pycocotools import mask as masks
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def annotation(image, i, number, target=True):
        found = {"id": number, "image_id": image["id"], "category_id": int(image["labels"][i])}
        if "boxes" in image:
            box = image["boxes"][i]
            x, y, width, height = map(float, [*box[:2], *(box[2:] - box[:2])])      # in float32, as torchmetrics
            found.update(bbox=[x, y, width, height], area=width * height)
        if "masks" in image:
            found["segmentation"] = masks.encode(np.asfortranarray(image["masks"][i].astype(np.uint8)))
            found["area"] = int(masks.area(found["segmentation"]))
        if "keypoints" in image:
            found["keypoints"] = np.asarray(image["keypoints"][i], np.float64).reshape(-1).tolist()
        if target:
            found["iscrowd"] = int(image["iscrowd"][i]) if "iscrowd" in image else 0
            if "area" in image and image["area"][i] > 0:
                found["area"] = float(image["area"][i])
            if "keypoints" in image:
                found["num_keypoints"] = int((image["keypoints"][i][:, 2] > 0).sum())
        else:
            found["score"] = float(image["scores"][i])
            if iou_type == "keypoints":
                x, y = found["keypoints"][0::3], found["keypoints"][1::3]
                found["area"] = (max(x) - min(x)) * (max(y) - min(y))
        return found

    def dataset(images, target):
        annotations = []
        for n, image in enumerate(images):
            for i in range(len(image["labels"])):
                annotations.append(annotation({**image, "id": n}, i, len(annotations) + 1, target))
        coco = COCO()
        labels = sorted({int(label) for image in [*preds, *targets] for label in image["labels"]})
        size = next((x["masks"].shape[1:] for x in images if "masks" in x), (1, 1))
        coco.dataset = {"images": [{"id": n, "height": size[0], "width": size[1]} for n in range(len(images))],
                        "annotations": annotations, "categories": [{"id": label} for label in labels], "info": {}}
        coco.createIndex()
        return coco

    targets = target
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(dataset(target, True), dataset(preds, False), iouType=iou_type)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats, evaluation


def as_tensors(images):
    return [{name: minidl.tensor(np.asarray(x)) for name, x in image.items()} for image in images]


def ours(preds, target, **arguments):
    metric = MeanAveragePrecision(**arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")             # of more than 100 detections
        metric.update(as_tensors(preds), as_tensors(target))
    return metric.compute()


def check(preds, target, iou_type="bbox"):
    """All figures, and all points of all curves, are pycocotools' to the last bit."""
    stats, evaluation = pycocotools_says(preds, target, iou_type)
    result = ours(preds, target, iou_type=iou_type, extended_summary=True)
    names = KEYPOINT_NAMES if iou_type == "keypoints" else BOX_NAMES
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(result[name].numpy(), evaluation.eval[name], err_msg=name)
    np.testing.assert_array_equal([result[name].item() for name in names], stats.astype(np.float32))
    for place, iou in evaluation.ious.items():
        if len(iou):
            np.testing.assert_array_equal(result["ious"][place].numpy(), np.asarray(iou, np.float32))
    return result


# ---------------------------------------------------------------------- random detections

def random_boxes(generator, n, size, whole):
    corners = generator.random((n, 2)) * size * 0.8
    boxes = np.concatenate([corners, corners + generator.random((n, 2)) ** 2 * size * 0.6 + 1], 1)
    return (np.round(boxes) if whole else boxes).astype(np.float32)


def scenes(seed, images=12, classes=4, objects=8, junk=10, size=300, whole=False, ties=False, crowds=0.0, areas=False):
    """Targets, and detections near them, with others anywhere, with doubles and with wrong classes."""
    generator = np.random.default_rng(seed)
    preds, target = [], []
    for _ in range(images):
        n = generator.integers(0, objects)
        boxes, labels = random_boxes(generator, n, size, whole), generator.integers(0, classes, n)
        image = {"boxes": boxes, "labels": labels, "iscrowd": (generator.random(n) < crowds).astype(np.int64)}
        if areas:
            image["area"] = np.where(generator.random(n) < 0.3, 0, generator.random(n) * 20000).astype(np.float32)
        target.append(image)
        again = generator.integers(0, n, generator.integers(0, 3 * objects)) if n else np.zeros(0, np.int64)
        shift = generator.standard_normal((len(again), 4)) * generator.random((len(again), 1)) * 0.1 * size
        near = boxes[again] + (np.round(shift / 4) * 2 if whole else shift).astype(np.float32)
        near = np.sort(near.reshape(-1, 2, 2), 1).reshape(-1, 4)
        changed = generator.integers(0, classes, len(again))
        kept = generator.random(len(again)) < 0.8
        extra = generator.integers(0, junk + 1)
        scores = generator.random(len(again) + extra)
        preds.append({
            "boxes": np.concatenate([near, random_boxes(generator, extra, size, whole)]),
            "labels": np.concatenate([np.where(kept, labels[again], changed), generator.integers(0, classes, extra)]),
            "scores": (np.round(scores * 8) / 8 if ties else scores).astype(np.float32)})
    return preds, target


CASES = {
    "plain": {}, "one class": {"classes": 1}, "crowds": {"crowds": 0.3}, "only crowds": {"crowds": 1.0},
    "given areas": {"areas": True, "crowds": 0.2}, "ties": {"ties": True, "whole": True},
    "ties of whole boxes with crowds": {"ties": True, "whole": True, "crowds": 0.3, "size": 40},
    "more than 100": {"junk": 400, "classes": 1, "images": 4}, "large": {"size": 900}, "one image": {"images": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(2))
def test_boxes_are_pycocotools_(case, seed):
    check(*scenes(seed, **CASES[case]))


NONE = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64), "scores": np.zeros(0, np.float32)}
ONE = {"boxes": np.array([[0, 0, 50, 50]], np.float32), "labels": np.array([3]),
       "scores": np.array([0.5], np.float32)}


@pytest.mark.parametrize("preds, target", [
    ([NONE], [NONE]), ([NONE], [ONE]), ([ONE], [NONE]), ([ONE, NONE], [NONE, ONE]), ([ONE, NONE], [ONE, NONE]),
    ([ONE], [{**ONE, "iscrowd": np.array([1])}]),                                       # a crowd alone
    ([{**ONE, "boxes": ONE["boxes"] * 0}], [ONE]),                                      # without area
    ([{**ONE, "labels": np.array([9])}], [ONE]),                                        # a class without a target
    ([{**ONE, "boxes": np.array([[0, 0, 25, 50]], np.float32)}], [ONE]),                # an overlap of 0.5 to the bit
], ids=["nothing", "no detection", "no target", "apart", "perfect", "crowd", "no area", "other class", "half"])
def test_hard_cases_are_pycocotools_(preds, target):
    check(preds, target)


# ---------------------------------------------------------------------- masks and keypoints

def ellipses(boxes, size):
    """Masks (N, size, size + 5) that fill their boxes but for the corners; rows are no multiple of 8 pixels."""
    y, x = np.mgrid[:size, :size + 5]
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 + 1e-3
    return ((x - centre[:, 0, None, None]) / half[:, 0, None, None]) ** 2 + (
        (y - centre[:, 1, None, None]) / half[:, 1, None, None]) ** 2 <= 1


@pytest.mark.parametrize("case", [{}, {"crowds": 0.3}, {"ties": True, "classes": 1}, {"areas": True}, {"size": 130}])
def test_masks_are_pycocotools_(case):
    preds, target = scenes(5, images=6, **{"size": 60, **case})
    for image in (*preds, *target):
        image["masks"] = ellipses(image.pop("boxes"), case.get("size", 60))
    check(preds, target, "segm")


def people(seed, images=8, crowds=0.0, ties=False):
    generator = np.random.default_rng(seed)
    preds, target = scenes(seed, images, classes=1, objects=5, junk=25, crowds=crowds, ties=ties, areas=True)
    for found, there in zip(preds, target):
        points = there["boxes"][:, None, :2] + generator.random((len(there["labels"]), 17, 2)) * (
            there["boxes"][:, None, 2:] - there["boxes"][:, None, :2])
        visible = generator.integers(0, 3, points.shape[:2]) * (generator.random((len(points), 1)) < 0.8)
        there["keypoints"] = np.concatenate([points, visible[..., None]], 2)
        guesses = generator.random((len(found["labels"]), 17, 2)) * 300
        for i in range(len(guesses)):
            if len(points) and generator.random() < 0.7:
                guesses[i] = points[generator.integers(len(points))] + generator.standard_normal((17, 2)) * 4
        found["keypoints"] = np.concatenate([guesses, np.ones((*guesses.shape[:2], 1))], 2)
        del found["boxes"]
    return preds, target


@pytest.mark.parametrize("case", [{}, {"crowds": 0.3}, {"ties": True}])
@pytest.mark.parametrize("seed", range(2))
def test_keypoints_are_pycocotools_(case, seed):
    check(*people(seed, **case), "keypoints")


def test_other_keypoints_need_their_sigmas():
    points = np.array([[[10.0, 10.0, 2.0], [20.0, 10.0, 1.0]]])
    target = [{"keypoints": points, "boxes": np.array([[0.0, 0, 40, 50]]), "labels": np.array([1])}]
    preds = [{"keypoints": points[..., :2] + 6.0, "labels": np.array([1]), "scores": np.array([0.9])}]
    found = ours(preds, target, iou_type="keypoints", kpt_oks_sigmas=[0.1, 0.1], extended_summary=True)
    assert found["ious"][0, 1].item() == pytest.approx(np.exp(-72 / (2 * 2000 * 0.2 ** 2)))      # 0.64
    assert found["map"].item() == pytest.approx(0.3)                                             # 0.5, 0.55 and 0.6
    with pytest.raises(ValueError, match="expected 17 keypoints, .* got 2; give kpt_oks_sigmas"):
        ours(preds, target, iou_type="keypoints")


# ---------------------------------------------------------------------- arguments, as in torchmetrics

def theirs(preds, target, **arguments):
    pytest.importorskip("pycocotools")
    torch = pytest.importorskip("torch")
    double = {"iou_thresholds": np.linspace(0.5, 0.95, 10).tolist(), "rec_thresholds": np.linspace(0, 1, 101).tolist()}
    metric = torchmetrics("detection").MeanAveragePrecision(**{**double, **arguments})      # its own are float32's
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric.update(*([{name: torch.from_numpy(np.asarray(x)) for name, x in image.items()} for image in images]
                        for images in (preds, target)))
        return metric.compute()


@pytest.mark.parametrize("arguments", [
    {}, {"class_metrics": True}, {"average": "micro"}, {"average": "micro", "class_metrics": True},
    {"iou_thresholds": [0.5]}, {"iou_thresholds": [0.3, 0.75]}, {"rec_thresholds": [0.0, 0.25, 0.5]},
    {"max_detection_thresholds": [100, 1, 2]}, {"box_format": "xywh"}, {"box_format": "cxcywh"},
    {"iou_type": ("bbox", "segm")}, {"iou_type": ("segm", "bbox"), "class_metrics": True},
], ids=str)
def test_torchmetrics_says_the_same(arguments):
    preds, target = scenes(3, images=6, size=60, crowds=0.1)
    if "iou_type" in arguments:
        preds, target = ([{**image, "masks": ellipses(image["boxes"], 60)} for image in images
                          ] for images in (preds, target))
    expected, found = theirs(preds, target, **arguments), ours(preds, target, **arguments)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].shape == value.shape and str(found[name].dtype) == str(value.dtype).removeprefix("torch.")
        np.testing.assert_allclose(found[name].numpy(), value.numpy(), atol=1e-6, err_msg=name)


def test_the_last_number_of_detections_is_for_the_map():
    """pycocotools gives a map of -1 unless one of the numbers is 100."""
    preds, target = scenes(0)
    found = ours(preds, target, max_detection_thresholds=[1, 10, 50])
    assert found["map"].item() == ours(preds, target)["map"].item() > 0
    assert found["mar_50"].item() == ours(preds, target)["mar_100"].item()


def test_thresholds_are_in_double():
    """An overlap of 0.55 in float64 is right at 0.55, which it is not at float32's 0.55000001."""
    one = {"labels": np.array([0]), "scores": np.array([1.0])}
    preds, target = ([{**one, "boxes": np.array([[0, 0, 100.0, height]])}] for height in (55, 100))
    assert ours(preds, target)["map"].item() == pytest.approx(0.2)
    check(preds, target)


# ---------------------------------------------------------------------- update, merge, reset

@pytest.mark.parametrize("iou_type", ["bbox", "segm", "keypoints"])
def test_batches_and_ranks_give_the_figure_of_all(iou_type):
    preds, target = people(1)
    if iou_type == "segm":
        preds, target = scenes(1, images=8, size=40)
        for n, image in enumerate(zip(preds, target)):
            for side in image:
                side["masks"] = ellipses(side["boxes"], 40 + n)         # images of any size
    if iou_type == "bbox":
        preds, target = scenes(1, images=8)
    whole = ours(preds, target, iou_type=iou_type)
    preds, target = as_tensors(preds), as_tensors(target)
    here, there = (MeanAveragePrecision(iou_type=iou_type) for _ in range(2))
    here.update(preds[:2], target[:2])
    here.update(preds[2:3], target[2:3])
    there.update(preds[3:], target[3:])
    here.merge_state(there.metric_state)
    assert {name: value.tolist() for name, value in here.compute().items()} == {
        name: value.tolist() for name, value in whole.items()}
    here.reset()
    batch = here(preds, target)
    assert batch["map"].item() == whole["map"].item() == here.compute()["map"].item()


def test_what_update_was_given_may_change():
    preds, target = map(as_tensors, scenes(0, images=3))
    metric = MeanAveragePrecision()
    metric.update(preds, target)
    before = copy.deepcopy(metric.compute()["map"].item())
    for image in preds:
        image["boxes"] *= 0
    assert metric.compute()["map"].item() == before > 0


def test_nothing_was_taken_in():
    with pytest.warns(UserWarning, match="before update"):
        result = MeanAveragePrecision(class_metrics=True).compute()
    assert {result[name].item() for name in BOX_NAMES} == {-1.0} and result["classes"].numel() == 0


def test_many_detections_are_told():
    many = {name: np.repeat(x, 101, 0) for name, x in ONE.items()}
    metric = MeanAveragePrecision()
    with pytest.warns(UserWarning, match="101 detections in one image"):
        metric.update(as_tensors([many]), as_tensors([ONE]))
    metric.warn_on_many_detections = False
    metric.update(as_tensors([many]), as_tensors([ONE]))


def test_on_another_device():
    assert strict_array.__doc__
    preds, target = scenes(2, images=3)
    metric = MeanAveragePrecision()
    metric.update(*([{name: x.to("strict") for name, x in image.items()} for image in as_tensors(images)]
                    for images in (preds, target)))
    assert metric.compute()["map"].item() == ours(preds, target)["map"].item() > 0


# ---------------------------------------------------------------------- refused

def with_(**changed):
    return [{**as_tensors([ONE])[0], **changed}]


@pytest.mark.parametrize("preds, target, text", [
    (with_(), [], "as many images, but got 1 and 0"),
    (with_()[0], with_(), "list of dicts"),
    ([{}], with_(), "contain the key 'boxes', but image 0 has none"),
    ([{"boxes": minidl.zeros(1, 4), "labels": minidl.tensor([0])}], with_(), "in preds to contain the key 'scores'"),
    ([{"boxes": minidl.zeros(1, 4), "scores": minidl.zeros(1)}], with_(), "in preds to contain the key 'labels'"),
    (with_(), [{"labels": minidl.tensor([0])}], "in target to contain the key 'boxes'"),
    (with_(boxes=minidl.zeros(2, 4)), with_(), r"\(N, 4\) for 1 labels, but got \(2, 4\)"),
    (with_(boxes=minidl.zeros(1, 5)), with_(), r"got \(1, 5\)"),
    (with_(scores=minidl.zeros(2)), with_(), "'scores' of image 0 in preds"),
    (with_(scores=minidl.tensor([1])), with_(), "floating point"),
    (with_(scores=minidl.tensor([float("nan")])), with_(), "finite"),
    (with_(boxes=minidl.zeros(1, 4) / 0), with_(), "finite"),
    (with_(labels=minidl.zeros(1)), with_(), "integers"),
    (with_(labels=[0]), with_(), "a tensor, but got list"),
    (with_(), with_(iscrowd=minidl.zeros(2)), "'iscrowd' of image 0 in target"),
])
def test_what_does_not_fit_is_refused(preds, target, text):
    with pytest.raises(ValueError, match=text):
        MeanAveragePrecision().update(preds, target)


@pytest.mark.parametrize("arguments", [
    {"box_format": "xxyy"}, {"iou_type": "box"}, {"iou_type": ("bbox", "mask")}, {"iou_type": ()},
    {"iou_thresholds": 0.5},
    {"rec_thresholds": 0.5}, {"max_detection_thresholds": 10}, {"max_detection_thresholds": [10]},
    {"class_metrics": 1}, {"extended_summary": 1}, {"average": "weighted"},
], ids=str)
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match=f"MeanAveragePrecision: .*{next(iter(arguments))}"):
        MeanAveragePrecision(**arguments)


def test_masks_of_two_sizes_are_refused():
    image = {"labels": minidl.tensor([0]), "scores": minidl.tensor([1.0])}
    with pytest.raises(ValueError, match=r"masks of one size .* \(4, 4\) and \(4, 5\)"):
        MeanAveragePrecision(iou_type="segm").update([{**image, "masks": minidl.ones(1, 4, 4)}],
                                                     [{**image, "masks": minidl.ones(1, 4, 5)}])
