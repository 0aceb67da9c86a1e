"""A state dict that does not fit: the error says what is behind it, and its remedy is tried here."""
from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.nn.modules.utils import consume_prefix_in_state_dict_if_present

try:
    import torch
except ImportError:
    torch = None


def net() -> Any:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(2, 3, 2), norm=nn.BatchNorm2d(3), flat=nn.Flatten(),
                                     fc=nn.Linear(12, 5)))


def prefixed(prefix: str, state: Any) -> dict[str, Any]:
    return {prefix + key: value for key, value in state.items()}


def cause(module: Any, state: Any) -> str:
    """The last line of the error."""
    with pytest.raises(RuntimeError, match="^Error") as caught:
        module.load_state_dict(state)
    return str(caught.value).split("\n\t")[-1]


@pytest.mark.parametrize("prefix, by", [
    ("module.", ", as DataParallel and DistributedDataParallel save them"),
    ("_orig_mod.", ", as torch.compile saves them"),
    ("module._orig_mod.", ""), ("model.", ""), ("backbone.body.", ""),
])
def test_prefixes(prefix: str, by: str) -> None:
    m, state = net(), prefixed(prefix, net().state_dict())
    text = cause(m, state)
    assert text == (f'The keys begin with "{prefix}"{by}: try nn.modules.utils.'
                    f'consume_prefix_in_state_dict_if_present(state_dict, "{prefix}") before it is loaded.')
    nn.modules.utils.consume_prefix_in_state_dict_if_present(state, prefix)
    assert repr(m.load_state_dict(state)) == "<All keys matched successfully>"


def test_a_prefix_is_found_though_some_keys_are_missing() -> None:
    state = prefixed("module.", net().state_dict())
    del state["module.norm.num_batches_tracked"], state["module.fc.weight"]
    state["module.head.weight"] = minidl.ones(2)
    assert cause(net(), state).startswith('The keys begin with "module."')


def test_prefixes_inside() -> None:
    m = net()
    state = {key.replace("conv.", "conv.module.").replace("fc.", "_orig_mod.fc."): v
             for key, v in m.state_dict().items()}
    text = cause(m, state)
    assert text.startswith('Some keys have a "module." or "_orig_mod." in them')
    remedy = re.search(r"try (.*)\.$", text)[1]  # type: ignore[index]
    m.load_state_dict(eval(remedy, {"re": re, "state_dict": state}))


def test_a_module_with_a_prefix_of_its_own() -> None:
    inner = net()
    for outer, name in [(nn.Sequential(inner), "0"), (optim.swa_utils.AveragedModel(inner), "module")]:
        if name == "module":
            del outer._buffers["n_averaged"]
        text = cause(outer, inner.state_dict())
        assert f'begin with "{name}."' in text
        assert f'try module.get_submodule("{name}").load_state_dict(state_dict)' in text
        outer.get_submodule(name).load_state_dict(inner.state_dict())


@pytest.mark.parametrize("keys", [["state_dict"], ["model"], ["model_state_dict"], ["net"], ["a", "weights"]])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_of_which_it_is_a_part(keys: list[str], prefix: str) -> None:
    checkpoint: Any = prefixed(prefix, net().state_dict())
    for key in reversed(keys):
        checkpoint = {"epoch": 3, key: checkpoint, "optimizer": {"state": {}, "param_groups": []}}
    where = "".join(f"['{key}']" for key in keys)
    said = f"The state dict stands under a key of this one: try load_state_dict(state_dict{where})."
    assert cause(net(), checkpoint) == said


def test_two_that_would_fit() -> None:
    text = cause(net(), {"model": net().state_dict(), "ema": net().state_dict()})
    assert text.endswith("try load_state_dict(state_dict['model'] or state_dict['ema']).")


def test_the_state_of_something_else() -> None:
    m = net()
    optimizer = optim.Adam(m.parameters())
    assert cause(m, optimizer.state_dict()) == "This is the state of an optimizer: optimizer.load_state_dict takes it."
    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    assert cause(m, schedule.state_dict()).startswith("This is the state of a learning rate schedule")
    with pytest.raises(KeyError,
                       match=r"with the keys 'state' and 'param_groups', but got \['conv.weight', .*, \.\.\.\]\""):
        optimizer.load_state_dict(m.state_dict() | {str(i): 0 for i in range(9)})
    with pytest.raises(KeyError, match=r"but got \['model', 'optim'\]; such a dict stands under 'optim'"):
        optimizer.load_state_dict({"model": m.state_dict(), "optim": optimizer.state_dict()})


