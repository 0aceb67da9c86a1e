"""`minidl info --compile`: compile all kernels now, so that no program has to wait for it.

Numba compiles a kernel when it is first used, for the types of its arguments, and keeps the result on disk. So each
kind of layer is used once, on inputs that are large enough for the compiled bodies.
"""
from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable

from minidl import backends, nn, optim
from minidl.backend.dtype import uint8
from minidl.backends.settings import get_float32_matmul_precision, set_float32_matmul_precision
from minidl.nn import functional as F
from minidl.tensors.creation import empty, randint, randn
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as images


def compile_all() -> None:
    """Use every compiled kernel once; a line for each kind of layer says how long that took.

    Errors: RuntimeError without Numba.
    """
    enabled, precision = backends.numba.enabled, get_float32_matmul_precision()
    try:
        backends.numba.enabled = True
        for number, (kind, use) in enumerate(KINDS.items(), start=1):
            print(f"compiling, {number} of {len(KINDS)}: {kind} ...", end=" ", file=sys.stderr, flush=True)
            start = time.perf_counter()
            use()
            print(f"{time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    finally:
        backends.numba.enabled = enabled
        set_float32_matmul_precision(precision)


def _step(layer: Callable[[Tensor], Tensor], x: Tensor) -> None:
    layer(x).square().sum().backward()


def _image(channels: int) -> Tensor:
    """8 images as a convolution gives them, with the channels last in memory."""
    return nn.Conv2d(channels, channels, 1)(randn(8, channels, 32, 32))


def _rows(count: int, width: int) -> Tensor:
    return randn(count, width, requires_grad=True)


def _convolutions() -> None:
    for channels in (16, 32, 64):
        _step(nn.Conv2d(channels, channels, 3, padding=1), _image(channels))
    _step(nn.Conv2d(16, 32, 3, stride=2, padding=1), _image(16))
    set_float32_matmul_precision("high")
    _step(nn.Conv2d(64, 64, 3, padding=1), _image(64))


def _pooling() -> None:
    _step(nn.MaxPool2d(2), _image(16))


def _norms() -> None:
    for affine in (True, False):
        _step(nn.BatchNorm2d(16, affine=affine), _image(16))
        _step(nn.LayerNorm(64, elementwise_affine=affine), _rows(512, 64))
        _step(nn.GroupNorm(4, 16, affine=affine), _image(16))
    nn.BatchNorm2d(16).eval()(_image(16))


def _activations() -> None:
    for layer in (nn.ReLU(), nn.LeakyReLU(), nn.GELU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh()):
        _step(layer, _rows(256, 1024))


def _softmax() -> None:
    for function in (F.softmax, F.log_softmax):
        _step(functools.partial(function, dim=-1), _rows(1024, 64))
    for smoothing in (0.0, 0.1):
        F.cross_entropy(_rows(1024, 64), randint(0, 64, (1024,)),
                        label_smoothing=smoothing).backward()


def _attention() -> None:
    for causal in (False, True):
        q = randn(4, 2, 64, 32, requires_grad=True)
        F.scaled_dot_product_attention(q, q, q, is_causal=causal).square().sum().backward()


def _recurrence() -> None:
    for layer in (nn.LSTM(16, 32), nn.GRU(16, 32)):
        layer(randn(8, 16, 16))[0].square().sum().backward()


def _updates() -> None:
    for make in (lambda p: optim.SGD(p, 0.1), lambda p: optim.SGD(p, 0.1, momentum=0.9), optim.Adam, optim.AdamW):
        weight = nn.Parameter(empty(128, 128).normal_())      # of smaller ones, some are left to NumPy
        optimizer = make([weight])
        for _ in range(2):
            weight.square().sum().backward()
            optimizer.step()


def _transforms() -> None:
    for x in (randint(0, 256, (1, 3, 64, 48), dtype=uint8), randn(1, 3, 64, 48)):
        images.hflip(x)
        images.rotate(x, 30.0, images.InterpolationMode.BILINEAR)
        F.interpolate(x, (24, 32), mode="bilinear", antialias=True)


KINDS: dict[str, Callable[[], None]] = {
    "convolutions": _convolutions, "pooling": _pooling, "norms": _norms, "activations": _activations,
    "softmax and cross-entropy": _softmax, "attention": _attention, "LSTM and GRU": _recurrence,
    "optimizers": _updates, "transforms of images": _transforms}
