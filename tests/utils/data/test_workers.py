"""Workers that are processes: order, seeds, errors, deaths, interrupts; and none left behind."""
from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.backend.device import Device
from minidl.random import Generator, default_generator, initial_seed, manual_seed
from minidl.tensors.creation import arange, from_numpy
from minidl.utils import data as minidl_data
from minidl.utils.data import (
    Dataset,
    IterableDataset,
    TensorDataset,
    get_worker_info,
    workers,
)

ROOT = Path(minidl.__file__).parents[1]
METHOD = "fork" if sys.platform == "linux" else "spawn"


def DataLoader(dataset, *args, **arguments):  # noqa: N802
    """A loader whose workers, if it has any, are processes."""
    if arguments.get("num_workers"):
        arguments.setdefault("multiprocessing_context", METHOD)
    return minidl_data.DataLoader(dataset, *args, **arguments)


@pytest.fixture(autouse=True)
def no_worker_is_left_behind():
    yield
    assert multiprocessing.active_children() == []
    assert not [thread for thread in threading.enumerate() if thread is not threading.main_thread()
                and "DataLoader" in thread.name]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(workers, "_GRACE", 0.1)


class Numbered(Dataset):
    """A dataset whose sample i is `sample(i)`."""

    def __init__(self, sample, size=12):
        self.sample, self.size = sample, size

    def __getitem__(self, index):
        return self.sample(index)

    def __len__(self):
        return self.size


def lists(loader):
    return [batch.tolist() for batch in loader]


def worker_id(_=None):
    return get_worker_info().id


def process_id(_):
    return os.getpid()


# ---------------------------------------------------------------- batches and their order

@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_the_same_batches_by_every_start_method(method):
    x = np.random.default_rng(0).random((23, 3), dtype=np.float32)
    data = TensorDataset(from_numpy(x), arange(23))
    here = DataLoader(data, batch_size=4)
    there = DataLoader(data, batch_size=4, num_workers=2, multiprocessing_context=method)
    assert len(here) == len(there)
    for (x1, y1), (x2, y2) in zip(here, there, strict=True):
        np.testing.assert_array_equal(x1.numpy(), x2.numpy())
        assert y1.tolist() == y2.tolist() and x2.dtype == x1.dtype


def late_when_even(index):
    time.sleep(0.03 if index % 2 == 0 else 0)
    return index


@pytest.mark.parametrize("count, prefetch", [(1, 1), (2, 1), (2, 3), (3, 2), (4, 9)])
def test_order_does_not_depend_on_speed(count, prefetch):
    loader = DataLoader(Numbered(late_when_even), num_workers=count, prefetch_factor=prefetch)
    assert lists(loader) == [[i] for i in range(12)]


def test_workers_take_turns():
    assert lists(DataLoader(Numbered(worker_id), num_workers=3)) == [[0], [1], [2]] * 4


@pytest.mark.parametrize("count", [0, 1, 3])
def test_shuffling_does_not_depend_on_workers(count):
    loader = DataLoader(range(17), batch_size=4, shuffle=True, num_workers=count,
                        generator=Generator().manual_seed(7))
    expected = DataLoader(range(17), batch_size=4, shuffle=True,
                          generator=Generator().manual_seed(7))
    assert [lists(loader) for _ in range(2)] == [lists(expected) for _ in range(2)]


def test_more_workers_than_batches():
    assert lists(DataLoader(range(2), num_workers=3)) == [[0], [1]]
    assert lists(DataLoader(range(0), num_workers=2)) == []


def big(index):
    return np.full((1000, 1000), index, dtype=np.float32)


def test_large_batches_arrive_whole_and_writable():
    for i, batch in enumerate(DataLoader(Numbered(big, 4), num_workers=2)):
        batch += 1
        assert batch.shape == (1, 1000, 1000) and (batch.numpy() == i + 1).all()


def test_large_tasks_do_not_block():
    # each task is far larger than a socket's buffer, and so is each answer
    order = [list(range(200_000))] * 8
    data = TensorDataset(arange(200_000))
    loader = DataLoader(data, batch_sampler=order, num_workers=2)
    assert [x.shape for x, in loader] == [(200_000,)] * 8


