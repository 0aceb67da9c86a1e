"""Local response normalisation, as in AlexNet.

Each channel is divided by the energy of its neighbours.
"""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class LocalResponseNorm(Module):
    """y[n,c] = x[n,c] / (k + alpha * mean of x[n,c']^2)^beta. The mean is over `size` channels c' around c.

    input (N, C, *) -> the same. Channels outside the range count as 0.
    Errors: ValueError for fewer than three dimensions.
    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.LocalResponseNorm(1, alpha=1.0, beta=1.0, k=0.0)
        >>> layer(minidl.tensor([[[1.], [2.], [3.]]])).flatten()
        tensor([1.0000, 0.5000, 0.3333])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
