"""Every module class, by one table: a class in `minidl.nn` that has no row here fails a test.

Each row is run in training and in evaluation and compared with PyTorch, where that is installed: values,
gradients, running statistics, the keys and shapes of the state_dict, the repr.
"""
from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.backend.device import to_numpy
from tests import strict_array
from tests.nn import rows_attention, rows_loss, rows_rnn, rows_space
from tests.nn.rows import Row, image, row

try:
    import torch
except ImportError:
    torch = None

RANDOM = np.random.default_rng(0)

# without counterpart in PyTorch: minidl/nn/extra.py
OURS_ALONE = {"DropConnect", "Maxout"}

# no forward, or nothing but forward: tested in test_container.py and test_module.py; lazy ones in test_lazy.py
EXEMPT = {"DataParallel", "DistributedDataParallel", "Module", "ModuleDict", "ModuleList", "ParameterDict",
          "ParameterList", "RNNBase", "RNNCellBase"}

LABELS = np.array([2, 0, 1, 2, 1])
PIXELS = RANDOM.integers(0, 3, (2, 4, 5))
PROBABILITIES = RANDOM.dirichlet(np.ones(3), 5)
INSIDE = RANDOM.uniform(0.05, 0.95, (5, 3))
CLASS_WEIGHT = np.array([0.5, 1.0, 2.0])

