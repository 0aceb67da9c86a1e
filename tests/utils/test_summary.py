"""`summary`: the published numbers of known networks, and those of single layers by hand."""
from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.utils import summary
from minidl.vision import models
from tests import strict_array  # noqa: F401  (registers the device "strict")

# ---------------------------------------------------------------------- networks whose numbers are published

def lenet() -> Any:
    """Caffe's: 20 and 50 maps, 500 units."""
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def alexnet() -> Any:
    """Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, as in torchvision."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(6), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000))


def vgg16() -> Any:
    """Simonyan, Zisserman, 2014: configuration D."""
    layers, channels = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        channels = width or channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
                         nn.Linear(4096, 1000))


class Block(nn.Module):
    """He et al., "Deep Residual Learning", 2015: two convolutions and a way past them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def resnet18() -> Any:
    blocks = [Block(max(64, width // 2 if i == 0 else width), width, 2 if i == 0 and width > 64 else 1)
              for width in (64, 128, 256, 512) for i in range(2)]
    return nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                         *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


@pytest.mark.parametrize("make, size, params, mult_adds", [
    (lenet, (1, 1, 28, 28), 431_080, 288_000 + 1_600_000 + 400_000 + 5_000),
    (alexnet, (1, 3, 224, 224), 61_100_840, 714_188_480),
    (vgg16, (1, 3, 224, 224), 138_357_544, 15_470_264_320),
    (resnet18, (1, 3, 224, 224), 11_689_512, 1_814_073_344),
], ids=["LeNet", "AlexNet", "VGG-16", "ResNet-18"])
def test_published_numbers(make: Any, size: Any, params: int, mult_adds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kaiming_uniform_", "uniform_"):   # 138 million random numbers would take seconds, and change nothing
        monkeypatch.setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)
    found = summary(make(), size)
    assert (found.total_params, found.trainable_params) == (params, params)
    assert found.total_mult_adds == mult_adds and found.total_param_bytes == 4 * params
    assert found.rows[0].output_size == [(1, 10 if make is lenet else 1000)]


def test_the_rows_of_lenet() -> None:
    found = summary(lenet(), (1, 1, 28, 28))
    assert [(row.name, row.type, row.params, row.mult_adds, row.output_size) for row in found.rows] == [
        ("", "Sequential", 431_080, 2_293_000, [(1, 10)]),
        ("0", "Conv2d", 520, 288_000, [(1, 20, 24, 24)]), ("1", "MaxPool2d", 0, 0, [(1, 20, 12, 12)]),
        ("2", "Conv2d", 25_050, 1_600_000, [(1, 50, 8, 8)]), ("3", "MaxPool2d", 0, 0, [(1, 50, 4, 4)]),
        ("4", "Flatten", 0, 0, [(1, 800)]), ("5", "Linear", 400_500, 400_000, [(1, 500)]),
        ("6", "ReLU", 0, 0, [(1, 500)]), ("7", "Linear", 5_010, 5_000, [(1, 10)])]
    assert found.rows[1].input_size == [(1, 1, 28, 28)] and found.rows[1].output_bytes == 4 * 20 * 24 * 24
    assert found.total_output_bytes == 4 * (11_520 + 2_880 + 3_200 + 800 + 800 + 500 + 500 + 10)
    assert found.total_input_bytes == 4 * 784


# ---------------------------------------------------------------------- single layers, by hand

class Functional(nn.Module):
    """Modules hold nothing here: functions do it all."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


@pytest.mark.parametrize("model, sizes, mult_adds", [
    (lambda: nn.Linear(3, 5), [(2, 7, 3)], 2 * 7 * 5 * 3),
    (lambda: nn.Conv1d(4, 6, 3), [(2, 4, 10)], 2 * 6 * 8 * 4 * 3),
    (lambda: nn.Conv2d(4, 6, (3, 2), groups=2, stride=2), [(2, 4, 9, 8)], 2 * 6 * 4 * 4 * 2 * 6),
    (lambda: nn.Conv3d(2, 3, 2), [(2, 2, 4, 5, 6)], 2 * 3 * 3 * 4 * 5 * 2 * 8),
    (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), [(1, 4, 5, 5)], 4 * 25 * 6 * 9),
    (lambda: nn.LSTM(3, 5), [(7, 2, 3)], 7 * 2 * 4 * 5 * (3 + 5)),
    (lambda: nn.LSTM(3, 5, proj_size=2), [(7, 2, 3)], 7 * 2 * (4 * 5 * (3 + 2) + 5 * 2)),
    (lambda: nn.GRU(3, 5, bidirectional=True), [(7, 2, 3)], 2 * 7 * 2 * 3 * 5 * (3 + 5)),
    (lambda: nn.RNN(3, 5, num_layers=2), [(7, 2, 3)], 7 * 2 * 5 * (3 + 5 + 5 + 5)),
    (lambda: nn.RNN(3, 5, nonlinearity="relu"), [(7, 2, 3)], 7 * 2 * 5 * (3 + 5)),
    (lambda: nn.MultiheadAttention(8, 2), [(5, 1, 8)] * 3, 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8),
    (lambda: Functional(lambda a, b: a @ b), [(4, 2, 3), (4, 3, 5)], 4 * 2 * 3 * 5),
    (lambda: Functional(lambda a, b: minidl.einsum("bij,kj->bik", a, b)), [(4, 2, 3), (5, 3)], 4 * 2 * 5 * 3),
    (lambda: Functional(lambda a, b: minidl.einsum("ij,ij->ij", a, b)), [(4, 2), (4, 2)], 0),
    (lambda: Functional(lambda q, k, v: F.scaled_dot_product_attention(q, k, v)), [(2, 5, 8), (2, 7, 8), (2, 7, 4)],
     2 * 5 * 7 * (8 + 4)),
    (lambda: Functional(lambda x: F.conv2d(F.relu(x), minidl.ones(3, 2, 3, 3))), [(1, 2, 5, 5)], 3 * 9 * 2 * 9),
    (lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4), nn.Softmax(1)), [(2, 4)], 0),
])
def test_multiply_adds(model: Any, sizes: Any, mult_adds: int) -> None:
    assert summary(model(), sizes).total_mult_adds == mult_adds


def test_shared_layers_and_parameters_count_once() -> None:
    layer = nn.Linear(4, 4, bias=False)
    net = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(4, 4, bias=False))
    net[3].weight = layer.weight
    found = summary(net, (2, 4))
    assert found.total_params == 16 and found.total_mult_adds == 3 * 2 * 16
    assert [(row.name, row.params, row.calls, row.mult_adds) for row in found.rows] == [
        ("", 16, 1, 96), ("0", 16, 2, 64), ("1", 0, 1, 0), ("3", 16, 1, 32)]
    assert "(2, 4) x 2" in str(found)


def test_frozen_parameters() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    net[0].requires_grad_(False)
    found = summary(net, (1, 3))
    assert (found.total_params, found.trainable_params) == (26, 10)
    assert [row.trainable_params for row in found.rows] == [10, 0, 10]
    assert "Params: 26 (10 trainable, 16 frozen)" in str(found)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(2, 3)
        self.unused = nn.Linear(1, 1)
        self.parts = nn.ModuleList([nn.Linear(3, 3)])

    def forward(self, x: Any, index: Any, *, twice: bool = False) -> Any:
        y = self.parts[0](self.embed(x))[index]
        return {"y": y, "pair": (y, y * 2)} if twice else y


def test_several_inputs() -> None:
    found = summary(Two(), [(4, 2), (5,)], dtypes=[minidl.float32, minidl.int64])
    assert found.rows[0].input_size == [(4, 2), (5,)] and found.rows[0].output_size == [(5, 3)]
    assert "not called" in str(found) and {row.name: row.calls for row in found.rows}["unused"] == 0
    index = minidl.tensor([0, 3])
    same = summary(Two(), input_data=(minidl.ones(4, 2), index))
    by_name = summary(Two(), input_data={"x": minidl.ones(4, 2), "index": index, "twice": True})
    assert same.total_mult_adds == by_name.total_mult_adds == 4 * (6 + 9)
    assert by_name.rows[0].output_size == [(2, 3)] * 3


def test_depth_and_plain_numbers() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2))))
    found = summary(net, (1, 2), depth=1)
    assert str(found).count("Linear") == 0 and str(found).count("Sequential") == 2 and len(found.rows) == 5
    loaded = json.loads(json.dumps(found.to_dict()))
    assert loaded["total_params"] == 12 and loaded["rows"][4]["name"] == "0.1.0" and loaded["rows"][4]["depth"] == 3


def test_the_network_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    net[2].eval()
    modes = [m.training for m in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    call, op_call = nn.Module.__call__, minidl.autograd.op.Op.__call__
    minidl.manual_seed(0)
    summary(net, (4, 3))
    state = minidl.rand(3).tolist()
    minidl.manual_seed(0)
    assert minidl.rand(3).tolist() == state and [m.training for m in net.modules()] == modes
    assert all((value == before[name]).all() for name, value in net.state_dict().items())
    assert nn.Module.__call__ is call and minidl.autograd.op.Op.__call__ is op_call
    assert all(p.grad is None and p.edge is not None for p in net.parameters())


def test_inside_autocast() -> None:
    with minidl.autocast("cpu"):
        found = summary(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (5, 3))
    assert found.total_mult_adds == 5 * (12 + 8) and found.rows[1].output_bytes == 2 * 5 * 4


def test_device_and_dtype_are_the_networks() -> None:
    assert summary(nn.Linear(3, 2).double(), (1, 3)).total_input_bytes == 24
    assert summary(nn.Linear(3, 2).to("strict"), (1, 3)).total_params == 8
    assert summary(nn.ReLU(), (np.int64(1), 3)).total_input_bytes == 12
    assert summary(nn.ReLU(), (1, 3), device="strict").total_input_bytes == 12


def test_errors() -> None:
    for kwargs in ({}, {"input_size": (1, 3), "input_data": minidl.ones(1, 3)}):
        with pytest.raises(ValueError, match="give either input_size"):
            summary(nn.Linear(3, 2), **kwargs)
    with pytest.raises(ValueError, match="expected a dtype for each of 2 inputs, but got 1"):
        summary(nn.Linear(3, 2), [(1, 3), (1, 3)], dtypes=[minidl.float32])
    for model in (nn.ReLU, lambda x: x, None):
        with pytest.raises(TypeError, match="expected model to be a Module, but got"):
            summary(model, (1, 3))      # type: ignore[arg-type]
    for size in (3, "ab", (1.0, 3.0), [(1, 3), 4]):
        with pytest.raises(TypeError, match=r"expected input_size to be a shape such as \(1, 3, 32, 32\), or"):
            summary(nn.Linear(3, 2), size)
    net = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError) as error:
        summary(net, (1, 4))
    assert "in summary, with inputs of shapes [(1, 4)]" in str(getattr(error.value, "__notes__", error.value))
    assert net.training and "around" not in nn.Module.__call__.__qualname__


# ---------------------------------------------------------------------- the tables of lectures

def cells(table: str) -> dict[str, list[str]]:
    """The row of each layer, from the right: multiply-adds, parameters, memory, pixels, channels, P, S, K, filters."""
    return {line.split()[0]: line.split()[::-1] for line in table.splitlines() if not line.startswith("-")}


def figures(row: list[str]) -> list[float]:
    """Memory, parameters, multiply-adds."""
    return [float(cell.replace(",", "")) for cell in row[2::-1]]


ALEXNET_TABLE = """
    0       784    23.296  73    56
    2       182    0        0    27
    3       547   307     224    27
    5       127    0        0    13
    6       254   664     112    13
    8       169   885     150    13
    10      169   590     100    13
    12       36    0        0     6
    flatten  36    0        0  9216
    16       16 37753      38  4096
    19       16 16781      17  4096
    21        4  4097       4  1000
"""
"""KB, thousands of parameters, millions of multiply-adds and the side of the output, for images of 227 pixels."""


def test_the_table_of_alexnet():
    found = cells(summary(alexnet(), (1, 3, 227, 227)).by_layer())
    for line in ALEXNET_TABLE.split("\n")[1:-1]:
        name, *expected, side = line.split()
        np.testing.assert_allclose(figures(found[name]), np.array(expected, float), rtol=5e-3, atol=0.5)
        assert found[name][3].endswith(side)
    assert found["0"][5:9] == ["2", "4", "11", "64"]
    assert len(found) == 12 + 2     # with the head and the sum
    np.testing.assert_allclose(figures(found["Sum"]), [2303, 61101, 718], atol=0.5)


def test_the_table_of_lenet_5():
    """With a margin of 2 pixels: 1,256,080 parameters."""
    net = nn.Sequential(nn.Conv2d(1, 20, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5, padding=2),
                        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2450, 500), nn.ReLU(), nn.Linear(500, 10))
    found = summary(net, (1, 1, 28, 28))
    assert found.total_params == 1_256_080
    rows = cells(found.by_layer())
    assert [(name, row[3]) for name, row in rows.items() if name not in ("Layer", "Sum")] == [
        ("0", "28x28"), ("2", "14x14"), ("3", "14x14"), ("5", "7x7"), ("flatten", "2450"), ("7", "500"), ("9", "10")]


def test_the_stem_of_googlenet_and_its_head():
    net = models.googlenet(init_weights=False)
    rows = cells(summary(net, (1, 3, 224, 224)).by_layer())
    stem = np.array([figures(rows[name]) for name in
                     ("conv1.conv", "maxpool1", "conv2.conv", "conv3.conv", "maxpool2")])
    expected = [[3136, 9, 118], [784, 0, 2], [784, 4, 13], [2352, 111, 347], [588, 0, 1]]
    np.testing.assert_allclose(stem, expected, atol=0.5)
    np.testing.assert_allclose(stem.sum(0), [7.5 * 1024, 124, 481], rtol=5e-3)
    assert rows["avgpool"][3:7] == ["1x1", "1024,", "7", "7"]
    np.testing.assert_allclose(figures(rows["fc"]), [4, 1025, 1], atol=0.1)
    assert rows["inception3a.branch4.0"][3:7] == ["28x28", "192,", "1", "1"]   # a pooling that keeps the size


def test_six_convolutions_of_vgg16_and_its_head():
    rows = cells(summary(vgg16(), (1, 3, 224, 224)).by_layer())
    convs = [figures(row) for row in rows.values() if row[-2] == "(Conv2d)"][:6]
    memory, params, mult_adds = np.sum(convs, 0)
    assert (round(memory / 1024, 1), round(params / 1000, 1)) == (42.9, 1.1) and mult_adds == pytest.approx(7485, abs=3)
    np.testing.assert_allclose(figures(rows["flatten"]), [98, 0, 0], atol=0.5)


@pytest.mark.parametrize("name, layers", [("resnet18", 18), ("resnet34", 34), ("resnet50", 50), ("resnet101", 101),
                                          ("resnet152", 152), ("resnext50_32x4d", 50)])
def test_the_tables_of_residual_networks(name, layers):
    """As many layers as the name says, four shortcuts with a convolution or three; and no cost is lost."""
    found = summary(models.get_model(name), (1, 3, 64, 64))
    rows = cells(found.by_layer())
    counted = [row for key, row in rows.items() if row[1] not in ("0", "Params") and key not in ("Layer", "Sum")]
    shortcuts = [key for key in rows if "downsample" in key]
    assert len(counted) - len(shortcuts) == layers and len(shortcuts) == (3 if layers < 50 else 4)
    pools = sum(figures(rows[key])[2] for key in ("maxpool", "avgpool"))
    assert figures(rows["Sum"])[2] == pytest.approx(found.total_mult_adds / 1e6 + pools, rel=2e-3)


def test_layers_of_other_kinds_in_the_table():
    """Windows that are not square, axes that are not pixels, products outside of layers, layers that are not called."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.line = nn.Conv1d(4, 6, 3), nn.Conv2d(3, 4, (1, 7), padding=(0, 3))
            self.attention, self.idle = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(3, 3)

        def forward(self, x):
            x = self.conv(self.line(x).flatten(2)).transpose(1, 2)
            return self.attention(x, x, x)[0] @ minidl.ones(6, 2)

    rows = cells(summary(Net(), (1, 3, 4, 8)).by_layer())
    assert list(rows) == ["Layer", "net", "conv", "line", "attention", "Sum"]
    assert rows["line"][3:8] == ["4x8", "4,", "0x3", "1", "1x7"] and rows["conv"][3:5] == ["30", "6,"]
    assert summary(nn.ReLU(), (1, 2)).by_layer().count("\n") == 3
    for pool, size, cost in ((nn.MaxPool1d(2), (1, 5, 8), 40e-6), (nn.MaxPool3d(2), (1, 5, 4, 4, 4), 320e-6)):
        assert figures(cells(summary(pool, size).by_layer())["net"])[2] == pytest.approx(cost)


def test_no_parameter_counts_twice_in_the_table():
    """Neither those of layers inside a layer that multiplies, nor those of layers that are inside and not called."""
    for name, size in (("swin_t", 64), ("vit_mnist", 28), ("cct_2_3x2", 32)):
        model = models.get_model(name)
        found = summary(model, (1, 1 if size == 28 else 3, size, size))
        norms = sum(p.numel() for module in model.modules() for p in module.parameters(recurse=False)
                    if isinstance(module, nn.LayerNorm))
        positions = sum(p.numel() for key, p in model.named_parameters() if "pos" in key or key == "class_token")
        total = 1000 * figures(cells(found.by_layer())["Sum"])[1]
        assert found.total_params - norms - positions - 500 < total < found.total_params - norms + 500
