"""The `.cu` files compiled by NVIDIA's compiler for real GPUs, which needs no GPU: `pip install
nvidia-cuda-nvrtc-cu12 nvidia-cuda-runtime-cu12`, or those of CUDA 13."""
from __future__ import annotations

import ctypes
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from tests.backend.cuda.host import SOURCES, text

GENERATIONS = [70, 80, 90, 120]     # of GPUs, Volta to Blackwell; those that this NVRTC does not know are left out
NUMBERS = {"T": ("float", "double", "half"), "W": ("float", "double", "float"), "R": ("float", "double", "float")}
ONLY = {"uniform": ("float", "double"), "normal": ("float", "double"), "max_pool2d_scatter": ("float", "double"),
        "assert_none": ("bool",), "assert_in_range": ("int", "long long")}
TEMPLATE = re.compile(r"template <([^>]*)>\s*__global__ void\s+(\w+)\(")


def nvidia(*parts: str) -> Path | None:
    """A folder of NVIDIA's packages."""
    spec = importlib.util.find_spec("nvidia")
    places = [] if spec is None else [Path(place).joinpath(*parts) for place in spec.submodule_search_locations or ()]
    return next((place for place in places if place.exists()), None)


def expressions(file: str) -> list[str]:
    """The name of each kernel of a file for all types of numbers, and one value of every other parameter."""
    code = (SOURCES / file).read_text(encoding="utf-8")
    kernels = [(parameters, name) for parameters, name in TEMPLATE.findall(code) if name != "name"]
    kernels += [("class T", name) for name in re.findall(r"^SCATTER\((\w+),", code, re.M)]
    found = []
    for parameters, name in kernels:
        for i, number in enumerate(ONLY.get(name, NUMBERS["T"])):
            values = [number if part == "class T" else NUMBERS[part[-1]][i] if part.startswith("class ") else
                      "true" if part.startswith("bool ") else "16" for part in map(str.strip, parameters.split(","))]
            found.append(f"{name}<{', '.join(values)}>")
    return found


def compiled(nvrtc: Any, include: Path, file: str, generation: int) -> str:
    """What the compiler says; "" if nothing."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text(file).encode(), file.encode(), 0, None, None)
    for expression in expressions(file):
        nvrtc.nvrtcAddNameExpression(program, expression.encode())
    options = [b"--std=c++17", b"--gpu-architecture=sm_%d" % generation, b"-I" + str(include).encode()]
    failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return log.value.decode() if failed else ""


@pytest.mark.parametrize("file", sorted(path.name for path in SOURCES.glob("*.cu")))
def test_kernels_compile_for_every_generation(file: str) -> None:
    library, include = nvidia("cuda_nvrtc", "lib"), nvidia("cuda_runtime", "include")
    if library is None or include is None:
        pytest.skip("NVIDIA's compiler is not installed: nvidia-cuda-nvrtc-cu12, nvidia-cuda-runtime-cu12")
    nvrtc = ctypes.CDLL(str(next(library.glob("libnvrtc.so.*"))))
    count = ctypes.c_int()
    nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    known = (ctypes.c_int * count.value)()
    nvrtc.nvrtcGetSupportedArchs(known)
    generations = set(GENERATIONS) & set(known)
    assert generations
    assert {generation: said for generation in sorted(generations)
            if (said := compiled(nvrtc, include, file, generation))} == {}


def test_every_kernel_is_named() -> None:
    assert {"sgd<float, true>", "sgd<half, true>"} <= set(expressions("optim.cu"))
    assert "attention_key_grad<double, double, 16>" in expressions("attention.cu")
    assert expressions("asserts.cu") == ["assert_in_range<int>", "assert_in_range<long long>", "assert_none<bool>"]
    assert "scatter_add<half>" in expressions("scatter.cu")
