"""AutoAugment, RandAugment, TrivialAugment and AugMix, for one image or video in a sample."""
from __future__ import annotations

from typing import Any

from PIL import Image as pillow

from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms import autoaugment as v1
from minidl.vision.transforms.autoaugment import AutoAugmentPolicy, Magnitudes, magnitude_table, policy_steps
from minidl.vision.transforms.draws import draw_integer, draw_several_shares, draw_uniform
from minidl.vision.transforms.on_tensors import largest
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.functional.arguments import Interpolation
from minidl.vision.transforms.v2.samples import IMAGES, check_type
from minidl.vision.transforms.v2.settings import Fills, fill_for, fills_of
from minidl.vision.transforms.v2.structure import flatten
from minidl.vision.transforms.v2.transform import Transform

_REFUSED = (tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints)


class _Policy(Transform):
    """Base class: `change` gets the only image of a sample."""

    def __init__(self, interpolation: Interpolation = "nearest", fill: Fills = None) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills_of(fill)

    def forward(self, *inputs: Any) -> Any:
        leaves, rebuild = flatten(inputs if len(inputs) > 1 else inputs[0])
        places = []
        for i, (leaf, needed) in enumerate(zip(leaves, self._needs_transform_list(leaves))):
            if needed and check_type(leaf, IMAGES):
                places.append(i)
            elif isinstance(leaf, _REFUSED):
                raise TypeError(f"Inputs of type {type(leaf).__name__} are not supported by {type(self).__name__}()")
        if not places:
            raise TypeError("Found no image in the sample.")
        if len(places) > 1:
            raise TypeError("Auto augment transformations are only properly defined for a single image or video, but "
                            f"found {len(places)}.")
        leaves[places[0]] = self.change(leaves[places[0]], *F.get_size(leaves[places[0]]))
        return rebuild(leaves)

    def change(self, image: Any, height: int, width: int) -> Any:
        """The image, with operations applied."""
        raise NotImplementedError

    def _operate(self, image: Any, name: str, magnitude: float, signed: bool = False) -> Any:
        """Apply one operation. signed: with the magnitude or its negative, at random."""
        if signed and draw_integer(0, 2):
            magnitude = -magnitude
        if name == "Solarize":
            magnitude *= largest(image) if isinstance(image, Tensor) else 255
        return v1.apply_operation(image, name, magnitude, self.interpolation, fill_for(self._fill, image), F)


class AutoAugment(_Policy):
    """One of 25 pairs of operations found by search on a data set.

    policy: the data set. interpolation: for operations that move pixels. fill: the colour outside, or a dict of one for
    each type of input. Errors: TypeError for a sample of no image or several, or with boxes, masks or key points.
    Source: Cubuk et al., "AutoAugment", 2018, https://arxiv.org/abs/1805.09501
    """

    _v1_transform_cls = v1.AutoAugment

    def __init__(self, policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET, interpolation: Interpolation = "nearest",
                 fill: Fills = None) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self._policies = policy_steps(policy)

    def change(self, image: Any, height: int, width: int) -> Any:
        table = _table(10, (height, width))
        for name, probability, place in self._policies[draw_integer(0, len(self._policies))]:
            if draw_uniform() <= probability:
                magnitudes, signed = table.get(name, (None, False))
                strength = 0.0 if magnitudes is None or place is None else magnitudes[place]
                image = self._operate(image, name, strength, signed)
        return image


class RandAugment(_Policy):
    """`num_ops` operations, drawn with equal probability, all of one magnitude.

    magnitude: the index in tables of `num_magnitude_bins`. The rest is as in `AutoAugment`.
    Source: Cubuk et al., "RandAugment", 2019, https://arxiv.org/abs/1909.13719
    """

    _v1_transform_cls = v1.RandAugment

    def __init__(self, num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31,
                 interpolation: Interpolation = "nearest", fill: Fills = None) -> None:
        super().__init__(interpolation, fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"num_ops should be a non-negative integer, but got {num_ops} instead.")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def change(self, image: Any, height: int, width: int) -> Any:
        table = {"Identity": (None, False), **_table(self.num_magnitude_bins, (height, width))}
        for _ in range(self.num_ops):
            name, magnitudes, signed = _draw(table)
            image = self._operate(image, name, 0.0 if magnitudes is None else magnitudes[self.magnitude], signed)
        return image


