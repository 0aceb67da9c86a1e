"""New tensors: shared memory, relatives of others, random numbers, and the state of the generator."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import random
from minidl.tensors import creation, printing
from tests import strict_array  # noqa: F401  (registers the device "strict")

try:
    import torch
except ImportError:
    torch = None


# ---------------------------------------------------------------------- limits of a dtype

@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_finfo_is_pytorchs(dtype):
    mine, other = minidl.finfo(getattr(minidl, dtype)), torch.finfo(getattr(torch, dtype))
    for name in ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny"):
        assert getattr(mine, name) == getattr(other, name) and type(getattr(mine, name)) is type(getattr(other, name))
    assert repr(mine) == repr(other) and mine == minidl.finfo(getattr(minidl, dtype))


def test_finfo_gives_python_numbers_that_widen_nothing():
    assert minidl.tensor(minidl.finfo(minidl.float16).min).dtype == minidl.float32
    assert minidl.finfo(minidl.float16).max * 2 == 131008       # float16 would overflow
    assert minidl.finfo() == minidl.finfo(minidl.float32)
    with pytest.raises(TypeError, match="finfo: expected a floating-point dtype, got int8"):
        minidl.finfo(minidl.int8)


# ---------------------------------------------------------------------- shared memory

def test_from_dlpack_shares_memory():
    array = np.arange(6.0).reshape(2, 3)
    x = creation.from_dlpack(array)
    assert x.tolist() == array.tolist() and x.dtype == minidl.float64
    array[0, 0] = 7.0
    assert x[0, 0].item() == 7.0


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_from_dlpack_of_torch():
    theirs = torch.arange(4, dtype=torch.float32)
    ours = creation.from_dlpack(theirs)
    theirs[1] = 9.0
    assert ours.tolist() == [0.0, 9.0, 2.0, 3.0]


@pytest.mark.parametrize("value", [[1.0], 3, "x"])
def test_from_dlpack_refuses_others(value):
    with pytest.raises(TypeError, match="expected an object with __dlpack__"):
        creation.from_dlpack(value)


def test_from_numpy_refuses_other_dtypes():
    with pytest.raises(TypeError, match="The supported dtypes are"):
        creation.from_numpy(np.array(["a"]))


def test_frombuffer_shares_memory():
    memory = bytearray(np.arange(4, dtype=np.int16).tobytes())
    x = creation.frombuffer(memory, dtype=minidl.int16, count=2, offset=2)
    assert x.tolist() == [1, 2]
    memory[2] = 5
    assert x.tolist() == [5, 2]
    assert creation.frombuffer(bytearray(8), dtype=minidl.float32, requires_grad=True).requires_grad


@pytest.mark.parametrize("arguments, text", [
    ((bytearray(5), {}), "multiple of element size (2)"), ((b"", {}), "both buffer length (0)"),
    ((bytearray(4), {"offset": 5}), "offset (5 bytes)"),
    ((bytearray(4), {"count": 5}), "requested buffer length (5 * 2 bytes)"),
    ((bytearray(4), {"count": 0}), "count (0) must not be 0"), (([1], {}), "list object does not implement"),
])
def test_frombuffer_refuses(arguments, text):
    buffer, options = arguments
    with pytest.raises(ValueError) as error:
        creation.frombuffer(buffer, dtype=minidl.int16, **options)
    assert text in str(error.value)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("data", [
    [2.0, np.float64(1)], [np.float64(1), 2.0], [np.float32(1), 2.0], [2.0, np.float32(1)], [np.float16(1), 1.5],
    [np.float16(1), 2], [np.float16(1), np.int64(2)], [np.float32(1), np.float64(2)], [1, np.float64(2)],
    [True, np.float64(1)], [np.int64(1), 1.5], [np.int8(1), 2], [[1, 2.0], [np.float64(3), 4]],
    [[1, 2], [np.float32(1), 2]], [1j, np.float64(2)], [np.complex64(1), 2.0], [1, 1j], [[], []],
], ids=repr)
def test_numbers_of_several_kinds_have_the_dtype_of_pytorch(data):
    mine, other = minidl.tensor(data), torch.tensor(data)
    assert str(mine.dtype) == str(other.dtype)[6:] and mine.tolist() == other.tolist()


def test_tensors_in_a_list_count_with_their_dtype():
    assert minidl.tensor([minidl.tensor(1.0), 2.0]).dtype == minidl.float32
    assert minidl.tensor([minidl.tensor(1, dtype=minidl.float16), 2]).dtype == minidl.float16
    assert minidl.tensor([1.0, minidl.tensor(1, dtype=minidl.float64)]).dtype == minidl.float64


# ---------------------------------------------------------------------- of the dtype of another

def test_relatives():
    x = minidl.tensor([1, 2], dtype=minidl.int8)
    assert creation.new_tensor(x, [1.5]).tolist() == [1] and creation.new_tensor(x, [1.5]).dtype == minidl.int8
    assert creation.new_zeros(x, 2, 3).tolist() == [[0] * 3] * 2 and creation.new_zeros(x, (2,)).dtype == minidl.int8
    assert creation.new_ones(x, 2).tolist() == [1, 1] and creation.new_empty(x, 4, 1).shape == (4, 1)
    assert creation.new_full(x, (2,), 7).tolist() == [7, 7]
    assert creation.new_zeros(x, 1, dtype=minidl.float32, requires_grad=True).requires_grad
    for made in (creation.new_ones(x, 2), creation.new_full(x, (2,), 7), creation.new_empty(x, 2)):
        assert made.dtype == minidl.int8


def test_scalar_tensor():
    assert creation.scalar_tensor(3).dtype == minidl.float32 and creation.scalar_tensor(3).shape == ()
    assert creation.scalar_tensor(3, dtype=minidl.int64).item() == 3


# ---------------------------------------------------------------------- random

def test_randint_dtypes():
    for dtype in (minidl.float32, minidl.uint8, minidl.int64, minidl.bool):
        x = minidl.randint(0, 2, (50,), dtype=dtype)
        assert x.dtype == dtype and set(x.tolist()) == {0, 1}
    with pytest.raises(RuntimeError, match="out of bounds for uint8"):
        minidl.randint(0, 300, (2,), dtype=minidl.uint8)
    with pytest.raises(RuntimeError, match="from=3 >= to=3"):
        minidl.randint(3, 3, (2,))


def test_bernoulli():
    x = minidl.tensor([[0.0, 1.0]] * 50)
    assert creation.bernoulli(x).tolist() == x.tolist()
    assert creation.bernoulli(x, 1.0).tolist() == [[1.0, 1.0]] * 50
    ones = creation.bernoulli(minidl.zeros(10_000, dtype=minidl.int64), 0.3,
                              generator=minidl.Generator().manual_seed(0))
    assert ones.dtype == minidl.int64 and abs(ones.float().mean().item() - 0.3) < 0.02
    with pytest.raises(RuntimeError, match="0 <= p <= 1"):
        creation.bernoulli(minidl.tensor([1.5]))
    with pytest.raises(RuntimeError, match="0 <= p <= 1"):
        creation.bernoulli(x, -0.1)
    with pytest.raises(NotImplementedError, match="got int64"):
        creation.bernoulli(minidl.tensor([1]))


def test_normal_has_the_dtype_of_its_mean():
    deviation = minidl.ones(2, dtype=minidl.float64)
    assert minidl.normal(minidl.zeros(2), deviation).dtype == minidl.float32
    assert minidl.normal(0.0, deviation).dtype == minidl.float64


def test_normal_refuses_a_negative_deviation():
    with pytest.raises(RuntimeError, match="std >= 0.0"):
        minidl.normal(0.0, -1.0, (2,))


@pytest.mark.parametrize("draw",
                         [creation.rand_like, creation.randn_like,
                          lambda x, **k: creation.randint_like(x, 1000, **k),
                          lambda x, **k: creation.bernoulli(x, 0.5, **k)])
def test_relatives_take_a_generator(draw):
    x = minidl.zeros(50)
    first, second, third = (draw(x, generator=minidl.Generator().manual_seed(seed)).tolist() for seed in (1, 1, 2))
    assert first == second != third


def test_the_state_of_the_generator():
    minidl.rand(3)
    state = random.get_rng_state()
    first, second = minidl.randn(4).tolist(), minidl.randn(4).tolist()
    random.set_rng_state(state)
    assert minidl.randn(4).tolist() == first and minidl.randn(4).tolist() == second


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_a_state_is_a_tensor_of_bytes(device):
    g, h = minidl.Generator(device).manual_seed(-3), minidl.Generator(device)
    minidl.randint(0, 9, (3,), dtype=minidl.int32, generator=g)     # half a number of the stream is kept back
    state = g.get_state()
    assert type(state) is minidl.Tensor and state.dtype == minidl.uint8 and state.device.type == "cpu"
    assert h.set_state(state) is h and h.initial_seed() == 2**64 - 3
    draws = [[minidl.randint(0, 9, (3,), dtype=minidl.int32, generator=x).tolist(),
              minidl.randn(4, generator=x).tolist()]
             for x in (g, h)]
    assert draws[0] == draws[1] and not minidl.equal(state, g.get_state())
    again = h.set_state(minidl.stack([state, state]).T.contiguous()[:, 0])     # however it lies in memory
    assert minidl.equal(again.get_state(), state)


def test_a_snapshot_stays_as_it_was():
    state = random.get_rng_state()
    before = state.tolist()
    minidl.rand(3)
    random.set_rng_state(state)
    state.zero_()
    assert random.get_rng_state().tolist() == before


def test_states_that_are_none():
    g = minidl.Generator()
    for state, text in [(3, "a tensor of bytes, as .* but got int"), (np.zeros(56, np.uint8), "but got ndarray"),
                        (minidl.zeros(56), "a tensor of uint8, .* but got float32")]:
        with pytest.raises(TypeError, match=text):
            g.set_state(state)
    before = g.get_state()
    for state, text in [
        (minidl.zeros(5056, dtype=minidl.uint8), "5056 bytes of another kind; PyTorch's generators draw"),
        (minidl.zeros(0, dtype=minidl.uint8), "but got 0 bytes"),
        (before[:20], "in 40 bytes, but got 4"),
        (before[:10], "but got 0"),
        (minidl.Generator("strict").get_state(), "device 'cpu' .* another kind"),
    ]:
        with pytest.raises(RuntimeError, match=text):
            g.set_state(state)
    assert minidl.equal(g.get_state(), before)


def test_a_state_of_an_older_file():
    """A tuple of the seed and NumPy's generator."""
    stream = np.random.default_rng(5)
    stream.random(3)
    g = minidl.Generator().set_state((5, stream))
    assert g.initial_seed() == 5 and minidl.rand(2, generator=g).tolist() == stream.random(2, dtype="f4").tolist()


