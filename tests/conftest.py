"""Hypothesis looks for new examples on every run, except where a run must be repeatable. No test is about time.

At the end of a run stands why tests were skipped: a line for each reason, such as a package that is not installed.
"""
import os
import re
from collections import Counter

from hypothesis import settings

from tests import strict_array
from tests.backend.cuda import on_cpu

settings.register_profile("exploring", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "exploring")


def pytest_addoption(parser):
    parser.addoption("--device", default="strict:1", help="run the battery on cuda or cuda:1, not on the strict array")


def pytest_configure(config):
    device = config.getoption("--device")
    if device.startswith("cuda") and not on_cpu.has_gpu():
        on_cpu.install()
    strict_array.use(device)


NAMES = {"torch": "PyTorch", "sklearn": "scikit-learn", "numba": "Numba"}


def pytest_terminal_summary(terminalreporter):
    skipped = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    if not skipped or terminalreporter.hasopt("skipped"):   # -rs has asked for every one
        return
    terminalreporter.section("skipped (-rs lists them)", sep="-")
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{reason}: {count:,} {'test' if count == 1 else 'tests'}")


def reason_of(report):
    """Why a test was skipped, in the same words for all that a package is missing for."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    missing = re.match(r"(?:Skipped: )?could not import '(\w+)", reason)
    if missing:
        return f"{NAMES.get(missing[1], missing[1])} is not installed"
    return reason.removeprefix("Skipped: ")
