"""Workers that are threads, which they are by default: order, seeds, errors, interrupts; and none left behind."""
from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import minidl
from minidl.random import Generator, manual_seed
from minidl.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info, threads
from minidl.utils.data.dataset import fetch_samples
from tests.utils.data.test_workers import ROOT, Local, Numbered, OneBuffer, Shared, TwoArguments, failing, lists, nested


def workers_alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith("DataLoader worker")]


@pytest.fixture(autouse=True)
def no_worker_is_left_behind():
    yield
    gc.collect()
    for thread in workers_alive():
        thread.join(5)
    assert workers_alive() == [] and multiprocessing.active_children() == []


def thread_name(_=None):
    return threading.current_thread().name


# ---------------------------------------------------------------- batches and their order

def test_threads_by_default_and_processes_on_request():
    assert {name for batch in DataLoader(Numbered(thread_name), num_workers=2) for name in batch} \
        == {"DataLoader worker 0", "DataLoader worker 1"}
    here = os.getpid()
    for context, same in ((None, True), (multiprocessing.get_all_start_methods()[0], False)):
        loader = DataLoader(Numbered(lambda _: os.getpid(), 3), num_workers=1, multiprocessing_context=context)
        assert ({batch.item() for batch in loader} == {here}) is same


def late_when_even(index):
    time.sleep(0.01 * (index % 2 == 0))
    return index


@pytest.mark.parametrize("count, prefetch", [(1, 1), (1, 5), (3, 1), (3, 2)])
def test_batches_keep_their_order(count, prefetch):
    loader = DataLoader(Numbered(late_when_even), num_workers=count, prefetch_factor=prefetch)
    assert lists(loader) == [[i] for i in range(12)]


@pytest.mark.parametrize("count", [1, 3])
def test_shuffling_does_not_depend_on_workers(count):
    loader, expected = (DataLoader(range(17), batch_size=4, shuffle=True, num_workers=n,
                                   generator=Generator().manual_seed(7))
                        for n in (count, 0))
    assert [lists(loader) for _ in range(2)] == [lists(expected) for _ in range(2)]


def test_more_workers_than_batches():
    assert lists(DataLoader(range(2), num_workers=3)) == [[0], [1]]
    assert lists(DataLoader(range(0), num_workers=2)) == []


def test_prefetch_is_bounded():
    made = []
    loop = iter(DataLoader(Numbered(lambda i: made.append(i) or i, 100), num_workers=2, prefetch_factor=3))
    next(loop)
    time.sleep(0.3)
    assert len(made) <= 2 * 3 + 1
    loop.close()


def test_batches_are_handed_over_without_a_copy():
    batch = minidl.zeros(3)

    class Whole(Dataset):
        def __getitem__(self, index):
            return index

        def __getbatch__(self, indices):
            return batch

        def __len__(self):
            return 4

    assert all(found is batch for found in DataLoader(Whole(), batch_size=2, num_workers=1))


def test_nested_batches():
    first, second = DataLoader(Numbered(nested, 3), batch_size=2, num_workers=1)
    assert first["x"].tolist() == [[0], [1]] and list(first["name"]) == ["0", "1"] and second["x"].tolist() == [[2]]


def test_collated_batches_of_a_reused_buffer():
    expected = [[[i] * 3, [i + 1] * 3] for i in (0, 2, 4)]

    class Copied(OneBuffer):
        def __iter__(self):
            return (sample[:3].copy() for sample in super().__iter__())

    assert lists(DataLoader(Copied(), batch_size=2, num_workers=1)) == expected


# ---------------------------------------------------------------- streams

def test_streams_are_shared_out():
    loader = DataLoader(Shared(12), batch_size=2, num_workers=2)  # 0..8 and 9..11
    expected = [[0, 1], [9, 10], [2, 3], [11], [4, 5], [6, 7], [8]]
    assert lists(loader) == expected == lists(loader)
    loader = DataLoader(Shared(12), batch_size=2, num_workers=2, drop_last=True, persistent_workers=True)
    assert lists(loader) == lists(loader) == [[0, 1], [9, 10], [2, 3], [4, 5], [6, 7]]


