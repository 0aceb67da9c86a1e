"""einops' own suite of tests on minidl's backend: those of it that are not about other libraries.

    python tests/libraries/einops_suite.py NAME ...     # without the tests that are named
"""
import os
import sys

import pytest

os.environ["EINOPS_TEST_BACKENDS"] = "numpy,minidl"

import einops.tests as suite  # noqa: E402
from einops._backends import NumpyBackend  # noqa: E402

from minidl.einops import Backend  # noqa: E402


def backends(symbolic: bool = False, layers: bool = False) -> list:
    """In place of the suite's list of the libraries that it knows."""
    return [] if symbolic or layers else [NumpyBackend(), Backend()]


suite.collect_test_backends = backends       # before its files import it
files = [f"{suite.__path__[0]}/test_{name}.py" for name in ("ops", "einsum", "other", "packing", "examples", "parsing")]
left_out = ["-k", " and ".join(f"not {name}" for name in sys.argv[1:])]
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", *files, *left_out]))
