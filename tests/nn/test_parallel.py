"""DataParallel on one device, against PyTorch's."""
from __future__ import annotations

from typing import Any

import pytest

import minidl

try:
    import torch
except ImportError:
    torch = None


def seen(lib: Any) -> list[Any]:
    nn = lib.nn
    model = nn.DataParallel(nn.Linear(3, 2))
    loaded = nn.Linear(3, 2)
    loaded.load_state_dict({key.removeprefix("module."): value for key, value in model.state_dict().items()})
    x = lib.ones(4, 3)
    return [list(model.state_dict()), tuple(model(x).shape), bool((loaded(x) == model(x)).all()), model.device_ids,
            isinstance(model.module, nn.Linear)]


def test_it_runs_its_module() -> None:
    assert seen(minidl)[:4] == [["module.weight", "module.bias"], (4, 2), True, []]
    if torch is not None and not torch.cuda.is_available():
        assert seen(minidl) == seen(torch)
    x = minidl.ones(4, 3)
    assert minidl.nn.parallel.data_parallel(minidl.nn.Linear(3, 2), x, device_ids=[0]).shape == (4, 2)


def test_more_than_one_device_is_refused() -> None:
    with pytest.raises(RuntimeError, match="expected one device, got device_ids=.0, 1."):
        minidl.nn.DataParallel(minidl.nn.Linear(1, 1), device_ids=[0, 1])
    assert minidl.nn.DataParallel(minidl.nn.Linear(1, 1), device_ids=["cpu"]).output_device == "cpu"
