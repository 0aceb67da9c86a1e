"""The map of the course: whole, in order, on its page, and every command of it runs at its smallest size."""
from __future__ import annotations

import importlib.util
import re
import shlex
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from minidl.cli import course, main, models
from tests.course import page
from tests.test_examples import FILES

ROOT = Path(__file__).parents[2]
LEAST = {1: 40, 2: 28, 3: 17, 4: 30, 5: 25, 6: 17, 7: 22, 8: 22, 9: 17, 10: 39, 11: 24, 12: 4}
"""Rows of the lectures, by group; what goes beyond them may follow."""
OPEN = {
}
"""Rows that are taught and have no command yet."""
SMALLEST: dict[str, list[str]] = {
    "examples/course/assignments/assignment_1.py": ["--epochs", "1"],
    "examples/course/assignments/assignment_2.py": ["--epochs", "1", "--steps", "1", "--shots", "2"],
    "examples/course/assignments/assignment_3.py": ["--epochs", "1", "--scenes", "8", "--rounds", "1"],
    "examples/course/assignments/assignment_4.py": ["--epochs", "1", "--field-steps", "2"],
    "examples/course/learning/activations.py": ["--epochs", "1"],
    "examples/course/learning/batch_size.py": ["--epochs", "1", "--sizes", "512", "2000"],
    "examples/course/learning/classical.py": ["--rows", "60"],
    "examples/course/learning/features.py": ["--epochs", "1"],
    "examples/course/learning/folding.py": ["--units", "3", "6", "--steps", "10"],
    "examples/course/learning/linear.py": ["--epochs", "1"],
    "examples/course/learning/mlp_from_parameters.py": ["--epochs", "1"],
    "examples/course/learning/neighbours.py": ["--points", "20"],
    "examples/course/learning/nuisances.py": ["--epochs", "1"],
    "examples/course/learning/penalties.py": ["--steps", "5"],
    "examples/course/learning/writers.py": ["--steps", "2"],
    "examples/course/networks/batch_norm.py": ["--epochs", "1", "--rates", "0.1"],
    "examples/course/networks/plain_or_residual.py": ["--epochs", "1", "--depths", "8", "--width", "4"],
    "examples/course/training/activation_race.py": ["--epochs", "1", "--layers", "1"],
    "examples/course/training/augmentation.py": ["--epochs", "1", "--shots", "1", "--seeds", "1"],
    "examples/course/training/augmenting_generator.py": ["--epochs", "1"],
    "examples/course/training/early_stopping.py": ["--epochs", "2"],
    "examples/course/training/initial_weights.py": ["--width", "64"],
    "examples/course/training/regularizers.py": ["--epochs", "1", "--shots", "1", "--seeds", "2"],
    "examples/course/training/schedules.py": ["--epochs", "1"],
    "examples/course/training/shortcuts.py": ["--epochs", "1", "--shares", "1"],
    "examples/free_labels/clip.py": ["--scenes", "100", "--max-steps", "2"],
    "examples/free_labels/few_shot.py": ["--epochs", "1"],
    "examples/free_labels/mae.py": ["--max-steps", "2"],
    "examples/free_labels/matching.py": ["--images", "20", "--max-steps", "2"],
    "examples/free_labels/policy_gradient.py": ["--iterations", "3", "--episodes", "2"],
    "examples/free_labels/pretext.py": ["--max-steps", "2"],
    "examples/free_labels/simclr.py": ["--max-steps", "2"],
    "examples/free_labels/votes.py": ["--most", "80", "--epochs", "1"],
    "examples/see/adversarial.py": ["--epochs", "1", "--attacked", "6"],
    "examples/see/attribution.py": ["--dataset", "digits", "--epochs", "1", "--tested", "2", "--differences", "1"],
    "examples/see/class_images.py": ["--dataset", "digits", "--epochs", "1", "--steps", "2"],
    "examples/see/dissection.py": ["--images", "40", "--epochs", "1", "--scenes", "20"],
    "examples/see/dream.py": ["--images", "40", "--epochs", "1", "--steps", "1", "--pixels", "24"],
    "examples/see/gradcam.py": ["--images", "40", "--epochs", "1", "--scenes", "4"],
    "examples/see/layers.py": ["--images", "40", "--epochs", "1"],
    "examples/see/neighbours.py": ["--epochs", "1", "--points", "60"],
    "examples/see/patch.py": ["--dataset", "digits", "--epochs", "1", "--steps", "2"],
    "examples/see/shortcut.py": ["--images", "20", "--epochs", "1", "--explained", "2", "--samples", "20"],
    "examples/see/style.py": ["--pixels", "24", "--steps", "2"],
    "examples/see/units.py": ["--images", "40", "--epochs", "1", "--steps", "2"],
    "examples/sequences/caption.py": ["--images", "20", "--epochs", "1"],
    "examples/sequences/char.py": ["--max-steps", "2", "--width", "8", "--layers", "1", "--characters", "10"],
    "examples/sequences/seq2seq.py": ["--max-steps", "2", "--pairs", "50", "--tests", "12", "--width", "16"],
    "examples/sequences/three_ways.py": ["--lengths", "8", "16", "--rounds", "1", "--width", "8"],
    "examples/sequences/vqa.py": ["--images", "20", "--epochs", "1"],
    "examples/sequences/wavenet.py": ["--seconds", "2", "--layers", "3", "--width", "4", "--made", "400",
                                      "--epochs", "1"],
    "examples/detect/viola_jones.py": ["--scenes", "8", "--stages", "2"],
    "examples/graphs/normalized_cuts.py": ["--side", "16"],
    "examples/space/completion.py": ["--solids", "20", "--test", "5", "--epochs", "1", "--side", "12"],
    "examples/space/light_field.py": ["--walls", "10", "--test", "10", "--epochs", "1"],
    "examples/space/multiview.py": ["--solids", "8", "--test", "8", "--epochs", "1", "--side", "12", "--views", "2"],
    "examples/space/pointnet.py": ["--solids", "8", "--test", "8", "--epochs", "1", "--points", "32"],
    "examples/space/rooms.py": ["--rooms", "2", "--test", "2", "--epochs", "1"],
    "examples/space/tracking.py": ["--films", "2"],
    "examples/space/video.py": ["--motions", "16", "--test", "8", "--epochs", "1"],
    "examples/space/voxnet.py": ["--solids", "20", "--test", "12", "--epochs", "1", "--side", "12"],
}
"""For each program, the options with which it ends in a second or two; they follow those of the map."""
SAYS: dict[str, list[str]] = {
    "examples/course/learning/activations.py": [
        "sigmoid +0.0003 +0.1966 +0.2500", "ReLU +0.0000 +0.0000 +0.0000 +1.0000"],
    "examples/course/learning/boxes_and_maps.py": [
        "0.5385 0.7500 0.9025", r"keeps: \[0, 2\]", r"\(60.0, 38.0, 40.0, 10.0\)", "area 0.8667", "0.83828  ",
        "1.00 +0.60 +0.90", r"\[4, 4, 10, 6, 6\]"],
    "examples/course/learning/computational_graphs.py": [
        "product: -12.00", "x +-2.00 +-4.00", "y +5.00 +-4.00", "z +-4.00 +3.00", "neuron: 0.73", "w0 +2.00 +-0.20",
        "x0 +-1.00 +0.39", "w1 +-3.00 +-0.39", "x1 +-2.00 +-0.59", "w2 +-3.00 +0.20"],
    "examples/course/learning/descent.py": ["0.05: x = +3.486784", "0.2: x = +0.060466", "1.1: x = +61.917364",
                                   r"from its ridge to \(0.000, 0.000\)"],
    "examples/course/learning/folding.py": ["100.0% after"],
    "examples/course/learning/linear.py": [
        "living room +-96.80", "highway +437.90", "mountain +60.75", "0.36125", "0.00125"],
    "examples/course/learning/losses.py": [
        "24.53 +164.02 +0.18", "softmax +0.13 +0.87 +0.00", "-log 0.13 +2.04",
        r"KL divergence from \(1, 0, 0\) +2.04", "of 0.9 +0.105", "of 0.09 +2.408",
        "solid +13 ", "dashed +13 ", "dotted +13 "],
    "examples/course/learning/neighbours.py": [r"training\|: 456 ", r"10\^308"],
    "examples/course/learning/penalties.py": [r"1.0, 0.0, 0.0, 0.0\] +1.00 +1.00 +1.00", r"0.25\] +1.00 +0.25 +1.00"],
    "examples/course/learning/race.py": ["AdaGrad .* -2.38256. +-0.158591", "RMSProp .* -0.01059. +0.000000"],
}
"""Worked numbers of the lectures, which the programs print at any size."""
ELSEWHERE = {path.relative_to(ROOT).as_posix() for path in FILES.values()} | {
    "examples/from_scratch/step_1_scalars.py",          # tests/test_from_scratch.py
    "examples/generate/ring.py",                        # tests/test_examples.py
    "examples/space/nerf.py",                           # tests/test_examples.py
    "examples/graphs/gcn.py", "examples/graphs/gat.py"}     # tests/graphs/test_examples.py
