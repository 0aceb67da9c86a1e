"""The idx format: all number types, plain and gzipped, and every way a file can be broken."""
from __future__ import annotations

import gzip
import lzma
import struct

import numpy as np
import pytest

from minidl.vision.datasets import read_idx

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C,
         "float32": 0x0D, "float64": 0x0E}
LETTERS = {"uint8": "B", "int8": "b", "int16": "h", "int32": "i", "float32": "f", "float64": "d"}


def idx(array, code=None):
    """The bytes of an idx file, written number by number."""
    name = array.dtype.name
    head = bytes([0, 0, CODES[name] if code is None else code, array.ndim])
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    numbers = (struct.pack(">" + LETTERS[name], x) for x in array.ravel().tolist())
    return head + sizes + b"".join(numbers)


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_by_hand(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(b"\0\0\x0b\x02" + b"\0\0\0\x01" + b"\0\0\0\x02" + b"\x01\x00" + b"\xff\xff")
    assert read_idx(path).tolist() == [[256, -1]]


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("zipped", [False, True])
def test_all_types(tmp_path, name, zipped):
    array = np.array([[0, 1, 2], [5, 100, 127]]).astype(name)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    for given in (path, str(path)):
        found = read_idx(given)
        assert found.dtype == np.dtype(name) and found.dtype.isnative and found.flags.writeable
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("shape", [(0,), (3, 0, 2), ()])
def test_empty_arrays_and_single_numbers(tmp_path, shape):
    path = tmp_path / "file"
    path.write_bytes(idx(np.zeros(shape, np.float32)))
    assert read_idx(path).shape == shape


BROKEN = [  # content, what the error says
    (b"", "after 0 bytes"),
    (b"\0\0\x08", "after 3 bytes"),
    (idx(IMAGES, code=0x07), "got 0x000007"),
    (b"<!DOCTYPE html>", "no idx file"),
    (idx(IMAGES)[:10], "expected 16 bytes of it for 3 dimensions, got 10 bytes"),
    (idx(IMAGES)[:-1],
     r"cut short: expected 40 bytes for shape \(2, 3, 4\) of uint8, got 39 bytes"),
    (idx(IMAGES) + b"x", "bytes follow its end: expected 40 bytes .* got 41 bytes"),
    # sizes whose product is about 10^38 bytes
    (b"\0\0\x08\x04" + b"\xff" * 16 + b"data", "cut short"),
    (b"\0\0\x0e\xff" + b"\xff" * 1020, "cut short"),
]


@pytest.mark.parametrize("content, text", BROKEN)
@pytest.mark.parametrize("zipped", [False, True])
def test_broken(tmp_path, content, text, zipped):
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ValueError, match=text) as caught:
        read_idx(path)
    assert str(path) in str(caught.value) and "download=True" in str(caught.value)


def damaged():
    content = bytearray(gzip.compress(idx(IMAGES)))
    content[-6] ^= 0xFF  # in the checksum
    return bytes(content)


@pytest.mark.parametrize("content, text", [
    (gzip.compress(idx(IMAGES))[:-9], "damaged or cut short"),
    (gzip.compress(idx(IMAGES))[:12], "damaged or cut short"),
    (b"\x1f\x8b\x08" + b"\0" * 7 + b"\xff" * 9, "damaged or cut short"),
    (damaged(), "damaged or cut short"),
    (gzip.compress(idx(IMAGES)) + b"tail", "damaged or cut short"),
    (b"", "no gzip data .it is empty"),
    (idx(IMAGES), "no gzip data"),
], ids=["end missing", "only a head", "no end", "checksum", "more behind it", "empty", "not gzip"])
def test_broken_gzip(tmp_path, content, text):
    path = tmp_path / "train-images.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path)  # a folder


def test_xz(tmp_path):
    """QMNIST publishes one part so."""
    path = tmp_path / "labels.xz"
    path.write_bytes(lzma.compress(idx(IMAGES)))
    np.testing.assert_array_equal(read_idx(path), IMAGES)
    for content, what in ((lzma.compress(idx(IMAGES))[:-9], "its xz data is damaged or cut short"),
                          (idx(IMAGES), "named .xz but holds no xz data")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=what):
            read_idx(path)
