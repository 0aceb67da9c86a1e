"""Programs as users of PyTorch write them, with other imports: they run, and they learn.

Scripts, lessons of a book on vision and homework of a course: each uses the library as those do. A row of the table has
its arguments and what it must reach; an untrained model misses every bound by far. Where PyTorch and
torchvision are installed, each program also runs with their imports: so it is a program of theirs.
"""
from __future__ import annotations

import contextlib
import io
import re
import runpy
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision.datasets import Digits
from tests.vision.reference import torchvision

PROGRAMS_IN = Path(__file__).parent / "programs"


class Program(NamedTuple):
    """path: below `programs`. arguments: of one call, or of several in turn; {mnist} is a folder of `data`, {out} an
    empty one. figure: a pattern of a number; the last one in the output lies between least and most.
    compiled: needs the compiled part of torchvision, where it runs with PyTorch.
    """

    path: str
    arguments: str | tuple[str, ...]
    figure: str
    least: float = -np.inf
    most: float = np.inf
    compiled: bool = False


NETWORKS = ("lenet --lr 0.003 --epochs 10 --batch-size 8", "alexnet --lr 0.002 --epochs 12", "vgg", "googlenet",
            "normalised", "resnet", "densenet --epochs 9", "anynet")
PROGRAMS = [
    Program("scripts/mnist.py", "--data {mnist} --save {out}/weights", r"accuracy ([\d.]+)%", 85),
    Program("scripts/vae.py", "--data {mnist} --out {out}", r"test bound ([\d.]+)", most=250),
    Program("scripts/gan.py", ("--out {out} --epochs 2", "--out {out} --continue-from {out}/artist.pth"),
            r"apart ([-\d.]+)", 0.1),
    Program("scripts/siamese.py", "{mnist}", r"(\d+) % of 100 pairs", 75),
    Program("scripts/super_resolution.py", "{pictures} --out {out}/weights", r"PSNR ([\d.]+)", 18),
    Program("scripts/forward_forward.py", "{mnist}", r"test error ([\d.]+)", most=0.35),
    Program("scripts/fast_style.py", ("learn {shapes}/val {pictures}/test/0.png --out {out}",
                                      "paint {out}/painter.pth {pictures}/test/1.png --out {out}"),
            r"loss ([\d.]+) of the first", most=0.85),
    Program("scripts/imagenet.py", "--dummy 16 --seed 1 --out {out}", r"training top-1 [\d.]+ top-5 ([\d.]+)", 30),
    Program("scripts/imagenet.py", (
        "{shapes} --epochs 1 --seed 1 --out {out}",
        "{shapes} --epochs 2 --seed 1 --out {out} --resume {out}/checkpoint.pth.tar",
        "{shapes} --evaluate --workers 0 --resume {out}/best.pth.tar"), r"validation top-1 [\d.]+ top-5 ([\d.]+)", 99),
    *(Program("lessons/networks.py", f"{net} {{mnist}}", r"test ([\d.]+)", 0.6) for net in NETWORKS),
    Program("lessons/networks.py", "nin {mnist} --lr 0.003 --epochs 30", r"test ([\d.]+)", 0.3),
    Program("lessons/fine_tuning.py", "{shapes}", r"fine-tuned ([\d.]+)", 0.6),
    Program("lessons/boxes.py", "", r"largest error ([\d.e-]+)", most=1e-5),
    Program("lessons/detector.py", "{out}", r"found (\d+) %", 50),
    Program("lessons/regions.py", "", r"(\d+) % of the regions", 85, compiled=True),
    Program("lessons/segmentation.py", "", r"mean IoU ([\d.]+)", 0.6),
    Program("lessons/painted_image.py", "{pictures}/test/0.png {pictures}/test/1.png {out}",
            r"distance ([\d.]+) of the first", most=0.6),
    Program("homework/knn.py", "{mnist}", r"accuracy ([\d.]+)%", 80),
    Program("homework/linear_classifiers.py", "{mnist}", r"least accuracy ([\d.]+)", 0.8),
    Program("homework/layers_by_hand.py", "", r"largest error ([\d.e-]+)", most=1e-10),
    Program("homework/captioning.py", "", r"least ([\d.]+)", 0.4),
    Program("homework/transformer.py", "", r"sorted (\d+) %", 85),
]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of data, made here. mnist: handwritten digits in MNIST's files. shapes: train and val, with a folder of
    images for each class. pictures: train and test, with images of discs and squares on a slope of colours.
    """
    root = tmp_path_factory.mktemp("data")
    for part, name in (("train", "train"), ("test", "t10k")):
        digits = Digits(train=part == "train")
        order = np.random.default_rng(0).permutation(len(digits))[:600 if part == "train" else 200]
        images = np.stack([np.asarray(digits[n][0].resize((24, 24), Image.Resampling.BILINEAR)) for n in order])
        images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
        folder = root / "mnist" / "MNIST" / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        for kind, array in (("images-idx3", images), ("labels-idx1", digits.targets.numpy()[order])):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{name}-{kind}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())
    stream = np.random.default_rng(0)
    for part, count in (("train", 16), ("val", 4)):
        for kind in ("disc", "square", "stripes"):
            for number in range(count):
                path = root / "shapes" / part / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                picture(kind, stream).save(path)
    for part, count in (("train", 16), ("test", 4)):
        for number in range(count):
            path = root / "pictures" / part / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(stream.choice(["disc", "square"]), stream).save(path)
    return {path.name: path for path in root.iterdir()}


def picture(kind: str, stream: np.random.Generator, size: int = 72) -> Image.Image:
    """A bright shape somewhere on a dark slope of colours."""
    y, x = np.mgrid[:size, :size] / size
    ground = (x[..., None] * stream.uniform(0, 80, 3) + y[..., None] * stream.uniform(0, 80, 3))
    (cx, cy), r = stream.uniform(0.35, 0.65, 2), stream.uniform(0.2, 0.3)
    inside = {"disc": np.hypot(x - cx, y - cy) < r, "square": np.maximum(abs(x - cx), abs(y - cy)) < r,
              "stripes": np.sin(x / r * 12) > 0}[kind]
    return Image.fromarray(np.where(inside[..., None], stream.uniform(130, 250, 3), ground).astype(np.uint8))


@pytest.fixture
def folders(data: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    return {**data, "out": tmp_path}


NAMES = [f"{Path(program.path).stem}-{number}" for number, program in enumerate(PROGRAMS)]


def run(program: Program, folders: dict[str, Path], translate: Callable[[str], str] | None = None) -> str:
    """What a program prints. translate: what makes another text of it, and of those beside it."""
    path = PROGRAMS_IN / program.path
    if translate:
        for file in path.parent.glob("*.py"):
            (folders["out"] / file.name).write_text(translate(file.read_text(encoding="utf-8")), encoding="utf-8")
        path = folders["out"] / path.name
    printed, ours, modules = io.StringIO(), (sys.argv, sys.path), set(sys.modules)
    sys.path = [str(path.parent), *sys.path]            # as `python FILE` does
    calls = [program.arguments] if isinstance(program.arguments, str) else program.arguments
    try:
        for arguments in calls:
            sys.argv = [str(path), *arguments.format(**folders).split()]
            with contextlib.redirect_stdout(printed):
                runpy.run_path(str(path), run_name="__main__")
    finally:
        minidl.set_default_dtype(minidl.float32)
        sys.argv, sys.path = ours
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(path.parent)):
                del sys.modules[name]
    return printed.getvalue()


def check(program: Program, output: str) -> None:
    found = re.findall(program.figure, output)
    assert found, output
    assert program.least <= float(found[-1]) <= program.most, output


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_programs_learn(program: Program, folders: dict[str, Path]) -> None:
    check(program, run(program, folders))


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_they_are_programs_of_pytorch(program: Program, folders: dict[str, Path]) -> None:
    torch = pytest.importorskip("torch")
    if program.compiled and not has_compiled_part():
        pytest.skip("torchvision's compiled part does not load")
    for part in ("datasets", "models", "transforms", "utils"):
        torchvision(part)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)                # threads wait for each other where others work, too
    try:
        check(program, run(program, folders, in_pytorch))
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)


def has_compiled_part() -> bool:
    try:
        return bool(torchvision("extension")._has_ops())
    except (ImportError, AttributeError):
        return False


def in_pytorch(source: str) -> str:
    """The program with PyTorch's imports."""
    return re.sub(r"\bminidl\b", "torch", re.sub(r"\bminidl\.vision\b", "torchvision", source))
