"""NASNet beside timm's, small ones with all cells, and what the paper says of the cells."""
from __future__ import annotations

import importlib.util
import math
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.vision import models
from minidl.vision.models.nasnet import NORMAL_CELL, REDUCTION_CELL
from tests.vision.models import cells
from tests.vision.reference import torchvision


@pytest.fixture(scope="module")
def timm() -> Any:
    torchvision("ops")                      # declares what timm's import asks of it
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    return importlib.import_module("timm.models.nasnet")


def loud(model: Any) -> Any:
    """Weights that keep a signal as it is through all layers, so that the scores depend on all of them."""
    stream = np.random.default_rng(0)
    state = {}
    for key, value in model.state_dict().items():
        shape = tuple(value.shape)
        if len(shape) > 1:
            state[key] = stream.standard_normal(shape) * math.sqrt(1 / math.prod(shape[1:]))
        else:
            state[key] = 0.1 * stream.random(shape) + key.endswith(("weight", "running_var"))
    return state


def test_keys_and_shapes_are_timm_s(timm):
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        there = timm.NASNetALarge().state_dict()
    here = models.nasnetalarge().state_dict()
    assert {key: tuple(value.shape) for key, value in here.items()} == \
        {key: tuple(value.shape) for key, value in there.items()}
    assert sum(value.numel() for key, value in there.items() if "running" not in key and "batches" not in key) == \
        88_753_150


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (65, 71)])
def test_scores_are_timm_s(timm, size, training):
    torch = pytest.importorskip("torch")
    there = timm.NASNetALarge(num_classes=7, stem_size=8, num_features=192).train(training).double()
    here = models.NASNet(6, 192, 8, skip_reduction=True, num_classes=7, dropout=0.0).train(training).double()
    state = loud(there)
    there.load_state_dict({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()})
    here.load_state_dict({key: minidl.tensor(value) for key, value in state.items()})
    x = np.random.default_rng(1).random((3, 3, *size))
    expected, got = there(torch.from_numpy(x)), here(minidl.tensor(x))
    scale = expected.abs().max().item()
    assert expected.std(0).max() > 1e-3 * scale                     # the images can be told apart
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=0, atol=1e-9 * scale)
    for (key, a), (_, b) in zip(sorted(here.state_dict().items()), sorted(there.state_dict().items())):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9, err_msg=key)    # running means
    if not training:
        single, expected = here.float()(minidl.tensor(x).float()), there.float()(torch.from_numpy(x).float())
        np.testing.assert_allclose(single.detach().numpy(), expected.detach().numpy(), rtol=0, atol=1e-5 * scale)


def test_the_stem_sees_images_from_3_pixels_on():
    net = models.NASNet(1, 96, 4, num_classes=2).eval()
    assert net(minidl.rand(1, 3, 3, 5)).shape == (1, 2)


@pytest.mark.parametrize("skip_reduction", [False, True])
@pytest.mark.parametrize("cells_of_a_size", [1, 2, 3, 7])
def test_each_stage_halves_the_image_and_doubles_the_channels(cells_of_a_size, skip_reduction):
    net = models.NASNet(cells_of_a_size, 96, 4, skip_reduction, num_classes=3, in_channels=1).eval()
    shapes = {}
    for name, child in net.named_children():
        child.register_forward_hook(lambda module, args, y, name=name: shapes.update({name: tuple(y.shape[1:])}))
    net(minidl.rand(1, 1, 64, 64))
    last, numbers = cells_of_a_size - 1, max(6, cells_of_a_size)
    assert [shapes[f"cell_{numbers * stage + last}"] for stage in range(3)] == [(24, 8, 8), (48, 4, 4), (96, 2, 2)]
    assert shapes["cell_stem_0"] == (4, 16, 16) and shapes["cell_stem_1"] == (8, 8, 8)
    assert shapes["reduction_cell_0"] == (32, 4, 4) and shapes["reduction_cell_1"] == (64, 2, 2)


@pytest.mark.parametrize("skip_reduction, expected", [(False, "cell_1"), (True, "cell_0")])
def test_what_the_cell_behind_a_reduction_sees_of_before(skip_reduction, expected):
    net = models.NASNet(2, 96, 4, skip_reduction, num_classes=3).eval()
    outputs, seen = {}, []
    for name, child in net.named_children():
        child.register_forward_hook(lambda module, args, y, name=name: outputs.update({name: y}))
    net.cell_6.register_forward_hook(lambda module, args, y: seen.extend(args))
    net(minidl.rand(1, 3, 64, 64))
    assert seen[0] is outputs["reduction_cell_0"] and seen[1] is outputs[expected]


@pytest.mark.parametrize("arguments", [(0, 96, 8), (1, 100, 8), (1, 0, 8), (1, 96, 0)])
def test_what_cannot_be_built_is_refused(arguments):
    with pytest.raises(ValueError, match="NASNet: expected cells and stem of at least 1, and features in multiples"):
        models.NASNet(*arguments)


def test_the_picture_of_the_cells_is_up_to_date():
    assert cells.PICTURE.read_text(encoding="utf-8") == cells.picture(), "python -m tests.vision.models.cells"
    for table in (NORMAL_CELL, REDUCTION_CELL):
        assert len(table) == 5