def test_seeds_have_64_bits():
    for seed in (2**64 - 1, -2**63):
        assert minidl.manual_seed(seed).initial_seed() == seed % 2**64
    for seed in (2**64, -2**63 - 1):
        with pytest.raises(ValueError, match="manual_seed: expected an integer from"):
            minidl.manual_seed(seed)


def test_fork_rng_leaves_the_generators_as_they_were():
    minidl.manual_seed(3)
    expected = minidl.rand(4).tolist()
    minidl.manual_seed(3)
    with pytest.raises(KeyError), minidl.random.fork_rng():
        minidl.manual_seed(5)
        minidl.rand(2)
        raise KeyError
    assert minidl.initial_seed() == 3 and minidl.rand(4).tolist() == expected
    with minidl.random.fork_rng(enabled=False):
        minidl.manual_seed(5)
    assert minidl.initial_seed() == 5


def test_fork_rng_forgets_generators_made_within(monkeypatch):
    monkeypatch.setattr(random._thread_state, "defaults", random._Defaults())
    random._thread_state.defaults.seed = 3
    with random.fork_rng():
        random.manual_seed(5)
        minidl.rand(2)
    assert minidl.initial_seed() == 3


# ---------------------------------------------------------------------- printing

@pytest.fixture
def print_options():
    yield printing.set_printoptions
    printing.set_printoptions(profile="default")


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("options", [
    {"sci_mode": True},
    {"sci_mode": False, "precision": 2},
    {"profile": "short"},
    {"profile": "full"},
    {"precision": 7},
    {"threshold": 5, "edgeitems": 2, "linewidth": 30},
    {"linewidth": 40},
    {"profile": "short", "precision": 1},
    {"threshold": 2}])
