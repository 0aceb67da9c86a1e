"""Every valid file is taken for what it is, and of others it is said what they are."""
from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl.serialization import LoadError, kinds
from minidl.serialization.files import File
from tests.serialization.test_torch_files import archive, needs_torch, saved, torch

STATE = {"w": minidl.arange(6.0).reshape(2, 3)}


def contents(format: str, obj: Any = STATE) -> bytes:
    stream = io.BytesIO()
    minidl.save(obj, stream, format=format)
    return stream.getvalue()


def kind_of(data: bytes) -> str:
    with File(io.BytesIO(data)) as file:
        return kinds.kind_of(file)


def load(data: bytes, **kwargs: Any) -> Any:
    return minidl.load(io.BytesIO(data), **kwargs)


def with_header_of(length: int) -> bytes:
    """A safetensors file whose header has this length: it may be filled up with spaces."""
    text = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    return length.to_bytes(8, "little") + text.ljust(length) + np.array([1, 2], "<f4").tobytes()


def test_safetensors_with_headers_of_every_length() -> None:
    """One in 32 begins with 80, as a pickle does: lengths are multiples of 8, as a rule."""
    for length in [*range(64, 64 + 512), 0x8002, 0x8980, 0x4E93, 0x4B50]:
        loaded = load(with_header_of(length))
        assert list(loaded) == ["w"] and loaded["w"].tolist() == [1, 2]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.integers(2, 100_000_000),
                 st.binary(min_size=4, max_size=4).map(lambda b: int.from_bytes(b, "little"))))
def test_the_length_of_a_header_never_hides_its_kind(length: int) -> None:
    if length <= 100_000_000:
        assert kind_of(length.to_bytes(8, "little") + b'{"w":') == "safetensors"


@pytest.mark.parametrize("beginning",
                         [b"PK\x03\x04", b"\x80\x02\x8a\x04", b"\x80\x04\x95\x05", b"\x1f\x8b\x08\x00",
                          b"\x08\x07\x12\x05", b"<htm"[:3] + b"\x01", b"BZh\x05", b"GGU\x04"])
def test_headers_whose_length_looks_like_another_kind(beginning: bytes) -> None:
    assert kind_of(beginning + bytes(4) + b'{"w":{') == "safetensors"


@pytest.mark.parametrize("format, kind",
                         [("minidl", "minidl"), ("pt", "zip"), ("npz", "zip"), ("safetensors", "safetensors")])
def test_what_is_saved(format: str, kind: str) -> None:
    for obj in (STATE, {}):
        assert kind_of(contents(format, obj)) == kind
        assert list(load(contents(format, obj))) == list(obj)       # also when there is nothing in it


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_streams_of_pytorch_of_every_protocol(protocol: int) -> None:
    start = pickle.dumps(0x1950A86A20F9469CFC6C, protocol)
    assert kind_of(start) == "pt stream" and start[3] > 5       # so it is the length of no header


def test_names_of_arrays_do_not_matter() -> None:
    state = {"archive/data.pkl": minidl.ones(1), "a/code/b": minidl.ones(2), "constants.pkl": minidl.ones(3)}
    assert list(load(contents("npz", state))) == list(state)


@needs_torch
def test_names_of_files_do_not_matter(tmp_path: Path) -> None:
    for name in ("constants.pkl", "code", "x.npy", "archive_format.pt", "models.json"):
        torch.save({"w": torch.ones(2)}, tmp_path / name)       # PyTorch's archive takes over the name
        assert minidl.load(tmp_path / name)["w"].tolist() == [1, 1]


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        file.addfile(tarfile.TarInfo("weights.pt"))
    return stream.getvalue()