class TrivialAugmentWide(_Policy):
    """One operation with a random magnitude from wide tables. Nothing to tune.

    Arguments are as in `RandAugment`. Source: Müller and Hutter, "TrivialAugment", 2021,
    https://arxiv.org/abs/2103.10158
    """

    _v1_transform_cls = v1.TrivialAugmentWide

    def __init__(self, num_magnitude_bins: int = 31, interpolation: Interpolation = "nearest",
                 fill: Fills = None) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def change(self, image: Any, height: int, width: int) -> Any:
        table = {"Identity": (None, False),
                 **_table(self.num_magnitude_bins, (0, 0), 0.99, (32.0, 32.0), 135.0, 0.99, fewer_bits=6)}
        name, magnitudes, signed = _draw(table)
        strength = 0.0 if magnitudes is None else magnitudes[draw_integer(0, len(magnitudes))]
        return self._operate(image, name, strength, signed)


class AugMix(_Policy):
    """The image mixed with several chains of operations, in random shares, which are each image's own in a batch.

    severity: how many of the ten magnitudes are used, weakest first. mixture_width: the number of chains. chain_depth:
    their length; one to three at random if it is not above zero. alpha: parameter of the distribution of the shares.
    all_ops: also use colour and sharpness, which overlap with the corruptions of ImageNet-C. The rest is as in
    `AutoAugment`. Errors: ValueError for a severity outside 1 to 10.
    Source: Hendrycks et al., "AugMix", 2019, https://arxiv.org/abs/1912.02781
    """

    _v1_transform_cls = v1.AugMix

    def __init__(self, severity: int = 3, mixture_width: int = 3, chain_depth: int = -1, alpha: float = 1.0,
                 all_ops: bool = True, interpolation: Interpolation = "bilinear", fill: Fills = None) -> None:
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def change(self, image: Any, height: int, width: int) -> Any:
        if isinstance(image, pillow.Image):
            return F.to_pil_image(self._mix(F.pil_to_tensor(image), 4, height, width))
        mixed = self._mix(image.as_subclass(Tensor), 5 if isinstance(image, tv_tensors.Video) else 4, height, width)
        return tv_tensors.wrap(mixed, like=image) if isinstance(image, tv_tensors.TVTensor) else mixed

    def _mix(self, image: Tensor, dimensions: int, height: int, width: int) -> Tensor:
        table = _table(10, (height, width), shifts=(width / 3.0, height / 3.0), bits=4)
        if not self.all_ops:
            table = {name: entry for name, entry in table.items() if name not in v1.COLORS}
        batch = image.reshape(*[1] * (dimensions - image.ndim), *image.shape)

        def each(shares: list[float]) -> Tensor:
            return tensor(shares, device=batch.device).reshape(-1, *[1] * (batch.ndim - 1))

        own = draw_several_shares([self.alpha] * 2, len(batch))
        chains = draw_several_shares([self.alpha] * self.mixture_width, len(batch))
        mixed = batch * each([shares[0] for shares in own])
        for i in range(self.mixture_width):
            changed = batch
            for _ in range(self.chain_depth if self.chain_depth > 0 else draw_integer(1, 4)):
                name, magnitudes, signed = _draw(table)
                strength = 0.0 if magnitudes is None else magnitudes[draw_integer(0, self.severity)]
                changed = self._operate(changed, name, strength, signed)
            mixed = mixed + changed * each([chain[i] * shares[1] for chain, shares in zip(chains, own)])
        return mixed.reshape(image.shape).to(image.dtype)


def _table(bins: int, *args: Any, **kwargs: Any) -> dict[str, Magnitudes]:
    """The magnitudes of v1, with the threshold of `Solarize` as a share of white."""
    return {**magnitude_table(bins, *args, **kwargs), "Solarize": (v1.linspace(1.0, 0.0, bins), False)}


def _draw(table: dict[str, Magnitudes]) -> tuple[str, Any, bool]:
    """A random operation: its name, magnitudes, and whether they have a sign."""
    name = list(table)[draw_integer(0, len(table))]
    return name, *table[name]
