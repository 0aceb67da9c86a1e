"""Threads that watch for work a moment before they fall asleep: the same work, and nobody waits for ever."""
from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

import minidl
from minidl.backend.cpu import threads

pytest.importorskip("numba")
waiting = pytest.importorskip("minidl.backend.compiled.waiting")


@pytest.fixture(params=[2, 5], autouse=True)
def team(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    before = minidl.get_num_threads()
    monkeypatch.setattr(threads, "watch", waiting.watch)
    minidl.set_num_threads(request.param)
    yield request.param
    minidl.set_num_threads(before)


def test_every_block_once_in_many_regions(team: int) -> None:
    for _ in range(300):
        seen: list[int] = []
        threads.parallel(seen.append, range(7))
        assert sorted(seen) == list(range(7))


def test_an_error_arrives_and_the_team_goes_on(team: int) -> None:
    def fail(i: int) -> None:
        raise ValueError(f"block {i}")

    for _ in range(20):
        with pytest.raises(ValueError, match="block"):
            threads.parallel(fail, range(team))
        threads.parallel(lambda i: time.sleep(0.001), range(team))


def test_several_callers_at_once(team: int) -> None:
    sums = np.zeros(4)

    def call(k: int) -> None:
        for _ in range(50):
            threads.parallel(lambda i: sums.__setitem__(k, sums[k] + i), range(3))

    callers = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert not any(caller.is_alive() for caller in callers)
    assert all(0 < total <= 150 for total in sums)      # two threads may read the same sum


def test_a_moment_ends() -> None:
    number = np.zeros(1, np.int64)
    assert waiting.watch(number, 0) == waiting.MORE
    assert waiting.watch(number, 1) == 0        # it returns, though nothing changes


def test_who_watches_sees_the_change() -> None:
    number = np.zeros(1, np.int64)
    seen: list[int] = []

    def look() -> None:
        while not seen:
            if found := waiting.watch(number, 3):
                seen.append(found)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    number += 3
    watcher.join(timeout=30)
    assert seen == [waiting.MORE]