@pytest.mark.parametrize("data, text", [
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n", "a pointer of Git LFS.*git lfs pull"),
    (b"\n <!DOCTYPE html>\n<html><head><title>404 Not\nFound</title>",
     r"a web page \('404 Not\\nFound'\): the download gave"),
    (b"<html lang='en'>", "a web page: the download gave an error"), (b"<?xml version='1.0'?><Error>", "a web page"),
    (b'{"error": "gated"}', "a text in JSON; it begins with"),
    (b'{"metadata": {}, "weight_map": {}}', "index of a model in several"),
    (b"some words", "but a text; it begins with b'some words'"), ("Gewichte für später\n".encode() * 400, "a text"),
    (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file, as Keras writes it"),
    (b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX model"),
    (tar(), "a tar archive: unpack it"),
    (gzip.compress(b"x"), "compressed by gzip"),
    (b"BZh91AY", "compressed by bzip2"),
    (b"\xfd7zXZ\0\0", "compressed by xz"),
    (b"GGUF\x03\0\0\0", "a GGUF file"),
    (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
    (b"\x89PNG\r\n", "an image"), (bytes(100), "nothing but zeros: the download or the copy did not finish"),
    (pickle.dumps(0x1950A86A20F9469CFC6C, 0), "torch.save with pickle_protocol=0 or 1"),
    (b"\x01\x02\x03\xff", r"or damaged; it begins with b'\\x01\\x02\\x03\\xff'"), (b"abc\0def", "or damaged"),
    (b"abcdefgh{", "but a text"),
    (archive({"keras/x": b"", "model.weights.h5": b""}), "it is a model of Keras"),
    (archive({"x/a.pth": b"", "README": b""}),
     "neither of PyTorch nor of NumPy: it holds x/a.pth, README: unpack it, and load 'x/a.pth'"),
    (archive({"w/data.pkl": b"", "w/code/__torch__.py": b""}), "it is a program of TorchScript"),
    (contents("pt")[:-30], "cut off or damaged: a zip archive has its directory at the end, and that is not there"),
], ids=lambda x: x[:30] if isinstance(x, str) else "")
def test_what_is_no_weights_is_named(data: bytes, text: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=text):
        load(data)
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(LoadError, match=r"w\.pth: .*" + text):
        minidl.load(tmp_path / "w.pth", mmap=True)


@needs_torch
@pytest.mark.filterwarnings("ignore")
def test_programs_of_pytorch_are_named(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    with pytest.raises(LoadError, match="a program of TorchScript .* not its weights alone"):
        minidl.load(tmp_path / "script.pt")
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), tmp_path / "program.pt2")
    with pytest.raises(LoadError, match="a program of torch.export, not its weights alone"):
        minidl.load(tmp_path / "program.pt2")


def test_archives_that_were_packed_anew() -> None:
    """Whatever their size: the numbers may be longer than the file."""
    state = {"w": minidl.zeros(10_000)}
    with zipfile.ZipFile(io.BytesIO(contents("pt", state))) as file:
        records = {name: file.read(name) for name in file.namelist()}
    assert load(archive(records))["w"].shape == (10_000,)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(LoadError,
                           match=r"record '.*' is compressed \(deflated, or the like\).* packed anew.* zip -0 -r"):
            load(archive(records, method))
    one = io.BytesIO(archive({name: data for name, data in records.items() if name != "archive/data/0"}))
    with zipfile.ZipFile(one, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data/0", records["archive/data/0"])
    with pytest.raises(LoadError, match="record 'data/0' is compressed"):
        load(one.getvalue())


def test_folders(tmp_path: Path) -> None:
    for name in ("saved/saved_model.pb", "archive/data.pkl", "model/model.safetensors", "model/README.md", "empty/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    for name, text in [("saved", "a SavedModel of TensorFlow"), ("archive", "a file of PyTorch that was unpacked"),
                       ("model", "this is a folder; it holds 'model.safetensors'"), ("empty", "this is a folder: '")]:
        with pytest.raises(IsADirectoryError, match=text):
            minidl.load(tmp_path / name)


def test_missing_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="load: there is no folder 'runs/one': .* has no 'runs'"):
        minidl.load("runs/one/w.pt")
    with pytest.raises(FileNotFoundError, match="No such file or directory: 'w.pt'"):
        minidl.load("w.pt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(contents("minidl"),))
    writer.start()
    assert minidl.load(tmp_path / "pipe")["w"].shape == (2, 3)
    writer.join()


@needs_torch
def test_compressed_streams() -> None:
    with gzip.open(io.BytesIO(gzip.compress(saved({"w": torch.ones(2)})))) as stream:
        assert minidl.load(stream)["w"].tolist() == [1, 1]
