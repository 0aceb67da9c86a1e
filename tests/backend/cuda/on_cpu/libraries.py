"""Stand-ins for the libraries that CuPy calls: cuBLAS at its C functions, all others at CuPy's functions in Python.

For each library a shared object is made that has every function which the wheel asks for. A function jumps to where its
slot points: to one that says "not supported", or to a callback of this file, which reads and writes the same memory
through NumPy. Linear algebra, Fourier transforms and sorting go to the host, and back.
"""
from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import itertools
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.backend.cuda.on_cpu import CACHE, HERE, built, count
from tests.backend.cuda.on_cpu.capture import captures
from tests.backend.cuda.on_cpu.runtime import keep

SONAMES = {"cublas": "libcublas.so.12", "cusolver": "libcusolver.so.11", "cusparse": "libcusparse.so.12",
           "curand": "libcurand.so.10", "cufft": "libcufft.so.11", "nvrtc": "libnvrtc.so.12"}
loaded: dict[str, tuple[Path, ctypes.CDLL]] = {}


def load() -> None:
    """Build and load the stand-ins, so that the wheel's modules find them by their names."""
    wheel = Path(importlib.util.find_spec("cupy_backends").origin).parent
    for name, soname in SONAMES.items():
        modules = [*wheel.glob(f"cuda/libs/{name}.*.so"), *(wheel.parent / "cupy/cuda").glob(f"{name}.*.so")]
        if name == "nvrtc":
            modules += (wheel.parent / "cupy/cuda").glob("jitify.*.so")
        symbols = subprocess.run(["nm", "-D", "--undefined-only", *modules], capture_output=True, text=True, check=True)
        names = {line.split()[-1].split("@")[0] for line in symbols.stdout.splitlines() if line.strip()}
        source, script = CACHE / f"{name}.cpp", CACHE / f"{name}.map"
        names |= {n for n in BLAS if n.startswith(name)}        # minidl asks for some by itself
        source.write_text(_stub(sorted(n for n in names if n.startswith(name))), encoding="utf-8")
        script.write_text(f"{soname} {{ global: *; }};\n", encoding="utf-8")    # the wheel asks for versioned symbols
        path = built(source, soname, f"-Wl,--version-script={script}")
        loaded[name] = path, ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def _stub(names: list[str]) -> str:
    """C++ with a slot for each function, and a jump to it."""
    jump = {"x86_64": "movq slot_{0}@GOTPCREL(%rip), %rax\njmp *(%rax)",
            "aarch64": "adrp x16, :got:slot_{0}\nldr x16, [x16, :got_lo12:slot_{0}]\nldr x16, [x16]\nbr x16"}
    return "\n".join(['extern "C" int missing() { return 15; }',
                      *[f'extern "C" {{ void *slot_{name} = (void *)&missing; }}' for name in names],
                      'asm(R"(\n.text', *[f".globl {name}\n.type {name}, %function\n{name}:\n"
                                          f"{jump[platform.machine()].format(name)}" for name in names], ')");\n'])


def found_by_cupy() -> None:
    """Let CuPy's search for libraries and headers find these."""
    from cuda import pathfinder

    class Loaded:
        found_via, was_already_loaded_from_elsewhere = "system", True

        def __init__(self, path: Path, library: ctypes.CDLL) -> None:
            self.abs_path, self._handle_uint = str(path), library._handle

    def find(name: str) -> Loaded:
        if name not in loaded:
            raise pathfinder.DynamicLibNotFoundError(f"there is no library named {name} here")
        return Loaded(*loaded[name])

    pathfinder.load_nvidia_dynamic_lib = find
    pathfinder.find_nvidia_header_directory = lambda name: str(HERE)
    pathfinder.find_nvidia_binary_utility = lambda name: None


def install(dry: bool) -> None:
    """Give functions of the libraries a meaning; in a dry run those that compute have none."""
    for name, (kinds, function) in BLAS.items():
        _hook(name, kinds, (lambda *_: 0) if dry and "emm" in name else function)
    import cupy
    import cupyx.scipy.fft
    from cupy.cuda import thrust
    thrust.sort, thrust.argsort, thrust.lexsort = _sort, _argsort, _lexsort
    for name in ("cholesky", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "pinv", "qr", "slogdet", "solve",
                 "svd"):
        setattr(cupy.linalg, name, _on_the_host(getattr(np.linalg, name)))
    scipy_fft = importlib.import_module("scipy.fft")
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn",
                 "rfftn", "irfftn", "hfftn", "ihfftn", "hfft2", "ihfft2"):
        setattr(cupyx.scipy.fft, name, _on_the_host(getattr(scipy_fft, name)))


