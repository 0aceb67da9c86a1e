"""Normalisation layers with their running statistics. `ops.norm` has the formulas."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import minidl.distributed as dist
from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import int64
from minidl.backend.warn import warn
from minidl.distributed.functional import all_reduce
from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.norm import batch_norm_counted
from minidl.ops.shape import cat
from minidl.tensors.creation import full, ones, zeros
from minidl.tensors.tensor import Tensor


class _Norm(Module):
    """Base class: a scale that starts at one and a shift that starts at zero, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def _make_affine(self, shape: Sequence[int], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        self.register_parameter("weight", Parameter(ones(shape, device=device, dtype=dtype)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, device=device, dtype=dtype)) if bias else None)

    def reset_parameters(self) -> None:
        """Restore the initial values."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class _TrackingNorm(_Norm):
    """Base class of batch and instance normalisation: per-channel scale, shift and running statistics."""

    _version: ClassVar[int] = 2     # version 2 added `num_batches_tracked` to the saved state

    dims: tuple[int, ...]       # how many dimensions the input may have
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float, momentum: float | None, affine: bool,
                 track_running_stats: bool, device: Any, dtype: Any, bias: bool) -> None:
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
        """Restore the initial values, running statistics included."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self.dims:
            raise ValueError(f"expected {' or '.join(f'{n}D' for n in self.dims)} input (got {input.ndim}D input): "
                             f"{self._get_name()} was given shape {tuple(input.shape)}")

    def _channel_axis(self, input: Tensor) -> int:
        return 1

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        key = prefix + "num_batches_tracked"
        if metadata.get("version", 1) < 2 and self.num_batches_tracked is not None and key not in state:
            state[key] = self.num_batches_tracked.detach()

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")


# ---------------------------------------------------------------------- over the batch

