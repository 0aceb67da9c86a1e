"""PyTorch's files: its weights come here and go there, and no file makes anything run."""
from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import warnings
import zipfile
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.backend.narrow import FLOAT8
from minidl.serialization import LoadError
from tests.serialization.test_interface import assert_same

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def saved(obj: Any, **kwargs: Any) -> bytes:
    """By PyTorch."""
    stream = io.BytesIO()
    torch.save(obj, stream, **kwargs)
    return stream.getvalue()


def written(obj: Any) -> bytes:
    """By minidl, in PyTorch's format."""
    stream = io.BytesIO()
    minidl.save(obj, stream, format="pt")
    return stream.getvalue()


def load(data: bytes, **kwargs: Any) -> Any:
    return minidl.load(io.BytesIO(data), **kwargs)


def records(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, data in contents.items():
            file.writestr(name, data)
    return stream.getvalue()


def network(library: Any) -> Any:
    layers = library.nn
    return layers.Sequential(
        layers.Conv2d(2, 4, 3, padding=1), layers.BatchNorm2d(4), layers.ReLU(), layers.MaxPool2d(2),
        layers.Conv2d(4, 6, 3, groups=2, bias=False), layers.GroupNorm(3, 6), layers.Flatten(), layers.Linear(24, 5),
        layers.LayerNorm(5), layers.PReLU())


LAYOUTS = ["zip", "zip, pickle protocol 4", "one stream"]


def layout(name: str) -> dict[str, Any]:
    return {"zip": {}, "zip, pickle protocol 4": {"pickle_protocol": 4},
            "one stream": {"_use_new_zipfile_serialization": False}}[name]


@needs_torch
class TestFromPyTorch:
    @pytest.mark.parametrize("name", LAYOUTS)
    def test_a_network_gives_the_same_outputs(self, name: str) -> None:
        torch.manual_seed(0)
        theirs = network(torch)
        theirs(torch.randn(4, 2, 8, 8))     # moves the running statistics
        theirs.eval()
        ours = network(minidl).eval()
        ours.load_state_dict(load(saved(theirs.state_dict(), **layout(name))))
        x = np.random.default_rng(0).normal(size=(3, 2, 8, 8)).astype(np.float32)
        np.testing.assert_allclose(ours(minidl.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(),
                                   rtol=1e-4, atol=1e-5)
        for key, value in ours.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), theirs.state_dict()[key].numpy())

    @pytest.mark.parametrize("name", LAYOUTS)
    def test_optimizer_state_continues(self, name: str) -> None:
        def step(library: Any, p: Any, optimizer: Any, value: float) -> None:
            p.grad = library.full((3,), value)
            optimizer.step()
        p = torch.nn.Parameter(torch.ones(3))
        theirs = torch.optim.Adam([p], lr=0.1, amsgrad=True)
        for i in range(3):
            step(torch, p, theirs, 1.0 + i)
        checkpoint = load(saved({"p": p, "optimizer": theirs.state_dict(), "epoch": 3}, **layout(name)))
        q = checkpoint["p"]
        assert type(q) is nn.Parameter and checkpoint["epoch"] == 3
        ours = optim.Adam([q], amsgrad=True)
        ours.load_state_dict(checkpoint["optimizer"])
        step(torch, p, theirs, -2.0)
        step(minidl, q, ours, -2.0)
        np.testing.assert_allclose(q.detach().numpy(), p.detach().numpy(), rtol=1e-6)

    @pytest.mark.parametrize("name", LAYOUTS)
    def test_values_of_all_kinds(self, name: str) -> None:
        x = torch.arange(12.0).reshape(3, 4)
        theirs = {
            "t": x, "view": x[1:, ::2], "transposed": x.T, "empty": torch.zeros(0, 3), "number": torch.tensor(3),
            "leaf": torch.ones(2, requires_grad=True), "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
            "buffer": torch.nn.Buffer(torch.ones(2)), "size": x.shape, "dtype": torch.int64,
            "device": torch.device("cpu"), "list": [1, -1, 255, 65536, 2**40, -2**70, 1.5, float("inf")],
            "texts": ["", "é", b"", b"\x00\xfe"],
            "nothing": [None, True, False, (), [], {}, (1,), (1, 2), (1, 2, 3, 4)],
            "ordered": collections.OrderedDict(b=1, a=2), "counter": collections.Counter([1, 1]), 5: {None: 1},
            **{str(dtype): torch.tensor([0, 1]).to(dtype)
               for dtype in (torch.float64, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8,
                             torch.uint8, torch.bool, torch.uint16, torch.uint32, torch.uint64)},
        }
        ours = load(saved(theirs, **layout(name)))
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            mine = ours[key]
            if isinstance(value, torch.Tensor):
                assert str(value.dtype) == f"torch.{mine.dtype}" and mine.requires_grad == value.requires_grad
                assert mine.tolist() == value.tolist() and type(mine).__name__ in (type(value).__name__, "Tensor")
                assert mine.stride() == value.stride() or not mine.numel()
        assert ours["size"] == (3, 4) and ours["dtype"] == minidl.int64 and ours["device"] == minidl.device("cpu")
        for key in ("list", "texts", "nothing", "ordered", "counter", 5):
            assert_same(ours[key], theirs[key])
        ours["t"].zero_()
        assert not ours["view"].any() and not ours["transposed"].any()      # still one memory

    @pytest.mark.parametrize("name", LAYOUTS)
    def test_bfloat16_is_widened_with_a_note(self, name: str) -> None:
        x = torch.tensor([1.0, -2.5, 3e38, float("inf"), 1e-40]).bfloat16()
        with pytest.warns(UserWarning, match="bfloat16 tensors became float32, which holds all their values") as notes:
            a, b = load(saved([x, x[1:]], **layout(name)))
        assert len(notes) == 1 and a.dtype == minidl.float32
        assert a.tolist() == x.float().tolist() and b.tolist() == x[1:].float().tolist()
        a.zero_()
        assert not b.any()

    @pytest.mark.parametrize("dtype", ["float32", "int64", "int16", "bool", "bfloat16", "float64"])
    def test_big_endian_files(self, dtype: str) -> None:
        x = torch.tensor([1.0, 0.0, 3.0]).to(getattr(torch, dtype))
        contents = records(saved(x))
        size = x.element_size()
        number = contents["archive/data/0"]
        contents["archive/data/0"] = b"".join(number[i:i + size][::-1] for i in range(0, len(number), size))
        contents["archive/byteorder"] = b"big"
        swapped = archive(contents)
        assert torch.load(io.BytesIO(swapped)).tolist() == x.tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert load(swapped).tolist() == x.tolist()

    def test_from_a_path_and_mapped(self, tmp_path: Any) -> None:
        torch.save({"w": torch.arange(5.0)}, tmp_path / "w.pth")
        for mmap in (False, True):
            assert minidl.load(tmp_path / "w.pth", mmap=mmap)["w"].tolist() == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("make, text", [
        (lambda: torch.nn.Linear(2, 2),
         "refuses `torch.nn.modules.linear.Linear`: a state dict holds tensors and plain"),
        (lambda: {"f": os.system}, "refuses `posix.system`|refuses `nt.system`"),
        (lambda: [np.float64(1)], "refuses `numpy"),
        (lambda: {1}, "refuses `__builtin__.set`|refuses the pickle instruction EMPTY_SET"),
        (lambda: torch.bfloat16, "refuses `torch.bfloat16`"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
         "refuses `torch._utils._rebuild_qtensor`"),
        (lambda: torch.ones(2, 2).to_sparse(), "refuses `torch._utils._rebuild_sparse_tensor`"),
        (lambda: torch.ones(2).to(torch.float8_e8m0fnu), "refuses `torch.float8_e8m0fnu`"),
        (lambda: torch.ones(2).untyped_storage(), "refuses a bare (Typed|Unread)Storage"),
        (lambda: torch.ones(2, dtype=torch.complex64).conj(),
         r"conjugated or negated on reading; save x.resolve_conj\(\)"),
        (lambda: collections.defaultdict(list), "refuses `collections.defaultdict`"),
        (lambda: [torch.Tensor], "refuses a bare Callee where a tensor or a plain value belongs"),
    ])
    @pytest.mark.parametrize("name", LAYOUTS)
    @pytest.mark.filterwarnings("ignore")
    def test_refused(self, make: Any, text: str, name: str) -> None:
        with pytest.raises(LoadError, match=text):
            load(saved(make(), **layout(name)))

    def test_every_cut_is_noticed(self) -> None:
        for name in LAYOUTS:
            data = saved({"w": torch.arange(6.0), "b": torch.ones(2)}, **layout(name))
            for length in range(len(data)):
                with pytest.raises(LoadError, match="^the stream: "):
                    load(data[:length])

    def test_every_flipped_byte_is_noticed_or_without_meaning(self) -> None:
        """A zip archive has bytes that nobody reads, such as dates."""
        state = {"w": torch.arange(6.0), "b": torch.ones(2)}
        data = saved(state)
        noticed = 0
        for i in range(len(data)):
            damaged = bytearray(data)
            damaged[i] ^= 0xFF
            try:
                loaded = load(bytes(damaged))
            except LoadError:
                noticed += 1
            else:
                assert {key: value.tolist() for key, value in loaded.items()} == \
                    {key: value.tolist() for key, value in state.items()}
        pickled = records(data)["archive/data.pkl"]
        assert noticed > len(pickled) + 6 * 4