"""Programs of the map that other tests run."""
COMMANDS = sorted({row.command for row in course.rows() if row.command})
PROGRAMS = [command for command in COMMANDS
            if not command.startswith("minidl ") and shlex.split(command)[0] not in ELSEWHERE]


def by_group(rows):
    return {group: " ".join(row.number.split(".")[1] for row in rows if row.group == group) for group in LEAST}


def test_every_row_is_there_and_says_what_it_shows():
    for group, least in LEAST.items():
        numbers = [row.number for row in course.rows() if row.group == group]
        assert numbers == [f"{group}.{i}" for i in range(1, len(numbers) + 1)] and len(numbers) >= least
    assert [row.number for row in course.rows() if not row.title.strip("*") or not row.shows] == []
    assert [row.group for row in course.rows()] == sorted(row.group for row in course.rows())
    assert set(LEAST) == set(course.GROUPS)


def test_what_is_taught_has_a_command_or_is_still_open():
    lacking = by_group([row for row in course.rows() if row.taught and not row.command])
    assert {group: rows for group, rows in lacking.items() if rows} == OPEN


def test_the_page_has_the_tables():
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.written(text) == text, "python -m tests.course.page"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_leads_somewhere(command, monkeypatch):
    name, *words = shlex.split(command)
    if name == "minidl":
        monkeypatch.setattr(models, "summarise", lambda args: None)
        main(words)
    else:
        assert (ROOT / name).is_file()


