"""Images as files and as bytes, against Pillow; every mode, and every way in which a file can be wrong."""
from __future__ import annotations

import errno
import io as python_io
import os

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import io
from tests.vision.reference import torchvision

stream = np.random.default_rng(0)
PIXELS = stream.integers(0, 256, (6, 8, 4), dtype=np.uint8)


def file_of(image, format, **settings):
    """The bytes of a file that Pillow writes."""
    file = python_io.BytesIO()
    image.save(file, format=format, **settings)
    return minidl.tensor(np.frombuffer(file.getvalue(), np.uint8))


def as_pillow(data, mode):
    """What Pillow reads, (C, H, W). The grey of a PNG is weighed as by libpng; a CMYK image stands as in the file."""
    picture = Image.open(python_io.BytesIO(data.numpy().tobytes()))
    if mode == "CMYK":
        return 255 - np.asarray(picture).transpose(2, 0, 1)
    pixels = np.asarray(picture.convert(mode))
    if picture.format == "PNG" and mode in ("L", "LA") and picture.mode in ("P", "RGB", "RGBA"):
        red, green, blue, alpha = np.asarray(picture.convert("RGBA")).astype(int).transpose(2, 0, 1)
        grey = (9794 * red + 19234 * green + 3740 * blue) // 2 ** 15
        return grey[None] if mode == "L" else np.stack([grey, alpha])
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


PICTURES = {
    "L": Image.fromarray(PIXELS[..., 0]),
    "LA": Image.fromarray(PIXELS[..., :2]),
    "RGB": Image.fromarray(PIXELS[..., :3]),
    "RGBA": Image.fromarray(PIXELS),
    "P": Image.fromarray(PIXELS[..., :3]).quantize(16),
    "1": Image.fromarray(PIXELS[..., 0]).convert("1"),
    "CMYK": Image.fromarray(PIXELS[..., :3]).convert("CMYK"),
}
FILES = [*[("PNG", mode, {}) for mode in ("L", "LA", "RGB", "RGBA", "P", "1")],
         *[("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")],
         *[("WEBP", mode, {"lossless": True}) for mode in ("RGB", "RGBA")]]
UNCHANGED = {"P": "RGB", "1": "L"}
OWN = {"PNG": io.decode_png, "JPEG": io.decode_jpeg, "WEBP": io.decode_webp}


@pytest.mark.parametrize("format, kind, settings", FILES)
def test_every_kind_of_file_in_every_mode(format, kind, settings):
    data = file_of(PICTURES[kind], format, **settings)
    for mode, pillow in (("UNCHANGED", UNCHANGED.get(kind, kind)), ("GRAY", "L"), ("GRAY_ALPHA", "LA"),
                         ("RGB", "RGB"), ("RGB_ALPHA", "RGBA"), ("RGBA", "RGBA")):
        expected = as_pillow(data, pillow)
        for name in (mode, mode.lower(), io.ImageReadMode[mode]):
            for decode in (io.decode_image, OWN[format]):
                image = decode(data, name)
                assert image.dtype == minidl.uint8 and image.numpy().flags.c_contiguous
                np.testing.assert_array_equal(image.numpy(), expected)
    assert io.decode_image(data).shape == as_pillow(data, UNCHANGED.get(kind, kind)).shape


def test_modes_are_torchvisions():
    theirs = torchvision("io").ImageReadMode
    assert {mode.name: mode.value for mode in io.ImageReadMode} == {mode.name: mode.value for mode in theirs}
    assert io.ImageReadMode.RGBA is io.ImageReadMode.RGB_ALPHA
    assert set(io.__all__) == set(torchvision("io").__all__) - {"decode_heic"}


