"""TensorBoard files: what is written is read again."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn

tensorboardX = pytest.importorskip("tensorboardX")

from minidl.utils.tensorboard import SummaryWriter  # noqa: E402


def events(folder):
    """The summaries in the files of a folder."""
    from tensorboardX.proto.event_pb2 import Event
    for path in sorted(folder.rglob("*tfevents*")):
        content = path.read_bytes()
        while content:                     # length, its checksum, the event, its checksum
            size = int.from_bytes(content[:8], "little")
            yield from Event.FromString(content[12:12 + size]).summary.value
            content = content[16 + size:]


def test_what_is_written_is_read_again(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", minidl.tensor(0.25, requires_grad=True), 3)
        writer.add_histogram("weights", minidl.arange(10.0), 3)
        writer.add_image("image", minidl.rand(3, 8, 9), 3)
        writer.add_images("images", minidl.rand(2, 1, 8, 9), 3)
        writer.add_text("note", "a *word*", 3)
        writer.add_pr_curve("curve", minidl.tensor([0, 1]), minidl.tensor([0.25, 0.75]), 3)
    found = {value.tag: value for value in events(tmp_path)}
    assert found["loss"].simple_value == 0.25
    assert found["weights"].histo.num == 10 and found["weights"].histo.sum == 45
    assert (found["image"].image.height, found["image"].image.width) == (8, 9)
    assert found["images"].image.encoded_image_string.startswith(b"\x89PNG")
    assert "a *word*" in str(found["note/text_summary"].tensor.string_val) and "curve" in found


def test_several_figures_and_settings(tmp_path):
    with SummaryWriter(str(tmp_path / "run")) as writer:
        writer.add_scalars("loss", {"train": minidl.tensor(1.0), "test": 2.0}, 1)
        writer.add_hparams({"lr": 0.1}, {"accuracy": 0.9})
        writer.flush()
    assert {1.0, 2.0} <= {value.simple_value for value in events(tmp_path)}


def test_what_one_looks_at_and_in_space(tmp_path):
    figures = pytest.importorskip("matplotlib.figure")
    figure = figures.Figure()
    figure.subplots().plot(minidl.arange(3.0), minidl.arange(3.0))
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_image_with_boxes("boxes", minidl.zeros(3, 20, 20), minidl.tensor([[2.0, 2, 9, 9]]), 1)
        writer.add_mesh("solid", minidl.rand(1, 4, 3), minidl.zeros(1, 4, 3).to(minidl.uint8),
                        minidl.tensor([[[0, 1, 2], [1, 2, 3]]]))
        writer.add_figure("line", figure, 1)
        writer.add_custom_scalars({"losses": {"both": ["Multiline", ["loss/train", "loss/test"]]}})
    found = {value.tag: value for value in events(tmp_path)}
    assert found["boxes"].image.width == 20 and found["line"].image.height > 100
    assert {"solid_1", "solid_2", "solid_3", "custom_scalars__config__"} <= set(found)


def test_distributions_and_points(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_histogram_raw("counts", 0.0, 3.0, 4, 6.0, 14.0, minidl.tensor([1.0, 2, 3]), minidl.tensor([1, 1, 2]))
        writer.add_pr_curve_raw("curve", *[minidl.tensor([1.0, 1.0])] * 6, num_thresholds=2)
        writer.add_embedding(minidl.rand(4, 3, requires_grad=True), minidl.tensor([0, 1, 0, 1]),
                             minidl.rand(4, 3, 8, 8), tag="digits")
        assert writer.get_logdir() == str(tmp_path)
    found = {value.tag: value for value in events(tmp_path)}
    assert list(found["counts"].histo.bucket) == [1, 1, 2] and "curve" in found
    assert "digits" in (tmp_path / "projector_config.pbtxt").read_text()
    assert len(next(tmp_path.rglob("tensors.tsv")).read_text().splitlines()) == 4
    assert next(tmp_path.rglob("metadata.tsv")).read_text().split() == ["0", "1", "0", "1"]


def test_a_network_is_a_graph_of_layers(tmp_path):
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            return self.head(x + self.body(self.body(x)))

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_graph(Residual(), minidl.ones(5, 3))
    content = next(tmp_path.rglob("*tfevents*")).read_bytes()
    graphs = []
    while content:
        size = int.from_bytes(content[:8], "little")
        graphs.append(Event.FromString(content[12:12 + size]).graph_def)
        content = content[16 + size:]
    nodes = {node.name: node for node in GraphDef.FromString(next(filter(None, graphs))).node}
    assert {name: list(node.input) for name, node in nodes.items()} == {
        "input/1": [], "body/0_2": ["input/1"], "body/1_2": ["body/0_2"], "body/0": ["body/1_2"], "body/1": ["body/0"],
        "Add": ["input/1", "body/1"], "head": ["Add"]}
    assert nodes["head"].op == "Linear" and nodes["input/1"].op == "input"