@needs_torch
class TestToPyTorch:
    def test_a_network_gives_the_same_outputs(self, tmp_path: Any) -> None:
        minidl.manual_seed(0)
        ours = network(minidl)
        ours(minidl.randn(4, 2, 8, 8))
        ours.eval()
        minidl.save(ours.state_dict(), tmp_path / "w.pt", format="pt")
        x = np.random.default_rng(0).normal(size=(3, 2, 8, 8)).astype(np.float32)
        for options in ({}, {"mmap": True}, {"map_location": "cpu"}, {"weights_only": False}):
            theirs = network(torch).eval()
            theirs.load_state_dict(torch.load(tmp_path / "w.pt", **options))
            np.testing.assert_allclose(ours(minidl.tensor(x)).detach().numpy(),
                                       theirs(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-5)

    def test_optimizer_state(self) -> None:
        p = nn.Parameter(minidl.ones(3))
        ours = optim.SGD([p], lr=0.1, momentum=0.9)
        p.grad = minidl.ones(3)
        ours.step()
        q = torch.nn.Parameter(torch.ones(3))
        theirs = torch.optim.SGD([q], lr=0.5)
        theirs.load_state_dict(torch.load(io.BytesIO(written(ours.state_dict()))))
        assert theirs.param_groups[0]["lr"] == 0.1
        assert theirs.state[q]["momentum_buffer"].tolist() == [1, 1, 1]

    def test_values_of_all_kinds(self) -> None:
        x = minidl.arange(12.0).reshape(3, 4)
        ours = {
            "t": x, "view": x[1:, ::2], "transposed": x.T, "empty": minidl.zeros(0, 3), "number": minidl.tensor(3),
            "leaf": minidl.ones(2, requires_grad=True), "p": nn.Parameter(minidl.ones(2), requires_grad=False),
            "plain": [1, -1, 2**40, -2**70, 0, 1.5, "é", b"\x00\xfe", None, True, (), [], {}, ((1,), [2])],
            "ordered": collections.OrderedDict(b=1, a=2), "counter": collections.Counter([1, 1]), 5: {None: 1},
            "dtype": minidl.float64, "device": minidl.device("cpu"), "expanded": minidl.ones(1).expand(3),
            **{str(dtype): minidl.tensor([0, 1]).to(dtype) for dtype in minidl.backend.dtype.supported},
        }
        theirs = torch.load(io.BytesIO(written(ours)))
        assert list(theirs) == list(ours)
        for key, value in ours.items():
            if isinstance(value, minidl.Tensor):
                assert theirs[key].tolist() == value.tolist() and theirs[key].requires_grad == value.requires_grad
                assert str(theirs[key].dtype) == f"torch.{value.dtype}"
        assert isinstance(theirs["p"], torch.nn.Parameter)
        assert theirs["dtype"] is torch.float64 and theirs["device"] == torch.device("cpu")
        for key in ("plain", "ordered", "counter", 5):
            assert_same(theirs[key], ours[key])
        theirs["t"].zero_()
        assert not theirs["view"].any() and not theirs["transposed"].any()

    def test_what_pytorch_does_not_load(self) -> None:
        backwards = minidl.from_numpy(np.arange(3)[::-1])
        for value, text in [(np.ones(2), "obj is a ndarray, which PyTorch refuses to load"),
                            ({"a": [np.float64(1)]}, r"obj\['a'\]\[0\] is a float64, which"),
                            ({"a": backwards}, r"obj\['a'\] runs backwards through its memory")]:
            with pytest.raises(TypeError, match=text):
                written(value)


def test_both_ways_without_pytorch() -> None:
    state = {"w": minidl.arange(6.0).reshape(2, 3), "p": nn.Parameter(minidl.ones(2)), "n": [1, "x", (2.5, None)]}
    assert_same(load(written(state)), state)


# ---------------------------------------------------------------------- files of ill will

def with_pickle(pickled: bytes, data: bytes = bytes(24)) -> bytes:
    return archive({"archive/data.pkl": pickled, "archive/data/0": data, "archive/byteorder": b"little"})


def tensor(offset: str = "K\0", size: str = "K\x02K\x03\x86", stride: str = "K\x03K\x01\x86", key: str = "0",
           count: str = "K\x06") -> bytes:
    """The pickle of a tensor, with the instructions for its parts."""
    text = (f"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
            f"X{chr(len(key))}\0\0\0{key}X\x03\0\0\0cpu{count}tQ{offset}{size}{stride}\x89"
            "ccollections\nOrderedDict\n)RtR.")
    return text.encode("latin1")


def versions(state: Any) -> dict[str, int]:
    return {path: each["version"] for path, each in state._metadata.items()}


def test_versions_of_modules_are_kept() -> None:
    state = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).state_dict()
    assert versions(load(written({"model": state, "epoch": 3}))["model"]) == versions(state) == {"": 1, "0": 1, "1": 2}
    if torch is not None:
        there = torch.load(io.BytesIO(written(state)))
        assert versions(there) == versions(state) and type(there._metadata) is dict
        theirs = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).state_dict()
        for old in (False, True):
            assert versions(load(saved(theirs, _use_new_zipfile_serialization=not old))) == versions(state)


