"""What programs import from torchvision's module of this name."""
from __future__ import annotations

from collections.abc import Sequence

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.creation import full_like
from minidl.tensors.tensor import Tensor

NORMS = (nn.norm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.norm._InstanceNorm, nn.LocalResponseNorm)


def convert_boxes_to_roi_format(boxes: Sequence[Tensor]) -> Tensor:
    """Boxes of a list of images, (L, 4) each, as rows with the number of the image first: (K, 5).

        >>> import minidl
        >>> from minidl.vision.ops._utils import convert_boxes_to_roi_format
        >>> convert_boxes_to_roi_format([minidl.zeros(1, 4), minidl.ones(1, 4)])
        tensor([[0., 0., 0., 0., 0.],
                [1., 1., 1., 1., 1.]])
    """
    return cat([cat([full_like(each[:, :1], i), each], 1) for i, each in enumerate(boxes)])


def check_roi_boxes_shape(boxes: Tensor | Sequence[Tensor]) -> None:
    """AssertionError unless boxes are (K, 5), or a list or tuple of (L, 4)."""
    if isinstance(boxes, (list, tuple)):
        for each in boxes:
            assert each.shape[1] == 4, "The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]]"
    elif isinstance(boxes, Tensor):
        assert boxes.shape[1] == 5, "The boxes tensor shape is not correct as Tensor[K, 5]"
    else:
        raise AssertionError("boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]]")


def split_normalization_params(model: nn.Module, norm_classes: Sequence[type[nn.Module]] | None = None,
                               ) -> tuple[list[Tensor], list[Tensor]]:
    """Split the parameters that are trained: those of norms, and all others.

    norm_classes: what is a norm; those of `nn`, if not given. Errors: ValueError for a class that is no Module.

        >>> from minidl import nn
        >>> from minidl.vision.ops._utils import split_normalization_params
        >>> net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.LayerNorm(3))
        >>> [[tuple(p.shape) for p in group] for group in split_normalization_params(net)]
        [[(3,), (3,)], [(3, 2)]]
    """
    kinds = tuple(norm_classes or NORMS)
    for kind in kinds:
        if not issubclass(kind, nn.Module):
            raise ValueError(f"Class {kind} is not a subclass of nn.Module.")
    norms: list[Tensor] = []
    others: list[Tensor] = []
    for module in model.modules():
        leaf = next(module.children(), None) is None
        group = norms if leaf and isinstance(module, kinds) else others
        group.extend(p for p in module.parameters(recurse=leaf) if p.requires_grad)
    return norms, others
