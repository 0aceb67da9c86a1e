"""Trained weights under torchvision's names: a row of weights.csv each, and what a builder does with `weights=`."""
from __future__ import annotations

import csv
import functools
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, EnumMeta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from minidl import hub
from minidl.backend.warn import warn
from minidl.nn.module import Module
from minidl.vision.models.registry import get_model, get_model_builder, list_models, register_model
from minidl.vision.transforms import InterpolationMode
from minidl.vision.transforms._presets import ImageClassification, ObjectDetection, SemanticSegmentation

__all__ = ["Weights", "WeightsEnum", "get_model", "get_model_builder", "get_model_weights", "get_weight",
           "list_models", "register_model"]

FOLDER = Path(__file__).parent / "weights"
ADDRESS = "https://download.pytorch.org/models/"
SOURCE = "https://github.com/pytorch/vision/"
LICENSES = {"SWAG": "https://github.com/facebookresearch/SWAG/blob/main/LICENSE"}
NORMALIZE: dict[str, dict[str, tuple[float, ...]]] = {
    "imagenet": {},                                     # the presets' own
    "half": {"mean": (0.5,) * 3, "std": (0.5,) * 3},
    "caffe": {"mean": (0.48235, 0.45882, 0.40784), "std": (1 / 255,) * 3},
}


@dataclass
class Weights:
    """Where trained weights are, what images they expect, and what is known of them.

    url: the address of the file. transforms: makes the preprocessing. meta: categories, num_params, min_size, recipe;
    accuracies in `_metrics`, billions of multiply-adds in `_ops`, megabytes in `_file_size`.
    """

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Weights):
            return NotImplemented
        return (self.url, self.meta, _parts(self.transforms)) == (other.url, other.meta, _parts(other.transforms))


def _parts(function: Callable[..., Any]) -> Any:
    """What makes two partial functions equal: a copy of one is not, by itself."""
    return (function.func, function.args, function.keywords) if isinstance(function, functools.partial) else function


class _WeightsMeta(EnumMeta):
    if typing.TYPE_CHECKING:
        def __getattr__(cls, name: str) -> WeightsEnum: ...


