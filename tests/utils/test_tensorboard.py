"""TensorBoard files: what is written is read again."""
from __future__ import annotations

import pytest

import minidl

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
