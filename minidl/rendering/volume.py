"""Volume rendering: colours and densities along a ray become the colour of a pixel.

Source: Mildenhall et al., "NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis", 2020.
"""
from __future__ import annotations

import math
from typing import NamedTuple

from minidl.autograd import no_grad
from minidl.ops.index import searchsorted
from minidl.ops.shape import cat
from minidl.random import Generator
from minidl.tensors.creation import arange, linspace, rand
from minidl.tensors.tensor import Tensor


def positional_encoding(x: Tensor, frequencies: int, include: bool = True) -> Tensor:
    """Sines and cosines of coordinates (..., D) at doubling frequencies: (..., D + 2 D frequencies).

        x, sin(2^0 pi x), cos(2^0 pi x), ..., sin(2^(L-1) pi x), cos(2^(L-1) pi x)

    A network on plain coordinates learns smooth functions only; on these it learns detail. include: x itself.

    Source: Mildenhall et al., 2020, equation 4.

        >>> import minidl
        >>> from minidl.rendering import positional_encoding
        >>> positional_encoding(minidl.tensor([0.5]), 1)
        tensor([ 5.0000e-01,  1.0000e+00, -4.3711e-08])
    """
    scales = 2.0 ** arange(frequencies, dtype=x.dtype, device=x.device) * math.pi
    angles = (x[..., None, :] * scales[:, None]).unsqueeze(-2)
    waves = cat([angles.sin(), angles.cos()], -2).flatten(-3)
    return cat([x, waves], -1) if include else waves


def stratified(near: float, far: float, rays: int, samples: int, jitter: bool = True, device: object = None,
               generator: Generator | None = None) -> Tensor:
    """Distances (rays, samples) from near to far: one in each of equal parts, at random in it or at its middle.

    Errors: ValueError unless near < far. Source: Mildenhall et al., 2020, equation 2.

        >>> from minidl.rendering import stratified
        >>> stratified(2.0, 6.0, 1, 4, jitter=False)
        tensor([[2.5000, 3.5000, 4.5000, 5.5000]])
    """
    if not near < far:
        raise ValueError(f"stratified: expected near < far, but got {near} and {far}")
    edges = linspace(near, far, samples + 1, device=device)
    place = rand(rays, samples, device=device, generator=generator) if jitter else 0.5
    return (edges[:-1] + place * (edges[1:] - edges[:-1])).expand(rays, samples)


class Rendered(NamedTuple):
    """color: (rays, 3). depth: (rays,), the mean distance of what is seen. opacity: (rays,), the share of light that is
    stopped. weights: (rays, samples), the share of each sample.
    """

    color: Tensor
    depth: Tensor
    opacity: Tensor
    weights: Tensor


def render(color: Tensor, density: Tensor, distances: Tensor, directions: Tensor | None = None,
           background: float | None = None) -> Rendered:
    """What arrives of the samples on each ray.

        weight_i = T_i (1 - exp(-density_i delta_i)),   T_i = exp(-sum over j < i of density_j delta_j)

    color: (rays, samples, 3). density: (rays, samples), not negative, per unit of length. distances: of the samples,
    (rays, samples), rising. directions: (rays, 3), if their length is not 1. background: a grey value from 0 to 1 that
    is seen where the ray goes on. The last sample stands for as much of the ray as the one before it.

    Source: Mildenhall et al., 2020, equation 3; Max, "Optical Models for Direct Volume Rendering", 1995.

        >>> import minidl
        >>> from minidl.rendering import render
        >>> wall = minidl.tensor([[0.0, 100.0, 100.0]])          # nothing, then a wall two units away
        >>> seen = render(minidl.ones(1, 3, 3), wall, minidl.tensor([[1.0, 2.0, 3.0]]))
        >>> seen.color[0], seen.depth, seen.opacity
        (tensor([1., 1., 1.]), tensor([2.]), tensor([1.]))
    """
    if color.shape[:-1] != density.shape or distances.shape != density.shape:
        raise ValueError(f"render: expected color (rays, samples, 3), density and distances (rays, samples), but got "
                         f"{tuple(color.shape)}, {tuple(density.shape)} and {tuple(distances.shape)}")
    delta = distances[..., 1:] - distances[..., :-1]
    delta = cat([delta, delta[..., -1:]], -1)
    if directions is not None:
        delta = delta * directions.norm(dim=-1, keepdim=True)
    optical = density * delta
    before = cat([optical[..., :1] * 0, optical[..., :-1].cumsum(-1)], -1)
    weights = (-before).exp() * -(-optical).expm1()
    opacity = weights.sum(-1)
    seen = (weights[..., None] * color).sum(-2)
    if background is not None:
        seen = seen + (1 - opacity)[..., None] * background
    depth = (weights * distances).sum(-1) / opacity.clamp(min=1e-10)
    return Rendered(seen, depth, opacity, weights)


@no_grad()
def resample(distances: Tensor, weights: Tensor, samples: int, jitter: bool = True,
             generator: Generator | None = None) -> Tensor:
    """More distances (rays, samples) where the weights of a first pass are large, rising.

    The weights of all but the outer samples are read as a density that is constant between the middles of `distances`.

    Source: Mildenhall et al., 2020, section 5.2.

        >>> import minidl
        >>> from minidl.rendering import resample
        >>> distances, weights = minidl.tensor([[0.0, 1.0, 2.0, 3.0]]), minidl.tensor([[0.0, 0.0, 1.0, 0.0]])
        >>> resample(distances, weights, 5, jitter=False)[0, 1:]         # between 1.5 and 2.5
        tensor([1.7500, 2.0000, 2.2500, 2.5000])
    """
    middles = (distances[..., 1:] + distances[..., :-1]) / 2
    share = weights[..., 1:-1] + 1e-5                        # no ray without weight
    share = share / share.sum(-1, keepdim=True)
    reached = cat([share[..., :1] * 0, share.cumsum(-1)], -1)
    if jitter:
        wanted = rand(len(reached), samples, device=reached.device, generator=generator).sort(-1).values
    else:
        wanted = linspace(0, 1, samples, device=reached.device).expand(len(reached), samples)
    above = searchsorted(reached, wanted.contiguous(), right=True).clamp(1, reached.shape[-1] - 1)
    low, high = reached.gather(-1, above - 1), reached.gather(-1, above)
    start, end = middles.gather(-1, above - 1), middles.gather(-1, above)
    return start + ((wanted - low) / (high - low).clamp(min=1e-10)).clamp(0, 1) * (end - start)
