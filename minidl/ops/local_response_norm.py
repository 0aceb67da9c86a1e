"""Local response normalisation: channels are divided by the energy of their neighbours, as in AlexNet."""
from __future__ import annotations

from typing import Any

from minidl.ops.checks import check_floating
from minidl.ops.rearrange import pad
from minidl.ops.view import narrow


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """y[n,c] = x[n,c] / (k + alpha * mean of x[n,c']^2)^beta, over `size` channels c' around c.

    input (N, C, *). Channels that are not there count as 0.
    Errors: ValueError for fewer than three dimensions, RuntimeError unless `input` is floating.

    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012

        >>> import minidl
        >>> x = minidl.tensor([[[1.], [2.], [3.]]])
        >>> minidl.nn.functional.local_response_norm(x, 1, alpha=1.0, beta=1.0, k=0.0).flatten()
        tensor([1.0000, 0.5000, 0.3333])
    """
    check_floating("local_response_norm", input=input)
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: Expected 3D or higher dimensionality input, (N, C, ...), but got "
                         f"{input.ndim} dimensions")
    if size < 1:
        raise ValueError(f"local_response_norm: Expected size to be at least 1, but got {size}")
    margin = (0, 0) * (input.ndim - 2) + (size // 2, (size - 1) // 2)
    squares = pad(input * input, margin)
    energy = narrow(squares, 1, 0, input.shape[1])
    for i in range(1, size):
        energy = energy + narrow(squares, 1, i, input.shape[1])
    return input / (energy * (alpha / size) + k) ** beta
