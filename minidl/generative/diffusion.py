"""Diffusion: noise is added in small steps until nothing is left, and a network learns to take it away.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise,      a_t = product of (1 - beta_s) for s <= t

A network predicts the noise in x_t from x_t (N, C, H, W) and t (N,), int64. Sampling starts with noise and removes what
the network predicts, step by step.

Source: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl.autograd import no_grad
from minidl.backend.dtype import int64
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.tensors.creation import from_numpy, full, randint, randn_like
from minidl.tensors.tensor import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""The noise that is in x (N, ...) at times t (N,)."""


class NoiseSchedule(Module):
    """How much noise each step adds: `betas` (T,), between 0 and 1. `linear` and `cosine` make the usual ones.

    signal: a buffer (T,) with a_t, the share of the image's variance that is left after step t, in float32.

    Errors: ValueError for betas outside [0, 1].

        >>> import minidl
        >>> from minidl.generative import NoiseSchedule
        >>> schedule = NoiseSchedule.linear(1000)
        >>> schedule.signal[0], schedule.signal[-1]
        (tensor(0.9999), tensor(4.0358e-05))
        >>> x, t = minidl.ones(2, 3), minidl.tensor([0, 999])
        >>> schedule.add_noise(x, minidl.zeros(2, 3), t)[:, 0]
        tensor([0.9999, 0.0064])
    """

    betas: Tensor
    signal: Tensor

    def __init__(self, betas: Iterable[float]) -> None:
        super().__init__()
        exact = np.asarray(list(betas), np.float64)
        if exact.ndim != 1 or not len(exact) or not ((exact >= 0) & (exact <= 1)).all():
            raise ValueError("NoiseSchedule: expected betas from 0 to 1, one for each step")
        self.steps = len(exact)
        self.register_buffer("betas", from_numpy(exact.astype(np.float32)))
        self.register_buffer("signal", from_numpy(np.cumprod(1 - exact).astype(np.float32)))

    @classmethod
    def linear(cls, steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
        """Betas that rise evenly, as in the paper."""
        return cls(np.linspace(first, last, steps))

    @classmethod
    def cosine(cls, steps: int = 1000, offset: float = 0.008) -> NoiseSchedule:
        """A signal that falls like a cosine's square, more slowly than the linear one.

        Source: Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, equation 17.
        """
        def signal(t: float) -> float:
            return math.cos((t / steps + offset) / (1 + offset) * math.pi / 2) ** 2
        return cls(min(1 - signal(t + 1) / signal(t), 0.999) for t in range(steps))

    def add_noise(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t for images x (N, ...), noise of their shape, and times t (N,)."""
        signal = _beside(self.signal[t], x)
        return signal.sqrt() * x + (1 - signal).sqrt() * noise

    def clean(self, x_t: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """The image x_0, if `noise` is in x_t."""
        signal = _beside(self.signal[t], x_t)
        return (x_t - (1 - signal).sqrt() * noise) / signal.sqrt()

    def loss(self, denoise: Denoiser, x: Tensor) -> Tensor:
        """The mean squared error of the predicted noise, at random times, for clean images x (N, ...)."""
        t = randint(self.steps, (len(x),), device=x.device)
        noise = randn_like(x)
        return F.mse_loss(denoise(self.add_noise(x, noise, t), t), noise)

    def velocity_loss(self, predict: Denoiser, x: Tensor) -> Tensor:
        """The mean squared error of a predicted velocity v, at random times, for clean images x (N, ...).

            v = sqrt(a_t) noise - sqrt(1 - a_t) x

        In terms of the image, the error of the noise weighs a_t / (1 - a_t), so that what is decided in much noise,
        such as what the image shows, hardly counts; the error of v weighs 1 / (1 - a_t), which is never below 1.

        Source: Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022.

            >>> import minidl
            >>> from minidl.generative import NoiseSchedule
            >>> schedule = NoiseSchedule.cosine(100)
            >>> schedule.velocity_loss(lambda x_t, t: minidl.zeros_like(x_t), minidl.zeros(500, 20)) < 0.6
            tensor(True)
        """
        t = randint(self.steps, (len(x),), device=x.device)
        noise, signal = randn_like(x), _beside(self.signal[t], x)
        return F.mse_loss(predict(self.add_noise(x, noise, t), t), signal.sqrt() * noise - (1 - signal).sqrt() * x)

    def denoiser(self, predict: Denoiser) -> Denoiser:
        """For samplers: the noise, by a network that predicts the velocity of `velocity_loss`.

            noise = sqrt(a_t) v + sqrt(1 - a_t) x_t
        """
        def denoise(x_t: Tensor, t: Tensor) -> Tensor:
            signal = _beside(self.signal[t], x_t)
            return signal.sqrt() * predict(x_t, t) + (1 - signal).sqrt() * x_t
        return denoise


def _beside(values: Tensor, x: Tensor) -> Tensor:
    """(N,) as (N, 1, 1, ...), to stand beside x (N, ...)."""
    return values.view(-1, *[1] * (x.ndim - 1))


@no_grad()
def ancestral(denoise: Denoiser, schedule: NoiseSchedule, noise: Tensor, clip: float | None = 1.0,
              progress: Callable[[int], Any] | None = None) -> Tensor:
    """Images made of noise (N, ...) in all T steps, each with fresh noise.

    clip: the largest value of an image; None for none. progress: called with t after each step.

    Source: Ho, Jain and Abbeel, 2020, algorithm 2, with the variance of the posterior.

        >>> import minidl
        >>> from minidl.generative import NoiseSchedule, ancestral
        >>> schedule = NoiseSchedule.linear(50, last=0.3)
        >>> def knows(x, t):                     # all images are zero: whatever is in x is noise
        ...     return x / (1 - schedule.signal[t]).sqrt()[:, None]
        >>> ancestral(knows, schedule, minidl.randn(2, 3)).abs().max().item() < 1e-5
        True
    """
    return ddim(denoise, schedule, noise, steps=schedule.steps, eta=1.0, clip=clip, progress=progress)


@no_grad()
def ddim(denoise: Denoiser, schedule: NoiseSchedule, noise: Tensor, steps: int = 50, eta: float = 0.0,
         clip: float | None = 1.0, progress: Callable[[int], Any] | None = None) -> Tensor:
    """Images made of noise (N, ...) in fewer steps; without fresh noise, the same noise gives the same images.

    steps: how many of the T times are visited, evenly. eta: how much fresh noise, from 0 for none to 1 for the noise of
    `ancestral`. clip, progress: as there.

    Errors: ValueError if steps is not from 1 to T.
    Source: Song, Meng and Ermon, "Denoising Diffusion Implicit Models", 2021, equations 12 and 16.

        >>> import minidl
        >>> from minidl.generative import NoiseSchedule, ddim
        >>> schedule = NoiseSchedule.cosine(100)
        >>> def knows(x, t):
        ...     return x / (1 - schedule.signal[t]).sqrt()[:, None]
        >>> ddim(knows, schedule, minidl.randn(2, 3), steps=10).abs().max().item() < 1e-5
        True
    """
    if not 1 <= steps <= schedule.steps:
        raise ValueError(f"ddim: expected 1 to {schedule.steps} steps, as many as the schedule has, but got {steps}")
    x = noise
    times = np.linspace(schedule.steps - 1, 0, steps).round().astype(int).tolist()
    for t, before in zip(times, [*times[1:], None]):
        at = full((len(x),), t, dtype=int64, device=x.device)
        predicted = denoise(x, at)
        clean = schedule.clean(x, predicted, at)
        signal = schedule.signal[t]
        if clip is not None:
            clean = clean.clamp(-clip, clip)
            predicted = (x - signal.sqrt() * clean) / (1 - signal).sqrt()
        if before is None:
            x = clean
        else:
            later = schedule.signal[before]
            variance = eta ** 2 * (1 - later) / (1 - signal) * (1 - signal / later)
            x = later.sqrt() * clean + (1 - later - variance).clamp(min=0).sqrt() * predicted
            if eta:
                x = x + variance.sqrt() * randn_like(x)
        if progress is not None:
            progress(t)
    return x


def guided(denoise: Callable[[Tensor, Tensor, Tensor], Tensor], labels: Tensor, nothing: int,
           weight: float) -> Denoiser:
    """A denoiser that is led towards labels (N,), away from images of no class.

        noise = (1 + weight) * denoise(x, t, labels) - weight * denoise(x, t, nothing)

    denoise: learned with labels, and with the label `nothing` in place of some of them. Both are computed in one batch.

    Source: Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022, equation 6.

        >>> import minidl
        >>> from minidl.generative import guided
        >>> towards = guided(lambda x, t, label: x + label[:, None], minidl.tensor([1, 2]), nothing=0, weight=0.5)
        >>> towards(minidl.zeros(2, 1), minidl.tensor([5, 5])).tolist()
        [[1.5], [3.0]]
    """
    def both(x: Tensor, t: Tensor) -> Tensor:
        if not weight:
            return denoise(x, t, labels)
        none = full((len(x),), nothing, dtype=labels.dtype, device=labels.device)
        led, free = denoise(cat([x, x]), cat([t, t]), cat([labels, none])).chunk(2)
        return (1 + weight) * led - weight * free
    return both
