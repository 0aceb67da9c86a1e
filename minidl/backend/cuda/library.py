"""CuPy as an array library: its arrays, devices, memory, random numbers and what it is asked to check."""
from __future__ import annotations

import contextlib
import functools
import importlib
from types import ModuleType
from typing import Any

import cupy
import numpy as np
from cupy.cuda import runtime

from minidl.backend import precision
from minidl.backend.capture import captured, refuse_captured
from minidl.backend.cuda import blas, copies, memory
from minidl.backend.cuda.asserts import Asserts
from minidl.backend.cuda.module import is_dense
from minidl.backend.cuda.random import PhiloxStream, stream_from
from minidl.backend.device import Array, ArrayLibrary, Device, chosen_gpu


class CupyLibrary(ArrayLibrary):
    """CuPy, which computes on the device that is current in this thread.

    Errors: RuntimeError without a GPU.
    """

    name = "cupy"
    device_type = "cuda"
    array_type = cupy.ndarray
    xp = cupy

    def __init__(self) -> None:
        try:
            self.count = runtime.getDeviceCount()
        except Exception as error:
            raise RuntimeError(f"device 'cuda': CuPy is installed but finds no usable GPU ({error})") from error
        if not self.count:
            raise RuntimeError("device 'cuda': CuPy is installed but there is no GPU on this machine")
        self.several = self.count > 1
        self.devices = [Device("cuda", number) for number in range(self.count)]
        self.asserts = Asserts()
        memory.watch()
        precision.followers.append(blas.follow_precision)
        if precision.float32_matmul != "highest":       # else CuPy keeps what CUPY_TF32 says
            blas.follow_precision(precision.float32_matmul)

    @functools.cached_property
    def special(self) -> ModuleType:
        return importlib.import_module("cupyx.scipy.special")

    @functools.cached_property
    def fft(self) -> ModuleType:
        return importlib.import_module("cupyx.scipy.fft")

    # ------------------------------------------------------------------ devices

    def device(self, array: Array) -> Device:
        return self.devices[array.device.id]

    def on(self, device: Device) -> contextlib.AbstractContextManager[Any]:
        return cupy.cuda.Device(self.number(device))

    def number(self, device: Device) -> int:
        """The number of a GPU. Errors: RuntimeError if there is none of this number."""
        number = chosen_gpu() if device.index is None else device.index
        if not 0 <= number < self.count:
            last = f" to cuda:{self.count - 1}" if self.several else ""
            raise RuntimeError(f"CUDA error: invalid device ordinal: there is no device 'cuda:{number}', this machine "
                               f"has cuda:0{last}")
        return number

    def select(self, array: Array) -> None:
        number = array.device.id
        if number != runtime.getDevice():
            runtime.setDevice(number)

    # ------------------------------------------------------------------ copies: the host waits

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        refuse_captured("to", "Cannot copy between CPU and CUDA tensors during CUDA graph capture",
                        "make the tensor on the GPU before the capture, and copy into it before each replay")
        with self.on(device):
            return cupy.asarray(array, blocking=copies.is_pinned(array))    # CuPy reads other memory before it returns

    def from_numpy_later(self, array: np.ndarray, device: Device) -> Array:
        if captured() is not None or not (array.size and copies.is_pinned(array) and is_dense(array)):
            return self.from_numpy(array, device)
        with self.on(device):
            return copies.copy_later(array)

    def pin(self, array: np.ndarray) -> np.ndarray:
        return copies.pin(array)

    def is_pinned(self, array: np.ndarray) -> bool:
        return copies.is_pinned(array)

    def use_on(self, array: Array, stream: Any) -> None:
        refuse_captured("record_stream", "memory of a capture belongs to its graph", "call it before the capture")
        memory.use_on(array, stream)

    def to_numpy(self, array: Array) -> np.ndarray:
        refuse_captured("cpu", "the host would wait for what is not computed yet",
                        "read tensors (item, tolist, printing, a condition on one) after a replay")
        with array.device:
            values = cupy.asnumpy(array)
        self.asserts.look()
        return values

    def synchronize(self, device: Device) -> None:
        refuse_captured("synchronize", "what is captured is not computed yet", "wait after a replay")
        with self.on(device):
            runtime.deviceSynchronize()
        self.asserts.look()

    # ------------------------------------------------------------------ what must hold

    def assert_none(self, bad: Array, error: type[Exception], message: str) -> None:
        self.select(bad)
        self.asserts.none(bad, error, message)

    def assert_in_range(self, positions: Array, least: int, end: int, error: type[Exception], message: str,
                        allowed: int | None = None) -> None:
        self.select(positions)
        self.asserts.in_range(positions, least, end, error, message, least if allowed is None else allowed)

    # ------------------------------------------------------------------ random numbers

    def random(self, seed: int, device: Device) -> PhiloxStream:
        refuse_captured("Generator", "each replay would draw the same numbers from a stream that begins inside",
                        "make generators, and seed them, before the capture")
        return PhiloxStream(seed, 0, self.number(device))

    def restarted(self, stream: PhiloxStream, start: PhiloxStream) -> PhiloxStream:
        """A captured step draws from the stream that it knows, also after `manual_seed` and `set_state`."""
        stream.seed, stream.offset = start.seed, start.offset
        return stream

    def random_state(self, stream: PhiloxStream) -> bytes:
        return stream.state()

    def random_from(self, state: bytes, device: Device) -> PhiloxStream:
        return stream_from(state, self.number(device))


def library() -> CupyLibrary:
    """CuPy, with all bodies for its arrays."""
    for name in ("activation", "arithmetic", "attention", "conv", "matmul", "norm", "optim", "pool", "rnn", "scatter",
                 "softmax"):
        importlib.import_module(f"minidl.backend.cuda.{name}")
    return CupyLibrary()
