"""Images made by gradients: what a unit, a class or a layer wants to see, what it keeps of an image, and style.

A score is any function of images (N, C, H, W) that gives one number for each. `gradient_ascent` climbs it; the others
say which score. A model that wants its images normalised is handed over with what normalises them,
`nn.Sequential(Normalize(...), model)`, so that pixels stay from 0 to 1.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from minidl.autograd import enable_grad, grad, no_grad
from minidl.backend.dtype import finfo
from minidl.interpret.attribution import Forward
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.shape import roll
from minidl.optim import Adam
from minidl.tensors.creation import randint
from minidl.tensors.tensor import Tensor


def activations(model: Forward, layers: Iterable[Module], images: Tensor) -> list[Tensor]:
    """The outputs of some layers of a model, with their graph.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import activations
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
        >>> [each.shape for each in activations(net, [net[0], net[2]], minidl.rand(5, 1, 8, 8))]
        [(5, 4, 6, 6), (5, 2, 4, 4)]
    """
    layers = list(layers)
    found: dict[int, Tensor] = {}

    def keep(number: int) -> Callable[..., None]:
        return lambda module, arguments, output: found.__setitem__(number, output)
    handles = [layer.register_forward_hook(keep(number)) for number, layer in enumerate(layers)]
    try:
        model(images)
    finally:
        for handle in handles:
            handle.remove()
    if len(found) < len(layers):
        missing = next(layer for number, layer in enumerate(layers) if number not in found)
        raise ValueError(f"activations: expected layers that the model calls, but it does not call {missing}")
    return [found[number] for number in range(len(layers))]


def total_variation(images: Tensor) -> Tensor:
    """The mean difference (N,) of neighbouring pixels: small if an image is smooth.

        >>> import minidl
        >>> from minidl.interpret import total_variation
        >>> total_variation(minidl.tensor([[[[0.0, 1.0], [0.0, 1.0]]]]))
        tensor([1.])
    """
    along, down = images.diff(dim=3).abs(), images.diff(dim=2).abs()
    return along.flatten(1).mean(1) + down.flatten(1).mean(1)


def gradient_ascent(score: Forward, start: Tensor, steps: int = 200, lr: float = 0.05, decay: float = 0.0,
                    smooth: float = 0.0, jitter: int = 0, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Images that raise a score, found by Adam on their pixels from `start` (N, C, H, W) on.

    The prior keeps them images: pixels stay from low to high; decay: of squared distance to the middle of the two, and
    smooth: of `total_variation`, are subtracted from the score. jitter: the image is moved by up to so many pixels
    before each step, so that the network cannot rely on a grid. Several starts show several facets of a unit.

    Source: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2014.

        >>> import minidl
        >>> from minidl.interpret import gradient_ascent
        >>> gradient_ascent(lambda x: -(x - 0.3).square().flatten(1).sum(1), minidl.zeros(1, 1, 1, 2)).round(decimals=3)
        tensor([[[[0.3000, 0.3000]]]])
    """
    x = start.detach().clone()
    optimizer = Adam([x], lr=lr)
    middle = (low + high) / 2
    for _ in range(steps):
        with enable_grad():
            leaf = x.detach().requires_grad_()
            value = score(_moved(leaf, jitter)) - decay * (leaf - middle).square().flatten(1).mean(1)
            if smooth:
                value = value - smooth * total_variation(leaf)
            x.grad = -grad(value.sum(), leaf)[0]
        with no_grad():
            optimizer.step()
            x.clamp_(low, high)
    return x.detach()


def invert(model: Forward, layer: Module, images: Tensor, start: Tensor, steps: int = 200, lr: float = 0.05,
           smooth: float = 0.1) -> Tensor:
    """Images from which a layer computes nearly the same as from the given ones: what it has kept of them.

    Source: Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them", 2015.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import invert
        >>> net = nn.Conv2d(1, 4, 1)
        >>> x = minidl.rand(1, 1, 4, 4)
        >>> bool((invert(net, net, x, minidl.zeros(1, 1, 4, 4), smooth=0) - x).abs().max() < 0.05)
        True
    """
    with no_grad():
        wanted = activations(model, [layer], images)[0].detach()
    size = wanted.square().flatten(1).sum(1)
    return gradient_ascent(lambda x: -(activations(model, [layer], x)[0] - wanted).square().flatten(1).sum(1) / size,
                           start, steps, lr, smooth=smooth)