def test_versions_that_are_none_are_left_out() -> None:
    for damaged in ([1], {"": 2}):
        state = collections.OrderedDict(a=1)
        state._metadata = damaged       # type: ignore[attr-defined]
        assert not hasattr(load(archive({"a/data.pkl": pickle.dumps(state, 2), "a/version": b"3"})), "_metadata")


def test_the_harmless_one_loads() -> None:
    assert load(with_pickle(tensor())).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("pickled", [
    tensor(offset="K\x01"), tensor(size="K\x07K\x01\x86"), tensor(stride="K\x04K\x01\x86"),
    tensor(stride="J\xff\xff\xff\xffK\x01\x86"), tensor(offset="J\xff\xff\xff\xff"), tensor(size="K\x02K\x03K\x01\x87"),
    tensor(stride="\x8a\x09\0\0\0\0\0\0\0\0\x01K\x01\x86"), tensor(size="]K\x02a"), tensor(size="N"),
    tensor(size="X\x02\0\0\0ab"), tensor(size="G?\xf0\0\0\0\0\0\0K\x03\x86"), tensor(key="1"), tensor(key="../../x"),
    tensor(count="N"), tensor(count="J\xff\xff\xff\xff"),
], ids=lambda p: repr(p[90:]))
def test_no_tensor_reaches_outside_its_storage(pickled: bytes) -> None:
    with pytest.raises(LoadError, match="^the stream: "):
        load(with_pickle(pickled))


