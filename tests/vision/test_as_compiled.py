"""Operations and files beside those that are compiled into torchvision, where these can be loaded.

The wheels of torchvision fit one build of PyTorch each: beside PyTorch for the CPU, this is the one of its own index,
`pip install torchvision --index-url https://download.pytorch.org/whl/cpu`. Elsewhere all is skipped.
"""
from __future__ import annotations

import io as python_io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import io, ops
from tests.vision.reference import compiled

stream = np.random.default_rng(0)


# ---------------------------------------------------------------------- boxes and regions

def corners(count: int, size: float = 20.0) -> np.ndarray:
    return np.sort(stream.uniform(-3, size, (count, 2, 2)), axis=1).reshape(count, 4).astype(np.float32)


BOXES = {"some": corners(6), "one": np.float32([[1, 2, 5, 7]]), "none": np.zeros((0, 4), np.float32),
         "no area": np.float32([[3, 3, 3, 3], [2, 2, 2, 6]]), "turned": np.float32([[5, 7, 1, 2]]),
         "outside": np.float32([[50, 50, 60, 60], [-60, -60, -50, -50]]), "huge": np.float32([[-200, -200, 200, 200]])}
IMAGES = stream.standard_normal((2, 8, 9, 11)).astype(np.float32)


@pytest.mark.parametrize("kind", BOXES)
def test_regions(kind: str) -> None:
    theirs, torch = compiled("ops"), pytest.importorskip("torch")
    boxes = BOXES[kind]
    rois = np.concatenate([np.arange(len(boxes), dtype=np.float32)[:, None] % 2, boxes], 1)
    calls = [("roi_align", (size, scale, ratio, aligned)) for size in (1, (2, 3)) for scale in (1.0, 0.5)
             for ratio in (-1, 2) for aligned in (False, True)]
    calls += [(name, (size, scale)) for name in ("roi_pool", "ps_roi_pool") for size in (1, (2, 4))
              for scale in (1.0, 0.5)]
    calls += [("ps_roi_align", (size, scale, 2)) for size in (1, (2, 4)) for scale in (1.0, 0.5)]
    for name, settings in calls:
        x, y = minidl.tensor(IMAGES, requires_grad=True), torch.tensor(IMAGES, requires_grad=True)
        ours = getattr(ops, name)(x, minidl.tensor(rois), *settings)
        expected = getattr(theirs, name)(y, torch.tensor(rois), *settings)
        np.testing.assert_allclose(ours.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-5)
        if len(boxes) and name != "ps_roi_pool":        # its gradient at the edges is torchvision's error
            ours.square().sum().backward()
            expected.square().sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"])
def test_no_boxes_in_images_without_pixels(name: str) -> None:
    x, settings = minidl.zeros(1, 8, 0, 5), (2, 1.0, 2)[:3 if "align" in name else 2]
    assert getattr(ops, name)(x, minidl.zeros(0, 5), *settings).shape == (0, 2 if name[0] == "p" else 8, 2, 2)


@pytest.mark.parametrize("kind", BOXES)
def test_suppression(kind: str) -> None:
    theirs, torch = compiled("ops"), pytest.importorskip("torch")
    boxes = np.concatenate([BOXES[kind]] * 2)
    count = len(boxes)
    for scores in (np.arange(count), np.zeros(count), np.full(count, np.nan), stream.random(count)):
        values = scores.astype(np.float32)
        for threshold in (0.0, 0.5, 1.0):
            assert ops.nms(minidl.tensor(boxes), minidl.tensor(values), threshold).tolist() == \
                theirs.nms(torch.tensor(boxes), torch.tensor(values), threshold).tolist()


@pytest.mark.parametrize("geometry", [((1, 1), (1, 1), (1, 1), 1, 1), ((2, 1), (0, 2), (1, 2), 2, 2)])
def test_deformable_convolution(geometry: Any) -> None:
    theirs, torch = compiled("ops"), pytest.importorskip("torch")
    stride, padding, dilation, groups, offsets = geometry
    height, width = ((n + 2 * p - 2 * d - 1) // s + 1 for n, s, p, d in zip((9, 11), stride, padding, dilation))
    arrays = [IMAGES, stream.standard_normal((2, 18 * offsets, height, width)),
              stream.standard_normal((4, 8 // groups, 3, 3)), stream.standard_normal(4),
              stream.random((2, 9 * offsets, height, width))]
    given = [[library.tensor(a.astype(np.float32), requires_grad=True) for a in arrays] for library in (minidl, torch)]
    results = [module.deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask=mask)
               for module, (x, offset, weight, bias, mask) in zip((ops, theirs), given)]
    ours, expected = (result.detach().numpy() for result in results)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)
    for result in results:
        result.square().sum().backward()
    for a, b in zip(*given):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-3, atol=1e-3 * abs(b.grad.numpy()).max())


