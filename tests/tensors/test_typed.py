"""FloatTensor and its like: constructors, dtypes and questions at once."""
import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.tensors import typed

KINDS = {"Float": minidl.float32, "Double": minidl.float64, "Half": minidl.float16, "Long": minidl.int64,
         "Int": minidl.int32, "Short": minidl.int16, "Char": minidl.int8, "Byte": minidl.uint8, "Bool": minidl.bool}


@pytest.mark.parametrize("name, dtype", KINDS.items())
def test_each_kind(name, dtype):
    kind = getattr(minidl, f"{name}Tensor")
    assert kind is getattr(typed, f"{name}Tensor")
    x = kind([[1, 0]])
    assert x.dtype == dtype and x.shape == (1, 2) and x.tolist() == [[1, 0]] and type(x) is minidl.Tensor
    assert isinstance(x, kind) and minidl.ones(1).type(kind).dtype == dtype and kind(2, 3).shape == (2, 3)
    other = minidl.LongTensor if name != "Long" else minidl.FloatTensor
    assert not isinstance(x, other) and not isinstance(x.numpy(), kind)


def test_data_is_copied_and_kept_exact():
    array = np.array([2 ** 53 + 1])
    x = minidl.LongTensor(array)
    array[0] = 0
    assert x.item() == 2 ** 53 + 1 and minidl.LongTensor().shape == (0,)
    assert minidl.FloatTensor(minidl.tensor([1, 2])).tolist() == [1.0, 2.0]


def test_a_module_in_a_type():
    assert nn.Linear(2, 2).type(minidl.DoubleTensor).weight.dtype == minidl.float64
