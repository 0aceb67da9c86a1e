"""einops on Tensors (`pip install minidl[einops]`): its functions, which know Tensors once this module is imported.

The functions are the package's own; `minidl.einops.layers` has its layers as Modules. https://einops.rocks explains
the patterns.

    >>> import minidl
    >>> from minidl.einops import rearrange, reduce
    >>> images = minidl.arange(24.0).view(2, 3, 4)
    >>> rearrange(images, "b h (w two) -> (b h) w two", two=2).shape
    (6, 2, 2)
    >>> reduce(images, "b h w -> b", "mean")
    tensor([ 5.5000, 17.5000])
"""
try:
    from einops import EinopsError, asnumpy, einsum, pack, parse_shape, rearrange, reduce, repeat, unpack
except ModuleNotFoundError:
    raise ModuleNotFoundError("minidl.einops needs einops; try: pip install 'minidl[einops]'") from None
from minidl.einops.backend import Backend

__all__ = ["Backend", "EinopsError", "asnumpy", "einsum", "pack", "parse_shape", "rearrange", "reduce", "repeat",
           "unpack"]