# ---------------------------------------------------------------------- files

NOISE = stream.integers(0, 256, (6, 8, 4), dtype=np.uint8)
RGB = Image.fromarray(NOISE[..., :3])
PICTURES = {"L": Image.fromarray(NOISE[..., 0]), "LA": Image.fromarray(NOISE[..., :2]), "RGB": RGB,
            "RGBA": Image.fromarray(NOISE), "P": RGB.quantize(16), "1": Image.fromarray(NOISE[..., 0]).convert("1"),
            "CMYK": RGB.convert("CMYK"), "pixel": RGB.crop((0, 0, 1, 1)), "row": RGB.crop((0, 0, 8, 1)),
            "odd": RGB.resize((37, 31), Image.Resampling.BICUBIC)}


def file_of(image: Image.Image, format: str, **settings: Any) -> np.ndarray:
    file = python_io.BytesIO()
    image.save(file, format=format, **settings)
    return np.frombuffer(file.getvalue(), np.uint8).copy()


FILES = {f"{kind} {format}": file_of(image, format) for format, kinds in {
    "PNG": ("L", "LA", "RGB", "RGBA", "P", "1", "pixel", "row", "odd"),
    "JPEG": ("L", "RGB", "1", "CMYK", "pixel", "row", "odd"),
    "WEBP": ("L", "RGB", "RGBA", "pixel", "row", "odd"), "GIF": ("L", "RGB", "P", "1", "pixel", "odd")}.items()
    for kind, image in PICTURES.items() if kind in kinds}
FILES |= {"fine JPEG": file_of(RGB, "JPEG", subsampling=0), "progressive JPEG": file_of(RGB, "JPEG", progressive=True),
          "clear GIF": file_of(PICTURES["P"], "GIF", transparency=2),
          "clear PNG": file_of(PICTURES["P"], "PNG", transparency=3),
          "animated GIF": file_of(PICTURES["P"], "GIF", save_all=True, append_images=[PICTURES["L"].convert("P")])}


def unknown(name: str, mode: str) -> bool:
    """What torchvision does not decode: memory that nobody set, an opacity of 1 of 255, other channels than asked for.

    See docs/differences_from_pytorch.md.
    """
    return (name in ("P PNG", "clear PNG") and mode in ("UNCHANGED", "GRAY_ALPHA", "RGB_ALPHA")
            or name == "1 PNG" and "ALPHA" in mode or "WEBP" in name and mode.startswith("GRAY")
            or "JPEG" in name and "ALPHA" in mode)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", ["UNCHANGED", "GRAY", "GRAY_ALPHA", "RGB", "RGB_ALPHA"])
def test_decoded(name: str, mode: str) -> None:
    theirs, torch = compiled("io"), pytest.importorskip("torch")
    if unknown(name, mode):
        pytest.skip("torchvision does not decode it")
    expected = theirs.decode_image(torch.tensor(FILES[name]), getattr(theirs.ImageReadMode, mode))
    ours = io.decode_image(minidl.tensor(FILES[name]), mode)
    np.testing.assert_array_equal(ours.numpy(), expected.numpy())


@pytest.mark.parametrize("turned", range(1, 9))
def test_as_the_camera_was_held(turned: int) -> None:
    theirs, torch = compiled("io"), pytest.importorskip("torch")
    exif = Image.Exif()
    exif[0x0112] = turned
    for format in ("PNG", "JPEG"):
        data = file_of(RGB, format, exif=exif)
        expected = theirs.decode_image(torch.tensor(data), apply_exif_orientation=True)
        np.testing.assert_array_equal(io.decode_image(minidl.tensor(data), apply_exif_orientation=True).numpy(),
                                      expected.numpy())


@pytest.mark.parametrize("quality", [1, 75, 100])
def test_encoded(quality: int) -> None:
    """The files of PNG may differ: another level of effort, the same pixels."""
    theirs, torch = compiled("io"), pytest.importorskip("torch")
    for pixels in (NOISE[..., :3].transpose(2, 0, 1), NOISE[None, ..., 0], NOISE[::2, ::2, :3].transpose(2, 0, 1)):
        ours = io.encode_jpeg(minidl.tensor(pixels), quality)
        expected = theirs.encode_jpeg(torch.tensor(pixels), quality)
        np.testing.assert_array_equal(io.decode_jpeg(ours).numpy(), theirs.decode_jpeg(expected).numpy())
        png = io.encode_png(minidl.tensor(pixels))
        np.testing.assert_array_equal(theirs.decode_png(torch.tensor(png.numpy())).numpy(), pixels)