class WeightsEnum(Enum, metaclass=_WeightsMeta):
    """The trained weights of one model; its members are `Weights`, and `DEFAULT` is the best of them.

        >>> import minidl
        >>> from minidl.vision import models
        >>> weights = models.ResNet50_Weights.DEFAULT
        >>> weights, weights.meta["num_params"], weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        (ResNet50_Weights.IMAGENET1K_V2, 25557032, 80.858)
        >>> weights.transforms()(minidl.rand(3, 300, 400)).shape
        (3, 224, 224)
    """

    @classmethod
    def verify(cls, obj: Any) -> Any:
        """The member that `obj` is or names; None for None.

        Errors: KeyError for an unknown name; TypeError for weights of another model, and what is no weights.
        """
        if isinstance(obj, str):
            name = obj.replace(f"{cls.__name__}.", "")
            if name not in cls.__members__:
                raise KeyError(f"{cls.__name__} has no weights {name!r}, but {', '.join(cls.__members__)}")
            return cls[name]
        if obj is not None and not isinstance(obj, cls):
            raise TypeError(f"Invalid Weight class provided; expected {cls.__name__} but received "
                            f"{type(obj).__name__}.")
        return obj

    def get_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Download the file, unless it is there, and load it. Arguments: of `hub.load_state_dict_from_url`."""
        return hub.load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    @property
    def url(self) -> str:
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        return self.value.meta


# ---------------------------------------------------------------------- from the table

ENUMS: dict[str, type[WeightsEnum]] = {}
"""The enums of all models by name."""


def weights_of(name: str, module: str) -> type[WeightsEnum]:
    """The enum of this name, of the rows of weights.csv. module: that which has it, by which a pickle finds it."""
    rows = _table()[name]
    members = {row["weights"]: _weights(row) for row in rows}
    members["DEFAULT"] = next(members[row["weights"]] for row in rows if row["default"])
    make: Any = WeightsEnum
    ENUMS[name] = make(name, members, module=module)
    return ENUMS[name]


@functools.cache
def _table() -> dict[str, list[dict[str, str]]]:
    """The rows of weights.csv by the enum."""
    found: dict[str, list[dict[str, str]]] = {}
    with open(FOLDER / "weights.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["enum"], []).append(row)
    return found


def _categories(name: str) -> list[str] | None:
    """What the outputs stand for; None where there are none."""
    return _names(f"{name}_categories") if name else None


@functools.cache
def _names(file: str) -> list[str]:
    return (FOLDER / f"{file}.txt").read_text(encoding="utf-8").splitlines()


def _weights(row: dict[str, str]) -> Weights:
    """Of one row of the table."""
    transforms, data, measured = _detecting(row) if not row["resize"] else _looking(row)
    metrics = [float(row[key] or math.nan) for key in ("metric_1", "metric_2")]
    meta = {
        "categories": _categories(row["categories"]), "num_params": int(row["parameters"]),
        "min_size": (int(row["min_size"]),) * 2, "recipe": row["recipe"].replace("vision:", SOURCE),
        "_metrics": {data: dict(zip(measured, metrics))}, "_ops": float(row["giga_ops"]),
        "_file_size": float(row["megabytes"]), "_docs": row["training"],
    }
    if row["license"]:
        meta["license"] = LICENSES[row["license"]]
    if "kp_map" in measured:
        meta["keypoint_names"] = _names("coco_person_keypoints")
    return Weights(ADDRESS + row["file"], transforms, meta)


def _detecting(row: dict[str, str]) -> tuple[Callable[..., Any], str, tuple[str, ...]]:
    """The preprocessing of a detector; on what it was measured, and how."""
    more = {"maskrcnn": "mask_map", "keypointrcnn": "kp_map"}.get(row["model"].partition("_")[0])
    return ObjectDetection, "COCO-val2017", ("box_map", more) if more else ("box_map",)


def _looking(row: dict[str, str]) -> tuple[Callable[..., Any], str, tuple[str, ...]]:
    """The same of a network that resizes its image to that of its training: a classifier, or one that names pixels."""
    settings: dict[str, Any] = {"interpolation": InterpolationMode(row["interpolation"]), **NORMALIZE[row["normalize"]],
                                "resize_size": int(row["resize"])}
    if row["crop"]:
        preset = functools.partial(ImageClassification, crop_size=int(row["crop"]), **settings)
        return preset, "ImageNet-1K", ("acc@1", "acc@5")
    return functools.partial(SemanticSegmentation, **settings), "COCO-val2017-VOC-labels", ("miou", "pixel_acc")


def get_weight(name: str) -> WeightsEnum:
    """The weights of this full name.

    Errors: ValueError for what is no full name, and for an unknown enum; KeyError for an unknown member.

        >>> from minidl.vision import models
        >>> models.get_weight("ResNet50_Weights.IMAGENET1K_V1").url
        'https://download.pytorch.org/models/resnet50-0676ba61.pth'
    """
    enum, dot, member = name.partition(".")
    if not dot or "." in member:
        raise ValueError(f"Invalid weight name provided: '{name}'. Try a name such as 'ResNet50_Weights.DEFAULT'")
    if enum not in ENUMS:
        raise ValueError(f"The weight enum '{enum}' for the specific method couldn't be retrieved.")
    return ENUMS[enum].verify(member)


def get_model_weights(name: Callable[..., Module] | str) -> type[WeightsEnum]:
    """The enum of a model's weights. name: of the model, or its builder.

    Errors: ValueError for an unknown name, and for a model without weights.

        >>> from minidl.vision import models
        >>> list(models.get_model_weights("mobilenet_v2"))
        [MobileNet_V2_Weights.IMAGENET1K_V1, MobileNet_V2_Weights.IMAGENET1K_V2]
    """
    builder = get_model_builder(name) if isinstance(name, str) else name
    if "weights" not in inspect.signature(builder).parameters:
        raise ValueError(f"The method is missing the 'weights' argument: {builder.__name__} has no trained weights.")
    hint = typing.get_type_hints(builder).get("weights")
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, WeightsEnum):
            return kind
    raise ValueError("The WeightsEnum class for the specific method couldn't be retrieved. Make sure the typing info "
                     "is correct.")


# ---------------------------------------------------------------------- what builders do

Net = TypeVar("Net", bound=Module)
Built = TypeVar("Built", bound=Module, covariant=True)


class Builder(Protocol[Built]):
    """A function that builds a model, perhaps with trained weights."""

    __name__: str

    def __call__(self, *args: Any, weights: WeightsEnum | str | bool | None = None, progress: bool = True,
                 **kwargs: Any) -> Built: ...


def takes_weights(enum: type[WeightsEnum], *, backbone: type[WeightsEnum] | None = None,
                  settings: Callable[[WeightsEnum], Mapping[str, Any]] = lambda weights: {},
                  defaults: Mapping[str, Any] | None = None,
                  finish: Callable[[Any, Mapping[str, Any]], None] = lambda model, given: None,
                  ) -> Callable[[Callable[..., Net]], Builder[Net]]:
    """Give a builder the arguments `weights` and `progress`, and the older `pretrained`.

    Args:
        enum: the weights that it takes.
        backbone: those that its argument weights_backbone takes, if it has one.
        settings: the arguments that weights demand beside num_classes; others are refused. One whose name starts with
            an underscore is not the user's.
        defaults: arguments that weights change where the caller gives none.
        finish: called with the model that has its weights, and the arguments of the caller.
    """
    older = {"weights": ("pretrained", enum), "weights_backbone": ("pretrained_backbone", backbone)}

    def decorate(build: Callable[..., Net]) -> Builder[Net]:
        inner = inspect.signature(build)
        hints = {"weights": typing.Optional[enum], "progress": bool}    # noqa: UP045  (it is made at run time)
        own = [p if p.kind is p.VAR_KEYWORD else p.replace(kind=p.KEYWORD_ONLY) for p in inner.parameters.values()
               if not p.name.startswith("_")]
        parameters = [*(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[name])
                        for name, default in (("weights", None), ("progress", True))), *own]
        named = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]

        @functools.wraps(build)
        def builder(*args: Any, **kwargs: Any) -> Net:
            _by_name(build.__name__, named, args, kwargs)
            for name, (old, kind) in older.items():
                if kind is not None:
                    _modern(build.__name__, name, old, kind, kwargs)
            weights, progress = enum.verify(kwargs.pop("weights", None)), kwargs.pop("progress", True)
            if weights is None:
                return build(**kwargs)
            arguments = {**(defaults or {}), **kwargs}
            if backbone is not None:
                arguments["weights_backbone"] = None        # its weights are among those of the whole
            demanded = dict(settings(weights))
            if weights.meta["categories"] is not None:
                demanded["num_classes"] = len(weights.meta["categories"])
            for name, value in demanded.items():
                if kwargs.get(name, value) not in (None, value):
                    raise ValueError(f"The parameter '{name}' expected value {value} but got {kwargs[name]} instead.")
                arguments[name] = value
            model = build(**arguments)
            model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
            finish(model, kwargs)
            return model

        told: Any = builder
        told.__signature__ = inner.replace(parameters=parameters)
        told.__annotations__ = {**build.__annotations__, **hints}
        return told
    return decorate


def _by_name(who: str, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Move arguments by position into kwargs: as in the older interface, with a warning."""
    if not args:
        return
    given = dict(zip(names, args))
    twice = [name for name in given if name in kwargs]
    if len(args) > len(names) or twice:
        raise TypeError(f"{who}: expected its arguments by name, but got {len(args)} by position"
                        + (f", and {twice[0]} twice" if twice else ""))
    kwargs.update(given)
    warn(f"Using {' and '.join(map(repr, given))} as positional parameter(s) is deprecated since 0.13 and may be "
         f"removed in the future. Please use keyword parameter(s) instead.")


