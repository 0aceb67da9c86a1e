"""`minidl.save` and `minidl.load`: what comes back is what was saved, and nothing is lost when saving fails."""
from __future__ import annotations

import io
import os
import stat
from collections import Counter, OrderedDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import nn, optim
from minidl.serialization import LoadError
from tests import strict_array  # noqa: F401  (registers the device "strict")


def through(obj: Any, format: str = "minidl", **kwargs: Any) -> Any:
    """What becomes of `obj` on its way through a file."""
    stream = io.BytesIO()
    minidl.save(obj, stream, format=format)
    stream.seek(0)
    return minidl.load(stream, **kwargs)


def assert_same(a: Any, b: Any) -> None:
    """Equal in value and in type, all the way down."""
    assert type(a) is type(b)
    if isinstance(a, minidl.Tensor):
        assert a.requires_grad == b.requires_grad and a.device == b.device
        assert a.stride() == b.stride() or a.numel() == 0
        assert_same(a.detach().numpy(), b.detach().numpy())
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        for (k, x), (l, y) in zip(a.items(), b.items(), strict=True):
            assert_same(k, l)
            assert_same(x, y)
    elif isinstance(a, (list, tuple)):
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b or a != a and b != b


def network() -> Any:
    minidl.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))


class TestValues:
    @pytest.mark.parametrize("value", [
        None, True, False, 0, -1, 2**100, 1.5, -0.0, 1e-300, float("inf"), float("-inf"), float("nan"),
        "", "text", "é\n\u2028\U0001f600", "\ud800", b"", b"\x00\xff",
        [], (), {}, [1, [2, (3, [4])]], (1,), ((), [()]), OrderedDict(b=1, a=2), Counter([30, 30, 80]),
        {1: "a", "1": "b", None: 0, (1, "x"): [], 2.5: {}}, {"tensor": {"memory": 0}}, {"tuple": [1]},
        np.float64(0.1), np.float32(0.1), np.int8(-3), np.bool_(True),
        minidl.float32, minidl.int64, minidl.bool, minidl.device("cpu"), minidl.device("cuda:1"),
    ], ids=repr)
    def test_plain(self, value: Any) -> None:
        assert_same(through(value), value)
        assert_same(through({"x": [value]}), {"x": [value]})

    @pytest.mark.parametrize("dtype", minidl.backend.dtype.supported, ids=str)
    def test_tensors_of_every_dtype(self, dtype: Any) -> None:
        values = np.array([[0, 1, 3], [7, 0, 100]]).astype(dtype)
        assert_same(through(minidl.tensor(values)), minidl.tensor(values))
        assert_same(through(values), values)

    def test_dtypes_and_sizes(self) -> None:
        value = {"dtype": minidl.uint16, "size": minidl.zeros(2, 3).shape, "numpy": np.dtype("float16")}
        back = through(value)
        assert back["dtype"] is minidl.uint16 and back["numpy"] is minidl.float16
        assert type(back["size"]) is minidl.Size and back["size"] == (2, 3)

    def test_tensors_without_elements_or_dimensions(self) -> None:
        for t in [minidl.tensor(3.0), minidl.ones(0), minidl.ones(2, 0, 3), minidl.arange(6)[3:3], minidl.tensor(True)]:
            assert_same(through(t), t)

    def test_parameters_and_what_requires_grad(self) -> None:
        p, q = nn.Parameter(minidl.ones(2)), nn.Parameter(minidl.arange(2), requires_grad=False)
        leaf = minidl.ones(2, requires_grad=True)
        assert_same(through([p, q, leaf]), [p, q, leaf])
        computed = through(leaf * 2)    # as in PyTorch: a leaf
        assert computed.is_leaf and computed.requires_grad and computed.tolist() == [2.0, 2.0]

    def test_any_strides(self) -> None:
        x = minidl.arange(24.0).reshape(2, 3, 4)
        for view in [x.transpose(0, 2), x[:, 1:, ::2], x[0, 0].expand(5, 4), x.permute(1, 0, 2)[1]]:
            assert_same(through(view), view)

    def test_big_endian_arrays_come_back_native(self) -> None:
        assert_same(through(np.arange(5, dtype=">f8")), np.arange(5, dtype="f8"))

    @pytest.mark.parametrize("format", ["minidl", "pt", "safetensors", "npz"])
    def test_generators_continue(self, format: str) -> None:
        minidl.manual_seed(3)
        minidl.rand(5)
        state = through({"state": minidl.get_rng_state()}, format)["state"]
        expected = minidl.rand(4).tolist()
        minidl.set_rng_state(state)
        assert minidl.rand(4).tolist() == expected

    def test_numpys_generators_continue(self) -> None:
        stream = np.random.default_rng(3)
        assert through(stream).random(3).tolist() == stream.random(3).tolist()


