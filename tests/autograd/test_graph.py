"""Pictures and explanations of recorded graphs."""
import random
import xml.etree.ElementTree as ElementTree

import pytest

import minidl
from minidl import nn
from minidl.autograd.graph import draw, explain, tree, watch
from minidl.autograd.graph.boxes import KINDS
from minidl.autograd.graph.layout import apart, place


def network():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    loss = nn.functional.cross_entropy(model(minidl.randn(5, 3)), minidl.tensor([0, 1, 1, 0, 1]))
    return model, loss


def texts(picture):
    return [element.text for element in ElementTree.fromstring(picture).iter() if element.tag.endswith("text")]


def boxes(picture):
    """Of each box: its kind, its first line, and its left, top, right and bottom edge; the legend's have no line."""
    found = []
    for group in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}g"):
        lines = [e.text for e in group if e.tag.endswith("text")]
        if lines:
            x, y, width, height = (float(group[0].attrib[name]) for name in ("x", "y", "width", "height"))
            found.append((group.attrib["class"], lines[0], x, y, x + width, y + height))
    return found


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


def test_values_and_gradients_stand_at_the_edges():
    """(x + y) z of the lectures, once more with a vector, whose shape stands there as before."""
    x, y, z = (minidl.tensor(value, requires_grad=True) for value in (-2.0, 5.0, -4.0))
    with watch() as values:
        f = (x + y) * z
    written = texts(draw(f, {"x": x, "y": y, "z": z}, values))
    assert {"-2, gradient -4", "5, gradient -4", "3, gradient -4", "-4, gradient 3", "-12, gradient 1"} <= set(written)
    assert sorted(values.values()) == [-12, 3] and all(leaf.grad is None for leaf in (x, y, z))
    vector = minidl.ones(3, requires_grad=True)
    with watch() as values:
        total = (vector * 2).sum()
    assert {"(3,)", "6, gradient 1"} <= set(texts(draw(total, values=values))) and list(values.values()) == [6]
    x * 2
    assert list(values.values()) == [6], "what is computed behind the block is not watched"


def test_text_beside_arrows_is_inside_the_picture():
    x, y = (minidl.tensor(value, requires_grad=True) for value in (1.23456, 1.0))
    with watch() as values:
        product = x * y
    picture = draw(product, {"x": x, "y": y}, values)
    left, _, width, _ = map(float, ElementTree.fromstring(picture).attrib["viewBox"].split())
    for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):
        if "gradient" in element.text and element.attrib.get("text-anchor") == "start":
            assert float(element.attrib["x"]) + 6 * len(element.text) < left + width


def test_deep_graphs():
    y = minidl.ones(1, requires_grad=True)
    for _ in range(3000):
        y = y * 1.0
    assert len(boxes(draw(y))) == 3001
    assert explain(y).count("\n") == 3 * 3000 - 1
    assert tree(y).count("\n") == 3000


def test_the_picture_of_a_product():
    x, w = minidl.ones(3, requires_grad=True), minidl.ones(3, requires_grad=True)
    picture = draw((x * w).sum(), {"x": x, "w": w})
    total, product, *factors = sorted(boxes(picture), key=lambda box: box[3])
    assert (total[:2], product[:2]) == (("op", "Sum"), ("keeping op", "Mul"))
    assert sorted(box[:2] for box in factors) == [("leaf", "w (3,)"), ("leaf", "x (3,)")]
    assert {"(3,)", "()", "keeps 24 B"} <= set(texts(picture)), "shapes stand beside the arrows"
    explained = {kind for kind, (_, _, text) in KINDS.items() if text in texts(picture)}
    assert explained == {"op", "keeping op", "leaf"}, "each colour is explained"
    middle = [(left + right) / 2 for _, _, left, _, right, _ in (total, product)]
    assert middle[0] == pytest.approx(middle[1], abs=1) == pytest.approx(sum(f[2] + f[4] for f in factors) / 4, abs=1)
    assert picture.count("marker-end") == 4, "two factors, a product, a result"


