"""Every network of `vision.models` as ONNX: `python -m tests.onnx.zoo [NAME ...]` prints what differs, and how much.

Each is exported with two small images and a free batch axis, and run by onnxruntime with two and with three.
"""
from __future__ import annotations

import io
import sys
import time
import warnings

import minidl
from minidl import nn
from minidl.vision import models
from tests.onnx.agree import distance, no_zeros, session

SHAPES = {"alexnet": (3, 64, 64), "dcgan_discriminator": (3, 64, 64), "dcgan_generator": (100, 1, 1),
          "deconvnet": (3, 224, 224), "inception_v3": (3, 75, 75), "lenet5": (1, 28, 28), "lenet_caffe": (1, 28, 28),
          "unet": (1, 28, 28), "vit_mnist": (1, 28, 28), "maxvit_t": (3, 224, 224)}
BODIES = ("rcnn", "retinanet", "fcos", "ssd")
TOO_LARGE = ("regnet_y_128gf", "vit_h_14")
"""More than 2 GiB of parameters."""


class Body(nn.Module):
    """A detector up to what is not fixed in number: its features, and what its heads say of them."""

    def __init__(self, detector):
        super().__init__()
        self.backbone = detector.backbone
        self.head = detector.rpn.head if hasattr(detector, "rpn") else detector.head

    def forward(self, x):
        features = list(self.backbone(x).values())
        return features, self.head(features)


def shape_of(name):
    if name in SHAPES:
        return SHAPES[name]
    if name.startswith(("vit_b", "vit_l_")):
        return 3, 224, 224
    size = 320 if "320" in name else 300 if "300" in name else 64 if any(body in name for body in BODIES) else 32
    return 3, size, size


def network(name):
    """The network with drawn parameters; of a detector its body."""
    minidl.manual_seed(0)
    if any(body in name for body in BODIES):
        return no_zeros(Body(models.get_model(name, weights=None, weights_backbone=None)))
    return no_zeros(models.get_model(name))


def measure(name):
    """The largest difference with two images and with three, and the seconds that the export took."""
    model, shape, file = network(name), shape_of(name), io.BytesIO()
    start = time.perf_counter()
    minidl.onnx.export(model, minidl.rand(2, *shape), file, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
    seconds = time.perf_counter() - start
    runner = session(file.getvalue())
    return max(distance(runner, model, minidl.rand(n, *shape)) for n in (2, 3)), seconds


def main(names):
    worst = 0.0
    names = names or [name for name in models.list_models() if name not in TOO_LARGE]
    for name in names:
        apart, seconds = measure(name)
        worst = max(worst, apart)
        print(f"{name:40} {apart:.1e} {seconds:6.1f} s{'' if apart < 1e-5 else '   more than 1e-5'}", flush=True)
    print(f"{len(names)} networks, at most {worst:.1e} apart")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
