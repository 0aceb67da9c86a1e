"""Programs for PyTorch, unchanged: each runs under `minidl run`, and reaches the figure that it reaches under PyTorch.

Under PyTorch itself a program runs where that is installed. A program that draws no random numbers of the library,
since its weights come from NumPy's, prints the same losses there.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAMS_IN = ROOT / "tests" / "programs" / "unchanged"


class Program(NamedTuple):
    """arguments: the file, and what follows it. figure: a pattern of a number, whose last one in the output lies
    between least and most; an untrained model misses that by far. same: all numbers are those under PyTorch.
    """

    arguments: str
    figure: str
    least: float = -np.inf
    most: float = np.inf
    same: bool = False


PROGRAMS = [
    Program("polynomial.py", r"loss ([\d.]+) after", most=1e-3, same=True),
    Program("sine_waves.py", r"test loss ([\d.]+)", most=2e-3, same=True),
    Program("seq2seq.py", r"(\d+) % right", 90, same=True),
    Program("gcn.py", r"accuracy ([\d.]+)", 0.9, same=True),
    Program("gcn.py --dropout-p 0.5", r"accuracy ([\d.]+)", 0.9),
    Program("gat.py", r"accuracy ([\d.]+)", 0.8, same=True),
    Program("lesson.py", r"perplexity ([\d.]+)", most=2.6, same=True),
    Program("bars_vae.py", r"bound ([\d.]+)", most=10.5),
    Program("reinforce.py", r"best average ([\d.]+)", 100),
    Program("actor_critic.py", r"best average ([\d.]+)", 100),
    # the words follow each other by a grammar of perplexity 2.9, which is the least there is
    Program("word_language_model.py --model LSTM --lr 10 --clip 0.5 --epochs 12", r"test ppl ([\d.]+)", 2.8, 3.7),
    Program("word_language_model.py --model GRU --lr 5", r"test ppl ([\d.]+)", 2.8, 3.7),
    Program("word_language_model.py --model RNN_TANH --lr 2 --tied", r"test ppl ([\d.]+)", 2.8, 3.7),
    Program("word_language_model.py --model RNN_RELU --lr 1", r"test ppl ([\d.]+)", 2.8, 4),
    Program("word_language_model.py --model Transformer --lr 2", r"test ppl ([\d.]+)", 2.8, 3.7),
]
NAMES = [re.sub(r"\.py| --.*", "", program.arguments.replace(" --model ", "-")) +
         ("-dropout" if "dropout" in program.arguments else "") for program in PROGRAMS]


def run(*arguments: str) -> str:
    """What Python prints, in a process of its own; threads wait for each other where others work, too."""
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    found = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=PROGRAMS_IN,
                           env={**os.environ, **one_thread, "PYTHONPATH": str(ROOT)})
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


def figure(program: Program, output: str) -> float:
    return float(re.findall(program.figure, output)[-1])


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """What the programs printed on minidl, once they have run."""
    return {}


def on_minidl(program: Program, printed: dict[str, str]) -> str:
    if program.arguments not in printed:
        printed[program.arguments] = run("-m", "minidl", "run", *program.arguments.split())
    return printed[program.arguments]


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_a_program_for_pytorch_learns(program: Program, printed: dict[str, str]) -> None:
    output = on_minidl(program, printed)
    assert program.least <= figure(program, output) <= program.most, output


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_it_learns_what_it_learns_under_pytorch(program: Program, printed: dict[str, str]) -> None:
    pytest.importorskip("torch")
    theirs = run(*program.arguments.split())
    assert program.least <= figure(program, theirs) <= program.most, theirs
    if program.same:
        ours = on_minidl(program, printed)
        words, numbers = zip(*((re.sub(r"[-+]?\d+\.\d+", "#", text), re.findall(r"[-+]?\d+\.\d+", text))
                               for text in (ours, theirs)))
        assert words[0] == words[1]
        np.testing.assert_allclose(*(np.array(found, float) for found in numbers), rtol=2e-2, atol=2e-3)
