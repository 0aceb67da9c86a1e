"""Every module says what it computes and shows it; tests/test_documentation.py runs the examples."""
from __future__ import annotations

import re

import pytest

from minidl import nn
from tests.nn.test_registry import public_classes

# what only others inherit from
BASES = {"RNNBase", "RNNCellBase"}
SHOWN = [kind for name, kind in public_classes().items() if name not in BASES]


@pytest.mark.parametrize("kind", sorted(SHOWN, key=lambda kind: kind.__name__),
                         ids=lambda kind: kind.__name__)
def test_every_class_has_an_example(kind: type[nn.Module]) -> None:
    text = vars(kind).get("__doc__") or ""
    shown = re.search(rf"nn\.(parallel\.)?{kind.__name__}", text) and ">>>" in text
    assert shown, f"{kind.__name__} shows no use of itself"