ROWS = [
    row("Identity"),
    row("Identity", 3, unused=True),
    row("Linear", 6, 3),
    row("Linear", 6, 3, False),
    row("Linear", 6, 3, inputs=((2, 5, 6),)),
    row("Linear", 6, 1, inputs=((6,),)),
    row("Flatten", inputs=image(2, 3, 4, 5)),
    row("Flatten", 0, 2, inputs=image(2, 3, 4, 5)),
    row("Unflatten", 1, (2, 3)),
    row("Unflatten", -1, (3, -1)),
    Row("Sequential", lambda nn: (nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))),
    Row("Sequential", lambda nn: (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                                  nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)), image(2, 1, 6, 6)),

    row("Conv2d", 3, 4, 3, inputs=image(2, 3, 6, 7)),
    row("Conv2d", 3, 4, 3, inputs=image(3, 6, 7)),
    row("Conv2d", 4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, bias=False,
        inputs=image(2, 4, 7, 6)),
    row("Conv2d", 2, 4, 3, groups=2, inputs=image(2, 2, 5, 5)),
    row("Conv2d", 2, 3, (3, 4), padding="same", dilation=(2, 1), inputs=image(2, 2, 7, 6)),
    row("Conv2d", 2, 3, 3, padding="valid", inputs=image(2, 2, 7, 6)),
    row("Conv2d", 2, 3, 3, padding=1, padding_mode="reflect", inputs=image(2, 2, 5, 6)),
    row("Conv2d", 2, 3, 3, padding=(1, 2), padding_mode="replicate", stride=2, inputs=image(2, 2, 5, 6)),
    row("Conv2d", 2, 3, (3, 2), padding="same", padding_mode="circular", inputs=image(2, 2, 5, 6)),
    row("Conv2d", 2, 3, 3, padding="valid", padding_mode="circular", inputs=image(2, 2, 5, 6)),
    row("ConvTranspose2d", 3, 4, 3, inputs=image(2, 3, 4, 5)),
    row("ConvTranspose2d", 3, 4, 3, inputs=image(3, 4, 5)),
    row("ConvTranspose2d", 4, 6, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2, bias=False,
        inputs=image(2, 4, 3, 4)),
    row("ConvTranspose2d", 2, 3, 3, stride=2, dilation=2, inputs=image(2, 2, 3, 4)),
    row("ConvTranspose2d", 2, 3, 3, stride=2, padding=1, inputs=image(2, 2, 4, 5), call={"output_size": (8, 9)}),
    row("ConvTranspose2d", 2, 3, 3, stride=2, inputs=image(2, 2, 4, 5), call={"output_size": (2, 3, 10, 11)}),

    row("MaxPool2d", 2, inputs=image(2, 3, 6, 7)),
    row("MaxPool2d", (3, 2), stride=2, padding=1, ceil_mode=True, inputs=image(2, 3, 6, 8)),
    row("MaxPool2d", 2, stride=1, dilation=2, return_indices=True, inputs=image(2, 3, 6, 7)),
    row("AvgPool2d", 2, inputs=image(2, 3, 6, 7)),
    row("AvgPool2d", 3, 2, 1, count_include_pad=False, ceil_mode=True, inputs=image(2, 3, 6, 7)),
    row("AvgPool2d", (2, 3), divisor_override=5, inputs=image(3, 6, 7)),
    row("AdaptiveAvgPool2d", 1, inputs=image(2, 3, 6, 7)),
    row("AdaptiveAvgPool2d", (3, None), inputs=image(2, 3, 7, 5)),
    row("AdaptiveMaxPool2d", (2, 3), inputs=image(2, 3, 7, 5)),
    row("AdaptiveMaxPool2d", 2, return_indices=True, inputs=image(3, 7, 5)),

    row("BatchNorm1d", 6),
    row("BatchNorm1d", 3, inputs=((4, 3, 5),), momentum=None),
    row("BatchNorm1d", 6, eps=0.1, momentum=0.3, affine=False),
    row("BatchNorm1d", 6, track_running_stats=False),
    row("BatchNorm1d", 6, bias=False),
    row("BatchNorm2d", 3, inputs=image(2, 3, 4, 5)),
    row("BatchNorm2d", 3, inputs=image(1, 3, 2, 1), momentum=0.5),
    row("LayerNorm", 6),
    row("LayerNorm", (3, 6), inputs=((2, 3, 6),), eps=0.01, bias=False),
    row("LayerNorm", [6], elementwise_affine=False),
    row("GroupNorm", 2, 6, inputs=image(2, 6, 3, 4)),
    row("GroupNorm", 3, 6, affine=False),
    row("GroupNorm", 3, 6, bias=False),

    row("Dropout", random=True),
    row("Dropout", 0.25, inplace=True, random=True, inputs=((4, 6),)),
    row("Dropout", 0.0),
    row("Dropout2d", 0.25, inputs=image(2, 3, 4, 5), random=True),

    row("ReLU"), row("ReLU", inplace=True),
    row("ReLU6"), row("ReLU6", inplace=True),
    row("LeakyReLU"), row("LeakyReLU", 0.2, inplace=True),
    row("PReLU"), row("PReLU", 6, init=0.1),
    row("PReLU", 3, inputs=image(2, 3, 4, 5)),
    row("Hardtanh"), row("Hardtanh", -0.5, 2.0, inplace=True),
    row("Threshold", 0.1, 20.0), row("Threshold", 0.1, 20, inplace=True),
    row("Hardshrink"), row("Hardshrink", 0.2),
    row("Softshrink"), row("Softshrink", 0.2),
    row("Hardsigmoid", rtol=1e-7), row("Hardsigmoid", inplace=True, rtol=1e-7),   # PyTorch's 1/6 is a float32
    row("Hardswish"), row("Hardswish", inplace=True),
    row("ELU"), row("ELU", 0.5), row("ELU", inplace=True),
    row("CELU"), row("CELU", 0.5),
    row("SELU"), row("SELU", inplace=True),
    row("GELU"), row("GELU", "tanh"),
    row("SiLU"), row("SiLU", inplace=True),
    row("Mish"), row("Mish", inplace=True),
    row("Softplus"), row("Softplus", 2.0, 0.5),
    row("Softsign"), row("Sigmoid"), row("LogSigmoid"), row("Tanh"), row("Tanhshrink"),
    row("Softmax", 1), row("Softmax", dim=0), row("LogSoftmax", -1), row("Softmin", 1),
    row("Softmax2d", inputs=image(2, 3, 4, 5)), row("Softmax2d", inputs=image(3, 4, 5)),
    row("GLU"), row("GLU", 0),

    row("CrossEntropyLoss", inputs=((5, 3), LABELS)),
    row("CrossEntropyLoss", inputs=((5, 3), LABELS), weight=CLASS_WEIGHT, ignore_index=1, label_smoothing=0.1),
    row("CrossEntropyLoss", inputs=((5, 3), PROBABILITIES), reduction="sum"),
    row("CrossEntropyLoss", inputs=((2, 3, 4, 5), PIXELS), reduction="none"),
    row("NLLLoss", inputs=((5, 3), LABELS)),
    row("NLLLoss", CLASS_WEIGHT, inputs=((2, 3, 4, 5), PIXELS), ignore_index=0, reduction="sum"),
    row("MSELoss", inputs=((5, 3), INSIDE)), row("MSELoss", inputs=((5, 3), INSIDE), reduction="sum"),
    row("L1Loss", inputs=((5, 3), INSIDE)), row("L1Loss", inputs=((5, 3), INSIDE), reduction="none"),
    row("SmoothL1Loss", inputs=((5, 3), INSIDE)), row("SmoothL1Loss", inputs=((5, 3), INSIDE), beta=0.5),
    row("HuberLoss", inputs=((5, 3), INSIDE)), row("HuberLoss", "sum", 0.5, inputs=((5, 3), INSIDE)),
    row("BCELoss", inputs=(INSIDE, 1 - INSIDE)), row("BCELoss", CLASS_WEIGHT, inputs=(INSIDE, PROBABILITIES)),
    row("BCEWithLogitsLoss", inputs=((5, 3), INSIDE)),
    row("BCEWithLogitsLoss", CLASS_WEIGHT, inputs=((5, 3), INSIDE), pos_weight=CLASS_WEIGHT, reduction="sum"),
    row("KLDivLoss", inputs=((5, 3), PROBABILITIES), reduction="batchmean"),
    row("KLDivLoss", inputs=((5, 3), np.log(PROBABILITIES)), reduction="sum", log_target=True),
]