_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=20))
_KEYS = st.one_of(st.integers(), st.text(), st.booleans(), st.none())


@settings(max_examples=100, deadline=None)
@given(st.recursive(_LEAVES, lambda parts: st.one_of(
    st.lists(parts), st.lists(parts).map(tuple), st.dictionaries(_KEYS, parts),
    st.dictionaries(_KEYS, parts).map(OrderedDict)), max_leaves=20))
def test_any_nested_values(value: Any) -> None:
    for format in ("minidl", "pt"):
        assert_same(through(value, format), value)


class TestSharing:
    def test_views_of_one_memory_stay_so(self) -> None:
        x = minidl.arange(12.0).reshape(3, 4)
        y = through({"x": x, "row": x[1], "column": x[:, 2], "again": x})
        y["x"].fill_(7.0)
        assert all((t == 7).all() for t in y.values())

    def test_a_write_is_noticed_by_the_tape(self) -> None:
        w = minidl.ones(3, requires_grad=True)
        a, b = through([w.detach(), w.detach()])
        loss = (w * a).sum()
        b.zero_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()

    def test_tied_weights_are_saved_once(self) -> None:
        model = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 100))
        apart = io.BytesIO()
        minidl.save(model.state_dict(), apart)
        model[1].weight = model[0].weight
        tied = io.BytesIO()
        minidl.save(model.state_dict(), tied)
        assert len(apart.getvalue()) - len(tied.getvalue()) == 40_000

    def test_of_a_large_memory_only_what_is_in_use(self) -> None:
        x = minidl.arange(100_000.0)
        stream = io.BytesIO()
        minidl.save([x[50_001:50_004], x[50_002:50_010]], stream)
        assert len(stream.getvalue()) < 1000
        stream.seek(0)
        a, b = minidl.load(stream)
        assert a.tolist() == [50_001, 50_002, 50_003] and b.tolist()[0] == 50_002
        b[0] = -1.0
        assert a.tolist() == [50_001, -1, 50_003]

    def test_views_of_two_dtypes(self) -> None:
        x = np.arange(8, dtype=np.float32)
        a, b = through([x[1:], x.view(np.int32)[3:]])
        a[2] = 0.0
        assert b[0] == 0

    def test_memory_with_gaps(self) -> None:
        records = np.zeros(3, [("a", "f4"), ("b", "u1")])      # 5 bytes each
        records["a"] = [1, 2, 3]
        assert_same(through(records["a"]), np.array([1, 2, 3], "f4"))

    def test_arrays_whose_axes_lie_in_another_order(self) -> None:
        x = np.empty_like(np.ones((2, 3, 4)).transpose(1, 2, 0))
        x[:] = np.arange(24).reshape(3, 4, 2)
        assert x.base is None and not x.flags.c_contiguous
        y = through(x)
        assert_same(y, x)
        assert y.strides == x.strides


