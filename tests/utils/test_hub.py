"""Weights from a server on this machine: checked, kept, and loaded; the same files where PyTorch would have them."""
from __future__ import annotations

import functools
import hashlib
import http.server
import threading
import zipfile

import numpy as np
import pytest

import minidl
from minidl import hub, nn
from minidl.serialization import LoadError
from minidl.utils import model_zoo


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802  (the server's name)
        self.server.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        server.asked, server.folder = [], folder
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Nothing is written into the user's home, and no choice of a test lasts."""
    monkeypatch.setattr(hub, "_chosen", [str(tmp_path / "hub")])
    monkeypatch.setattr(hub, "mirrors", [])
    return tmp_path / "hub" / "checkpoints"


def put(server, name="net-{hash}.pth", fill=1.0):
    """A file of weights on the server, with the digits of its hash in its name."""
    path = server.folder / "new.pth"
    minidl.save(nn.Linear(2, 1, bias=False).state_dict() | {"weight": minidl.full((1, 2), fill)}, path)
    name = name.format(hash=hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    path.rename(server.folder / name)
    return f"{server.url}/{name}"


def weight(state):
    return state["weight"].tolist()


def test_downloads_once(server, folder, capsys):
    url = put(server)
    for _ in range(2):
        assert weight(hub.load_state_dict_from_url(url, progress=False, check_hash=True)) == [[1.0, 1.0]]
    name = url.rpartition("/")[2]
    assert server.asked == [f"/{name}"] and [path.name for path in folder.iterdir()] == [name]
    assert capsys.readouterr() == (f'Downloading: "{url}" to {folder / name}\n', "")
    nn.Linear(2, 1, bias=False).load_state_dict(hub.load_state_dict_from_url(url))


def test_a_bar_is_shown(server, capsys):
    hub.load_state_dict_from_url(put(server))
    assert "net-" in capsys.readouterr().err


def test_a_wrong_hash_is_refused(server, folder):
    url = put(server, "net-00000000.pth")
    with pytest.raises(RuntimeError, match="expected sha256 00000000, got "):
        hub.load_state_dict_from_url(url, progress=False, check_hash=True)
    assert list(folder.iterdir()) == []
    assert weight(hub.load_state_dict_from_url(url, progress=False)) == [[1.0, 1.0]]     # as in PyTorch, unless asked


def test_mirrors_come_first_and_are_checked(server, monkeypatch):
    url = put(server)
    name = url.rpartition("/")[2]
    (server.folder / "mirror").mkdir()
    (server.folder / "mirror" / name).write_bytes(b"something else")
    monkeypatch.setattr(hub, "mirrors", [f"{server.url}/nowhere/", f"{server.url}/mirror"])
    assert weight(hub.load_state_dict_from_url(url, progress=False, check_hash=True)) == [[1.0, 1.0]]
    assert server.asked == [f"/nowhere/{name}", f"/mirror/{name}", f"/{name}"]


def test_several_addresses_of_one_file(server):
    assert weight(hub.load_state_dict_from_url([f"{server.url}/missing.pth", put(server)], progress=False))
    with pytest.raises(RuntimeError, match="404"):
        hub.load_state_dict_from_url(f"{server.url}/absent.pth", progress=False)


def test_where_and_by_which_name(server, tmp_path):
    state = hub.load_state_dict_from_url(f"{put(server)}?download=true", tmp_path / "mine", "cpu", False, True, "a.pth")
    assert weight(state) == [[1.0, 1.0]] and [path.name for path in (tmp_path / "mine").iterdir()] == ["a.pth"]


def test_of_a_local_address(server, tmp_path):
    put(server, "net.pth")
    path = server.folder / "net.pth"
    assert weight(model_zoo.load_url(path.as_uri(), progress=False)) == [[1.0, 1.0]]
    with pytest.raises(RuntimeError, match="invalid hash value"):
        hub.download_url_to_file(path.as_uri(), tmp_path / "copy.pth", hash_prefix="0123")
    assert not (tmp_path / "copy.pth").exists()


def test_an_archive_with_one_file_is_unpacked(server, folder):
    put(server, "net.pth")
    with zipfile.ZipFile(server.folder / "packed.pth", "w") as archive:
        archive.write(server.folder / "net.pth", "inner.pth")
    assert weight(hub.load_state_dict_from_url(f"{server.url}/packed.pth", progress=False)) == [[1.0, 1.0]]
    assert sorted(path.name for path in folder.iterdir()) == ["inner.pth", "packed.pth"]


def test_no_code_of_a_file_runs(server):
    pickle = b"\x80\x02c__builtin__\nprint\nX\x06\x00\x00\x00gotcha\x85R."
    (server.folder / "bad.pth").write_bytes(pickle)
    with pytest.raises(LoadError):
        hub.load_state_dict_from_url(f"{server.url}/bad.pth", progress=False, weights_only=False)


def test_a_download_replaces_the_file_when_it_is_complete(server, tmp_path):
    target = tmp_path / "net.pth"
    hub.download_url_to_file(put(server, "net.pth", 1.0), target, progress=False)
    hub.download_url_to_file(put(server, "net.pth", 2.0), target, progress=False)
    assert weight(minidl.load(target)) == [[2.0, 2.0]]
    with pytest.raises(RuntimeError):
        hub.download_url_to_file(f"{server.url}/net.pth", target, hash_prefix="abcdef", progress=False)
    assert weight(minidl.load(target)) == [[2.0, 2.0]]
    with pytest.raises(ValueError, match="http"):
        hub.download_url_to_file("ftp://host/net.pth", target)


def test_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_chosen", [])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("MINIDL_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert hub.get_dir() == str(tmp_path / ".cache" / "minidl" / "hub")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert hub.get_dir() == str(tmp_path / "x" / "minidl" / "hub")
    monkeypatch.setenv("MINIDL_HOME", "~/m")
    assert hub.get_dir() == str(tmp_path / "m" / "hub")
    hub.set_dir("~/weights")
    assert hub.get_dir() == str(tmp_path / "weights")


def test_as_pytorch_does(server, tmp_path):
    """PyTorch's own function makes the same state of the same file, and leaves the same file."""
    torch = pytest.importorskip("torch")
    url = put(server)
    ours = hub.load_state_dict_from_url(url, tmp_path / "ours", progress=False, check_hash=True)
    theirs = torch.hub.load_state_dict_from_url(url, str(tmp_path / "theirs"), progress=False, check_hash=True)
    np.testing.assert_array_equal(ours["weight"].numpy(), theirs["weight"].numpy())
    name = url.rpartition("/")[2]
    assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
