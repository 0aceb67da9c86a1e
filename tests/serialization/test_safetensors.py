"""safetensors files, as their specification has them."""
from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.serialization import LoadError, safetensors
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import safetensors.numpy as oracle
except ImportError:
    oracle = None


def file(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: Any, begin: Any, end: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_by_hand() -> None:
    data = file({"b": entry("I64", [], 8, 16), "a": entry("F32", [1, 2], 0, 8), "__metadata__": {"k": "v"}},
                b"\0\0\x80?\0\0\0@" + (7).to_bytes(8, "little"))
    loaded = safetensors.load(data)
    assert list(loaded) == ["b", "a"] and loaded["a"].tolist() == [[1.0, 2.0]] and loaded["b"].item() == 7
    assert safetensors.metadata(data) == {"k": "v"} and minidl.load(io.BytesIO(data))["b"].item() == 7


def test_what_is_saved() -> None:
    state = {"small": minidl.tensor([True, False]), "w": minidl.arange(6.0).reshape(2, 3).T, "n": np.arange(2),
             "empty": minidl.zeros(0, 3), "p": nn.Parameter(minidl.tensor(1.5)), "h": minidl.ones(3).half()}
    data = safetensors.save(state, {"format": "pt"})
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    assert (8 + length) % 8 == 0 and header.pop("__metadata__") == {"format": "pt"}
    assert header["w"] == entry("F32", [3, 2], 20, 44)     # the widest first, so that all are aligned
    assert data[8 + length + 20:8 + length + 44] == np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()
    loaded = safetensors.load(data)
    assert list(loaded) == list(state)
    for name, value in state.items():
        value = value.detach().numpy() if isinstance(value, minidl.Tensor) else value
        np.testing.assert_array_equal(loaded[name].numpy(), value)
        assert loaded[name].dtype == value.dtype and not loaded[name].requires_grad


@pytest.mark.skipif(oracle is None, reason="safetensors is not installed")
def test_both_ways_with_the_reference_implementation() -> None:
    rng = np.random.default_rng(0)
    state = {f"{dtype}.{i}": (rng.normal(size=(i, 3)) * 10).astype(dtype) for i in range(3)
             for dtype in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?")}
    for read, data in [(oracle.load, safetensors.save(state, {"a": "b"})),
                       (safetensors.load, oracle.save(state, {"a": "b"}))]:
        for name, value in read(data).items():
            np.testing.assert_array_equal(np.asarray(value), state[name])


def test_files_and_devices(tmp_path: Path) -> None:
    state = {"w": minidl.ones(3, device="strict")}
    safetensors.save_file(state, tmp_path / "w.safetensors", {"x": "y"})
    assert safetensors.load_file(tmp_path / "w.safetensors")["w"].device.type == "cpu"
    assert safetensors.load_file(tmp_path / "w.safetensors", device="strict")["w"].device.type == "strict"
    assert minidl.load(tmp_path / "w.safetensors", map_location="strict")["w"].cpu().tolist() == [1, 1, 1]
    assert safetensors.metadata(tmp_path / "w.safetensors") == {"x": "y"}


def test_bfloat16_is_widened_with_a_note() -> None:
    values = np.array([1.0, -2.5, np.inf], np.float32)
    data = file({"a": entry("BF16", [3], 0, 6)}, (values.view(np.uint32) >> 16).astype("<u2").tobytes())
    with pytest.warns(UserWarning, match="bfloat16 tensors became float32"):
        loaded = minidl.load(io.BytesIO(data))["a"]
    assert loaded.dtype == minidl.float32 and loaded.tolist() == values.tolist()


def test_float8_is_widened_with_a_note() -> None:
    data = file({"a": entry("F8_E4M3", [2], 0, 2), "b": entry("F8_E5M2", [1], 2, 3)}, b"\x38\xc0\x7c")
    with pytest.warns(UserWarning, match="float8_e4m3fn tensors became float32|float8_e5m2 tensors became float32"):
        loaded = minidl.load(io.BytesIO(data))
    assert loaded["a"].tolist() == [1, -2] and loaded["b"].tolist() == [np.inf]


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.save_file({"big": minidl.arange(1 << 20), "small": minidl.ones(2, 3), "one": minidl.tensor(7.0)}, path,
                          {"made by": "a test"})
    with safetensors.safe_open(path) as opened:
        assert opened.keys() == ["big", "one", "small"] and opened.metadata() == {"made by": "a test"}
        rows = opened.get_slice("big")
        assert rows.get_shape() == [1 << 20] and rows.get_dtype() == "I64"
        part = rows[1000:1003]
        assert part.tolist() == [1000, 1001, 1002] and part.untyped_storage().nbytes() == 24     # no view of the file
        assert opened.get_tensor("one").item() == 7 and opened.get_slice("small")[..., 1:].tolist() == [[1, 1]] * 2
        with pytest.raises(KeyError, match="has no tensor 'large'; it has big, one, small"):
            opened.get_tensor("large")
        kept = opened.get_tensor("small")
    kept[0, 0] = 5.0      # after the file is closed, and not into it
    with safetensors.safe_open(path, "pt", device="strict") as opened:
        assert opened.get_tensor("small").device.type == "strict" and opened.get_tensor("small").cpu().sum() == 6
    with pytest.raises(LoadError, match="cut off|its tensors take"):
        path.write_bytes(path.read_bytes()[:-1])
        safetensors.safe_open(path)


@pytest.mark.parametrize("header, data", [
    ({"a": entry("F32", [2], 0, 4)}, bytes(4)),     # too few bytes for the shape
    ({"a": entry("F32", [1], 0, 4)}, bytes(5)),
    ({"a": entry("F32", [2], 0, 8)}, bytes(7)),     # too many, too few in all
    ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 2, 6)}, bytes(6)),                # overlap
    ({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, bytes(4)),
    ({"a": entry("F32", [1], 4, 8)}, bytes(8)),                                              # a gap
    ({"a": entry("F32", [1], 4, 0)}, bytes(4)), ({"a": entry("F32", [-1, -1], 0, 4)}, bytes(4)),
    ({"a": entry("F32", [2**62, 4], 0, 0)}, b""), ({"a": entry("F32", [1.0], 0, 4)}, bytes(4)),
    ({"a": entry("F32", ["1"], 0, 4)}, bytes(4)), ({"a": entry("F32", [1], -4, 0)}, bytes(4)),
    ({"a": entry("F8_E8M0", [1], 0, 1)}, bytes(1)), ({"a": entry("U16", [1], 0, 1)}, bytes(1)),
    ({"a": entry("os.system", [1], 0, 4)}, bytes(4)),
    ({"a": {}}, b""),
    ({"a": 1}, b""),
    ({"a": entry("F32", 1, 0, 4)}, bytes(4)),
    (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
     bytes(4)),
    (b"{", b""), (b"{]", b""), (b"{\xff}", b""), (b"{" * 100_000, b""),
], ids=str)
def test_damaged(header: Any, data: bytes) -> None:
    for load in (safetensors.load, lambda contents: minidl.load(io.BytesIO(contents))):
        with pytest.raises(LoadError, match="^the stream: "):
            load(file(header, data))


def test_lengths_without_sense() -> None:
    for length in (2**64 - 1, 100_000_001, 50):
        with pytest.raises(LoadError, match="is the limit|cut off"):
            safetensors.load(length.to_bytes(8, "little") + b"{}")
    for contents in (b"", b"abc", file(b"[]")):
        with pytest.raises(LoadError):
            safetensors.load(contents)


def test_every_cut_is_noticed() -> None:
    data = safetensors.save({"a": minidl.ones(3), "b": minidl.ones(2, 2)})
    for length in range(len(data)):
        with pytest.raises(LoadError):
            safetensors.load(data[:length])


def test_refused() -> None:
    for state, metadata, text in [
        ([minidl.ones(1)], None, "expected a dict of tensors, but got list"),
        ({"a": 1.0}, None, "got a float under 'a'; nested state goes into minidl's own format"),
        ({"a": np.array(["x"])}, None, "'a' cannot be saved: the format has no <U1"),
        ({"__metadata__": minidl.ones(1)}, None, "no tensor can be called '__metadata__'"),
        ({}, {"epoch": 3}, "metadata must be a dict of str to str"),
    ]:
        with pytest.raises(TypeError, match=text):
            safetensors.save(state, metadata)
