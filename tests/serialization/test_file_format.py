"""minidl's own format: as docs/file_format.md describes it, and no damage goes unnoticed."""
from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.serialization import LoadError, file_format


def saved(obj: Any) -> bytes:
    stream = io.BytesIO()
    minidl.save(obj, stream)
    return stream.getvalue()


def load(data: Any) -> Any:
    return minidl.load(io.BytesIO(bytes(data)))


def with_header(change: Any, data: bytes) -> bytes:
    """The file with another header, and a checksum that fits it: what an attacker would write."""
    length = struct.unpack_from("<Q", data, 16)[0]
    header = json.loads(data[24:24 + length])
    changed = change(header)
    header = header if changed is None else changed
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text = text.ljust(-(-(24 + len(text)) // 64) * 64 - 24)
    check = zlib.crc32(text, zlib.crc32(struct.pack("<8sIIQ", b"\x89minidl\n", 1, 0, len(text))))
    return struct.pack("<8sIIQ", b"\x89minidl\n", 1, check, len(text)) + text + data[24 + length:]


def test_read_by_hand() -> None:
    """With nothing but what the page says."""
    data = saved({"w": minidl.tensor([[1.0, 2.0], [3.0, 4.0]]).T, "n": (1, None)})
    magic, version, check, length = struct.unpack_from("<8sIIQ", data)
    assert magic == b"\x89minidl\n" and version == 1 and (24 + length) % 64 == 0
    assert check == zlib.crc32(data[:12] + bytes(4) + data[16:24 + length])
    header = json.loads(data[24:24 + length])
    assert header == {
        "memories": [[16, zlib.crc32(data[24 + length:24 + length + 64]), "cpu"]],
        "contents": {"dict": [
            ["w", {"tensor": {"dtype": "float32", "shape": [2, 2], "strides": [1, 2], "offset": 0, "memory": 0,
                              "requires_grad": False}}],
            ["n", {"tuple": [1, None]}]]},
    }
    assert struct.unpack_from("<4f", data, 24 + length) == (1.0, 2.0, 3.0, 4.0)
    assert len(data) == 24 + length + 64


SMALL = {"weight": minidl.arange(6.0).reshape(2, 3), "bias": nn.Parameter(minidl.ones(3)), "n": [1, (2.5, "x", b"y")]}


def test_every_cut_is_noticed() -> None:
    data = saved(SMALL)
    for length in range(len(data)):
        with pytest.raises(LoadError, match="^the stream: "):
            load(data[:length])
    with pytest.raises(LoadError, match="it goes on after its end: 1 bytes too many"):
        load(data + b"\0")


def test_every_flipped_bit_is_noticed() -> None:
    """In the preamble, the header, the numbers and the padding between them."""
    data = saved(SMALL)
    for i in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[i] ^= 1 << bit
            with pytest.raises(LoadError, match="^the stream: "):
                load(damaged)


def test_what_is_wrong_is_said() -> None:
    data = bytearray(saved(SMALL))
    for position, text in [(0, "no file that minidl knows"), (8, "version 0 .* this minidl reads version 1"),
                           (12, "its header is damaged"),
                           (16, "its header is damaged|cut off"),
                           (30, "its header is damaged"),
                           (len(data) - 64, "its data are damaged: the checksum of memory 1")]:
        damaged = data.copy()
        damaged[position] ^= 1
        with pytest.raises(LoadError, match=text):
            load(damaged)


@pytest.mark.parametrize("change", [
    {"shape": [7]}, {"shape": [6], "strides": [2]}, {"offset": 1}, {"offset": -1}, {"strides": [-1, 1]},
    {"shape": [2, 3, 2**62], "strides": [3, 1, 2**62]}, {"shape": [-2, -3]}, {"shape": [2, 3.0]}, {"shape": [True, 3]},
    {"strides": [3]}, {"dtype": "object"}, {"dtype": "uint64"}, {"dtype": "float64"}, {"memory": 2}, {"memory": "0"},
    {"strides": [2**62, 2**62]}, {"offset": 2**64}, {"shape": [2**40, 2**40], "strides": [0, 0]}, {"shape": None},
    {"shape": [1] * 100, "strides": [1] * 100},
], ids=str)
def test_no_tensor_reaches_outside_its_memory(change: dict[str, Any]) -> None:
    def change_header(header: Any) -> None:
        header["contents"]["dict"][0][1]["tensor"].update(change)
    with pytest.raises(LoadError, match="^the stream: "):
        load(with_header(change_header, saved(SMALL)))


@pytest.mark.parametrize("header", [
    b"", b"[]", b"{}", b"not JSON", b"\xff", b"[" * 100_000, b'{"memories": [], "contents": ' + b"[" * 100_000,
    b'{"memories": [], "contents": {"os.system": "echo"}}', b'{"memories": [], "contents": {}}',
    b'{"memories": [], "contents": {"tuple": 1}}', b'{"memories": [], "contents": {"dict": [[[], 1]]}}',
    b'{"memories": [[9e99, 0, "cpu"]], "contents": 1}', b'{"memories": [[1000000000000000, 0, "cpu"]], "contents": 1}',
    b'{"memories": [[-64, 0, "cpu"]], "contents": 1}', b'{"memories": [[0, 0, "nowhere"]], "contents": 1}',
    b'{"memories": [], "contents": {"generator": {"dict": [["bit_generator", "MT19937"]]}}}',
    b'{"memories": [], "contents": {"number": ["object", "AAAA"]}}', b'{"memories": [], "contents": {"device": "a:b"}}',
], ids=lambda h: h[:60].decode("latin1"))
def test_headers_of_ill_will(header: bytes) -> None:
    with pytest.raises(LoadError, match="^the stream: "):
        load(with_header(lambda _: header, saved([])))


def test_headers_may_be_long() -> None:
    state = {f"layer.{i}.weight": minidl.tensor([float(i)]) for i in range(3000)}
    loaded = load(saved(state))
    assert list(loaded) == list(state) and loaded["layer.2999.weight"].item() == 2999


def test_pieces_begin_at_multiples_of_64() -> None:
    data = saved([minidl.ones(n) for n in (1, 16, 17)])
    header = json.loads(data[24:24 + struct.unpack_from("<Q", data, 16)[0]])
    assert [size for size, _, _ in header["memories"]] == [4, 64, 68]
    assert [file_format.round_up(size) for size, _, _ in header["memories"]] == [64, 64, 128]
    np.testing.assert_array_equal(np.frombuffer(data[-128:-60], np.float32), 1)