def test_print_options_are_those_of_torch(options, print_options):
    arrays = [np.array([1.0, 2.0, 300.0]), np.array([1e-7, 2.5, 3e4]), np.arange(60).reshape(6, 10), np.arange(20.0),
              np.random.default_rng(0).standard_normal((3, 12)), np.zeros(3), np.array(1.23456789)]
    print_options(**options)
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    try:
        for array in arrays:
            array = array.astype(np.float32) if array.dtype.kind == "f" else array    # the others name their dtype
            assert repr(minidl.tensor(array)) == repr(torch.tensor(array))
    finally:
        torch.set_printoptions(profile="default")


def test_print_options_stay_until_they_are_changed(print_options):
    print_options(precision=2, sci_mode=True)
    print_options(edgeitems=5)
    assert printing.get_printoptions() == {
        "precision": 2,
        "threshold": 1000,
        "edgeitems": 5,
        "linewidth": 80,
        "sci_mode": None,
    }
    with pytest.raises(ValueError, match="default, short, full"):
        print_options(profile="wide")


@pytest.mark.parametrize("make", [minidl.zeros, minidl.ones, minidl.empty, minidl.rand, minidl.randn])
def test_a_flag_is_no_size(make):
    with pytest.raises(TypeError, match="found a bool in .*requires_grad, dtype and device are given by name"):
        make(2, True)


@pytest.mark.parametrize("make", [minidl.zeros, minidl.ones, minidl.empty, minidl.rand, minidl.randn])
def test_a_size_by_name(make):
    assert make(size=(2, 3)).shape == make(2, 3).shape == make([2, 3]).shape == (2, 3)
    assert make(size=()).shape == () and make(size=[2, 1], requires_grad=True).requires_grad


