"""The matrix product, and with a bias the linear map."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


@kernel
def matmul(a: Array, b: Array) -> Array:
    """a @ b: (*, M, K) and (*, K, N) -> (*, M, N), with vectors as `numpy.matmul` takes them."""
    return a @ b


@kernel
def linear_forward(x: Array, weight: Array, bias: Array | None) -> Array:
    """y = x W^T + b: (rows, in), (out, in) and (out,) or None -> (rows, out)"""
    y = matmul(x, weight.T)
    if bias is not None:
        y += bias
    return y
