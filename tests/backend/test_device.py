"""A device is made of a name, or of a device, as in PyTorch."""
from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

import minidl
from tests import strict_array


def test_a_device_of_a_device() -> None:
    assert minidl.device(minidl.device("cpu")) == minidl.device("cpu") == minidl.device(type="cpu")
    again = minidl.device(minidl.device("cuda:1"))
    assert (again.type, again.index) == ("cuda", 1) and hash(again) == hash(minidl.device("cuda", 1))
    with pytest.raises(RuntimeError, match="Expected one of .* device type"):
        minidl.device("npu")
    assert minidl.device(1) == minidl.device("cuda:1")
    with pytest.raises(TypeError, match="expected a name such as .*, a number or a device, but got NoneType"):
        minidl.device(None)


@strict_array.several_devices()
def test_the_second_of_several_devices() -> None:
    """Results are made on the current device, wherever the operands are: so it has to follow them."""
    x = minidl.rand(3, 4, device="strict:1", requires_grad=True)
    index = minidl.tensor([2, 0])
    results = [x * 2, x.sum(), x.clone(), x.sort()[0], x.argmax(), x.argsort(), x[x > 0.5], x[index], x @ x.T, -x,
               minidl.randn(3, device="strict:1"), minidl.nn.functional.dropout(x),
               minidl.randperm(4, device="strict:1"), x.new_zeros(2), minidl.ones_like(x), x.nonzero(),
               x.put(index, x[0, :2])]
    assert {str(y.device) for y in results} == {"strict:1"}
    layer = minidl.nn.Linear(4, 2).to("strict:1")
    optimizer = minidl.optim.Adam(layer.parameters())
    layer(x).sum().backward()
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values() if getattr(value, "ndim", 0)]
    assert {str(t.device) for t in [x.grad, layer.weight, layer.weight.grad, *states]} == {"strict:1"}


@strict_array.several_devices()
def test_gradients_return_to_their_devices() -> None:
    a = minidl.ones(3, device="strict:0", requires_grad=True)
    z = (a * 2).to("strict:1") * 3 + a.to("strict:1")
    (z.sum().to("strict:0") + a.sum()).backward()
    assert a.grad.tolist() == [8, 8, 8] and str(a.grad.device) in ("strict", "strict:0")


@strict_array.several_devices()
def test_two_devices_do_not_mix() -> None:
    x, y = minidl.ones(3, device="strict:1"), minidl.ones(3, device="strict:0")
    for mix in (lambda: x + y, lambda: minidl.cat([x, y]), lambda: minidl.where(x > 0, x, y), lambda: x @ y):
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            mix()


def test_an_index_out_of_range_is_refused_where_the_library_wraps_it() -> None:
    x = minidl.ones(4, 2, device="strict")
    far = minidl.tensor([1, 9], device="strict")
    for wrong in (lambda: x[far], lambda: x.index_select(0, far), lambda: x.__setitem__(far, 0.0),
                  lambda: minidl.nn.functional.embedding(far, x)):
        with pytest.raises(IndexError, match="index 9 is out of bounds for dimension 0 with size 4"):
            wrong()


def test_names_of_devices_that_hold_no_tensors():
    """Programs compare with them."""
    meta = minidl.device("meta")
    assert meta != minidl.ones(1).device and minidl.device("mps").type == "mps" and meta == minidl.device("meta")
    with pytest.raises(RuntimeError, match="device meta: minidl has no tensors there"):
        minidl.ones(2, device="meta")
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda.* device type"):
        minidl.device("abacus")


def test_a_device_is_a_constant():
    device = minidl.device("cuda:1")
    assert pickle.loads(pickle.dumps(device)) == copy.deepcopy(device) == device == minidl.device(device)
    assert len({device, minidl.device("cuda", 1)}) == 1 and device != "cuda:1"
    assert not dataclasses.is_dataclass(device)         # else libraries take it for a container
    with pytest.raises(AttributeError):
        device.index = 2
