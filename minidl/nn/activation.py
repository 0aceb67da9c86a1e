"""Activations as modules. `functional` has the formulas, under lower-case names."""
from __future__ import annotations

from typing import Any

from minidl.backend.dtype import get_default_dtype
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.tensors.creation import full
from minidl.tensors.tensor import Tensor


class _InPlace(Module):
    """An activation whose only setting is whether it writes into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


def _inplace_repr(inplace: bool) -> str:
    """The end of an `extra_repr`."""
    return ", inplace=True" if inplace else ""


# ---------------------------------------------------------------------- straight lines with a kink

class ReLU(_InPlace):
    """max(x, 0)

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReLU()(minidl.tensor([-1., 2.]))
        tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class ReLU6(_InPlace):
    """min(max(x, 0), 6), elementwise.

    Source: Howard et al., "MobileNets", 2017, https://arxiv.org/abs/1704.04861

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReLU6()(minidl.tensor([-1., 2., 9.]))
        tensor([0., 2., 6.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x, elementwise.

    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LeakyReLU(0.1)(minidl.tensor([-1., 2.]))
        tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + _inplace_repr(self.inplace)


class RReLU(Module):
    """LeakyReLU with a random slope for each element.

    Each call draws the slopes from [lower, upper). In evaluation every slope is the mean of the two bounds.

    Errors: RuntimeError in the call where lower is above upper.
    Source: Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network", 2015,
    https://arxiv.org/abs/1505.00853

        >>> import minidl
        >>> from minidl import nn
        >>> nn.RReLU(0.1, 0.3).eval()(minidl.tensor([-1., 2.]))
        tensor([-0.2000,  2.0000])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + _inplace_repr(self.inplace)


