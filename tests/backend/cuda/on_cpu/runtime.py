"""The CUDA runtime: memory is the host's, and whatever is asked for is done at once.

CuPy's Cython modules reach the runtime through function pointers, which the table `runtime.__pyx_capi__` hands out when
they are imported. Before that, the pointers are exchanged for callbacks into this file.
"""
from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from typing import Any

from tests.backend.cuda.on_cpu import count
from tests.backend.cuda.on_cpu.capture import UNSUPPORTED, Refused, captures, record_launches

_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]

C_TYPES = {"int": ctypes.c_int, "unsigned int": ctypes.c_uint, "size_t": ctypes.c_size_t, "intptr_t": ctypes.c_ssize_t,
           "uintmax_t": ctypes.c_ulonglong, "float": ctypes.c_float, "double": ctypes.c_double, "void": None,
           "PyObject *": ctypes.py_object, "long long": ctypes.c_longlong, "int64_t": ctypes.c_int64,
           "bool": ctypes.c_bool, "Py_ssize_t": ctypes.c_ssize_t}


def keep(*things: object) -> None:
    """For ever: C holds them, and calls them even while Python goes down."""
    for thing in things:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def exchange(module: Any, name: str, function: Callable[..., Any]) -> None:
    """Put `function` in place of a `cpdef` function, for Cython (by pointer) and for Python (by attribute)."""
    table = getattr(module, "__pyx_capi__", {})
    if name in table:
        signature = _name(table[name])
        result, arguments = re.fullmatch(r"(.+?) ?\((.*)\)", signature.decode()).groups()
        kinds, taken = [], 0
        for argument in (part.strip() for part in arguments.split(",") if part.strip() != "void"):
            optional = "__pyx_skip_dispatch" in argument or "__pyx_optional_args" in argument
            taken += not optional
            pointer = "*" in argument or argument.startswith("struct")
            kinds.append(C_TYPES.get(argument, ctypes.c_void_p if pointer else ctypes.c_int))
        number = result.strip() != "PyObject *"

        def body(*args: Any, ending: Any = sys.is_finalizing) -> Any:
            if ending():                # Python goes down: nothing is left to do it with
                return 0 if number else None
            return function(*args[:taken])

        callback = ctypes.PYFUNCTYPE(C_TYPES.get(result.strip(), ctypes.py_object), *kinds)(body)
        keep(callback, signature, function)
        table[name] = _new(ctypes.cast(callback, ctypes.c_void_p), signature, None)
    setattr(module, name, function)


# ---------------------------------------------------------------------- memory

_libc = ctypes.CDLL(None)
_libc.aligned_alloc.restype, _libc.aligned_alloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
_libc.free.restype, _libc.free.argtypes = None, [ctypes.c_void_p]

LIMIT = 8 << 30         # bytes of all devices together
FRESH = 0xCB            # what new memory holds: a kernel that reads what nobody wrote shows it
HOST, DEVICE, MANAGED = 1, 2, 3


