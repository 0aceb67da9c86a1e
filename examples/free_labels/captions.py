"""Scenes of shapes with their captions, and a network that reads these."""
from __future__ import annotations

import numpy as np

import minidl
from minidl import nn
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS

WORDS = ["", "a", "left", "right", "of", "above", "below", *COLORS, *KINDS]
LENGTH = 9      # words of the longest caption: "a red ring left of a blue star"


def scenes(count, shapes, seed):
    """Images (N, 3, 32, 32) of bytes, and their captions."""
    data = SyntheticShapes(count, 32, shapes, (0.15, 0.25), max_overlap=0.0, seed=seed)
    pixels, targets = zip(*data)
    return minidl.tensor(np.stack([np.asarray(image) for image in pixels])).movedim(-1, 1), \
        [target["caption"] for target in targets]


def encode(captions):
    """Numbers of words (N, LENGTH), 0 behind the last."""
    numbers = [[WORDS.index(word) for word in caption.split()] for caption in captions]
    return minidl.tensor([row + [0] * (LENGTH - len(row)) for row in numbers])


class Reader(nn.Module):
    """Vectors (N, size) of captions: the last state of a GRU."""

    def __init__(self, size, width=64):
        super().__init__()
        self.words = nn.Embedding(len(WORDS), width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, size)

    def forward(self, numbers):
        states, _ = self.gru(self.words(numbers))
        last = (numbers != 0).sum(1) - 1
        return self.out(states[minidl.arange(len(numbers)).to(numbers.device), last])
