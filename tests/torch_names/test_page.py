"""docs/torch_names.md: every public name of PyTorch, with minidl's or the reason why there is none."""
from __future__ import annotations

import pytest

from minidl.torch_names import aliases
from tests.torch_names import page

try:
    import torch
except ImportError:
    torch = None


def test_every_name_is_here_or_has_a_reason() -> None:
    without = {path: kinds[""] for path, kinds in page.sort_names().items() if kinds[""]}
    assert without == {}, "give it, or say why not: minidl/left_out.py, or tests/torch_names/page.py"


def test_the_page_is_up_to_date() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "run: python -m tests.torch_names.page"


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
def test_the_names_are_pytorch_s() -> None:
    """Of the version that is mirrored; names that come and go with other modules' imports aside."""
    if not torch.__version__.startswith(aliases.API):
        pytest.skip("another PyTorch is installed")
    stored = page.stored_names()
    assert list(stored) == page.MODULES
    for path in ("torch.nn", "torch.optim", "torch.linalg", "torch.utils.data", "torch.Tensor"):
        assert stored[path] == page.public_names(path), path


def test_what_the_page_says_is_so() -> None:
    found = page.sort_names()
    assert "Linear" in found["torch.nn"][page.HERE_TOO] and "ones" in found["torch"][page.HERE_TOO]
    assert "utilization" in found["torch.cuda"][page.ONLY_UNDER_TORCH]
    assert "sspaddmm" in next(names for why, names in found["torch"].items() if why.startswith("sparse tensors"))
