"""What the networks share: a backbone with heads on its maps, enlarged to the image; and the backbones."""
from __future__ import annotations

from collections import OrderedDict

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum
from minidl.vision.models._utils import IntermediateLayerGetter
from minidl.vision.models.resnet import ResNet


class _SimpleSegmentationModel(nn.Module):
    """Base class of networks with a head on the last map, and perhaps another on an earlier one."""

    def __init__(self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        features = self.backbone(x)
        result = OrderedDict(out=enlarged(self.classifier(features["out"]), x))
        if self.aux_classifier is not None:
            result["aux"] = enlarged(self.aux_classifier(features["aux"]), x)
        return result


def enlarged(scores: Tensor, image: Tensor) -> Tensor:
    """Scores (N, C, h, w) at each pixel of an image or map (N, *, H, W)."""
    return F.interpolate(scores, size=image.shape[-2:], mode="bilinear", align_corners=False)


DILATED = [False, True, True]
"""The last two stages of a ResNet keep the size of the image, so that their maps are an eighth of it."""


def resnet_maps(net: ResNet, aux: bool | None) -> IntermediateLayerGetter:
    """A ResNet without its head, that returns the last map as "out", and with aux the one before as "aux"."""
    return IntermediateLayerGetter(net, {"layer4": "out", **({"layer3": "aux"} if aux else {})})


def classes_of(num_classes: int | None) -> int:
    """VOC's 20 and the background, if not given."""
    return 21 if num_classes is None else num_classes


def with_aux(weights: WeightsEnum) -> dict[str, bool]:
    """The second head that trained weights have."""
    return {"aux_loss": True}
