"""Losses of generative adversarial networks, their penalties, and the pool of made images.

A discriminator gives scores: high for images that it takes for real. Every loss is a pair: `discriminator(real, made)`
and `generator(made)`, both of scores of any shape, both to be made small.

    >>> import minidl
    >>> from minidl import generative
    >>> real, made = minidl.tensor([2.0, 1.0]), minidl.tensor([-1.0, 0.0])
    >>> loss = generative.non_saturating
    >>> round(loss.discriminator(real, made).item(), 4), round(loss.generator(made).item(), 4)
    (0.7233, 1.0032)
"""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from minidl.autograd import grad, no_grad
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.random import Generator
from minidl.tensors.creation import rand, randint, randn
from minidl.tensors.tensor import Tensor

Network = Callable[[Tensor], Tensor]
"""A batch of images to their scores, or to other images."""


class AdversarialLoss(NamedTuple):
    """discriminator: of the scores of real and of made images. generator: of the scores of made images."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def _classify(real: Tensor, made: Tensor) -> Tensor:
    """-log D(real) - log(1 - D(made)), where D is the sigmoid of the score."""
    return F.softplus(-real).mean() + F.softplus(made).mean()


minimax = AdversarialLoss(_classify, lambda made: -F.softplus(made).mean())
"""The game as it is defined.

The generator makes log(1 - D(made)) small, whose slope vanishes while made images are bad.

Source: Goodfellow et al., "Generative Adversarial Nets", 2014, equation 1.
"""
non_saturating = AdversarialLoss(_classify, lambda made: F.softplus(-made).mean())
"""The generator makes log D(made) large instead, whose slope is large then.

Source: Goodfellow et al., 2014, section 3.
"""
least_squares = AdversarialLoss(lambda real, made: ((real - 1).square().mean() + made.square().mean()) / 2,
                                lambda made: (made - 1).square().mean() / 2)
"""Scores of real images should be 1, of made ones 0.

Source: Mao et al., "Least Squares Generative Adversarial Networks", 2017, equation 9.
"""
hinge = AdversarialLoss(lambda real, made: F.relu(1 - real).mean() + F.relu(1 + made).mean(), lambda made: -made.mean())
"""A score beyond 1 on the right side counts no more.

Source: Lim and Ye, "Geometric GAN", 2017.
"""
wasserstein = AdversarialLoss(lambda real, made: made.mean() - real.mean(), lambda made: -made.mean())
"""The distance of two distributions by a critic whose slope is at most 1: see `gradient_penalty`.

