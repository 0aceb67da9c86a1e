"""t-SNE's push of all places on each other: the sum over j of (y_i - y_j) / (1 + |y_i - y_j|^2)^2.

On a grid it is a convolution. Each place gives its mass to the nodes around it, the fast Fourier transform convolves
the masses with the force, and each place reads the force from the same nodes, by cubic interpolation both times.

Source: Linderman et al., "Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", 2019
"""
from __future__ import annotations

from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from minidl.backend.device import Array, array_module

SPACING = 1 / 3         # of the nodes; the force changes over a length of 1
MARGIN = 2              # nodes beside the outermost places, which cubic interpolation reads
FEWEST_NODES, MOST_NODES = 40, 600     # a side: narrow maps get a finer grid, wide ones a coarser

_spectra: dict[Any, Any] = {}       # of the last grid: its size stays the same for many steps


def push_by_pairs(places: Array) -> tuple[Array, float]:
    """The push on each of places (n_components, N), and the sum of 1 / (1 + |y_i - y_j|^2) over all pairs."""
    xp = array_module(places)
    between = places[:, :, None] - places[:, None, :]
    nearness = 1 / (1 + xp.square(between).sum(axis=0))
    pushed = (between * xp.square(nearness)).sum(axis=2)
    return pushed, float(nearness.sum(dtype=np.float64)) - places.shape[1]


def push_by_grid(places: Array) -> tuple[Array, float]:
    """As `push_by_pairs` for one or two dimensions, in time that grows with N and with the area of the map."""
    xp, (dims, n) = array_module(places), places.shape
    low = places.min(axis=1)
    span = float((places.max(axis=1) - low).max())
    spacing = max(min(SPACING, span / FEWEST_NODES), span / MOST_NODES, 1e-30)
    nodes = next_fast_len(int(span / spacing) + 2 * MARGIN + 2, real=True)
    nodes += nodes % 2
    at, shares = _nodes_around(places, low, spacing, nodes)
    mass = xp.bincount(at.ravel(), shares.ravel(), minlength=nodes ** dims).astype(np.float32)
    spectrum = _transform(mass.reshape((nodes,) * dims))
    nearness, forces = _kernel_spectra(xp, nodes, dims, spacing)
    pushed = xp.empty_like(places)
    for axis, force in enumerate(forces):
        field = _transform_back(spectrum * force, nodes)
        pushed[axis] = (field.ravel()[at] * shares).sum(axis=1)
    return pushed, _sum_of_pairs(spectrum, nearness, nodes) - n


def _nodes_around(places: Array, low: Array, spacing: float, nodes: int) -> tuple[Array, Array]:
    """The numbers of the 4^dims nodes around each place (N, 4^dims), and its share in each, which sum to 1."""
    xp = array_module(places)
    spots = (places - low[:, None]) / np.float32(spacing) + np.float32(MARGIN)
    cells = spots.astype(np.int64)
    t = spots - cells
    # Lagrange's cubic through the nodes -1, 0, 1, 2
    shares = xp.stack([-t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2,
                       -(t + 1) * t * (t - 2) / 2, (t + 1) * t * (t - 1) / 6], axis=-1)         # (dims, N, 4)
    at = cells[..., None] + xp.arange(-1, 3)
    if len(places) == 1:
        return at[0], shares[0]
    pairs = (at[0][:, :, None] * nodes + at[1][:, None, :], shares[0][:, :, None] * shares[1][:, None, :])
    return pairs[0].reshape(-1, 16), pairs[1].reshape(-1, 16)


def _kernel_spectra(xp: Any, nodes: int, dims: int, spacing: float) -> tuple[Array, list[Array]]:
    """The transforms of 1 / (1 + d^2) and, for each axis, of d_axis / (1 + d^2)^2, on twice the nodes a side."""
    key = xp, nodes, dims, spacing
    if key not in _spectra:
        _spectra.clear()
        steps = xp.arange(-nodes, nodes, dtype=np.float32) * np.float32(spacing)
        steps = xp.concatenate((steps[nodes:], steps[:nodes]))          # 0 first, as a transform counts
        d = [steps.reshape([-1 if axis == i else 1 for axis in range(dims)]) for i in range(dims)]
        nearness = 1 / (1 + sum(xp.square(v) for v in d))
        forces = [_transform(v * xp.square(nearness), padded=False) for v in d]
        _spectra[key] = _transform(nearness, padded=False), forces
    return _spectra[key]


def _transform(values: Array, padded: bool = True) -> Array:
    """The Fourier transform of a real grid; `padded` with zeros to twice the nodes a side, so that nothing wraps."""
    xp, size = array_module(values), values.shape[-1] * (2 if padded else 1)
    found = xp.fft.rfft(values, size)
    return found if values.ndim == 1 else xp.fft.fft(found, size, axis=0)


def _transform_back(spectrum: Array, nodes: int) -> Array:
    """The real grid of a spectrum, without what lies in the padding."""
    xp = array_module(spectrum)
    if spectrum.ndim == 2:
        spectrum = xp.fft.ifft(spectrum, axis=0)[:nodes]
    return xp.fft.irfft(spectrum, 2 * nodes)[..., :nodes]


def _sum_of_pairs(spectrum: Array, kernel: Array, nodes: int) -> float:
    """The sum over all pairs of masses of a kernel between them, by Parseval's theorem."""
    power = (spectrum.real ** 2 + spectrum.imag ** 2) * kernel.real
    whole = 2 * float(power.sum(dtype=np.float64)) - float((power[..., 0] + power[..., -1]).sum(dtype=np.float64))
    return whole / (2 * nodes) ** spectrum.ndim


