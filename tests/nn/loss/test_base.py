"""The base classes of losses, which libraries subclass."""
from __future__ import annotations

from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.nn.loss.losses import _Loss, _WeightedLoss

try:
    from torch.nn.modules import loss as theirs
except ImportError:
    theirs = None


class Scaled(_Loss):
    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x.mean() if self.reduction == "mean" else x.sum()


def test_a_loss_of_ones_own() -> None:
    assert Scaled()(minidl.ones(3)).item() == 1 and list(_WeightedLoss(minidl.ones(2)).state_dict()) == ["weight"]
    assert nn.MSELoss(reduction="sum").reduction == "sum" and nn.NLLLoss(minidl.ones(2)).reduction == "mean"
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        _Loss(reduction="max")


@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.filterwarnings("ignore:size_average")
def test_the_older_names_of_the_reduction(size_average: bool | None, reduce: bool | None) -> None:
    expected = "none" if reduce is False else "sum" if size_average is False else "mean"
    assert _Loss(size_average, reduce).reduction == expected
    if theirs is not None:
        assert theirs._Loss(size_average, reduce).reduction == expected