def nested(index):
    return {"x": np.array([index]), "name": str(index), "none": ()}


def test_nested_batches():
    first, second = DataLoader(Numbered(nested, 3), batch_size=2, num_workers=1)
    assert first["x"].tolist() == [[0], [1]] and list(first["name"]) == ["0", "1"]
    assert second["x"].tolist() == [[2]]


class OneBuffer(IterableDataset):
    """A stream that writes each sample over the last one."""

    def __iter__(self):
        buffer = np.zeros(100_000)
        for i in range(6):
            buffer[:] = i
            yield buffer


def test_a_reused_buffer_does_not_reach_into_earlier_batches():
    for i, x in enumerate(DataLoader(OneBuffer(), batch_size=None, num_workers=1,
                                     prefetch_factor=6)):
        time.sleep(0.01)
        assert (x.numpy() == i).all()


# ---------------------------------------------------------------- streams

class Shared(IterableDataset):
    """0..size-1, shared out between the workers; worker 0 gets the larger part."""

    def __init__(self, size):
        self.size = size

    def __iter__(self):
        info = get_worker_info()
        if info is None:
            return iter(range(self.size))
        cut = self.size * 3 // 4
        return iter(range(cut) if info.id == 0 else range(cut, self.size))


def test_streams_end_one_by_one():
    loader = DataLoader(Shared(12), batch_size=2, num_workers=2)  # 0..8 and 9..11
    expected = [[0, 1], [9, 10], [2, 3], [11], [4, 5], [6, 7], [8]]
    assert lists(loader) == expected == lists(loader)
    loader = DataLoader(Shared(12), batch_size=2, num_workers=2, drop_last=True)
    assert lists(loader) == [[0, 1], [9, 10], [2, 3], [4, 5], [6, 7]]


def test_a_persistent_stream_starts_anew():
    loader = DataLoader(Shared(8), batch_size=2, num_workers=2, persistent_workers=True)
    assert lists(loader) == lists(loader) == [[0, 1], [6, 7], [2, 3], [4, 5]]
    next(iter(loader))
    assert lists(loader) == [[0, 1], [6, 7], [2, 3], [4, 5]]


# ---------------------------------------------------------------- seeds

def draw(_):
    return np.array([random.random(), np.random.random(),
                     default_generator(Device("cpu")).stream.random()])


def drawn(**arguments):
    return np.concatenate([batch.numpy() for batch in DataLoader(Numbered(draw, 8), **arguments)])


def test_workers_draw_different_numbers_which_repeat():
    manual_seed(11)
    first, second = drawn(num_workers=2), drawn(num_workers=2)
    manual_seed(11)
    np.testing.assert_array_equal(drawn(num_workers=2), first)
    assert len(np.unique(first)) == first.size == 8 * 3  # between samples, workers and sources
    assert not np.isin(first, second).any()              # between epochs


