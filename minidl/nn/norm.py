"""Normalisation layers. The running statistics of batch normalisation live here; the formulas in `ops.norm`."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend.dtype import int64
from minidl.creation import ones, zeros
from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.tensor import Tensor


class _Norm(Module):
    """A scale that starts at one and a shift that starts at zero, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_affine(self, shape: Sequence[int], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        self.register_parameter("weight", Parameter(ones(shape, device=device, dtype=dtype)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, device=device, dtype=dtype)) if bias else None)

    def reset_parameters(self) -> None:
        """Back to the initial values."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _BatchNorm(_Norm):
    """Batch normalisation of inputs with any number of position axes."""

    dims: tuple[int, ...]       # how many dimensions the input may have
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._make_affine((num_features,), affine, affine and bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", zeros((), device=device, dtype=int64) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen so far."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Back to the initial values, running statistics included."""
        self.reset_running_stats()
        super().reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.dims:
            raise ValueError(f"expected {' or '.join(f'{n}D' for n in self.dims)} input (got {input.ndim}D input): "
                             f"{self._get_name()} was given shape {tuple(input.shape)}")
        momentum = 0.0 if self.momentum is None else self.momentum
        update = self.training and self.track_running_stats
        if update and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:   # the plain average of all batches
                momentum = 1.0 / self.num_batches_tracked.item()
        use_batch = self.training or self.running_mean is None and self.running_var is None
        mean, var = (self.running_mean, self.running_var) if update or not use_batch else (None, None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, use_batch, momentum, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


class BatchNorm1d(_BatchNorm):
    """Shift and scale every channel to mean 0 and variance 1 over the batch, then to a learned mean and spread.

    input (N, C) or (N, C, L). In training the batch's own mean and variance are used, and noted:

        running = (1 - momentum) * running + momentum * batch

    with the unbiased variance; `momentum=None` takes the average of all batches instead. In evaluation the running
    ones are used, or the batch's if `track_running_stats` is False. affine: whether weight and bias are learned;
    bias: whether a bias is.
    Errors: ValueError for another number of dimensions, or in training for one value per channel.
    Source: Ioffe and Szegedy, "Batch Normalization", 2015, https://arxiv.org/abs/1502.03167

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.BatchNorm1d(2)
        >>> layer(minidl.tensor([[1., 10.], [3., 30.]]))
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]], grad_fn=<Normalize>)
        >>> layer.running_mean
        tensor([0.2000, 2.0000])
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images: input (N, C, H, W), statistics of each channel over all images and pixels."""

    dims = (4,)


class LayerNorm(_Norm):
    """Shift and scale each sample to mean 0 and variance 1 over its last dimensions, then to a learned mean and spread.

    input (*, *normalized_shape); weight and bias have the shape `normalized_shape`, a tuple or an int.
    Source: Ba et al., "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LayerNorm(2, elementwise_affine=False)(minidl.tensor([[1., 3.], [10., 30.]]))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
                 bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._make_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")


class GroupNorm(_Norm):
    """Shift and scale groups of C/num_groups channels of each image to mean 0 and variance 1, then as learned.

    input (N, C, *); weight and bias (C,). Errors: ValueError where num_groups does not divide the channels.
    Source: Wu and He, "Group Normalization", 2018, https://arxiv.org/abs/1803.08494
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"num_channels must be divisible by num_groups, but got num_channels={num_channels}, "
                             f"num_groups={num_groups}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._make_affine((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")
