"""Which kernels OpenBLAS is told to use."""
import os
import subprocess
import sys

from minidl.backend.blas_core import AVX512, VARIABLE, advise


def cpuinfo(vendor, flags):
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: a\nflags\t\t: {' '.join(flags)}\n"
    return core + "\n" + core


def test_avx512_on_amd_is_named():
    assert advise(cpuinfo("AuthenticAMD", {"fpu", *AVX512})) == "SkylakeX"


def test_everything_else_is_left_to_openblas():
    assert advise(cpuinfo("GenuineIntel", AVX512)) is None
    assert advise(cpuinfo("AuthenticAMD", {"fpu", "avx2"})) is None
    assert advise(cpuinfo("AuthenticAMD", AVX512 - {"avx512dq"})) is None
    assert advise("") is None
    assert advise("processor: 0\nFeatures: fp asimd\n") is None


def test_the_users_choice_stands():
    code = f"import os, minidl; print(os.environ['{VARIABLE}'])"
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, VARIABLE: "Haswell"}, capture_output=True, text=True)
    assert result.stdout.strip() == "Haswell"


def test_nothing_is_set_once_numpy_is_there():
    code = f"import os, numpy, minidl; print(os.environ.get('{VARIABLE}'))"
    environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == "None"
