"""Switches are kept as they were set, and the default device is where new tensors are made."""
import threading

import numpy as np
import pytest

import minidl
from tests import strict_array  # noqa: F401  (registers the device "strict")
from tests.checking import torch


@pytest.fixture(autouse=True)
def as_before():
    yield
    minidl.use_deterministic_algorithms(False)
    minidl.set_float32_matmul_precision("highest")
    minidl.set_warn_always(False)
    minidl.set_default_device(None)
    minidl.set_anomaly_enabled(False)


@pytest.mark.parametrize("mode, warn_only, number",
                         [(True, False, 2), (True, True, 1), (False, False, 0), (False, True, 0)])
def test_determinism(mode, warn_only, number):
    minidl.use_deterministic_algorithms(mode, warn_only=warn_only)
    assert minidl.get_deterministic_debug_mode() == number
    assert minidl.are_deterministic_algorithms_enabled() is mode
    assert minidl.is_deterministic_algorithms_warn_only_enabled() is (mode and warn_only)
    if torch is not None:
        torch.use_deterministic_algorithms(mode, warn_only=warn_only)
        assert torch.get_deterministic_debug_mode() == number
        torch.use_deterministic_algorithms(False)


def test_determinism_by_words():
    for word, number in (("warn", 1), ("error", 2), ("default", 0)):
        minidl.set_deterministic_debug_mode(word)
        assert minidl.get_deterministic_debug_mode() == number
    with pytest.raises(RuntimeError, match="expected 0, 1, 2 or one of `default`, `warn`, `error`, but got loud"):
        minidl.set_deterministic_debug_mode("loud")
    with pytest.raises(TypeError, match="must be str or int, but got float"):
        minidl.set_deterministic_debug_mode(1.0)


def test_precision():
    minidl.set_float32_matmul_precision("medium")
    assert minidl.get_float32_matmul_precision() == "medium"
    with pytest.warns(UserWarning, match="exact is not one of 'highest', 'high', or 'medium'"):
        minidl.set_float32_matmul_precision("exact")
    assert minidl.get_float32_matmul_precision() == "medium"
    assert minidl.set_flush_denormal(True) is False


def test_settings_of_a_gpu():
    matmul = minidl.backends.cuda.matmul
    for allow, word, short in ((True, "high", "tf32"), (False, "highest", "ieee")):
        matmul.allow_tf32 = allow
        assert matmul.allow_tf32 is allow and minidl.get_float32_matmul_precision() == word
        assert matmul.fp32_precision == short
    minidl.set_float32_matmul_precision("medium")
    assert matmul.allow_tf32
    matmul.fp32_precision = "ieee"
    assert minidl.get_float32_matmul_precision() == "highest"
    with pytest.raises(ValueError, match="expected 'tf32' or 'ieee', got 'fp8'"):
        matmul.fp32_precision = "fp8"
    with pytest.raises(AttributeError):
        matmul.allow_tf64 = True


def test_settings_of_attention():
    cuda = minidl.backends.cuda
    assert cuda.flash_sdp_enabled() and cuda.math_sdp_enabled() and cuda.mem_efficient_sdp_enabled()
    cuda.enable_math_sdp(False)
    with cuda.sdp_kernel(enable_flash=False):
        assert cuda.math_sdp_enabled() and not cuda.flash_sdp_enabled() and cuda.cudnn_sdp_enabled()
    assert cuda.flash_sdp_enabled() and not cuda.math_sdp_enabled()
    cuda.enable_math_sdp(True)
    assert cuda.is_built() is minidl.cuda.is_available()


def test_warnings_and_anomalies():
    minidl.set_warn_always(True)
    assert minidl.is_warn_always_enabled()
    minidl.set_anomaly_enabled(True, check_nan=False)
    assert minidl.is_anomaly_enabled() and not minidl.is_anomaly_check_nan_enabled()
    minidl.set_anomaly_enabled(False)
    assert not minidl.is_anomaly_enabled() and minidl.is_anomaly_check_nan_enabled()


MAKERS = [lambda: minidl.zeros(2), lambda: minidl.tensor([1, 2]), lambda: minidl.arange(3), lambda: minidl.eye(2),
          lambda: minidl.linspace(0, 1, 3), lambda: minidl.randn(2), lambda: minidl.randperm(3),
          lambda: minidl.full((2,), 1.0), lambda: minidl.tril_indices(2, 2), lambda: minidl.as_tensor([1.0]),
          lambda: minidl.nn.Linear(2, 3).weight, lambda: minidl.range(0, 2),
          lambda: minidl.empty_permuted((2, 3), (1, 0))]


@pytest.mark.parametrize("make", MAKERS)
def test_the_default_device_is_where_tensors_are_made(make):
    with minidl.device("strict") as device:
        assert make().device == device == minidl.get_default_device()
        with minidl.device("cpu"):
            assert make().device.type == "cpu"
        assert make().device.type == "strict"
    minidl.set_default_device("strict")
    assert make().device.type == "strict"
    minidl.set_default_device(None)
    assert make().device.type == "cpu"


def test_what_shares_memory_stays_where_it_is():
    with minidl.device("strict"):
        assert minidl.from_numpy(np.ones(2)).device.type == "cpu"
        assert minidl.zeros_like(minidl.from_numpy(np.ones(2))).device.type == "cpu"
        assert minidl.Generator().device.type == "cpu"


def test_each_thread_has_a_default_device_of_its_own():
    seen = []
    with minidl.device("strict"):
        thread = threading.Thread(target=lambda: seen.append(minidl.get_default_device().type))
        thread.start()
        thread.join()
    assert seen == ["cpu"]


def test_an_error_inside_puts_the_device_back():
    with pytest.raises(ZeroDivisionError), minidl.device("strict"):
        1 / 0
    assert minidl.get_default_device() == minidl.device("cpu")


@pytest.mark.parametrize("value", [3, "text", [], None, 2.5, {}])
def test_typename_of_plain_values_is_pytorchs(value):
    name = minidl.typename(value)
    assert torch is None or name == torch.typename(value)
    assert minidl.typename(minidl.nn.Linear) == minidl.typename(minidl.nn.Linear(1, 1)) == "minidl.nn.linear.Linear"


def test_a_capsule_for_other_libraries():
    assert "dltensor" in repr(minidl.to_dlpack(minidl.ones(2)))
    with pytest.raises(BufferError, match="require gradient"):
        minidl.to_dlpack(minidl.ones(2, requires_grad=True))
