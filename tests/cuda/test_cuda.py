"""The questions about GPUs that programs begin with, on a machine with one and on a machine without."""
import random as python_random

import pytest

import minidl
from minidl import accelerator, cuda
from minidl.backend.device import cuda_is_available

without_gpu = pytest.mark.skipif(cuda_is_available(), reason="there is a GPU")
with_gpu = pytest.mark.skipif(not cuda_is_available(), reason="there is no GPU")


def seed_everything(seed):
    """As it stands in many programs, with the imports changed."""
    python_random.seed(seed)
    minidl.manual_seed(seed)
    minidl.cuda.manual_seed(seed)
    minidl.cuda.manual_seed_all(seed)
    minidl.backends.cudnn.deterministic = True
    minidl.backends.cudnn.benchmark = False


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
    assert not cuda.is_available() and cuda.device_count() == 0 == cuda.memory_allocated()
    assert accelerator.current_accelerator() is None
    cuda.empty_cache()
    for needs_one in (cuda.synchronize, cuda.get_device_name):
        with pytest.raises(RuntimeError, match="CuPy|GPU"):
            needs_one()


@with_gpu
def test_with_a_gpu():
    assert cuda.device_count() >= 1 and cuda.current_device() == 0
    assert cuda.get_device_name(0) == cuda.get_device_name("cuda")
    before = cuda.memory_allocated()
    x = minidl.zeros(1 << 20, device="cuda")
    cuda.synchronize()
    assert cuda.memory_allocated() >= before + x.nbytes
    cuda.empty_cache()
    cuda.manual_seed(1)
    a = minidl.rand(3, device="cuda")
    cuda.manual_seed_all(1)
    assert a.equal(minidl.rand(3, device="cuda"))
