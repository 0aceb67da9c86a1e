"""Numbers that lectures on networks compute by hand, from the programs that show them."""
from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from minidl.utils import summary
from minidl.vision import models

FOLDER = Path(__file__).parents[2] / "examples" / "course" / "networks"


def program(name):
    """The functions of a program, which is not run."""
    return runpy.run_path(str(FOLDER / f"{name}.py"), run_name="read")


def test_the_box_filter():
    x = minidl.tensor(program("convolutions")["SIGNAL"]).float()
    means = F.conv1d(x[None, None], minidl.full((1, 1, 3), 1 / 3))[0, 0].tolist()
    assert means == pytest.approx([3, 0, 0, 1, 10 / 3, 4, 4, 16 / 3], abs=1e-6)


def test_four_dimensions_are_three_and_a_sum():
    minidl.manual_seed(0)
    x, weight = minidl.rand(2, 3, 4, 4, 4, 5), minidl.rand(2, 3, 2, 2, 2, 2)
    windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), (2, 2, 2, 2), axis=(2, 3, 4, 5))
    expected = np.einsum("nctdhwabef,ocabef->notdhw", windows, weight.numpy())
    np.testing.assert_allclose(program("convolutions")["conv4d"](x, weight).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("steps, pixels", [
    ([(3, 1)] * 4, 9), ([(5, 1)] * 3, 13), ([(3, 2)] * 3, 15), ([(2, 2), (3, 1)], 6), ([(1, 1)] * 9, 1)])
def test_receptive_fields(steps, pixels):
    field = program("receptive_field")
    assert field["rule"](steps) == pixels
    assert int((field["seen"](steps, 4 * pixels + 8) > 0).sum()) == pixels


def test_receptive_fields_of_networks():
    field = program("receptive_field")
    fields = [field["rule"](field["windows"](models.get_model(name).features)) for name in ("lenet_caffe", "alexnet")]
    assert fields == [16, 195]


def test_tables():
    tables = program("tables")
    found = summary(tables["lenet"](), (1, 1, 28, 28))
    assert found.total_params == 1_256_080
    assert [name for name, *_ in tables["layers"](found)] == ["conv1", "pool1", "conv2", "pool2", "fc3", "fc4"]
    rows = tables["layers"](summary(models.alexnet(), (1, 3, 227, 227)))
    names, *columns = zip(*rows)
    assert " ".join(names) == "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 fc6 fc7 fc8"
    wrong = [[name for name, value, number in zip(names, values, said) if abs(value - number) > 0.6]
             for values, said in zip(columns, tables["ALEXNET"].values())]
    assert wrong == [[], ["fc6", "fc7", "fc8"], ["conv4"]]     # memory; parameters, for biases; a slip of the lecture


def test_costs_of_blocks():
    blocks = program("blocks")
    C = 8
    assert blocks["products"](blocks["BasicBlock"](C, C), C) == (18 * C * C, 18 * C * C)
    assert blocks["products"](blocks["Bottleneck"](4 * C, C), 4 * C) == (17 * C * C, 17 * C * C)
    assert blocks["products"](blocks["resnext"](C, 4, 3), 4 * C)[0] == 4 * (8 * C * 3 + 9 * 9)
    for G in (1, 4, 32):
        c = blocks["equal_width"](64, G)
        assert 9 * G * c * c + 8 * G * 64 * c == pytest.approx(17 * 64 * 64)
    assert blocks["equal_width"](64, 1) == pytest.approx(64)        # one path is the bottleneck itself


def test_parameters_of_the_network_with_batch_norm():
    batch_norm = program("batch_norm")
    assert batch_norm["count"](batch_norm["build"](True, 1, 28, 10)) == 1_200_330
    assert batch_norm["count"](batch_norm["build"](False, 1, 28, 10)) == 1_200_330 - 2 * (32 + 64 + 128)


def test_residual_networks_are_the_papers():
    build = program("plain_or_residual")["build"]
    own, zoo = build(20, True, 16, 3, 10), models.resnet20()
    assert sum(p.numel() for p in own.parameters()) == sum(p.numel() for p in zoo.parameters()) == 269_722
    assert sum(p.numel() for p in build(20, False, 16, 3, 10).parameters()) == 269_722     # shortcuts cost nothing


def test_the_frontier():
    rows = [("a", 50.0, 1.0), ("b", 40.0, 2.0), ("c", 60.0, 3.0)]
    assert program("complexity")["frontier"](rows) == ["a", "c"]
    names = [name for name, *_ in program("complexity")["rows"](["alexnet", "vgg"])]
    assert "alexnet" in names and "vgg16_bn" in names and "resnet18" not in names
