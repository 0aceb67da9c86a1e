"""What is published: a wheel with the package alone, and a source distribution with all that the repository holds.

`.ci/package` installs both, and runs tests on the oldest and newest releases of what minidl stands on.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from setuptools import build_meta
print(getattr(build_meta, "build_" + sys.argv[1])(sys.argv[2]))
"""
ADDRESS = "https://example.org/minidl"


def files() -> list[str]:
    """What the repository holds, and a distribution is to hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: what belongs to it is not known")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


def build(kind: str, source: Path, folder: Path) -> Path:
    """A distribution, as `python -m build --no-isolation` makes it."""
    pytest.importorskip("setuptools", minversion="77")
    told = subprocess.run([sys.executable, "-c", BUILD, kind, folder], cwd=source, text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": ""})
    assert told.returncode == 0, told.stderr[-3000:]
    return folder / told.stdout.split()[-1]


def copied(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of a clean clone, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", copied(folder / "clone", files()), folder)) as archive:
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return next(path for path in folder.glob("minidl-*") if path.is_dir())


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> zipfile.ZipFile:
    """As it is built from the source distribution."""
    return zipfile.ZipFile(build("wheel", sdist, sdist.parent))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(next(name for name in wheel.namelist() if name.endswith("/METADATA"))))


def test_the_source_distribution_is_complete(sdist: Path) -> None:
    packed = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    made = {"PKG-INFO", "setup.cfg"}
    assert packed - made - {name for name in packed if ".egg-info/" in name} == set(files())


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == {name for name in files() if name.startswith("minidl/")}
    assert wheel.filename and wheel.filename.endswith("-py3-none-any.whl")     # for every system, with no compiler


def test_licences(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT AND CC-BY-4.0"
    assert not [name for name in metadata.get_all("Classifier", []) if name.startswith("License")]
    texts = [wheel.read(name).decode() for name in wheel.namelist() if "/licenses/" in name]
    assert len(texts) == len(metadata.get_all("License-File", [])) == 2
    assert {"MIT License" in text or "Creative Commons Attribution 4.0" in text for text in texts} == {True}


def test_metadata(metadata: Message) -> None:
    known = metadata.get_all("Classifier", [])
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)} <= set(known)
    assert metadata["Requires-Python"] == ">=3.10"
    assert {"cuda12", "cuda13", "numba", "plot", "mpi", "onnx", "einops", "hub", "tensorboard", "docs", "test", "lint",
            "oracle"} <= set(metadata.get_all("Provides-Extra", []))
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert ("Project-URL" in metadata) == ("\nrepository-code:" in citation)


RELATIVE = r"\]\((?![a-z]+:|#)"


def test_the_project_page_has_no_relative_link(metadata: Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str) and len(text) > 3000 and not re.search(RELATIVE, text)
    assert re.search(RELATIVE, (ROOT / "README.md").read_text(encoding="utf-8")), "the test sees no links"


def test_with_an_address_links_and_pictures_are_absolute(tmp_path: Path) -> None:
    """The address is written once, in CITATION.cff."""
    source = copied(tmp_path / "source", ["setup.py", "pyproject.toml", "CITATION.cff", "minidl/version/__init__.py"])
    (source / "CITATION.cff").open("a", encoding="utf-8").write(f'repository-code: "{ADDRESS}"\n')
    (source / "README.md").write_text("# A\n[p `q`\nr](docs/a.md#b), ![s](docs/c.png), [t](https://u.org/v), [w](#a)\n"
                                      "```python\nf[0](x)\n```\n", encoding="utf-8")
    pytest.importorskip("setuptools", minversion="77")
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path], cwd=source, check=True)
    found = message_from_bytes(next(tmp_path.rglob("*.egg-info/PKG-INFO")).read_bytes())
    tag, text = f"v{found['Version']}", str(found.get_payload())
    assert f"[p `q`\nr]({ADDRESS}/blob/{tag}/docs/a.md#b), ![s]({ADDRESS}/raw/{tag}/docs/c.png)" in text
    assert "[t](https://u.org/v), [w](#a)" in text and "f[0](x)" in text
    assert f"Source, {ADDRESS}" in found.get_all("Project-URL", [])
