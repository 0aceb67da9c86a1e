"""New tensors: from data, filled, in ranges, and random."""
# ruff: noqa: I001  (in the order in which the parts depend on each other)
from minidl.tensors.creation.data import as_tensor, asarray, from_numpy, frombuffer, tensor
from minidl.tensors.creation.dlpack import from_dlpack, to_dlpack
from minidl.tensors.creation.filled import (
    arange, empty, empty_like, empty_permuted, empty_strided, eye, full, full_like, linspace, logspace, new, new_empty,
    new_empty_strided, new_full, new_ones, new_tensor, new_zeros, ones, ones_like, range, scalar_tensor, zeros,
    zeros_like,
)
from minidl.tensors.creation.random import (
    bernoulli, normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm,
)

__all__ = [
    "arange", "as_tensor", "asarray", "bernoulli", "empty", "empty_like", "empty_permuted", "empty_strided", "eye",
    "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "linspace", "logspace", "new", "new_empty",
    "new_empty_strided", "new_full", "new_ones", "new_tensor", "new_zeros", "normal", "ones", "ones_like", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "range", "scalar_tensor", "tensor",
    "to_dlpack", "zeros", "zeros_like",
]
