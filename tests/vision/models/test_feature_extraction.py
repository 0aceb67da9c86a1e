"""What networks compute on their way, against torchvision's feature extraction."""
from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import models
from minidl.vision.models._utils import IntermediateLayerGetter
from minidl.vision.models.feature_extraction import create_feature_extractor
from tests.vision.models.test_against_torchvision import to_torch
from tests.vision.reference import torchvision

NODES = {
    "resnet18": {"maxpool": "stem", "layer1": "a", "layer3.0.relu_1": "b", "layer3.0.relu": "c", "avgpool": "mean"},
    "mobilenet_v3_small": ["features.1", "features.4.block.2", "features.12", "classifier.1"],
}


def pair(name):
    """The same network of either library, in evaluation, and an image for each."""
    torch = pytest.importorskip("torch")
    ours, theirs = models.get_model(name, num_classes=5), torchvision("models").get_model(name, num_classes=5)
    theirs.load_state_dict(to_torch(ours.state_dict()))
    x = minidl.rand(2, 3, 40, 40)
    return ours.eval(), theirs.eval(), x, torch.from_numpy(x.numpy())


@pytest.mark.parametrize("name", NODES)
def test_the_outputs_are_theirs(name):
    ours, theirs, x, there = pair(name)
    create = torchvision("models.feature_extraction").create_feature_extractor
    found, expected = create_feature_extractor(ours, NODES[name])(x), create(theirs, NODES[name])(there)
    assert list(found) == list(expected)
    for key, y in found.items():
        np.testing.assert_allclose(y.detach().numpy(), expected[key].detach().numpy(), rtol=1e-4, atol=1e-5)


def test_intermediate_layers_are_theirs():
    ours, theirs, x, there = pair("resnet18")
    getter = torchvision("models._utils").IntermediateLayerGetter
    layers = {"layer3": "out", "relu": 0}
    mine, other = IntermediateLayerGetter(ours, layers), getter(theirs, layers)
    assert list(mine.state_dict()) == list(other.state_dict()) and mine.return_layers == other.return_layers
    found, expected = mine(x), other(there)
    assert type(found) is type(expected) and list(found) == list(expected)
    for key, y in found.items():
        np.testing.assert_allclose(y.detach().numpy(), expected[key].detach().numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="return_layers are not present in model"):
        getter(theirs, {"layer5": "x"})
    with pytest.raises(ValueError, match="return_layers are not present in model: layer5; its children are conv1, "):
        IntermediateLayerGetter(ours, {"layer5": "x"})


class Twice(nn.Module):
    """A root with a parameter and a buffer, a layer that is called twice, and one that training leaves out."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(minidl.tensor(2.0))
        self.register_buffer("shift", minidl.tensor(1.0))
        self.first, self.norm, self.last = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)

    def forward(self, x):
        x = self.first(self.first(x * self.scale + self.shift))
        return self.last(self.norm(x)) if not self.training else self.norm(x)


def test_an_extractor_is_the_model_up_to_the_last_node():
    model = Twice()
    body = create_feature_extractor(model, ["first", "first_1"])
    assert list(body.state_dict()) == list(model.state_dict())
    assert [p is q for p, q in zip(body.parameters(), model.parameters(), strict=True)] == [True] * 7
    x = minidl.randn(4, 3)
    found = body(x)
    once = model.first(x * 2 + 1)
    assert found["first"].tolist() == once.tolist() and found["first_1"].tolist() == model.first(once).tolist()
    assert model.norm.num_batches_tracked.item() == 0       # what comes after has not run
    found["first_1"].sum().backward()
    assert model.scale.grad is not None and model.last.weight.grad is None
    model(x)        # no hook is left
    assert model.norm.num_batches_tracked.item() == 1


def test_an_extractor_follows_modes_moves_and_copies():
    model = Twice()
    body = create_feature_extractor(model, train_return_nodes={"norm": "y"}, eval_return_nodes=["last"])
    x = minidl.randn(4, 3)
    assert list(body(x)) == ["y"] and list(body.eval()(x)) == ["last"]
    assert not model.training and not model.norm.training
    assert body.double()(x.double())["last"].dtype == minidl.float64 and model.shift.dtype == minidl.float64
    other = copy.deepcopy(body)
    assert other(x.double())["last"].tolist() == body(x.double())["last"].tolist()
    with minidl.no_grad():
        other.first.weight.zero_()
        other.scale.zero_()
    assert body.first.weight.abs().sum() > 0 and model.scale.item() == 2
    assert other(x.double())["last"].tolist() != body(x.double())["last"].tolist()


@pytest.mark.parametrize("arguments, text", [
    ({}, "Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified"),
    ({"train_return_nodes": ["first"]}, "If any of `train_return_nodes` and `eval_return_nodes` are specified"),
    ({"return_nodes": ["first"], "train_return_nodes": ["first"], "eval_return_nodes": ["first"]}, "should not be"),
    ({"return_nodes": ["firsts"]}, "node: 'firsts' is not present in model. Hint: "),
    ({"return_nodes": {"second_1": "y"}}, "node: 'second_1' is not present in model"),
    ({"return_nodes": [""]}, "node: '' is not present in model"),
])
def test_refusals(arguments, text):
    with pytest.raises(ValueError) as error:
        create_feature_extractor(Twice(), **arguments)
    assert text in str(error.value)


def test_a_node_that_is_never_reached():
    body = create_feature_extractor(Twice(), ["first", "last", "norm_3"])
    with pytest.raises(RuntimeError, match="never came to last, norm_3"):
        body(minidl.randn(4, 3))
