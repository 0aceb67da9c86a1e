"""minidl: deep learning you can read. A Tensor with gradients of any order, on NumPy and CuPy."""
from minidl.tensor import Tensor
from minidl.creation import (
    arange, as_tensor, bernoulli, empty, empty_like, eye, from_numpy, full, full_like, linspace, logspace,
    normal, ones, ones_like, rand, rand_like, randint, randint_like, randn, randn_like, randperm, tensor,
    zeros, zeros_like,
)
from minidl import autograd
from minidl.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minidl.backend.device import Device as device
from minidl.backend.dtype import (
    bool, double, float, float16, float32, float64, get_default_dtype, half, int, int8, int16, int32, int64, long,
    set_default_dtype, short, uint8,
)
from minidl.backend.random import Generator, initial_seed, manual_seed, seed

__version__ = "0.1.0"