@pytest.mark.parametrize("make, shape, order", [
    (lambda: nn.Linear(3, 2), (3, 2), (1, 0)), (lambda: nn.Conv1d(3, 4, 5), (5, 3, 4), (2, 1, 0)),
    (lambda: nn.Conv2d(3, 4, (5, 6)), (5, 6, 3, 4), (3, 2, 0, 1)),
    (lambda: nn.Conv3d(2, 3, (4, 5, 6)), (4, 5, 6, 2, 3), (4, 3, 0, 1, 2)),
])
@pytest.mark.parametrize("make_value", [minidl.randn, np.ones], ids=["tensor", "array"])
def test_weights_of_keras(make: Any, shape: Any, order: Any, make_value: Any) -> None:
    m, value = make(), make_value(shape)
    text = cause(m, {"weight": value, "bias": m.bias})
    turn = "permute" if isinstance(value, minidl.Tensor) else "transpose"
    assert 'these would fit: "weight". Keras' in text and text.endswith(f"try value.{turn}{order}.")
    m.load_state_dict({"weight": getattr(value, turn)(*order), "bias": m.bias})


def test_many_weights_of_keras() -> None:
    m = nn.Sequential(*[nn.Linear(3, 2) for _ in range(6)])
    state = {key: value.T if value.dim() == 2 else value for key, value in m.state_dict().items()}
    assert '"0.weight", "1.weight", "2.weight", "3.weight" and 2 more. Keras' in cause(m, state)


def test_what_is_no_dict() -> None:
    m = nn.Linear(1, 1)
    for value, hint in [
        (nn.Linear(1, 1), r"Try its state_dict\(\)."),
        ("w.pt", r"Try minidl.load\(path\)"),
        (Path("w"), "minidl.load"),
    ]:
        with pytest.raises(TypeError, match=r"Expected state_dict to be dict-like, got <class '.*'>\. " + f".*{hint}"):
            m.load_state_dict(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [
    {},
    {"head.weight": minidl.ones(1)},
    {1: minidl.ones(1)},
    {"conv.weight": minidl.ones(2)},
    {"fc": {"a": 1}},
    {"x": 3, None: {}},
], ids=str)
def test_nothing_is_said_where_nothing_is_known(state: Any) -> None:
    assert re.match("Missing|Unexpected|size mismatch", cause(net(), state))


def test_nothing_loaded_without_a_word_is_a_warning() -> None:
    m = net()
    text = r"no key of the state dict is one of this Sequential's: nothing is loaded\. The keys begin with \"module\.\""
    with pytest.warns(UserWarning, match=text) as notes:
        result = m.load_state_dict(prefixed("module.", m.state_dict()), strict=False)
    assert notes[0].filename == __file__
    # old files do not have num_batches_tracked
    assert result.missing_keys == [key for key in m.state_dict() if "tracked" not in key]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m.load_state_dict({}, strict=False)
        m.load_state_dict({"fc.bias": minidl.ones(5), "other": minidl.ones(1)}, strict=False)
        nn.ReLU().load_state_dict({"other": minidl.ones(1)}, strict=False)


def test_lazy_layers() -> None:
    assert cause(nn.LazyLinear(2),
                 {"module.weight": minidl.ones(2, 3), "module.bias": minidl.ones(2)}).startswith("The keys begin")


class TestConsumePrefix:
    def test_in_place_with_the_versions(self) -> None:
        state = nn.Sequential(OrderedDict(module=net())).state_dict()
        assert "module.norm" in state._metadata
        state["other.weight"] = 1
        assert consume_prefix_in_state_dict_if_present(state, "module.") is None
        assert {*state} == {*net().state_dict(), "other.weight"}
        assert {*state._metadata} == {"", "conv", "norm", "flat", "fc"} and state._metadata["norm"]["version"] == 2
        before = list(state)
        consume_prefix_in_state_dict_if_present(state, "absent.")
        assert list(state) == before

    @pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
    @pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module", "a.b."])
    def test_as_pytorchs(self, prefix: str) -> None:
        theirs = torch.nn.modules.utils.consume_prefix_in_state_dict_if_present
        results = []
        for consume in (consume_prefix_in_state_dict_if_present, theirs):
            state = OrderedDict({"x": 1, "module.a": 2, "module": 3, "_orig_mod.module.a": 4, "a.b.c": 5, "a.b": 6})
            consume(state, prefix)
            results.append(list(state.items()))
        assert results[0] == results[1]

    @pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
    @pytest.mark.filterwarnings("ignore")
    def test_files_of_parallel_and_compiled_models(self, tmp_path: Path) -> None:
        theirs = torch.nn.Linear(3, 2)
        for wrap, prefix in [(torch.nn.DataParallel, "module."), (torch.compile, "_orig_mod.")]:
            torch.save(wrap(theirs).state_dict(), tmp_path / "w.pth")
            state, ours = minidl.load(tmp_path / "w.pth"), nn.Linear(3, 2)
            assert f'begin with "{prefix}"' in cause(ours, state)
            nn.modules.utils.consume_prefix_in_state_dict_if_present(state, prefix)
            ours.load_state_dict(state)
            assert ours.weight.tolist() == theirs.weight.tolist()
