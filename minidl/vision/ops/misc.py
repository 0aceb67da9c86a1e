"""Layers that many networks for images are made of, with torchvision's names, arguments and keys."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.tensors.creation import ones, zeros
from minidl.tensors.tensor import Tensor

Norm = Callable[[int], nn.Module]
Size = int | tuple[int, ...]


def _arguments(inplace: bool | None) -> dict[str, bool]:
    """None leaves it to the layer, which may not take the argument."""
    return {} if inplace is None else {"inplace": inplace}


def _same_padding(kernel_size: Size, dilation: Size) -> Size:
    """With it, and a stride of 1, the image keeps its size where kernel_size is odd."""
    if isinstance(kernel_size, int) and isinstance(dilation, int):
        return (kernel_size - 1) // 2 * dilation
    dims = len(kernel_size if isinstance(kernel_size, Sequence) else dilation)      # type: ignore[arg-type]
    sizes = [kernel_size] * dims if isinstance(kernel_size, int) else kernel_size
    steps = [dilation] * dims if isinstance(dilation, int) else dilation
    return tuple((size - 1) // 2 * step for size, step in zip(sizes, steps, strict=True))


class ConvNormActivation(nn.Sequential):
    """A convolution, its norm and its activation, at the keys 0, 1 and 2.

    conv_layer: makes the convolution. Other arguments are those of `Conv2dNormActivation`.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Size = 3, stride: Size = 1,
                 padding: Size | str | None = None, groups: int = 1, norm_layer: Norm | None = nn.BatchNorm2d,
                 activation_layer: Callable[..., nn.Module] | None = nn.ReLU, dilation: Size = 1,
                 inplace: bool | None = True, bias: bool | None = None,
                 conv_layer: Callable[..., nn.Module] = nn.Conv2d) -> None:
        padding = _same_padding(kernel_size, dilation) if padding is None else padding
        bias = norm_layer is None if bias is None else bias
        layers = [conv_layer(in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups,
                             bias=bias)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**_arguments(inplace)))
        super().__init__(*layers)
        self.out_channels = out_channels


class Conv2dNormActivation(ConvNormActivation):
    """A convolution, a norm and an activation: images (N, in_channels, H, W) to (N, out_channels, H', W').

    Args:
        padding: if not given, (kernel_size - 1) // 2 * dilation: the image keeps its size at stride 1.
        norm_layer: makes the norm for a number of channels; None leaves it out.
        activation_layer: makes the activation; None leaves it out.
        inplace: given to activation_layer; with None it is called without.
        bias: of the convolution; if not given, it has one where there is no norm.

    Errors: those of `Conv2d`.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.Conv2dNormActivation(3, 8, kernel_size=5, stride=2)(minidl.rand(2, 3, 32, 32)).shape
        (2, 8, 16, 16)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, int] = 3,
                 stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] | str | None = None,
                 groups: int = 1, norm_layer: Norm | None = nn.BatchNorm2d,
                 activation_layer: Callable[..., nn.Module] | None = nn.ReLU, dilation: int | tuple[int, int] = 1,
                 inplace: bool | None = True, bias: bool | None = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer, activation_layer,
                         dilation, inplace, bias, nn.Conv2d)


class Conv3dNormActivation(ConvNormActivation):
    """`Conv2dNormActivation` for videos (N, in_channels, D, H, W).

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.Conv3dNormActivation(3, 8)(minidl.rand(2, 3, 4, 6, 6)).shape
        (2, 8, 4, 6, 6)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, int, int] = 3,
                 stride: int | tuple[int, int, int] = 1, padding: int | tuple[int, int, int] | str | None = None,
                 groups: int = 1, norm_layer: Norm | None = nn.BatchNorm3d,
                 activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
                 dilation: int | tuple[int, int, int] = 1, inplace: bool | None = True,
                 bias: bool | None = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer, activation_layer,
                         dilation, inplace, bias, nn.Conv3d)


class SqueezeExcitation(nn.Module):
    """Each channel times a number that the means of all channels decide: input (N, input_channels, H, W).

        scale_activation(fc2(activation(fc1(mean over H and W))))

    Args:
        squeeze_channels: between fc1 and fc2, which are 1x1 convolutions.
        activation, scale_activation: make a layer without arguments.

    Source: Hu, Shen and Sun, "Squeeze-and-Excitation Networks", 2017, https://arxiv.org/abs/1709.01507

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.SqueezeExcitation(8, 2)(minidl.rand(4, 8, 6, 6)).shape
        (4, 8, 6, 6)
    """

    def __init__(self, input_channels: int, squeeze_channels: int, activation: Callable[[], nn.Module] = nn.ReLU,
                 scale_activation: Callable[[], nn.Module] = nn.Sigmoid) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.activation(self.fc1(self.avgpool(input)))          # (N, squeeze_channels, 1, 1)
        return self.scale_activation(self.fc2(scale)) * input


class MLP(nn.Sequential):
    """Linear, norm, activation and dropout for each width, and Linear and dropout for the last: (*, in_channels).

    Args:
        hidden_channels: the widths; the last is that of the output.
        norm_layer, activation_layer: make a layer (the norm for a width); None leaves it out.
        inplace: given to activation_layer and to the dropout; with None they are called without.
        bias: of the linear layers.
        dropout: the share that is set to 0 in training.

    Errors: IndexError where hidden_channels is empty.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.MLP(8, [32, 4], dropout=0.1)(minidl.rand(2, 5, 8)).shape
        (2, 5, 4)
    """

    def __init__(self, in_channels: int, hidden_channels: Sequence[int], norm_layer: Norm | None = None,
                 activation_layer: Callable[..., nn.Module] | None = nn.ReLU, inplace: bool | None = None,
                 bias: bool = True, dropout: float = 0.0) -> None:
        if not hidden_channels:
            raise IndexError(f"MLP: hidden_channels needs at least the width of the output, but got {hidden_channels}")
        layers: list[nn.Module] = []
        for width in hidden_channels[:-1]:
            layers.append(nn.Linear(in_channels, width, bias=bias))
            if norm_layer is not None:
                layers.append(norm_layer(width))
            if activation_layer is not None:
                layers.append(activation_layer(**_arguments(inplace)))
            layers.append(nn.Dropout(dropout, **_arguments(inplace)))
            in_channels = width
        layers.append(nn.Linear(in_channels, hidden_channels[-1], bias=bias))
        layers.append(nn.Dropout(dropout, **_arguments(inplace)))
        super().__init__(*layers)


class Permute(nn.Module):
    """The input's dimensions in another order, as a view.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.Permute([0, 2, 3, 1])(minidl.rand(2, 3, 4, 5)).shape
        (2, 4, 5, 3)
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)


class FrozenBatchNorm2d(nn.Module):
    """Batch norm of images (N, num_features, H, W) that learns nothing: all of it is buffers.

    Detectors take it where too few images come at once. A state dict of `BatchNorm2d` loads.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> frozen = ops.FrozenBatchNorm2d(3)
        >>> frozen.load_state_dict(minidl.nn.BatchNorm2d(3).state_dict())
        <All keys matched successfully>
        >>> frozen, list(frozen.parameters())
        (FrozenBatchNorm2d(3, eps=1e-05), [])
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", ones(num_features))
        self.register_buffer("bias", zeros(num_features))
        self.register_buffer("running_mean", zeros(num_features))
        self.register_buffer("running_var", ones(num_features))

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        state.pop(prefix + "num_batches_tracked", None)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"
