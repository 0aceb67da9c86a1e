"""What several networks share: widths that are multiples, a start for convolutions, features of the middle."""
from __future__ import annotations

import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, _by_name, modern_weights

T = TypeVar("T")


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of divisor next to v, at least min_value (if not given: divisor), and not below 0.9 v.

        >>> [_make_divisible(channels, 8) for channels in (3, 20, 35, 11)]
        [8, 24, 32, 16]
    """
    multiple = max(divisor if min_value is None else min_value, int(v + divisor / 2) // divisor * divisor)
    return multiple + divisor if multiple < 0.9 * v else multiple


def start_convolutions(model: nn.Module) -> None:
    """Kaiming-normal by fan-out, with biases of 0, for each convolution."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def start_truncated_normal(model: nn.Module, *kinds: type[nn.Conv2d] | type[nn.Linear]) -> None:
    """Truncated normal with a deviation of 0.02, and biases of 0, for layers of these kinds."""
    for module in model.modules():
        if isinstance(module, kinds):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def check_rows(name: str, rows: object, kind: type) -> None:
    """Errors: ValueError where a network's table is empty, TypeError unless it is a sequence of rows of this kind."""
    if not rows:
        raise ValueError(f"The {name} should not be empty")
    wrong = next((row for row in rows if not isinstance(row, kind)), None) if isinstance(rows, Sequence) else rows
    if wrong is not None:
        raise TypeError(f"The {name} should be List[{kind.__name__}], but got {type(wrong).__name__}")


def mobilenet_stages(layers: nn.Sequential) -> list[int]:
    """The indices of the first of a MobileNet's layers, of those before which images shrink, and of the last."""
    shrink = [i for i, layer in enumerate(layers) if getattr(layer, "_is_cn", False)]
    return [0, *shrink, len(layers) - 1]


class IntermediateLayerGetter(nn.ModuleDict):
    """The children of a model one after another, and a dict of what some of them return.

    The model must call its children in the order in which it has them, each once. Those after the last are left out.

    Args:
        return_layers: names of children, each with the name of its output in the result.

    Errors: ValueError for a name that is no child of the model.

        >>> import minidl
        >>> from minidl.vision import models
        >>> from minidl.vision.models._utils import IntermediateLayerGetter
        >>> body = IntermediateLayerGetter(models.resnet18(), {"layer1": "feat1", "layer3": "feat2"})
        >>> [(name, tuple(y.shape)) for name, y in body(minidl.rand(1, 3, 64, 64)).items()]
        [('feat1', (1, 64, 16, 16)), ('feat2', (1, 256, 4, 4))]
    """

    def __init__(self, model: nn.Module, return_layers: Mapping[str, str]) -> None:
        names = [name for name, _ in model.named_children()]
        absent = set(return_layers) - set(names)
        if absent:
            raise ValueError(f"return_layers are not present in model: {', '.join(sorted(map(str, absent)))}; its "
                             f"children are {', '.join(names)}")
        last = max((names.index(name) for name in return_layers), default=len(names) - 1)
        super().__init__({name: model.get_submodule(name) for name in names[:last + 1]})
        self.return_layers = dict(return_layers)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        found: OrderedDict[str, Tensor] = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                found[self.return_layers[name]] = x
        return found


# ---------------------------------------------------------------------- builders in torchvision's manner

def kwonly_to_pos_or_kw(fn: Callable[..., T]) -> Callable[..., T]:
    """Let a function take its keyword-only arguments by position, too, with a warning.

    Errors: TypeError for a function that has none.
    """
    parameters = list(inspect.signature(fn).parameters.values())
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    if not names:
        raise TypeError(f"Found no keyword-only parameter on function '{fn.__name__}'")
    start = next(i for i, each in enumerate(parameters) if each.kind is each.KEYWORD_ONLY)

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        _by_name(fn.__name__, names, args[start:], kwargs)
        return fn(*args[:start], **kwargs)
    return wrapper


def handle_legacy_interface(
        **weights: tuple[str, WeightsEnum | Callable[[dict[str, Any]], WeightsEnum | None] | None],
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Decorate a builder of models: it also takes older arguments, with warnings.

    weights: for the name of an argument, that of the older truth value, and the weights that True means, or a function
    that gives them for the arguments of the call. Errors of the builder: ValueError where True means none.

        >>> from minidl.vision import models
        >>> from minidl.vision.models._utils import handle_legacy_interface
        >>> @handle_legacy_interface(weights=("pretrained", models.ResNet18_Weights.IMAGENET1K_V1))
        ... def my_net(*, weights=None, **kwargs):
        ...     return weights
        >>> my_net(weights=models.ResNet18_Weights.DEFAULT)
        ResNet18_Weights.IMAGENET1K_V1
    """
    def decorate(builder: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(builder)
        def modern(*args: Any, **kwargs: Any) -> T:
            for name, (old, default) in weights.items():
                modern_weights(builder.__name__, name, old, _function_of(default), kwargs)
            return builder(*args, **kwargs)
        return kwonly_to_pos_or_kw(modern)
    return decorate


def _function_of(default: object) -> Callable[[dict[str, Any]], object]:
    return default if callable(default) else lambda given: default


def _ovewrite_named_param(kwargs: dict[str, Any], param: str, new_value: object) -> None:
    """Set an argument that weights demand. Errors: ValueError where the caller gave another value."""
    if kwargs.setdefault(param, new_value) != new_value:
        raise ValueError(f"The parameter '{param}' expected value {new_value} but got {kwargs[param]} instead.")


def _ovewrite_value_param(param: str, actual: T | None, expected: T) -> T:
    """What weights demand of an argument. Errors: ValueError where the caller gave another value than None."""
    if actual is not None and actual != expected:
        raise ValueError(f"The parameter '{param}' expected value {expected} but got {actual} instead.")
    return expected
