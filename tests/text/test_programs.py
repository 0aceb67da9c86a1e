"""The programs of examples/sequences on text: shapes of the lecture's diagrams, rules of the made language."""
from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "examples" / "sequences"


def run(name, *args):
    done = subprocess.run([sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, args)], capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def texts():
    spec = importlib.util.spec_from_file_location("texts", PROGRAMS / "texts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shapes_of_the_diagrams():
    """Q N_Q x D_Q, X N_X x D_X, E N_Q x N_X, Y N_Q x D_V; a head of two has half the numbers; who sees whom."""
    parts = dict(re.findall(r"^(\w[\w-]*).*\n((?:  .*\n)+)", run("attention"), re.MULTILINE))
    found = {title: dict(re.findall(r"^  (.{38})(.*)$", block, re.MULTILINE)) for title, block in parts.items()}
    found = {title: {name.strip(): value for name, value in block.items()} for title, block in found.items()}
    layer = found["attention"]
    assert [layer[name] for name in "XQKVEAY"] == ["4 x 8", "3 x 8", "4 x 8", "4 x 5", "3 x 4", "3 x 4", "3 x 5"]
    assert layer["rows of A add up to"] == "1.0000 to 1.0000"
    assert float(layer["difference to minidl's attention"]) < 1e-6
    itself = found["self-attention"]
    assert [itself[name] for name in "XQAY"] == ["4 x 8", "4 x 8", "4 x 4", "4 x 8"]
    assert float(itself["X permuted, Y permuted alike: error"]) < 1e-6
    heads = found["multi-head"]
    assert (heads["Y of a head"], heads["mixed by a linear layer"]) == ("4 x 4", "4 x 8")
    assert float(heads["difference to nn.MultiheadAttention"]) < 1e-6
    assert found["cross-attention"]["A of multihead_attn"] == "2 x 3 x 4"
    seen = [value for name, value in found["Transformer"].items() if "vectors seen" in name]
    assert seen == ["[4, 4, 4, 4]", "[1, 1, 1, 1]", "[1, 1, 1, 1]", "[4, 4, 4, 4]"]


def test_three_ways_have_their_paths():
    rows = re.findall(r"^(\w+).* +(\d+) +[\d.]+ +[\d.]+ +(\d+)$", run(
        "three_ways", "--lengths", 8, 17, "--rounds", 1, "--width", 8), re.MULTILINE)
    assert rows == [("recurrent", "8", "7"), ("recurrent", "17", "16"), ("convolutions", "8", "3"),
                    ("convolutions", "17", "4"), *[("attention", "8", "1"), ("attention", "17", "1")] * 2]


def test_the_made_language_has_rules(texts):
    rng, seen = random.Random(0), {}
    for _ in range(30_000):
        english, translated = texts.clause(rng)
        assert seen.setdefault(english, translated) == translated
    assert seen["we are eating bread"] == "estamos comiendo pan"
    for english, ours in {"a red house": "una casa roja", "the small red book": "el libro rojo pequeño"}.items():
        found = [translated for source, translated in seen.items() if source.endswith(f"ing {english}")]
        assert found and all(translated.endswith(f"ndo {ours}") for translated in found)
    assert texts.dates(random.Random(1))[1].count("-") == 2
    digits, turned = texts.reverse(rng)
    assert turned == digits[::-1] and 5 <= len(digits) <= 16


@pytest.mark.parametrize("task", ["spanish", "dates", "reverse"])
def test_nothing_is_tested_that_was_learned(texts, task):
    corpus = texts.corpus(task, 500, 50, 0)
    assert not set(corpus.train.sources) & set(corpus.test.sources)
    source, target, following = corpus.batch(corpus.test, [0, 1, 2])
    assert target.shape == following.shape and bool((target[:, 0] == corpus.writer.bos).all())
    assert bool((target[:, 1:] == following[:, :-1]).all())
    assert corpus.writer.decode(following[1]) == corpus.test.targets[1]
    assert corpus.reader.decode(source[2]) == corpus.test.sources[2]


def test_translations_are_resumed(tmp_path):
    """To the same figures."""
    small = ["--task", "reverse", "--models", "dot", "--width", 4, "--batch-size", 4, "--pairs", 60, "--tests", 8,
             "--steps", 100]
    whole = run("seq2seq", *small)
    run("seq2seq", *small, "--run", tmp_path, "--max-steps", 60)
    with pytest.raises(AssertionError, match="holds a run already; --resume goes on with it"):
        run("seq2seq", *small, "--run", tmp_path)
    again = run("seq2seq", *small, "--run", tmp_path, "--resume")
    figures = [re.findall(r"exact .*|^dot .*", said, re.MULTILINE) for said in (whole, again)]
    assert figures[0] == figures[1] and len(figures[0]) == 3