class PReLU(Module):
    """LeakyReLU with a learned slope, or one for each channel.

    num_parameters: 1 slope for all channels, or C. input (N, C, *), or any shape if there is one slope. weight
    (num_parameters,) starts at `init`.
    Errors: RuntimeError in the call for another number of channels.
    Source: He et al., "Delving Deep into Rectifiers", 2015, https://arxiv.org/abs/1502.01852

        >>> import minidl
        >>> from minidl import nn
        >>> nn.PReLU(2, init=0.1)(minidl.tensor([[-1., 2.]])).detach()
        tensor([[-0.1000,  2.0000]])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype or get_default_dtype()))

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Hardtanh(Module):
    """x clipped to [min_val, max_val], elementwise. Errors: AssertionError unless min_val < max_val.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Hardtanh()(minidl.tensor([-3., 0.5, 3.]))
        tensor([-1.0000,  0.5000,  1.0000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise AssertionError(f"Hardtanh: max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}" + _inplace_repr(self.inplace)


class Threshold(Module):
    """x where x > threshold, else value, elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Threshold(1.0, 9.0)(minidl.tensor([0., 1., 2.]))
        tensor([9., 9., 2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + _inplace_repr(self.inplace)


class _Shrink(Module):
    """Base class with the half width `lambd` of the gap around zero."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0, elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Hardshrink()(minidl.tensor([-1., 0.3, 2.]))
        tensor([-1.,  0.,  2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd, elementwise. Errors: RuntimeError for a negative lambd.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softshrink()(minidl.tensor([-1., 0.3, 2.]))
        tensor([-0.5000,  0.0000,  1.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd)
        if lambd < 0:
            raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class _InPlaceNotPrinted(_InPlace):
    """Base class of activations whose `inplace` PyTorch does not print."""

    def extra_repr(self) -> str:
        return ""


class Hardsigmoid(_InPlaceNotPrinted):
    """min(max(x + 3, 0), 6) / 6, elementwise: a piecewise linear sigmoid.

    Source: Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Hardsigmoid()(minidl.tensor([-4., 0., 1.5]))
        tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_InPlaceNotPrinted):
    """x * hardsigmoid(x), elementwise.

    Source: Howard et al., "Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Hardswish()(minidl.tensor([-1.5, 1.5, 4.]))
        tensor([-0.3750,  1.1250,  4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


# ---------------------------------------------------------------------- smooth ones

class _Exponential(Module):
    """Base class with `alpha`: large negative inputs tend to -alpha."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + _inplace_repr(self.inplace)


class ELU(_Exponential):
    """x where x > 0, else alpha * (exp(x) - 1), elementwise.

    Source: Clevert, Unterthiner and Hochreiter, 2015, https://arxiv.org/abs/1511.07289

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ELU()(minidl.tensor([-1., 2.]))
        tensor([-0.6321,  2.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Exponential):
    """x where x > 0, else alpha * (exp(x/alpha) - 1), elementwise: an ELU whose slope at 0 is 1.

    Source: Barron, "Continuously Differentiable Exponential Linear Units", 2017, https://arxiv.org/abs/1704.07483

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CELU(2.0)(minidl.tensor([-1., 2.]))
        tensor([-0.7869,  2.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)


class SELU(_InPlace):
    """An ELU, scaled so that signals tend to mean 0 and variance 1.

    scale * x where x > 0, else scale * alpha * (exp(x) - 1), with fixed scale and alpha.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017, https://arxiv.org/abs/1706.02515

        >>> import minidl
        >>> from minidl import nn
        >>> nn.SELU()(minidl.tensor([-1., 2.]))
        tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class GELU(Module):
    """x * P(Z < x) for a standard normal Z, elementwise. `approximate="tanh"` gives the older formula.

    Errors: RuntimeError for another approximation.
    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, https://arxiv.org/abs/1606.08415

        >>> import minidl
        >>> from minidl import nn
        >>> nn.GELU()(minidl.tensor([-1., 0., 1.]))
        tensor([-0.1587,  0.0000,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise RuntimeError(f"approximate argument must be either none or tanh, but got {approximate!r}")
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """x * sigmoid(x), elementwise, also called swish.

    Source: Elfwing, Uchibe and Doya, 2017, https://arxiv.org/abs/1702.03118

        >>> import minidl
        >>> from minidl import nn
        >>> nn.SiLU()(minidl.tensor([-1., 0., 1.]))
        tensor([-0.2689,  0.0000,  0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """x * tanh(softplus(x)), elementwise.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019,
    https://arxiv.org/abs/1908.08681

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Mish()(minidl.tensor([-1., 0., 1.]))
        tensor([-0.3034,  0.0000,  0.8651])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, elementwise; x itself where beta * x > threshold.

    Source: Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", 2001.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softplus()(minidl.tensor([-1., 0., 30.]))
        tensor([ 0.3133,  0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """x / (1 + |x|), elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softsign()(minidl.tensor([-1., 0., 3.]))
        tensor([-0.5000,  0.0000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Sigmoid()(minidl.tensor([-1., 0., 1.]))
        tensor([0.2689, 0.5000, 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class LogSigmoid(Module):
    """log(sigmoid(x)), elementwise; exact even where the sigmoid rounds to 0.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LogSigmoid()(minidl.tensor([-100., 0.]))
        tensor([-100.0000,   -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """tanh(x), elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Tanh()(minidl.tensor([-1., 0., 1.]))
        tensor([-0.7616,  0.0000,  0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Tanhshrink(Module):
    """x - tanh(x), elementwise.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Tanhshrink()(minidl.tensor([-1., 0., 1.]))
        tensor([-0.2384,  0.0000,  0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


# ---------------------------------------------------------------------- along a dimension

class _DimActivation(Module):
    """Base class with the dimension. If it is not given, it is guessed, with a warning."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_DimActivation):
    """exp(x) / sum(exp(x)) along `dim`

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softmax(dim=1)(minidl.tensor([[0., 0.], [1., 1.]]))
        tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(_DimActivation):
    """log(softmax(x)) along `dim`; exact even where the softmax rounds to 0. Shapes: as `Softmax`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LogSoftmax(dim=0)(minidl.tensor([0., 0.]))
        tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(_DimActivation):
    """softmax(-x) along `dim`. Shapes: as `Softmax`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softmin(dim=0)(minidl.tensor([0., 1.]))
        tensor([0.7311, 0.2689])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of every pixel.

    input (N, C, H, W) or (C, H, W). Errors: ValueError for other shapes.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Softmax2d()(minidl.zeros(4, 1, 1)).flatten()
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D (got {input.ndim}D instead)")
        return F.softmax(input, -3)


class GLU(Module):
    """a * sigmoid(b), where a and b are the halves of x along `dim`.

    input (*, 2n, *) -> (*, n, *).
    Errors: RuntimeError in the call for an odd size.
    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016,
    https://arxiv.org/abs/1612.08083

        >>> import minidl
        >>> from minidl import nn
        >>> nn.GLU()(minidl.tensor([1., 2., 0., 0.]))
        tensor([0.5000, 1.0000])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"
