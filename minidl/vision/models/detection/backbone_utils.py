"""Backbones of detectors: a classifier's maps, with a feature pyramid on them, and some of its layers frozen."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

from minidl import nn
from minidl.backend.warn import warn
from minidl.tensors.tensor import Tensor
from minidl.vision.models import mobilenet, resnet
from minidl.vision.models._api import WeightsEnum, _by_name, _modern, get_model_weights
from minidl.vision.models._utils import IntermediateLayerGetter, mobilenet_stages
from minidl.vision.models.detection._utils import overwrite_eps
from minidl.vision.models.mobilenetv2 import MobileNetV2
from minidl.vision.models.mobilenetv3 import MobileNetV3
from minidl.vision.models.resnet import ResNet50_Weights, resnet50
from minidl.vision.ops.feature_pyramid_network import ExtraFPNBlock, FeaturePyramidNetwork, LastLevelMaxPool
from minidl.vision.ops.misc import FrozenBatchNorm2d

Norm = Callable[..., nn.Module]
Net = TypeVar("Net", bound=nn.Module)


class BackboneWithFPN(nn.Module):
    """Maps of a model's children, with a feature pyramid on them: a dict of maps with out_channels each.

    Args:
        backbone: a model that calls its children one after another.
        return_layers: names of children, each with the name of its map in the result.
        in_channels_list: the channels of these maps.
        extra_blocks: adds maps at the end; `LastLevelMaxPool` if not given.
        norm_layer: makes the norms of the pyramid; None leaves them out.

        >>> import minidl
        >>> from minidl.vision import models
        >>> from minidl.vision.models.detection.backbone_utils import BackboneWithFPN
        >>> body = BackboneWithFPN(models.resnet18(), {"layer3": "0", "layer4": "1"}, [256, 512], out_channels=8)
        >>> {name: tuple(each.shape) for name, each in body(minidl.rand(1, 3, 64, 64)).items()}
        {'0': (1, 8, 4, 4), '1': (1, 8, 2, 2), 'pool': (1, 8, 1, 1)}
    """

    def __init__(self, backbone: nn.Module, return_layers: dict[str, str], in_channels_list: list[int],
                 out_channels: int, extra_blocks: ExtraFPNBlock | None = None,
                 norm_layer: Norm | None = None) -> None:
        super().__init__()
        self.body = IntermediateLayerGetter(backbone, return_layers)
        self.fpn = FeaturePyramidNetwork(in_channels_list, out_channels, extra_blocks or LastLevelMaxPool(), norm_layer)
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.fpn(self.body(x))


def _takes_pretrained(builders: ModuleType) -> Callable[[Callable[..., Net]], Callable[..., Net]]:
    """Give a function with backbone_name and weights the older argument `pretrained`, and those by position."""
    def decorate(build: Callable[..., Net]) -> Callable[..., Net]:
        names = list(inspect.signature(build).parameters)

        @functools.wraps(build)
        def builder(*args: Any, **kwargs: Any) -> Net:
            _by_name(build.__name__, names, args, kwargs)
            if "backbone_name" in kwargs:
                enum = get_model_weights(getattr(builders, kwargs["backbone_name"]))
                _modern(build.__name__, "weights", "pretrained", enum, kwargs)
            return build(**kwargs)
        return builder
    return decorate


# ---------------------------------------------------------------------- ResNets

@_takes_pretrained(resnet)
def resnet_fpn_backbone(*, backbone_name: str, weights: WeightsEnum | str | None,
                        norm_layer: Norm = FrozenBatchNorm2d, trainable_layers: int = 3,
                        returned_layers: Sequence[int] | None = None,
                        extra_blocks: ExtraFPNBlock | None = None) -> BackboneWithFPN:
    """A ResNet with a feature pyramid of 256 channels.

    Args:
        backbone_name: of a builder in `models.resnet`.
        weights: trained weights of it, or None.
        norm_layer: makes its norms.
        trainable_layers: how many stages are trained, from the last; 5 are all.
        returned_layers: the stages whose maps are taken, from 1 to 4; all if not given.
        extra_blocks: adds maps at the end; `LastLevelMaxPool` if not given.

    Errors: ValueError for other trainable_layers or returned_layers.

        >>> import minidl
        >>> from minidl.vision.models.detection.backbone_utils import resnet_fpn_backbone
        >>> body = resnet_fpn_backbone(backbone_name="resnet18", weights=None, returned_layers=[3, 4])
        >>> list(body(minidl.rand(1, 3, 64, 64)))
        ['0', '1', 'pool']
    """
    net = getattr(resnet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return _resnet_fpn_extractor(net, trainable_layers, returned_layers, extra_blocks)


def _resnet_fpn_extractor(backbone: resnet.ResNet, trainable_layers: int, returned_layers: Sequence[int] | None = None,
                          extra_blocks: ExtraFPNBlock | None = None,
                          norm_layer: Norm | None = None) -> BackboneWithFPN:
    if not 0 <= trainable_layers <= 5:
        raise ValueError(f"Trainable layers should be in the range [0,5], got {trainable_layers}")
    trained = ["layer4", "layer3", "layer2", "layer1", "conv1"][:trainable_layers]
    trained += ["bn1"] if trainable_layers == 5 else []
    for name, parameter in backbone.named_parameters():
        if not name.startswith(tuple(trained)):
            parameter.requires_grad_(False)
    stages = [1, 2, 3, 4] if returned_layers is None else returned_layers
    if min(stages) <= 0 or max(stages) >= 5:
        raise ValueError(f"Each returned layer should be in the range [1,4]. Got {stages}")
    channels = [backbone.inplanes // 16 * 2 ** stage for stage in stages]
    return BackboneWithFPN(backbone, {f"layer{stage}": str(i) for i, stage in enumerate(stages)}, channels, 256,
                           extra_blocks, norm_layer)


# ---------------------------------------------------------------------- MobileNets

@_takes_pretrained(mobilenet)
def mobilenet_backbone(*, backbone_name: str, weights: WeightsEnum | str | None, fpn: bool,
                       norm_layer: Norm = FrozenBatchNorm2d, trainable_layers: int = 2,
                       returned_layers: Sequence[int] | None = None,
                       extra_blocks: ExtraFPNBlock | None = None) -> nn.Module:
    """The features of a MobileNet, with a feature pyramid of 256 channels, or with its last map alone.

    Args:
        backbone_name: of a builder in `models.mobilenet`.
        fpn: whether there is a pyramid; without one, 256 channels are mixed of the last map's.
        trainable_layers: how many stages are trained, from the last.
        returned_layers: the stages whose maps are taken; the last two if not given.
        weights, norm_layer, extra_blocks: as for `resnet_fpn_backbone`.

    Errors: ValueError for other trainable_layers or returned_layers.
    """
    net = getattr(mobilenet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return _mobilenet_extractor(net, fpn, trainable_layers, returned_layers, extra_blocks)


def freeze_stages(layers: nn.Sequential, first_of_stages: Sequence[int], trainable_layers: int) -> None:
    """Freeze what comes before the last stages."""
    before = len(layers) if trainable_layers == 0 else first_of_stages[len(first_of_stages) - trainable_layers]
    for layer in list(layers)[:before]:
        layer.requires_grad_(False)


def _mobilenet_extractor(backbone: MobileNetV2 | MobileNetV3, fpn: bool, trainable_layers: int,
                         returned_layers: Sequence[int] | None = None, extra_blocks: ExtraFPNBlock | None = None,
                         norm_layer: Norm | None = None) -> nn.Module:
    layers, out_channels = backbone.features, 256
    stages = mobilenet_stages(layers)
    if not 0 <= trainable_layers <= len(stages):
        raise ValueError(f"Trainable layers should be in the range [0,{len(stages)}], got {trainable_layers} ")
    freeze_stages(layers, stages, trainable_layers)
    if not fpn:
        body = nn.Sequential(layers, nn.Conv2d(layers[-1].out_channels, out_channels, 1))
        body.out_channels = out_channels
        return body
    returned = [len(stages) - 2, len(stages) - 1] if returned_layers is None else returned_layers
    if min(returned) < 0 or max(returned) >= len(stages):
        raise ValueError(f"Each returned layer should be in the range [0,{len(stages) - 1}], got {returned} ")
    places = [stages[stage] for stage in returned]
    return BackboneWithFPN(layers, {str(place): str(i) for i, place in enumerate(places)},
                           [layers[place].out_channels for place in places], out_channels, extra_blocks, norm_layer)


# ---------------------------------------------------------------------- arguments

def _validate_trainable_layers(is_trained: bool, trainable_backbone_layers: int | None, max_value: int,
                               default_value: int) -> int:
    """How many stages are trained: all, unless there are trained weights."""
    layers = default_value if trainable_backbone_layers is None else trainable_backbone_layers
    if not is_trained:
        if trainable_backbone_layers is not None:
            warn(f"Changing trainable_backbone_layers has no effect if neither pretrained nor pretrained_backbone have "
                 f"been set to True, falling back to trainable_backbone_layers={max_value} so that all layers are "
                 f"trainable")
        layers = max_value
    if not 0 <= layers <= max_value:
        raise ValueError(f"Trainable backbone layers should be in the range [0,{max_value}], got {layers} ")
    return layers


# ---------------------------------------------------------------------- of builders

def is_trained(weights: WeightsEnum) -> dict[str, bool]:
    """What a builder is told when it gets trained weights."""
    return {"_trained": True}


def eps_of_first_weights(model: nn.Module, arguments: Mapping[str, Any]) -> None:
    """The first trained weights were made with frozen norms whose eps was 0."""
    overwrite_eps(model, 0.0)


def resnet50_fpn(weights_backbone: WeightsEnum | str | None, trainable_backbone_layers: int | None, trained: bool,
                 **pyramid: Any) -> BackboneWithFPN:
    """A ResNet-50 with a pyramid. Its norms are frozen where there are trained weights."""
    known = ResNet50_Weights.verify(weights_backbone)
    trained = trained or known is not None
    layers = _validate_trainable_layers(trained, trainable_backbone_layers, 5, 3)
    net = resnet50(weights=known, norm_layer=FrozenBatchNorm2d if trained else nn.BatchNorm2d)
    return _resnet_fpn_extractor(net, layers, **pyramid)


def resnet50_fpn_v2(weights_backbone: WeightsEnum | str | None, trainable_backbone_layers: int | None, trained: bool,
                    **pyramid: Any) -> BackboneWithFPN:
    """A ResNet-50 whose norms are trained, with a pyramid."""
    known = ResNet50_Weights.verify(weights_backbone)
    layers = _validate_trainable_layers(trained or known is not None, trainable_backbone_layers, 5, 3)
    return _resnet_fpn_extractor(resnet50(weights=known), layers, **pyramid)
