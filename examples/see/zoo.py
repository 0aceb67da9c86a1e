"""The network to look into by name: the small one that learns here, or one of the zoo with weights of ImageNet."""
from __future__ import annotations

import textwrap
from pathlib import Path

import nets

import minidl
from minidl import nn
from minidl.cli import classification, ending, images
from minidl.vision import models


class Normalised(nn.Module):
    """One of the zoo's networks, for images with values from 0 to 1."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", minidl.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("std", minidl.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.model((x - self.mean) / self.std)


def add_model(parser) -> None:
    parser.add_argument("--model", default="net", metavar="NAME",
                        help="a network of the zoo, such as alexnet or vgg16, with --weights FILE of ImageNet")


def data_of(args) -> nets.Data | None:
    """What the small network learns; one of the zoo brings no data."""
    return nets.load(args) if args.model == "net" else None


def model_of(args, data: nets.Data | None, check=lambda model: None) -> nn.Module:
    """The network that learns the data, or one of the zoo; check: as for `nets.learned`."""
    if data:
        return nets.learned(args, data, check=check)
    try:
        model = models.get_model(args.model)
    except ValueError as error:
        ending.stop(f"--model: {error}")
    if args.weights:
        classification.load_weights(model, args.weights, args.device)
    else:
        print(f"{args.model} has learned nothing; --weights FILE brings what it knows")
    model = Normalised(model).to(args.device).eval()
    check(model)
    return model


def check_layers(model: nn.Module, names: list[str]) -> None:
    """End the program if the network has no layer of one of the names."""
    layers = dict(model.named_modules())
    if unknown := [name for name in names if name not in layers]:
        known = textwrap.shorten(", ".join(filter(None, layers)), 400, placeholder=" and others")
        ending.stop(f"--layer: there is no {unknown[0]}; there are {known}")


def read(path: Path, size: int) -> minidl.Tensor:
    """The middle of an image, (1, 3, size, size) from 0 to 1."""
    return minidl.tensor(images.photograph(path, size)).permute(2, 0, 1)[None].float() / 255
