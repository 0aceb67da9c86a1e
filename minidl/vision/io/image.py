"""Images as files and as bytes: read, decode, encode, write. Pillow does the work.

Names, arguments and results are torchvision's (`torchvision.io`). An image is (C, H, W) of uint8, or of uint16 where a
PNG file has 16 bits. A file that is damaged, cut short or no image is a RuntimeError that says so.
"""
from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from minidl.backend.dtype import uint8
from minidl.serialization.writing import atomic_writer
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor

__all__ = ["ImageReadMode", "decode_avif", "decode_gif", "decode_image", "decode_jpeg", "decode_png", "decode_webp",
           "encode_jpeg", "encode_png", "read_file", "read_image", "write_file", "write_jpeg", "write_png"]


class ImageReadMode(Enum):
    """The channels of an image that is read; wherever one is asked for, its name will do."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_PILLOW = {ImageReadMode.GRAY: "L", ImageReadMode.GRAY_ALPHA: "LA", ImageReadMode.RGB: "RGB",
           ImageReadMode.RGB_ALPHA: "RGBA"}

T = TypeVar("T")
Path = str | os.PathLike[str]

# ---------------------------------------------------------------------- files


def read_file(path: Path) -> Tensor:
    """Read a file: its bytes, (n,) of uint8.

    Errors: RuntimeError where it cannot be read, or is empty.

        >>> import minidl, tempfile
        >>> from minidl.vision import io
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     io.write_file(file.name, minidl.tensor([104, 105], dtype=minidl.uint8))
        ...     io.read_file(file.name)
        tensor([104, 105], dtype=uint8)
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise RuntimeError(f"read_file: cannot read '{os.fspath(path)}': {error.strerror or error}") from error
    if not data:
        raise RuntimeError(f"read_file: expected a non empty file, but '{os.fspath(path)}' has 0 bytes")
    return from_numpy(np.frombuffer(bytearray(data), np.uint8))


def write_file(filename: Path, data: Tensor) -> None:
    """Write bytes, (n,) of uint8, into a file.

    A file of that name is replaced when all has been written. Errors: RuntimeError for another tensor, or where it
    cannot be written.

        >>> import minidl, tempfile
        >>> from minidl.vision import io
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     io.write_file(f"{folder}/greeting", minidl.tensor([104, 105], dtype=minidl.uint8))
        ...     open(f"{folder}/greeting").read()
        'hi'
    """
    content = _bytes_of("write_file", "data", data)
    try:
        with atomic_writer(os.fspath(filename), "write_file") as file:
            file.write(content)
    except OSError as error:
        reason = (error.strerror or str(error)).removeprefix("write_file: ")
        raise RuntimeError(f"write_file: cannot write '{os.fspath(filename)}': {reason}") from error


def _bytes_of(who: str, name: str, data: Tensor) -> bytes:
    if not isinstance(data, Tensor):
        raise TypeError(f"{who}(): argument '{name}' must be Tensor, not {type(data).__name__}")
    if data.dtype != uint8 or data.ndim != 1:
        raise RuntimeError(f"{who}: expected {name} (n,) of uint8, the bytes of a file, but got {tuple(data.shape)} of "
                           f"{data.dtype}; read_file reads one")
    return bytes(data.cpu().numpy().tobytes())


# ---------------------------------------------------------------------- from bytes to images


def decode_image(input: Tensor | Path, mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
                 apply_exif_orientation: bool = False) -> Tensor:
    """Decode the image (C, H, W) in a file or in its bytes (n,).

    The file is PNG, JPEG, WebP or GIF; of a GIF with several images come all, (N, 3, H, W).
    mode: the channels, an `ImageReadMode` or its name; unchanged, images with a palette have the colours in it.
    apply_exif_orientation: turn the image as the camera was held.
    Errors: RuntimeError for what cannot be read or is no such image, KeyError for another mode.

        >>> import minidl
        >>> from minidl.vision import io
        >>> data = io.encode_png(minidl.full((3, 2, 4), 255, dtype=minidl.uint8))
        >>> io.decode_image(data, mode="GRAY")
        tensor([[[255, 255, 255, 255],
                 [255, 255, 255, 255]]], dtype=uint8)
    """
    data = input if isinstance(input, Tensor) else read_file(input)
    content = _bytes_of("decode_image", "input", data)
    if content[:4] == b"GIF8":
        return decode_gif(data)
    return _decode("decode_image", content, ("PNG", "JPEG", "WEBP"), mode, apply_exif_orientation)


def read_image(path: Path, mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
               apply_exif_orientation: bool = False) -> Tensor:
    """The older name of `decode_image` of a path."""
    return decode_image(read_file(path), mode, apply_exif_orientation)