class Harmful:
    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


MARKER = "this text must never be printed"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("harm", [
    Harmful(print, MARKER), Harmful(eval, f"print({MARKER!r})"), Harmful(os.system, f"echo {MARKER}"),
    Harmful(getattr, {}, "get"), Harmful(__import__, "antigravity"), {"w": [Harmful(exec, f"print({MARKER!r})")]},
    Harmful(collections.defaultdict, print),
], ids=range(7))
def test_no_pickle_runs_anything(harm: Any, protocol: int, capfd: Any) -> None:
    pickled = pickle.dumps(harm, protocol)
    for data in (with_pickle(pickled), pickled, LEGACY_START + pickled):
        with pytest.raises(LoadError):
            load(data)
    assert MARKER not in capfd.readouterr().out


def test_a_refusal_names_what_was_asked_for() -> None:
    with pytest.raises(LoadError,
                       match=r"refuses `(posix|nt)\.system`: a state dict holds tensors and plain containers only"):
        load(with_pickle(pickle.dumps(Harmful(os.system, "true"), 2)))


LEGACY_START = b"".join(pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))


@pytest.mark.parametrize("pickled", [
    b"\x80\x02.",
    b"\x80\x02K\x01K\x02.",
    b"\x80\x02K\x01",
    b"\x80\x02h\x05.",
    b"\x80\x02t.",
    b"\x80\x02a.",
    b"\x80\x02s.",
    b"\x80\x02K\x01K\x02R.",
    b"\x80\x02ctorch\nfloat32\n)R.",
    b"\x80\x02ctorch\nSize\n.",
    b"\x80\x02]}b.",
    b"\x80\x02K\x01Q.",
    b"\x80\x02ctorch\nSize\n}\x81.",
    b"\x80\x02c__main__\nx\n.",
    b"\x80\x02ctorch\nFloatStorage\n)\x81.",
    b"\x80\x02(i",
    b"",
    b"\x80\x02ccollections\nOrderedDict\n(]]\x86e.",
    b"\x80\x02X\xff\xff\xff\xffabc.",
    b"\x80\x04\x8d" + b"\xff" * 8 + b".",
    b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0utf8\x86R.",
    b"\x80\x02}]K\x01s.",
    b"\x80\x02]K\x01a2.",
    b"\x80\x02]K\x01u.",
    b"\x80\x02" + b"]" * 50 + b"a" * 100 + b".",
], ids=repr)
def test_programs_without_sense(pickled: bytes) -> None:
    for data in (with_pickle(pickled), LEGACY_START + pickled):
        with pytest.raises(LoadError, match="^the stream: "):
            load(data)