class Range(IterableDataset):
    """As PyTorch's documentation has it: `worker_init_fn` gives each worker's copy its part."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def __iter__(self):
        return iter(range(self.start, self.end))


def share_out(worker):
    info = get_worker_info()
    data, each = info.dataset, (info.dataset.end - info.dataset.start) // info.num_workers
    data.start, data.end = data.start + worker * each, data.start + (worker + 1) * each


def test_each_worker_has_the_data_set_to_itself():
    data = Range(0, 8)
    assert lists(DataLoader(data, num_workers=2, batch_size=2, worker_init_fn=share_out)) == [
        [0, 1], [4, 5], [2, 3], [6, 7]]
    assert (data.start, data.end) == (0, 8)
    # nobody shared it out
    assert sorted(lists(DataLoader(data, num_workers=2, batch_size=8))) == [list(range(8))] * 2


# ---------------------------------------------------------------- seeds

def draw(_):
    time.sleep(0.001)       # so that the threads take turns
    return minidl.rand(2)


def drawn(**arguments):
    return np.concatenate([batch.numpy() for batch in DataLoader(Numbered(draw, 8), **arguments)])


def test_workers_draw_different_numbers_which_repeat():
    manual_seed(11)
    first, second = drawn(num_workers=2), drawn(num_workers=2)
    after = minidl.rand(1).item()
    manual_seed(11)
    np.testing.assert_array_equal(drawn(num_workers=2), first)
    np.testing.assert_array_equal(drawn(num_workers=2), second)
    assert minidl.rand(1).item() == after           # and the main thread's stream is its own
    assert len(np.unique(first)) == first.size and not np.isin(first, second).any()


def test_threads_draw_what_processes_draw():
    results = [drawn(num_workers=2, generator=Generator().manual_seed(5), multiprocessing_context=context)
               for context in (None, multiprocessing.get_all_start_methods()[0])]
    np.testing.assert_array_equal(*results)


def test_persistent_workers_draw_what_new_ones_would():
    loaders = [DataLoader(Numbered(draw, 8), num_workers=2, persistent_workers=keep,
                          generator=Generator().manual_seed(4))
               for keep in (True, False)]
    for _ in range(3):
        for a, b in zip(*loaders, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_seed_in_a_worker_stays_there():
    manual_seed(3)
    expected = minidl.rand(1).item()
    manual_seed(3)
    list(DataLoader(Numbered(lambda i: manual_seed(100 + i) and minidl.rand(1), 4), num_workers=2,
                    generator=Generator().manual_seed(0)))
    assert minidl.rand(1).item() == expected


def test_worker_info():
    loader = DataLoader(Numbered(lambda _: np.array([(info := get_worker_info()).id, info.num_workers, info.seed,
                                                     minidl.initial_seed(), len(info.dataset)]), 4), num_workers=2)
    seen = np.concatenate([batch.numpy() for batch in loader])
    assert seen[:, 0].tolist() == [0, 1, 0, 1] and (seen[:, 1] == 2).all() and (seen[:, 4] == 4).all()
    assert (seen[:, 2] == seen[:, 3]).all() and seen[1, 2] == seen[0, 2] + 1 and get_worker_info() is None


def test_what_numpy_does_on_overflow_is_as_in_the_loop():
    with np.errstate(divide="raise"):
        batch = next(iter(DataLoader(Numbered(lambda _: np.geterr()["divide"], 1), num_workers=1)))
    assert list(batch) == ["raise"]


# ---------------------------------------------------------------- persistence and leaving

def test_workers_are_new_each_epoch_unless_persistent():
    for keep in (False, True):
        loader = DataLoader(Numbered(lambda _: threading.get_ident()), num_workers=2, persistent_workers=keep)
        before = set(map(str, lists(loader)))
        assert len(workers_alive()) == (2 if keep else 0)
        assert (set(map(str, lists(loader))) == before) or not keep
    del loader
    gc.collect()
    assert workers_alive() == []


def test_leaving_a_loop_ends_the_workers():
    for _ in DataLoader(range(100), num_workers=2):
        assert len(workers_alive()) == 2
        break
    assert workers_alive() == []
    with pytest.raises(ZeroDivisionError):
        for _ in DataLoader(range(100), num_workers=2):
            1 / 0  # noqa: B018
    assert workers_alive() == []


def test_loops_inside_loops():
    loader = DataLoader(range(3), num_workers=1, persistent_workers=True)
    assert [(a.item(), b.item()) for a in loader for b in loader] == [(a, b) for a in range(3) for b in range(3)]


def test_a_worker_stops_after_the_sample_it_is_at():
    fetched = []

    def slow(index):
        fetched.append(index)
        time.sleep(0.05)
        return index

    pool = threads.ThreadPool(Numbered(slow, 2000), lambda data: lambda task: fetch_samples(data, task), 1, 0, None, 0)
    pool.begin_epoch(0)
    pool.submit(0, list(range(2000)))
    time.sleep(0.3)
    pool.close()
    assert 1 <= len(fetched) < 20 and workers_alive() == []


def test_leaving_does_not_wait_for_a_stuck_worker(monkeypatch):
    monkeypatch.setattr(threads, "_GRACE", 0.1)
    over = threading.Event()
    begin = time.monotonic()
    for _ in DataLoader(Numbered(lambda index: index if not index else over.wait(30) or index), num_workers=1):
        break
    assert time.monotonic() - begin < 10
    over.set()


def test_a_stream_without_end_can_be_left():
    class Endless(IterableDataset):
        def __iter__(self):
            while True:
                yield 1

    assert next(iter(DataLoader(Endless(), batch_size=3, num_workers=2))).tolist() == [1, 1, 1]


# ---------------------------------------------------------------- errors

@pytest.mark.parametrize("error, kind", [
    (ValueError("bad pixel"), ValueError),
    (KeyError("bad key"), KeyError),
    (FileNotFoundError(2, "bad file"), FileNotFoundError),
    (TwoArguments("bad", "pair"), RuntimeError), (SystemExit(3), RuntimeError), (KeyboardInterrupt(), RuntimeError),
    (MemoryError("bad size"), MemoryError)])
def test_an_exception_arrives_with_its_traceback(error, kind):
    seen = []
    with pytest.raises(kind) as caught:
        for batch in DataLoader(Numbered(failing(error)), num_workers=2):
            seen += batch.tolist()
    assert seen == [0, 1, 2, 3, 4] and type(caught.value) is kind
    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker 1." in text and "in sample_that_fails" in text


def test_an_exception_of_a_local_class():
    error = Local.error()
    with pytest.raises(type(error), match="too local"):
        list(DataLoader(Numbered(failing(error)), num_workers=2))


def bad_init(worker):
    raise LookupError(f"no file for {worker}")


def test_an_exception_in_worker_init_fn():
    with pytest.raises(LookupError, match="in worker_init_fn of .* 0(.|\n)*no file for 0"):
        list(DataLoader(range(3), num_workers=2, worker_init_fn=bad_init))


def test_timeout(monkeypatch):
    monkeypatch.setattr(threads, "_GRACE", 0.1)
    over = threading.Event()
    loader = DataLoader(Numbered(lambda index: over.wait(30) or index), num_workers=2, timeout=0.3,
                        persistent_workers=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"timed out after 0.3 seconds waiting for worker 0"):
            list(loader)
    over.set()


def test_python_and_numpy_draw_as_if_there_were_no_workers():
    random.seed(1)
    np.random.seed(1)
    list(DataLoader(range(10), num_workers=2))
    assert random.random() == random.Random(1).random() and np.random.random() == np.random.RandomState(1).random()


# ---------------------------------------------------------------- the main thread is interrupted

SCRIPT = """
    import signal, sys, threading, time
    from minidl.utils.data import DataLoader, Dataset

    class Slow(Dataset):
        def __getitem__(self, index):
            time.sleep(0.02 if index < 20 else SLEEP)
            return index
        def __len__(self):
            return 1000

    signal.signal(signal.SIGINT, signal.default_int_handler)
    batch = None
    print("ready", flush=True)
    try:
        for epoch in range(1000):
            for batch in DataLoader(Slow(), batch_size=2, num_workers=2, persistent_workers=PERSISTENT):
                if BREAK:
                    break
    except KeyboardInterrupt:
        del batch
        time.sleep(1.5)
        left = [t.name for t in threading.enumerate() if t.name.startswith("DataLoader")]
        print("left:", left, flush=True)
        sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
