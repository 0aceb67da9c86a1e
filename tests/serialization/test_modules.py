"""Whole modules in minidl's own files: they come back, and no file makes a program run anything."""
from __future__ import annotations

import functools
import io
import json
import struct
import zlib
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.serialization import LoadError, safe_globals
from minidl.vision import models


class Tied(nn.Module):
    """What a program of the user's may hold: one weight twice, modules in lists, sets, a class, a function."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.out.weight = self.words.weight
        self.register_buffer("graph", minidl.eye(5).to_sparse_csr())
        self.layers, self.names, self.norm, self.whole = [self.out], {"a", "b"}, nn.LayerNorm, {"self": self}
        self.act, self.make = nn.functional.gelu, functools.partial(nn.LayerNorm, eps=1e-6)

    def forward(self, rows: Any) -> Any:
        return self.graph @ self.act(self.out(self.words(rows)))


class Config:
    def __init__(self) -> None:
        self.lr, self.sizes = 0.1, (1, 2)


def saved(value: Any) -> io.BytesIO:
    stream = io.BytesIO()
    minidl.save(value, stream)
    stream.seek(0)
    return stream


def again(value: Any, **how: Any) -> Any:
    return minidl.load(saved(value), **how)


@pytest.mark.parametrize("how", [{}, {"weights_only": False}, {"weights_only": True}], ids=str)
def test_modules_of_minidl_come_back(how: Any) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(1, -2),
                          nn.TransformerEncoderLayer(2, 1, 4, activation="gelu", batch_first=True)).eval()
    model[0].weight.requires_grad_(False)
    loaded = again({"model": model, "epoch": 3}, **how)["model"]
    x = minidl.randn(2, 1, 4, 4)
    assert repr(loaded) == repr(model) and not loaded.training and not loaded[0].weight.requires_grad
    assert (loaded(x) == model(x)).all() and list(loaded.state_dict()) == list(model.state_dict())
    assert isinstance(loaded[0].weight, nn.Parameter) and loaded[0].kernel_size == (3, 3)
    loaded.train()(x).sum().backward()


def test_models_of_vision_and_names_of_files(tmp_path: Any) -> None:
    model = models.mobilenet_v3_small(num_classes=3).eval()
    minidl.save(model, tmp_path / "model.pt")           # in minidl's own format under this name, too
    assert (tmp_path / "model.pt").read_bytes()[1:7] == b"minidl"
    x = minidl.randn(1, 3, 32, 32)
    assert (minidl.load(tmp_path / "model.pt")(x) == model(x)).all()
    with pytest.raises(TypeError, match="holds tensors and plain containers only"):
        minidl.save(model, tmp_path / "model.pt", format="pt")


def test_classes_of_the_users_come_if_they_were_named() -> None:
    model = Tied()
    name = f"{__name__}.Tied"
    for how in ({}, {"weights_only": False}):
        with pytest.raises(LoadError, match=rf"refuses `{name}`.*add_safe_globals\(\[Tied\]\)"):
            again(model, **how)
    with pytest.warns(UserWarning, match=f"left out `{name}`"):
        placeholder = again({"model": model, "epoch": 3}, skip_refused=True)
    assert placeholder["epoch"] == 3 and placeholder["model"].state["_parameters"] == {}
    with safe_globals([Tied]):
        loaded = again(model)
    assert loaded.out.weight is loaded.words.weight and loaded.layers[0] is loaded.out
    assert loaded.whole["self"] is loaded
    assert loaded.names == {"a", "b"} and loaded.norm is nn.LayerNorm and loaded.make(3).eps == 1e-6
    rows = minidl.tensor([0, 1, 2, 3, 4])
    assert (loaded(rows) == model(rows)).all() and loaded.graph.layout is minidl.sparse_csr
    with safe_globals([(Tied, "old.place.Tied")]):
        file = saved(model)
        assert type(minidl.load(file)) is Tied


def test_objects_that_are_no_modules() -> None:
    with pytest.raises(TypeError, match="save: obj is a Config"):
        saved(Config())
    with safe_globals([Config]):
        file = saved([Config()])
        assert vars(minidl.load(file)[0]) == {"lr": 0.1, "sizes": (1, 2)}
    file.seek(0)
    with pytest.raises(LoadError, match="refuses `.*Config`"):
        minidl.load(file)


def test_hooks_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda *_: None)
    assert "_hooks" not in vars(again(layer))


def test_what_cannot_be_saved() -> None:
    class Local(nn.Module):
        pass

    with pytest.raises(TypeError, match="save: obj.* is of the class .*Local, which was made in a function"):
        saved({"m": Local()})
    layer = nn.Linear(2, 2)
    layer.extra = [lambda x: x]
    with pytest.raises(TypeError, match=r"save: obj.extra\[0\] is a function, and a file holds no code"):
        saved(layer)


# ---------------------------------------------------------------------- hostile files

def forged(contents: Any) -> io.BytesIO:
    """A file with a good checksum, and these contents."""
    header = json.dumps({"memories": [], "contents": contents}).encode()
    header = header.ljust(-(-(24 + len(header)) // 64) * 64 - 24)
    start = struct.Struct("<8sIIQ")
    checksum = zlib.crc32(header, zlib.crc32(start.pack(b"\x89minidl\n", 1, 0, len(header))))
    return io.BytesIO(start.pack(b"\x89minidl\n", 1, checksum, len(header)) + header)


def module(name: str, **attributes: Any) -> Any:
    state = {"training": True, "_parameters": {"dict": []}, "_buffers": {"dict": []}, "_modules": {"dict": []},
             "_non_persistent_buffers_set": {"set": []}, **attributes}
    return {"object": [name, {"dict": [[key, value] for key, value in state.items()]}]}


def test_a_forged_file_may_hold_a_module() -> None:
    assert isinstance(minidl.load(forged(module("minidl.nn.flatten.Flatten", start_dim=1, end_dim=2))), nn.Flatten)


HOSTILE = [
    (module("os.system"), "refuses `os.system`"), (module("builtins.eval"), "refuses `builtins.eval`"),
    (module("minidl.nn.os.system"), "refuses `minidl.nn.os.system`"),
    (module("minidl.nn.functional.relu"), "refuses `minidl.nn.functional.relu`"),
    (module("minidl.nn.parameter.Parameter"), "refuses `minidl.nn.parameter.Parameter`"),
    (module("minidl.nn.linear.Module"), "refuses `minidl.nn.linear.Module`"),       # defined elsewhere
    (module("minidl.nn.linear.Linear.forward"), "refuses `minidl.nn.linear.Linear.forward`"),
    (module("minidl.nn.linear.../x.Y"), "refuses"), (module("minidl.serialization.files.File"), "refuses"),
    (module("minidl.nn.flatten.Flatten", _modules={"dict": [["0", 5]]}), "a int in _modules"),
    (module("minidl.nn.flatten.Flatten", _parameters={"dict": [["w", "x"]]}), "a str in _parameters"),
    (module("minidl.nn.flatten.Flatten", _buffers=[]), "treat a list as a dict"),
    (module("minidl.nn.flatten.Flatten", training="yes"), "without the attributes of a module"),
    ({"object": ["minidl.nn.flatten.Flatten", {"dict": []}]}, "without the attributes of a module"),
    ({"object": ["minidl.nn.flatten.Flatten"]}, ""), ({"object": [5, {"dict": []}]}, "treat a int as a str"),
    ({"function": "os"}, "refuses the function 'os'"), ({"function": "__import__"}, "refuses the function"),
    ({"function": "Tensor"}, "refuses the function"), ({"class": "os.system"}, "refuses `os.system`"),
    ({"partial": ["print", [], {"dict": []}]}, "a partial of what is no function"), ({"again": 3}, ""),
    ({"again": -1}, ""), ({"set": [{"dict": []}]}, "no plain value in a set"),
    ({"run": "x"}, "'run', which minidl does"),
    ({"sparse": [1, 2, 3, True, "sparse_coo", [1, 1]]}, ""), ({"sparse": [[[0]], [1.0], [1], True, "os", [1]]}, ""),
]


@pytest.mark.parametrize("contents, text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files(contents: Any, text: str) -> None:
    for how in ({}, {"weights_only": False}):
        with pytest.raises(LoadError, match=text):
            minidl.load(forged(contents), **how)