class Memory:
    """All blocks, and how many bytes they have."""

    def __init__(self, dry: bool, device: Callable[[], int]) -> None:
        self.dry, self.device, self.used = dry, device, 0
        self.blocks: dict[int, tuple[int, int, int]] = {}       # address -> size, device, kind

    def allocate(self, size: int, kind: int = DEVICE) -> int:
        size = max(512, (size + 511) // 512 * 512)
        if not captures.is_safe():
            return -UNSUPPORTED
        if kind == DEVICE and self.used + size > LIMIT:
            return 0
        self.used += size
        address = _libc.aligned_alloc(512, size)
        ctypes.memset(address, 0 if self.dry else FRESH, size)
        self.blocks[address] = size, self.device(), kind
        return address

    def free(self, address: int) -> None:
        captures.is_safe()
        if address in self.blocks:
            self.used -= self.blocks.pop(address)[0]
            _libc.free(address)

    def copy(self, target: int, source: int, size: int, kind: int = 4, stream: int | None = None) -> None:
        host = {1: source, 2: target}.get(kind)
        if captures.by_stream:
            captures.copied(stream, host is None or self.owner(host)[1] == HOST)
        if size and not self.dry:
            captures.do(stream, lambda: ctypes.memmove(target, source, size))
        elif size and kind == 2:        # nothing was computed: zeros come back
            ctypes.memset(target, 0, size)
        count({1: "to device", 2: "to host"}.get(kind, "copy"), f"{size} bytes")
        if kind in (1, 2) and stream is None:
            count("wait", "copy")

    def fill(self, address: int, value: int, size: int, stream: int | None = None) -> None:
        if size and not self.dry:
            captures.do(stream, lambda: ctypes.memset(address, value & 255, size))
        count("fill", f"{size} bytes")

    def owner(self, pointer: int) -> tuple[int, int]:
        """The device and the kind of the memory that a pointer is in."""
        for address, (size, device, kind) in self.blocks.items():
            if address <= pointer < address + size:
                return device, kind
        return 0, 0


# ---------------------------------------------------------------------- all the rest

PROPERTIES = {"name": b"a CPU that plays GPU", "totalGlobalMem": LIMIT, "sharedMemPerBlock": 49152, "warpSize": 32,
              "regsPerBlock": 65536, "maxThreadsPerBlock": 1024, "maxThreadsDim": (1024, 1024, 64),
              "maxGridSize": (2147483647, 65535, 65535), "clockRate": 1980000, "totalConstMem": 65536, "major": 9,
              "minor": 0, "multiProcessorCount": 132, "l2CacheSize": 50 << 20, "maxThreadsPerMultiProcessor": 2048,
              "memoryBusWidth": 5120, "sharedMemPerBlockOptin": 232448, "sharedMemPerMultiprocessor": 233472,
              "integrated": 0, "canMapHostMemory": 1, "concurrentKernels": 1, "uuid": bytes(16),
              "memoryClockRate": 2619000, "unifiedAddressing": 1, "managedMemory": 1, "concurrentManagedAccess": 1,
              "asyncEngineCount": 3}
CALLS = [("deviceSynchronize", 0), ("streamSynchronize", 1), ("memcpy", 4), ("memcpyAsync", 5),
         ("streamBeginCapture", 2), ("streamEndCapture", 1)]     # as driver.cpp numbers them
ATTRIBUTES = {1: 1024, 8: 49152, 10: 32, 16: 132, 75: 9, 76: 0, 39: 2048, 115: 1, 83: 1, 89: 1}


def install(devices: int, driver: ctypes.CDLL, dry: bool) -> None:
    """Exchange the runtime of CuPy, which is imported by this."""
    driver.emu_none_is(ctypes.c_void_p(id(None)))
    driver.emu_dry(dry)
    from tests.backend.cuda.on_cpu import libraries
    libraries.found_by_cupy()
    from cupy_backends.cuda.api import runtime

    memory = Memory(dry, lambda: driver.emu_get_device(0))
    handles = iter(range(1 << 20, 1 << 30, 16))

    def none(*_: Any) -> None:
        return None

    def new(*_: Any) -> int:
        return next(handles)

    def raising(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            try:
                return function(*args)
            except Refused as error:
                raise runtime.CUDARuntimeError(error.args[0]) from None
        return call

    def set_device(number: int) -> None:
        if not 0 <= number < devices:
            raise runtime.CUDARuntimeError(101)
        driver.emu_set_device(number)

    def attributes(pointer: int) -> Any:
        device, kind = memory.owner(pointer)
        return runtime.PointerAttributes(device, pointer, pointer if kind == HOST else 0, kind)

    copy, fill = memory.copy, memory.fill
    table: dict[str, Callable[..., Any]] = {
        "driverGetVersion": lambda: 12090, "runtimeGetVersion": lambda: 12090, "_getCUDAMajorVersion": lambda: 12,
        "_getLocalRuntimeVersion": lambda: 12090, "getDevice": lambda: driver.emu_get_device(0),
        "getDeviceCount": lambda: devices, "setDevice": set_device,
        "deviceGetAttribute": lambda attribute, device: ATTRIBUTES.get(attribute, 0),
        "getDeviceProperties": lambda device: dict(PROPERTIES), "deviceCanAccessPeer": lambda a, b: 1,
        "deviceGetLimit": lambda limit: 1 << 20, "memGetInfo": lambda: (LIMIT - memory.used, LIMIT),
        "malloc": memory.allocate, "mallocManaged": lambda size, flags=1: memory.allocate(size, MANAGED),
        "mallocAsync": lambda size, stream: memory.allocate(size),
        "mallocFromPoolAsync": lambda size, pool, stream: memory.allocate(size),
        "hostAlloc": lambda size, flags: memory.allocate(size, HOST),
        "free": memory.free, "freeHost": memory.free, "freeAsync": lambda pointer, stream: memory.free(pointer),
        "memset": fill, "memsetAsync": fill,
        "memcpyPeer": lambda to, to_device, source, device, size: copy(to, source, size, 3),
        "memcpyPeerAsync": lambda to, to_device, source, device, size, stream: copy(to, source, size, 3, stream),
        "pointerGetMemoryType": lambda pointer: memory.owner(pointer)[1], "pointerGetAttributes": attributes,
        "deviceGetDefaultMemPool": lambda device: 4096, "deviceGetMemPool": lambda device: 4096,
        "streamCreate": new, "streamCreateWithFlags": new, "streamCreateWithPriority": new,
        "streamGetFlags": lambda stream: 0, "streamGetPriority": lambda stream: 0,
        "streamIsCapturing": lambda stream: int(stream in captures.by_stream),
        "eventCreate": new, "eventCreateWithFlags": new, "eventElapsedTime": lambda a, b: 1.0,
        "streamQuery": lambda stream: 0, "eventQuery": lambda event: 0,     # done
        "graphInstantiate": lambda graph: captures.graph_of(captures.graphs[graph]), "graphLaunch": captures.launch,
        "graphDestroy": captures.forget, "graphExecDestroy": captures.forget,
        "launchHostFunc": lambda stream, function, argument: function(argument),
    }
    for name in ("_ensure_context check_status deviceEnablePeerAccess _deviceEnsurePeerAccess deviceSetLimit "
                 "hostRegister hostUnregister memPrefetchAsync memAdvise deviceSetMemPool streamDestroy "
                 "streamWaitEvent eventDestroy eventRecord graphUpload "
                 "profilerStart profilerStop").split():
        table[name] = none
    for name, function in table.items():
        exchange(runtime, name, function)

    # errors: a callback in Python cannot raise through C, but the driver's functions can
    allocate = ctypes.PYFUNCTYPE(ctypes.c_ssize_t, ctypes.c_size_t)(memory.allocate)
    keep(allocate, runtime.CUDARuntimeError)
    driver.emu_errors_are(ctypes.c_void_p(id(runtime.CUDARuntimeError)), devices, allocate)
    calls = {"deviceSynchronize": captures.wait, "streamSynchronize": captures.wait, "memcpy": copy,
             "memcpyAsync": copy, "streamBeginCapture": captures.begin, "streamEndCapture": captures.end,
             "eventSynchronize": lambda event: captures.wait()}
    for name, function in calls.items():
        setattr(runtime, name, raising(function))

    @ctypes.PYFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, *[ctypes.c_ssize_t] * 5)
    def call(which: int, *args: int) -> int:
        name, count_of_args = CALLS[which]
        try:
            return calls[name](*args[:count_of_args]) or 0
        except Refused as error:
            return -error.args[0]
    keep(call)
    driver.emu_calls_are(call)
    record_launches(driver)
    for name, function in {"getDevice": driver.emu_get_device, "_ensure_context": driver.emu_return_none,
                           "setDevice": driver.emu_set_device_or_raise, "malloc": driver.emu_malloc_or_raise,
                           "deviceSynchronize": driver.emu_device_synchronize, "memcpy": driver.emu_memcpy,
                           "streamSynchronize": driver.emu_stream_synchronize,
                           "eventSynchronize": driver.emu_event_synchronize, "memcpyAsync": driver.emu_memcpy_async,
                           "streamBeginCapture": driver.emu_begin_capture,
                           "streamEndCapture": driver.emu_end_capture}.items():
        signature = _name(runtime.__pyx_capi__[name])
        keep(signature)
        runtime.__pyx_capi__[name] = _new(ctypes.cast(function, ctypes.c_void_p), signature, None)


def observe(driver: ctypes.CDLL) -> None:
    """Count kernels as they are launched."""
    @ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
    def launched(name: bytes, _: Any) -> None:
        count("launch", name.decode())
    keep(launched)
    driver.emu_observe(launched)
