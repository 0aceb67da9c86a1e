"""Loading without what is refused: the rest is right, what was left out is named, and nothing runs."""
from __future__ import annotations

import argparse
import collections
import functools
import io
import os
import pathlib
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.serialization import LoadError, Refused
from tests.serialization.test_numpy_files import savez
from tests.serialization.test_safetensors import entry, file
from tests.serialization.test_torch_files import (
    LAYOUTS,
    LEGACY_START,
    MARKER,
    Harmful,
    layout,
    load,
    needs_torch,
    saved,
    tensor,
    torch,
    with_pickle,
)


class Config:
    def __init__(self) -> None:
        self.lr = 0.1
        self.frozen = ("stem",)


class Dict(dict):  # type: ignore[type-arg]
    pass


def skipped(data: bytes) -> tuple[Any, str]:
    """What is loaded without the refused, and the warning."""
    with pytest.warns(UserWarning, match="^the stream: left out ") as notes:
        value = load(data, skip_refused=True)
    note, = notes
    return value, str(note.message)


@needs_torch
@pytest.mark.parametrize("name", LAYOUTS)
class TestBesideWeights:
    CASES = [
        (lambda: argparse.Namespace(lr=0.1), "argparse.Namespace"),
        (Config, r"tests\.serialization\.test_refused\.Config"),
        (lambda: functools.partial(max, 1), "functools.partial"),
        (lambda: np.array([1, None]), r"numpy\..*_reconstruct"),
        (lambda: np.float64(0.5), r"numpy\..*scalar"),
        (lambda: collections.defaultdict(list, a=[1]), "collections.defaultdict"),
        (lambda: {1, 2}, "__builtin__.set"),
        (lambda: frozenset([1]), "__builtin__.frozenset"),
        (lambda: 1j, r"\w+.complex"),
        (lambda: pathlib.PurePosixPath("a"), r"pathlib.*PurePosixPath"), (lambda: Dict(a=1), r"tests.*Dict"),
        (lambda: torch.bfloat16, "torch.bfloat16"),
        (lambda: max, r"\w+.max"),
        (lambda: ValueError("x"), r"\w+.ValueError"),
        (lambda: torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"), (lambda: Config, r"tests.*Config"),
    ]

    @pytest.mark.parametrize("make, refused", CASES, ids=[refused for _, refused in CASES])
    def test_the_weights_are_loaded(self, make: Any, refused: str, name: str) -> None:
        data = saved({"epoch": 3, "args": ["a", (make(),)], "model": {"w": torch.arange(3.0)}}, **layout(name))
        with pytest.raises(LoadError, match=rf"refuses `{refused}`: a state dict holds .* Refused: `{refused}` at "
                                            rf"obj\['args'\]\[1\]\[0\]; load\(f, skip_refused=True\) loads all else"):
            load(data)
        value, note = skipped(data)
        assert list(value) == ["epoch", "args", "model"] and value["epoch"] == 3 and value["args"][0] == "a"
        assert value["model"]["w"].tolist() == [0, 1, 2]
        placeholder = value["args"][1][0]
        assert type(placeholder) is Refused and repr(placeholder) == f"<refused: {placeholder.name}>"
        assert note == f"the stream: left out `{placeholder.name}` at obj['args'][1][0]"

    def test_what_it_was_made_of_is_there(self, name: str) -> None:
        data = saved({
            "args": argparse.Namespace(lr=0.1, config=Config()),
            "counts": collections.defaultdict(list, a=[1]),
            "part": functools.partial(max, 1),
            "model": torch.nn.Linear(2, 1),
        }, **layout(name))
        value, note = skipped(data)
        assert note.count(" at ") == 4      # and not what is inside
        assert value["args"].state["lr"] == 0.1
        assert value["args"].state["config"].state == {"lr": 0.1, "frozen": ("stem",)}
        assert value["counts"].arguments[0].name.endswith(".list") and value["counts"].contents == [("a", [1])]
        assert value["part"].arguments[0].name.endswith(".max") and value["part"].state[1] == (1,)
        assert value["model"].state["_parameters"]["weight"].shape == (1, 2)

    def test_in_keys(self, name: str) -> None:
        value, note = skipped(saved({Config: 1, "w": torch.ones(2), (2, Config): 3}, **layout(name)))
        assert len(value) == 3 and value["w"].tolist() == [1, 1] and "Config` at obj (in a key)" in note

    def test_one_thing_in_many_places(self, name: str) -> None:
        config = Config()
        value, note = skipped(saved([config, config, Config()], **layout(name)))
        assert value[0] is value[1] is not value[2]
        assert note.count("Config` at obj[0]") == 1 and "Config` at obj[2]" in note and "obj[1]" not in note

    def test_many(self, name: str) -> None:
        _, note = skipped(saved([Config() for _ in range(15)], **layout(name)))
        assert "Config` at obj[9], and 5 more" in note

    def test_all_of_it(self, name: str) -> None:
        value, note = skipped(saved(Config(), **layout(name)))
        assert value.state == {"lr": 0.1, "frozen": ("stem",)} and note.endswith("Config` at obj")

    def test_nothing(self, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert load(saved({"w": torch.ones(2)}, **layout(name)), skip_refused=True)["w"].tolist() == [1, 1]

    def test_tensors_of_kinds_that_minidl_has_not(self, name: str) -> None:
        theirs = {
            "w": torch.ones(2),
            "sparse": torch.nn.Parameter(torch.eye(2).to_sparse()),
            "meta": torch.ones(2, device="meta"),
        }
        if name != "one stream":        # where numbers of unknown length hide what stands behind them
            theirs |= {"f8": torch.ones(2).to(torch.float8_e8m0fnu)}
        value, note = skipped(saved(theirs, **layout(name)))
        assert value["w"].tolist() == [1, 1] and all(type(value[key]) is Refused for key in theirs if key != "w")
        for key in list(theirs)[1:]:
            assert f" at obj['{key}']" in note


@needs_torch
@pytest.mark.filterwarnings("ignore")
def test_old_streams_with_numbers_of_unknown_length() -> None:
    data = saved({"w": torch.ones(2), "q": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
                 _use_new_zipfile_serialization=False)
    with pytest.raises(LoadError, match="the length of its storage '.*' is not known"):
        load(data, skip_refused=True)


def test_other_formats() -> None:
    value, note = skipped(savez(w=np.ones(2), names=np.array(["a"]), objects=np.array([{}]), t=np.ones(2, "M8[s]")))
    assert value["w"].tolist() == [1, 1]
    assert note == ("the stream: left out `array of <U1` at obj['names'], `array of object` at obj['objects'], "
                    "`array of datetime64[s]` at obj['t']")
    with pytest.raises(LoadError, match=r"array of object.* It stands at obj\['o'\]; load\(f, skip_refused=True\)"):
        load(savez(o=np.array([{}])))
    data = file({"f8": entry("F8_E8M0", [2], 0, 2), "w": entry("U8", [1], 2, 3)}, bytes([1, 2, 3]))
    value, note = skipped(data)
    assert value["w"].tolist() == [3] and note == "the stream: left out `tensor of F8_E8M0` at obj['f8']"
    with pytest.raises(LoadError, match=r"a tensor of F8_E8M0.* It stands at obj\['f8'\]"):
        load(data)


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("harm", [
    Harmful(print, MARKER), Harmful(eval, f"print({MARKER!r})"), Harmful(os.system, f"echo {MARKER}"),
    Harmful(getattr, Harmful(__import__, "os"), "system"), [Harmful(exec, f"print({MARKER!r})")],
    Harmful(collections.defaultdict, print), Harmful(functools.partial, print, MARKER),
], ids=range(7))
def test_nothing_runs(harm: Any, protocol: int, capfd: Any) -> None:
    value, _ = skipped(with_pickle(pickle.dumps({"w": [1.5], "harm": harm}, protocol)))
    assert value["w"] == [1.5] and MARKER not in capfd.readouterr().out


@pytest.mark.parametrize("pickled", [
    b"cos\nsystem\nX\x04\0\0\0echo\x85R)R",
    b"cos\nsystem\n)\x81}b",
    b"cos\nsystem\n)R(K\x01e",
    b"cos\nsystem\n(K\x01K\x02u",
    b"cos\nsystem\nQ", b"X\x07\0\0\0storagecos\nsystem\nNNN(tQ", b"ccollections\nOrderedDict\ncos\nsystem\n\x85R",
    b"ctorch\nSize\ncos\nsystem\n\x85R",
    b"c_codecs\nencode\ncos\nsystem\nX\x06\0\0\0latin1\x86R",
    b"cos\nsystem\nq\0h\0\x85R",
    b"]q\0cos\nsystem\n(h\0h\0e", b"cos\nsystem\nq\0h\0b", b"ccollections\nOrderedDict\n)Rcos\nsystem\nb",
    b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\ncos\npopen\nX\x04\0\0\0echo\x85NtR",
    b"ctorch._utils\n_rebuild_parameter\ncos\nsystem\n\x89}\x87R", b"cos\nsystem\ncos\nsystem\n\x93",
    tensor()[2:-1].replace(b"ctorch\nFloatStorage\n", b"cos\nsystem\n"), tensor(offset="cos\nsystem\n")[2:-1],
    b"K\x01cos\nsystem\n\x81", b"cos\nsystem\n\x81",
], ids=repr)
def test_programs_that_use_what_is_refused(pickled: bytes, capfd: Any) -> None:
    """Whatever they do with it: a placeholder or an error."""
    for data in (with_pickle(b"\x80\x02" + pickled + b"."), LEGACY_START + b"\x80\x02" + pickled + b"."):
        with pytest.raises(LoadError, match="^the stream: "):
            load(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load(data, skip_refused=True)
            except LoadError:
                pass
    assert capfd.readouterr() == ("", "")


def test_attributes_that_are_dropped_are_no_loss() -> None:
    """An OrderedDict's attributes are never loaded. Still, by default the file is refused."""
    data = with_pickle(b"\x80\x02ccollections\nOrderedDict\n)Rcos\nsystem\nb.")
    with pytest.raises(LoadError, match=r"refuses `os.system`.* Refused: what is not loaded anyway"):
        load(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(data, skip_refused=True) == {}


def test_a_placeholder_cannot_be_saved() -> None:
    with pytest.raises(TypeError, match=r"obj\['args'\] is a Refused"):
        minidl.save({"args": Refused("argparse.Namespace")}, io.BytesIO())
