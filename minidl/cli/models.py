"""`minidl train`, `eval` and `summary` for any model of the registry."""
from __future__ import annotations

import argparse
import inspect
import typing
from collections.abc import Callable

from minidl import optim
from minidl.cli import arguments, ending, images
from minidl.cli.classification import Run
from minidl.cli.images import ImageData
from minidl.metrics import functional as metrics
from minidl.nn import Module
from minidl.tensors.tensor import Tensor
from minidl.train import Classification, weight_decay_groups
from minidl.utils.summary import summary
from minidl.vision import models
from minidl.vision.transforms import batched

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 32},
    "mnist": {"epochs": 5, "batch_size": 128},
    "fashion": {"epochs": 10, "batch_size": 128},
    "cifar10": {"epochs": 15, "batch_size": 128},
    "tinyplaces": {"epochs": 40, "batch_size": 64},
}
RATES = {"sgd": 0.1, "adamw": 1e-3}
LEAST = 28      # pixels a side: smaller images are enlarged, since most models halve them often
LEAST_OF = {"alexnet": 63, "inception_v3": 75}


def add_train(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, models.list_models(models) + models.list_models(models.small))     # no segmentation
    arguments.add_options(parser, DEFAULTS)
    arguments.add_training_options(parser, DEFAULTS)
    parser.add_argument("--optimizer", choices=list(RATES), help="default: adamw for transformers, sgd for others")
    parser.add_argument("--lr", type=arguments.positive_number, metavar="RATE",
                        help="the highest; it rises and falls once (default: "
                             + ", ".join(f"{rate:g} for {name}" for name, rate in RATES.items()) + ")")
    parser.add_argument("--weight-decay", type=arguments.number_between(0), default=5e-4, metavar="D")
    parser.add_argument("--label-smoothing", type=arguments.number_between(0, 1), default=0.0, metavar="S")
    arguments.add_keeping_options(parser)
    parser.set_defaults(run_command=train)


def add_eval(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, models.list_models(models) + models.list_models(models.small))     # no segmentation
    arguments.add_options(parser, DEFAULTS)
    parser.add_argument("--weights", type=arguments.Path, metavar="FILE", required=True)
    parser.add_argument("--on", dest="evaluate", default="test", metavar="WHAT",
                        help="test (default), train, or a folder with a folder of images for each class")
    parser.set_defaults(run_command=evaluate, run=None, resume=False, save=None)


def add_summary(parser: argparse.ArgumentParser) -> None:
    _add_model(parser, models.list_models())
    for name, what in (("size", "pixels a side of the images"), ("channels", "of the images"), ("classes", "to tell")):
        parser.add_argument(f"--{name}", type=arguments.whole_number(1), metavar="N",
                            help=f"{what} (default: the model's own)")
    table = parser.add_mutually_exclusive_group()
    table.add_argument("--depth", type=arguments.whole_number(0), metavar="N", help="how deep to look into modules")
    table.add_argument("--by-layer", action="store_true",
                       help="a lecture's table: sizes, windows, memory, parameters and multiply-adds of each layer")
    parser.set_defaults(run_command=summarise)


def train(args: argparse.Namespace) -> None:
    """Train a model with one cycle of the learning rate.

    Images are shifted and, except for digits, mirrored at random.
    """
    args = arguments.checked(args, DEFAULTS)
    model, data = _begin(args)
    run = Run(args, data, model, args.model)
    shift = batched.RandomShift(data.size // 8)
    batches = run.batches(batched.Compose([shift, batched.RandomHorizontalFlip()]) if data.mirrored else shift)
    kind = args.optimizer or ("adamw" if args.model.startswith(("vit", "cct")) else "sgd")
    rate, groups = args.lr or RATES[kind], weight_decay_groups(model, args.weight_decay)
    optimizer = optim.AdamW(groups, lr=rate) if kind == "adamw" else \
        optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=args.epochs * len(batches))
    run.train(batches, optimizer, schedule=schedule, objective=Classification(args.label_smoothing))
    run.end()


def evaluate(args: argparse.Namespace) -> None:
    """Say how good weights are, by several figures."""
    args = arguments.checked(args, DEFAULTS)
    model, data = _begin(args)
    run = Run(args, data, model, args.model)
    scores = run.predict(run.images)

    def figure(metric: Callable[..., Tensor], **settings: str | int) -> str:
        value = metric(scores.softmax(1), run.images.y, task="multiclass", num_classes=len(data.classes), **settings)
        return f"{value.item():.2%}"
    print(f"balanced accuracy {figure(metrics.accuracy, average='macro')}, "
          f"top-3 accuracy {figure(metrics.accuracy, average='micro', top_k=3)}, "
          f"F1 {figure(metrics.f1_score, average='macro')}, calibration error {figure(metrics.calibration_error)}")
    run.end(scores)


def summarise(args: argparse.Namespace) -> None:
    """Print the layers of a model."""
    usual = inspect.signature(models.get_model_builder(args.model)).parameters
    channels, size = args.channels, args.size or _size_of(args.model)
    if "in_channels" not in settings_of(args.model):
        channels = 3
    elif channels is None:
        channels = usual["in_channels"].default if "in_channels" in usual else 3
    model = build(args.model, args.classes, channels, size)
    try:
        found = summary(model, (1, channels, size, size), depth=args.depth)
    except (RuntimeError, ValueError, MemoryError) as error:    # nothing is left of small images, or the size is fixed
        ending.stop(f"{args.model} takes no images of {size}x{size}: {error}; try --size 224")
    print(found.by_layer() if args.by_layer else found)


def _size_of(name: str) -> int:
    """The pixels of the images that a model is made for: of its trained weights, or by its default; otherwise 32."""
    usual = inspect.signature(models.get_model_builder(name)).parameters
    if "weights" in usual:
        preset = models.get_model_weights(name).DEFAULT.transforms()
        return (preset.crop_size or preset.resize_size)[0]
    return usual["image_size"].default if "image_size" in usual else 32


def build(name: str, classes: int | None, channels: int, size: int, **settings: object) -> Module:
    """Build a model; pass the numbers and settings that its builder takes.

    classes: None leaves it the model's own number.
    """
    wanted = {"in_channels": channels, "image_size": size, **settings,
              **({} if classes is None else {"num_classes": classes})}
    taken = settings_of(name)
    try:
        return models.get_model(name, **{key: value for key, value in wanted.items() if key in taken})
    except ValueError as error:                     # no whole number of patches, for example
        ending.stop(f"{name} takes no images of {size}x{size}: {error}")


def settings_of(name: str) -> set[str]:
    """The parameters of a model's builder, those behind `**kwargs` included."""
    builder = models.get_model_builder(name)
    parameters = set(inspect.signature(builder).parameters)
    if "kwargs" in parameters:
        parameters |= set(inspect.signature(typing.get_type_hints(builder)["return"]).parameters)
    return parameters


def _add_model(parser: argparse.ArgumentParser, names: list[str]) -> None:
    names = [name for name in names if "num_classes" in settings_of(name)]
    parser.add_argument("model", choices=names, metavar="MODEL", help=", ".join(names))


def _begin(args: argparse.Namespace) -> tuple[Module, ImageData]:
    data = images.load(args).enlarged(LEAST_OF.get(args.model, LEAST))
    if "in_channels" not in settings_of(args.model):
        data = data.coloured()
    model = build(args.model, len(data.classes), data.channels, data.size, aux_logits=False)      # one head learns
    if isinstance(model, models.SpeedNet):
        model.whiten_(data.normalise(data.train.x[:5000]).cpu())
    return model.to(args.device), data
