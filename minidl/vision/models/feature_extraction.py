"""What a network computes on its way: the outputs of chosen modules, by their names."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.autograd.grad_mode import no_grad
from minidl.backend.warn import warn
from minidl.random import fork_rng
from minidl.tensors.creation import rand
from minidl.tensors.tensor import Tensor
from minidl.vision import ops

Names = Sequence[str] | Mapping[str, str]
Node = tuple[str, int]
"""A module's path, and how many of its calls come before."""


LEAVES = tuple(each for each in vars(ops).values() if isinstance(each, type) and issubclass(each, nn.Module))
"""Modules whose parts are no nodes of their own, besides those of `nn`."""

SIZES = (64, 128, 224, 299)
"""Sides of the images that a model is tried with, if it does not say its own."""


def get_graph_node_names(model: nn.Module, tracer_kwargs: Mapping[str, Any] | None = None,
                         suppress_diff_warning: bool = False,
                         concrete_args: Mapping[str, Any] | None = None) -> tuple[list[str], list[str]]:
    """The names of a model's layers in the order of their calls: in training, and in evaluation.

    Layers are the modules of `nn` but Sequential, those of `vision.ops`, and modules without parts. A second call has
    a number: "layer1.0.relu", "layer1.0.relu_1". The model runs once in each mode, on images of noise that its first
    layer can take. Its buffers, its mode and the random numbers to come stay as they are.

    Args:
        tracer_kwargs: "leaf_modules" has more classes whose parts are not named; other entries are ignored.
        suppress_diff_warning: do not warn where the modes differ.
        concrete_args: arguments of the model by name; with a tensor among them no image is made up.

    Errors: ValueError where no image can be made up; what the model raises.

        >>> from minidl.vision import models
        >>> from minidl.vision.models.feature_extraction import get_graph_node_names
        >>> train_nodes, eval_nodes = get_graph_node_names(models.resnet18())
        >>> eval_nodes[:7]
        ['conv1', 'bn1', 'relu', 'maxpool', 'layer1.0.conv1', 'layer1.0.bn1', 'layer1.0.relu']
    """
    leaves = (*LEAVES, *(tracer_kwargs or {}).get("leaf_modules", ()))
    arguments = dict(concrete_args or {})
    modes = {module: module.training for module in model.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        with no_grad(), fork_rng():
            train, evaluate = (_calls(model.train(mode), leaves, arguments) for mode in (True, False))
    finally:
        for module, mode in modes.items():
            module.training = mode
        with no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
    if train != evaluate and not suppress_diff_warning:
        warn(_difference(train, evaluate))
    return train, evaluate


def _calls(model: nn.Module, leaves: tuple[type, ...], arguments: Mapping[str, Any]) -> list[str]:
    """The names of leaves in the order of their calls, on the first image that the model takes."""
    given = any(isinstance(each, Tensor) for each in arguments.values())
    images: list[tuple[Tensor, ...]] = [()] if given else _images(model)
    layers = {path for path, module in model.named_modules() if path and _is_layer(module, leaves)}
    outer = [path for path in layers if not any(path.startswith(f"{other}.") for other in layers)]
    error: Exception | None = None
    for image in images:
        found: list[str] = []
        calls = Counter[str]()

        def note(path: str, found: list[str] = found, calls: Counter[str] = calls) -> Callable[..., None]:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                found.append(f"{path}_{calls[path]}" if calls[path] else path)
                calls[path] += 1
            return hook

        handles = [model.get_submodule(path).register_forward_hook(note(path)) for path in outer]
        try:
            model(*image, **arguments)
            return found
        except (ValueError, RuntimeError) as wrong:     # too small for it, perhaps
            error = wrong
        finally:
            for handle in handles:
                handle.remove()
    assert error is not None
    raise error


def _is_layer(module: nn.Module, leaves: tuple[type, ...]) -> bool:
    if isinstance(module, leaves):
        return True
    if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
        return False
    return next(module.children(), None) is None or type(module).__module__.startswith("minidl.nn")


def _images(model: nn.Module) -> list[tuple[Tensor, ...]]:
    """Two images each, of several sizes, with as many channels as the first convolution takes."""
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is None:
        raise ValueError("get_graph_node_names: the model has no Conv2d, so it takes no images; try "
                         "concrete_args={'x': a tensor that it takes}")
    sides = [model.image_size] if isinstance(getattr(model, "image_size", None), int) else SIZES
    weight = first.weight
    return [(rand(2, first.in_channels, side, side, device=weight.device, dtype=weight.dtype),) for side in sides]


def _difference(train: list[str], evaluate: list[str]) -> str:
    """torchvision's words for nodes that differ between the modes."""
    if _within(evaluate, train):
        text = ("NOTE: The nodes obtained by tracing the model in eval mode are a subsequence of those obtained in "
                "train mode. ")
    elif _within(train, evaluate):
        text = ("NOTE: The nodes obtained by tracing the model in train mode are a subsequence of those obtained in "
                "eval mode. ")
    else:
        text = "The nodes obtained by tracing the model in train mode are different to those obtained in eval mode. "
    return text + ("When choosing nodes for feature extraction, you may need to specify output nodes for train and "
                   "eval mode separately.")


def _within(part: list[str], whole: list[str]) -> bool:
    """Whether all are there, in this order."""
    rest = iter(whole)
    return all(each in rest for each in part)


def create_feature_extractor(model: nn.Module, return_nodes: Names | None = None,
                             train_return_nodes: Names | None = None, eval_return_nodes: Names | None = None,
                             tracer_kwargs: Mapping[str, Any] | None = None, suppress_diff_warning: bool = False,
                             concrete_args: Mapping[str, Any] | None = None) -> FeatureExtractor:
    """A module that returns a dict of what modules of `model` return.

    It shares all of the model's parts, runs it up to the last chosen module, and has the model's state dict.

    Args:
        return_nodes: paths of modules, as `named_modules` has them, each with the name of its output in the result; or
            a list of paths, which are names, too. "layer1.0.relu_1" is the second call of "layer1.0.relu".
        train_return_nodes, eval_return_nodes: in place of return_nodes, where they differ between the modes.
        tracer_kwargs, suppress_diff_warning: without effect. Any module can be named, and nothing is traced.
        concrete_args: arguments that the model gets by name in each call, unless the call has them.

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
    return FeatureExtractor(model, _nodes(model, train or ()), _nodes(model, evaluate or ()),
                            concrete_args)


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
            raise ValueError(f"node: '{name}' is not present in model. Hint: nodes are modules; "
                             f"get_graph_node_names(model) and dict(model.named_modules()) have their names")
    return nodes


class FeatureExtractor(nn.Module):
    """What `create_feature_extractor` returns."""

    def __init__(self, model: nn.Module, train_nodes: dict[Node, str], eval_nodes: dict[Node, str],
                 arguments: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._arguments = dict(arguments or {})
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
            model(*args, **{**self._arguments, **kwargs})
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
