"""Models that are saved, loaded and uploaded by huggingface_hub, without a network."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.serialization import LoadError, safetensors
from tests.checking import torch

pytest.importorskip("huggingface_hub")

from minidl.utils import huggingface  # noqa: E402


class Net(nn.Module, huggingface.ModelHubMixin, license="mit", tags=["tiny"]):      # type: ignore[misc, call-arg]
    def __init__(self, width: int = 4, rate: float = 0.5) -> None:
        super().__init__()
        self.layer, self.norm, self.dropout = nn.Linear(2, width), nn.BatchNorm1d(width), nn.Dropout(rate)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.dropout(self.norm(self.layer(x)))


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    net = Net(width=3, rate=0.25)
    net(minidl.rand(8, 2))
    net.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == {"width": 3, "rate": 0.25}
    card = (tmp_path / "README.md").read_text()
    assert "license: mit" in card and "library_name: minidl" in card and "- tiny" in card
    again = Net.from_pretrained(tmp_path)
    assert not again.training and again.dropout.p == 0.25
    x = minidl.rand(5, 2)
    assert (again(x) == net.eval()(x)).all()
    assert Net.from_pretrained(str(tmp_path), map_location="strict").layer.weight.device.type == "strict"


def test_other_weights(tmp_path: Path) -> None:
    net = Net()
    net.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    state = safetensors.load_file(path)
    del state["layer.bias"]
    safetensors.save_file(state, path)
    assert (Net.from_pretrained(tmp_path).layer.weight == net.layer.weight).all()
    with pytest.raises(RuntimeError, match="layer.bias"):
        Net.from_pretrained(tmp_path, strict=True)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LoadError):
        Net.from_pretrained(tmp_path)


def test_upload_and_download_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a folder in place of the network."""
    hub, said = tmp_path / "hub", {}

    class Api:
        def __init__(self, token: Any = None) -> None:
            pass

        def create_repo(self, repo_id: str, **_: Any) -> Any:
            said["repo"] = repo_id
            return type("Url", (), {"repo_id": repo_id})

        def upload_folder(self, *, folder_path: Any, commit_message: str, **_: Any) -> str:
            said["message"] = commit_message
            Path(folder_path).rename(hub)
            return "uploaded"

    def download(repo_id: str, filename: str, **_: Any) -> str:
        assert repo_id == "me/net"
        return str(hub / filename)

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    monkeypatch.setattr("huggingface_hub.hub_mixin.hf_hub_download", download)
    monkeypatch.setattr(huggingface, "hf_hub_download", download)
    net = Net(width=6)
    assert net.push_to_hub("me/net", commit_message="Add a net") == "uploaded"
    assert said == {"repo": "me/net", "message": "Add a net"}
    assert (Net.from_pretrained("me/net").layer.weight == net.layer.weight).all()


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_pytorchs_class_loads_the_folder(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from huggingface_hub import PyTorchModelHubMixin

    class Theirs(torch.nn.Module, PyTorchModelHubMixin):
        def __init__(self, width: int = 4, rate: float = 0.5) -> None:
            super().__init__()
            self.layer, self.norm = torch.nn.Linear(2, width), torch.nn.BatchNorm1d(width)

    net = Net(width=3)
    net.save_pretrained(tmp_path / "ours")
    assert Theirs.from_pretrained(tmp_path / "ours").layer.weight.tolist() == net.layer.weight.tolist()
    theirs = Theirs(width=5)
    theirs.save_pretrained(tmp_path / "theirs")
    assert Net.from_pretrained(tmp_path / "theirs").layer.weight.tolist() == theirs.layer.weight.tolist()