def _modern(who: str, name: str, old: str, enum: type[WeightsEnum], kwargs: dict[str, Any]) -> None:
    """`modern_weights`, where the older interface means the first weights that there were."""
    def default(given: Mapping[str, Any]) -> WeightsEnum | None:
        preferred = ["IMAGENET1K_V1", "COCO_WITH_VOC_LABELS_V1", "COCO_V1"]
        if given[old] == "legacy":
            preferred.insert(0, "COCO_LEGACY")
        if name == "weights_backbone":
            preferred.insert(0, "IMAGENET1K_FEATURES")      # of a VGG, for a detector
        return next((enum[member] for member in preferred if member in enum.__members__), None)
    modern_weights(who, name, old, default, kwargs)


def modern_weights(who: str, name: str, old: str, default: Callable[[dict[str, Any]], object],
                   kwargs: dict[str, Any]) -> None:
    """Put the weights into kwargs that pretrained=True means, or a truth value in their place, with warnings.

    default: the weights that True means, for the arguments of the call. Errors: ValueError where there are none.
    """
    value, by_position = kwargs.get(name), name in kwargs
    if by_position and (value is None or isinstance(value, WeightsEnum) or isinstance(value, str)
                        and value != "legacy") or not by_position and old not in kwargs:
        return
    if by_position:
        kwargs[old] = kwargs.pop(name)
    weights = default(kwargs) if kwargs[old] else None
    if kwargs.pop(old) and not isinstance(weights, WeightsEnum):
        raise ValueError(f"No weights available for model {who}")
    if not by_position:
        warn(f"The parameter '{old}' is deprecated since 0.13 and may be removed in the future, please use '{name}' "
             f"instead.")
    text = f"Arguments other than a weight enum or `None` for '{name}' are deprecated since 0.13 and may be removed " \
           f"in the future. The current behavior is equivalent to passing `{name}={weights}`."
    if weights is not None:
        text += f" You can also use `{name}={type(weights).__name__}.DEFAULT` to get the most up-to-date weights."
    warn(text)
    kwargs[name] = weights
