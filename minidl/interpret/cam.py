"""Where a network looks: maps of the last layers that still know places."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minidl.autograd import enable_grad, grad, no_grad
from minidl.backend.dtype import finfo
from minidl.interpret.attribution import Target, chosen
from minidl.nn import Linear
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.elementwise import allclose
from minidl.ops.linalg import einsum
from minidl.ops.shape import stack
from minidl.tensors.tensor import Tensor


class GradCAM:
    """A map of what speaks for a class: features weighted by the mean slope of the class's score.

    `GradCAM(model, target_layers)(images, targets)` gives maps (N, H, W) from 0 to 1, as large as the images (N, C, H,
    W). target_layers: modules with outputs (N, C, h, w), or (N, L, D) of tokens on a square grid, with or without a
    class token; their maps are averaged. By default, the last module whose output has places that the score depends
    on: this finds the last convolution of a CNN, and the last useful block of a ViT, a Swin or a CCT. targets: a class,
    or one for each image; the most likely by default. reshape_transform: what makes (N, C, h, w) of a layer's output,
    where it is neither.

    Errors: ValueError if no output has places.
    Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import GradCAM
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> _ = net[0].weight.data.copy_(minidl.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        >>> GradCAM(net)(minidl.tensor([[[[0.0, 2.0], [1.0, 0.0]]]]), 0)
        tensor([[[0.0000, 1.0000],
                 [0.5000, 0.0000]]])
    """

    def __init__(self, model: Module, target_layers: Sequence[Module] | None = None,
                 reshape_transform: Callable[[Tensor], Tensor] | None = None) -> None:
        self.model, self.target_layers, self.reshape_transform = model, target_layers, reshape_transform

    def __call__(self, input_tensor: Tensor, targets: Target = None) -> Tensor:
        outputs: list[Tensor] = []

        def keep(module: Module, arguments: object, output: object) -> None:
            if isinstance(output, Tensor) and output.requires_grad and self._grid(output) is not None:
                outputs.append(output)
        layers = [m for m in self.model.modules() if m is not self.model] if self.target_layers is None \
            else self.target_layers
        handles = [layer.register_forward_hook(keep) for layer in layers]
        try:
            with enable_grad():
                scores = self.model(input_tensor.detach().requires_grad_())
                targets = scores.argmax(1) if targets is None else targets
                slopes = grad(chosen(scores, targets).sum(), outputs, allow_unused=True) if outputs else []
        finally:
            for handle in handles:
                handle.remove()
        known = [(features, slope) for features, slope in zip(map(self._grid, outputs), map(self._grid, slopes))
                 if features is not None and slope is not None and slope.any()]
        if not known:
            raise ValueError("GradCAM: expected a layer whose output has places, (N, C, h, w) or tokens on a square "
                             "grid, and which the score depends on; give target_layers=, or reshape_transform=")
        maps = [self._map(*pair, tuple(input_tensor.shape[2:]))
                for pair in (known[-1:] if self.target_layers is None else known)]
        return stack(maps).mean(0)

    def _grid(self, output: Tensor | None) -> Tensor | None:
        """The output as (N, C, h, w) without its graph; None if it has no places."""
        if output is None:
            return None
        output = output.detach()
        if self.reshape_transform is not None:
            return self.reshape_transform(output)
        if output.ndim == 4:
            return output if output.shape[2] > 1 and output.shape[3] > 1 else None
        if output.ndim != 3:
            return None
        tokens = output.shape[1]
        side = math.isqrt(tokens)
        extra = tokens - side ** 2              # a class token
        if side < 2 or extra > 1 or output.shape[2] == 1:       # one number for each token is its weight in a mean
            return None
        return output[:, extra:].transpose(1, 2).unflatten(2, (side, side))

    @staticmethod
    def _map(features: Tensor, slope: Tensor, size: tuple[int, ...]) -> Tensor:
        return _shown((slope.mean((2, 3), keepdim=True) * features).sum(1), size)


class CAM:
    """The class activation map: the score of a class, place by place.

    Where the scores are a linear layer of the mean over all places of features f, pooling and layer may change places:
    the score of class c is the mean over the places of `M_c = sum_k w_ck f_k`, and its bias. `CAM(model)(images,
    targets)` gives maps as `GradCAM` does, to which they are equal; `maps(images)` the exact ones (N, classes, h, w).

    Errors: ValueError if the scores of the model are not of that form; `GradCAM` takes any.
    Source: Zhou et al., "Learning Deep Features for Discriminative Localization", 2016.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.interpret import CAM
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
        >>> x = minidl.rand(2, 1, 8, 8)
        >>> maps = CAM(net).maps(x)
        >>> maps.shape, minidl.allclose(maps.mean((2, 3)) + net[4].bias, net(x), atol=1e-5)
        ((2, 3, 6, 6), True)
    """

    def __init__(self, model: Module) -> None:
        self.model = model

    def __call__(self, input_tensor: Tensor, targets: Target = None) -> Tensor:
        maps, scores = self._maps(input_tensor)
        return _shown(chosen(maps, scores.argmax(1) if targets is None else targets), tuple(input_tensor.shape[2:]))

    def maps(self, input_tensor: Tensor) -> Tensor:
        """The exact maps of all classes, (N, classes, h, w)."""
        return self._maps(input_tensor)[0]

    @no_grad()
    def _maps(self, input_tensor: Tensor) -> tuple[Tensor, Tensor]:
        features: list[Tensor] = []
        layers: list[tuple[Linear, Tensor]] = []

        def keep(module: Module, arguments: tuple[object, ...], output: object) -> None:
            if isinstance(module, Linear) and isinstance(arguments[0], Tensor) and arguments[0].ndim == 2:
                layers.append((module, arguments[0].clone()))
            elif isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
                features.append(output)
        handles = [module.register_forward_hook(keep) for module in self.model.modules()]
        try:
            scores = self.model(input_tensor)
        finally:
            for handle in handles:
                handle.remove()
        for last in (each for output in features[:-3:-1] for each in (output, F.relu(output))):
            mean = last.mean((2, 3))
            if layers and mean.shape == layers[-1][1].shape and allclose(mean, layers[-1][1], rtol=1e-3, atol=1e-4):
                return einsum("ck,nkhw->nchw", layers[-1][0].weight, last), scores
            if mean.shape == scores.shape and allclose(mean, scores, rtol=1e-3, atol=1e-4):     # its maps are classes
                return last, scores
        raise ValueError("CAM: expected a model whose scores are a linear layer of the mean of the last maps; try "
                         "GradCAM, and model.eval() before if it has dropout")


def _shown(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """What is positive in maps (N, h, w), as large as the images, from 0 to 1."""
    found = F.interpolate(F.relu(maps)[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    low, high = found.amin((1, 2), keepdim=True), found.amax((1, 2), keepdim=True)
    return (found - low) / (high - low).clamp(min=finfo(found.dtype).tiny)