def deepdream(model: Forward, layers: Sequence[Module], image: Tensor, octaves: int = 4, scale: float = 1.4,
              steps: int = 10, lr: float = 0.02, jitter: int = 8, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Amplify what layers see in images (N, C, H, W): climb the mean square of their outputs.

    It begins with a small image and goes on with larger ones, `octaves` times, so that patterns of all sizes grow; what
    is lost in a small image is added again. A step is as long as the mean slope of a pixel is to 1, times lr.

    Source: Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks", 2015.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import deepdream
        >>> net = nn.Conv2d(3, 4, 3)
        >>> x = minidl.rand(1, 3, 24, 32)
        >>> dream = deepdream(net, [net], x, octaves=2)
        >>> dream.shape, bool(net(dream).square().mean() > net(x).square().mean())
        ((1, 3, 24, 32), True)
    """
    sizes = [tuple(max(8, round(side / scale ** octave)) for side in image.shape[2:]) for octave in range(octaves)]
    dream = _resized(image, sizes[-1])
    for before, size in zip([None, *sizes[:0:-1]], sizes[::-1]):
        if before is not None:
            lost = _resized(image, size) - _resized(_resized(image, before), size)
            dream = (_resized(dream, size) + lost).clamp(low, high)
        for _ in range(steps):
            with enable_grad():
                x = dream.detach().requires_grad_()
                seen = activations(model, layers, _moved(x, jitter))
                score = sum((each.square().mean() for each in seen[1:]), seen[0].square().mean())
                slope = grad(score, x)[0]
            size_of_slope = slope.abs().mean((1, 2, 3), keepdim=True).clamp(min=finfo(slope.dtype).tiny)
            dream = (dream + lr * slope / size_of_slope).clamp(low, high)
    return dream.detach()


def gram_matrix(features: Tensor) -> Tensor:
    """How often two channels fire together, (N, C, C), of features (N, C, h, w): texture without places.

        >>> import minidl
        >>> from minidl.interpret import gram_matrix
        >>> gram_matrix(minidl.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]]))
        tensor([[[2.5000, 1.5000],
                 [1.5000, 4.5000]]])
    """
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def style_transfer(model: Forward, content: Tensor, style: Tensor, content_layers: Sequence[Module],
                   style_layers: Sequence[Module], style_weight: float = 10.0, smooth: float = 0.1, steps: int = 200,
                   lr: float = 0.05, start: Tensor | None = None) -> Tensor:
    """An image with the objects of one and the texture of another: (1, C, H, W) each, of any sizes.

    It keeps the outputs of the content layers, and the Gram matrices of the style layers, each relative to its size.
    Without content layers it is texture synthesis. start: the content by default.

    Source: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import gram_matrix, style_transfer
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        >>> content, style = minidl.rand(1, 3, 16, 16), minidl.rand(1, 3, 20, 20) ** 4
        >>> made = style_transfer(net, content, style, [], [net[1]], steps=50)
        >>> wanted, before, after = (gram_matrix(net(x)) for x in (style, content, made))
        >>> bool((after - wanted).abs().sum() < 0.2 * (before - wanted).abs().sum())
        True
    """
    with no_grad():
        kept = [each.detach() for each in activations(model, content_layers, content)]
        grams = [gram_matrix(each).detach() for each in activations(model, style_layers, style)]

    def score(x: Tensor) -> Tensor:
        found = activations(model, [*content_layers, *style_layers], x)
        errors = [_distance(each, wanted) for each, wanted in zip(found, kept)]
        errors += [style_weight * _distance(gram_matrix(each), wanted)
                   for each, wanted in zip(found[len(kept):], grams)]
        return -sum(errors[1:], errors[0])
    return gradient_ascent(score, content if start is None else start, steps, lr, smooth=smooth)


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    return (found - wanted).square().flatten(1).sum(1) / wanted.square().flatten(1).sum(1)


def _resized(images: Tensor, size: tuple[int, ...]) -> Tensor:
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)


def _moved(images: Tensor, jitter: int) -> Tensor:
    """Images moved by up to `jitter` pixels, around the edge."""
    return roll(images, randint(-jitter, jitter + 1, (2,)).tolist(), (2, 3)) if jitter else images
