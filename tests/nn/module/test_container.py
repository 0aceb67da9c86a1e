"""Containers: order, names, slices; PyTorch, where installed, as the oracle of names and reprs."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import minidl
from minidl import nn

try:
    import torch
except ImportError:
    torch = None


def layers(nn: Any) -> list[Any]:
    return [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.Linear(3, 3), nn.Tanh()]


def named(nn: Any) -> Any:
    return nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.Sigmoid()))


def deleted(container: Any, index: Any) -> Any:
    del container[index]
    return container


def replaced(container: Any, key: Any, value: Any) -> Any:
    container[key] = value
    return container


def added(a: Any, b: Any) -> Any:
    a += b
    return a


def without(container: Any, key: Any) -> Any:
    container.pop(key)
    return container


SCENES = [
    lambda nn, t: nn.Sequential(*layers(nn)),
    lambda nn, t: nn.Sequential(),
    lambda nn, t: nn.Sequential(*layers(nn))[1:4],
    lambda nn, t: nn.Sequential(*layers(nn))[-1],
    lambda nn, t: named(nn)[:2],
    lambda nn, t: named(nn).b,
    lambda nn, t: named(nn)[-2],
    lambda nn, t: nn.Sequential(nn.ReLU()).append(nn.Tanh()),
    lambda nn, t: nn.Sequential(nn.ReLU(), nn.Tanh()).insert(1, nn.Sigmoid()),
    lambda nn, t: nn.Sequential(nn.ReLU()).extend([nn.Tanh(), nn.Sigmoid()]),
    lambda nn, t: nn.Sequential(nn.ReLU()) + nn.Sequential(nn.Tanh()),
    lambda nn, t: added(nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh())),
    lambda nn, t: nn.Sequential(nn.ReLU(), nn.Tanh()) * 2,
    lambda nn, t: 2 * nn.Sequential(nn.ReLU()),
    lambda nn, t: deleted(nn.Sequential(*layers(nn)), 1),
    lambda nn, t: deleted(nn.Sequential(*layers(nn)), slice(1, 4, 2)),
    lambda nn, t: replaced(nn.Sequential(*layers(nn)), -1, nn.Sigmoid()),
    lambda nn, t: without(nn.Sequential(*layers(nn)), 0),
    lambda nn, t: nn.ModuleList(),
    lambda nn, t: nn.ModuleList(layers(nn)),
    lambda nn, t: nn.ModuleList(nn.Linear(2, 2) for _ in range(3)),
    lambda nn, t: nn.ModuleList([nn.Sequential(nn.ReLU(), nn.Linear(1, 1))] * 2),
    lambda nn, t: nn.ModuleList(layers(nn))[1:],
    lambda nn, t: nn.ModuleList(layers(nn))[-2],
    lambda nn, t: deleted(nn.ModuleList(layers(nn)), 0),
    lambda nn, t: deleted(nn.ModuleList(layers(nn)), slice(0, 2)),
    lambda nn, t: nn.ModuleList([nn.ReLU()]).append(nn.Tanh()).extend([nn.GELU(), nn.ReLU()]),
    lambda nn, t: nn.ModuleList([nn.ReLU()]) + nn.ModuleList([nn.Tanh()]),
    lambda nn, t: replaced(nn.ModuleList([nn.ReLU(), nn.ReLU()]), 0, nn.Tanh()),
    lambda nn, t: without(nn.ModuleList(layers(nn)), -1),
    lambda nn, t: nn.ModuleDict(),
    lambda nn, t: nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 2)}),
    lambda nn, t: nn.ModuleDict([("a", nn.ReLU()), ("b", nn.Tanh())]),
    lambda nn, t: replaced(nn.ModuleDict({"a": nn.ReLU()}), "a", nn.Tanh()),
    lambda nn, t: deleted(nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()}), "a"),
    lambda nn, t: without(nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()}), "b"),
    lambda nn, t: nn.ParameterList(),
    lambda nn, t: nn.ParameterList([t([1.0]), nn.Parameter(t([[1.0, 2.0]])), t([1.0])]),
    lambda nn, t: nn.ParameterList([t([1.0])]).append(t([[3.0]])).extend([t([1.0, 2.0])]),
    lambda nn, t: nn.ParameterList([t([1.0]), t([[2.0]])])[1:],
    lambda nn, t: replaced(nn.ParameterList([t([1.0]), t([2.0])]), -1, t([[2.0, 3.0]])),
    lambda nn, t: added(nn.ParameterList([t([1.0])]), [t([2.0, 3.0])]),
    lambda nn, t: nn.ParameterDict({"a": t([1.0]), "b": nn.Parameter(t([[1.0, 2.0]]))}),
    lambda nn, t: nn.ParameterDict([("a", t([1.0]))]),
    lambda nn, t: deleted(nn.ParameterDict({"a": t([1.0]), "b": t([2.0])}), "a"),
    lambda nn, t: without(nn.ParameterDict({"a": t([1.0]), "b": t([2.0])}), "b"),
    lambda nn, t: nn.ParameterDict({"b": t([1.0]), "a": t([2.0, 3.0])}),
    lambda nn, t: nn.ParameterDict(OrderedDict(b=t([1.0]), a=t([2.0, 3.0]))),
    lambda nn, t: nn.ParameterDict([("b", t([1.0]))]) | {"a": t([2.0])},
    lambda nn, t: nn.ParameterDict({"a": t([1.0]), "b": 3}),
    lambda nn, t: nn.ParameterList([t([1.0]), None, "text"]),
    lambda nn, t: without(nn.Sequential(*layers(nn)), slice(1, 3)),
    lambda nn, t: nn.ModuleList(layers(nn)).pop(slice(1, 3)),
    lambda nn, t: nn.ModuleList([nn.ReLU()]).insert(0, nn.Tanh()),
]


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("scene", SCENES)
def test_equal_to_pytorch(scene: Any) -> None:
    ours, theirs = scene(nn, minidl.tensor), scene(torch.nn, torch.tensor)
    assert type(ours).__name__ == type(theirs).__name__
    # our dtypes have NumPy's names
    assert repr(ours) == repr(theirs).replace("torch.FloatTensor", "float32").replace("torch.", "")
    if ours is None:
        return
    assert [(k, tuple(v.shape)) for k, v in ours.state_dict().items()] == \
        [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    if isinstance(ours, (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)):
        assert len(ours) == len(theirs) and len(list(ours)) == len(list(theirs))


def test_sequential_by_hand() -> None:
    double, half = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(double.weight, 2.0)
    nn.init.constant_(half.weight, 0.5)
    m = nn.Sequential(double, nn.ReLU())
    assert m(minidl.tensor([[3.0]])).item() == 6 and m(minidl.tensor([[-3.0]])).item() == 0
    assert m.append(half)(minidl.tensor([[3.0]])).item() == 3
    assert m.pop(0) is double and m(minidl.tensor([[3.0]])).item() == 1.5
    assert m.insert(0, double)[0] is double and list(m) == [double, m[1], half]
    assert list(m._modules) == ["0", "1", "2"]


def test_slices_share_the_modules() -> None:
    m = nn.Sequential(*layers(nn))
    assert m[2:][0] is m[2]
    assert nn.ModuleList(m)[1:][0] is m[1]


def test_dictionaries() -> None:
    relu, tanh = nn.ReLU(), nn.Tanh()
    m = nn.ModuleDict({"a": relu})
    m.update({"b": tanh})
    assert list(m) == list(m.keys()) == ["a", "b"] and list(m.values()) == [relu, tanh]
    assert list(m.items()) == [("a", relu), ("b", tanh)] and "a" in m and "c" not in m and len(m) == 2
    m.clear()
    assert len(m) == 0
    p = nn.ParameterDict({"a": minidl.ones(1)})
    p.update([("b", minidl.zeros(2))])
    assert list(p.keys()) == ["a", "b"] and "b" in p and type(p["b"]) is nn.Parameter and p.get("c") is None
    assert [v.shape for v in p.values()] == [(1,), (2,)] and next(iter(p.items()))[1] is p["a"]
    assert p.setdefault("b", None) is p["b"] and p.setdefault("n", 3) == p["n"] == 3 and list(p) == ["a", "b", "n"]
    assert p.popitem() == ("n", 3) and list(reversed(p)) == ["b", "a"] and p.copy()["a"] is p["a"]
    assert list(p.fromkeys(["x", "y"], minidl.ones(1)).state_dict()) == ["x", "y"]
    p.clear()
    assert list(p.parameters()) == list(p) == []


def test_a_parameter_list_holds_what_is_no_tensor() -> None:
    p = nn.ParameterList([minidl.ones(2), None, "text"])
    assert list(p)[1:] == [None, "text"] and len(p) == 3 and list(p.state_dict()) == ["0"]
    p[1] = minidl.ones(1)
    assert list(p.state_dict()) == ["0", "1"] and type(p[-2]) is nn.Parameter


def test_parameters_are_trained() -> None:
    p = nn.ParameterList([minidl.ones(2), minidl.ones(2)])
    (p[0] * p[-1] * 3).sum().backward()
    assert [q.grad.tolist() for q in p] == [[3.0, 3.0], [3.0, 3.0]]


@pytest.mark.parametrize("action, kind, text", [
    (lambda: nn.Sequential(3), TypeError, "int is not a Module subclass"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "list is not a Module subclass; try Sequential(*modules)"),
    (lambda: nn.Sequential(nn.ReLU())[1], IndexError, "index 1 is out of range"),
    (lambda: deleted(nn.Sequential(nn.ReLU()), -2), IndexError, "index -2 is out of range"),
    (lambda: nn.Sequential(nn.ReLU()).insert(3, nn.ReLU()), IndexError, "Index out of range: 3"),
    (lambda: nn.Sequential() + [nn.ReLU()], ValueError, "add operator supports only objects of Sequential class"),
    (lambda: added(nn.Sequential(), [nn.ReLU()]), ValueError, "add operator supports only objects of Sequential"),
    (lambda: nn.Sequential(nn.ReLU()) * 0, ValueError, "Non-positive multiplication factor 0"),
    (lambda: nn.Sequential(nn.ReLU()) * 1.5, TypeError, "unsupported operand type(s) for *"),
    (lambda: replaced(nn.Sequential(nn.ReLU()), 0, 3), TypeError, "cannot assign 'int' as child module '0'"),
    (lambda: nn.ModuleList([nn.ReLU(), "x"]), TypeError, "str is not a Module subclass"),
    (lambda: nn.ModuleList(nn.ReLU()), TypeError, "extend should be called with an iterable, but got minidl.nn"),
    (lambda: nn.ModuleList([nn.ReLU()])[5], IndexError, "index 5 is out of range"),
    (lambda: nn.ModuleList()(1), NotImplementedError, "ModuleList"),
    (lambda: nn.ModuleDict({"a": 1}), TypeError, "int is not a Module subclass"),
    (lambda: nn.ModuleDict({"keys": nn.ReLU()}), KeyError, "attribute 'keys' already exists"),
    (lambda: nn.ModuleDict(3), TypeError, "iterable of key/value pairs, but got int"),
    (lambda: nn.ModuleDict()["a"], KeyError, "a"),
    (lambda: nn.ParameterList(minidl.ones(2)), TypeError, "should be called with an iterable, but got minidl.Tensor"),
    (lambda: nn.ParameterList([minidl.ones(1)])[1], IndexError, "index 1 is out of range"),
    (lambda: nn.ParameterDict()["a"], AttributeError, "has no attribute 'a'"),
    (lambda: nn.ParameterDict(3), TypeError, "iterable of key/value pairs, but got int"),
])
def test_errors(action: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        action()
    assert text in str(caught.value)