def test_the_picture_of_lenet_is_one_column_with_its_weights_beside():
    lenet = nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    picture = draw(lenet(minidl.rand(2, 1, 28, 28)).logsumexp(1).sum(), dict(lenet.named_parameters()))
    found = boxes(picture)
    column = [(left + right) / 2 for kind, _, left, _, right, _ in found if kind != "leaf"]
    assert max(column) - min(column) < 3
    assert {name for kind, name, *_ in found if kind == "leaf"} == \
        {f"{name} {tuple(p.shape)}" for name, p in lenet.named_parameters()}
    assert {"(2, 20, 24, 24)", "(2, 50, 4, 4)", "(2, 800)", "(2, 10)"} <= set(texts(picture))


def test_every_output_of_an_op_has_its_shape_beside_its_line():
    a, b = minidl.ones(5, 3, requires_grad=True).split([2, 3])
    picture = draw(a.sum() + b.exp().sum())
    assert {"(2, 3)", "(3, 3)"} <= set(texts(picture))


@pytest.mark.parametrize("seed", range(20))
def test_boxes_and_lines_of_random_graphs_do_not_overlap(seed):
    rng = random.Random(seed)
    count = rng.randrange(2, 60)
    inputs = [[(rng.randrange(i + 1, count), rng.randrange(2))
               for _ in range(rng.randrange(1, 4))] if i < count - 1 else []
              for i in range(count)]
    items, lines = place([rng.randrange(20, 200) for _ in range(count)], inputs, [1.0] * count)
    rows = {}
    for item in {*items, *(item for line in lines.values() for item in line.stem.values())}:
        rows.setdefault(item.row, []).append(item)
    for row in rows.values():
        row.sort(key=lambda item: item.x)
        for left, right in zip(row, row[1:]):
            assert left.x + left.width / 2 < right.x - right.width / 2
    for user, taken in zip(items, inputs):
        for source in taken:
            assert lines[source].stem[user.row + 1] is not None and items[source[0]].row > user.row
    assert sum(len(line.users) for line in lines.values()) == sum(map(len, inputs))


def test_places_in_order():
    assert apart([0, 10, 20], [1, 1, 1], [2, 2, 2], 1) == [0, 10, 20]
    assert apart([0, 0, 0], [1, 1, 1], [2, 2, 2], 1) == [-3, 0, 3]
    assert apart([5, 5], [1, 3], [2, 2], 2) == [2, 6], "the heavier one moves less"


def test_weights_that_every_step_takes_are_one_line_each():
    """A recurrent network of 300 steps: no line of its own from each weight to each step."""
    cell, h = nn.RNNCell(2, 3), minidl.zeros(1, 3)
    for _ in range(300):
        h = cell(minidl.ones(1, 2), h)
    assert draw(h.sum(), dict(cell.named_parameters())).count("<path") < 300 * 12


def test_a_tree():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    text = tree(model(minidl.randn(5, 3)).sum(), dict(model.named_parameters()))
    assert [line.partition(", keeps")[0] for line in text.split("\n")] == [
        "Sum -> ()",
        "Linear -> (5, 2)",
        "├─ 2.weight (2, 4)",
        "├─ 2.bias (2,)",
        "Tanh -> (5, 4)",
        "Linear -> (5, 4)",
        "├─ 0.weight (4, 3)",
        "└─ 0.bias (4,)",
    ]
    assert "Tanh -> (5, 4), keeps 80 B" in text


def test_a_tree_names_what_is_taken_twice():
    x = minidl.ones(2, requires_grad=True)
    y = x.exp()
    assert tree(y * y).split("\n") == [
        "Mul -> (2,), keeps 8 B",
        "├─ [1] Exp -> (2,), keeps 8 B",
        "│  └─ leaf (2,)",
        "└─ [1] Exp, see above",
    ]
    assert tree(x * x, {"x": x}).split("\n") == ["Mul -> (2,), keeps 8 B", "├─ x (2,)", "└─ x (2,)"]
    assert tree(x, {"x": x}) == "x (2,)"


def test_nothing_to_draw():
    with pytest.raises(RuntimeError, match="does not require grad"):
        draw(minidl.ones(2))
    with pytest.raises(RuntimeError, match="does not require grad"):
        tree(minidl.ones(2))
