"""The matrix product, and with a bias the linear map."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
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


@kernel
def linear_parameter_grads(x: Array, g: Array) -> tuple[Array, Array]:
    """gW = g^T x and gb = g summed over the rows: (rows, in), (rows, out) -> (out, in), (out,)"""
    return matmul(g.T, x), g.sum(0, dtype=accumulation_dtype(g.dtype)).astype(g.dtype, copy=False)