LAUGHS = b")" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(100))      # (((), ()), ((), ())), ..., 2^100 of them


@pytest.mark.parametrize("pickled", [
    b"}" + LAUGHS + b"Ns.", b"}(" + LAUGHS + b"Nu.", b"}(X\x01\0\0\0a" + LAUGHS + b"\x86Nu.", LAUGHS + b"Q.",
    b"X\x07\0\0\0storage" + LAUGHS + b"\x86Q.",
    b"(X\x07\0\0\0storage" + LAUGHS + b"NNK\x01tQ.",
    LAUGHS + LAUGHS + b"\x93.",
    b"c_codecs\nencode\nX\x01\0\0\0a" + LAUGHS + b"\x86R.", b"ccollections\nCounter\n" + LAUGHS + b"\x85R.",
    b"ccollections\nOrderedDict\n" + LAUGHS + b"N\x86\x85\x85R.", b"ctorch\ndevice\n" + LAUGHS + b"\x85R.",
    LAUGHS + b")R.",
    LAUGHS + b"]b.",
    tensor(size=LAUGHS.decode("latin1"))[2:],
    tensor(offset=LAUGHS.decode("latin1"))[2:],
], ids=range(15))
def test_few_bytes_make_no_endless_work(pickled: bytes) -> None:
    for data in (with_pickle(b"\x80\x02" + pickled), LEGACY_START + b"\x80\x02" + pickled,
                 LEGACY_START + tensor() + b"\x80\x02" + LAUGHS + b"."):
        with pytest.raises(LoadError, match="^the stream: "):
            load(data)


