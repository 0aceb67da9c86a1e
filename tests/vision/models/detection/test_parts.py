"""Anchors, matchers, samplers, coders, the transform: each beside torchvision's, and what they refuse."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision.models import detection
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from minidl.vision.models.detection.image_list import ImageList
from minidl.vision.models.detection.transform import GeneralizedRCNNTransform
from minidl.vision.ops import FrozenBatchNorm2d
from tests.vision.models.detection.beside import theirs


def boxes(n, seed=0, dtype=np.float32):
    generator = np.random.default_rng(seed)
    corner = generator.random((n, 2)) * 50
    return np.concatenate([corner, corner + 5 + 30 * generator.random((n, 2))], 1).astype(dtype)


def same(ours, expected, tolerance=1e-6):
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=tolerance, atol=tolerance)
    assert str(expected.dtype) == f"torch.{ours.dtype}".replace("minidl.", "")


# ---------------------------------------------------------------------- anchors

@pytest.mark.parametrize("arguments", [
    {}, {"sizes": ((32,), (64,)), "aspect_ratios": ((0.5, 1.0, 2.0),) * 2},
    {"sizes": (8, 16), "aspect_ratios": (1.0, 0.5)},
    {"sizes": ((8, 12), (30, 33)), "aspect_ratios": ((1.0, 0.3), (2.0,))}, {"sizes": [16], "aspect_ratios": [0.5, 3.0]},
])
@pytest.mark.parametrize("size", [(64, 80), (50, 33)])
def test_anchors(arguments, size):
    torch, there = pytest.importorskip("torch"), theirs().anchor_utils
    ours, expected = AnchorGenerator(**arguments), there.AnchorGenerator(**arguments)
    assert ours.num_anchors_per_location() == expected.num_anchors_per_location()
    grids = [(size[0] // 8, size[1] // 8), (size[0] // 15, size[1] // 15)][:len(ours.sizes)]
    found = ours(ImageList(minidl.zeros(2, 3, *size), [size, (30, 30)]), [minidl.zeros(2, 4, *grid) for grid in grids])
    wanted = expected(theirs().image_list.ImageList(torch.zeros(2, 3, *size), [size, (30, 30)]),
                      [torch.zeros(2, 4, *grid) for grid in grids])
    assert len(found) == len(wanted) == 2
    for here, each in zip(found, wanted):
        np.testing.assert_array_equal(here.numpy(), each.numpy())


def test_anchors_refuse_another_number_of_maps():
    images = ImageList(minidl.zeros(1, 3, 32, 32), [(32, 32)])
    with pytest.raises(AssertionError, match="Anchors should be Tuple.*feature maps passed .1. .* specified .2."):
        AnchorGenerator(((2, 4, 8), (32, 8)), ((0.5, 1.0),) * 2)(images, [minidl.zeros(1, 3, 4, 4)])


@pytest.mark.parametrize("arguments", [
    {"aspect_ratios": [[2], [2, 3]]}, {"aspect_ratios": [[2]]}, {"aspect_ratios": [[], [3]], "min_ratio": 0.4},
    {"aspect_ratios": [[2], [2]], "scales": [0.3, 0.9, 1.4], "steps": [8, 20], "clip": False},
    {"aspect_ratios": [[2], [2]], "scales": [0.3, 0.9, 1.4], "steps": [8, 20]},
])
def test_default_boxes(arguments):
    torch, there = pytest.importorskip("torch"), theirs().anchor_utils
    ours, expected = DefaultBoxGenerator(**arguments), there.DefaultBoxGenerator(**arguments)
    assert repr(ours) == repr(expected)
    assert ours.num_anchors_per_location() == expected.num_anchors_per_location()
    grids = [(8, 10), (3, 4)][:len(arguments["aspect_ratios"])]
    found = ours(ImageList(minidl.zeros(2, 3, 64, 80), [(64, 80)] * 2), [minidl.zeros(2, 4, *grid) for grid in grids])
    wanted = expected(theirs().image_list.ImageList(torch.zeros(2, 3, 64, 80), [(64, 80)] * 2),
                      [torch.zeros(2, 4, *grid) for grid in grids])
    for here, each in zip(found, wanted, strict=True):
        same(here, each, 1e-5)


def test_default_boxes_refuse_other_steps():
    with pytest.raises(ValueError, match="aspect_ratios and steps should have the same length, but got 2 and 1"):
        DefaultBoxGenerator([[2], [2]], steps=[8])


# ---------------------------------------------------------------------- boxes and objects

@pytest.mark.parametrize("thresholds", [(0.7, 0.3), (0.5, 0.5), (0.2, 0.1)])
@pytest.mark.parametrize("low_quality", [False, True])
def test_matcher(thresholds, low_quality):
    """With ties: two boxes overlap as much with an object, and two objects are one box."""
    torch, there = pytest.importorskip("torch"), theirs()._utils
    generator = np.random.default_rng(0)
    overlaps = np.round(generator.random((5, 40)).astype(np.float32) * 0.8, 1)
    overlaps[3] = overlaps[2]
    ours = det_utils.Matcher(*thresholds, allow_low_quality_matches=low_quality)
    expected = there.Matcher(*thresholds, allow_low_quality_matches=low_quality)
    same(ours(minidl.tensor(overlaps)), expected(torch.from_numpy(overlaps)))
    same(det_utils.SSDMatcher(0.5)(minidl.tensor(overlaps[:3])), there.SSDMatcher(0.5)(torch.from_numpy(overlaps[:3])))


def test_matcher_refuses():
    for shape, what in (((0, 3), "ground-truth"), ((3, 0), "proposal")):
        with pytest.raises(ValueError, match=f"No {what} boxes available for one of the images during training"):
            det_utils.Matcher(0.7, 0.3)(minidl.zeros(*shape))
    with pytest.raises(AssertionError, match="low_threshold should be <= high_threshold"):
        det_utils.Matcher(0.3, 0.7)


@pytest.mark.parametrize("size, fraction, positive, negative", [
    (8, 0.5, 4, 4), (8, 0.25, 2, 6), (20, 0.5, 6, 14), (40, 0.5, 6, 24), (0, 0.5, 0, 0)])
def test_sampler(size, fraction, positive, negative):
    """6 are positive, 24 negative, 10 ignored; each can be drawn."""
    minidl.manual_seed(0)
    matched = minidl.tensor([3] * 3 + [-1] * 10 + [0] * 24 + [1] * 3)
    drawn = minidl.zeros(2, 40, dtype=minidl.int64)
    for _ in range(60):
        masks = det_utils.BalancedPositiveNegativeSampler(size, fraction)([matched, matched[:1]])
        first = minidl.stack([of_images[0] for of_images in masks])
        assert first.dtype == minidl.uint8 and first.sum(1).tolist() == [positive, negative]
        assert masks[0][1].tolist() == [min(1, int(size * fraction))]
        drawn += first
    assert not drawn[0][matched < 1].any() and not drawn[1][matched != 0].any()
    assert bool((drawn[0][matched >= 1] > 0).all()) is (positive > 0)
    assert bool((drawn[1][matched == 0] > 0).all()) is (negative > 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_box_coder(dtype):
    torch, there = pytest.importorskip("torch"), theirs()._utils
    weights = (10.0, 10.0, 5.0, 5.0)
    ours, expected = det_utils.BoxCoder(weights), there.BoxCoder(weights)
    first, second = boxes(7, 0, dtype), boxes(7, 1, dtype)
    codes = ours.encode([minidl.tensor(first[:3]), minidl.tensor(first[3:])],
                        [minidl.tensor(second[:3]), minidl.tensor(second[3:])])
    wanted = expected.encode([torch.from_numpy(first[:3]), torch.from_numpy(first[3:])],
                             [torch.from_numpy(second[:3]), torch.from_numpy(second[3:])])
    for here, each in zip(codes, wanted, strict=True):
        same(here, each, 1e-5)
    large = np.random.default_rng(2).standard_normal((7, 12)).astype(dtype) * 20       # some are clipped
    found = ours.decode(minidl.tensor(large), [minidl.tensor(second[:3]), minidl.tensor(second[3:])])
    same(found, expected.decode(torch.from_numpy(large), [torch.from_numpy(second[:3]), torch.from_numpy(second[3:])]),
         1e-5)
    back = ours.decode_single(minidl.cat(codes), minidl.tensor(second))
    np.testing.assert_allclose(back.numpy(), first, rtol=1e-4)
    assert ours.decode(minidl.zeros(0, 12), [minidl.zeros(0, 4)]).shape == (0, 3, 4)
    for arguments in ((minidl.tensor(large), minidl.tensor(second)), (large, [minidl.tensor(second)])):
        with pytest.raises(AssertionError, match="This function expects"):
            ours.decode(*arguments)


@pytest.mark.parametrize("normalize", [False, True])
def test_box_linear_coder(normalize):
    torch, there = pytest.importorskip("torch"), theirs()._utils
    ours, expected = det_utils.BoxLinearCoder(normalize), there.BoxLinearCoder(normalize)
    first, second = boxes(6, 0).reshape(2, 3, 4), boxes(6, 1).reshape(2, 3, 4)
    codes = ours.encode(minidl.tensor(first), minidl.tensor(second))
    same(codes, expected.encode(torch.from_numpy(first), torch.from_numpy(second)), 1e-5)
    same(ours.decode(codes, minidl.tensor(first)), torch.from_numpy(second), 1e-4)


@pytest.mark.parametrize("kind", ["l1", "smooth_l1", "ciou", "diou", "giou"])
@pytest.mark.parametrize("cnf", [None, {"beta": 0.2, "eps": 0.1}])
def test_box_losses(kind, cnf):
    torch, there = pytest.importorskip("torch"), theirs()._utils
    codes = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)
    values = boxes(6, 0), boxes(6, 1), codes
    ours = det_utils._box_loss(kind, det_utils.BoxCoder((1.0,) * 4), *map(minidl.tensor, values), cnf)
    expected = there._box_loss(kind, there.BoxCoder((1.0,) * 4), *map(torch.from_numpy, values), cnf)
    np.testing.assert_allclose(ours.item(), expected.item(), rtol=1e-5)
    with pytest.raises(AssertionError, match="Unsupported loss: l3"):
        det_utils._box_loss("l3", det_utils.BoxCoder((1.0,) * 4), *map(minidl.tensor, values))


# ---------------------------------------------------------------------- the transform

@pytest.mark.parametrize("arguments", [
    {}, {"min_size": (48, 90)}, {"max_size": 70}, {"size_divisible": 1, "fixed_size": (40, 30)}, {"size_divisible": 7},
])
def test_transform(arguments):
    """Boxes, masks and key points too; in evaluation the last of min_size is taken."""
    torch, there = pytest.importorskip("torch"), theirs().transform
    colours = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    settings = {"min_size": 60, "max_size": 100, **colours, **arguments}
    ours = GeneralizedRCNNTransform(**settings).eval()
    expected = there.GeneralizedRCNNTransform(**settings).eval()
    assert repr(ours) == repr(expected)
    generator = np.random.default_rng(0)
    images = [generator.random((3, *size), np.float32) for size in ((40, 56), (64, 30))]
    points = generator.random((2, 5, 3)).astype(np.float32) * 30
    masks = [(generator.random((2, *image.shape[1:])) < 0.5).astype(np.uint8) for image in images]
    targets = [{"boxes": boxes(2, i), "masks": mask, "keypoints": points} for i, mask in enumerate(masks)]
    found = ours([minidl.tensor(image) for image in images],
                 [{key: minidl.tensor(value) for key, value in each.items()} for each in targets])
    wanted = expected([torch.from_numpy(image) for image in images],
                      [{key: torch.from_numpy(value) for key, value in each.items()} for each in targets])
    assert found[0].image_sizes == [tuple(size) for size in wanted[0].image_sizes]
    same(found[0].tensors, wanted[0].tensors, 5e-5)        # of numbers to 3
    for here, each in zip(found[1], wanted[1], strict=True):
        for key in each:
            same(here[key], each[key], 1e-5)


def test_transform_draws_a_size():
    minidl.manual_seed(0)
    transform = GeneralizedRCNNTransform((32, 64, 96), 200, [0.5] * 3, [0.5] * 3)
    sizes = [transform([minidl.rand(3, 40, 40)])[0].image_sizes[0][0] for _ in range(40)]
    assert set(sizes) == {32, 64, 96}
    assert transform.eval()([minidl.rand(3, 40, 40)])[0].image_sizes == [(96, 96)]
    still = GeneralizedRCNNTransform((32, 64), 200, minidl.zeros(3), minidl.ones(3), _skip_resize=True)
    assert still([minidl.rand(3, 40, 40)])[0].image_sizes == [(40, 40)]
    assert ImageList(minidl.zeros(1, 3, 4, 4), [(4, 4)]).to("cpu").image_sizes == [(4, 4)]


# ---------------------------------------------------------------------- weights

def test_weights_of_older_versions():
    """Before there was `Conv2dNormActivation`, keys were others."""
    torch, there = pytest.importorskip("torch"), theirs()
    cases = [
        (detection.rpn.RPNHead(4, 2), there.rpn.RPNHead(4, 2), lambda key: key.replace("conv.0.0.", "conv.")),
        (detection.retinanet.RetinaNetClassificationHead(4, 2, 3), there.retinanet.RetinaNetClassificationHead(4, 2, 3),
         lambda key: key.replace(".0.", ".") if "conv." not in key else f"conv.{2 * int(key[5])}.{key[9:]}"),
        (detection.mask_rcnn.MaskRCNNHeads(4, [3, 2], 1), there.mask_rcnn.MaskRCNNHeads(4, [3, 2], 1),
         lambda key: f"mask_fcn{int(key[0]) + 1}.{key[4:]}")]
    for ours, expected, older in cases:
        state = {older(key): value for key, value in expected.state_dict().items()}
        assert set(state) != set(ours.state_dict())
        ours.load_state_dict({key: minidl.tensor(value.numpy()) for key, value in state.items()})
        expected.load_state_dict({key: torch.clone(value) for key, value in state.items()})
        for key, value in expected.state_dict().items():
            np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy())


def test_eps_of_frozen_norms():
    net = nn.Sequential(FrozenBatchNorm2d(3), nn.Sequential(FrozenBatchNorm2d(4)), nn.BatchNorm2d(3))
    det_utils.overwrite_eps(net, 0.0)
    assert [net[0].eps, net[1][0].eps, net[2].eps] == [0.0, 0.0, 1e-5]


def test_channels_that_a_model_returns():
    net = nn.Conv2d(3, 7, 3)
    assert det_utils.retrieve_out_channels(net, (20, 30)) == [7] and net.training