class _BatchNorm(_TrackingNorm):
    """Batch normalisation of inputs with any number of spatial axes."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        update = self.training and self.track_running_stats
        batches = self.num_batches_tracked if update else None
        if batches is not None and self.momentum is None:   # the plain average of all batches
            momentum = 1.0 / (batches.item() + 1)
        use_batch = self.training or self.running_mean is None and self.running_var is None
        mean, var = (self.running_mean, self.running_var) if update or not use_batch else (None, None)
        return batch_norm_counted(input, mean, var, self.weight, self.bias, use_batch, momentum, self.eps, batches)


class BatchNorm1d(_BatchNorm):
    """Normalise every channel to mean 0 and variance 1 over the batch.

    Then scale and shift it by learned numbers. input (N, C) or (N, C, L). Training uses the mean and variance of the
    batch, and updates the running statistics:

        running = (1 - momentum) * running + momentum * batch

    with the unbiased variance; `momentum=None` averages all batches instead. Evaluation uses the running statistics,
    or the batch's if `track_running_stats` is False. affine: whether weight and bias are learned;
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
    """`BatchNorm1d` for images (N, C, H, W). Statistics are over all images and pixels.

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.BatchNorm2d(3)(minidl.randn(8, 3, 5, 5) * 10 + 7)
        >>> bool((y.mean((0, 2, 3)).abs() < 1e-4).all())
        True
    """

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm1d` for volumes (N, C, D, H, W). Statistics are over all volumes and positions.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.BatchNorm3d(3)(minidl.randn(2, 3, 4, 5, 6)).shape
        (2, 3, 4, 5, 6)
    """

    dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation (N, C, *) whose mean and variance are those of all ranks.

    In training, two ranks with half of a batch each normalise as one with the whole, and gradients pass between them.
    process_group: the ranks that share their statistics; all by default. In one process, before
    `distributed.init_process_group` and in evaluation, this is `BatchNorm1d` for any number of dimensions.
    Errors: as `BatchNorm1d`; ValueError for one value a channel in all.

        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        >>> nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]
        SyncBatchNorm(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, process_group: Any = None, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input, of the same shape."""
        use_batch = self.training or self.running_mean is None
        if not (use_batch and dist.is_initialized() and dist.get_world_size(self.process_group) > 1):
            return super().forward(input)
        self._check_input_dim(input)
        axes, shape = (0, *range(2, input.ndim)), (1, -1, *[1] * (input.ndim - 2))
        local = cat([input.sum(axes), full((1,), input.numel() / input.shape[1], dtype=input.dtype,
                                           device=input.device)])
        summed = all_reduce(local, self.process_group)
        count = summed[-1].detach()
        if count.item() < 2:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.size()}")
        mean = summed[:-1] / count
        centred = input - mean.view(shape)
        var = all_reduce((centred * centred).sum(axes), self.process_group) / count
        if self.training and self.track_running_stats:
            self._update(mean.detach(), var.detach() * (count / (count - 1)))
        y = centred * (var + self.eps).rsqrt().view(shape)
        y = y if self.weight is None else y * self.weight.view(shape)
        return y if self.bias is None else y + self.bias.view(shape)

    def _update(self, mean: Tensor, var: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        with no_grad():
            self.num_batches_tracked.add_(1)
            share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(var, share)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Replace all batch normalisations of a module. They keep their parameters and statistics."""
        converted = module
        if isinstance(module, _BatchNorm):
            converted = cls(module.num_features, module.eps, module.momentum, module.affine,
                            module.track_running_stats, process_group)
            converted._parameters, converted._buffers = module._parameters, module._buffers
            converted.training = module.training
        for name, child in module.named_children():
            setattr(converted, name, cls.convert_sync_batchnorm(child, process_group))
        return converted


# ---------------------------------------------------------------------- over each image alone

class _InstanceNorm(_TrackingNorm):
    """Instance normalisation of inputs with any number of spatial axes."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _channel_axis(self, input: Tensor) -> int:
        return input.ndim - self.dims[0]    # dims begins with the number without a batch axis

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        channel = self._channel_axis(input)
        if input.shape[channel] != self.num_features:
            if self.affine:
                raise ValueError(f"expected input's size at dim={channel} to match num_features "
                                 f"({self.num_features}), but got: {input.shape[channel]}.")
            warn(f"input's size at dim={channel} does not match num_features. You can silence this warning "
                 f"by not passing in num_features, which is not used because affine=False")
        batch = input if channel else input.unsqueeze(0)
        y = F.instance_norm(batch, self.running_mean, self.running_var, self.weight, self.bias,
                            self.training or not self.track_running_stats,
                            0.0 if self.momentum is None else self.momentum, self.eps)
        return y if channel else y.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """`InstanceNorm2d` for signals: input (N, C, L) or (C, L).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.InstanceNorm1d(2)(minidl.tensor([[1., 3.], [10., 30.]]))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise every channel of every image to mean 0 and variance 1.

    input (N, C, H, W) or (C, H, W) -> the same. affine: then scale and shift each channel by learned numbers; bias:
    whether a bias is learned. track_running_stats: track the statistics in training, as `BatchNorm1d` does, and use
    them in evaluation. By default each image uses its own statistics in evaluation too.
    Errors: ValueError for another number of dimensions, or of channels if affine; in training for a single pixel.
    Source: Ulyanov et al., "Instance Normalization", 2016, https://arxiv.org/abs/1607.08022

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.InstanceNorm2d(3)(minidl.randn(8, 3, 5, 5) * 10 + 7)
        >>> bool((y.mean((2, 3)).abs() < 1e-4).all())
        True
    """

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm2d` for volumes: input (N, C, D, H, W) or (C, D, H, W).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.InstanceNorm3d(3)(minidl.randn(2, 3, 4, 5, 6)).shape
        (2, 3, 4, 5, 6)
    """

    dims = (4, 5)


# ---------------------------------------------------------------------- over each sample


class LayerNorm(_Norm):
    """Normalise each sample to mean 0 and variance 1 over its last dimensions.

    Then scale and shift it by learned numbers. input (*, *normalized_shape); weight and bias have the shape
    `normalized_shape`, a tuple or an int.
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


class RMSNorm(Module):
    """Divide each sample by its root mean square over its last dimensions.

    Then multiply by the learned weight. input (*, *normalized_shape); weight has the shape `normalized_shape`, a tuple
    or an int. eps: added to the mean square; the machine epsilon of the dtype if not given.
    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, https://arxiv.org/abs/1910.07467

        >>> import minidl
        >>> from minidl import nn
        >>> nn.RMSNorm(2, elementwise_affine=False)(minidl.tensor([[3., 4.]]))
        tensor([[0.8485, 1.1314]])
    """

    weight: Parameter | None

    def __init__(self, normalized_shape: int | Sequence[int], eps: float | None = None,
                 elementwise_affine: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def reset_parameters(self) -> None:
        """Restore the initial values."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Norm):
    """Normalise groups of channels of each image to mean 0 and variance 1.

    A group has C/num_groups channels. Then scale and shift by learned numbers. input (N, C, *); weight and bias (C,).
    Errors: ValueError where num_groups does not divide the channels.
    Source: Wu and He, "Group Normalization", 2018, https://arxiv.org/abs/1803.08494

        >>> import minidl
        >>> from minidl import nn
        >>> nn.GroupNorm(2, 4, affine=False)(minidl.tensor([[1., 3., 10., 30.]]))
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
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
