"""Base classes of image data sets: root, transforms, and `repr`."""
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from minidl.utils.data.dataset import Dataset

T_co = TypeVar("T_co", covariant=True)
Transform = Callable[[Any], Any]
Transforms = Callable[[Any, Any], tuple[Any, Any]]


class StandardTransform:
    """A transform of input and target from one transform for each."""

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for name, function in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if function is not None:
                first, *others = repr(function).splitlines()
                lines += [f"{name}: {first}", *(" " * (len(name) + 2) + line for line in others)]
        return "\n".join(lines)


class VisionDataset(Dataset[T_co], Generic[T_co]):
    """Base class of image data sets. Subclasses define `__getitem__` and `__len__`.

    root: the folder of the data. transforms: a function of a sample and its target. transform, target_transform:
    instead, one function of each.
    Errors: ValueError if both ways are used.
    """

    def __init__(self, root: str | Path | None = None, transforms: Transforms | None = None,
                 transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.root: Any = None if root is None else type(root)(os.path.expanduser(root))     # str or Path, as it came
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self)")

    def transformed(self, sample: Any, target: Any) -> tuple[Any, Any]:
        """Sample and target after their transforms, which may have been replaced."""
        if self.transforms is not None and not isinstance(self.transforms, StandardTransform):
            return self.transforms(sample, target)
        return StandardTransform(self.transform, self.target_transform)(sample, target)

    def has_transforms(self) -> bool:
        """Whether samples or targets are transformed."""
        joint = None if isinstance(self.transforms, StandardTransform) else self.transforms
        return any(function is not None for function in (self.transform, self.target_transform, joint))

    def extra_repr(self) -> str:
        """More lines for `repr`."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if self.transforms is not None:
            lines.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *("    " + line for line in lines)])
