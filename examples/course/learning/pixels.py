"""Pixels are numbers, and distances between them are blind.

A portrait (made of a few ellipses), and three copies at the same L2 distance from it: with a box, shifted, and tinted.
People see a covered face, the same picture, and the same picture in other light. How strong each change must be is
found by bisection. Rules by hand look for edges and corners (Sobel; Harris, Stephens 1988), and find them in any
picture.

    python examples/course/learning/pixels.py
    python examples/course/learning/pixels.py --image photo.jpg --plot plots
"""
from pathlib import Path

import numpy as np

import minidl
from minidl.cli import lesson
from minidl.cli.classification import draw
from minidl.cli.images import photograph
from minidl.nn import functional as F
from minidl.train import plots

SIZE = 96
SOBEL = minidl.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def portrait():
    """A face (3, SIZE, SIZE), from 0 to 1."""
    line = minidl.linspace(-1, 1, SIZE)
    y, x = minidl.meshgrid(line, line, indexing="ij")
    picture = minidl.stack([0.55 + 0.15 * x, 0.65 - 0.1 * y, 0.8 - 0.15 * x])

    def paint(inside, colour):
        picture[:, inside] = minidl.tensor(colour)[:, None]

    def ellipse(cx, cy, rx, ry):
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
    paint(ellipse(0, 1.15, 0.85, 0.5), [0.25, 0.3, 0.55])           # shoulders
    paint(ellipse(0, -0.18, 0.56, 0.68), [0.3, 0.2, 0.12])          # hair
    paint(ellipse(0, 0.0, 0.44, 0.58), [0.93, 0.76, 0.65])
    for side in (-1, 1):
        paint(ellipse(0.18 * side, -0.1, 0.09, 0.055), [1.0, 1.0, 1.0])
        paint(ellipse(0.18 * side, -0.1, 0.04, 0.05), [0.15, 0.25, 0.3])
        paint(ellipse(0.18 * side, -0.24, 0.11, 0.025), [0.3, 0.2, 0.12])
    paint(ellipse(0, 0.1, 0.05, 0.1), [0.85, 0.65, 0.55])
    paint(ellipse(0, 0.33, 0.16, 0.05), [0.75, 0.3, 0.3])
    return (picture + 0.01 * minidl.randn(3, SIZE, SIZE)).clamp(0, 1)


def boxed(image, side):
    """A black square of so many pixels over the face; part of a pixel counts in part."""
    row, column = (minidl.arange(SIZE) + 0.5 - centre for centre in (0.45 * SIZE, 0.5 * SIZE))
    cover = [(side / 2 + 0.5 - at.abs()).clamp(0, 1) for at in (row, column)]
    share = cover[0][:, None] * cover[1]
    return image * (1 - share)


def shifted(image, pixels):
    """To the right; between whole pixels by linear interpolation."""
    whole = int(pixels)
    right, further = (minidl.cat([image[..., :1].expand(3, SIZE, n), image[..., :SIZE - n]], -1)
                      for n in (whole, whole + 1))
    return right + (pixels - whole) * (further - right)


def tinted(image, strength):
    return image + strength * minidl.tensor([1.0, 0.2, -0.8])[:, None, None]


def bisect(change, image, distance, most):
    """How strong a change must be for its L2 distance from the image."""
    low, high = 0.0, most
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if (change(image, middle) - image).norm().item() < distance else (low, middle)
    return (low + high) / 2


def corners(grey):
    """The size of the slope, and Harris' measure of corners: det M - 0.05 trace(M)^2, M averaged over 5x5 pixels."""
    padded = F.pad(grey[None, None], (1, 1, 1, 1), mode="replicate")
    x, y = F.conv2d(padded, minidl.stack([SOBEL, SOBEL.T])[:, None])[0]
    xx, yy, xy = F.avg_pool2d(minidl.stack([x * x, y * y, x * y])[None], 5, stride=1, padding=2)[0]
    return (x * x + y * y).sqrt(), xx * yy - xy * xy - 0.05 * (xx + yy) ** 2


def main():
    args = lesson.parse(__doc__, lambda parser: parser.add_argument("--image", type=Path, metavar="FILE",
                                                                    help="a photograph instead of the drawn face"))
    image = minidl.tensor(photograph(args.image, SIZE)).permute(2, 0, 1).float() / 255 if args.image else portrait()
    grey = image.mean(0)
    print(f"{SIZE}x{SIZE}x3 is an image of {image.numel():,} numbers, 800x600x3 one of {800 * 600 * 3:,}; grey values:")
    for row in (255 * grey[40:46, 30:46]).round().int().tolist():
        print("  ", *(f"{value:3}" for value in row))
    distance = (boxed(image, 24) - image).norm().item()
    copies = {"the original": image}
    print("\nchange      how much             L2 distance")
    for name, change, most, unit in (("boxed", boxed, 60.0, "pixels a side"), ("shifted", shifted, 20.0, "pixels"),
                                     ("tinted", tinted, 1.0, "of the range")):
        strength = bisect(change, image, distance, most)
        copies[name] = change(image, strength)
        print(f"{name:10} {strength:6.2f} {unit:13} {(copies[name] - image).norm().item():10.4f}")
    edges, harris = corners(grey)
    found = (harris == F.max_pool2d(harris[None, None], 7, 1, 3)[0, 0]) & (harris > 0.05 * harris.max())
    print(f"\nrules by hand: {(edges > 0.5).float().mean().item():.1%} of the pixels are on edges, "
          f"{int(found.sum())} corners")

    def row(path):
        plots.images(minidl.stack(list(copies.values())), path, list(copies),
                     f"three copies at the same distance from the original, {distance:.2f}", 4)

    def rules(path):
        figure, ((left, middle, right),) = lesson.grid(1, 3, 3.2, 3.2)
        values = (255 * grey[32:48, 30:46]).round().int().numpy()
        left.imshow(values, cmap="gray")
        for (y, x), value in np.ndenumerate(values):
            left.text(x, y, value, ha="center", va="center", fontsize=5, color="white" if value < 128 else "black")
        middle.imshow(edges.numpy(), cmap="gray_r")
        right.imshow(grey.numpy(), cmap="gray")
        right.plot(*found.nonzero().flip(1).T.numpy(), "o", color="C3", markersize=4)
        for place, title in ((left, "an image is numbers"), (middle, "edges"), (right, "corners")):
            place.set(title=title, xticks=[], yticks=[])
        plots.save(figure, path)
    if args.plot:
        draw(args.plot, {"distance": row, "rules": rules})


if __name__ == "__main__":
    main()
