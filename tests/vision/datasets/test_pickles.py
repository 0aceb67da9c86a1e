"""Pickles are read, and never run."""
from __future__ import annotations

import collections
import os
import pickle

import numpy as np
import pytest

from minidl.vision.datasets.base.pickles import read_pickle

VALUES = {
    "batch_label": "training batch 1 of 5",
    "labels": [3, 0, 255, 70_000, -1],
    "filenames": [b"a.png", b"b.png"],
    "bytes": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "floats": np.linspace(0, 1, 6).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">i4"),
    "empty": np.zeros((0, 3072), np.uint8),
    "nothing": None,
}


def write(tmp_path, content):
    path = tmp_path / "batch"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_values(tmp_path, protocol):
    found = read_pickle(write(tmp_path, pickle.dumps(VALUES, protocol)))
    assert list(found) == list(VALUES)
    for key, value in VALUES.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[key], value)
            assert found[key].dtype == value.dtype.newbyteorder("=") and found[key].flags.writeable
        else:
            assert found[key] == value


def test_python_2(tmp_path):
    # {'data': array([[1, 2]], dtype=uint8), 'labels': [6]}, as Python 2 with NumPy 1 has written it
    content = (b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K"
               b"\x00\x85q\x05U\x01bq\x06\x87q\x07Rq\x08(K\x01K\x01K\x02\x86q\x09cnumpy\ndtype\nq\nU\x02u1q\x0bK"
               b"\x00K\x01\x87q\x0cRq\x0d(K\x03U\x01|q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fb\x89U"
               b"\x02\x01\x02q\x10tq\x11bU\x06labelsq\x12]q\x13K\x06au.")
    assert pickle.loads(content, encoding="latin1")["data"].tolist() == [[1, 2]]
    found = read_pickle(write(tmp_path, content))
    assert found["data"].tolist() == [[1, 2]] and found["labels"] == [6]


class Evil:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("evil", [
    Evil(os.mkdir, "owned"),
    [Evil(os.mkdir, "owned")],
    {"data": np.zeros(2), "x": Evil(exec, "import os; os.mkdir('owned')")},
    Evil(getattr, "text", "join"), Evil(np.ndarray.tofile, np.zeros(2), "owned"), {"data": np.dtype("u1")},
    collections.OrderedDict(a=1), np.array([None, object()], dtype=object)],
    ids=["call", "call in a list", "exec", "getattr", "tofile", "dtype", "OrderedDict", "objects"])
def test_hostile(tmp_path, monkeypatch, evil, protocol):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, pickle.dumps({"labels": evil}, protocol))
    with pytest.raises(ValueError, match="cannot read .*batch"):
        read_pickle(path)
    assert [p.name for p in tmp_path.iterdir()] == ["batch"]


def test_a_refused_name_is_named(tmp_path):
    path = write(tmp_path, pickle.dumps(Evil(os.mkdir, "owned")))
    with pytest.raises(ValueError, match=r"refuses `(posix|nt)\.mkdir`.*any code.*download=True"):
        read_pickle(path)


def test_every_truncation_is_an_error(tmp_path):
    whole = pickle.dumps({"data": np.arange(30, dtype=np.uint8), "labels": [1, 2, 3]}, 2)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="damaged, cut short"):
            read_pickle(write(tmp_path, whole[:end]))


def test_no_flipped_byte_does_worse_than_an_error(tmp_path):
    whole = pickle.dumps({"data": np.arange(8, dtype=np.uint8), "labels": [1, 2, 3], "names": [b"x"]}, 2)
    rng = np.random.default_rng(0)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        try:
            read_pickle(write(tmp_path, bytes(changed)))
        except ValueError as error:
            assert "batch" in str(error)


@pytest.mark.parametrize("shape", [(3, 1), (1 << 62,), (-1, -8), ("8",), [8], (1,) * 40, (9,)])
def test_sizes_do_not_decide_how_much_memory_is_taken(tmp_path, shape):
    class Array:
        def __reduce__(self):
            return np.zeros(1).__reduce__()[0], (np.ndarray, (0,), b"b"), (1, shape, np.dtype("u1"), False, b"12345678")

    with pytest.raises(ValueError, match="array of shape"):
        read_pickle(write(tmp_path, pickle.dumps(Array(), 2)))
