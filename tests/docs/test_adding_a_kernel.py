"""The page `docs/adding_a_kernel.md`, followed to the letter."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.backend.device import Array
from minidl.backend.kernel import bodies, kernel, registry
from tests.backend.test_kernel import close, large, r, run
from tests.strict_array import StrictArray

PAGE = Path(__file__).parents[2] / "docs" / "adding_a_kernel.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not here")
def test_the_page() -> None:
    generic, faster, samples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"kernel": kernel, "Array": Array, "np": np, "r": r, "large": large}
    try:
        exec(generic + faster, names)
        found = names["softsign_forward"]
        for args in eval("{" + samples + "}", names)["softsign_forward"]:
            body, = found.bodies.all
            close(run(body.function, args), run(found.generic, args))
            close(found(*args), args[0] / (1 + abs(args[0])))
            close(found(*map(StrictArray, args)).get(), found.generic(*args))
        assert repr(found) == "<kernel softsign_forward: numpy: softsign_forward_in_place; generic>"
    finally:
        registry.pop("softsign_forward", None)
        bodies.pop("softsign_forward", None)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not here")
def test_the_page_names_files_that_are_there() -> None:
    for path in re.findall(r"`((?:minidl|tests|benchmarks)/[\w/.]+)`", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parents[1] / path).exists(), path