def decode_png(input: Tensor, mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
               apply_exif_orientation: bool = False) -> Tensor:
    """Decode the image (C, H, W) in the bytes of a PNG file.

    Arguments and errors: as `decode_image`.
    """
    content = _bytes_of("decode_png", "input", input)
    return _decode("decode_png", content, ("PNG",), mode, apply_exif_orientation)


def decode_jpeg(input: Tensor | Sequence[Tensor], mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
                device: str = "cpu", apply_exif_orientation: bool = False) -> Tensor | list[Tensor]:
    """Decode the image (C, H, W) in the bytes of a JPEG file, or several.

    device: where the results are; it is the CPU that decodes. Else as `decode_image`.
    Errors: also ValueError for an empty list, and for one of other things than tensors.
    """
    if isinstance(input, Tensor):
        content = _bytes_of("decode_jpeg", "input", input)
        return _decode("decode_jpeg", content, ("JPEG",), mode, apply_exif_orientation).to(device)
    if not input:
        raise ValueError("Input list must contain at least one element")
    if not all(isinstance(each, Tensor) for each in input):
        raise ValueError("All elements of the input list must be tensors.")
    return [_decode("decode_jpeg", _bytes_of("decode_jpeg", "input", each), ("JPEG",), mode,
                    apply_exif_orientation).to(device) for each in input]


def decode_webp(input: Tensor, mode: ImageReadMode | str = ImageReadMode.UNCHANGED) -> Tensor:
    """Decode the image (C, H, W) in the bytes of a WebP file.

    Arguments and errors: as `decode_image`.
    """
    return _decode("decode_webp", _bytes_of("decode_webp", "input", input), ("WEBP",), mode, False)


def decode_avif(input: Tensor, mode: ImageReadMode | str = ImageReadMode.UNCHANGED) -> Tensor:
    """Decode the image (C, H, W) in the bytes of an AVIF file.

    Pillow must have been built for it. Arguments and errors: as `decode_image`.
    """
    return _decode("decode_avif", _bytes_of("decode_avif", "input", input), ("AVIF",), mode, False)


def decode_gif(input: Tensor) -> Tensor:
    """Decode the image (3, H, W) in a GIF file, or several (N, 3, H, W).

    Errors: as `decode_image`.
    """
    with _opened("decode_gif", _bytes_of("decode_gif", "input", input), ("GIF",)) as image:
        background = _background(image)
        frames = _loaded("decode_gif", lambda: [
            _on(background, frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)])
    pixels = np.stack(frames).transpose(0, 3, 1, 2)
    return from_numpy(np.ascontiguousarray(pixels if len(pixels) > 1 else pixels[0]))


def _background(image: Image.Image) -> np.ndarray:
    """The colour that a GIF has where nothing was drawn."""
    palette = getattr(image, "global_palette", None)
    colors = palette.getdata()[1] if palette else b""
    index = 3 * int(image.info.get("background", 0))
    return np.frombuffer((colors[index:index + 3] or b"").ljust(3, b"\0"), np.uint8)


def _on(background: np.ndarray, image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return np.where(pixels[..., 3:] == 0, background, pixels[..., :3])


def _decode(who: str, content: bytes, formats: tuple[str, ...], mode: ImageReadMode | str, turned: bool) -> Tensor:
    mode = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    with _opened(who, content, formats) as image:
        if mode is ImageReadMode.GRAY and image.format == "JPEG" and image.mode != "CMYK":
            image.draft("L", None)                          # the file has its brightness: no way through colours
        _loaded(who, image.load)
        picture = _loaded(who, lambda: ImageOps.exif_transpose(image)) if turned else image
        pixels = _pixels(picture, mode)
    return from_numpy(np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)))


