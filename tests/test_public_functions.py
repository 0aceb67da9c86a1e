"""No public function goes unchecked, and the page that lists them is up to date."""
import functools
import re

import pytest

import minidl
from minidl.left_out import LEFT_OUT
from tests import public_functions
from tests.checking import torch

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


@needs_torch        # where it is not, tables leave out the cases that have no other oracle
def test_every_public_function_is_checked():
    assert public_functions.unchecked() == [], "give it a case in tests/ops, or name the file that tests it"


def test_files_that_are_named_mention_the_function():
    for file, names in public_functions.ELSEWHERE.items():
        text = (public_functions.ROOT / file).read_text(encoding="utf-8")
        for name in names.split():
            name = name.rstrip("_")   # the names of in-place twins are put together in the tests
            assert re.search(rf"\b{name}_?\b", text), f"{file} is said to test {name}"


@needs_torch
def test_what_pytorch_has_is_here_or_left_out_for_a_reason():
    found = public_functions.left_out()
    assert found.pop("") == [], "write it, or give the reason in minidl/left_out.py"
    idle = [pattern for pattern, names in found.items() if not names]
    assert idle == [], "they leave nothing out: the names are here, or PyTorch has them not"


@needs_torch
def test_what_is_left_out_is_not_here():
    for names in LEFT_OUT.values():
        for name in names.split():
            if "*" not in name:
                path, _, last = name.rpartition(".")
                space = functools.reduce(getattr, path.split(".") if path else [], minidl)
                assert not hasattr(space, last), f"{name} is in LEFT_OUT, but minidl has it"


@needs_torch
def test_every_function_is_compared_with_pytorch_on_four_samples():
    few, known, by_hand = [], public_functions.checks(), public_functions.elsewhere()
    for path, functions in public_functions.public().items():
        space = functools.reduce(getattr, path.split(".")[1:], torch)
        for name, function in functions.items():
            samples = known.get(public_functions.code_of(function), {"samples": 0})["samples"]
            # tests/tensors/test_in_place.py finds all names with an underscore at the end, and compares them
            elsewhere = name in by_hand or name.endswith("_") or path == "minidl.Tensor"
            if hasattr(space, name) and not elsewhere and samples < 4:
                few.append(f"{path}.{name}: {samples}")
    assert few == [], "give it more samples with torch=, in tests/ops"


@needs_torch
def test_the_page_is_up_to_date():
    assert public_functions.PAGE.read_text(encoding="utf-8") == public_functions.page(), \
        "run: python -m tests.public_functions"