def _on_the_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for arrays of CuPy, computed by NumPy or SciPy; the copies are not counted."""
    import cupy

    def call(*args: Any, **kwargs: Any) -> Any:
        count("library", function.__name__)
        result = function(*map(host, args), **{name: host(value) for name, value in kwargs.items()})
        if isinstance(result, tuple):
            parts = [device(part) for part in result]
            return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
        return device(result)

    def host(value: Any) -> Any:
        if not isinstance(value, cupy.ndarray):
            return value
        value = cupy.ascontiguousarray(value)
        return view(value.data.ptr, value.dtype, value.size).reshape(value.shape).copy()

    def device(value: Any) -> Any:
        values = np.asarray(value)
        result = cupy.empty(values.shape, values.dtype)
        if values.size:
            ctypes.memmove(result.data.ptr, np.ascontiguousarray(values).ctypes.data, values.nbytes)
        return result
    return call


# ---------------------------------------------------------------------- memory as arrays

KINDS = {"p": ctypes.c_void_p, "i": ctypes.c_int, "l": ctypes.c_longlong}


def _hook(name: str, kinds: str, function: Callable[..., Any]) -> None:
    library = next(library for prefix, (_, library) in loaded.items() if name.startswith(prefix))
    slot = ctypes.c_void_p.in_dll(library, f"slot_{name}")

    def body(*args: Any, ending: Any = sys.is_finalizing) -> int:
        if ending():
            return 0
        try:
            if "emm" not in name:
                return function(*args) or 0
            stream = _streams.get(args[0])
            if stream not in captures.by_stream:
                count("library", name)
            return captures.do(stream, lambda: function(*args)) or 0
        except Exception:               # C cannot carry it
            traceback.print_exc()
            return 13
    callback = ctypes.CFUNCTYPE(ctypes.c_int, *[KINDS[kind] for kind in kinds.replace(" ", "")])(body)
    keep(callback, function)
    slot.value = ctypes.cast(callback, ctypes.c_void_p).value


def view(pointer: int | None, dtype: Any, *shape: int, ld: int | None = None) -> np.ndarray:
    """Memory as an array; a matrix in Fortran's order with `ld` elements from column to column."""
    dtype = np.dtype(dtype)
    if not pointer or 0 in shape:
        return np.zeros(shape, dtype, order="F")
    step = ld or shape[0]
    strides = (dtype.itemsize, dtype.itemsize * step)[:len(shape)]
    extent = shape[0] if len(shape) == 1 else (shape[1] - 1) * step + shape[0]
    return np.ndarray(shape, dtype, (ctypes.c_char * (extent * dtype.itemsize)).from_address(pointer), strides=strides)


def put(pointer: int, dtype: Any, value: Any) -> None:
    view(pointer, dtype, 1)[0] = value


# ---------------------------------------------------------------------- cuBLAS

LETTERS = {"S": np.float32, "D": np.float64, "C": np.complex64, "Z": np.complex128}
NUMBERS = {0: np.float32, 1: np.float64, 2: np.float16, 4: np.complex64, 5: np.complex128, 3: np.int8, 10: np.int32}
with contextlib.suppress(ImportError):
    import ml_dtypes
    NUMBERS[14] = ml_dtypes.bfloat16
TF32 = 77           # CUBLAS_COMPUTE_32F_FAST_TF32
_handles = itertools.count(1 << 20)
_streams: dict[int, int] = {}           # of each handle


def _gemm(ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, ka: Any, lda: int, B: int, kb: Any, ldb: int,
          beta: int, C: int, kc: Any, ldc: int, compute: int = 0) -> None:
    """C = alpha op(A) op(B) + beta C"""
    wide = np.float32 if np.dtype(kc).itemsize == 2 else kc
    alpha, beta = view(alpha, wide, 1)[0], view(beta, wide, 1)[0]
    a = _op(view(A, ka, *((m, k) if ta == 0 else (k, m)), ld=lda), ta).astype(wide)
    b = _op(view(B, kb, *((k, n) if tb == 0 else (n, k)), ld=ldb), tb).astype(wide)
    if compute == TF32:
        a, b = _to_tf32(a), _to_tf32(b)
    c = view(C, kc, m, n, ld=ldc)
    c[...] = alpha * (a @ b) if beta == 0 else alpha * (a @ b) + beta * c


def _to_tf32(a: np.ndarray) -> np.ndarray:
    """float32, or the parts of complex64, rounded to 11 binary digits"""
    parts = np.ascontiguousarray(a).view(np.uint32)
    return ((parts + 0x1000) & 0xFFFFE000).view(a.dtype)


