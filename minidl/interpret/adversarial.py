"""Small changes of an image that make a classifier err."""
from __future__ import annotations

from minidl.autograd import enable_grad, grad
from minidl.interpret.attribution import Forward
from minidl.nn import functional as F
from minidl.tensors.creation import rand_like
from minidl.tensors.tensor import Tensor


def fgsm(model: Forward, images: Tensor, labels: Tensor, epsilon: float, low: float = 0.0, high: float = 1.0) -> Tensor:
    """One step of `epsilon` for each pixel in the direction that raises the loss.

    images: (N, ...), from low to high, where they stay. labels: (N,), the right ones.

    Source: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", 2015.

        >>> import minidl
        >>> from minidl.interpret import fgsm
        >>> scores = lambda x: minidl.stack([x.sum(1), -x.sum(1)], 1)
        >>> fgsm(scores, minidl.tensor([[0.5, 0.05]]), minidl.tensor([0]), 0.1)
        tensor([[0.4000, 0.0000]])
    """
    return (images.detach() + epsilon * _uphill(model, images, labels).sign()).clamp(low, high)


def pgd(model: Forward, images: Tensor, labels: Tensor, epsilon: float, steps: int = 10, step: float | None = None,
        start: bool = True, low: float = 0.0, high: float = 1.0) -> Tensor:
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
    for _ in range(steps):
        x = x + (2.5 * epsilon / steps if step is None else step) * _uphill(model, x, labels).sign()
        x = x.clamp(images - epsilon, images + epsilon).clamp(low, high)
    return x


def _uphill(model: Forward, images: Tensor, labels: Tensor) -> Tensor:
    """The slope of the loss with respect to the images."""
    with enable_grad():
        x = images.detach().requires_grad_()
        return grad(F.cross_entropy(model(x), labels, reduction="sum"), x)[0]