def test_the_smallest_sizes_are_of_programs_on_the_map():
    assert set(SMALLEST) | set(SAYS) <= {shlex.split(command)[0] for command in PROGRAMS}


@pytest.fixture
def alone(monkeypatch):
    """A program leaves the process as it found it: its neighbours' names, its handlers, its options."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").is_relative_to(ROOT / "examples"):
            del sys.modules[name]


@pytest.mark.parametrize("command", PROGRAMS)
def test_it_runs(command, alone, tmp_path, monkeypatch, capsys):
    """In this process, and with its pictures if there is matplotlib."""
    name, drawn = shlex.split(command)[0], importlib.util.find_spec("matplotlib") is not None
    if name == "examples/course/learning/classical.py":
        pytest.importorskip("sklearn")
    options = [*SMALLEST.get(name, []), *(["--plot", str(tmp_path)] if drawn else [])]
    monkeypatch.chdir(ROOT)
    try:
        course.run(course.Row("0.0", command, command, ""), options)
    except SystemExit as ended:
        assert not ended.code, ended.code
    said = capsys.readouterr().out
    assert len(said.splitlines()) > 3
    assert [expected for expected in SAYS.get(command, []) if not re.search(expected, said)] == []
    assert not drawn or all(path.stat().st_size > 5_000 for path in tmp_path.rglob("*.png"))
    assert not drawn or any(tmp_path.rglob("*.*")), "--plot drew nothing"


@pytest.mark.parametrize("name, options, said", [
    ("dream", ["--layer", "features.relu2", "nowhere"], "--layer: there is no nowhere; there are features"),
    ("dream", ["--image", "nowhere.jpg"], "--image: cannot read nowhere.jpg"),
    ("layers", ["--image", "nowhere.jpg"], "--image: cannot read nowhere.jpg"),
    ("units", ["--layer", "nowhere"], "--layer: there is no nowhere"),
    ("units", ["--layer", "fc"], "--layer: fc answers for the image as a whole"),
    ("units", ["--unit", "3", "64"], "--unit: expected channels below 64"),
    ("patch", ["--target", "dog"], "--target: expected one of 0, 1"),
    ("patch", ["--side", "9"], "--side: the images have 8 pixels"),
    ("gradcam", ["--weights", "nowhere"], "--weights: there is no file nowhere"),
    ("units", ["--save", "."], "--save: . is a folder"),
    ("patch", ["--images", "19"], "--images: expected a whole number, 20 or more"),
    ("dissection", ["--scenes", "7"], "--scenes: expected a whole number, 8 or more"),
    ("../space/pointnet", ["--solids", "1"], "--solids: expected a whole number, 2 or more"),
    ("../free_labels/votes", ["--most", "79"], "--most: expected a whole number, 80 or more"),
    ("../free_labels/mae", ["--masked", "1"], "--masked: expected a number, from 0.1 to 0.9"),
])
def test_options_are_refused_before_anything_is_learned(name, options, said, alone, capsys):
    command = f"examples/see/{name}.py{' --dataset digits' if name in ('units', 'patch') else ''}"
    with pytest.raises(SystemExit) as stopped:
        course.run(course.Row("0.0", "", command, ""), [*options, "--epochs", "1"])
    printed, errors = capsys.readouterr()
    assert said in f"{stopped.value}{errors}" and "epoch" not in printed.partition("\n\n")[2]


def test_the_list(capsys, monkeypatch, tmp_path):
    main(["course"])
    listed = capsys.readouterr().out
    assert re.search(r"^  1\.5 +train / predict +examples/first/knn\.py$", listed, re.MULTILINE)
    assert f"{sum(bool(row.command) for row in course.rows())} of {len(course.rows())} rows can be run" in listed
    main(["course", "6"])
    assert capsys.readouterr().out.startswith("6 Seeing inside\n  6.1 ")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course.minidl, "__file__", str(tmp_path / "site-packages" / "minidl" / "__init__.py"))
    main(["course", "1"])
    assert "which this installation lacks; get the source" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="get the source"):
        main(["course", "1.5"])
    assert capsys.readouterr().out == ""
    for number, said in (("1.3", "1.3 has no program"), ("0.7", "there is no row 0.7")):
        with pytest.raises(SystemExit, match=re.escape(said)):
            main(["course", number])


def test_further_words_reach_the_program(alone, capsys):
    main(["course", "1.9", "--k", "3"])
    assert re.search(r"^ +3 .* best$", capsys.readouterr().out, re.MULTILINE)
    main(["course", "4.22", "--classes", "7"])
    assert re.search(r"^fc \(Linear\) +512 +7 ", capsys.readouterr().out, re.MULTILINE)


def test_the_source_distribution_has_the_map_and_the_programs(tmp_path):
    pytest.importorskip("setuptools")
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path, "sdist", "--dist-dir",
                    tmp_path], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"minidl/cli/course.csv", *(shlex.split(command)[0] for command in COMMANDS)} - {"minidl"} <= names