class TestState:
    def test_training_continues_as_if_never_stopped(self, tmp_path: Path) -> None:
        def make() -> Any:
            model = network()
            optimizer = optim.Adam(model.parameters(), lr=0.01)
            return model, optimizer, optim.lr_scheduler.MultiStepLR(optimizer, [1, 4], gamma=0.5)

        def steps(model: Any, optimizer: Any, scheduler: Any, count: int) -> None:
            for _ in range(count):
                optimizer.zero_grad()
                model(minidl.randn(5, 1, 6, 6)).square().sum().backward()
                optimizer.step()
                scheduler.step()

        one = make()
        steps(*one, 3)
        minidl.save({"state": [part.state_dict() for part in one], "rng": minidl.get_rng_state()}, tmp_path / "c")
        steps(*one, 3)
        two = make()
        checkpoint = minidl.load(tmp_path / "c")
        for part, state in zip(two, checkpoint["state"]):
            part.load_state_dict(state)
        minidl.set_rng_state(checkpoint["rng"])
        steps(*two, 3)
        assert_same(two[0].state_dict(), one[0].state_dict())
        assert_same(two[1].state_dict(), one[1].state_dict())
        assert two[2].get_last_lr() == one[2].get_last_lr()

    @pytest.mark.parametrize("format", ["minidl", "pt", "safetensors", "npz"])
    def test_a_model_from_every_format(self, format: str, tmp_path: Path) -> None:
        model = network()
        model(minidl.randn(5, 1, 6, 6))
        minidl.save(model.state_dict(), tmp_path / "weights", format=format)
        minidl.manual_seed(1)
        other = nn.Sequential(*[type(m)(*a) for m, a in zip(model, [(1, 3, 3), (3,), (), (), (48, 4)])])
        assert repr(other.load_state_dict(minidl.load(tmp_path / "weights"))) == "<All keys matched successfully>"
        assert_same(other.state_dict(), model.state_dict())

    def test_a_failed_load_leaves_the_model_alone(self, tmp_path: Path) -> None:
        model = network()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        minidl.save({name: value + 1 for name, value in before.items()}, tmp_path / "w")
        data = bytearray((tmp_path / "w").read_bytes())
        data[-1 - 64] ^= 1
        (tmp_path / "w").write_bytes(data)
        with pytest.raises(LoadError, match="its data are damaged"):
            model.load_state_dict(minidl.load(tmp_path / "w"))
        assert_same(dict(model.state_dict()), before)


