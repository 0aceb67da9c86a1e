"""`.npz` and `.npy` files: NumPy reads ours, and we read NumPy's."""
from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.serialization import LoadError


def load(data: bytes) -> Any:
    return minidl.load(io.BytesIO(data))


def savez(function: Any = np.savez, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    function(stream, **arrays)
    return stream.getvalue()


def npy(array: Any, **kwargs: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **kwargs)
    return stream.getvalue()


ARRAYS = {"w": np.arange(6.0, dtype="f4").reshape(2, 3), "by columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
          "scalar": np.float64(2.5), "empty": np.zeros((0, 2)), "flags": np.array([True, False]), "c": np.ones(2, "c8"),
          "big": np.arange(3, dtype=">i4")}


def test_numpy_reads_ours(tmp_path: Path) -> None:
    state = {
        "layer.w": minidl.arange(6.0).reshape(2, 3).T,
        "p": nn.Parameter(minidl.ones(2)),
        "a": np.arange(2, dtype="u2"),
    }
    minidl.save(state, tmp_path / "w", format="npz")        # no suffix is added
    with np.load(tmp_path / "w", allow_pickle=False) as loaded:
        assert list(loaded) == list(state)
        np.testing.assert_array_equal(loaded["layer.w"], [[0, 3], [1, 4], [2, 5]])
        assert loaded["p"].dtype == np.float32 and loaded["a"].dtype == np.uint16


@pytest.mark.parametrize("function", [np.savez, np.savez_compressed])
def test_ours_reads_numpys(function: Any) -> None:
    loaded = load(savez(function, **ARRAYS))
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype.newbyteorder("=") and loaded[name].tolist() == array.tolist()
    loaded["w"].add_(1)     # may be written to


def test_one_array(tmp_path: Path) -> None:
    for array in ARRAYS.values():
        np.save(tmp_path / "x.npy", array)
        for mmap in (False, True):
            assert minidl.load(tmp_path / "x.npy", mmap=mmap).tolist() == array.tolist()


@pytest.mark.parametrize("array, text", [
    (np.array([{}]), "it holds an array of object.* objects would be pickles, which can run any code"),
    (np.array(["a"]), "it holds an array of <U1"), (np.zeros(2, [("a", "f4")]), "it holds an array of"),
    (np.zeros(2, "M8[s]"), "datetime64"),
])
def test_refused(array: Any, text: str) -> None:
    for data in (npy(array, allow_pickle=True), savez(x=array)):
        with pytest.raises(LoadError, match=text):
            load(data)


def test_every_cut_is_noticed() -> None:
    for data in (npy(np.arange(5.0)), savez(w=np.arange(5.0), b=np.ones(2))):
        for length in range(len(data)):
            with pytest.raises(LoadError, match="^the stream: "):
                load(data[:length])
    with pytest.raises(LoadError, match="takes 40 bytes, and there are others"):
        load(npy(np.arange(5.0)) + b"\0")


def test_damaged_numbers_in_an_archive_are_noticed() -> None:
    data = savez(w=np.full(4, 7.0))
    place = data.index(np.full(4, 7.0).tobytes())
    for i in range(place, place + 32):
        damaged = bytearray(data)
        damaged[i] ^= 1
        with pytest.raises(LoadError, match="Bad CRC-32"):
            load(damaged)


def with_shape(shape: str) -> bytes:
    """An array of 8 bytes whose header says something else."""
    data = npy(np.zeros(1))
    header = data[10:128].replace(b"(1,)", shape.encode())
    header = header.rstrip() + b" " * (117 - len(header.rstrip())) + b"\n"
    return data[:10] + header + data[128:]


def test_absurd_sizes() -> None:
    assert load(with_shape("(1, 1)")).shape == (1, 1)
    for shape in ("(2,)", "(1000000000000,)", f"({2**62}, 4)", "(-1,)", "(-1, -1)", "(0,)", "(1.0,)", "x", "(exit(),)"):
        with pytest.raises(LoadError, match="^the stream: "):
            load(with_shape(shape))


def test_bombs() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", npy(np.zeros(10)))
    data = bytearray(stream.getvalue())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24:directory + 28] = (2**31).to_bytes(4, "little")    # "2 GiB when unpacked"
    with pytest.raises(LoadError, match=r"refuses to make 2147483648 bytes of a file of \d+: .* or it is a bomb"):
        load(data)
