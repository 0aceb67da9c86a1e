"""Settings of PyTorch for products and attention on a GPU, such as `backends.cuda.matmul.allow_tf32 = True`.

That one has an effect: it is `set_float32_matmul_precision` by another name. The others keep their values, so that
programs can read them: attention chooses by itself how it is computed.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator

from minidl.backend.device import cuda_is_available
from minidl.backends.settings import get_float32_matmul_precision, set_float32_matmul_precision


class Products:
    """Settings of matrix products.

        >>> import minidl
        >>> minidl.backends.cuda.matmul.allow_tf32 = True
        >>> minidl.get_float32_matmul_precision()
        'high'
        >>> minidl.backends.cuda.matmul.allow_tf32 = False
    """

    __slots__ = ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction",
                 "allow_fp16_accumulation")

    def __init__(self) -> None:
        self.allow_fp16_reduced_precision_reduction = True      # these three have no effect
        self.allow_bf16_reduced_precision_reduction = True
        self.allow_fp16_accumulation = False

    @property
    def allow_tf32(self) -> bool:
        """Whether the GPU may round the factors of float32 products to 11 binary digits, for speed."""
        return get_float32_matmul_precision() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, allow: bool) -> None:
        set_float32_matmul_precision("high" if allow else "highest")

    @property
    def fp32_precision(self) -> str:
        """`allow_tf32` as a word: "tf32" or "ieee". Errors: ValueError for another word."""
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, word: str) -> None:
        if word not in ("tf32", "ieee"):
            raise ValueError(f"backends.cuda.matmul.fp32_precision: expected 'tf32' or 'ieee', got {word!r}")
        self.allow_tf32 = word == "tf32"


matmul = Products()

_attention = {"flash": True, "math": True, "mem_efficient": True, "cudnn": True}


def is_built() -> bool:
    """Whether there is a GPU, and CuPy to compute on it."""
    return cuda_is_available()


def flash_sdp_enabled() -> bool:
    """The value of `enable_flash_sdp`."""
    return _attention["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """It has no effect: attention never stores its scores where it can do without."""
    _attention["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """The value of `enable_mem_efficient_sdp`."""
    return _attention["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """It has no effect: see `enable_flash_sdp`."""
    _attention["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """The value of `enable_math_sdp`."""
    return _attention["math"]


def enable_math_sdp(enabled: bool) -> None:
    """It has no effect: see `enable_flash_sdp`."""
    _attention["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """The value of `enable_cudnn_sdp`."""
    return _attention["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """It has no effect: cuDNN is not used."""
    _attention["cudnn"] = bool(enabled)


@contextlib.contextmanager
def sdp_kernel(enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True,
               enable_cudnn: bool = True) -> Iterator[None]:
    """Inside the block the four settings have these values, which has no effect: see `enable_flash_sdp`."""
    before = dict(_attention)
    _attention.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        _attention.update(before)
