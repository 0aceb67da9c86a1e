"""Scenes of one or two coloured shapes, with sentences about them."""
from itertools import islice
from typing import NamedTuple

import numpy as np

import minidl
from minidl.vision.datasets import SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.shapes import COLORS, KINDS, Scene, caption, render

SIZE = 32       # pixels a side
END = 0         # the number of the word that ends a sentence
WORDS = ["<end>", "a", *COLORS, *KINDS, "left", "right", "of", "above", "below"]


class Described(NamedTuple):
    """Images (N, 3, SIZE, SIZE) from -1 to 1, scenes, and captions as numbers of WORDS (N, L), END behind each."""

    x: minidl.Tensor
    scenes: list[Scene]
    words: minidl.Tensor


def described(count, seed):
    """Draw scenes. Their shapes are named in the order of the alphabet, since an image cannot say which comes first."""
    data = SyntheticShapes(10 * count, SIZE, (1, 2), (0.14, 0.24), max_overlap=0.0, noise=8.0, seed=seed)
    scenes = list(islice(filter(clear, (in_order(data.scene(i)) for i in range(len(data)))), count))
    x = np.stack([np.asarray(render(scene, data.noise), np.float32) for scene in scenes]) / 127.5 - 1
    sentences = [numbers(caption(scene)) for scene in scenes]
    length = 1 + max(map(len, sentences))
    words = minidl.tensor([sentence + [END] * (length - len(sentence)) for sentence in sentences])
    return Described(minidl.tensor(x).movedim(-1, 1).contiguous(), scenes, words)


def clear(scene):
    """Whether a person could say if one shape is beside or above the other."""
    first, last = scene.shapes[0], scene.shapes[-1]
    return first is last or abs(abs(first.x - last.x) - abs(first.y - last.y)) >= 2


def in_order(scene):
    return scene._replace(shapes=tuple(sorted(scene.shapes, key=lambda shape: (shape.color, shape.kind, shape.x))))


def numbers(sentence):
    return [WORDS.index(word) for word in sentence.split()]


def sentence(words):
    """The words up to the first end."""
    words = words.tolist()
    return " ".join(WORDS[word] for word in words[:words.index(END) if END in words else None])
