"""The kernel seam, and every faster body against the generic one that is its specification."""
from __future__ import annotations

import importlib
import itertools
import pkgutil
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.backend.cpu
import minidl.backend.kernels
from minidl.backend.device import get_library, is_array, library_of
from minidl.backend.kernel import Bodies, Body, Kernel, kernel, layers, prefer, register, registry
from minidl.backend.kernel import bodies as every_body
from minidl.backend.kernels.attention import AttentionPlan, attention_forward
from minidl.backend.kernels.conv import ConvGeometry
from minidl.backend.kernels.grid import Sampling
from minidl.backend.kernels.packed import steps_of
from minidl.backend.kernels.pool import PoolGeometry
from minidl.backend.kernels.resize import Rounding, taps_of
from minidl.backend.kernels.rnn import GRUTrace, LSTMState, LSTMTrace, Weights
from minidl.optim.adadelta import AdadeltaSettings
from minidl.optim.adagrad import AdagradSettings
from minidl.optim.adam import AdamSettings
from minidl.optim.adamax import AdamaxSettings
from minidl.optim.asgd import ASGDSettings
from minidl.optim.nadam import NAdamSettings
from minidl.optim.rmsprop import RMSpropSettings
from minidl.optim.rprop import RpropSettings
from minidl.optim.sgd import SGDSettings
from tests import strict_array
from tests.strict_array import StrictArray

if minidl.backends.numba.is_available():
    importlib.import_module("minidl.backend.compiled")      # registers its bodies, without switching to them

if strict_array.tested.type == "cuda":
    get_library(strict_array.tested)                        # registers bodies, too

for package in (minidl.backend.kernels, minidl.backend.cpu):
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")


def r(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def causal(*shape: int) -> np.ndarray:
    """Random scores, -inf for later keys: the first query sees one."""
    return np.where(np.tri(*shape, dtype=bool), r(*shape), np.float32(-np.inf))


def last(*shape: int) -> np.ndarray:
    """Random images, channels-last in memory."""
    N, C, H, W = shape
    return r(N, H, W, C).transpose(0, 3, 1, 2)


def groups(*shape: int) -> np.ndarray:
    """Random images in groups of channels, channels-last in memory."""
    N, G, C, H, W = shape
    return last(N, G * C, H, W).reshape(shape)


def i(high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, shape)


def large(count: int) -> list[np.ndarray]:
    """Positive numbers, so many that the work is shared out."""
    return [abs(r(200, 700)) + 0.1 * i for i in range(count)]


def attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, plan: AttentionPlan) -> tuple[Any, ...]:
    """The arguments of `attention_grad` after a forward pass."""
    y, log_sums = attention_forward.generic(q, k, v, None, plan)
    return y[..., ::-1, :].copy(), q, k, v, None, y, log_sums, plan, False


SAME = ConvGeometry((1, 1), (1, 1), (1, 1), 1)
VALID = SAME._replace(padding=(0, 0))
STRIDED = ConvGeometry((2, 1), (1, 0), (1, 2), 1)
SKEWED = ConvGeometry((2, 3), (1, 0), (1, 2), 1)
DEPTHWISE = SAME._replace(groups=6)
WALK = steps_of([90, 90, 50, 7], reverse=False)      # the last ones are shorter than the share of a thread
BACK = steps_of([90, 90, 50, 7], reverse=True)
HALVES = PoolGeometry((2, 2), (2, 2), (0, 0), (1, 1), False)
OVERLAP = PoolGeometry((3, 3), (2, 2), (1, 1), (1, 1), True)

