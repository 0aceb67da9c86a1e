"""The questions about GPUs that programs begin with, on a machine with one and on a machine without."""
import copy
import random as python_random
import warnings

import pytest

import minidl
from minidl import accelerator, cuda, nn
from minidl.backend.device import cuda_is_available

without_gpu = pytest.mark.skipif(cuda_is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not cuda_is_available(), reason="there is no GPU")
with_two_gpus = pytest.mark.skipif(cuda.device_count() < 2, reason="there are no two GPUs")


def seed_everything(seed):
    """As it stands in many programs, with the imports changed."""
    python_random.seed(seed)
    minidl.manual_seed(seed)
    minidl.cuda.manual_seed(seed)
    minidl.cuda.manual_seed_all(seed)
    minidl.backends.cudnn.deterministic = True
    minidl.backends.cudnn.benchmark = False
    minidl.backends.cudnn.allow_tf32 = minidl.backends.cuda.matmul.allow_tf32 = False


def test_the_beginning_of_many_programs():
    seed_everything(3)
    found = "cuda" if minidl.cuda.is_available() else "mps" if minidl.backends.mps.is_available() else "cpu"
    device = minidl.device(found)
    a = minidl.rand(4, device=device)
    seed_everything(3)
    assert a.equal(minidl.rand(4, device=device)) and a.device.type == device.type
    kind = accelerator.current_accelerator().type if accelerator.is_available() else "cpu"
    assert kind == device.type


@without_gpu
def test_without_a_gpu():
    assert not cuda.is_available() and cuda.device_count() == 0 == cuda.memory_allocated() == cuda.current_device()
    assert accelerator.current_accelerator() is None and not cuda.is_initialized()
    assert cuda.max_memory_allocated() == cuda.memory_reserved() == cuda.max_memory_reserved() == 0
    assert cuda.memory_stats() == {} and cuda.memory_summary() == "" and cuda.get_rng_state_all() == []
    for nothing in (cuda.empty_cache, cuda.reset_peak_memory_stats, cuda.seed, cuda.seed_all):
        nothing()
    cuda.set_device(-1)
    for block in (cuda.device(None), cuda.device(-1), cuda.device_of(minidl.ones(2)), cuda.stream(None)):
        with block:
            pass
    for needs_one in (cuda.synchronize, cuda.get_device_name, cuda.get_device_properties, cuda.mem_get_info, cuda.init,
                      cuda.Stream, cuda.Event, cuda.current_stream, cuda.get_rng_state, lambda: cuda.set_device(0)):
        with pytest.raises(RuntimeError, match="CuPy|GPU"):
            needs_one()


def test_out_of_memory_is_a_runtime_error():
    assert issubclass(cuda.OutOfMemoryError, RuntimeError) and issubclass(cuda.OutOfMemoryError, MemoryError)
    assert minidl.OutOfMemoryError is cuda.OutOfMemoryError


@with_gpu
def test_with_a_gpu():
    assert cuda.device_count() >= 1 and cuda.current_device() == 0
    assert cuda.get_device_name(0) == cuda.get_device_name("cuda") == cuda.get_device_properties().name
    assert cuda.get_device_capability() == cuda.get_device_properties("cuda:0")[1:3] and cuda.is_initialized()
    cuda.manual_seed(1)
    a = minidl.rand(3, device="cuda")
    cuda.manual_seed_all(1)
    assert a.equal(minidl.rand(3, device="cuda"))


@with_gpu
@pytest.mark.parametrize("word, largest, least", [("highest", 1e-6, 0.0), ("high", 2e-3, 2e-5), ("medium", 2e-3, 2e-5)])
def test_the_precision_of_products(word, largest, least):
    """TF32 has 11 binary digits: factors lose up to 2 ** -11 of their size, single, in batches and in captures."""
    minidl.manual_seed(0)
    x, y = minidl.rand(2, 40, 64, device="cuda"), minidl.rand(2, 64, 48, device="cuda")
    exact = x.double() @ y.double()
    minidl.set_float32_matmul_precision(word)
    try:
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            captured = x @ y
        graph.replay()
        by_one = minidl.stack([a @ b for a, b in zip(x, y)])
        for found in (x @ y, captured, by_one, minidl.einsum("bij,bjk->bik", x, y)):
            error = ((found - exact) / exact).abs().max().item()
            assert least <= error <= largest and found.dtype == minidl.float32
        assert (x.double() @ y.double()).equal(exact)
    finally:
        minidl.set_float32_matmul_precision("highest")
    assert ((x @ y - exact) / exact).abs().max().item() < 1e-6


