"""No public function goes unchecked, and the page that lists them is up to date."""
import re

from tests import public_functions


def test_every_public_function_is_checked():
    assert public_functions.unchecked() == [], "give it a case in tests/ops, or name the file that tests it"


def test_files_that_are_named_mention_the_function():
    for file, names in public_functions.ELSEWHERE.items():
        text = (public_functions.ROOT / file).read_text(encoding="utf-8")
        for name in names.split():
            name = name.rstrip("_")   # the names of in-place twins are put together in the tests
            assert re.search(rf"\b{name}_?\b", text), f"{file} is said to test {name}"


def test_the_page_is_up_to_date():
    assert public_functions.PAGE.read_text(encoding="utf-8") == public_functions.page(), \
        "run: python -m tests.public_functions"
