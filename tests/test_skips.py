"""What the end of a test run says about skipped tests: a line for each reason."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.parametrize("i", range(1234))
@pytest.mark.skipif(True, reason="PyTorch is not installed")
def test_comparison(i): pass

def test_import(): pytest.importorskip("torch.nowhere")
def test_other(): pytest.importorskip("sklearn.nowhere")
def test_device(): pytest.skip("there is no GPU")
def test_fails(): assert False

@pytest.mark.xfail(reason="not yet")
def test_not_yet(): assert False
"""


def run(folder, *args):
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_sample.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -rfExX\n")
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}   # what the copy imports
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args], cwd=folder, env=env,
                          capture_output=True, text=True).stdout.splitlines()


def test_one_line_a_reason(tmp_path):
    lines = run(tmp_path)
    start = next(i for i, line in enumerate(lines) if "skipped (-rs lists them)" in line)
    assert lines[start + 1:start + 4] == ["PyTorch is not installed: 1,235 tests",
                                          "scikit-learn is not installed: 1 test", "there is no GPU: 1 test"]
    assert not any(line.startswith("SKIPPED") for line in lines)
    assert any(line.startswith("FAILED test_sample.py::test_fails") for line in lines)
    assert any(line.startswith("XFAIL test_sample.py::test_not_yet") for line in lines)
    assert "1 failed, 1237 skipped, 1 xfailed" in lines[-1]


def test_all_of_them_on_demand(tmp_path):
    lines = run(tmp_path, "-rs")
    assert sum(line.startswith("SKIPPED") for line in lines) == 4
    assert not any("lists them" in line for line in lines)
