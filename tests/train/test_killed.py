"""A training that is killed at any moment, and begun again, ends with the same bits."""
import random
import subprocess
import sys
import time
from pathlib import Path

import minidl
from minidl.train import Log

SCRIPT = Path(__file__).with_name("killed.py")


def start(folder):
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def bits(folder):
    """All numbers of the weights, their averages and the best weights; and the log, but for its seconds."""
    done = minidl.load(folder / "done.minidl")
    arrays = [*done["model"].values(), *done["ema"].values(), *minidl.load(folder / "best.minidl").values()]
    rows = [{name: figure for name, figure in row.items() if name != "seconds"}
            for row in Log(folder / "log.csv").rows()]
    return [array.numpy().tobytes() for array in arrays], rows


def test_twenty_kills(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    began = time.monotonic()
    process = start(whole)
    assert process.wait() == 0
    seconds = time.monotonic() - began

    moments = random.Random(0)
    kills = 0
    while kills < 20:
        process = start(killed)
        try:
            assert process.wait(timeout=moments.uniform(0, seconds / 20)) == 0
            break                       # it came to its end between two kills
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    else:
        assert start(killed).wait() == 0
    assert kills >= 10, "the moments were too long"
    assert bits(killed) == bits(whole)