@with_gpu
def test_memory_and_its_peak():
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    before = cuda.memory_allocated()
    x = minidl.zeros(1 << 20, device="cuda")
    cuda.synchronize()
    assert cuda.memory_allocated() >= before + x.nbytes
    size = x.nbytes
    del x
    assert cuda.memory_allocated() == before and cuda.max_memory_allocated() >= before + size
    stats = cuda.memory_stats()
    assert stats["allocated_bytes.all.peak"] == cuda.max_memory_allocated() <= cuda.max_memory_reserved()
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == before
    free, total = cuda.mem_get_info()
    assert 0 < free <= total and "in use" in cuda.memory_summary()
    with pytest.raises(cuda.OutOfMemoryError, match=r"Tried to allocate 37252\.90 GiB .*smaller batch"):
        minidl.empty(10**13, device="cuda")


@with_gpu
def test_streams_and_events():
    s, start, end = cuda.Stream(), cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    with cuda.stream(s):
        assert cuda.current_stream() == s != cuda.default_stream()
        start.record()
        y = minidl.ones(1000, device="cuda") * 2
        end.record()
    cuda.current_stream().wait_stream(s)
    assert cuda.current_stream() == cuda.default_stream() and y.sum().item() == 2000
    s.synchronize()
    end.synchronize()
    assert start.elapsed_time(end) >= 0 and end.query() and s.query()
    with pytest.raises(RuntimeError, match="enable_timing=True"):
        cuda.Event().elapsed_time(end)


@with_gpu
def test_convolution_of_more_groups_than_a_grid_has_layers():
    x, w = (minidl.randn(*shape, device="cuda", requires_grad=True) for shape in ((1, 70000, 1, 1), (70000, 1, 1, 1)))
    y = nn.functional.conv2d(x, w, groups=70000)
    y.sum().backward()
    minidl.testing.assert_close(y, x * w.view_as(x))
    minidl.testing.assert_close((x.grad, w.grad), (w.view_as(x), x.view_as(w)))


class Slow:
    """A stream that is not done before it is told so."""

    done = False

    def record_event(self):
        return self

    def query(self):
        return self.done


@with_gpu
def test_memory_waits_for_a_stream_that_uses_it():
    x, slow, other = minidl.ones(5000, device="cuda"), Slow(), Slow()
    part, place = x[10:], x.data_ptr()

    def made():
        return minidl.zeros(5000, device="cuda")

    x.record_stream(slow)
    part.record_stream(other)
    x.record_stream(slow)
    slow.done = other.done = True
    del x
    assert made().data_ptr() != place           # a view still reads it
    slow.done = False
    del part
    assert made().data_ptr() != place           # a stream may still read it
    slow.done = True
    assert made().data_ptr() == place
    minidl.ones(0, device="cuda").record_stream(cuda.Stream())
    made().record_stream(cuda.current_stream())
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="record_stream: operation not permitted"), cuda.graph(g):
        y = made()
        y.record_stream(slow)


def test_on_the_cpu_no_memory_waits():
    x = minidl.ones(3)
    assert x.record_stream(Slow()) is None and x.tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match=r"record_stream: stream must be a minidl.cuda.Stream, but got int"):
        x.record_stream(1)