def test_keys_may_be_tuples() -> None:
    state = {(1, "a"): 0, None: 1, 2.5: 2}
    assert_same(load(written(state)), state)


def test_a_huge_memo_costs_nothing() -> None:
    assert load(with_pickle(b"\x80\x02]r\xff\xff\xff\x7f.")) == []


def test_archives_of_ill_will() -> None:
    good = {"archive/data.pkl": tensor(), "archive/data/0": bytes(24)}
    with pytest.raises(LoadError, match="record 'data.pkl' is compressed"):
        load(archive(good, zipfile.ZIP_DEFLATED))
    with pytest.raises(LoadError, match="record 'data/0' is missing"):
        load(archive({"archive/data.pkl": tensor()}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = io.BytesIO(archive(good))
        with zipfile.ZipFile(stream, "a") as file:
            file.writestr("archive/data/0", bytes(24))
    with pytest.raises(LoadError, match="two of them have one name"):
        load(stream.getvalue())
    with pytest.raises(LoadError, match="a zip archive, but neither of PyTorch nor of NumPy: it holds a.txt"):
        load(archive({"a.txt": b""}))
    data = bytearray(archive(good))
    directory = data.rindex(b"PK\x01\x02")
    struct.pack_into("<II", data, directory + 20, 2**31, 2**31)     # a record of 2 GiB, as it says
    with pytest.raises(LoadError, match="its records overlap"):
        load(bytes(data))


def test_streams_of_ill_will() -> None:
    for count in (7, 2**62, -1):
        stream = LEGACY_START + tensor(key="0", count=f"\x8a\x08{struct.pack('<q', count).decode('latin1')}") \
            + pickle.dumps(["0"], 2) + struct.pack("<q", count) + bytes(24)
        with pytest.raises(LoadError, match="^the stream: "):
            load(stream)
    with pytest.raises(LoadError, match="has not the 6 elements"):
        load(LEGACY_START + tensor() + pickle.dumps(["0"], 2) + struct.pack("<q", 7) + bytes(28))
    assert load(LEGACY_START + tensor() + pickle.dumps(["0"], 2) + struct.pack("<q", 6) + bytes(24)).shape == (2, 3)
    with pytest.raises(LoadError, match="a pickle, but not one of torch.save"):
        load(pickle.dumps([1, 2], 2))


@needs_torch
@pytest.mark.parametrize("name", FLOAT8)
def test_float8_is_widened_with_a_note(name: str) -> None:
    theirs = torch.linspace(-3, 3, 12).view(3, 4).to(getattr(torch, name))
    stream = io.BytesIO()
    torch.save({"a": theirs, "b": theirs[:, 1:].t()}, stream)
    with pytest.warns(UserWarning, match=f"{name} tensors became float32, which holds all their values") as notes:
        loaded = minidl.load(io.BytesIO(stream.getvalue()))
    assert len(notes) == 1 and loaded["a"].dtype == minidl.float32
    assert loaded["a"].tolist() == theirs.float().tolist()
    assert loaded["b"].tolist() == theirs[:, 1:].t().float().tolist()
