"""What importing minidl does to the process, and that it can be left undone."""
import os
import subprocess
import sys

import pytest

from minidl.backend.blas import blas_core
from minidl.backend.process import AVX512, CORE_VARIABLE, NAMES, best_core, states
from minidl.cli.info import info


def program(code, **variables):
    """What a program prints in which the user's own settings are not, but these are."""
    ours = {k: v for k, v in os.environ.items() if k not in (CORE_VARIABLE, "MINIDL_LEAVE_ALONE", "GLIBC_TUNABLES")
            and not k.startswith("MALLOC_")}
    result = subprocess.run([sys.executable, "-c", code], env={**ours, **variables}, capture_output=True, text=True,
                            check=True)
    return result.stdout.strip(), result.stderr


def cpuinfo(vendor, flags):
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: a\nflags\t\t: {' '.join(flags)}\n"
    return core + "\n" + core


def test_avx512_on_amd_is_named():
    assert best_core(cpuinfo("AuthenticAMD", {"fpu", *AVX512})) == "SkylakeX"


def test_everything_else_is_left_to_openblas():
    assert best_core(cpuinfo("GenuineIntel", AVX512)) is None
    assert best_core(cpuinfo("AuthenticAMD", {"fpu", "avx2"})) is None
    assert best_core(cpuinfo("AuthenticAMD", AVX512 - {"avx512dq"})) is None
    assert best_core("") is None
    assert best_core("processor: 0\nFeatures: fp asimd\n") is None


def test_the_users_choice_stands():
    code = f"import os, minidl; print(os.environ['{CORE_VARIABLE}'])"
    assert program(code, **{CORE_VARIABLE: "Haswell"})[0] == "Haswell"


def test_nothing_is_set_once_numpy_is_there():
    assert program(f"import os, numpy, minidl; print(os.environ.get('{CORE_VARIABLE}'))")[0] == "None"


# ---------------------------------------------------------------------- each of the four, done and left alone

LOOKS = {       # what can be seen from outside: (code that prints it, done, left alone)
    "blas_kernels": (f"os.environ.get('{CORE_VARIABLE}')", None, "None"),
    "freed_memory": ("[process.states['freed_memory'].startswith('up to')]", None, "[False]"),
    "blas_threads": ("inside()", "1" if blas_core() else "0", "0"),
    "warnings": ("warned()", "0", "1"),
}
CODE = """
import os, warnings
import minidl
from minidl.backend import process
from minidl.backend.blas import get_blas_threads, one_blas_thread

def inside():
    with one_blas_thread():
        return max(get_blas_threads(), default=0)

def warned():
    with warnings.catch_warnings(record=True) as found:
        minidl.log(minidl.zeros(3))
        p = minidl.nn.Parameter(minidl.ones(3))
        p.grad = minidl.full((3,), 3e38)
        minidl.optim.Adam([p]).step()
        far_off = minidl.tensor([[3e38, -3e38]] * 9)
        minidl.nn.functional.cross_entropy(far_off, minidl.ones(9, dtype=minidl.int64))
    return len({w.category for w in found})

"""


@pytest.mark.parametrize("asked", [*NAMES, "all", "warnings, blas_kernels", "", None])
def test_each_can_be_left_alone(asked):
    names = [*NAMES] if asked == "all" else [name.strip() for name in (asked or "").split(",")]
    code = CODE + "\n".join(f"print({look})" for look, _, _ in LOOKS.values()) + "\nprint(process.states)"
    *found, said = program(code, **({} if asked is None else {"MINIDL_LEAVE_ALONE": asked}))[0].splitlines()
    said = eval(said)
    assert set(said) == set(NAMES) == set(LOOKS)
    for (name, (_, done, left)), seen in zip(LOOKS.items(), found):
        assert ("left alone, as MINIDL_LEAVE_ALONE asks" == said[name]) == (name in names), name
        if name in names:
            assert seen == left, name
        elif done is not None:
            assert seen == done, name


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator of another system")
def test_freed_memory_is_kept_and_given_back_where_it_is_left_alone():
    """What was freed stays with the process, so that it need not be asked for again; or it does not."""
    code = """
import minidl, numpy as np
def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096 >> 20
blocks = [np.ones(1 << 20) for _ in range(64)]      # 8 MiB each
full = resident()
del blocks
print(full - resident() > 256)
"""
    if states["freed_memory"].startswith("up to"):
        assert program(code)[0] == "False"
    assert program(code, MINIDL_LEAVE_ALONE="freed_memory")[0] == "True"


def test_a_word_that_means_nothing_is_told():
    _, errors = program("import minidl", MINIDL_LEAVE_ALONE="malloc,warnings")
    assert "expected names out of blas_kernels, freed_memory, blas_threads, warnings or all, but got malloc" in errors


def test_users_settings_are_named():
    code = "from minidl.backend.process import states; print(states['freed_memory'], states['blas_kernels'], sep='|')"
    memory, kernels = program("import numpy; " + code, MALLOC_ARENA_MAX="2")[0].split("|")
    assert memory.startswith("left to the C library")
    assert kernels == "left to OpenBLAS: NumPy was imported before minidl"


def test_info_lists_them_all():
    lines = info().splitlines()
    for name in NAMES:
        line, = [line for line in lines if line.split()[:1] == [name]]
        assert line.split(None, 1)[1] == states[name]
    left = program("from minidl.cli import main; main(['info'])", MINIDL_LEAVE_ALONE="all")[0]
    assert left.count("left alone, as MINIDL_LEAVE_ALONE asks") == 4
