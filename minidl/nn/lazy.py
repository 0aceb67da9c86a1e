"""Layers that learn the number of their inputs from the first input."""
from __future__ import annotations

from typing import Any

from minidl.backend.dtype import int64
from minidl.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Numbers
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from minidl.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor


class LazyModuleMixin:
    """Make a Module lazy. Name this class before Module in the bases.

    Such a class makes its parameters UninitializedParameters. Its `initialize_parameters` materializes them; it is
    called with the arguments of the first call. After that the object becomes a `cls_to_become`, if there is one.
    Move, cast and load a lazy module like any other. Make the optimizer, and share or count parameters, after the
    first call.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.nn.lazy import LazyModuleMixin
        >>> class Scale(LazyModuleMixin, nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.weight = nn.UninitializedParameter()
        ...     def initialize_parameters(self, x):
        ...         self.weight.materialize(x.shape[-1:])
        ...         nn.init.ones_(self.weight)
        ...     def forward(self, x):
        ...         return x * self.weight
        >>> Scale()(minidl.tensor([1., 2.])).tolist()
        [1.0, 2.0]
    """

    cls_to_become: type[Module] | None = None
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]

    def has_uninitialized_params(self) -> bool:
        """Whether there is a parameter or buffer without a shape."""
        return any(is_lazy(value) for value in (*self._parameters.values(), *self._buffers.values()))

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize the parameters, given the arguments of the first call. Every lazy class defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.cls_to_become is None and not self.has_uninitialized_params():
            return super().__call__(*args, **kwargs)  # type: ignore[misc]
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(f"module {type(self).__name__} has not been fully initialized: initialize_parameters "
                               f"has to materialize all parameters and buffers")
        if self.cls_to_become is None:
            return super().__call__(*args, **kwargs)  # type: ignore[misc]
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)


class _LazyLayer(LazyModuleMixin):
    """Base class of the layers below. Initial values are drawn once there are shapes."""

    def reset_parameters(self) -> None:
        """Draw new initial values, if the shapes are known."""
        if not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]

    def _initialize(self, **shapes: tuple[int, ...]) -> None:
        """Materialize what has no shape yet, by name, and draw initial values. Loaded values stay."""
        if self.has_uninitialized_params():
            for name, shape in shapes.items():
                if is_lazy(getattr(self, name)):
                    getattr(self, name).materialize(shape)
            self.reset_parameters()


def _add_uninitialized(layer: Any, names: tuple[str, ...], kind: type[Tensor], device: Any, dtype: Any) -> None:
    """Give the layer parameters or buffers of these names without a shape."""
    for name in names:
        setattr(layer, name, kind(device=device, dtype=dtype))  # type: ignore[call-arg]


# ---------------------------------------------------------------------- weighted sums

class LazyLinear(_LazyLayer, Linear):
    """A `Linear` that takes `in_features` from the first input.

    It is the size of the last axis; the layer becomes a Linear then. input (..., in_features) -> (..., out_features).
    Other arguments: as `Linear`.
    Errors: AssertionError where loaded weights do not fit the first input.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyLinear(3)
        >>> layer.weight
        <UninitializedParameter>
        >>> layer(minidl.ones(5, 4)).shape, layer
        ((5, 3), Linear(in_features=4, out_features=3, bias=True))
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_features, False, device, dtype)
        _add_uninitialized(self, ("weight", "bias") if bias else ("weight",), UninitializedParameter, device, dtype)

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Take the number of features from the input."""
        features = input.shape[-1]
        self._initialize(weight=(self.out_features, features), bias=(self.out_features,))
        if self.weight.shape[1] != features:
            raise AssertionError(f"The in_features inferred from input: {features} is not equal to in_features from "
                                 f"self.weight: {self.weight.shape[1]}")
        self.in_features = features


