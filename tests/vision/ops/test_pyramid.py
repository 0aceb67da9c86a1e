"""The feature pyramid and what pools from it: against torchvision, and a box on each level by hand."""
from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import ops
from minidl.vision.ops.feature_pyramid_network import ExtraFPNBlock, LastLevelMaxPool, LastLevelP6P7
from tests.vision.reference import torchvision

SIZES = {"c3": (8, 9, 12), "c4": (12, 5, 6), "c5": (4, 3, 3)}


def maps(stream):
    return {name: stream.standard_normal((2, *size)).astype(np.float32) for name, size in SIZES.items()}


@pytest.mark.parametrize("extra, norm", [(None, False), ("LastLevelMaxPool", True), ("LastLevelP6P7", False)])
def test_pyramid_as_torchvision(extra, norm):
    torch, theirs = pytest.importorskip("torch"), torchvision("ops.feature_pyramid_network")
    arguments = {"LastLevelP6P7": (4, 4)}.get(extra, ())
    blocks = {"LastLevelMaxPool": LastLevelMaxPool, "LastLevelP6P7": LastLevelP6P7}
    channels = [size[0] for size in SIZES.values()]
    there = theirs.FeaturePyramidNetwork(channels, 4, getattr(theirs, extra)(*arguments) if extra else None,
                                         torch.nn.BatchNorm2d if norm else None)
    here = ops.FeaturePyramidNetwork(channels, 4, blocks[extra](*arguments) if extra else None,
                                     nn.BatchNorm2d if norm else None)
    state = {name: value.numpy() for name, value in there.state_dict().items()}
    assert list(here.state_dict()) == list(state)
    here.load_state_dict({name: minidl.tensor(value) for name, value in state.items()})
    x = maps(np.random.default_rng(0))
    ours = here({name: minidl.tensor(value) for name, value in x.items()})
    expected = there({name: torch.tensor(value) for name, value in x.items()})
    assert list(ours) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name].detach().numpy(), value.detach().numpy(), rtol=1e-4, atol=1e-4)


def test_the_maps_are_named_in_order():
    maps = ops.FeaturePyramidNetwork([2], 4)({"a": minidl.ones(1, 2, 3, 3)})
    assert type(maps) is OrderedDict and list(maps) == ["a"]


@pytest.mark.parametrize("prefix", ["", "fpn."])
def test_a_file_of_the_first_version_loads(prefix):
    """There a block was its convolution: `inner_blocks.0.weight`."""
    torch, theirs = pytest.importorskip("torch"), torchvision("ops")
    here, there = ops.FeaturePyramidNetwork([8, 12], 4), theirs.FeaturePyramidNetwork([8, 12], 4)
    wrapped, wrapped_there = (here, there) if not prefix else (
        nn.Sequential(OrderedDict(fpn=here)), torch.nn.Sequential(OrderedDict(fpn=there)))
    old = {key.replace(".0.weight", ".weight").replace(".0.bias", ".bias"): minidl.randn(value.shape)
           for key, value in wrapped.state_dict().items()}
    assert f"{prefix}inner_blocks.1.weight" in old and f"{prefix}layer_blocks.0.bias" in old
    wrapped.load_state_dict(old)
    wrapped_there.load_state_dict({key: torch.from_numpy(value.numpy()) for key, value in old.items()})
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    assert here.state_dict()._metadata[""]["version"] == there.state_dict()._metadata[""]["version"] == 2


def test_weights_start_as_the_paper_of_the_initialization_says():
    """Uniform within sqrt(6 / (1 + a^2) / fan_in), a = 1, and biases of 0."""
    pyramid = ops.FeaturePyramidNetwork([64], 32, LastLevelP6P7(16, 32))
    for name, p in pyramid.named_parameters():
        if name.endswith("bias"):
            assert not p.any().item()
        else:
            bound = (3 / np.prod(p.shape[1:])) ** 0.5
            assert 0.9 * bound < p.abs().max().item() <= bound


