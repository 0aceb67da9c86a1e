"""The digits as a graph: each image and the ten that are nearest to it."""
import numpy as np

import minidl
from minidl.neighbors import KNeighborsClassifier
from minidl.vision.datasets import Digits

NEIGHBOURS, LABELLED, VAL = 10, 10, 500     # of an image; images of each class whose label is known; to stop by


def parts():
    """What `citations.Graph` takes, of all 1,797 digits; which labels are known is drawn with the seed 0."""
    both = [Digits(train=train) for train in (True, False)]
    x = minidl.cat([part.data.flatten(1) for part in both]).float() / 16
    labels = minidl.cat([part.targets for part in both])
    nearest = KNeighborsClassifier(NEIGHBOURS).fit(x.numpy(), labels.numpy())
    near = np.asarray(nearest.kneighbors(return_distance=False))
    once = np.stack([near.ravel(), np.repeat(np.arange(len(x)), NEIGHBOURS)])
    edges = np.unique(np.concatenate([once, once[::-1], np.tile(np.arange(len(x)), (2, 1))], 1), axis=1)
    order = np.random.default_rng(0).permutation(len(x))
    known = np.concatenate([order[labels.numpy()[order] == digit][:LABELLED] for digit in range(10)])
    rest = order[~np.isin(order, known)]
    return x, labels, edges, *(minidl.tensor(part) for part in (known, rest[:VAL], rest[VAL:]))
