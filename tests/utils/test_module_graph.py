"""Networks drawn as boxes of layers."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

import minidl
from minidl import nn
from minidl.utils import draw_modules


def boxes(picture):
    """The texts of each box, from the top down; the legend's have none."""
    found = []
    for group in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}g"):
        lines = [element.text for element in group if element.tag.endswith("text")]
        if lines:
            found.append((float(group[0].attrib["y"]), group.attrib["class"], *lines))
    return [box[1:] for box in sorted(found)]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.shared = nn.Linear(4, 4)

    def forward(self, x):
        return self.shared(self.shared(x + self.branch(x)))


def test_a_residual_block_as_boxes():
    model = Residual()
    picture = draw_modules(model, minidl.ones(3, 4))
    assert boxes(picture) == [
        ("module", "Linear", "shared"), ("module", "Linear", "shared"), ("op", "Add"), ("module", "ReLU", "branch.1"),
        ("module", "Linear", "branch.0"), ("leaf", "input 1")]
    assert picture.count("marker-end") == 7, "two ways into the sum, one into each of four, and the result"
    assert picture.count(">(3, 4)<") == 6
    assert all(p.grad is None for p in model.parameters())


def test_depth_joins_what_is_inside():
    found = boxes(draw_modules(Residual(), minidl.ones(3, 4), depth=1))
    assert found == [("module", "Linear", "shared"), ("module", "Linear", "shared"), ("op", "Add"),
                     ("module", "Sequential", "branch"), ("leaf", "input 1")]


def test_a_model_of_one_box():
    assert boxes(draw_modules(nn.Linear(4, 2), minidl.ones(3, 4))) == [("module", "Linear"), ("leaf", "input 1")]


def test_integers_are_no_leaves_and_several_outputs_are_two_arrows():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm = nn.Embedding(5, 4), nn.LSTM(4, 3)

        def forward(self, x):
            out, (h, c) = self.lstm(self.embed(x))
            return out.sum() + h.sum() + c.sum()
    found = boxes(draw_modules(Twice(), minidl.tensor([[0, 1], [2, 3]])))
    assert ("module", "LSTM", "lstm") in found and ("module", "Embedding", "embed") == found[-1]


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="expected a model that returns a Tensor, but LSTM returned tuple"):
        draw_modules(nn.LSTM(4, 3), minidl.ones(2, 1, 4))