def test_numbers_by_name():
    assert minidl.randint(high=1, size=(3,)).tolist() == minidl.randint(1, size=(3,)).tolist() == [0, 0, 0]
    assert minidl.arange(end=3).tolist() == [0, 1, 2]
    assert minidl.normal(0.0, 1.0, size=(2, 3), requires_grad=True).is_leaf
    assert minidl.normal(0.0, 1.0, (2,), requires_grad=True).requires_grad


@pytest.mark.parametrize("call, expected", [
    (lambda: minidl.eye(2), [[1, 0], [0, 1]]), (lambda: minidl.eye(1, 3), [[1, 0, 0]]),
    (lambda: minidl.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]), (lambda: minidl.linspace(3, 1, 2), [3, 1]),
    (lambda: minidl.logspace(0, 2, 3), [1, 10, 100]), (lambda: minidl.logspace(0, 3, 4, base=2), [1, 2, 4, 8]),
    (lambda: minidl.arange(5), [0, 1, 2, 3, 4]), (lambda: minidl.arange(1, 2, 0.5), [1, 1.5]),
    (lambda: minidl.arange(3, 0, -1), [3, 2, 1]), (lambda: minidl.full((2,), 7), [7, 7]),
    (lambda: minidl.ones_like(minidl.tensor([1, 2])), [1, 1]), (lambda: minidl.zeros_like(minidl.ones(2)), [0, 0]),
    (lambda: minidl.full_like(minidl.ones(2), 3), [3, 3]),
    # of integers, as PyTorch counts them: ends and step are cut off, but only int64 then counts anew
    (lambda: minidl.arange(0.5, 7.7, 1.8, dtype=minidl.int32), [0, 1, 2, 3]),
    (lambda: minidl.arange(0.5, 7.7, 1.8, dtype=minidl.int64), [0, 1, 2, 3, 4, 5, 6]),
    (lambda: minidl.arange(5, 0, -1.5, dtype=minidl.uint8), [5, 4, 3, 2]),
    (lambda: minidl.range(0.5, 3.7, 1.8, dtype=minidl.int32), [0, 1, 2, 3]),
    (lambda: minidl.logspace(1.5, 2, 3, dtype=minidl.int64), [10, 31, 100]),
    (lambda: minidl.linspace(-1.5, 2.7, 4, dtype=minidl.int64), [-1, 0, 1, 2]),
])
def test_filled_and_ranges(call, expected):
    assert call().tolist() == expected


@pytest.mark.parametrize("function", [minidl.linspace, minidl.logspace])
def test_ends_that_the_dtype_cannot_hold(function):
    with pytest.raises(RuntimeError, match="cannot be converted to type uint8 without overflow"):
        function(-1.5, 2, 4, dtype=minidl.uint8)


def test_dtypes_follow_the_data():
    assert minidl.arange(3).dtype == minidl.full((1,), 2).dtype == minidl.tensor([1]).dtype == minidl.int64
    assert minidl.arange(3.0).dtype == minidl.tensor([1.5]).dtype == minidl.linspace(0, 1, 2).dtype == minidl.float32
    assert minidl.tensor([True]).dtype == minidl.bool and minidl.tensor([]).dtype == minidl.float32
    assert minidl.tensor(np.zeros(1)).dtype == minidl.float64 and minidl.tensor([np.zeros(1)]).dtype == minidl.float64
    assert minidl.empty_like(minidl.tensor([1, 2])).dtype == minidl.int64
    assert minidl.zeros_like(minidl.tensor([1]), dtype=minidl.float16).dtype == minidl.float16


def test_what_shares_memory():
    array = np.zeros(3, np.float32)
    minidl.from_numpy(array)[0] = 1
    minidl.as_tensor(array)[1] = 2
    minidl.tensor(array)[2] = 3
    assert array.tolist() == [1, 2, 0]
    t = minidl.ones(2)
    assert minidl.as_tensor(t) is t and minidl.as_tensor(t, dtype=minidl.float64) is not t
    with pytest.raises(TypeError, match="expected np.ndarray .got list."):
        minidl.from_numpy([1, 2])


def test_randperm_and_the_seed():
    assert sorted(minidl.randperm(10).tolist()) == list(range(10))
    minidl.manual_seed(7)
    first = minidl.rand(3).tolist()
    assert minidl.initial_seed() == 7
    minidl.manual_seed(7)
    assert minidl.rand(3).tolist() == first != minidl.rand(3).tolist()


def test_ragged_and_strange_data():
    with pytest.raises(ValueError, match="equal length"):
        minidl.tensor([[1, 2], [3]])
    with pytest.raises(TypeError, match="numbers"):
        minidl.tensor(["a"])
