"""The graph networks of examples/graphs: on a small made graph in Cora's layout, on digits, on the karate club."""
from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ROOT / "examples" / "graphs"


@pytest.fixture(scope="module")
def cora(tmp_path_factory):
    """120 papers of 3 subjects, each citing mostly its own kind; words say little."""
    stream, n = np.random.default_rng(0), 120
    labels = np.arange(n) % 3
    words = stream.random((n, 30)) < 0.1 + 0.15 * (np.arange(30) % 3 == labels[:, None])
    close = stream.random((n, n)) < np.where(labels[:, None] == labels, 0.15, 0.01)
    edges = np.argwhere(np.triu(close, 1))
    path = tmp_path_factory.mktemp("cora") / "cora.npz"
    np.savez(path, feature_indptr=np.concatenate([[0], words.sum(1).cumsum()]).astype(np.int32),
             feature_indices=np.argwhere(words)[:, 1].astype(np.int16), feature_shape=np.array([n, 30]),
             labels=labels.astype(np.int8), edges=edges.astype(np.int32), train=np.arange(12), val=np.arange(12, 48),
             test=np.arange(48, n))
    return path


def run(name, *args):
    command = [sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          timeout=300)


@pytest.mark.parametrize("name", ["gcn", "gat"])
def test_neighbours_tell_what_words_do_not(name, cora):
    found = run(name, "--data", cora, "--epochs", 60, "--lr", 0.02, "--seed", 0, 1)
    assert found.returncode == 0, found.stderr
    reached = [float(a) for a in re.findall(r"^seed \d: .* test accuracy ([\d.]+) %$", found.stdout, re.MULTILINE)]
    assert len(reached) == 2 and min(reached) > 80 and "mean test accuracy" in found.stdout


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_plot(cora, tmp_path):
    found = run("gcn", "--data", cora, "--epochs", 3, "--plot", tmp_path / "plots")
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "plots" / "gcn.png").stat().st_size > 10_000


def test_digits_need_no_file():
    def reached(*args):
        found = run("gcn", "--epochs", 100, *args)
        assert found.returncode == 0, found.stderr
        return float(re.search(r"test accuracy ([\d.]+) %", found.stdout)[1])
    assert reached() > reached("--alone") + 5


def test_two_members_tell_the_sides_of_the_others():
    found = run("karate")
    assert "34 members, 78 friendships" in found.stdout, found.stderr
    assert int(re.search(r"seed 0: (\d+) of 34", found.stdout)[1]) >= 32


def test_a_missing_file_is_refused():
    found = run("gcn", "--data", "nowhere.npz")
    assert found.returncode == 2 and "--data: there is no file nowhere.npz" in found.stderr


def test_options_are_refused_before_anything_is_learned(tmp_path):
    (tmp_path / "file").write_text("no folder")
    why = "cannot write into the folder" if importlib.util.find_spec("matplotlib") else "needs matplotlib"
    for name in ("gcn", "gat", "karate"):
        found = run(name, "--plot", tmp_path / "file")
        assert found.stdout == "" and re.search(f"--plot:? {why}", found.stderr)
    assert "--epochs: expected a whole number, 1 or more" in run("gcn", "--epochs", 0).stderr


def test_another_file_is_refused_in_one_line(cora, tmp_path):
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", labels=np.zeros(3))
    (tmp_path / "short.npz").write_bytes(cora.read_bytes()[:2000])
    for name in ("text.npz", "one.npy", "other.npz", "short.npz"):
        found = run("gcn", "--data", tmp_path / name)
        assert "is no file of the layout in citations.py" in found.stderr and found.stderr.count("\n") == 1


def test_the_reader(cora, monkeypatch):
    monkeypatch.syspath_prepend(str(PROGRAMS))
    citations = importlib.import_module("citations")
    graph, file = citations.load(cora), np.load(cora)
    assert graph.x.shape == (120, 30) and set(graph.x.sum(1).round(decimals=4).tolist()) <= {0.0, 1.0}
    paper = file["feature_indices"][file["feature_indptr"][5]:file["feature_indptr"][6]]
    assert graph.x[5].nonzero().flatten().tolist() == sorted(paper.tolist())
    pairs = set(map(tuple, graph.edges.T.tolist()))
    assert len(pairs) == graph.edges.shape[1] == 2 * len(file["edges"]) + 120
    assert all((b, a) in pairs for a, b in pairs) and (7, 7) in pairs
    assert graph.test.tolist() == list(range(48, 120)) and graph.labels.tolist()[:4] == [0, 1, 2, 0]
