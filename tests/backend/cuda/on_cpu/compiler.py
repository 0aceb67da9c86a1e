"""Kernels compiled by g++: a "cubin" is the name of a shared object."""
from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.backend.cuda.on_cpu import CACHE, HERE

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
KERNEL = re.compile(r"__global__\s+void\s*(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")
DYNAMIC = re.compile(r"extern\s+__shared__\s+([\w\s:<>,*]+?)\s+(\w+)\s*\[\s*\]\s*;")
WAIT = re.compile(r"__sync|__shfl|__ballot|__any_sync|__all_sync")
PLACE = re.compile(r"\b(threadIdx|blockIdx|blockDim|gridDim)\b")
FLAGS = ["-std=c++17", "-O2", "-w", "-shared", "-fPIC", "-fno-gnu-unique", "-fvisibility=hidden",
         "-fno-strict-aliasing", "-ffp-contract=off", "-Wl,-Bsymbolic"]
CUPYS = "".join(f"#include <cupy/{name}>\n" for name in
                ("complex.cuh", "carray.cuh", "atomics.cuh", "math_constants.h"))
"""What every kernel that CuPy generates begins with."""


def translated(source: str, expressions: Sequence[str] | None) -> tuple[str, dict[str, str]]:
    """A kernel's text for g++, with an entry for each kernel in it, and the entry of each expression."""
    bare = COMMENT.sub(" ", source)
    fibers = bool(WAIT.search(bare))
    # one thread may go through a loop over all elements, unless an element can end the thread
    collapse = not PLACE.search(bare) and "CUPY_FOR" in bare and not re.search(r"\breturn\s*;", bare)
    text = DYNAMIC.sub(lambda m: f"{m[1]} *{m[2]} = ({m[1]} *)emu_dynamic_shared;", source)
    mapping = {expression: f"instance{i}" for i, expression in enumerate(expressions or ())}
    names = {entry: expression for expression, entry in mapping.items()} or {k: k for k in KERNEL.findall(bare)}
    visible = 'extern "C" __attribute__((visibility("default")))'
    entries = [f"{visible} void emu_kernel_{entry}(const EmuLaunch *l, void **a) {{ "
               f"emu_launch(&{expression}, l, a, {str(fibers).lower()}, {str(collapse).lower()}); }}\n"
               f"{visible} int emu_sizes_{entry}(size_t *sizes) {{ return emu_sizes(&{expression}, sizes); }}"
               for entry, expression in names.items()]
    header = "cupy_all.h" if source.startswith(CUPYS) else "shim.h"
    return "\n".join([f'#include "{header}"', text, *entries, ""]), mapping


def compiled(source: str, options: Sequence[str], expressions: Sequence[str] | None) -> tuple[bytes, dict[str, str]]:
    """The "cubin" of a text, made once. Errors: RuntimeError with what g++ said."""
    text, mapping = translated(source, expressions)
    includes = tuple(o for o in options if o.startswith(("-I", "-D", "-U")))
    key = hashlib.sha256(repr((text, includes, FLAGS, (HERE / "shim.h").read_bytes())).encode()).hexdigest()[:32]
    target = CACHE / "objects" / key[:2] / f"{key}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        cpp, part = target.with_suffix(".cpp"), target.with_suffix(f".{os.getpid()}.so")
        cpp.write_text(text, encoding="utf-8")
        done = subprocess.run(["g++", *FLAGS, f"-I{headers(includes)}", *includes, "-o", str(part), str(cpp)],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("\n".join(line for line in done.stderr.splitlines() if "error" in line)[:2000])
        part.replace(target)
    return b"EMU:" + os.fsencode(target), mapping


@functools.cache
def headers(includes: tuple[str, ...]) -> Path:
    """A folder with what every kernel of CuPy includes, parsed beforehand."""
    ours = [HERE / "shim.h", *sorted((HERE / "include").iterdir())]
    key = hashlib.sha256(repr((includes, FLAGS, [path.read_bytes() for path in ours])).encode()).hexdigest()[:16]
    folder = CACHE / f"headers-{key}"
    if not (folder / "cupy_all.h.gch").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for path in ours:
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "cupy_all.h").write_text('#include "shim.h"\n' + CUPYS, encoding="utf-8")
        part = folder / f"gch.{os.getpid()}"
        flags = [flag for flag in FLAGS if flag != "-shared" and not flag.startswith("-Wl")]
        subprocess.run(["g++", *flags, f"-I{folder}", *includes, "-x", "c++-header", str(folder / "cupy_all.h"), "-o",
                        str(part)], check=True)
        part.replace(folder / "cupy_all.h.gch")
    return folder


def install(dry: bool) -> None:
    """Compile by g++ instead of NVRTC; a dry run compiles nothing."""
    from cupy.cuda import compiler

    def compile_by_nvrtc(source: str, options: Sequence[str] = (), arch: Any = None, filename: str = "kern.cu",
                         name_expressions: Any = None, *args: Any, **kwargs: Any) -> tuple[bytes, dict[str, str]]:
        if dry:
            return b"EMU:", {expression: expression for expression in name_expressions or ()}
        try:
            return compiled(source, options, name_expressions)
        except RuntimeError as error:
            raise compiler.CompileException(str(error), source, filename, options, "nvrtc") from None

    compiler._nvrtc_version = (12, 9)
    compiler._compile_using_nvrtc_no_warning = compiler.compile_using_nvrtc = compile_by_nvrtc
    compiler._preprocess = lambda source, options, arch, backend: "g++"