class TestRefused:
    Point = namedtuple("Point", "x y")

    @pytest.mark.parametrize("value, text", [
        ({"a": [1, optim.SGD([minidl.ones(1)])]}, r"obj\['a'\]\[1\] is a SGD, .* plain containers only, never code; "
                                                  r"save its state instead: .*state_dict"),
        ({"f": print}, r"obj\['f'\] is a builtin_function_or_method, and a file holds tensors and plain"),
        ([object], r"obj\[0\] is a type"),
        (defaultdict(list), "obj is a defaultdict.*make it a plain dict first"),
        (Point(1, 2), "obj is a Point.*make it a plain tuple first"),
        (np.array([None]), "obj is an array of object"),
        ({"s": np.array(["a"])}, r"obj\['s'\] is an array of <U1"),
        ({1, 2}, "obj is a set"),
        (1j, "obj is a complex"),
        ({minidl.tensor(1): 2}, r"a dict has tensor\(1\) as a key"),
        ({(0, minidl.tensor(1)): 2}, r"a dict has \(0, tensor\(1\)\) as a key"),
        (np.random.Generator(np.random.MT19937()), "obj is a Generator"),
    ], ids=lambda v: v[:30] if isinstance(v, str) else type(v).__name__)
    def test_what_no_file_holds(self, value: Any, text: str, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"old")
        for format in ("minidl", "pt"):
            with pytest.raises(TypeError, match=text if format == "minidl" else "^save: "):
                minidl.save(value, tmp_path / "f", format=format)
        assert (tmp_path / "f").read_bytes() == b"old" and os.listdir(tmp_path) == ["f"]

    def test_containers_that_contain_themselves(self) -> None:
        endless: list[Any] = []
        endless.append(endless)
        for format in ("minidl", "pt"):
            with pytest.raises(ValueError, match="contains itself"):
                minidl.save(endless, io.BytesIO(), format=format)

    def test_nested_state_in_flat_formats(self) -> None:
        for format in ("npz", "safetensors"):
            for value in ({"a": {"b": minidl.ones(1)}}, [minidl.ones(1)], {1: minidl.ones(1)}):
                with pytest.raises(TypeError, match=r"holds tensors by name only|expected a dict of tensors"):
                    minidl.save(value, io.BytesIO(), format=format)

    def test_arguments(self) -> None:
        with pytest.raises(ValueError, match="format is one of minidl, pt, npz, safetensors, but got 'pickle'"):
            minidl.save({}, io.BytesIO(), format="pickle")
        with pytest.raises(ValueError, match="must be a file path in order to use the mmap argument"):
            minidl.load(io.BytesIO(), mmap=True)
        with pytest.raises(TypeError, match="expected a path or a binary stream, but got int"):
            minidl.load(3)
        with pytest.raises(TypeError, match="open it with mode 'rb'"):
            minidl.load(io.StringIO("text"))

    def test_files_of_no_known_kind(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            minidl.load(tmp_path / "nothing")
        with pytest.raises(LoadError, match="the stream: it is empty; .* must be rewound"):
            minidl.load(io.BytesIO())
        (tmp_path / "text.txt").write_text("some words")
        with pytest.raises(LoadError, match=r"text\.txt: it is no file that minidl knows .* begins with b'some words'"):
            minidl.load(tmp_path / "text.txt")

    def test_a_machine_of_the_other_byte_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.BytesIO()
        minidl.save(minidl.ones(2), stream)
        monkeypatch.setattr("sys.byteorder", "big")
        with pytest.raises(RuntimeError, match="little-endian"):
            minidl.save(minidl.ones(2), io.BytesIO())
        stream.seek(0)
        with pytest.raises(RuntimeError, match="little-endian"):
            minidl.load(stream)


class TestWriting:
    @pytest.mark.parametrize("format", ["minidl", "pt", "safetensors", "npz"])
    @pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
    def test_the_old_file_survives_a_failure(self, format: str, fails: str, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "weights"
        minidl.save({"w": minidl.ones(2)}, path, format=format)
        old = path.read_bytes()
        if fails == "write":
            class Full(io.FileIO):
                def write(self, data: Any) -> int:
                    raise OSError("No space left on device")
            monkeypatch.setattr("builtins.open", lambda path, mode: Full(path, mode))
        else:
            def fail(*_: Any) -> None:
                raise OSError("No space left on device")
            monkeypatch.setattr(os, fails, fail)
        with pytest.raises(OSError, match="No space left on device"):
            minidl.save({"w": minidl.zeros(2)}, path, format=format)
        monkeypatch.undo()
        assert path.read_bytes() == old and os.listdir(tmp_path) == ["weights"]

    def test_an_interrupt_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        minidl.save(1, tmp_path / "f")

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            minidl.save(2, tmp_path / "f")
        assert minidl.load(tmp_path / "f") == 1 and os.listdir(tmp_path) == ["f"]

    def test_all_is_on_the_disk_before_the_name_moves(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []
        fsync, replace = os.fsync, os.replace

        def note_fsync(handle: int) -> None:
            calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size)
            fsync(handle)

        def note_replace(source: str, target: str) -> None:
            assert os.path.dirname(source) == os.path.dirname(target)
            calls.append("replace")
            replace(source, target)
        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(os, "replace", note_replace)
        minidl.save(minidl.ones(100), tmp_path / "f")
        assert calls[:2] == [(tmp_path / "f").stat().st_size, "replace"]
        assert os.name != "posix" or calls[2:] == ["folder"]

    @pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
    def test_modes_and_links(self, tmp_path: Path) -> None:
        umask = os.umask(0o027)
        try:
            minidl.save(1, tmp_path / "new")
        finally:
            os.umask(umask)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
        os.chmod(tmp_path / "new", 0o600)
        os.symlink("new", tmp_path / "link")
        minidl.save(2, tmp_path / "link")
        assert (tmp_path / "link").is_symlink() and minidl.load(tmp_path / "new") == 2
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
        minidl.save(3, os.devnull)
        assert not os.path.isfile(os.devnull)
        with pytest.raises(IsADirectoryError):
            minidl.save(4, tmp_path)

    def test_paths_of_all_kinds(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for f in ["plain", Path("path"), str(tmp_path / "absolute"), "ä b.pt"]:
            minidl.save({"f": str(f)}, f)
            assert minidl.load(f) == {"f": str(f)}
        with open("opened", "wb") as stream:
            minidl.save(5, stream)
        with open("opened", "rb") as stream:
            assert minidl.load(stream) == 5

    def test_a_mapped_file_may_be_replaced(self, tmp_path: Path) -> None:
        minidl.save({"w": minidl.ones(1000)}, tmp_path / "f")
        old = minidl.load(tmp_path / "f", mmap=True)["w"]
        minidl.save({"w": minidl.zeros(1000)}, tmp_path / "f")
        assert old.sum().item() == 1000


class TestMapped:
    @pytest.mark.parametrize("format", ["minidl", "pt", "safetensors"])
    def test_what_is_written_into_tensors_does_not_reach_the_file(self, format: str, tmp_path: Path) -> None:
        state = {"a": minidl.arange(5.0), "b": minidl.arange(3)}
        minidl.save(state, tmp_path / "f", format=format)
        before = (tmp_path / "f").read_bytes()
        loaded = minidl.load(tmp_path / "f", mmap=True)
        assert_same(loaded, state)
        loaded["a"].add_(1)
        assert loaded["a"].tolist() == [1, 2, 3, 4, 5]
        del loaded
        assert (tmp_path / "f").read_bytes() == before


class TestMapLocation:
    def saved(self, device: str) -> io.BytesIO:
        x = minidl.arange(6.0).to(device)
        stream = io.BytesIO()
        minidl.save({"x": x, "p": nn.Parameter(minidl.ones(2)), "array": np.ones(2)}, stream)
        stream.seek(0)
        return stream

    @pytest.mark.parametrize("map_location, expected", [
        (None, ("strict", "cpu")), ("cpu", ("cpu", "cpu")), (minidl.device("strict"), ("strict", "strict")),
        ({"strict": "cpu"}, ("cpu", "cpu")), ({"cpu": "strict"}, ("strict", "strict")), ({}, ("strict", "cpu")),
        (lambda storage, location: storage, ("cpu", "cpu")), (lambda storage, location: None, ("strict", "cpu")),
        (lambda storage, location: storage.to("strict"), ("strict", "strict")),
    ])
    def test_as_in_pytorch(self, map_location: Any, expected: Any) -> None:
        loaded = minidl.load(self.saved("strict"), map_location)
        assert (str(loaded["x"].device), str(loaded["p"].device)) == expected
        assert loaded["x"].cpu().tolist() == [0, 1, 2, 3, 4, 5] and type(loaded["p"]) is nn.Parameter
        assert type(loaded["array"]) is np.ndarray      # NumPy's stay on the host

    def test_views_share_memory_there_too(self) -> None:
        x = minidl.arange(12.0).reshape(3, 4)
        a, b, c = through([x, x.T[1:], x[1, 2:]], map_location="strict")
        assert b.cpu().tolist() == x.T[1:].tolist() and c.cpu().tolist() == [6, 7]
        a.zero_()
        assert not b.cpu().any() and not c.cpu().any()

    def test_devices_that_are_not_there(self) -> None:
        stream = self.saved("strict")
        for wanted in ("cuda", "mps", {"strict": "cuda:3"}, lambda storage, location: 1 / 0):
            stream.seek(0)
            if wanted == "cuda" and minidl.cuda.is_available():
                continue
            with pytest.raises(LoadError, match="try map_location='cpu'"):
                minidl.load(stream, wanted)