PAIRS = taps_of(np.arange(138) // 2, (np.arange(138) + 1) // 2, np.float64([800, 224] * 69), (69, 70))

OF_ARRAYS = (LSTMState, LSTMTrace, GRUTrace, Weights)       # records of arrays that are on the kernel's device

# kernel name -> arguments for a few calls; the registry-wide tests below read them
SAMPLES: dict[str, list[tuple[Any, ...]]] = {
    "conv2d_forward": [
        (r(2, 3, 6, 7), r(4, 3, 3, 3), SAME), (last(2, 9, 6, 7), r(4, 9, 3, 3), STRIDED),
        (r(2, 9, 6, 7), r(4, 9, 1, 1), VALID), (r(2, 6, 5, 5), r(6, 1, 3, 3), DEPTHWISE),
        (r(2, 6, 5, 5), r(4, 3, 3, 3), SAME._replace(groups=2)), (r(0, 9, 5, 5), r(4, 9, 3, 3), SAME),
        (last(9, 48, 12, 11), r(50, 48, 3, 3) / 20, SAME),
        (r(9, 50, 13, 12), r(48, 50, 3, 3) / 20, SAME._replace(padding=(2, 0))),
        (last(2, 16, 32, 31), r(16, 16, 3, 3) / 10, SAME), (last(7, 8, 9, 8), r(5, 8, 3, 2) / 5, SKEWED),
        (last(2, 300, 3, 2), r(260, 300, 1, 1) / 20, VALID), (last(2, 60, 6, 5), r(190, 60, 2, 3) / 20, SKEWED),
        (r(2, 3, 6, 7), r(4, 3, 3, 3), SAME, r(4)), (r(2, 6, 5, 5), r(6, 1, 3, 3), DEPTHWISE, r(6)),
        (r(2, 6, 5, 5), r(4, 3, 3, 3), SAME._replace(groups=2), r(4)),
        (last(9, 48, 12, 11), r(50, 48, 3, 3) / 20, SAME, r(50)), (last(7, 8, 9, 8), r(5, 8, 3, 2) / 5, SKEWED, r(5))],
    "conv2d_input_grad": [
        (r(2, 4, 6, 7), r(4, 9, 3, 3), (6, 7), SAME), (last(2, 4, 3, 3), r(4, 9, 3, 3), (6, 7), STRIDED),
        (r(2, 4, 2, 3), r(4, 9, 5, 5), (6, 7), VALID), (r(2, 6, 5, 5), r(6, 1, 3, 3), (5, 5), DEPTHWISE),
        (r(2, 4, 6, 7), r(4, 3, 3, 3), (6, 7), SAME), (last(7, 5, 5, 2), r(5, 8, 3, 2) / 5, (9, 8), SKEWED),
        (last(3, 16, 16, 15), r(16, 9, 3, 3) / 10, (32, 31), SAME._replace(stride=(2, 2))),
        (last(3, 32, 11, 9), r(32, 16, 2, 3) / 10, (12, 9), VALID._replace(padding=(0, 1)))],
    "conv2d_weight_grad": [
        (r(2, 3, 6, 7), r(2, 4, 6, 7), (3, 3), SAME), (last(2, 9, 6, 7), last(2, 4, 3, 3), (3, 3), STRIDED),
        (last(9, 48, 12, 11), last(9, 50, 12, 11) / 20, (3, 3), SAME),
        (r(9, 50, 13, 12), r(9, 48, 11, 10) / 20, (3, 3), VALID),
        (r(2, 9, 6, 7), r(2, 4, 6, 7), (1, 1), VALID), (r(2, 6, 5, 5), r(2, 6, 5, 5), (3, 3), DEPTHWISE),
        (last(2, 16, 32, 31), last(2, 16, 32, 31) / 20, (3, 3), SAME),
        (last(7, 8, 9, 8), last(7, 5, 5, 2) / 5, (3, 2), SKEWED)],
    "conv2d_parameter_grads": [
        (r(2, 3, 6, 7), r(2, 4, 6, 7), (3, 3), SAME), (last(2, 9, 6, 7), last(2, 4, 3, 3), (3, 3), STRIDED),
        (r(2, 64, 6, 7), r(2, 4, 6, 7), (1, 1), VALID), (r(2, 6, 5, 5), r(2, 6, 5, 5), (3, 3), DEPTHWISE),
        (last(2, 16, 32, 31), last(2, 16, 32, 31) / 20, (3, 3), SAME)],
    "matmul": [
        (r(3, 4), r(4, 5)),
        (r(257, 90), r(3, 90, 70)),
        (r(70, 90), r(3, 90, 257)),
        (r(7, 130), r(130, 300)),
        (r(2, 3, 4), r(2, 4, 5)),
        (r(257, 128), r(128, 200)),
        (r(90, 300), r(300, 257)),
        (r(5, 2, 100, 70), r(5, 2, 70, 90)),
        (r(200, 300).T, r(200, 150)),
        (r(4), r(4)),
        (r(300, 200).round().astype("e"), r(200, 90).round().astype("e"))],     # whole numbers: no sum is rounded
    "linear_forward": [(r(3, 4), r(5, 4), r(5)), (r(3, 4), r(5, 4), None), (r(700, 90), r(300, 90) / 9, r(300)),
                       (r(90, 700).T, r(300, 90) / 9, r(300)), (r(40, 70).T, r(3, 40), r(3))],
    "linear_parameter_grads": [(r(3, 4), r(3, 5)), (r(70, 128), r(70, 1)), (r(90, 70).T, r(70, 65)),
                               (r(700, 90), r(700, 300)), (r(0, 4), r(0, 5))],
    "attention_forward": [(r(3, 4, 5), r(3, 6, 5), r(3, 6, 2), None, AttentionPlan(0.5, True)),
                          (r(3, 2, 4, 5), r(3, 2, 6, 5), r(3, 2, 6, 2), r(3, 2, 4, 6), AttentionPlan(0.5)),
                          (r(2, 3, 370, 8), r(2, 3, 200, 8), r(2, 3, 200, 5), None, AttentionPlan(0.5)),
                          (r(70, 8), r(70, 8), r(70, 5), None, AttentionPlan(0.5, True))],
    "attention_grad": [
        (r(3, 2, 4, 2), r(3, 2, 4, 5), r(3, 2, 6, 5), r(3, 2, 6, 2), r(3, 2, 4, 6), r(3, 2, 4, 2), r(3, 2, 4, 1),
         AttentionPlan(0.5), True), *[attended(*args) for args in (
            (r(2, 3, 370, 8), r(2, 3, 200, 8), r(2, 3, 200, 5), AttentionPlan(0.5)),
            (r(70, 8), r(70, 8), r(70, 5), AttentionPlan(0.5, True)),
            *[(r(2, 3, wide), r(2, keys, wide), r(2, keys, out), AttentionPlan(0.5))     # nothing of one kind
              for wide, keys, out in ((0, 4, 5), (5, 0, 4), (5, 4, 0))])]],
    "attention_dropout": [(r(3, 2, 4, 5), r(3, 2, 6, 5), AttentionPlan(0.5, dropout=1.0))],
    "sigmoid_forward": [(r(3, 5),), (np.float32([-np.inf, -200, 0, 200, np.nan] * 40_000),),
                        (last(4, 200, 20, 20)[:, 40:],)],
    "sigmoid_grad": [(r(3, 5), abs(r(3, 5))), (last(4, 200, 20, 20), last(4, 200, 20, 20))],
    "tanh_forward": [(r(3, 5),), (last(4, 200, 20, 20)[:, 40:],)],
    "tanh_grad": [(r(3, 5), r(3, 5)), (last(4, 200, 20, 20), last(4, 200, 20, 20))],
    "logsigmoid_forward": [(r(3, 5),), (np.float32([-np.inf, -200, 0, 200, np.nan]),)],
    "relu_forward": [(r(3, 5),), (last(4, 200, 20, 20),), (np.float32([np.nan, -np.inf, np.inf, -1] * 40_000),)],
    "relu_grad": [(r(3, 5), r(3, 5)), (last(4, 200, 20, 20), last(4, 200, 20, 20) - 0.3)],
    "leaky_relu_forward": [(r(3, 5), 0.1), (r(3, 5), 2.0), (last(4, 200, 20, 20), 0.1), (last(4, 200, 20, 20), -0.5)],
    "leaky_relu_grad": [(r(3, 5), r(3, 5), 0.1), (last(4, 200, 20, 20), last(4, 200, 20, 20) - 0.3, 0.1)],
    "logits_loss_forward": [(r(3, 5), r(3, 5)), (last(4, 200, 20, 20), r(4, 200, 20, 20))],
    "logits_loss_grad": [(r(3, 5), r(3, 5), r(3, 5)), (r(4, 200, 20, 20), last(4, 200, 20, 20), r(4, 200, 20, 20))],
    "logits_loss_mean": [(r(3, 5), r(3, 5)), (last(4, 200, 4, 20), r(4, 200, 4, 20))],
    "logits_loss_mean_grad": [(r(3, 5), r(3, 5), np.array(0.5, np.float32)), (r(0), r(0), np.array(0.5, np.float32))],
    "sum_over": [
        (last(3, 16, 12, 11), (0, 2, 3)), (last(3, 16, 12, 11), (2, 3)), (last(8, 16, 9, 9)[:, 3:11], (2, 3)),
        (r(3, 16, 12, 11), (0, 2, 3)), (last(3, 16, 12, 11).astype("f2"), (2, 3)), (r(70, 90), (0,)),
        (abs(r(7000, 600)), (0,)), (r(1, 600_000), (0,))],
    "add_to_each": [(r(3, 5), r(3, 5)), (r(3, 5), r(5, 3).T, r(7), r(7), abs(r(6)).astype(float), r(6).astype(float))],
    "gelu_forward": [(r(3, 5),), (last(4, 200, 20, 20),)],
    "gelu_grad": [(r(3, 5), r(3, 5), r(3, 5)), (last(4, 200, 20, 20), last(4, 200, 20, 20) * 2, last(4, 200, 20, 20))],
    "joined": [(r(3, 5), (r(2, 5),), 0), (last(4, 8, 20, 30), (last(4, 3, 20, 30), last(4, 16, 20, 30)), 1),
               (last(4, 8, 20, 30), (last(4, 40, 20, 30),), 1)],
    "row_major": [(r(3, 5).T,), (last(9, 8, 50, 60),), (r(300, 500).T,)],
    "silu_forward": [(r(3, 5),), (last(4, 200, 20, 20),), (np.complex64([[1 + 2j, -3j]]),)],
    "silu_grad": [(r(3, 5), r(3, 5), r(3, 5)), (last(4, 200, 20, 20), last(4, 200, 20, 20) * 2, last(4, 200, 20, 20))],
    "floor_divide": [(r(3, 5), r(3, 5)), (np.float32([2, -2, 7, 0]), 0.4), (np.arange(5), 2)],
    "remainder": [(r(3, 5), r(3, 5)), (np.float32([2, -2, 7, 0]), 0.4), (np.arange(5), 2)],
    "airy": [(r(3, 5),)],
    "sgd_update": [
        (*large(2), None, SGDSettings(0.1, 0.0, 0.0, 0.1, False, False)),
        (*large(3), SGDSettings(0.1, 0.9, 0.1, 0.0, True, True)),
        (*[last(4, 200, 20, 20)] * 3, SGDSettings(0.1, 0.9, 0.0, 0.1, False, False))],
    "adagrad_update": [(*large(3), 3.0, AdagradSettings(0.1, 0.1, 1e-8, 0.1, False))],
    "rmsprop_update": [
        (*large(3), None, None, RMSpropSettings(0.1, 0.9, 1e-8, 0.0, 0.0, False)),
        (*large(5), RMSpropSettings(0.1, 0.9, 1e-2, 0.1, 0.9, False))],
    "adam_update": [
        (*large(4), None, 2.0, AdamSettings(0.1, (0.9, 0.99), 1e-8, 0.0, False, False)),
        (*large(5), 2.0, AdamSettings(0.1, (0.9, 0.99), 1e-8, 0.1, True, True))],
    "adadelta_update": [(*large(4), AdadeltaSettings(0.1, 0.9, 1e-6, 0.1, False))],
    "adamax_update": [(*large(4), 2.0, AdamaxSettings(0.1, (0.9, 0.99), 1e-8, 0.1, False))],
    "nadam_update": [(*large(4), 2.0, 0.8, NAdamSettings(0.1, (0.9, 0.99), 1e-8, 0.1, 4e-3, False, False))],
    "radam_update": [
        (*large(4), 2.0, AdamSettings(0.1, (0.9, 0.99), 1e-8, 0.1, False, False)),
        (*large(4), 200.0, AdamSettings(0.1, (0.9, 0.99), 1e-8, 0.1, True, False))],
    "rprop_update": [(*large(4), RpropSettings((0.5, 1.2), (1e-6, 50.0), False))],
    "asgd_update": [(*large(3), 0.1, 1.0, ASGDSettings(1e-4, 0.1, False))],
    "max_pool2d_forward": [
        (r(2, 3, 6, 6), HALVES),
        (last(2, 3, 6, 7), OVERLAP),
        (np.full((1, 1, 4, 4), np.nan), OVERLAP),
        (last(2, 17, 6, 7), OVERLAP),
        (np.where(last(2, 17, 6, 7) > 1, np.nan, last(2, 17, 6, 7)), HALVES),
    ],
    "max_pool2d_scatter": [(r(2, 3, 4, 4), i(9, 2, 3, 4, 4), (3, 3)), (last(2, 3, 4, 4), i(9, 2, 3, 4, 4), (3, 3)),
                           (last(2, 17, 4, 4), np.moveaxis(i(9, 2, 4, 4, 17), 3, 1), (3, 3))],
    "max_pool2d_gather": [(r(2, 3, 3, 3), i(9, 2, 3, 4, 4))],
    "adaptive_max_pool2d_forward": [(r(2, 3, 5, 7), (2, 3)), (r(2, 3, 6, 6), (2, 3))],
    "avg_pool2d_forward": [(r(2, 3, 6, 6), HALVES, True, None), (r(2, 3, 6, 7), OVERLAP, False, None)],
    "avg_pool2d_scatter": [(r(2, 3, 3, 3), (6, 6), HALVES, True, None), (r(2, 3, 4, 4), (6, 7), OVERLAP, False, None)],
    "sample_images": [
        (r(2, 3, 5, 7), 9 * r(2, 4, 6), 9 * r(2, 6, 4).reshape(2, 4, 6), Sampling(False)),
        (i(255, 3, 2, 5, 7).astype(np.uint8), 3 + 3 * r(1, 4, 6), 2 + 2 * r(1, 6, 4).reshape(1, 4, 6),
         Sampling(False, np.array([9.0, 200]))),
        (i(255, 3, 2, 5, 7).astype(np.uint8), 3 + 3 * r(3, 4, 6), 2 + 2 * r(3, 6, 4).reshape(3, 4, 6),
         Sampling(True, np.array([9.5, 200]))),
        (r(2, 3, 5, 7), np.float32([[[np.nan, 0, 9e9], [np.inf, -np.inf, 0.5]]]), np.zeros((1, 2, 3), np.float32),
         Sampling(True)),
        (r(2, 3, 5, 7), np.float32([[[np.nan, 0, 9e9], [np.inf, -np.inf, 0.5]]]), np.zeros((1, 2, 3), np.float32),
         Sampling(False)),
        (r(0, 3, 5, 7), r(1, 4, 6), r(1, 4, 6), Sampling(False))],
    "resize_axis": [
        (r(2, 3, 5, 7), 3, taps_of(np.arange(12) // 3, i(7, 12), abs(r(12)), (4, 7))),
        (last(2, 3, 5, 7), 2, taps_of(np.array([0, 0, 0, 2]), np.array([1, 2, 4, 0]), np.ones(4), (3, 5))),
        (r(2, 70, 3), 1, taps_of(np.arange(6) // 2, np.arange(6) * 9, abs(r(6)), (3, 70))),
        (r(9, 80), 1, taps_of(np.arange(78) // 2, np.arange(78), abs(r(78)), (39, 80))),
        (np.where(i(500, 1, 80, 900), r(1, 80, 900), np.nan), 1,
         taps_of(np.arange(78) // 2, np.arange(78), abs(r(78)), (39, 80)))],
    "mirrored": [(i(256, 3, 5, 64).astype(np.uint8),), (r(3, 5, 7),), (r(3, 300, 700),)],
    "resize_bytes_axis": [
        (i(256, 2, 3, 5, 70).astype(np.uint8), 3, PAIRS, Rounding(10, np.dtype(np.float32), False)),
        (i(256, 2, 3, 70, 90).astype(np.uint8), 2, PAIRS, Rounding(10, np.dtype(np.float64), True))],
    "resize_bytes": [
        (i(256, 2, 9, 70, 70).astype(np.uint8)[:, 1:8], [(3, PAIRS, Rounding(10, np.dtype(np.float32), True)),
                                                         (2, PAIRS, Rounding(10, np.dtype(np.float64), False))]),
        (abs(60 * last(2, 3, 70, 70)).astype(np.uint8), [(axis, PAIRS, Rounding(10, np.dtype(np.float32), False))
                                                          for axis in (3, 2)])],
    "softmax_forward": [(r(3, 5), 1), (r(3, 5, 2), 1), (r(300, 500), 1), (causal(70, 70), 1), (causal(5, 5), 0)],
    "softmax_grad": [(r(3, 5), r(3, 5), 1), (r(300, 500), r(300, 500), 1)],
    "log_softmax_forward": [(r(3, 5), 1), (r(3, 5, 2), 1), (r(300, 500), -1), (causal(70, 70), 1)],
    "log_softmax_grad": [(r(3, 5), r(3, 5), 1), (r(300, 500), r(300, 500), -1)],
    "cross_entropy_forward": [
        (r(4, 5), i(5, 4), None, -100, 0.0),
        (r(9000, 10) * 9, i(10, 9000), None, 3, 0.0),
        (r(4, 5, 2), i(5, 4, 2), abs(r(5)), 1, 0.1),
        (causal(70, 70), i(1, 70), None, -100, 0.0),
    ],
    "weighted_mean": [(r(9), i(5, 9), None, 3), (r(4, 20), i(5, 4, 20), abs(r(5)), -100)],
    "cross_entropy_grad": [
        (r(4), r(4, 5), i(5, 4), None, -100, 0.0),
        (r(9000), -abs(r(9000, 10)), i(10, 9000), None, 3, 0.0),
        (r(90), -abs(r(10, 90)).T, i(10, 90), None, -100, 0.0), (r(), -abs(r(10, 90)).T, i(10, 90), None, -100, 0.0),
        (r(), -abs(r(90, 10)), i(10, 90), None, 3, 0.0),
        (r(4, 2), r(4, 5, 2), i(5, 4, 2), abs(r(5)), 1, 0.1)],
    "normalize_forward": [
        (last(2, 3, 4, 5), r(1, 3, 1, 1), r(1, 3, 1, 1), (0, 2, 3), 1e-5), (r(6, 3), None, None, (0,), 1e-5),
        (r(2, 3, 4, 5), None, r(1, 3, 1, 1), (0, 2, 3), 1e-5), (r(4, 5), r(1, 5), r(1, 5), (1,), 1e-5),
        (r(700, 300), r(1, 300), r(1, 300), (1,), 1e-5),
        (last(5, 3, 40, 50) + 9, r(1, 3, 1, 1), None, (0, 2, 3), 1e-5),
        (groups(9, 2, 3, 40, 50) + 9, r(1, 2, 3, 1, 1), r(1, 2, 3, 1, 1), (2, 3, 4), 1e-5),
        (groups(2, 2, 3, 4, 5), None, None, (2, 3, 4), 1e-5),
        (last(9, 6, 40, 50) + 9, r(1, 6, 1, 1), None, (2, 3), 1e-5), (last(2, 3, 4, 5), None, None, (2, 3), 1e-5)],
    "batch_normalize_forward": [
        (r(4, 3, 2, 5), r(1, 3, 1, 1), r(1, 3, 1, 1), (0, 2, 3), 1e-5, r(3), abs(r(3)), 0.1,
         np.array(6)),
        (r(6, 3), None, None, (0,), 1e-5, None, abs(r(3)), 0.9, None)],
    "normalize_grad": [
        (r(3, 2, 4, 5), r(3, 2, 4, 5) * 2, r(1, 2, 4, 1), r(3, 2, 1, 1), abs(r(3, 2, 1, 1)), (2, 3), (0, 3), 1e-5),
        (last(2, 3, 4, 5), last(2, 3, 4, 5) * 2, r(1, 3, 1, 1), r(1, 3, 1, 1), abs(r(1, 3, 1, 1)), (0, 2, 3),
         (0, 2, 3), 1e-5),
        (r(6, 3), r(6, 3) * 2, None, r(1, 3), abs(r(1, 3)), (0,), (0,), 1e-5),
        (r(4, 5), r(4, 5) * 2, r(1, 5), r(4, 1), abs(r(4, 1)), (1,), (0,), 1e-5),
        (r(700, 300), r(700, 300) * 2, r(1, 300), r(700, 1), abs(r(700, 1)) + 0.5, (1,), (0,), 1e-5),
        (last(5, 3, 40, 50) / 9, last(5, 3, 40, 50), r(1, 3, 1, 1), r(1, 3, 1, 1), abs(r(1, 3, 1, 1)), (0, 2, 3),
         (0, 2, 3), 1e-5),
        (groups(9, 2, 3, 40, 50), groups(9, 2, 3, 40, 50), r(1, 2, 3, 1, 1), r(9, 2, 1, 1, 1),
         abs(r(9, 2, 1, 1, 1)) + 0.5, (2, 3, 4), (0, 3, 4), 1e-5),
        (r(2, 2, 3, 4, 5), groups(2, 2, 3, 4, 5), None, r(2, 2, 1, 1, 1), abs(r(2, 2, 1, 1, 1)), (2, 3, 4), (2, 3, 4),
         1e-5),
        (last(9, 6, 40, 50), last(9, 6, 40, 50), r(1, 6, 1, 1), r(9, 6, 1, 1), abs(r(9, 6, 1, 1)) + 0.5, (2, 3),
         (0, 2, 3), 1e-5),
        (r(2, 3, 4, 5), last(2, 3, 4, 5), None, r(2, 3, 1, 1), abs(r(2, 3, 1, 1)), (2, 3), (2, 3), 1e-5)],
    "running_scale": [(r(5), abs(r(5)), r(5), r(5), 1e-5), (r(3), abs(r(3)), None, None, 1e-5)],
    "scale_shift": [(r(3, 4, 5), r(4), r(4)), (last(9, 3, 100, 51), r(3), r(3)), (last(9, 3, 100, 51), r(3), None)],
    "pairwise_distance": [
        *[(r(30, 7), r(20, 7) + 0.1, metric) for metric in ("l1", "l2", "sqeuclidean", "cosine")],
        (r(300, 200), r(90, 200), "l1"),
        (r(4, 3).astype("e"), r(5, 3).astype("e"), "l2"),
        (i(9, 4, 3), i(9, 5, 3), "l1")],
    "sparse_matmul": [
        (r(5), r(4, 3), np.array([0, 2, 2, 1, 0]), np.array([1, 3, 0, 2, 1]), 3),
        (r(0), r(4, 3), np.zeros(0, int), np.zeros(0, int), 3)],
    "normal_cdf": [(r(3, 5),), (np.float32([-np.inf, -9, 0, 9, np.inf]),)],
    "lu_factor": [
        (r(3, 3),),
        (r(2, 4, 2),),
        (r(2, 2, 3, 5),),
        (np.float32([[1, 2], [2, 4]]),),
        (r(0, 2, 2),),
        (r(2, 0, 3),),
    ],
    "row_order": [(np.int32([[2, 3, 3], [1, 2, 3]]), 4), (np.int32([3, 3]), 3), (np.zeros((2, 0), np.int32), 3)],
    "rnn_walk": [
        (r(237, 220), r(90, 220), r(220, 220) / 20, False, WALK),
        (r(3, 3), r(2, 3), r(3, 3), True, [(slice(0, 2), 2)])],
    "rnn_walk_back": [(r(237, 220), r(90, 220), r(237, 220), r(220, 220) / 20, BACK)],
    "from_inputs": [
        (r(3, 4), r(12, 4), r(12), 4), (r(3, 4), r(9, 4), None, 3), (r(900, 80), r(120, 80) / 9, r(120), 4)],
    "lstm_walk": [
        (r(237, 110), LSTMState(r(90, 110), r(90, 110)), LSTMTrace(r(4, 237, 110), r(237, 110), r(237, 110)),
         r(440, 110) / 20, None, BACK),
        (r(237, 90), LSTMState(r(90, 90), r(90, 130)), LSTMTrace(r(4, 237, 130), r(237, 130), r(237, 130)),
         r(520, 90) / 20, r(90, 130) / 20, WALK)],
    "lstm_walk_back": [
        (r(237, 110), LSTMState(r(90, 110), r(90, 110)), r(237, 4, 110), r(237, 110),
         LSTMTrace(abs(r(4, 237, 110)) / 4, r(237, 110) / 4, r(237, 110) / 4), r(440, 110) / 20, None, BACK),
        (r(237, 90), LSTMState(r(90, 90), r(90, 130)), r(237, 4, 130), r(237, 90),
         LSTMTrace(abs(r(4, 237, 130)) / 4, r(237, 130) / 4, r(237, 130) / 4), r(520, 90) / 20, r(90, 130) / 20, WALK)],
    "gru_walk": [
        (r(237, 130), r(90, 130), GRUTrace(r(3, 237, 130), r(237, 130)), r(390, 130) / 20, r(390), WALK),
        (r(237, 130), r(90, 130), GRUTrace(r(3, 237, 130), r(237, 130)), r(390, 130) / 20, None, BACK)],
    "gru_walk_back": [
        (r(237, 130), r(90, 130), r(237, 3, 130), r(237, 130), GRUTrace(abs(r(3, 237, 130)) / 4, r(237, 130)),
         r(237, 130), r(390, 130) / 20, WALK)],
    "scan": [(r(5), 0, np.maximum), (r(3, 6), 1, np.logaddexp), (r(7, 2), 0, np.minimum), (r(0, 3), 0, np.minimum)],
    "scatter_add": [
        (r(6, 3), i(4, 6), (4, 3)), (r(6), (i(4, 6), i(3, 6)), (4, 3)), (r(2, 3), slice(1, 3), (4, 3)),
        (r(4), np.array([True, False, True, True, True]), (5,)), (r(6, 1), i(4, 6), (4, 1))],
    "scatter_reduce": [(r(4), i(4, 9), r(9), np.multiply), (r(4, 3), (i(4, 6), i(3, 6)), r(6), np.maximum),
                       (r(4, 3), (i(4, 5, 3), np.arange(3)), r(5, 3), np.minimum), (r(3), i(3, 0), r(0), np.add)],
}


def bodies() -> list[Any]:
    """All faster bodies, but of optimizers without samples: rows in `tests/optim` hold that their pieces are the same.
    """
    return [pytest.param(name, body, id=f"{body.layer or body.library}-{body.name}")
            for name, kernel in registry.items() for body in kernel.bodies.all
            if name in SAMPLES or not (body.last and kernel.generic.__module__.startswith("minidl.optim."))]


def close(actual: Any, expected: Any) -> None:
    if expected is None:
        assert actual is None
        return
    if isinstance(expected, tuple):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected):
            close(a, e)
        return
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5, strict=True)


def run(body: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a body returns, and what it leaves in its arguments: some write into them."""
    args = tuple(map(copied, args))
    return (body(*args), *arrays_in(args))


def on_device(body: Body, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """`run` on the arrays that the body takes; what a GPU leaves, as NumPy arrays."""
    if body.library == "numpy":
        return run(body.function, args)
    library = get_library(strict_array.tested)
    args = tuple(_mapped(lambda a: library.from_numpy(a, strict_array.tested), a) for a in args)
    result = body.function(*args)
    if result is NotImplemented:
        return (result,)
    return tuple(_mapped(library.to_numpy, a) for a in (result, *arrays_in(args)))


def _mapped(function: Any, value: Any) -> Any:
    """A value with `function` of each array in it."""
    if isinstance(value, OF_ARRAYS):
        return type(value)(*[_mapped(function, part) for part in value])
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple([_mapped(function, part) for part in value])
    return function(value) if is_array(value) else value


def copied(value: Any) -> Any:
    if isinstance(value, OF_ARRAYS):
        return type(value)(*map(copied, value))
    return value.copy(order="K") if isinstance(value, np.ndarray) else value


def arrays_in(args: tuple[Any, ...]) -> list[Any]:
    """The arrays among the arguments, and those in records."""
    flat = [part for a in args for part in (a if isinstance(a, OF_ARRAYS) else (a,))]
    return [a for a in flat if is_array(a)]


@pytest.fixture
def three_threads() -> Iterator[None]:
    """So that work is shared out on every machine."""
    before = minidl.get_num_threads()
    minidl.set_num_threads(3)
    yield
    minidl.set_num_threads(before)


@pytest.fixture
def at_high_precision(body: Body) -> Iterator[None]:
    """Those that lose digits for speed, too; but for TF32, which loses more: tests/cuda/test_cuda.py looks at it."""
    minidl.set_float32_matmul_precision("high" if body.library == "numpy" else "highest")
    yield
    minidl.set_float32_matmul_precision("highest")


@pytest.mark.usefixtures("three_threads", "at_high_precision")
@pytest.mark.parametrize("name,body", bodies())
def test_fast_bodies_agree_with_the_generic_one(name: str, body: Body) -> None:
    kernel = registry[name]
    assert name in SAMPLES, f"kernel {name} has a body for {body.library}: add samples for it to SAMPLES"
    if body.library != "numpy" and strict_array.tested.type != "cuda":
        pytest.skip(f"without --device cuda, no body for {body.library} runs")
    if body.name == "matmul_by_blas":
        pytest.skip("it runs in a capture, or rounds to TF32: see test_products in tests/cuda/test_graphs.py")
    results = [(on_device(body, args), run(kernel.generic, args)) for args in SAMPLES[name]]
    taken = [(actual, expected) for actual, expected in results if actual[0] is not NotImplemented]
    assert taken, f"{body.name} declines every sample: add one that it takes"
    for actual, expected in taken:
        close(actual, expected)


@pytest.mark.parametrize("name", SAMPLES)
def test_generic_bodies_need_no_numpy_array(name: str) -> None:
    """On a stand-in that refuses to become a NumPy array, they compute the same."""
    kernel = registry[name]
    for args in SAMPLES[name]:
        strict = [_strict(a) for a in args]
        actual = (kernel(*strict), *arrays_in(tuple(strict)))
        close(_host(actual), run(kernel.generic, args))


def test_generic_bodies_are_written_to_be_read() -> None:
    """Work in place belongs to the faster bodies. Attention's tiles must stay in the cache on every machine."""
    for path in sorted(Path(minidl.backend.kernels.__file__).parent.glob("*.py")):
        if path.stem != "attention":
            assert "out=" not in path.read_text(encoding="utf-8"), path.name


def test_samples_name_kernels() -> None:
    assert set(SAMPLES) <= set(registry)


def test_bodies_name_kernels() -> None:
    """One that is registered under a name of nothing would never run."""
    assert set(every_body) <= set(registry)


def _strict(value: Any) -> Any:
    if isinstance(value, OF_ARRAYS):
        return type(value)(*map(_strict, value))
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(_strict, value))
    return StrictArray(value.copy()) if isinstance(value, np.ndarray) else value


def _host(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_host, value))
    if value is None:
        return None
    assert library_of(value).name == "strict", f"expected a strict array, got {type(value)}"
    return value.get()


# ------------------------------------------------------------------------------------------- the seam itself

@pytest.fixture
def double() -> Any:
    """A kernel of its own, taken out of the registry afterwards."""
    def double(x: Any, by: int = 2) -> Any:
        """Doc."""
        return "generic", x * by
    yield Kernel(double)
    del registry["double"], every_body["double"]


def test_without_bodies_the_generic_one_runs(double: Any) -> None:
    assert double(np.float32(3), 2) == ("generic", 6)
    assert double.__name__ == "double" and double.__doc__ == "Doc."
    assert registry["double"] is double


def test_the_library_of_the_first_argument_decides(double: Any) -> None:
    double.register("strict")(lambda x, by: ("strict", x))
    assert double(np.ones(1), 2)[0] == "generic"
    assert double(StrictArray(np.ones(1)), 2)[0] == "strict"


def named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_bodies_are_tried_as_they_say_and_may_decline(double: Any, order: Any) -> None:
    """Whatever comes first."""
    steps = [("slow", None, lambda x, by: ("slow", by)),
             ("fast", "slow", lambda x, by: NotImplemented if by == 3 else ("fast", by)),
             ("rare", "fast", lambda x, by: ("rare", by) if by == 5 else NotImplemented),
             ("never", "rare", lambda x, by: NotImplemented)]
    for i in order:
        name, before, function = steps[i]
        double.register("numpy", before=before)(named(name, function))
    assert repr(double) == "<kernel double: numpy: never, rare, fast, slow; generic>"
    assert double(np.ones(1), 2) == ("fast", 2)
    assert double(np.ones(1), 3) == ("slow", 3)
    assert double(np.ones(1), 5) == ("rare", 5)


def test_two_bodies_without_an_order_are_refused(double: Any) -> None:
    double.register("numpy")(named("one", lambda x, by: ("one", by)))
    with pytest.raises(ValueError, match=r"one and two are both for numpy.*try register\('numpy', before='one'\)"):
        double.register("numpy")(named("two", lambda x, by: ("two", by)))
    assert double(np.ones(1), 2) == ("one", 2)
    double.register("numpy", before="one")(named("two", lambda x, by: ("two", by)))
    with pytest.raises(ValueError, match="two and three are both for numpy"):
        double.register("numpy", before="one")(named("three", lambda x, by: ("three", by)))
    assert double(np.ones(1), 2) == ("two", 2)
    double.register("strict")(named("three", lambda x, by: ("three", by)))      # another library
    double.register("numpy", layer="spare")(named("three", lambda x, by: ("three", by)))
    assert double(np.ones(1), 2) == ("two", 2)


def test_a_circle_of_bodies_is_refused(double: Any) -> None:
    double.register("numpy", before="two")(named("one", lambda x, by: ("one", by)))
    with pytest.raises(ValueError, match="in a circle"):
        double.register("numpy", before="one")(named("two", lambda x, by: ("two", by)))
    assert double(np.ones(1), 2) == ("one", 2)


def test_a_body_of_the_same_name_is_replaced(double: Any) -> None:
    """As in a notebook, where a cell is run twice."""
    for result in ("first", "second"):
        double.register("numpy")(named("fast", lambda x, by, result=result: (result, by)))
    assert double(np.ones(1), 2) == ("second", 2) and len(double.bodies.all) == 1


def test_a_layer_is_tried_only_where_it_is_preferred(double: Any) -> None:
    before = list(layers)
    try:
        double.register("numpy")(named("fast", lambda x, by: ("plain", by)))
        spare = named("fast", lambda x, by: ("spare", by) if by < 3 else NotImplemented)
        double.register("numpy", layer="spare")(spare)
        assert double(np.ones(1), 2) == ("plain", 2)
        prefer("spare")
        prefer("spare")
        assert double(np.ones(1), 2) == ("spare", 2) and double(np.ones(1), 3) == ("plain", 3)
        double.register("numpy", layer="other")(named("fast", lambda x, by: ("other", by)))
        prefer("other")                             # the last one is in front
        assert double(np.ones(1), 2) == ("other", 2)
        prefer("other", on=False)
        prefer("nobody's", on=False)
        assert double(np.ones(1), 2) == ("spare", 2)
        prefer("spare", on=False)
        assert double(np.ones(1), 2) == ("plain", 2)
        assert layers == before
    finally:
        layers[:] = before


def test_the_order_of_the_bodies_there_are() -> None:
    """Winograd's filtering declines small images, and im2col takes all that is left; larger tiles lose digits."""
    for layer in (None, "compiled") if minidl.backends.numba.is_available() else (None,):
        for name in ("conv2d_forward", "conv2d_weight_grad"):
            alone = Bodies()
            for body in registry[name].bodies.all:
                if body.layer == layer:
                    alone.add(body._replace(layer=None))
            larger, direct = ([f"{name}_winograd_4x4"], [f"{name}_direct"]) if layer else ([], [])
            assert [f.__name__ for f in alone.tried["numpy"]] == [
                *larger, f"{name}_winograd", *direct, f"{name}_im2col"]


@pytest.mark.parametrize("seed", range(5))
def test_imports_in_another_order_change_nothing(seed: int) -> None:
    for found in registry.values():
        mixed, again = list(found.bodies.all), Bodies()
        random.Random(seed).shuffle(mixed)
        for body in mixed:
            again.add(body)
        assert again.tried == found.bodies.tried


def test_every_body_has_a_name_of_its_own_that_begins_with_its_kernels() -> None:
    for name, found in registry.items():
        names = [(body.library, body.layer, body.name) for body in found.bodies.all]
        assert len(set(names)) == len(names)
        for body in found.bodies.all:
            assert body.library in ("numpy", "cupy"), f"{body.name}: no array is of a library {body.library}"
            assert body.name.startswith(f"{name}_"), f"{body.name} in {body.function.__module__} is a body of {name}"
            siblings = [other.name for other in found.bodies.all if other.place == body.place]
            assert body.before is None or body.before in siblings


def test_a_name_is_taken_once(double: Any) -> None:
    with pytest.raises(ValueError, match="double"):
        Kernel(double.generic)


def test_a_body_may_come_before_its_kernel() -> None:
    register("halved", "numpy")(lambda x: ("fast", x / 2))
    try:
        @kernel
        def halved(x: Any) -> Any:
            return "generic", x / 2

        assert halved(np.ones(1))[0] == "fast" and halved(StrictArray(np.ones(1)))[0] == "generic"
    finally:
        del registry["halved"], every_body["halved"]
