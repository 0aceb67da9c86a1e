"""Work on several threads: all of it, once, with errors and settings passed on."""
from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import minidl
from minidl.backend.blas import blas_core, get_blas_threads, one_blas_thread
from minidl.backend.cpu.threads import blocks, in_a_block, parallel, parallel_sum


@pytest.fixture(params=[1, 2, 5], autouse=True)
def team(request: pytest.FixtureRequest) -> Iterator[int]:
    before = minidl.get_num_threads()
    minidl.set_num_threads(request.param)
    yield request.param
    minidl.set_num_threads(before)


def test_every_block_once(team: int) -> None:
    seen: list[int] = []
    parallel(seen.append, range(1000))
    assert sorted(seen) == list(range(1000))
    parallel(seen.append, [])


def test_they_work_at_the_same_time(team: int) -> None:
    meeting = threading.Barrier(team)
    parallel(lambda _: meeting.wait(timeout=10), range(team))


def test_blocks_of_blocks_run_where_they_are(team: int) -> None:
    seen: list[tuple[int, int]] = []
    parallel(lambda i: parallel(lambda j: seen.append((i, j)), range(3)), range(4))
    assert sorted(seen) == [(i, j) for i in range(4) for j in range(3)]


def test_a_thread_knows_that_it_works_on_a_block(team: int) -> None:
    seen: list[bool] = []
    parallel(lambda _: seen.append(in_a_block()), range(2 * team))
    assert seen == [team > 1] * (2 * team)      # a lone thread has nobody to share with, in a block or not
    assert not in_a_block()


def test_a_sum_has_every_term_once(team: int) -> None:
    terms = np.arange(14.0).reshape(7, 2)
    np.testing.assert_array_equal(parallel_sum(terms.__getitem__, range(7), (2,), terms.dtype), terms.sum(axis=0))
    np.testing.assert_array_equal(parallel_sum(terms.__getitem__, [], (2,), terms.dtype), [0, 0])


def test_an_error_arrives_and_the_team_goes_on(team: int) -> None:
    def fail(i: int) -> None:
        if i == 7:
            raise ValueError("block 7")

    with pytest.raises(ValueError, match="block 7"):
        parallel(fail, range(20))
    test_every_block_once(team)


def test_threads_see_the_callers_settings(team: int) -> None:
    """NumPy keeps in the context what to do on overflow."""
    def divide(_: int) -> None:
        np.ones(3) / np.zeros(3)

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        parallel(divide, range(team))
    with np.errstate(divide="ignore"):
        parallel(divide, range(team))


def test_several_callers(team: int) -> None:
    """Users have threads too."""
    sums = np.zeros(4)

    def call(i: int) -> None:
        parts = np.zeros(100)
        parallel(lambda k: parts.__setitem__(k, k), range(100))
        sums[i] = parts.sum()

    callers = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    np.testing.assert_array_equal(sums, 4950)


def test_the_number_may_change_meanwhile(team: int) -> None:
    """Another thread of the user's may call `set_num_threads` at any moment: no block, and no term, is lost."""
    wrong: list[float] = []

    def call() -> None:
        for _ in range(300):
            seen: list[int] = []
            parallel(seen.append, range(9))
            total = parallel_sum(np.arange(9.0).__getitem__, range(9), (), np.dtype(float))
            if len(seen) != 9 or total != 36:
                wrong.append(float(total))

    callers = [threading.Thread(target=call, daemon=True) for _ in range(2)]
    for caller in callers:
        caller.start()
    for number in [1, 2, 5] * 60:
        minidl.set_num_threads(number)
    for caller in callers:
        caller.join(timeout=30)
    assert not any(caller.is_alive() for caller in callers), "it waits for threads that have gone"
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_has_a_team_of_its_own(team: int) -> None:
    parallel(lambda _: None, range(10))
    child = os.fork()
    if child == 0:
        try:
            seen: list[int] = []
            parallel(seen.append, range(10))
            os._exit(0 if len(seen) == 10 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def blas_threads() -> set[int]:
    """How many threads the BLAS libraries in use would take."""
    return set(get_blas_threads())


@pytest.mark.skipif(blas_core() is None, reason="NumPy is not linked with OpenBLAS")
def test_blas_is_held_to_one_thread_and_let_go(team: int) -> None:
    assert blas_threads() == {team}
    with one_blas_thread(), one_blas_thread():
        assert blas_threads() == {1}
    assert blas_threads() == {team}


@pytest.mark.skipif(blas_core() is None, reason="NumPy is not linked with OpenBLAS")
def test_blas_stays_held_when_the_number_changes(team: int) -> None:
    with one_blas_thread():
        minidl.set_num_threads(2)
        assert blas_threads() == {1}
    assert blas_threads() == {2}


@pytest.mark.parametrize("length,bytes_each,block_bytes",
                         [(0, 4, 64), (1, 1000, 64), (100, 4, 64), (7, 0, 64), (3, 1, 1 << 20)])
def test_blocks_cover_the_axis(length: int, bytes_each: int, block_bytes: int, team: int) -> None:
    found = blocks(length, bytes_each, block_bytes)
    assert [i for s in found for i in range(length)[s]] == list(range(length))
    assert all(s.stop - s.start <= -(-length // team) for s in found), 'a thread would go without'
    assert all((s.stop - s.start) * bytes_each <= max(block_bytes, bytes_each) for s in found)


def test_one_thread_or_several_give_the_same_training(team: int) -> None:
    """A fixed seed gives bit-identical training with a fixed number of threads, and close to it with another."""
    def train() -> np.ndarray:
        minidl.manual_seed(0)
        nn = minidl.nn
        model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                              nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 64, 10))
        x, y = minidl.randn(16, 3, 16, 16), minidl.randint(0, 10, (16,))
        optimizer = minidl.optim.Adam(model.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return np.concatenate([p.detach().numpy().reshape(-1) for p in model.parameters()])

    first = train()
    np.testing.assert_array_equal(train(), first)
    minidl.set_num_threads(1)
    np.testing.assert_allclose(train(), first, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("number", [0, -1, 2.0, True, "2"])
def test_numbers_that_make_no_sense(number: object) -> None:
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer"):
        minidl.set_num_threads(number)   # type: ignore[arg-type]


@pytest.mark.skipif(blas_core() is None, reason="NumPy is not linked with OpenBLAS")
def test_the_environment_decides_for_blas_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_NUM_THREADS", "1")
    program = "import minidl; from minidl.backend.blas import get_blas_threads; print(set(get_blas_threads()))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "{1}"