ROWS += [*rows_attention.ROWS, *rows_loss.ROWS, *rows_rnn.ROWS, *rows_space.ROWS]
every_row = pytest.mark.parametrize("row", ROWS, ids=str)
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


# ---------------------------------------------------------------------- making and running

def ours(value: Any, dtype: Any = np.float64) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return minidl.tensor(value, dtype=dtype if value.dtype.kind == "f" else None)


def theirs(value: Any) -> Any:
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def like(value: Any, first: Any) -> Any:
    """An array among the keyword arguments of a call as a tensor, on the side and device of the first input."""
    if isinstance(value, np.ndarray) and isinstance(first, minidl.Tensor):
        return ours(value, first.dtype).to(first.device)
    return theirs(value)


def make(row: Row, library: Any, convert: Callable[[Any], Any]) -> Any:
    args = row.args(library) if callable(row.args) else row.args
    return getattr(library, row.name)(*map(convert, args), **{k: convert(v) for k, v in row.kwargs.items()})


def make_ours(row: Row, dtype: Any = np.float64) -> nn.Module:
    minidl.manual_seed(0)
    module = make(row, nn, lambda value: ours(value, dtype))
    return module.to(dtype)


def arrays(row: Row) -> list[np.ndarray]:
    stream = np.random.default_rng(1)
    return [stream.normal(size=x) if isinstance(x, tuple) else x for x in row.inputs]


def run(module: Any, inputs: list[Any], row: Row) -> tuple[Any, list[Any]]:
    """The output, or outputs, and the gradients of the watched inputs, for gradients that are all different."""
    watched = [x.requires_grad_() for x in inputs[:row.watched]]
    # an in-place layer must not write into a leaf
    args = [*[x * 1 for x in watched], *inputs[row.watched:]]
    if row.arguments is not None:
        args = row.arguments(nn if isinstance(inputs[0], minidl.Tensor) else torch.nn, *args)
    outputs = tuple(flat(module(*args, **{k: like(v, inputs[0]) for k, v in row.call.items()})))
    library = minidl if isinstance(inputs[0], minidl.Tensor) else torch
    roots = [out for out in outputs if out.requires_grad]
    slopes = [np.cos(np.arange(out.numel()) + k).reshape(tuple(out.shape)) for k, out in enumerate(roots)]
    if roots:
        library.autograd.backward(roots, [library.tensor(g, dtype=out.dtype, device=out.device)
                                          for out, g in zip(roots, slopes)])
    return outputs, [x.grad for x in watched]


def flat(outputs: Any) -> list[Any]:
    """The tensors among the outputs of a module, which may be nested; of packed sequences, the data."""
    if hasattr(outputs, "batch_sizes"):
        return [outputs.data]
    if isinstance(outputs, tuple):
        return [x for part in outputs for x in flat(part)]
    return [] if outputs is None else [outputs]


def host(tensor: Any) -> np.ndarray:
    return to_numpy(tensor.array) if isinstance(tensor, minidl.Tensor) else tensor.detach().numpy()


def same(mine: Any, other: Any, what: str, rtol: float = 1e-9) -> None:
    assert host(mine).shape == host(other).shape, what
    np.testing.assert_allclose(host(mine), host(other), rtol=rtol, atol=1e-12, err_msg=what)


def to_strict(tensor: Any) -> Any:
    return strict_array.leaf(tensor)


# ---------------------------------------------------------------------- the tests

def public_classes() -> dict[str, type]:
    """Every public Module subclass that some file of minidl.nn defines."""
    classes = {}
    for info in pkgutil.walk_packages(nn.__path__, "minidl.nn."):
        if info.name.startswith("minidl.nn.utils"):
            continue
        file = importlib.import_module(info.name)
        for name, value in vars(file).items():
            if isinstance(value, type) and issubclass(value, nn.Module) and not name.startswith("_"):
                classes[name] = value
    return classes


