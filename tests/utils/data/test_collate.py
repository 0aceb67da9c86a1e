"""Collating: a table of samples, each with the batch it makes, and the refusals."""
from __future__ import annotations

import collections

import numpy as np
import pytest
from PIL import Image

from minidl.tensors.creation import from_numpy, tensor
from minidl.tensors.tensor import Tensor
from minidl.utils.data import default_collate, default_convert

Point = collections.namedtuple("Point", "x y")


def array(*shape, dtype="float32"):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


STACKED = [  # samples, dtype, values
    ([tensor([1.0, 2.0]), tensor([3.0, 4.0])], "float32", [[1, 2], [3, 4]]),
    ([tensor(1), tensor(2)], "int64", [1, 2]),
    ([array(2, 2), array(2, 2)], "float32", [[[0, 1], [2, 3]]] * 2),
    ([array(3, dtype="uint8")], "uint8", [[0, 1, 2]]),
    ([np.array(5.0), np.array(6.0)], "float64", [5, 6]),
    ([np.float32(1.5), np.float32(2.5)], "float32", [1.5, 2.5]),
    ([np.int32(1), np.int32(2)], "int32", [1, 2]),
    ([np.bool_(True), np.bool_(False)], "bool", [True, False]),
    ([1, 2, 3], "int64", [1, 2, 3]),
    ([0.5, 1.5], "float64", [0.5, 1.5]),
    ([True, False], "bool", [True, False]),
]


@pytest.mark.parametrize("samples, dtype, values", STACKED)
def test_stacked(samples, dtype, values):
    batch = default_collate(samples)
    assert isinstance(batch, Tensor)
    assert batch.dtype == np.dtype(dtype) and batch.tolist() == values


def test_text_stays():
    assert default_collate(["a", "b"]) == ["a", "b"] and default_collate([b"a"]) == [b"a"]


def test_nested():
    samples = [{"image": array(2), "meta": ("cat", 3), "at": Point(1, 2.0)},
               {"image": array(2) + 1, "meta": ("dog", 4), "at": Point(5, 6.0)}]
    batch = default_collate(samples)
    assert batch["image"].tolist() == [[0, 1], [1, 2]]
    names, numbers = batch["meta"]
    assert type(batch["meta"]) is list and names == ("cat", "dog")
    assert numbers.tolist() == [3, 4]
    assert isinstance(batch["at"], Point) and batch["at"].x.tolist() == [1, 5]


def test_the_type_of_a_dict_is_kept_where_it_can_be():
    ordered = default_collate([collections.OrderedDict(b=1, a=2)])
    assert type(ordered) is collections.OrderedDict and list(ordered) == ["b", "a"]
    counts = default_collate([collections.defaultdict(int, a=1)])
    assert counts["a"].tolist() == [1] and counts["missing"] == 0


class Odd:
    pass


@pytest.mark.parametrize("samples, kind, text", [
    ([tensor([1.0]), tensor([1.0]), tensor([1.0, 2.0])],
     RuntimeError, r"\(1,\) at entry 0 and \(2,\) at entry 2"),
    ([array(2, 3), array(3, 2)], RuntimeError, r"\(2, 3\) at entry 0 and \(3, 2\) at entry 1"),
    ([(1, 2), (1, 2, 3)], RuntimeError, "2 at entry 0 and 3 at entry 1"),
    ([{"a": 1}, {"b": 1}], KeyError, "'a' of entry 0 is missing in entry 1"),
    ([Odd()], TypeError, "Odd"),
    ([None], TypeError, "NoneType"),
    ([1, 2, None], TypeError, "None at entry 2"),
    ([np.array(["a"])], TypeError, "dtype <U1"),
    ([np.array([None])], TypeError, "dtype object"),
    ([Image.new("L", (2, 2))], TypeError, r"PIL.*transform=lambda image: .*from_numpy"),
])
def test_refusals(samples, kind, text):
    with pytest.raises(kind, match=text):
        default_collate(samples)


def test_a_batch_is_a_copy():
    sample = array(3)
    batch = default_collate([sample])
    sample[:] = 7
    assert batch.tolist() == [[0, 1, 2]]


def test_gradients_reach_the_samples():
    samples = [tensor([1.0], requires_grad=True), tensor([2.0], requires_grad=True)]
    (default_collate(samples) * tensor([[3.0], [5.0]])).sum().backward()
    assert [sample.grad.tolist() for sample in samples] == [[3.0], [5.0]]


def test_convert():
    done = default_convert({"a": array(2), "b": [np.float32(1), "x"],
                            "c": Point(np.array([1]), None), "d": (1, 2)})
    assert isinstance(done["a"], Tensor) and done["a"].tolist() == [0, 1]
    assert isinstance(done["b"][0], Tensor) and done["b"][1] == "x"
    assert isinstance(done["c"], Point) and isinstance(done["c"].x, Tensor)
    assert done["d"] == [1, 2]
    text = np.array(["a"])
    assert default_convert(text) is text
    existing = from_numpy(array(1))
    assert default_convert(existing) is existing