def _opened(who: str, content: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Errors: RuntimeError unless the bytes begin as a file of one of the formats."""
    try:
        return Image.open(io.BytesIO(content), formats=formats)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        known = " or ".join(formats)
        raise RuntimeError(f"{who}: expected the bytes of a {known} file, but got {len(content)} that begin with "
                           f"{content[:8]!r}: {error}") from error


def _loaded(who: str, load: Callable[[], T]) -> T:
    """Errors: RuntimeError for a file that is damaged or cut short."""
    try:
        return load()
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise RuntimeError(f"{who}: the image is damaged or incomplete: {error}") from error


def _pixels(image: Image.Image, mode: ImageReadMode) -> np.ndarray:
    """(H, W) or (H, W, C), of bytes, or of uint16 where the file has 16 bits."""
    if image.mode.startswith("I"):                          # 16 bits, and grey: Pillow has no others
        return _with_channels(np.asarray(image).astype(np.uint16), mode)
    if image.format == "PNG" and mode in (ImageReadMode.GRAY, ImageReadMode.GRAY_ALPHA) and image.mode in (
            "P", "RGB", "RGBA"):
        return _grey(np.asarray(image.convert("RGBA")), mode)
    if mode is not ImageReadMode.UNCHANGED:
        return np.asarray(image.convert(_PILLOW[mode]))
    if image.mode == "P":
        return np.asarray(image.convert("RGBA" if "transparency" in image.info else "RGB"))
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode == "CMYK":                                # of a JPEG, as they stand in the file
        return 255 - np.asarray(image)
    return np.asarray(image.convert("RGB") if image.mode == "YCbCr" else image)


def _grey(pixels: np.ndarray, mode: ImageReadMode) -> np.ndarray:
    """The brightness of pixels (H, W, 4), and their opacity if the mode has it, rounded as libpng does."""
    red, green, blue, alpha = (pixels[..., i].astype(np.int32) for i in range(4))
    brightness = (9794 * red + 19234 * green + 3740 * blue) >> 15
    channels = brightness if mode is ImageReadMode.GRAY else np.stack([brightness, alpha], -1)
    return channels.astype(np.uint8)


def _with_channels(grey: np.ndarray, mode: ImageReadMode) -> np.ndarray:
    """A grey image (H, W) of 16 bits with the channels of a mode."""
    opaque = np.full_like(grey, 65535)
    return {ImageReadMode.GRAY_ALPHA: lambda: np.stack([grey, opaque], -1),
            ImageReadMode.RGB: lambda: np.stack([grey] * 3, -1),
            ImageReadMode.RGB_ALPHA: lambda: np.stack([grey, grey, grey, opaque], -1)}.get(mode, lambda: grey)()


# ---------------------------------------------------------------------- from images to bytes


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """Encode an image as the bytes (n,) of a PNG file.

    input (1, H, W) or (3, H, W) of uint8. compression_level: from 0, fast, to 9, small.
    Errors: RuntimeError for another image or level.

        >>> import minidl
        >>> from minidl.vision import io
        >>> image = minidl.arange(12, dtype=minidl.uint8).reshape(3, 2, 2)
        >>> bool((io.decode_png(io.encode_png(image)) == image).all())
        True
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"encode_png: Compression level should be between 0 and 9, but got {compression_level}")
    return _encode("encode_png", input, "PNG", compress_level=compression_level)


def encode_jpeg(input: Tensor | Sequence[Tensor], quality: int = 75) -> Tensor | list[Tensor]:
    """Encode an image as the bytes (n,) of a JPEG file, or several.

    input (1, H, W) or (3, H, W) of uint8, or a list of some. quality: from 1, small, to 100.
    Errors: ValueError for another quality or an empty list, RuntimeError for another image.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"Image quality should be a positive number between 1 and 100, but got {quality}")
    if isinstance(input, Tensor):
        return _encode("encode_jpeg", input, "JPEG", quality=quality)
    if not input:
        raise ValueError("encode_jpeg requires at least one input tensor when a list is passed")
    return [_encode("encode_jpeg", each, "JPEG", quality=quality) for each in input]


def write_png(input: Tensor, filename: Path, compression_level: int = 6) -> None:
    """Write an image (1, H, W) or (3, H, W) into a PNG file.

    Errors: as `encode_png` and `write_file`.
    """
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: Path, quality: int = 75) -> None:
    """Write an image (1, H, W) or (3, H, W) into a JPEG file.

    Errors: as `encode_jpeg` and `write_file`.
    """
    encoded = encode_jpeg(input, quality)
    assert isinstance(encoded, Tensor)
    write_file(filename, encoded)


def _encode(who: str, image: Tensor, format: str, **settings: int) -> Tensor:
    if not isinstance(image, Tensor):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(image).__name__}")
    if image.dtype != uint8:
        raise RuntimeError(f"{who}: Input tensor dtype should be uint8, but got {image.dtype}; "
                           f"transforms.functional.convert_image_dtype converts it")
    if image.ndim != 3 or len(image) not in (1, 3) or not image.numel():
        raise RuntimeError(f"{who}: expected an image (1, H, W) or (3, H, W), but got {tuple(image.shape)}")
    pixels = np.ascontiguousarray(image.cpu().numpy().transpose(1, 2, 0))
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels).save(file, format=format, **settings)
    return from_numpy(np.frombuffer(bytearray(file.getvalue()), np.uint8))