def test_sixteen_bits():
    grey = stream.integers(0, 65536, (5, 7), dtype=np.uint16)
    data = file_of(Image.fromarray(grey), "PNG")
    image = io.decode_image(data)
    assert image.dtype == minidl.uint16 and image.tolist() == [grey.tolist()]
    for mode, channels in (("GRAY", 1), ("GRAY_ALPHA", 2), ("RGB", 3), ("RGBA", 4)):
        image = io.decode_png(data, mode).numpy()
        assert image.shape == (channels, 5, 7) and image.dtype == np.uint16
        opaque = channels % 2 == 0
        assert all((channel == grey).all() for channel in image[:channels - opaque])
        assert not opaque or (image[-1] == 65535).all()


def test_gif():
    one, more = PICTURES["RGB"].quantize(8), [PICTURES[kind].convert("RGB").quantize(8) for kind in ("RGB", "L", "1")]
    for decode in (io.decode_gif, io.decode_image):
        data = file_of(one, "GIF")
        np.testing.assert_array_equal(decode(data).numpy(), as_pillow(data, "RGB"))
        frames = decode(file_of(more[0], "GIF", save_all=True, append_images=more[1:]))
        assert frames.shape == (3, 3, 6, 8) and frames.dtype == minidl.uint8
        for frame, expected in zip(frames, more):
            np.testing.assert_array_equal(frame.permute(1, 2, 0).numpy(), np.asarray(expected.convert("RGB")))


def test_as_the_camera_was_held():
    exif = Image.Exif()
    exif[0x0112] = 6                                    # turned by a quarter
    for format in ("PNG", "JPEG"):
        data = file_of(PICTURES["RGB"], format, exif=exif)
        lying = io.decode_image(data)
        assert lying.shape == (3, 6, 8)
        np.testing.assert_array_equal(io.decode_image(data, apply_exif_orientation=True).numpy(),
                                      np.rot90(lying.numpy(), -1, (1, 2)))


@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 6, 8), (3, 1, 1), (1, 1, 9)])
def test_written_and_read(tmp_path, shape):
    image = minidl.tensor(stream.integers(0, 256, shape, dtype=np.uint8))
    for level in (0, 6, 9):
        assert io.decode_png(io.encode_png(image, level)).tolist() == image.tolist()
    assert len(io.encode_png(image.expand(shape), 9)) <= len(io.encode_png(image, 0))
    io.write_png(image, tmp_path / "image.png")
    for path in (tmp_path / "image.png", str(tmp_path / "image.png")):
        assert io.read_image(path).tolist() == io.decode_image(path).tolist() == image.tolist()
    io.write_jpeg(image, tmp_path / "image.jpg", quality=90)
    data = io.read_file(tmp_path / "image.jpg")
    assert data.tolist() == io.encode_jpeg(image, 90).tolist()
    pixels = image.permute(1, 2, 0).numpy()
    expected = file_of(Image.fromarray(pixels[..., 0] if shape[0] == 1 else pixels), "JPEG", quality=90)
    assert data.tolist() == expected.tolist()
    assert io.decode_image(data).tolist() == as_pillow(data, "L" if shape[0] == 1 else "RGB").tolist()


def test_lists_of_jpegs():
    images = [minidl.full((3, 8, 8), value, dtype=minidl.uint8) for value in (0, 128, 255)]
    decoded = io.decode_jpeg(io.encode_jpeg(images))
    assert [image.tolist() for image in decoded] == [image.tolist() for image in images]


def test_bytes_of_files(tmp_path):
    data = minidl.tensor(stream.integers(0, 256, 1000, dtype=np.uint8))
    io.write_file(tmp_path / "data", data)
    assert (tmp_path / "data").read_bytes() == data.numpy().tobytes()
    read = io.read_file(tmp_path / "data")
    assert read.tolist() == data.tolist() and read.dtype == minidl.uint8
    read[0] = 1                                         # it is ours to write into


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(RuntimeError, match="write_file: cannot write .*: no space"):
        io.write_file(path, minidl.tensor([1, 2], dtype=minidl.uint8))
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def full_disk(handle):
    raise OSError(errno.ENOSPC, "no space")


