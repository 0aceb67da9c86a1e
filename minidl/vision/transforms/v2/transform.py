"""The base of all transforms of v2: what in a sample is transformed, and with which random numbers."""
from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from PIL import Image as pillow

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms.draws import draw_uniform
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor, kernel_for
from minidl.vision.transforms.v2.samples import Check, check_type, has_any
from minidl.vision.transforms.v2.structure import flatten


class Transform(Module):
    """Base class of transforms. A subclass defines `transform`, and `make_params` if it draws random numbers.

    A transform takes a sample: one input, or several, or dicts, lists, tuples and dataclasses of inputs. Images,
    videos, masks, boxes and key points are transformed with the same random numbers; all else is passed through. A
    plain tensor counts as an image, but only the first one does, and none beside an Image, a Video or a PIL image.

        >>> import minidl
        >>> from minidl.vision.transforms import v2
        >>> class Twice(v2.Transform):
        ...     def transform(self, inpt, params):
        ...         return inpt * 2
        >>> Twice()({"image": minidl.ones(2), "label": 3})
        {'image': tensor([2., 2.]), 'label': 3}
    """

    _transformed_types: tuple[Check, ...] = (Tensor, pillow.Image)
    _v1_transform_cls: type | None = None       # the class of v1 of this name: it has `get_params`

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls._v1_transform_cls, "get_params"):
            cls.get_params = staticmethod(cls._v1_transform_cls.get_params)     # type: ignore

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raise an error for samples that cannot be transformed."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the parameters, which all inputs of a sample share. flat_inputs: those that will be transformed."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Transform one input."""
        raise NotImplementedError(f"{type(self).__name__} has no transform(self, inpt, params)")

    def _call_kernel(self, functional: Callable[..., Any], inpt: Any, *args: Any, **kwargs: Any) -> Any:
        """Apply a function of `v2.functional`; pass through what it has no kernel for."""
        return kernel_for(functional, type(inpt), allow_passthrough=True)(inpt, *args, **kwargs)

    def _is_applied(self) -> bool:
        """Whether to transform this sample."""
        return True

    def forward(self, *inputs: Any) -> Any:
        """Transform a sample. Define `transform` rather than this."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves, rebuild = flatten(sample)
        self.check_inputs(leaves)
        if not self._is_applied():
            return sample
        wanted = self._needs_transform_list(leaves)
        params = self.make_params([leaf for leaf, needed in zip(leaves, wanted) if needed])
        return rebuild([self.transform(leaf, params) if needed else leaf for leaf, needed in zip(leaves, wanted)])

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        """Which of the inputs are transformed."""
        if len(flat_inputs) == 1:
            return [check_type(flat_inputs[0], self._transformed_types)]
        plain_is_image = not has_any(flat_inputs, tv_tensors.Image, tv_tensors.Video, pillow.Image)
        wanted = []
        for inpt in flat_inputs:
            needed = check_type(inpt, self._transformed_types)
            if needed and is_pure_tensor(inpt):
                needed, plain_is_image = plain_is_image, False
            wanted.append(needed)
        return wanted

    def extra_repr(self) -> str:
        shown = (bool, int, float, str, tuple, list, Enum)
        return ", ".join(f"{name}={value}" for name, value in vars(self).items()
                         if name[0] != "_" and name != "training" and isinstance(value, shown))


class RandomApplyTransform(Transform):
    """Base class of transforms that are applied with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        super().__init__()
        self.p = p

    def _is_applied(self) -> bool:
        return draw_uniform() < self.p