@with_gpu
def test_random_state_is_saved_and_repeated():
    for draw in (minidl.rand, minidl.randn, lambda n, device: minidl.randint(100, (n,), device=device)):
        state = cuda.get_rng_state()
        a = draw(1000, device="cuda")
        with minidl.random.fork_rng():
            draw(3, device="cuda")
        b = draw(10, device="cuda")
        cuda.set_rng_state(state)
        assert draw(1000, device="cuda").equal(a) and draw(10, device="cuda").equal(b)
    whole = minidl.rand(100, device="cuda", generator=minidl.Generator("cuda").manual_seed(7))
    g = minidl.Generator("cuda").manual_seed(7)
    assert minidl.cat([minidl.rand(30, device="cuda", generator=g), minidl.rand(70, device="cuda", generator=g)]
                      ).equal(whole)


@with_gpu
def test_distributions():
    cuda.manual_seed(0)
    n, device = 20000, "cuda"
    for rate in (0.5, 4.0, 30.0):
        x = minidl.poisson(minidl.full((n,), rate, device=device))
        assert abs(x.mean().item() - rate) < 0.05 * rate ** 0.5 and abs(x.var().item() / rate - 1) < 0.05
    for count, p in ((5, 0.3), (40, 0.9), (200, 0.25)):
        x = minidl.binomial(minidl.full((n,), count * 1.0, device=device), minidl.full((n,), p, device=device))
        variance = count * p * (1 - p)
        assert abs(x.mean().item() - count * p) < 0.05 * variance ** 0.5
        assert abs(x.var().item() / variance - 1) < 0.05 and x.max().item() <= count and x.min().item() >= 0
    for dtype in (minidl.float32, minidl.float64):
        x = minidl.randn(n, device=device, dtype=dtype)
        assert abs(x.mean().item()) < 0.04 and abs(x.var().item() - 1) < 0.04
        assert abs((x ** 4).mean().item() - 3) < 0.3
        u = minidl.rand(n, device=device, dtype=dtype)
        assert 0 <= u.min().item() < 0.001 and 0.999 < u.max().item() < 1
        assert abs(u.mean().item() - 0.5) < 0.01 and abs(u.var().item() - 1 / 12) < 0.004


