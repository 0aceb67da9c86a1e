"""Small changes of an image that make a classifier err."""
from __future__ import annotations

from minidl.autograd import enable_grad, grad, no_grad
from minidl.interpret.attribution import Forward
from minidl.nn import functional as F
from minidl.ops.shape import stack
from minidl.optim import Adam
from minidl.tensors.creation import full, ones_like, rand_like, randint
from minidl.tensors.tensor import Tensor


def fgsm(model: Forward, images: Tensor, labels: Tensor, epsilon: float, low: float = 0.0, high: float = 1.0,
         targeted: bool = False) -> Tensor:
    """One step of `epsilon` for each pixel in the direction that raises the loss.

    images: (N, ...), from low to high, where they stay. labels: (N,), the right ones; or if it is targeted, the wanted
    ones, whose loss falls.

    Source: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", 2015.

        >>> import minidl
        >>> from minidl.interpret import fgsm
        >>> scores = lambda x: minidl.stack([x.sum(1), -x.sum(1)], 1)
        >>> fgsm(scores, minidl.tensor([[0.5, 0.05]]), minidl.tensor([0]), 0.1)
        tensor([[0.4000, 0.0000]])
    """
    way = -epsilon if targeted else epsilon
    return (images.detach() + way * _uphill(model, images, labels).sign()).clamp(low, high)


def pgd(model: Forward, images: Tensor, labels: Tensor, epsilon: float, steps: int = 10, step: float | None = None,
        start: bool = True, low: float = 0.0, high: float = 1.0, targeted: bool = False) -> Tensor:
    """Many small steps of `fgsm`, never further than `epsilon` from the image.

    step: the length of one, 2.5 epsilon / steps by default. start: whether to begin at a random place near the image.

    Source: Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.

        >>> import minidl
        >>> from minidl.interpret import pgd
        >>> scores = lambda x: minidl.stack([x.sum(1), -x.sum(1)], 1)
        >>> pgd(scores, minidl.tensor([[0.5, 0.05]]), minidl.tensor([0]), 0.1)
        tensor([[0.4000, 0.0000]])
    """
    if steps < 1:
        raise ValueError(f"pgd: expected at least one step, but got steps={steps}")
    images = images.detach()
    x = images + epsilon * (2 * rand_like(images) - 1) if start else images
    x = x.clamp(low, high)
    way = (-1 if targeted else 1) * (2.5 * epsilon / steps if step is None else step)
    for _ in range(steps):
        x = x + way * _uphill(model, x, labels).sign()
        x = x.clamp(images - epsilon, images + epsilon).clamp(low, high)
    return x


def adversarial_patch(model: Forward, images: Tensor, target: int, size: int, steps: int = 200, batch_size: int = 32,
                      lr: float = 0.05, low: float = 0.0, high: float = 1.0) -> Tensor:
    """A patch (C, size, size) that makes a classifier see `target` wherever it lies on whichever image (N, C, H, W).

    `with_patch` puts it on images. Source: Brown et al., "Adversarial Patch", 2017.

        >>> import minidl
        >>> from minidl.interpret import adversarial_patch, with_patch
        >>> darker = lambda x: minidl.stack([x.flatten(1).sum(1), -x.flatten(1).sum(1)], 1)
        >>> patch = adversarial_patch(darker, minidl.rand(8, 1, 6, 6), target=1, size=2)
        >>> patch.max().item()
        0.0
    """
    patch = images.new_full((images.shape[1], size, size), (low + high) / 2)
    optimizer = Adam([patch], lr=lr)
    for _ in range(steps):
        some = images[randint(len(images), (batch_size,), device=images.device)]
        with enable_grad():
            leaf = patch.detach().requires_grad_()
            scores = model(with_patch(some, leaf))
            patch.grad = grad(F.cross_entropy(scores, full((len(some),), target, device=scores.device)), leaf)[0]
        with no_grad():
            optimizer.step()
            patch.clamp_(low, high)
    return patch.detach()


def with_patch(images: Tensor, patch: Tensor) -> Tensor:
    """Images (N, C, H, W) that a patch (C, h, w) covers a part of, each at a random place.

        >>> import minidl
        >>> from minidl.interpret import with_patch
        >>> with_patch(minidl.zeros(3, 1, 4, 4), minidl.ones(1, 2, 2)).sum((1, 2, 3))
        tensor([4., 4., 4.])
    """
    (height, width), (h, w) = images.shape[2:], patch.shape[1:]
    if h > height or w > width:
        raise ValueError(f"with_patch: expected a patch of at most {height}x{width} pixels, but got {h}x{w}")
    tops, lefts = randint(height - h + 1, (len(images),)).tolist(), randint(width - w + 1, (len(images),)).tolist()
    frames = stack([F.pad(patch, (left, width - w - left, top, height - h - top)) for top, left in zip(tops, lefts)])
    covered = stack([F.pad(ones_like(patch), (left, width - w - left, top, height - h - top))
                     for top, left in zip(tops, lefts)])
    return images * (1 - covered) + frames


def _uphill(model: Forward, images: Tensor, labels: Tensor) -> Tensor:
    """The slope of the loss with respect to the images."""
    with enable_grad():
        x = images.detach().requires_grad_()
        return grad(F.cross_entropy(model(x), labels, reduction="sum"), x)[0]