@pytest.mark.parametrize("format, kind", [("PNG", "RGB"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("GIF", "P")])
def test_files_that_are_cut_short(format, kind):
    """At every byte: an error that says so, or nothing that mattered is missing."""
    data = file_of(PICTURES[kind], format)
    whole = io.decode_image(data)
    for length in range(1, len(data), 7):
        try:
            image = io.decode_image(data[:length])
        except RuntimeError as error:
            assert "damaged or incomplete" in str(error) or "expected the bytes of a" in str(error)
        else:
            assert length > len(data) - 20 and image.shape == whole.shape


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_damaged_files_are_images_or_clear_errors():
    """Behind the header, which says how large the image is."""
    for format, kind in (("PNG", "RGB"), ("JPEG", "L"), ("WEBP", "RGB"), ("GIF", "P")):
        data = file_of(PICTURES[kind], format).numpy()
        for _ in range(40):
            wrong = data.copy()
            wrong[stream.integers(30, len(data), 3)] = stream.integers(0, 256, 3)
            try:
                io.decode_image(minidl.tensor(wrong))
            except RuntimeError as error:
                assert str(error).startswith("decode_")


BYTES, IMAGE = minidl.tensor([1, 2, 3], dtype=minidl.uint8), minidl.zeros(3, 4, 4, dtype=minidl.uint8)


@pytest.mark.parametrize("call, kind, text", [
    (lambda: io.decode_image(BYTES), RuntimeError, "expected the bytes of a PNG or JPEG or WEBP file, but got 3"),
    (lambda: io.decode_image("/nowhere.png"), RuntimeError, "cannot read '/nowhere.png': No such file or directory"),
    (lambda: io.decode_png(io.encode_jpeg(IMAGE)), RuntimeError, "decode_png: expected the bytes of a PNG file"),
    (lambda: io.decode_jpeg(io.encode_png(IMAGE)), RuntimeError, "decode_jpeg: expected the bytes of a JPEG file"),
    (lambda: io.decode_gif(BYTES), RuntimeError, "decode_gif: expected the bytes of a GIF file"),
    (lambda: io.decode_webp(BYTES), RuntimeError, "decode_webp: expected the bytes of a WEBP file"),
    (lambda: io.decode_avif(BYTES), RuntimeError, "decode_avif: expected the bytes of a AVIF file"),
    (lambda: io.decode_png(BYTES.float()), RuntimeError, "expected input (n,) of uint8"),
    (lambda: io.decode_png(IMAGE), RuntimeError,
     "expected input (n,) of uint8, the bytes of a file, but got (3, 4, 4)"),
    (lambda: io.decode_png(b"bytes"), TypeError, "decode_png(): argument 'input' must be Tensor, not bytes"),
    (lambda: io.decode_png(io.encode_png(IMAGE), "BGR"), KeyError, "BGR"),
    (lambda: io.decode_jpeg([]), ValueError, "Input list must contain at least one element"),
    (lambda: io.decode_jpeg([b""]), ValueError, "All elements of the input list must be tensors."),
    (lambda: io.encode_png(IMAGE, 10), RuntimeError, "Compression level should be between 0 and 9, but got 10"),
    (lambda: io.encode_png(IMAGE.float()), RuntimeError, "Input tensor dtype should be uint8, but got float32"),
    (lambda: io.encode_png(IMAGE[:2]), RuntimeError, "expected an image (1, H, W) or (3, H, W), but got (2, 4, 4)"),
    (lambda: io.encode_png(IMAGE[:, :0]), RuntimeError, "expected an image (1, H, W) or (3, H, W)"),
    (lambda: io.encode_jpeg(IMAGE, 0), ValueError, "Image quality should be a positive number between 1 and 100"),
    (lambda: io.encode_jpeg([]), ValueError, "requires at least one input tensor"),
    (lambda: io.write_file("/nowhere/file", BYTES), RuntimeError, "cannot write '/nowhere/file'"),
    (lambda: io.write_file("/nowhere/file", BYTES.int()), RuntimeError, "expected data (n,) of uint8"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_an_empty_file(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(RuntimeError, match="expected a non empty file"):
        io.read_file(tmp_path / "empty")