Source: Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017.
"""


def gradient_penalty(critic: Network, real: Tensor, made: Tensor, slope: float = 1.0,
                     generator: Generator | None = None) -> Tensor:
    """How far the critic's slope is from `slope`: the mean of (|gradient| - slope)^2.

    The gradient is taken at one point between each real and made image. The result can be differentiated again.
    real, made: (N, ...), of one shape. Weight it with 10 in the critic's loss.

    Errors: ValueError if the shapes differ. Source: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017.

        >>> import minidl
        >>> from minidl.generative import gradient_penalty
        >>> real, made = minidl.ones(4, 2), minidl.zeros(4, 2)
        >>> gradient_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], real, made)      # its slope is 5 everywhere
        tensor(16.)
    """
    if real.shape != made.shape:
        raise ValueError(f"gradient_penalty: expected as many real as made images, of one shape, but got "
                         f"{tuple(real.shape)} and {tuple(made.shape)}")
    share = rand(len(real), *[1] * (real.ndim - 1), dtype=real.dtype, device=real.device, generator=generator)
    between = made.detach() + share * (real.detach() - made.detach())
    return (_slopes(critic, between, eps=1e-12).sqrt() - slope).square().mean()


def r1_penalty(discriminator: Network, real: Tensor) -> Tensor:
    """The mean of |gradient|^2 of the scores at real images (N, ...): there, a perfect discriminator is flat.

    The result can be differentiated again. Weight it with gamma / 2 in the discriminator's loss. It may be added every
    k-th step only, with k times the weight.

    Source: Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018, equation 9.

        >>> import minidl
        >>> from minidl.generative import r1_penalty
        >>> r1_penalty(lambda x: 3 * x[:, 0] + 4 * x[:, 1], minidl.ones(4, 2))
        tensor(25.)
    """
    return _slopes(discriminator, real.detach()).mean()


def _slopes(scores: Network, at: Tensor, eps: float = 0.0) -> Tensor:
    """|gradient|^2 + eps at each of N points; eps keeps the slope of its root finite."""
    at.requires_grad_()
    slope, = grad(scores(at).sum(), at, create_graph=True)
    return slope.flatten(1).square().sum(1) + eps


class PathLength(Module):
    """A penalty if a step in the code does not change the image by the same length everywhere.

        penalty = mean of (|J^T y| - a)^2

    J is the Jacobian of the image with respect to the code, y is noise, and `a` a running average of the length, a
    buffer that follows with `decay`. The result can be differentiated again.

    Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020, equation 4.

        >>> import minidl
        >>> from minidl.generative import PathLength
        >>> codes = minidl.ones(2, 3, requires_grad=True)
        >>> penalty = PathLength()
        >>> penalty((2 * codes).view(2, 3, 1, 1), codes).shape
        ()
    """

    mean: Tensor

    def __init__(self, decay: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", Tensor(0.0))

    def forward(self, images: Tensor, codes: Tensor) -> Tensor:
        """images: (N, C, H, W), computed from codes (N, ..., D)."""
        noise = randn(*images.shape, dtype=images.dtype, device=images.device)
        noise = noise / (images.shape[-1] * images.shape[-2]) ** 0.5
        slope, = grad((images * noise).sum(), codes, create_graph=True)
        lengths = (slope.flatten(1).square().sum(1) / max(slope[0].numel() // slope.shape[-1], 1) + 1e-12).sqrt()
        with no_grad():
            self.mean.lerp_(lengths.mean(), self.decay)
        return (lengths - self.mean).square().mean()


def cycle_consistency(there: Network, back: Network, x: Tensor, y: Tensor) -> Tensor:
    """How much is lost on the way to the other domain and back, for both domains.

        |back(there(x)) - x| + |there(back(y)) - y|, each the mean over its elements

    Source: Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017,
    equation 2.

        >>> import minidl
        >>> from minidl.generative import cycle_consistency
        >>> x = minidl.zeros(2, 3)
        >>> cycle_consistency(lambda x: x + 1, lambda y: y - 1.5, x, x)
        tensor(1.)
    """
    return F.l1_loss(back(there(x)), x) + F.l1_loss(there(back(y)), y)


class ImagePool:
    """The last `size` made images: the discriminator sees half of each batch from it, and forgets less.

    Until it is full, images are kept and given back; later, each is exchanged for an older one with probability 1/2.
    With size 0, images pass unchanged. `state_dict` and `load_state_dict` make a training go on where it stopped.

    Source: Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial Training", 2017,
    section 2.3.

        >>> import minidl
        >>> from minidl.generative import ImagePool
        >>> pool = ImagePool(2)
        >>> pool(minidl.tensor([[1.0], [2.0]])).tolist(), len(pool.images)
        ([[1.0], [2.0]], 2)
        >>> set(pool(minidl.tensor([[3.0]])).flatten().tolist()) <= {1.0, 2.0, 3.0}
        True
    """

    def __init__(self, size: int = 50) -> None:
        if size < 0:
            raise ValueError(f"ImagePool: expected a size of 0 or more images, but got {size}")
        self.size = size
        self.images: list[Tensor] = []

    @no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """As many images (N, ...), without their graph."""
        chosen = images.detach().clone()
        for i in range(len(chosen) if self.size else 0):
            if len(self.images) < self.size:
                self.images.append(chosen[i].clone())
            elif rand(()).item() < 0.5:
                place = int(randint(self.size, ()).item())
                older, self.images[place] = self.images[place], chosen[i].clone()
                chosen[i] = older
        return chosen

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"images": self.images}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        if len(state["images"]) > self.size:
            raise RuntimeError(f"ImagePool.load_state_dict: expected at most {self.size} images, but got "
                               f"{len(state['images'])}")
        self.images = [image.clone() for image in state["images"]]
