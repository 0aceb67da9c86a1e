"""Several processes: they agree on every number, train as one, and end together."""
from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import minidl
from tests.distributed.kills import Break, attempt

ROOT, PROGRAMS = Path(__file__).parents[2], Path(__file__).parent / "programs"
LAUNCHER = shutil.which("mpiexec", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]))
pytestmark = pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None or LAUNCHER is None,
                                reason="mpi4py and mpich are not installed")


@pytest.fixture(autouse=True, scope="module")
def mpi_starts() -> None:
    """Some machines forbid what MPI's launcher needs: then nothing is learned here about minidl."""
    try:
        program = "from mpi4py import MPI; MPI.COMM_WORLD.Barrier()"
        subprocess.run([str(LAUNCHER), "-n", "2", sys.executable, "-c", program], check=True, capture_output=True,
                       timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"two processes of MPI do not start on this machine: {error}")


def run(program: str, *words: str, ranks: int = 2, launcher: bool = True) -> tuple[int, str, str]:
    """The status, output and errors of a program on so many ranks."""
    start = [sys.executable, "-m", "minidl.distributed.run", "--nproc-per-node", str(ranks)] if launcher else \
        [str(LAUNCHER), "-n", str(ranks), sys.executable]
    with subprocess.Popen([*start, str(PROGRAMS / program), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=120)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)      # or ranks that wait for each other would stay
            raise
    return process.returncode, output, errors


@pytest.mark.parametrize("ranks", [2, 3])
def test_collectives(ranks: int) -> None:
    status, output, errors = run("collectives.py", ranks=ranks)
    assert status == 0, errors
    assert output.count("all is well") == ranks


@pytest.mark.parametrize("ranks", [2, 3])
def test_parts_of_a_batch_train_as_the_whole(ranks: int) -> None:
    status, output, errors = run("training.py", ranks=ranks)
    assert status == 0, errors
    assert output.count("all is well") == ranks


def test_fit_on_ranks_is_fit_on_one_and_goes_on_with_other_numbers_of_them(tmp_path: Path) -> None:
    """Twelve steps of one process, and 5 of two ranks, 2 of one and 5 of three, which end in the midst of epochs."""
    alone, changing = tmp_path / "alone", tmp_path / "changing"
    for folder, ranks, steps in [(alone, 1, 99), (changing, 2, 5), (changing, 1, 2), (changing, 3, 99)]:
        status, output, errors = run("fitting.py", str(folder), str(steps), ranks=ranks)
        assert status == 0 and output.count("all is well") == ranks, errors
    one, other = (minidl.load(folder / "end.minidl") for folder in (alone, changing))
    assert len(one["losses"]) == len(other["losses"]) == 4
    assert all(abs(a - b) < 1e-6 for a, b in zip(one["losses"], other["losses"]))
    assert all(minidl.allclose(x, other["weights"][name], rtol=0, atol=1e-5) for name, x in one["weights"].items())
    assert len((changing / "log.csv").read_text().splitlines()) == 5


def test_an_example_under_the_launcher(tmp_path: Path) -> None:
    said = []
    for ranks in (1, 2):
        start = [sys.executable, "-m", "minidl.distributed.run", "--nproc-per-node", str(ranks)]
        words = ["--epochs", "1", "--save", str(tmp_path / f"{ranks}.minidl"), "--run", str(tmp_path / f"run{ranks}")]
        done = subprocess.run([*start, str(ROOT / "examples" / "first" / "softmax.py"), *words], capture_output=True,
                              text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120)
        assert done.returncode == 0, done.stderr
        said.append([line.split()[:5] for line in done.stdout.splitlines()])
    assert said[0][:-2] == said[1][:-2]         # also the figures of the epoch, but for the seconds
    one, two = (minidl.load(tmp_path / f"{ranks}.minidl") for ranks in (1, 2))
    assert all(minidl.allclose(x, two[name], rtol=0, atol=1e-5) for name, x in one.items())


def test_ranks_with_fewer_inputs_join_and_metrics_merge() -> None:
    status, output, errors = run("joining.py", ranks=3)
    assert status == 0, errors
    assert output.count("all is well") == 3


def test_ranks_with_different_networks_are_told() -> None:
    status, _, errors = run("training.py", "differ")
    assert status == 1 and "same model across all ranks, but rank 0 has ('weight', (2, 2)" in errors


@pytest.mark.parametrize("how, status, said", [
    ("raise", 1, "ValueError: the cause"), ("early", 1, "ValueError: the cause"), ("exit", 3, "rank 1 of 3"),
    ("kill", 9, "Killed"), ("late", 1, "ranks 1 did not come within 0.5 s")])
def test_the_first_that_ends_ends_all(how: str, status: int, said: str) -> None:
    found, output, errors = run("failing.py", how, ranks=3)
    times = (errors + output).count(said)
    assert found == status and (times == 1 or how == "late" and times)      # more than one may have waited that long


@pytest.mark.parametrize("how", ["raise", "exit"])
def test_so_it_is_with_mpiexec_alone(how: str) -> None:
    status, _, errors = run("failing.py", how, launcher=False)
    assert status == {"raise": 1, "exit": 3}[how] and "rank 1 of 2" in errors


@pytest.mark.parametrize("how", [
    Break("SIGSEGV", "saving", ranks=2, victim=0, step=1, delay=0, launcher=True),
    Break("SIGTERM", "outside", ranks=3, victim=2, step=0, delay=0.05, launcher=True),
    Break("_exit", "backward", ranks=2, victim=1, step=2, delay=0, launcher=False),
    Break("leave", "mismatch", ranks=2, victim=1, step=2, delay=0, launcher=False)], ids=lambda how: how.what)
def test_however_it_ends(how: Break) -> None:
    """Some of those that `python -m tests.distributed.kills` draws; a test asserts no time."""
    assert attempt(how, seconds=60)[0] == []


def test_calls_are_compared_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_DISTRIBUTED_DEBUG", "DETAIL")
    status, _, errors = run("failing.py", "another")
    assert status == 1 and "rank 0 all_reduce of 2 x float32, rank 1 all_reduce of 2 x float64" in errors
