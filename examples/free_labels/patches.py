"""Patches of images under known warps, and descriptors of them that are made by hand."""
from __future__ import annotations

import math

import numpy as np

import minidl
from minidl.nn import functional as F

SIDE = 16       # pixels of a patch


def patches(x, centres, turns, scales):
    """Grey patches (N, 1, SIDE, SIDE) around centres (N, 2) in pixels, turned and enlarged."""
    local = minidl.linspace(-SIDE / 2 + 0.5, SIDE / 2 - 0.5, SIDE)
    columns, rows = local.expand(SIDE, SIDE), local[:, None].expand(SIDE, SIDE)
    sine, cosine = (part[:, None, None] * scales[:, None, None] for part in (turns.sin(), turns.cos()))
    places = minidl.stack([cosine * columns - sine * rows, sine * columns + cosine * rows], -1) + centres[:, None, None]
    return F.grid_sample(x, (2 * places + 1) / x.shape[-1] - 1, align_corners=False, padding_mode="reflection")


def pairs(part, count):
    """Two views (count, 1, SIDE, SIDE) of points of as many images, the second turned, enlarged, relit and noisy."""
    x = part.x[minidl.randint(len(part.x), (count,))].float().mean(1, keepdim=True) / 255
    still, size = minidl.zeros(count), x.shape[-1]
    tried = [minidl.rand(count, 2) * (size - SIDE) + SIDE / 2 - 0.5 for _ in range(6)]
    contrast = minidl.stack([patches(x, centres, still, still + 1).flatten(1).std(1) for centres in tried])
    centres = minidl.stack(tried)[contrast.argmax(0), minidl.arange(count)]     # nothing can be told of a blank wall
    first = patches(x, centres, still, still + 1)
    turns, scales = (minidl.rand(count) * 2 - 1) * math.radians(25), (minidl.rand(count) * 2 - 1).mul(0.3).exp()
    second = patches(x, centres + minidl.randn(count, 2) * 0.7, turns, scales)
    light = (minidl.rand(count, 2, 1, 1, 1) - 0.5) * minidl.tensor([0.8, 0.3])[:, None, None, None]
    return first, second * (1 + light[:, 0]) + light[:, 1] + minidl.randn(*second.shape) * 0.03


def pixels(x):
    """The patch itself, of mean 0 and length 1."""
    return F.normalize((x - x.mean((2, 3), keepdim=True)).flatten(1))


def gradients(x):
    """4 x 4 cells with the strength of the gradient in 8 directions each, (N, 128): long ones cut, as in SIFT."""
    image = x[:, 0].numpy()
    down, right = np.gradient(image, axis=(1, 2))
    place = np.arctan2(down, right) % (2 * np.pi) * (8 / (2 * np.pi))
    share = np.maximum(0, 1 - np.abs((place[:, None] - np.arange(8)[:, None, None] + 4) % 8 - 4))
    cells = F.avg_pool2d(minidl.tensor(share * np.hypot(down, right)[:, None]).float(), SIDE // 4).flatten(1)
    return F.normalize(F.normalize(cells).clamp(max=0.2))
