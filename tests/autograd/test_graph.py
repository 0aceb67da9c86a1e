"""Pictures and explanations of recorded graphs."""
import xml.etree.ElementTree as ElementTree

import pytest

import minidl
from minidl import nn
from minidl.autograd.graph import draw, explain


def network():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    loss = nn.functional.cross_entropy(model(minidl.randn(5, 3)), minidl.tensor([0, 1, 1, 0, 1]))
    return model, loss


def texts(picture):
    return [element.text for element in ElementTree.fromstring(picture).iter() if element.tag.endswith("text")]


def test_a_picture_names_ops_shapes_and_parameters():
    model, loss = network()
    written = texts(draw(loss, dict(model.named_parameters())))
    for expected in ["CrossEntropy", "Tanh", "Linear", "0.weight (4, 3)", "2.bias (2,)", "(5, 4)", "keeps 80 B"]:
        assert expected in written
    assert all(p.grad is None for p in model.parameters())


def test_the_graph_can_still_be_used():
    model, loss = network()
    draw(loss)
    explain(loss)
    loss.backward()
    assert model[0].weight.grad is not None


def test_names_are_escaped(tmp_path):
    x = minidl.ones(2, requires_grad=True)
    picture = draw(x * 2, {"<x & y>": x})
    assert "<x & y> (2,)" in texts(picture)
    picture.save(tmp_path / "graph.svg")
    ElementTree.parse(tmp_path / "graph.svg")
    assert picture._repr_svg_() == picture


def test_explanation_goes_newest_first():
    model, loss = network()
    text = explain(loss, dict(model.named_parameters()))
    assert text.startswith("1. ") and text.index("CrossEntropy") < text.index("Tanh") < text.index("0.weight")
    assert "(1 - y^2)" in text or "1 - y^2" in text


def test_gradient_norms():
    x = minidl.tensor([3.0, 4.0], requires_grad=True)
    assert "x (2,), |g| = 10" in explain((x * x).sum(), {"x": x})


def test_deep_graphs():
    y = minidl.ones(1, requires_grad=True)
    for _ in range(3000):
        y = y * 1.0
    assert draw(y).count("<rect") == 3002
    assert explain(y).count("\n") == 3 * 3000 - 1


def test_nothing_to_draw():
    with pytest.raises(RuntimeError, match="does not require grad"):
        draw(minidl.ones(2))
