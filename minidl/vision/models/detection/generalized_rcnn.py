"""A detector of four parts, each of which can be replaced: transform, backbone, proposals, heads."""
from __future__ import annotations

from collections.abc import Sequence

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection._utils import as_maps
from minidl.vision.models.detection.targets import Target, check_targets, sizes_of


class GeneralizedRCNN(nn.Module):
    """A detector that first proposes boxes and then looks at each of them.

    Called with a list of images (C, H, W) from 0 to 1 and, in training, a list of their targets, it returns in training
    a dict of losses, and otherwise a list of dicts of results, as `FasterRCNN` says.

    Args:
        backbone: makes maps of images, one or a dict.
        rpn: makes proposals of maps, as `RegionProposalNetwork`.
        roi_heads: makes results of maps and proposals, as `RoIHeads`.
        transform: makes a batch of images and their targets, as `GeneralizedRCNNTransform`.
    """

    def __init__(self, backbone: nn.Module, rpn: nn.Module, roi_heads: nn.Module, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def forward(self, images: Sequence[Tensor],
                targets: Sequence[Target] | None = None) -> dict[str, Tensor] | list[Target]:
        sizes = sizes_of(images)
        check_targets(targets, sizes, self.training)
        batch, targets = self.transform(images, targets)
        features = as_maps(self.backbone(batch.tensors))
        proposals, proposal_losses = self.rpn(batch, features, targets)
        detections, detector_losses = self.roi_heads(features, proposals, batch.image_sizes, targets)
        if self.training:
            return {**detector_losses, **proposal_losses}
        return self.transform.postprocess(detections, batch.image_sizes, sizes)