class _LazyConvNd(_LazyLayer):
    """Base class of convolutions without a number of input channels."""

    def initialize_parameters(self: Any, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take the number of channels from the input."""
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise RuntimeError(f"Expected {self.dims + 1}D (unbatched) or {self.dims + 2}D (batched) input to "
                               f"{self._get_name()}, but got input of size: {tuple(input.shape)}")
        channels = input.shape[-self.dims - 1]
        if channels % self.groups:
            raise ValueError(f"in_channels must be divisible by groups, but got in_channels={channels}, "
                             f"groups={self.groups}")
        self.in_channels = channels
        self._initialize(weight=self._weight_shape(), bias=(self.out_channels,))


class _LazyConv(_LazyConvNd):
    def __init__(self, out_channels: int, kernel_size: Numbers, stride: Numbers = 1, padding: Numbers | str = 0,
                 dilation: Numbers = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_channels, kernel_size, stride, padding, dilation, groups,  # type: ignore[call-arg]
                         False, padding_mode)
        _add_uninitialized(self, ("weight", "bias") if bias else ("weight",), UninitializedParameter, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` that takes `in_channels` from the first input, and becomes a Conv1d. Errors: as `LazyConv2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LazyConv1d(8, kernel_size=3)(minidl.randn(2, 4, 10)).shape
        (2, 8, 8)
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` that takes `in_channels` from the first input, and becomes a Conv2d.

    Other arguments, shapes and errors: as `Conv2d`; RuntimeError in the first call where the input is no image,
    ValueError where groups does not divide its channels.

        >>> import minidl
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.LazyConv2d(8, kernel_size=3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        >>> net(minidl.randn(2, 3, 8, 8)).shape
        (2, 10)
        >>> net[0], net[3].in_features
        (Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1)), 288)
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` that takes `in_channels` from the first input, and becomes a Conv3d. Errors: as `LazyConv2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LazyConv3d(8, kernel_size=2)(minidl.randn(2, 4, 3, 3, 3)).shape
        (2, 8, 2, 2, 2)
    """

    cls_to_become = Conv3d


class _LazyConvTranspose(_LazyConvNd):
    def __init__(self, out_channels: int, kernel_size: Numbers, stride: Numbers = 1, padding: Numbers = 0,
                 output_padding: Numbers = 0, groups: int = 1, bias: bool = True, dilation: Numbers = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_channels, kernel_size, stride, padding, output_padding,  # type: ignore[call-arg]
                         groups, False, dilation, padding_mode)
        _add_uninitialized(self, ("weight", "bias") if bias else ("weight",), UninitializedParameter, device, dtype)


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A `ConvTranspose1d` that takes `in_channels` from the first input; else as `LazyConv2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LazyConvTranspose1d(8, kernel_size=2, stride=2)(minidl.randn(2, 4, 10)).shape
        (2, 8, 20)
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A `ConvTranspose2d` that takes `in_channels` from the first input; else as `LazyConv2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LazyConvTranspose2d(8, kernel_size=2, stride=2)(minidl.randn(2, 4, 5, 6)).shape
        (2, 8, 10, 12)
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A `ConvTranspose3d` that takes `in_channels` from the first input; else as `LazyConv2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LazyConvTranspose3d(8, kernel_size=2, stride=2)(minidl.randn(2, 4, 2, 3, 4)).shape
        (2, 8, 4, 6, 8)
    """

    cls_to_become = ConvTranspose3d


# ---------------------------------------------------------------------- normalisation

class _LazyNorm(_LazyLayer):
    """Base class of normalisations without a number of channels."""

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:
        super().__init__(0, eps, momentum, False, False)  # type: ignore[call-arg]
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            _add_uninitialized(self, ("weight", "bias") if bias else ("weight",), UninitializedParameter, device, dtype)
        if track_running_stats:
            _add_uninitialized(self, ("running_mean", "running_var"), UninitializedBuffer, device, dtype)
            count = zeros((), device=device, dtype=int64)
            self.register_buffer("num_batches_tracked", count)  # type: ignore[attr-defined]

    def initialize_parameters(self: Any, input: Tensor) -> None:
        """Take the number of channels from the input."""
        self._check_input_dim(input)
        channels = input.shape[self._channel_axis(input)]
        self.num_features = channels
        self._initialize(weight=(channels,), bias=(channels,), running_mean=(channels,), running_var=(channels,))


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes `num_features` from the first input, and becomes a BatchNorm1d.

    Other arguments and errors: as `BatchNorm1d`.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyBatchNorm1d()
        >>> layer(minidl.randn(2, 3, 8)).shape, layer.num_features
        ((2, 3, 8), 3)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes `num_features` from the first input, and becomes a BatchNorm2d.

    Other arguments and errors: as `BatchNorm2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyBatchNorm2d()
        >>> layer(minidl.randn(2, 3, 8, 8)).shape, layer.num_features
        ((2, 3, 8, 8), 3)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes `num_features` from the first input, and becomes a BatchNorm3d.

    Other arguments and errors: as `BatchNorm3d`.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyBatchNorm3d()
        >>> layer(minidl.randn(2, 3, 4, 4, 4)).shape, layer.num_features
        ((2, 3, 4, 4, 4), 3)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An `InstanceNorm1d` that takes `num_features` from the first input; becomes an InstanceNorm1d.

    Other arguments and errors: as `InstanceNorm1d`, but by default it is affine and tracks statistics.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyInstanceNorm1d()
        >>> layer(minidl.randn(2, 3, 8)).shape, layer.num_features
        ((2, 3, 8), 3)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An `InstanceNorm2d` that takes `num_features` from the first input; becomes an InstanceNorm2d.

    Other arguments and errors: as `InstanceNorm2d`, but by default it is affine and tracks statistics.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyInstanceNorm2d()
        >>> layer(minidl.randn(2, 3, 8, 8)).shape, layer.num_features
        ((2, 3, 8, 8), 3)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An `InstanceNorm3d` that takes `num_features` from the first input; becomes an InstanceNorm3d.

    Other arguments and errors: as `InstanceNorm3d`, but by default it is affine and tracks statistics.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LazyInstanceNorm3d()
        >>> layer(minidl.randn(2, 3, 4, 4, 4)).shape, layer.num_features
        ((2, 3, 4, 4, 4), 3)
    """

    cls_to_become = InstanceNorm3d