@with_gpu
@pytest.mark.parametrize("wrong, kind, text", [
    (lambda x, i: x[i(1, 9)], IndexError, "index 9 is out of bounds for dimension 0 with size 3"),
    (lambda x, i: x.__setitem__(i(-4), 1.0), IndexError, "index -4 is out of bounds"),
    (lambda x, i: x.gather(0, i(5).reshape(1, 1)), RuntimeError, "gather: index 5"),
    (lambda x, i: x.index_select(1, i(4)), IndexError, "index_select: index 4"),
    (lambda x, i: x.take(i(12)), IndexError, "take: out of range: tried to access index 12"),
    (lambda x, i: x.put(i(40), x[0, :1]), IndexError, "put: index 40"),
    (lambda x, i: x.index_put((i(0, 3),), x[0, 0]), IndexError, "index 3 is out of bounds"),
    (lambda x, i: minidl.nn.functional.embedding(i(3), x), IndexError, "embedding: index 3"),
    (lambda x, i: minidl.nn.functional.cross_entropy(x, i(0, 4, 1)), IndexError, "Target 4 is out of bounds"),
    (lambda x, i: minidl.nn.functional.nll_loss(x, i(0, -5, 1)), IndexError, "Target -5 is out of bounds"),
    (lambda x, i: minidl.nn.functional.binary_cross_entropy(x + 2, x), RuntimeError, "between 0 and 1"),
    (lambda x, i: minidl.multinomial(x * 0, 2), RuntimeError, "sum of probabilities <= 0"),
    (lambda x, i: minidl.bernoulli(x + 1), RuntimeError, "0 <= p <= 1"),
    (lambda x, i: i(1, 2) // i(0, 1), RuntimeError, "integer division by zero"),
])
@pytest.mark.parametrize("at_once", [False, True])
def test_what_is_wrong_is_said_when_the_gpu_is_waited_for(wrong, kind, text, at_once, monkeypatch):
    x = minidl.rand(3, 4, device="cuda")

    def whole(*numbers):
        return minidl.tensor(numbers, device="cuda")

    monkeypatch.setattr(cuda.devices.library().asserts, "at_once", at_once)
    with pytest.raises(kind) as raised:
        wrong(x, whole)
        assert not at_once, "it was to be found at once"
        minidl.ones(2, device="cuda") * 2               # later work goes on
        cuda.synchronize()
    assert text in str(raised.value) and ("CUDA_LAUNCH_BLOCKING" in str(raised.value)) != at_once
    cuda.synchronize()                                  # said once


@with_two_gpus
def test_what_is_asked_of_one_gpu_while_another_is_current():
    x = minidl.arange(1.0, 7.0, device="cuda:1").reshape(2, 3)
    w = x.clone().requires_grad_()

    def written():                              # the op keeps a copy of its output
        y = x / w
        minidl.ones(2, device="cuda:0") * 2
        y.mul_(2)
        y.sum().backward()
        return w.grad

    for ask in (lambda: minidl.nn.functional.dropout(x), lambda: minidl.nn.functional.gumbel_softmax(x), written,
                lambda: x.clone().normal_(), lambda: minidl.randint_like(x, 5), lambda: minidl.bernoulli(x * 0, 0.5),
                lambda: minidl.svd_lowrank(x)[1], lambda: x.t().clone(), lambda: minidl.eye(3, device="cuda:1")):
        minidl.ones(2, device="cuda:0") * 2     # now the first is current
        with warnings.catch_warnings():
            warnings.simplefilter("error")      # CuPy warns where it reads memory of another GPU
            result = ask()
        assert str(result.device) == "cuda:1"


@with_gpu
def test_memory_order_is_kept_between_devices():
    images = minidl.rand(2, 3, 4, 5).contiguous(memory_format=minidl.channels_last)
    wide = minidl.arange(48.0).reshape(4, 6, 2)
    for x in (images, wide.permute(2, 0, 1), wide[:, ::2].transpose(0, 1), wide[0, 0].expand(3, 2), images[:0]):
        there = x.to("cuda")
        back = there.cpu()
        assert there.stride() == back.stride() == x.to(minidl.float64).stride() and back.tolist() == x.tolist()
        assert x.pin_memory().to("cuda", non_blocking=True).tolist() == x.tolist()
    assert nn.Conv2d(3, 4, 2).to(memory_format=minidl.channels_last).to("cuda").weight.is_contiguous(
        memory_format=minidl.channels_last)


@with_two_gpus
def test_two_gpus():
    x = minidl.rand(3, 4, device="cuda:1", requires_grad=True)
    results = [x * 2, x.sum(), x.clone(), x.sort()[0], x.argmax(), x[x > 0.5], x @ x.T,
               minidl.randn(3, device="cuda:1"), minidl.nn.functional.dropout(x),
               minidl.empty(2, device="cuda:1").normal_()]
    assert {str(y.device) for y in results} == {"cuda:1"}
    a = minidl.ones(3, device="cuda:0", requires_grad=True)
    z = (a * 2).to("cuda:1") * 3 + a.to("cuda:1")
    (z.sum().to("cuda:0") + a.sum()).backward()
    assert a.grad.tolist() == [8, 8, 8] and str(a.grad.device) == "cuda:0"
    assert (x + 1).sum().item() and str(copy.deepcopy(a).device) == "cuda:0"
    with pytest.raises(RuntimeError, match="cuda:1 and cuda:0"):
        x + minidl.ones(4, device="cuda:0")
    with pytest.raises(RuntimeError, match="invalid device ordinal: there is no device 'cuda:99'"):
        minidl.ones(3, device="cuda:99")
    with cuda.device(1):
        assert cuda.current_device() == 1 and str(minidl.ones(2, device="cuda").device) == "cuda:1"
    assert cuda.current_device() == 0 and str(minidl.ones(2, device="cuda").device) == "cuda:0"
    same = [minidl.randn(5, device=d, generator=minidl.Generator(d).manual_seed(3)).tolist()
            for d in ("cuda:0", "cuda:1")]
    assert same[0] == same[1], "the numbers of a seed depend on the device"
