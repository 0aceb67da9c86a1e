"""RetinaNet, FCOS and SSD beside torchvision's: losses, gradients and results with the same weights."""
from __future__ import annotations

import functools

import pytest

import minidl
from minidl.vision.models import detection
from tests.vision.models.detection.beside import (
    OURS,
    agree_in_evaluation,
    agree_in_training,
    backbone,
    modules,
    objects,
    same_weights,
)
from tests.vision.reference import torchvision

SMALL = {"min_size": 64, "max_size": 80, "detections_per_img": 12}


def anchors(library, sizes=((16, 20), (24, 32)), ratios=(0.5, 1.0)):
    return library[1].anchor_utils.AnchorGenerator(sizes, (ratios,) * 2)


def retinanet(library, norm=False, loss="l1", **more):
    layers, of, _ = library
    generator = anchors(library)
    head = of.retinanet.RetinaNetHead(8, 4, 5, norm_layer=functools.partial(layers.GroupNorm, 4) if norm else None)
    head.regression_head._loss_type = loss
    return of.RetinaNet(backbone(layers), 5, anchor_generator=generator, head=head,
                        **{**SMALL, "score_thresh": 0.01, "topk_candidates": 30, **more})


def fcos(library, **more):
    layers, of, _ = library
    return of.FCOS(backbone(layers, channels=32), 5, anchor_generator=anchors(library, ((8,), (16,)), (1.0,)),
                   **{**SMALL, "score_thresh": 0.05, "topk_candidates": 40, **more})


def ssd(library, **more):
    layers, of, _ = library
    body = backbone(layers)
    body.out_channels = [8, 8]
    boxes = of.anchor_utils.DefaultBoxGenerator([[2], [2, 3]], **more)
    return of.ssd.SSD(body, boxes, (72, 64), 5, score_thresh=0.15, detections_per_img=12, topk_candidates=30)


def ssdlite(library):
    """The head alone, on the maps of a small backbone, and blocks behind them."""
    layers, of, _ = library
    extra, norm = of.ssdlite._extra_block(8, 8, layers.BatchNorm2d), layers.BatchNorm2d

    class Backbone(layers.Module):
        def __init__(self):
            super().__init__()
            self.body, self.extra, self.out_channels = backbone(layers), extra, [8, 8, 8]

        def forward(self, x):
            found = self.body(x)
            return {**found, "2": self.extra(found["1"])}

    boxes = of.anchor_utils.DefaultBoxGenerator([[2]] * 3)
    return of.ssd.SSD(Backbone(), boxes, (72, 64), 5, head=of.ssdlite.SSDLiteHead([8] * 3, [4] * 3, 5, norm),
                      score_thresh=0.1, detections_per_img=12)


CASES = [retinanet, functools.partial(retinanet, norm=True, loss="giou"),
         functools.partial(retinanet, loss="smooth_l1"), fcos, functools.partial(fcos, center_sampling_radius=0.7), ssd,
         functools.partial(ssd, scales=[0.2, 0.4, 0.7], steps=[8, 16], clip=False), ssdlite]


def both(build):
    ours, theirs = (build(library) for library in modules())
    same_weights(ours, theirs)
    return ours, theirs


@pytest.mark.parametrize("counts", [(3, 2), (0, 2), (0, 0)])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_losses_and_gradients(case, counts):
    agree_in_training(*both(CASES[case]), objects(counts=counts))


@pytest.mark.parametrize("case", range(len(CASES)))
def test_results(case):
    agree_in_evaluation(*both(CASES[case]), least=3)


@pytest.mark.parametrize("build, first", [(retinanet, 0), (fcos, 0), (ssd, 1)])
def test_labels_in_range(build, first):
    """Where the background has no score, 0 is a class as others are."""
    net, image = build(OURS), minidl.rand(3, 64, 80)
    target = {"boxes": minidl.tensor([[4.0, 5.0, 30.0, 40.0]]), "labels": minidl.tensor([first])}
    assert all(bool(loss.isfinite()) for loss in net([image], [target]).values())
    for label in (first - 1, 5):
        with pytest.raises(ValueError, match=f"labels from {first} to 4, but box 0 of image 0 has label {label}"):
            net([image], [{**target, "labels": minidl.tensor([label])}])
    with pytest.raises(AssertionError, match="targets should not be none when in training mode"):
        net([image])
    with pytest.raises(AssertionError, match="should have positive height and width"):
        net([image], [{**target, "boxes": minidl.tensor([[4.0, 5.0, 4.0, 40.0]])}])


def test_refusals():
    body = backbone(OURS[0])
    bare = minidl.nn.Sequential()
    for make in (detection.RetinaNet, detection.FCOS):
        with pytest.raises(ValueError, match="backbone should contain an attribute out_channels"):
            make(bare, 3)
        with pytest.raises(TypeError, match="anchor_generator should be of type AnchorGenerator or None"):
            make(body, 3, anchor_generator=1)
    with pytest.raises(ValueError, match=r"num_anchors_per_location\(\)\[0\] should be 1 instead of 4"):
        detection.FCOS(body, 3, anchor_generator=anchors(OURS))
    body.out_channels = [8, 8]
    with pytest.raises(ValueError, match=r"from the backbone \(2\) do not match .* aspect ratios \(1\)"):
        detection.ssd.SSD(body, detection.anchor_utils.DefaultBoxGenerator([[2]]), (64, 64), 3)


def test_channels_of_maps_are_seen():
    body = backbone(OURS[0])
    del body.out_channels
    net = detection.ssd.SSD(body, detection.anchor_utils.DefaultBoxGenerator([[2], [2]]), (64, 64), 3)
    assert [layer.in_channels for layer in net.head.classification_head.module_list] == [8, 8] and net.training


def test_a_size_is_fixed():
    with pytest.warns(UserWarning, match="The size of the model is already fixed; ignoring the parameter."):
        net = detection.ssdlite320_mobilenet_v3_large(size=(9, 9), num_classes=3, width_mult=0.25)
    assert net.transform.fixed_size == (320, 320)
    found = net.eval()([minidl.rand(3, 40, 30)])
    assert sorted(found[0]) == ["boxes", "labels", "scores"]


def test_the_seventh_map_of_ssd_512():
    torch = pytest.importorskip("torch")
    ours = detection.ssd.SSDFeatureExtractorVGG(minidl.vision.models.vgg16(init_weights=False).features, True)
    with torch.device("meta"):
        wanted = modules()[1][1].ssd.SSDFeatureExtractorVGG(torchvision("models").vgg16().features, True)
    assert {key: tuple(value.shape) for key, value in ours.state_dict().items()} == \
        {key: tuple(value.shape) for key, value in wanted.state_dict().items()}
