"""Receptive fields against their formula, patches and concepts on layers whose answers are known."""
import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.interpret import dissect, receptive_field, top_patches
from minidl.vision import models


@pytest.mark.parametrize("layers", [[(3, 1, 0)], [(5, 1, 0), (2, 2, 0), (5, 1, 0), (2, 2, 0)],
                                    [(7, 2, 3), (3, 2, 1), (3, 1, 1), (3, 1, 1)]], ids=["one", "lenet", "resnet"])
def test_receptive_field_is_its_recurrence(layers):
    """Width r and step j of layers (k, s, p): r grows by (k - 1) j, then j by s; the first begins sum(p j) before 0."""
    net, r, j, start = nn.Sequential(), 1, 1, 0
    for number, (k, s, p) in enumerate(layers):
        net.append(nn.MaxPool2d(k, s, p) if s == 2 and number else nn.Conv2d(1, 1, k, s, p))
        r, start, j = r + (k - 1) * j, start - p * j, j * s
    boxes = receptive_field(net, net[-1], (1, 40, 36))
    h, w = net(minidl.zeros(1, 1, 40, 36)).shape[2:]
    assert boxes.shape == (h, w, 4)
    left, top = start + j * np.arange(w), start + j * np.arange(h)
    np.testing.assert_array_equal(boxes[0, :, 0].numpy(), left.clip(0))
    np.testing.assert_array_equal(boxes[0, :, 2].numpy(), (left + r).clip(max=36))
    np.testing.assert_array_equal(boxes[:, 0, 1].numpy(), top.clip(0))
    np.testing.assert_array_equal(boxes[:, 0, 3].numpy(), (top + r).clip(max=40))


def test_receptive_field_through_shortcuts_norms_and_tiles():
    """Enough channels and places for the convolution in tiles of 4 x 4, which smears what is no number."""
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(48, 48, 3, padding=1), nn.BatchNorm2d(48)

        def forward(self, x):
            return minidl.relu(x + self.norm(self.conv(x)))
    net = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), Block(), Block())
    weights = [p.clone() for p in net.parameters()]
    boxes = receptive_field(net, net[2], (3, 40, 40))
    places = minidl.arange(40)
    assert minidl.equal(boxes[0, :, 0], (places - 3).clamp(min=0))
    assert minidl.equal(boxes[:, 5, 3], (places + 4).clamp(max=40))
    assert net.training and all(minidl.equal(p, before) for p, before in zip(net.parameters(), weights))


def test_a_layer_of_another_model():
    with pytest.raises(ValueError, match="a layer of the model"):
        receptive_field(models.lenet5(), nn.Conv2d(1, 1, 3), (1, 28, 28))


def test_top_patches_are_found():
    """A detector of vertical edges finds the one that was hidden, at its place."""
    net = nn.Sequential(nn.Conv2d(1, 2, 2, bias=False), nn.ReLU())
    net[0].weight.data.copy_(minidl.tensor([[[-1.0, 1.0], [-1.0, 1.0]], [[1.0, 1.0], [-1.0, -1.0]]])[:, None])
    x = minidl.zeros(6, 1, 8, 9)
    x[4, 0, 3:5, 6] = 1.0           # the left edge between columns 5 and 6
    x[2, 0, 3, 6] = 0.5
    found = top_patches(net, net[1], x, count=2, batch_size=4)
    assert found.values.tolist() == [[2.0, 0.5], [1.0, 0.5]] and found.images.tolist() == [[4, 2], [4, 2]]
    assert found.boxes[0, 0].tolist() == [5, 3, 7, 5]
    assert found.boxes.shape == (2, 2, 4)
    assert top_patches(net, net[1], x, count=9).values.shape == (2, 6)


def test_dissection_of_known_units():
    minidl.manual_seed(0)
    masks = (minidl.rand(20, 3, 8, 8) < 0.1).float()
    same = nn.Identity()
    units = minidl.stack([masks[:, 1], 1 - masks[:, 0], minidl.rand(20, 8, 8)], 1) + 0.01 * minidl.rand(20, 3, 8, 8)
    found = dissect(same, same, units, masks, quantile=0.1, batch_size=7)
    on = units.transpose(0, 1).flatten(1) > found.thresholds[:, None]
    np.testing.assert_allclose(on.float().mean(1).numpy(), 0.1, atol=0.001)
    shown = masks.transpose(0, 1).flatten(1).bool()
    for unit in range(3):
        for concept in range(3):
            both, either = on[unit] & shown[concept], on[unit] | shown[concept]
            assert found.iou[unit, concept].item() == pytest.approx(both.sum().item() / either.sum().item(), rel=1e-5)
    (unit, concept, iou), *others = found.detectors(0.2)
    assert (unit, concept) == (0, 1) and iou > 0.8 and others == []


def test_units_are_enlarged_to_the_masks():
    pool = nn.AvgPool2d(4)
    x = minidl.zeros(2, 1, 16, 16)
    x[0, :, :8, :8] = 1
    found = dissect(pool, pool, x, x, quantile=0.5)
    assert found.iou.shape == (1, 1) and 0.3 < found.iou.item() < 1