def test_every_class_is_exported_and_has_a_row() -> None:
    names = set(public_classes())
    assert "Linear" in names
    assert names <= {*nn.__all__, *nn.parallel.__all__}, "not exported"
    names = {name for name in names - EXEMPT if not name.startswith("Lazy")}
    assert names == {row.name for row in ROWS}, "in the package and in the table"


@needs_torch
def test_everything_has_a_namesake_in_pytorch() -> None:
    assert {name for name in nn.__all__ if not hasattr(torch.nn, name)} == OURS_ALONE
    assert all(hasattr(torch.nn.functional, name) for name in nn.functional.__all__)
    assert all(hasattr(torch.nn.init, name) for name in nn.init.__all__)


@needs_torch
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_row
def test_equal_to_pytorch(row: Row, training: bool) -> None:
    if row.random and training:
        pytest.skip("random: see test_dropout.py")
    if row.name in OURS_ALONE:
        pytest.skip("ours alone: see test_extra.py")
    module, other = make_ours(row).train(training), make(row, torch.nn, theirs).double().train(training)
    assert repr(module) == repr(other)
    state = module.state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == {k: tuple(v.shape) for k, v in other.state_dict().items()}
    assert list(state) == list(other.state_dict())
    for p in module.parameters():   # away from the ones and zeros that some start with
        nn.init.normal_(p)
    other.load_state_dict({name: torch.tensor(host(value)) for name, value in state.items()})
    out, grads = run(module, [ours(x) for x in arrays(row)], row)
    expected, expected_grads = run(other, [theirs(x) for x in arrays(row)], row)
    assert len(out) == len(expected)
    for mine, yours in zip(out, expected):
        same(mine, yours, "output")
    for i, (mine, yours) in enumerate(zip(grads, expected_grads)):
        same(mine, yours, f"gradient of input {i}", row.rtol)
    for (name, p), q in zip(module.named_parameters(), other.parameters()):
        same(p.grad, q.grad, f"gradient of {name}")
    for (name, b), c in zip(module.named_buffers(), other.buffers()):
        same(b, c, name)


@every_row
def test_every_parameter_gets_a_gradient(row: Row) -> None:
    module = make_ours(row)
    outputs, grads = run(module, [ours(x) for x in arrays(row)], row)
    assert np.isfinite(host(outputs[0])).all()
    assert all(host(grad).any() for grad in grads)
    for name, p in module.named_parameters():
        assert p.grad is not None and host(p.grad).any(), name


@every_row
def test_float32_stays_float32(row: Row) -> None:
    module = make_ours(row, np.float32)
    outputs, grads = run(module, [ours(x, np.float32) for x in arrays(row)], row)
    tensors = [outputs[0], *grads, *module.parameters(), *[p.grad for p in module.parameters()],
               *[b for b in module.buffers() if b.is_floating_point()]]
    assert {t.dtype for t in tensors} == {np.dtype("float32")}


@every_row
def test_copies_give_equal_outputs(row: Row) -> None:
    module = make_ours(row)
    run(module, [ours(x) for x in arrays(row)], row)     # so that running statistics have moved
    minidl.manual_seed(1)
    fresh = make_ours(row)
    for p in fresh.parameters():
        nn.init.constant_(p, 7.0)
    assert repr(fresh.load_state_dict(module.state_dict())) == "<All keys matched successfully>"
    module.eval()
    expected, _ = run(module, [ours(x) for x in arrays(row)], row)
    for twin in (fresh.eval(), copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert type(twin) is type(module) and repr(twin) == repr(module) and not twin.training
        out, _ = run(twin, [ours(x) for x in arrays(row)], row)
        np.testing.assert_array_equal(host(out[0]), host(expected[0]))
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in module.parameters()}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_row
@strict_array.several_devices()
def test_on_a_strict_array(row: Row, training: bool) -> None:
    """Nothing leaves the device, and values and gradients are those of the CPU."""
    module = make_ours(row).train(training)
    twin = copy.deepcopy(module).to(strict_array.tested)
    assert {t.device.type for t in [*twin.parameters(), *twin.buffers()]} <= {strict_array.tested.type}
    expected, expected_grads = run(module, [ours(x) for x in arrays(row)], row)
    out, grads = run(twin, [to_strict(ours(x)) for x in arrays(row)], row)
    tensors = [*out, *grads, *twin.buffers(), *[p.grad for p in twin.parameters()]]
    assert {t.device.type for t in tensors} == {strict_array.tested.type}
    if not (row.random and training):
        others = [*expected, *expected_grads, *module.buffers(), *[p.grad for p in module.parameters()]]
        for mine, other in zip(tensors, others):
            same(mine, other, "on the strict array")
