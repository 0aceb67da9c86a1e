"""Random nested states through both libraries: each reads what the other wrote, with values, types and sharing."""
from __future__ import annotations

import io
import random
import warnings
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import pytest

import minidl

torch: Any = pytest.importorskip("torch")

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
          "complex128"]
SHAPES = [(), (1,), (3,), (2, 3), (0, 3), (2, 3, 4), (5, 1)]
PLAIN = [0, -1, 255, 256, 65536, 2**31, -2**70, 2**200, 1.5, float("inf"), -0.0, "", "é\n", "x" * 300, b"",
         b"\0\xff", None, True]
KEYS = ["a", "state.x", "é", 3, None, 2.5, (1, "x"), True]
VIEWS = ["transposed", "rows", "every other", "one", "expanded"]
LAYOUTS = [{}, {"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}]


def draw(rng: random.Random, depth: int = 0) -> Any:
    """A description of a value: what `build` makes in either library."""
    if depth < 3 and rng.random() < 0.4:
        kind = rng.choice([dict, OrderedDict, list, tuple])
        return kind, [(rng.choice(KEYS), draw(rng, depth + 1)) for _ in range(rng.randrange(4))]
    if rng.random() < 0.2:
        return "plain", rng.choice([*PLAIN, Counter([1, 1, 2])])
    return (rng.choice(["tensor", "leaf", "parameter", "frozen", "dtype", "device"]), rng.randrange(3),
            rng.choices(VIEWS, k=rng.randrange(3)))


def build(library: Any, what: Any, bases: list[Any]) -> Any:
    if what[0] in (dict, OrderedDict):
        return what[0]((key, build(library, part, bases)) for key, part in what[1])
    if what[0] in (list, tuple):
        return what[0](build(library, part, bases) for _, part in what[1])
    if what[0] == "plain":
        return what[1]
    kind, number, views = what
    x = bases[number]
    for view in views:
        if view == "expanded":
            x = x.unsqueeze(0).expand(2, *x.shape)
        elif x.dim() and x.shape[0]:
            x = {"transposed": lambda t: t.transpose(0, -1), "rows": lambda t: t[t.shape[0] // 2:],
                 "every other": lambda t: t[..., ::2], "one": lambda t: t[-1]}[view](x)
    differentiable = x.is_floating_point() or x.is_complex()
    if kind == "leaf":
        return x.detach().requires_grad_(differentiable)
    if kind in ("parameter", "frozen"):
        return library.nn.Parameter(x, requires_grad=kind == "parameter" and differentiable)
    return {"tensor": x, "dtype": x.dtype, "device": x.device}[kind]


def assert_like(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, torch.Tensor):
        assert type(ours) is (minidl.nn.Parameter if isinstance(theirs, torch.nn.Parameter) else minidl.Tensor)
        assert f"torch.{ours.dtype}" == str(theirs.dtype) and tuple(ours.shape) == tuple(theirs.shape)
        assert str(ours.detach().tolist()) == str(theirs.detach().tolist())
        assert ours.requires_grad == theirs.requires_grad and ours.is_leaf
        steps = [[step for step, length in zip(t.stride(), t.shape) if length > 1] for t in (ours, theirs)]
        assert not ours.numel() or steps[0] == steps[1]
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(map(repr, ours)) == list(map(repr, theirs))
        for key, part in theirs.items():
            assert_like(ours[key], part)
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs) and len(ours) == len(theirs)
        for part, other in zip(ours, theirs):
            assert_like(part, other)
    elif isinstance(theirs, (torch.dtype, torch.device)):
        assert str(ours) == str(theirs).removeprefix("torch.")
    else:
        assert type(ours) is type(theirs) and repr(ours) == repr(theirs)


def tensors(value: Any) -> list[Any]:
    if isinstance(value, (minidl.Tensor, torch.Tensor)):
        return [value]
    if isinstance(value, (dict, list, tuple)):
        return [t for part in (value.values() if isinstance(value, dict) else value) for t in tensors(part)]
    return []


def shared(value: Any) -> list[list[bool]]:
    """Which tensors look into memory of which others."""
    arrays = [t.detach().numpy() for t in tensors(value)]
    return [[np.shares_memory(a, b) for b in arrays] for a in arrays]


@pytest.mark.parametrize("seed", range(150))
def test_each_reads_the_other(seed: int) -> None:
    rng = random.Random(seed)
    what, kinds = draw(rng), [(rng.choice(DTYPES), rng.choice(SHAPES)) for _ in range(3)]

    def bases(library: Any) -> list[Any]:
        return [(library.arange(torch.Size(shape).numel()) % 7).reshape(shape).to(getattr(library, dtype))
                for dtype, shape in kinds]

    theirs, stream = build(torch, what, bases(torch)), io.BytesIO()
    torch.save(theirs, stream, **rng.choice(LAYOUTS))
    stream.seek(0)
    loaded = minidl.load(stream)
    assert_like(loaded, theirs)
    for format in ("pt", "minidl"):
        ours, stream = build(minidl, what, bases(minidl)), io.BytesIO()
        minidl.save(ours, stream, format=format)
        stream.seek(0)
        back = torch.load(stream, weights_only=True) if format == "pt" else minidl.load(stream)
        assert_like(loaded, back) if format == "pt" else assert_like(back, theirs)
        assert shared(back) == shared(ours)
    assert shared(loaded) == shared(theirs)


@pytest.mark.parametrize("name",
                         ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS", "NAdam", "RAdam",
                          "RMSprop", "Rprop", "SGD", "Adafactor"])
def test_states_of_optimizers(name: str) -> None:
    """Saved by one, loaded by the other, both ways; then both go the same step."""
    models = [library.nn.Linear(3, 2) for library in (torch, minidl)]
    optimizers = [getattr(library.optim, name)(model.parameters(), lr=0.05)
                  for library, model in zip((torch, minidl), models)]

    def step(library: Any, model: Any, optimizer: Any) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = model(library.tensor([[1.0, -2.0, 0.5]])).square().sum()
            loss.backward()
            return loss
        optimizer.step(closure)
    for _ in range(3):
        step(torch, models[0], optimizers[0])
    stream = io.BytesIO()
    torch.save([models[0].state_dict(), optimizers[0].state_dict()], stream)
    stream.seek(0)
    for part, state in zip((models[1], optimizers[1]), minidl.load(stream)):
        part.load_state_dict(state)
    for library, model, optimizer in zip((torch, minidl), models, optimizers):
        step(library, model, optimizer)
    theirs, ours = (model.weight.detach().flatten().tolist() for model in models)
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    stream = io.BytesIO()
    minidl.save([models[1].state_dict(), optimizers[1].state_dict()], stream, format="pt")
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part, state in zip((models[0], optimizers[0]), torch.load(stream, weights_only=True)):
            part.load_state_dict(state)
    for library, model, optimizer in zip((torch, minidl), models, optimizers):
        step(library, model, optimizer)
    theirs, ours = (model.weight.detach().flatten().tolist() for model in models)
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)
