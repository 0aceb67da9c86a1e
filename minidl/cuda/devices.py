"""The GPUs of this machine: how many, which one is meant by "cuda", and what they are."""
from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from minidl.autograd.tensorbase import TensorBase
from minidl.backend import device as devices
from minidl.backend.device import Device, as_device, choose_gpu, chosen_gpu, cuda_is_available, get_library

is_available = cuda_is_available


def library() -> Any:
    """The array library of GPUs. Errors: RuntimeError, which says what to install, without CuPy or a GPU."""
    return get_library(Device("cuda"))


def gpu_number(device: Device | str | int | None) -> int:
    """The number of a GPU, given as a number, 'cuda:1' or a device; None is the current one."""
    if device is None or device == "cuda":
        return library().number(Device("cuda"))
    return library().number(Device("cuda", device) if isinstance(device, int) else as_device(device))


def device_count() -> int:
    """The number of usable GPUs."""
    return library().count if is_available() else 0


def current_device() -> int:
    """The number of the GPU that 'cuda' without a number stands for in this thread; 0 at first."""
    return chosen_gpu()


def set_device(device: Device | str | int) -> None:
    """Let 'cuda' stand for another GPU in this thread; a negative number changes nothing.

    Errors: RuntimeError without a GPU of this number.
    """
    if isinstance(device, int) and device < 0:
        return
    choose_gpu(gpu_number(device))


class device(contextlib.ContextDecorator):
    """Let 'cuda' stand for another GPU inside a `with` block; None or a negative number changes nothing.

    Errors: RuntimeError without a GPU of this number.
    """

    def __init__(self, device: Device | str | int | None) -> None:
        self.number = -1 if device is None or isinstance(device, int) and device < 0 else gpu_number(device)
        self.before: list[int] = []

    def __enter__(self) -> None:
        self.before.append(chosen_gpu())
        if self.number >= 0:
            choose_gpu(self.number)

    def __exit__(self, *exc_info: object) -> None:
        choose_gpu(self.before.pop())


class device_of(device):
    """`device(...)` of the GPU that a tensor is on; for another tensor, nothing changes."""

    def __init__(self, obj: Any) -> None:
        place = devices.device_of(obj.array) if isinstance(obj, TensorBase) else Device("cpu")
        super().__init__(place.index if place.type == "cuda" else None)


class DeviceProperties(NamedTuple):
    """What a GPU is: its name, its compute capability, and its sizes in bytes."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_block: int
    max_threads_per_multi_processor: int
    regs_per_multiprocessor: int
    shared_memory_per_block: int
    shared_memory_per_block_optin: int
    shared_memory_per_multiprocessor: int
    L2_cache_size: int
    is_integrated: int
    is_multi_gpu_board: int


def get_device_properties(device: Device | str | int | None = None) -> DeviceProperties:
    """What the maker says of the GPU."""
    got = library().xp.cuda.runtime.getDeviceProperties(gpu_number(device))
    return DeviceProperties(got["name"].decode(), *[got.get(name, 0) for name in (
        "major", "minor", "totalGlobalMem", "multiProcessorCount", "warpSize", "maxThreadsPerBlock",
        "maxThreadsPerMultiProcessor", "regsPerMultiprocessor", "sharedMemPerBlock", "sharedMemPerBlockOptin",
        "sharedMemPerMultiprocessor", "l2CacheSize", "integrated", "isMultiGpuBoard")])


def get_device_name(device: Device | str | int | None = None) -> str:
    """The name of the GPU, from its maker."""
    return get_device_properties(device).name


def get_device_capability(device: Device | str | int | None = None) -> tuple[int, int]:
    """The compute capability of the GPU, such as (9, 0)."""
    return get_device_properties(device)[1:3]


def can_device_access_peer(device: Device | str | int, peer_device: Device | str | int) -> bool:
    """Whether one GPU can read the memory of another."""
    return bool(library().xp.cuda.runtime.deviceCanAccessPeer(gpu_number(device), gpu_number(peer_device)))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: NumPy and CuPy have no bfloat16."""
    return False


def init() -> None:
    """Find the GPUs now, and not when the first is used. Errors: RuntimeError without one."""
    library()


def is_initialized() -> bool:
    """Whether there is a GPU: it is found when it is asked for."""
    return is_available()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait until the GPU has finished all its work, for instance before reading a clock.

    Errors: those of calls that the GPU has found to be wrong since, such as an index out of range.
    """
    library().synchronize(Device("cuda", gpu_number(device)))
