"""What several networks share: widths that are multiples, a start for convolutions, features of the middle."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from minidl import nn
from minidl.tensors.tensor import Tensor


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
