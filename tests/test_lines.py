"""No line of Python is wider than 120 columns."""
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("minidl", "tests", "examples", "benchmarks")
PYTHON = [ROOT / "setup.py", *[path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]]


def wide(path: Path) -> list[str]:
    """The lines that are too wide."""
    return [f"{path.relative_to(ROOT)}:{number}"
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if len(line) > 120]


def test_lines_of_python() -> None:
    assert [place for path in PYTHON for place in wide(path)] == []