def _op(a: np.ndarray, how: int) -> np.ndarray:
    return a if how == 0 else a.T if how == 1 else a.conj().T


def _gemm_ex(handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, ka: int, lda: int, B: int,
             kb: int, ldb: int, beta: int, C: int, kc: int, ldc: int, compute: int, algorithm: int) -> None:
    _gemm(ta, tb, m, n, k, alpha, A, NUMBERS[ka], lda, B, NUMBERS[kb], ldb, beta, C, NUMBERS[kc], ldc, compute)


def _gemm_strided(handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, ka: int, lda: int, sa: int,
                  B: int, kb: int, ldb: int, sb: int, beta: int, C: int, kc: int, ldc: int, sc: int, batch: int,
                  compute: int, algorithm: int) -> None:
    a, b, c = (np.dtype(NUMBERS[kind]) for kind in (ka, kb, kc))
    for i in range(batch):
        _gemm(ta, tb, m, n, k, alpha, A + i * sa * a.itemsize, a, lda, B + i * sb * b.itemsize, b, ldb, beta,
              C + i * sc * c.itemsize, c, ldc, compute)


def _gemm_typed(kind: Any) -> Callable[..., None]:
    def call(handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, lda: int, B: int, ldb: int,
             beta: int, C: int, ldc: int) -> None:
        _gemm(ta, tb, m, n, k, alpha, A, kind, lda, B, kind, ldb, beta, C, kind, ldc)
    return call


def _gemm_batched(kind: Any) -> Callable[..., None]:
    def call(handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int, A: int, lda: int, B: int, ldb: int,
             beta: int, C: int, ldc: int, batch: int) -> None:
        for a, b, c in zip(*(view(table, np.uintp, batch).tolist() for table in (A, B, C))):
            _gemm(ta, tb, m, n, k, alpha, a, kind, lda, b, kind, ldb, beta, c, kind, ldc)
    return call


BLAS: dict[str, tuple[str, Callable[..., Any]]] = {
    "cublasCreate_v2": ("p", lambda target: put(target, np.uintp, next(_handles))),
    "cublasDestroy_v2": ("p", lambda handle: 0),
    "cublasSetStream_v2": ("pp", lambda handle, stream: _streams.update({handle: stream or 0})),
    "cublasSetWorkspace_v2": ("ppl", lambda handle, memory, size: 0),
    "cublasSetPointerMode_v2": ("pi", lambda handle, mode: 0), "cublasSetMathMode": ("pi", lambda handle, mode: 0),
    "cublasGetPointerMode_v2": ("pp", lambda handle, target: put(target, np.int32, 0)),
    "cublasGetMathMode": ("pp", lambda handle, target: put(target, np.int32, 0)),
    "cublasGetStream_v2": ("pp", lambda handle, target: put(target, np.uintp, 0)),
    "cublasGemmEx": ("p iiiii p pii pii p pii ii", _gemm_ex),
    "cublasGemmStridedBatchedEx": ("p iiiii p piil piil p piil iii", _gemm_strided),
}
for letter, number in LETTERS.items():
    BLAS[f"cublas{letter}gemm_v2"] = "p iiiii p pi pi p pi", _gemm_typed(number)
    BLAS[f"cublas{letter}gemmBatched"] = "p iiiii p pi pi p pi i", _gemm_batched(number)


# ---------------------------------------------------------------------- thrust

def _rows(pointer: int, dtype: Any, shape: Any) -> np.ndarray:
    dtype = np.dtype(dtype)
    if dtype.char not in "bBhHiIlLqQefdFD?":
        raise NotImplementedError(f"Sorting arrays with dtype '{dtype}' is not supported")
    return view(pointer, dtype, int(np.prod(shape))).reshape(shape)


def _sort(dtype: Any, data: int, keys: int, shape: Any) -> None:
    count("library", "sort")
    _rows(data, dtype, shape).sort(axis=-1, kind="stable")


def _argsort(dtype: Any, index: int, data: int, keys: int, shape: Any) -> None:
    count("library", "argsort")
    values, order = _rows(data, dtype, shape), _rows(index, np.intp, shape)
    order[...] = np.argsort(values, axis=-1, kind="stable")
    values[...] = np.take_along_axis(values, order, -1)


def _lexsort(dtype: Any, index: int, keys: int, k: int, n: int) -> None:
    count("library", "lexsort")
    _rows(index, np.intp, (n,))[...] = np.lexsort(_rows(keys, dtype, (k, n)))