@pytest.mark.parametrize("constants",
                         [{"SLEEP": 0.02, "BREAK": False, "PERSISTENT": False},
                          {"SLEEP": 0.02, "BREAK": True, "PERSISTENT": False},
                          {"SLEEP": 1.0, "BREAK": False, "PERSISTENT": True}],
                         ids=str)
def test_control_c_anywhere_leaves_nothing_running(tmp_path, constants):
    text = textwrap.dedent(SCRIPT)
    for name, value in constants.items():
        text = text.replace(name, str(value))
    path = tmp_path / "script.py"
    path.write_text(text)
    for k in range(6):
        main = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        main.stdout.readline()
        time.sleep(0.1 + 0.057 * k)
        os.killpg(main.pid, signal.SIGINT)
        try:
            out, errors = main.communicate(timeout=40)
        finally:
            main.kill()
        assert main.returncode == 130 and out == "left: []\n", errors


def test_a_program_ends_while_workers_work(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "from minidl.utils.data import DataLoader\n"
        "loop = iter(DataLoader(range(10**6), num_workers=2))\nprint(next(loop))\n")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0 and done.stdout == "tensor([0])\n" and done.stderr == ""


def test_training_while_workers_load():
    """The library's own threads and caches serve several threads at once."""
    x = minidl.rand(64, 3, 32, 32)
    data = Numbered(lambda i: (x[i] * 2).flip(-1), 64)
    model = minidl.nn.Conv2d(3, 8, 3)
    expected = [model((x[i:i + 8] * 2).flip(-1)).sum().item() for i in range(0, 64, 8)]
    found = [model(batch).sum().item() for batch in DataLoader(data, batch_size=8, num_workers=3)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert next(iter(DataLoader(TensorDataset(x), batch_size=64, num_workers=1)))[0].shape == (64, 3, 32, 32)