def test_p6_from_the_input_where_channels_differ():
    block = LastLevelP6P7(3, 4)
    results, names = block([minidl.ones(1, 4, 8, 8)], [minidl.ones(1, 3, 8, 8)], ["c5"])
    assert names == ["c5", "p6", "p7"] and [tuple(r.shape[1:]) for r in results] == [(4, 8, 8), (4, 4, 4), (4, 2, 2)]


def test_each_box_from_the_map_that_fits():
    """Maps that hold their own level: 224 pixels are level 4, half of it 3, and so on; others the nearest."""
    levels = {f"p{k}": minidl.full((1, 1, 512 >> k, 512 >> k), float(k)) for k in (2, 3, 4, 5)}
    sides = [10, 56, 111, 112, 223, 224, 448, 500]
    boxes = minidl.tensor([[0.0, 0.0, side, side] for side in sides])
    pool = ops.MultiScaleRoIAlign([*levels], 1, 2)
    assert pool({**levels, "other": minidl.ones(1, 1, 2, 2)}, [boxes], [(512, 512)]).flatten().tolist() == [
        2, 2, 2, 3, 3, 4, 5, 5]
    assert pool.scales == [1 / 4, 1 / 8, 1 / 16, 1 / 32]


def test_multi_scale_is_roi_align_on_each_map():
    stream = np.random.default_rng(0)
    x = {"a": minidl.tensor(stream.standard_normal((2, 3, 32, 32)), requires_grad=True),
         "b": minidl.tensor(stream.standard_normal((2, 3, 16, 16)), requires_grad=True)}
    corner = stream.uniform(0, 50, (6, 2))
    boxes = np.concatenate([corner, corner + stream.uniform(5, 70, (6, 1))], 1)
    pool = ops.MultiScaleRoIAlign(["a", "b"], (3, 2), 2, canonical_scale=40, canonical_level=3)
    y = pool(x, [minidl.tensor(boxes[:4]), minidl.tensor(boxes[4:])], [(128, 128), (100, 120)])
    for k, box in enumerate(boxes):
        name, scale = ("a", 1 / 4) if box[2] - box[0] < 40 else ("b", 1 / 8)
        expected = ops.roi_align(x[name][k // 4:k // 4 + 1], [minidl.tensor(box[None])], (3, 2), scale, 2)
        np.testing.assert_allclose(y[k].detach().numpy(), expected[0].detach().numpy(), rtol=1e-9)
    y.sum().backward()
    assert x["a"].grad.any().item() and x["b"].grad.any().item()
    none = [minidl.zeros(0, 4)] * 2
    assert pool(x, none, [(128, 128)] * 2).shape == (0, 3, 3, 2)
    assert ops.MultiScaleRoIAlign(["a"], 2, 2)(x, none, [(128, 128)] * 2).shape == (0, 3, 2, 2)


def test_it_shows_itself_as_torchvisions():
    theirs = torchvision("ops").MultiScaleRoIAlign(["a", "b"], 7, 2)
    assert repr(ops.MultiScaleRoIAlign(["a", "b"], 7, 2)) == repr(theirs)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: ops.FeaturePyramidNetwork([8, 0], 4), ValueError, "in_channels=0 is currently not supported"),
    (lambda: ops.FeaturePyramidNetwork([8], 4, nn.ReLU()), TypeError, "extra_blocks should be of type ExtraFPNBlock"),
    (lambda: ExtraFPNBlock()([], [], []), NotImplementedError, "ExtraFPNBlock has no forward"),
    (lambda: ops.MultiScaleRoIAlign(["a"], 2, 2)({"a": minidl.ones(1, 1, 2, 2)}, [minidl.zeros(0, 4)], []), ValueError,
     "images list should not be empty"),
    (lambda: ops.MultiScaleRoIAlign(["a"], 2, 2)({"b": minidl.ones(1, 1, 2, 2)}, [minidl.zeros(0, 4)], [(2, 2)]),
     ValueError, "expected maps named ['a'], but got ['b']"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)
