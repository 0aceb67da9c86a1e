"""What a network computes on its way: the outputs of chosen modules, by their names."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor

Names = Sequence[str] | Mapping[str, str]
Node = tuple[str, int]
"""A module's path, and how many of its calls come before."""


def create_feature_extractor(model: nn.Module, return_nodes: Names | None = None,
                             train_return_nodes: Names | None = None,
                             eval_return_nodes: Names | None = None) -> FeatureExtractor:
    """A module that returns a dict of what modules of `model` return.

    It shares all of the model's parts, runs it up to the last chosen module, and has the model's state dict.

    Args:
        return_nodes: paths of modules, as `named_modules` has them, each with the name of its output in the result; or
            a list of paths, which are names, too. "layer1.0.relu_1" is the second call of "layer1.0.relu".
        train_return_nodes, eval_return_nodes: in place of return_nodes, where they differ between the modes.

    Errors: ValueError for a name that is no module of the model, and unless return_nodes or both others are given.

        >>> import minidl
        >>> from minidl.vision import models
        >>> from minidl.vision.models.feature_extraction import create_feature_extractor
        >>> body = create_feature_extractor(models.resnet18(), {"layer1": "feat1", "layer3": "feat2"})
        >>> [(name, tuple(y.shape)) for name, y in body(minidl.rand(1, 3, 64, 64)).items()]
        [('feat1', (1, 64, 16, 16)), ('feat2', (1, 256, 4, 4))]
    """
    if return_nodes is None and train_return_nodes is None and eval_return_nodes is None:
        raise ValueError("Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be "
                         "specified")
    if (train_return_nodes is None) != (eval_return_nodes is None):
        raise ValueError("If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be "
                         "specified")
    if return_nodes is not None and train_return_nodes is not None:
        raise ValueError("If `train_return_nodes` and `eval_return_nodes` are specified, then `return_nodes` should "
                         "not be")
    train, evaluate = (return_nodes if nodes is None else nodes for nodes in (train_return_nodes, eval_return_nodes))
    return FeatureExtractor(model, _nodes(model, train or ()), _nodes(model, evaluate or ()))


def _nodes(model: nn.Module, names: Names) -> dict[Node, str]:
    """Each node, with the name of its output."""
    outputs = names if isinstance(names, Mapping) else {name: name for name in names}
    paths = {path for path, _ in model.named_modules()} - {""}
    nodes = {}
    for name, output in outputs.items():
        repeated = re.fullmatch(r"(.+)_(\d+)", str(name))
        if str(name) in paths:
            nodes[str(name), 0] = str(output)
        elif repeated and repeated[1] in paths:
            nodes[repeated[1], int(repeated[2])] = str(output)
        else:
            raise ValueError(f"node: '{name}' is not present in model. Hint: nodes are modules, and "
                             f"dict(model.named_modules()) has their names")
    return nodes


class FeatureExtractor(nn.Module):
    """What `create_feature_extractor` returns."""

    def __init__(self, model: nn.Module, train_nodes: dict[Node, str], eval_nodes: dict[Node, str]) -> None:
        super().__init__()
        self._whole = (model,)      # in a tuple, since its parts stand here by their own names
        self._parameters, self._buffers, self._modules = model._parameters, model._buffers, model._modules
        self._non_persistent_buffers_set = model._non_persistent_buffers_set
        self._nodes = {True: train_nodes, False: eval_nodes}
        self.training = model.training

    def train(self, mode: bool = True) -> FeatureExtractor:
        self._whole[0].train(mode)
        self.training = mode
        return self

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        model, nodes = self._whole[0], self._nodes[self.training]
        found: dict[str, Tensor] = {}
        left, calls = set(nodes), Counter[str]()

        def keep(path: str) -> Callable[..., None]:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                node = path, calls[path]
                calls[path] += 1
                if node in left:
                    found[nodes[node]] = output
                    left.remove(node)
                if not left:
                    raise _AllFound
            return hook

        handles = [model.get_submodule(path).register_forward_hook(keep(path)) for path in {path for path, _ in nodes}]
        try:
            model(*args, **kwargs)
        except _AllFound:
            return found
        finally:
            for handle in handles:
                handle.remove()
        missing = sorted(f"{path}_{call}" if call else path for path, call in left)
        raise RuntimeError(f"FeatureExtractor: the model has run, but never came to {', '.join(missing)}; leave out "
                           f"what it does not call in this mode")


class _AllFound(Exception):
    """The rest of the model need not run."""
