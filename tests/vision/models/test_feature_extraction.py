"""What networks compute on their way, against torchvision's feature extraction."""
from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import models
from minidl.vision.models._utils import IntermediateLayerGetter
from minidl.vision.models.feature_extraction import create_feature_extractor, get_graph_node_names
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


# ---------------------------------------------------------------------- names of nodes

@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "densenet121", "googlenet", "shufflenet_v2_x0_5",
                                  "regnet_y_400mf"])
@pytest.mark.filterwarnings("ignore")
def test_names_are_torchvision_s(name):
    """Those of modules, in the order of their calls, in both modes."""
    arguments = {"init_weights": False} if name == "googlenet" else {}
    there = torchvision("models").get_model(name, **arguments)
    paths = dict(there.named_modules())
    expected = torchvision("models.feature_extraction").get_graph_node_names(there)
    found = get_graph_node_names(models.get_model(name, **arguments))
    for ours, theirs in zip(found, expected):
        assert ours == [each for each in theirs if each in paths or re.sub(r"_\d+$", "", each) in paths]


def test_a_call_of_names_leaves_all_as_it_was():
    model = models.resnet18(num_classes=3)
    model.train()
    model.layer2.eval()
    before, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    state = minidl.get_rng_state()
    train, evaluate = get_graph_node_names(model)
    assert train == evaluate and train[0] == "conv1" and train[-1] == "fc"
    assert minidl.equal(state, minidl.get_rng_state())
    assert [module.training for module in model.modules()] == modes
    assert all(minidl.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(not module._hooks or not module._hooks.forward for module in model.modules())
    found = create_feature_extractor(model, {each: each for each in train})(minidl.rand(1, 3, 64, 64))
    assert list(found) == train                             # each name is one that the extractor takes


def test_names_of_models_that_take_no_images():
    model = Twice()
    with pytest.raises(ValueError, match="the model has no Conv2d, so it takes no images; try concrete_args"):
        get_graph_node_names(nn.Sequential(nn.Linear(2, 2)))
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.TransformerEncoderLayer(3, 1))
    assert get_graph_node_names(net, concrete_args={"input": minidl.rand(4, 2)})[1] == ["0.0", "0.1", "1"]
    assert get_graph_node_names(net, {"leaf_modules": [nn.Sequential]}, concrete_args={"input": minidl.rand(4, 2)})[0] \
        == ["0", "1"]
    assert model.training


@pytest.mark.parametrize("train, evaluate, text", [
    ("ab", "a", "in eval mode are a subsequence"), ("a", "ab", "in train mode are a subsequence"),
    ("a", "b", "in train mode are different to those")])
def test_modes_that_differ_are_named(train, evaluate, text):
    class Modes(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            for name in train if self.training else evaluate:
                x = getattr(self, name)(x)
            return x

    given = {"concrete_args": {"x": minidl.ones(2)}}
    with pytest.warns(UserWarning, match=text):
        assert get_graph_node_names(Modes(), **given) == (list(train), list(evaluate))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        get_graph_node_names(Modes(), suppress_diff_warning=True, **given)


def test_all_arguments_of_the_extractor_are_torchvision_s():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x, factor=1.0):
            return self.relu(x * factor)

    create = create_feature_extractor(Scaled(), None, ["relu"], {"relu": "y"}, {"leaf_modules": []}, True,
                                      {"factor": 3.0})
    assert create(minidl.ones(1))["relu"].item() == 3 and create.eval()(minidl.ones(1), factor=2.0)["y"].item() == 2
