"""Other dtypes and other devices."""
import numpy as np
import pytest

import minidl
from tests import strict_array  # noqa: F401  (registers the device "strict")

DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_every_dtype_to_every_other(source, target):
    x = minidl.tensor([0, 1, 100], dtype=source)
    y = x.to(target)
    assert y.dtype == target and (y is x) == (source == target)
    np.testing.assert_array_equal(y.numpy(), x.numpy().astype(target))


def test_a_gradient_has_the_dtype_of_its_tensor():
    x = minidl.ones(3, requires_grad=True)
    y = x.double()
    (y * y).sum().backward()
    assert x.grad.dtype == minidl.float32 and x.grad.tolist() == [2, 2, 2]


def test_mixed_precision_keeps_each_gradient_in_its_own():
    a = minidl.ones(2, requires_grad=True)
    b = minidl.full((2,), 3.0, dtype=minidl.float64, requires_grad=True)
    y = a * b
    assert y.dtype == minidl.float64
    y.sum().backward()
    assert (a.grad.dtype, b.grad.dtype) == (minidl.float32, minidl.float64)


def test_second_derivative_through_a_cast():
    x = minidl.tensor(2.0, requires_grad=True)
    g, = minidl.autograd.grad(x.double() ** 3, x, create_graph=True)
    h, = minidl.autograd.grad(g, x)
    assert h.item() == 12 and h.dtype == minidl.float32


def test_between_devices_and_back():
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    y = x.to("strict") * 3
    assert y.device.type == "strict"
    z = y.to("cpu")
    g, = minidl.autograd.grad((z * z).sum(), x, create_graph=True)
    assert g.device.type == "cpu" and g.tolist() == [18, 36]
    h, = minidl.autograd.grad(g.sum(), x)
    assert h.tolist() == [18, 18]


@pytest.mark.parametrize("call, dtype, device", [
    (lambda x: x.to("float64"), "float64", "cpu"), (lambda x: x.to("strict"), "float32", "strict"),
    (lambda x: x.to("strict", minidl.float64), "float64", "strict"),
    (lambda x: x.to(dtype=minidl.int64), "int64", "cpu"),
    (lambda x: x.to(minidl.zeros(1, dtype=minidl.float16)), "float16", "cpu"),
    (lambda x: x.to(device=minidl.device("strict")), "float32", "strict"),
])
def test_the_ways_to_say_it(call, dtype, device):
    y = call(minidl.ones(2))
    assert (str(y.dtype), str(y.device)) == (dtype, device)


def test_copy_makes_a_copy():
    x = minidl.ones(2)
    assert x.to("cpu") is x and x.to("cpu", copy=True) is not x


@pytest.mark.parametrize("bad", ["gpu", "cuda:x", "flaot32"])
def test_bad_names(bad):
    with pytest.raises(RuntimeError, match="device"):
        minidl.ones(2).to(bad)


def test_cuda_without_cupy_says_what_to_install():
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(RuntimeError, match=r"pip install 'minidl\[cuda12\]'"):
            minidl.ones(2, device="cuda")


def test_to_refuses_other_dtypes():
    with pytest.raises(TypeError, match="expected one of the dtypes float16.*got datetime64"):
        minidl.ones(2).to(dtype="datetime64[s]")
    with pytest.raises(TypeError, match="got object"):
        minidl.ones(2).type(object)


def test_promotion_by_category():
    """bool < integer < floating decides first; NumPy decides inside a category."""
    assert minidl.promote_types(minidl.int64, minidl.float32) == minidl.float32
    assert minidl.promote_types(minidl.uint8, minidl.int8) == minidl.int16
    assert minidl.promote_types(minidl.bool, minidl.uint8) == minidl.uint8


def test_the_default_dtype():
    assert minidl.get_default_dtype() == minidl.float32
    minidl.set_default_dtype(minidl.float64)
    try:
        assert minidl.ones(1).dtype == minidl.tensor([1.5]).dtype == minidl.tensor([1]).sqrt().dtype == minidl.float64
    finally:
        minidl.set_default_dtype(minidl.float32)
    with pytest.raises(TypeError, match="floating-point dtype"):
        minidl.set_default_dtype(minidl.int32)
