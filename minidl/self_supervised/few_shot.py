"""Learning a class from a few of its images: episodes, and prototypes.

Source: Vinyals et al., "Matching Networks for One Shot Learning", 2016, for episodes; Snell, Swersky and Zemel,
"Prototypical Networks for Few-shot Learning", 2017, https://arxiv.org/abs/1703.05175, for prototypes.
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.ops.base import check_tensors
from minidl.random import Generator
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.utils.data.sampler import cpu_stream


class Episodes:
    """Small problems drawn from many classes: (ways, shots + queries) numbers of images, a row for each class.

    The first `shots` of a row are shown with their label, the others are asked. Classes and images are drawn anew each
    time, without repetition within an episode.

    Args:
        labels: the class of each image, (N,) integers.
        ways: classes in an episode.
        shots, queries: images of each class.
        count: how many episodes.
        generator: of the draws; minidl's own by default.

    Errors: ValueError unless `ways` classes have shots + queries images.

        >>> import minidl
        >>> from minidl.self_supervised import Episodes
        >>> labels = minidl.tensor([0, 0, 1, 1, 2, 2])
        >>> episode = next(iter(Episodes(labels, ways=2, shots=1, queries=1)))
        >>> shown, asked = labels[episode].T
        >>> episode.shape, bool((shown == asked).all()), bool(shown[0] != shown[1])
        ((2, 2), True, True)
    """

    def __init__(self, labels: Tensor, ways: int, shots: int, queries: int, count: int = 100,
                 generator: Generator | None = None) -> None:
        numbers = np.asarray(labels.cpu().numpy())
        images = [np.flatnonzero(numbers == label) for label in np.unique(numbers)]
        self.images = [of_class for of_class in images if len(of_class) >= shots + queries]
        if min(ways, shots, queries, count) < 1 or len(self.images) < ways:
            raise ValueError(f"Episodes: expected {ways} classes of {shots} + {queries} images at least, but "
                             f"{len(self.images)} of {len(images)} have so many; try fewer ways, shots or queries")
        self.ways, self.shots, self.queries, self.count, self.generator = ways, shots, queries, count, generator

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Tensor]:
        stream = cpu_stream(self.generator)
        for _ in range(self.count):
            classes = stream.choice(len(self.images), self.ways, replace=False)
            yield from_numpy(np.stack([stream.choice(self.images[number], self.shots + self.queries, replace=False)
                                       for number in classes]))


def prototypical_scores(support: Tensor, queries: Tensor) -> Tensor:
    """How near queries are to the mean of each class: minus the squared distance, (Q, ways).

    Cross-entropy of these scores is the loss of prototypical networks.

    Args:
        support: features (ways, shots, D), a row for each class.
        queries: features (Q, D).

    Errors: ValueError for other shapes.

        >>> import minidl
        >>> from minidl.self_supervised import prototypical_scores
        >>> support = minidl.tensor([[[0.0, 0.0], [0.0, 2.0]], [[3.0, 1.0], [3.0, 1.0]]])      # means (0, 1), (3, 1)
        >>> prototypical_scores(support, minidl.tensor([[1.0, 1.0]]))
        tensor([[-1., -4.]])
    """
    check_tensors("prototypical_scores", support=support, queries=queries)
    if support.ndim != 3 or queries.ndim != 2 or support.shape[2] != queries.shape[1] or not support.shape[1]:
        raise ValueError(f"prototypical_scores: expected support (ways, shots, D) and queries (Q, D), but got "
                         f"{tuple(support.shape)} and {tuple(queries.shape)}")
    return -(queries[:, None] - support.mean(1)).square().sum(2)
