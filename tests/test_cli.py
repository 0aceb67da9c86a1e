"""The command line."""
import subprocess
import sys

import pytest

import minidl
from minidl.cli import info, main


def test_info_says_what_is_in_use(capsys):
    main(["info"])
    text = capsys.readouterr().out
    assert text == info() + "\n"
    for word in (minidl.__version__, "NumPy", "BLAS", "compiled kernels",
                 f"{minidl.get_num_threads()} (MINIDL_NUM_THREADS"):
        assert word in text


def test_as_a_module():
    result = subprocess.run([sys.executable, "-m", "minidl", "info"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("minidl")


def test_an_unknown_command_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["train"])
    assert "invalid choice" in capsys.readouterr().err
