"""Losses that pull what belongs together to one place, and push the rest apart.

No label of a class is needed: two views of one image belong together, an image and its caption, two drawings of one
character.
"""
from __future__ import annotations

import math

from minidl.nn import functional as F
from minidl.ops.base import check_tensors
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, eye
from minidl.tensors.tensor import Tensor


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """The loss of SimCLR: each view shall find the other of its image.

        l(i, j) = -log(exp(s(i, j) / t) / sum over k != i of exp(s(i, k) / t))

    s is the cosine of the angle between two features, t the temperature. The sum is over all 2N views but i itself, the
    result the mean of l over all views, j being the other view of i's image.

    Args:
        first, second: features (N, D) of two views of N images.
        temperature: the smaller, the more the most similar of the others count.

    Errors: ValueError for other shapes, and for a temperature that is not above 0.
    Source: Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual
    Representations", 2020, https://arxiv.org/abs/2002.05709

        >>> import minidl
        >>> from minidl.self_supervised import nt_xent
        >>> views = minidl.eye(2)
        >>> nt_xent(views, views, temperature=1.0)      # log((e + 2) / e)
        tensor(0.5514)
    """
    _check_pairs("nt_xent", first=first, second=second)
    if not temperature > 0:
        raise ValueError(f"nt_xent: expected a temperature above 0, but got {temperature}; try 0.5")
    n = len(first)
    z = F.normalize(cat([first, second]), dim=1)
    similarity = (z @ z.T / temperature).masked_fill(eye(2 * n, device=z.device).bool(), -math.inf)
    partners = cat([arange(n, 2 * n), arange(n)]).to(z.device)
    return F.cross_entropy(similarity, partners)


def clip_loss(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """The loss of CLIP: each image shall find its text among all, and each text its image.

        (cross_entropy(scale * s, i) + cross_entropy(scale * s.T, i)) / 2

    s (N, N) are the cosines of the angles between images and texts.

    Args:
        images, texts: features (N, D); row i of both belongs together.
        scale: 1 / temperature, a number or a tensor that learns; CLIP learns its logarithm, from log(1 / 0.07).

    Errors: ValueError for other shapes.
    Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
    https://arxiv.org/abs/2103.00020

        >>> import minidl
        >>> from minidl.self_supervised import clip_loss
        >>> clip_loss(minidl.eye(2), minidl.eye(2), scale=1.0)      # log((e + 1) / e)
        tensor(0.3133)
    """
    _check_pairs("clip_loss", images=images, texts=texts)
    scores = scale * (F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T)
    right = arange(len(images)).to(images.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def contrastive_loss(first: Tensor, second: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """The loss of a Siamese network: pairs that are the same come near, others part.

        same * d^2 / 2 + (1 - same) * max(0, margin - d)^2 / 2,  d = |first - second|

    The result is the mean over the pairs. Where features are equal, the gradient of d counts as 0.

    Args:
        first, second: features (N, D).
        same: (N,) of 1 for the same, 0 for different.
        margin: others that are farther apart are left alone.

    Errors: ValueError for other shapes.
    Source: Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006.

        >>> import minidl
        >>> from minidl.self_supervised import contrastive_loss
        >>> first, second = minidl.zeros(2, 2), minidl.tensor([[0.6, 0.8], [0.3, 0.4]])
        >>> contrastive_loss(first, second, minidl.tensor([1, 0]))      # (1 / 2 + 0.5^2 / 2) / 2
        tensor(0.3125)
    """
    _check_pairs("contrastive_loss", first=first, second=second)
    if tuple(same.shape) != (len(first),):
        raise ValueError(f"contrastive_loss: expected `same` to be ({len(first)},), one number for each pair, but got "
                         f"{tuple(same.shape)}")
    distance = (first - second).norm(dim=1)
    gap = F.relu(margin - distance)
    same = same.to(distance.dtype)
    return (same * distance.square() + (1 - same) * gap.square()).mean() / 2


def _check_pairs(who: str, **features: Tensor) -> None:
    check_tensors(who, **features)
    (a, x), (b, y) = features.items()
    if x.ndim != 2 or x.shape != y.shape or not len(x):
        raise ValueError(f"{who}: expected {a} and {b} to be features (N, D) of one shape, but got {tuple(x.shape)} "
                         f"and {tuple(y.shape)}")