def test_the_generator_seeds_the_workers():
    first, again, other = (drawn(num_workers=2, generator=Generator().manual_seed(seed))
                           for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isin(first, other).any()


def test_persistent_workers_draw_what_new_ones_would():
    persistent, new = (DataLoader(Numbered(draw, 8), num_workers=2, persistent_workers=keep,
                                  generator=Generator().manual_seed(4)) for keep in (True, False))
    for _ in range(3):
        for a, b in zip(persistent, new, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def seeds(_):
    info = get_worker_info()
    return np.array([info.id, info.num_workers, info.seed, initial_seed(), len(info.dataset)])


def test_worker_info():
    rows = np.concatenate([b.numpy() for b in DataLoader(Numbered(seeds, 4), num_workers=2)])
    assert rows[:, 0].tolist() == [0, 1, 0, 1]
    assert (rows[:, 1] == 2).all() and (rows[:, 4] == 4).all()
    assert (rows[:, 2] == rows[:, 3]).all() and rows[1, 2] == rows[0, 2] + 1
    assert get_worker_info() is None


_noted = None


def note(worker):
    global _noted
    _noted = 100 + worker
    random.seed(worker)


def noted(_):
    return np.array([_noted, random.random()])


def test_worker_init_fn_runs_after_seeding():
    rows = lists(DataLoader(Numbered(noted, 2), num_workers=2, worker_init_fn=note))
    assert rows == [[[100 + i, random.Random(i).random()]] for i in range(2)]
    assert _noted is None


# ---------------------------------------------------------------- persistence and leaving

def test_workers_are_new_each_epoch_unless_persistent():
    def ids(loader):
        return {number for batch in lists(loader) for number in batch}

    loader = DataLoader(Numbered(process_id), num_workers=2)
    assert not ids(loader) & ids(loader)
    loader = DataLoader(Numbered(process_id), num_workers=2, persistent_workers=True)
    assert ids(loader) == ids(loader) and len(multiprocessing.active_children()) == 2
    del loader


def test_leaving_a_loop_ends_the_workers():
    for _ in DataLoader(range(100), num_workers=2):
        assert len(multiprocessing.active_children()) == 2
        break
    assert multiprocessing.active_children() == []
    with pytest.raises(ZeroDivisionError):
        for _ in DataLoader(range(100), num_workers=2):
            1 / 0  # noqa: B018
    assert multiprocessing.active_children() == []


def test_loops_inside_loops():
    loader = DataLoader(range(3), num_workers=1, persistent_workers=True)
    assert [(a.item(), b.item()) for a in loader for b in loader] \
        == [(a, b) for a in range(3) for b in range(3)]
    first, second = iter(loader), iter(loader)
    assert [next(it).item() for it in (first, second, first, second)] == [0, 0, 1, 1]


def stuck(index):
    if index:
        time.sleep(60)
    return index


def test_leaving_does_not_wait_for_a_stuck_worker(impatient):
    begin = time.monotonic()
    for _ in DataLoader(Numbered(stuck), num_workers=1):
        break
    assert time.monotonic() - begin < 30  # the sleep is 60 s


# ---------------------------------------------------------------- errors

class TwoArguments(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def failing(error):
    def sample_that_fails(index):
        if index == 5:
            raise error
        return index
    return sample_that_fails


class Local:
    """A class whose inner exception cannot be pickled by name."""

    @staticmethod
    def error():
        class Inner(Exception):
            pass
        return Inner("too local")


forked = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(),
                            reason="hands functions within functions to workers")


@forked
@pytest.mark.parametrize("error, kind", [
    (ValueError("bad pixel"), ValueError),
    (KeyError("bad key"), KeyError),
    (FileNotFoundError(2, "bad file"), FileNotFoundError),
    (IndexError("bad index"), IndexError),
    (TwoArguments("bad", "pair"), RuntimeError),
    (UnicodeDecodeError("ascii", b"bad", 0, 1, "reason"), RuntimeError),
    (Local.error(), RuntimeError),
])
def test_an_exception_arrives_with_its_traceback(error, kind):
    loader = DataLoader(Numbered(failing(error)), num_workers=2,
                        multiprocessing_context="fork")
    seen = []
    with pytest.raises(kind) as caught:
        for batch in loader:
            seen += batch.tolist()
    assert seen == [0, 1, 2, 3, 4] and type(caught.value) is kind
    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker 1." in text
    assert "\n" in text and "in sample_that_fails" in text and str(error) in text


def with_a_lock(_):
    return threading.Lock()


def test_a_batch_that_cannot_be_pickled():
    with pytest.raises(TypeError, match="pickle"):
        list(DataLoader(Numbered(with_a_lock), num_workers=1, collate_fn=list))


def bad_init(worker):
    raise LookupError(f"no file for {worker}")


def test_an_exception_in_worker_init_fn():
    loader = DataLoader(range(3), num_workers=2, worker_init_fn=bad_init)
    with pytest.raises(LookupError, match="in worker_init_fn of .* 0(.|\n)*no file for 0"):
        list(loader)


def test_an_exception_leaves_persistent_workers_out(impatient):
    loader = DataLoader(Numbered(stuck), num_workers=1, persistent_workers=True, timeout=0.2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="timed out"):
            list(loader)
    assert multiprocessing.active_children() == []


def exit_at_five(index):
    if index == 5:
        os._exit(3)
    return index


def kill_at_five(index):
    if index == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


@pytest.mark.parametrize("sample, how", [
    (exit_at_five, "exit code 3"),
    pytest.param(kill_at_five, "killed by signal SIGKILL", marks=forked)])
def test_a_worker_that_dies(sample, how):
    seen = []
    with pytest.raises(RuntimeError, match=rf"worker 1 \(pid \d+\) exited unexpectedly, .*{how}"):
        for batch in DataLoader(Numbered(sample), num_workers=2):
            seen += batch.tolist()
    # what it had made but not yet sent is lost with it
    assert seen == [0, 1, 2, 3, 4][:len(seen)]


def exit_in_init(worker):
    os._exit(4)


def test_a_worker_that_dies_at_once():
    with pytest.raises(RuntimeError, match="exit code 4"):
        list(DataLoader(range(9), num_workers=1, worker_init_fn=exit_in_init))


def test_a_persistent_worker_that_was_killed_between_epochs():
    loader = DataLoader(Numbered(process_id, 4), num_workers=2, persistent_workers=True)
    victim = lists(loader)[1][0]
    os.kill(victim, signal.SIGTERM)
    with pytest.raises(RuntimeError, match="worker 1 .* SIGTERM"):
        list(loader)
    assert len(lists(loader)) == 4  # with new workers
    del loader


def test_timeout(impatient):
    with pytest.raises(RuntimeError, match="timed out after 0.3 seconds waiting for worker 1"):
        list(DataLoader(Numbered(stuck), num_workers=2, timeout=0.3))


# ---------------------------------------------------------------- the main process is interrupted

SCRIPT = """
    import os, signal, sys, time
    from minidl.utils.data import DataLoader, Dataset

    class Slow(Dataset):
        def __getitem__(self, index):
            time.sleep(0.05 if index < 3 else SLEEP)
            return index
        def __len__(self):
            return 1000

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)   # jobs in the background start deaf to it
        for batch in DataLoader(Slow(), num_workers=2, multiprocessing_context=METHOD):
            print("ready", flush=True)
            if DIE:
                os.kill(os.getpid(), signal.SIGKILL)
"""


def run_script(tmp_path, **constants):
    text = textwrap.dedent(SCRIPT)
    for name, value in {"METHOD": repr(METHOD), **constants}.items():
        text = text.replace(name, str(value))
    path = tmp_path / "script.py"
    path.write_text(text)
    return subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
def test_control_c(tmp_path):
    main = run_script(tmp_path, SLEEP=60, DIE=False)
    assert main.stdout.readline() == "ready\n"
    time.sleep(0.2)
    os.killpg(main.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    # the workers hold the pipe open too, so this returns only when they are gone
    _, errors = main.communicate(timeout=40)
    assert main.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt") and errors.count("Traceback") == 1


RESTLESS = """
    import signal
    import sys
    from minidl.utils.data import DataLoader

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # imports numpy.random, which swallows Ctrl-C
        next(iter(DataLoader(range(9), num_workers=1, multiprocessing_context="fork")))
        print("ready", flush=True)
        try:
            while True:     # workers start and end all the time
                for batch in DataLoader(range(100), num_workers=2, multiprocessing_context="METHOD"):
                    break
        except KeyboardInterrupt:
            sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
@pytest.mark.parametrize("method, times", [("fork", 8), ("spawn", 2), ("forkserver", 2)])
def test_control_c_while_workers_start_and_end(tmp_path, method, times):
    """No worker complains, and none of our finalizers swallows it."""
    path = tmp_path / "restless.py"
    path.write_text(textwrap.dedent(RESTLESS).replace("METHOD", method))
    for k in range(times):
        main = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        main.stdout.readline()
        time.sleep(0.037 * k)
        os.killpg(main.pid, signal.SIGINT)
        try:
            _, errors = main.communicate(timeout=60)
        finally:
            main.kill()
        assert main.returncode == 130 and errors == ""


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
def test_workers_end_when_the_main_process_is_killed(tmp_path):
    main = run_script(tmp_path, SLEEP=0.05, DIE=True)
    main.communicate(timeout=40)
    assert main.returncode == -signal.SIGKILL
